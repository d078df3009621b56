"""Forms as other systems write them: each file becomes an image or is refused, none vanishes."""

import base64
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from services.gateway.multipart import PartBegin, PartData, read_form
from tests.support.raw_http import Answer, ask, part, send_form
from tests.support.scripted_jobs import JOB, ScriptedJobs

SUBMIT = "/v1/jobs:submit"
IMAGES = f"/v1/{JOB}/images"
FIELD = part(b'name="patient_id"', b"P1")
FILE = part(b'name="files"; filename="a.png"', b"one")
DICOM = b"Content-Type: application/dicom"


def uploaded(scripted: ScriptedJobs) -> list[tuple[str, bytes]]:
    """Return the names and bytes of all uploads."""
    return [
        (each.header.file_name, bytes(each.data))
        for each in scripted.uploads.values()
        if each.header is not None
    ]


@pytest.mark.parametrize(
    "file",
    [
        part(b'name="files"; filename=""', b"film"),
        part(b'name="files"; filename=', b"film", DICOM),
        part(b"name=\"images\"; filename*=UTF-8''", b"film"),
        part(b'name="files"', b"film", DICOM),
        part(b'name="images"', b"film", b"Content-Type: image/png"),
        part(b'name="x"', b"film", b"Content-Type: application/octet-stream"),
    ],
)
async def test_a_file_without_a_name_is_an_image(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, file: bytes
) -> None:
    for target in (SUBMIT, IMAGES):
        answer = await send_form(fragile, target, FILE, file)
        assert answer.status == 201, answer.body
        assert uploaded(scripted) == [("a.png", b"one"), ("file 2", b"film")]
        scripted.uploads.clear()


async def test_a_file_input_in_which_nothing_was_chosen_is_no_file(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    nothing = part(b'name="files"; filename=""', b"", b"Content-Type: application/octet-stream")
    answer = await send_form(fragile, SUBMIT, FIELD, nothing, FILE, nothing)
    assert answer.status == 201, answer.body
    assert uploaded(scripted) == [("a.png", b"one")]
    answer = await send_form(fragile, SUBMIT, FIELD, nothing)
    assert (answer.status, answer.json["reason"]) == (400, "NO_FILES")


async def test_an_empty_film_with_a_name_or_a_type_is_an_image(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    empty = part(b'name="files"; filename="b.dcm"', b""), part(b'name="files"', b"", DICOM)
    assert (await send_form(fragile, SUBMIT, *empty)).status == 201
    assert uploaded(scripted) == [("b.dcm", b""), ("file 2", b"")]


@pytest.mark.parametrize(
    ("parts", "reason", "name"),
    [
        ([part(b'name="images"', b"film"), FILE], "INVALID_FIELD", "images"),
        ([part(b'name="images"', b"film")], "INVALID_FIELD", "images"),
        ([part(b'name="images"', bytes(100_000)), FILE], "INVALID_FIELD", "images"),
        ([FILE, part(b'name="images"', b"film")], "FIELD_AFTER_FILE", "images"),
        ([FILE, FIELD], "FIELD_AFTER_FILE", "patient_id"),
        ([part(b'name="patient_id"', bytes(70_000)), FILE], "BODY_TOO_LARGE", "patient_id"),
        (
            [part(b'name="meta"', b"{}", b"Content-Type: application/json"), FILE],
            "INVALID_FIELD",
            "meta",
        ),
        ([FIELD, FIELD, FILE], "INVALID_FIELD", "patient_id"),
        (
            [part(b'name="patientId"', b"P2"), FIELD, FILE],
            "INVALID_FIELD",
            "patient_id",
        ),
        (
            [part(b'name="files"', b"--c--", b"Content-Type: multipart/mixed; boundary=c")],
            "UNSUPPORTED_BODY",
            "files",
        ),
    ],
)
async def test_what_is_no_field_and_no_file_is_refused_by_its_name(
    fragile: httpx.AsyncClient,
    scripted: ScriptedJobs,
    parts: list[bytes],
    reason: str,
    name: str,
) -> None:
    answer = await send_form(fragile, SUBMIT, *parts)
    assert 400 <= answer.status < 500
    assert answer.json["reason"] == reason
    assert answer.json["metadata"]["field"] == name
    assert name in answer.json["detail"]
    assert "CloseJob" not in scripted.calls


async def test_a_field_may_have_an_empty_file_name(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    answer = await send_form(fragile, SUBMIT, part(b'name="patient_id"; filename=""', b"P1"), FILE)
    assert answer.status == 201, answer.body
    assert scripted.job.spec.patient_id == "P1"
    assert uploaded(scripted) == [("a.png", b"one")]


FORM = FIELD + FILE + b"--b--\r\n"
ODD = {
    "a preamble": b"This is a multi-part message in MIME format.\r\n" + FORM,
    "a preamble with dashes": b"--\r\n--a\r\n- -b\r\n" + FORM,
    "MIME headers": b"MIME-Version: 1.0\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    + FORM,
    "empty lines": b"\r\n\r\n" + FORM,
    "blanks": FORM.replace(b"--b\r\n", b"--b \t\r\n"),
    "blanks behind the last boundary": FORM.replace(b"--b--", b"--b-- \t"),
    "no end of the last line": FORM.removesuffix(b"\r\n"),
    "an epilogue": FORM + b"and nothing else",
    "all of it": b"x\r\n" + FORM.replace(b"--b\r\n", b"--b  \r\n") + b"--a\r\nx",
}


@pytest.mark.parametrize("kind", ODD)
async def test_a_form_may_have_what_rfc_2046_allows_around_its_parts(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, kind: str
) -> None:
    content_type = b"Content-Type: Multipart/Form-Data; Boundary=b; charset=utf-8"
    answer = await ask(fragile, "POST", SUBMIT.encode(), content_type, body=ODD[kind])
    assert answer.status == 201, answer.body
    assert scripted.job.spec.patient_id == "P1"
    assert uploaded(scripted) == [("a.png", b"one")]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
async def test_odd_forms_read_the_same_in_pieces_of_any_size(size: int) -> None:
    for body in ODD.values():

        async def chunks(body: bytes = body) -> AsyncIterator[bytes]:
            for start in range(0, len(body), size):
                yield body[start : start + size]

        parts: list[tuple[str, bytes]] = []
        async for event in read_form("multipart/form-data; boundary=b", chunks()):
            if isinstance(event, PartBegin):
                parts.append((event.name, b""))
            elif isinstance(event, PartData):
                name, data = parts.pop()
                parts.append((name, data + event.data))
        assert parts == [("patient_id", b"P1"), ("files", b"one")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        bytes(20_000) + b"\r\n" + FORM,
        b"preamble--b\r\n" + FILE + FORM,
        b"preamble\n" + FILE + FORM,
        FORM.replace(b"--b\r\n", b"--b x\r\n"),
        FORM.removesuffix(b"--b--\r\n"),
    ],
)
async def test_a_form_in_which_a_file_might_be_overlooked_is_refused(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, body: bytes
) -> None:
    content_type = b"Content-Type: multipart/form-data; boundary=b"
    answer = await ask(fragile, "POST", SUBMIT.encode(), content_type, body=body)
    assert (answer.status, answer.json["reason"]) == (400, "INVALID_BODY")
    assert "CloseJob" not in scripted.calls


def refused_as_coded(answer: Answer, coding: str) -> None:
    assert answer.status == 415, answer.body
    assert answer.json["reason"] == "UNSUPPORTED_CODING"
    assert coding in answer.json["detail"]
    # RFC 9110 section 12.5.3: it is the coding that is not supported.
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "br", "zstd", "identity, GZIP"])
async def test_a_coded_body_is_never_taken_for_what_it_codes(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, coding: str
) -> None:
    header = b"Content-Encoding: " + coding.encode()
    form = b"Content-Type: multipart/form-data; boundary=b"
    for target, body, headers in (
        (IMAGES, gzip.compress(b"film"), [header]),
        (IMAGES, zlib.compress(bytes(1_000_000)), [header, b"Upload-Offset: 4", b"Upload-Key: k"]),
        (IMAGES, gzip.compress(FORM), [header, form]),
        (SUBMIT, gzip.compress(FORM), [header, form]),
        ("/v1/jobs", gzip.compress(b"{}"), [header, b"Content-Type: application/json"]),
    ):
        refused_as_coded(await ask(fragile, "POST", target.encode(), *headers, body=body), coding)
    assert scripted.calls == []


async def test_codings_of_two_headers_count_together(fragile: httpx.AsyncClient) -> None:
    headers = b"Content-Encoding: identity", b"Content-Encoding: gzip"
    refused_as_coded(await ask(fragile, "POST", IMAGES.encode(), *headers, body=b"x"), "gzip")


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Transfer-Encoding: base64",
        b"content-transfer-encoding: Quoted-Printable",
        b"Content-Transfer-Encoding: x-uuencode",
        b"Content-Encoding: gzip",
    ],
)
async def test_a_coded_part_is_never_taken_for_a_film_or_a_text(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, header: bytes
) -> None:
    coded = base64.b64encode(b"film")
    for each in (
        part(b'name="files"; filename="a.dcm"', coded, header),
        part(b'name="patient_id"', coded, header),
    ):
        answer = await send_form(fragile, SUBMIT, each, FILE)
        refused_as_coded(answer, header.partition(b": ")[2].decode())
        assert answer.json["metadata"]["field"] in {"files", "patient_id"}
    assert scripted.calls == []


async def test_codings_that_change_no_byte_are_accepted(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    names = (b"7bit", b"8BIT", b"binary", b"")
    parts = [
        part(b'name="f"; filename="a"', b"x", b"Content-Transfer-Encoding: " + each)
        for each in names
    ]
    assert (await send_form(fragile, SUBMIT, *parts)).status == 201
    assert len(scripted.uploads) == len(names)
    header = b"Content-Encoding: identity"
    assert (await ask(fragile, "POST", IMAGES.encode(), header, body=b"x")).status == 201


RELATED = 'multipart/related; type="application/dicom"; boundary=b'


@pytest.mark.parametrize(
    ("target", "content_type", "reason", "words"),
    [
        (IMAGES, RELATED, "UNSUPPORTED_BODY", "STOW-RS"),
        (IMAGES, "Multipart/Related;boundary=b", "UNSUPPORTED_BODY", "not supported yet"),
        (SUBMIT, RELATED, "UNSUPPORTED_BODY", "STOW-RS"),
        (IMAGES, "multipart/mixed; boundary=b", "UNSUPPORTED_BODY", "multipart/form-data"),
        (IMAGES, "multipart/byteranges; boundary=b", "UNSUPPORTED_BODY", "one image"),
        (SUBMIT, "application/dicom", "UNSUPPORTED_BODY", "multipart/form-data"),
        (SUBMIT, "multipart/form-data", "INVALID_BODY", "boundary"),
        (IMAGES, "multipart/form-data; boundary=", "INVALID_BODY", "boundary"),
    ],
)
async def test_other_kinds_of_multipart_are_not_taken_for_one_image(
    fragile: httpx.AsyncClient, target: str, content_type: str, reason: str, words: str
) -> None:
    header = f"Content-Type: {content_type}".encode()
    answer = await ask(fragile, "POST", target.encode(), header, body=FORM)
    assert answer.status == (415 if reason == "UNSUPPORTED_BODY" else 400)
    assert answer.json["reason"] == reason
    assert words in answer.json["detail"]


async def test_a_single_dicom_file_is_one_image(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    assert (await ask(fragile, "POST", IMAGES.encode(), DICOM, body=b"film")).status == 201
    assert [data for _, data in uploaded(scripted)] == [b"film"]
