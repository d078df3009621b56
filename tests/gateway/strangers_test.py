"""What other clients send by habit is read as they mean it, or refused by name; nothing is lost."""

import re

import httpx
import pytest

from tests.support.raw_http import ask, part, send_form
from tests.support.scripted_jobs import JOB, ScriptedJobs

SUBMIT = "/v1/jobs:submit"
FILE = part(b'name="file"; filename="a.png"', b"film")
END = b"--b--\r\n"


def field(name: bytes, value: bytes, *headers: bytes) -> bytes:
    return part(b'name="' + name + b'"', value, *headers)


@pytest.mark.parametrize(
    "sent",
    [
        # requests and httpx with `files=`, fetch with a Blob, curl with `@`.
        part(b'name="patient_id"; filename="patient_id"', b"P-1"),
        part(b'name="patient_id"; filename="upload"', b"P-1", b"Content-Type: application/x"),
        part(b'name="patientId"; filename="blob"', b"P-1", b"Content-Type: text/plain"),
        part(b"name=\"patient_id\"; filename*=UTF-8''id.txt", b"P-1", b"Content-Type: text/plain"),
    ],
)
async def test_a_field_sent_as_a_file_is_refused_by_its_name(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, sent: bytes
) -> None:
    answer = await send_form(fragile, SUBMIT, sent, FILE)
    assert answer.status == 400
    assert answer.json["metadata"]["field"].startswith("patient")
    assert "without a file name" in answer.json["detail"]
    assert scripted.calls == []


async def test_a_media_type_of_a_field_may_repeat_its_name(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    named = field(b"patient_id", b"P-1", b"Content-Type: text/plain; name=patient_id")
    assert (await send_form(fragile, SUBMIT, named, FILE)).status == 201
    assert scripted.job.spec.patient_id == "P-1"


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("iso-8859-1", b"\x8arka \x80", "Šrka €"),
        ("iso-8859-1", b"M\xfcller", "Müller"),
        ("Shift_JIS", b"\xfb\xfc\x8b\xb4", "髙橋"),
        ("windows-31j", b"\xfb\xfc\x8b\xb4", "髙橋"),
        ("gb2312", "朱镕基".encode("gb18030"), "朱镕基"),
        ("euc-kr", "똠방".encode("cp949"), "똠방"),
        ("windows-874", "ก".encode("cp874"), "ก"),
        ("utf-8", b"\xef\xbb\xbfP-1", "P-1"),
        ("", b"\xef\xbb\xbfP-1", "P-1"),
    ],
)
async def test_charsets_are_what_windows_and_browsers_mean_by_them(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, charset: str, raw: bytes, text: str
) -> None:
    declared = [f"Content-Type: text/plain; charset={charset}".encode()] if charset else []
    assert (await send_form(fragile, SUBMIT, field(b"notes", raw, *declared), FILE)).status == 201
    assert scripted.job.spec.notes == text


async def test_a_charset_that_ascii_is_no_part_of_counts_for_texts_but_not_for_headers(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    charset, notes = field(b"_charset_", b"utf-16"), field(b"notes", "Müller".encode("utf-16"))
    assert (await send_form(fragile, SUBMIT, charset, notes, FILE)).status == 201
    assert scripted.job.spec.notes == "Müller"
    assert scripted.requests[-2].file_name == "a.png"


async def test_a_charset_behind_a_file_that_changes_a_text_is_refused(
    fragile: httpx.AsyncClient,
) -> None:
    charset = field(b"_charset_", b"windows-1252")
    plain = await send_form(fragile, SUBMIT, field(b"notes", b"M"), FILE, charset)
    assert plain.status == 201
    changed = await send_form(fragile, SUBMIT, field(b"notes", "ü".encode()), FILE, charset)
    assert changed.status == 400
    assert changed.json["reason"] == "FIELD_AFTER_FILE"
    twice = await send_form(fragile, SUBMIT, charset, field(b"_charset_", b"utf-8"), FILE)
    assert twice.json["metadata"] == {"field": "_charset_"}


async def test_a_film_named_like_the_charset_is_a_film(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    film = part(b'name="_charset_"; filename="b.png"', b"utf-8")
    assert (await send_form(fragile, SUBMIT, film)).status == 201
    assert scripted.requests[-2].file_name == "b.png"


LF_FORM = b'--b\nContent-Disposition: form-data; name="f"; filename="a"\n\nfilm\n--b--\n'


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (FILE + END + FILE + END, "a part behind its last boundary"),
        (FILE + END + b"x" * 70_000 + b"\r\n" + FILE + END, "a part behind its last boundary"),
        (field(b"notes", b"x") + END + FILE + END, "a part behind its last boundary"),
        (END + FILE + END, "a part behind its last boundary"),
        (LF_FORM, "lines end in LF"),
        (LF_FORM.replace(b"film", b"film" * 9000), "lines end in LF"),
        (b"hello\n" + FILE + END, "lines end in LF"),
        (b"\r\n--bb\r\n\r\n" + FILE + END, "boundary before the first part"),
        (FILE.replace(b"; filename", b";\r\n filename") + END, "folded over two lines"),
        (part(b"name=f; filename=a", b"x", *[b"X: y"] * 50) + END, "too many headers"),
        (part(b"name=f; filename=a", b"x", b"X: " + b"y" * 20_000) + END, "too long"),
        (part(b"name=f; filename=a", b"x", b"no colon") + END, "header of a part"),
    ],
)
async def test_what_is_not_a_form_is_refused_with_a_sentence_that_is_true(
    fragile: httpx.AsyncClient, body: bytes, sentence: str
) -> None:
    content_type = b"Content-Type: multipart/form-data; boundary=b"
    answer = await ask(fragile, "POST", SUBMIT.encode(), content_type, body=body)
    assert answer.status == 400
    assert answer.json["reason"] == "INVALID_BODY"
    assert sentence in answer.json["detail"]


@pytest.mark.parametrize("behind", [b"", b"bye", END, b"\r\n" + END + b"x", b"--", b"\r\n--c\r\n"])
async def test_an_end_that_is_written_twice_and_other_bytes_behind_it_do_no_harm(
    fragile: httpx.AsyncClient, behind: bytes
) -> None:
    content_type = b"Content-Type: multipart/form-data; boundary=b"
    answer = await ask(fragile, "POST", SUBMIT.encode(), content_type, body=FILE + END + behind)
    assert answer.status == 201, answer.body


async def test_a_boundary_that_is_too_long_is_told(fragile: httpx.AsyncClient) -> None:
    content_type = b"Content-Type: multipart/form-data; boundary=" + b"b" * 300
    answer = await ask(fragile, "POST", SUBMIT.encode(), content_type, body=FILE + END)
    assert "longer than 256 bytes" in answer.json["detail"]


async def test_a_transfer_encoding_of_the_whole_body_is_refused(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    path = f"/v1/{JOB}/images".encode()
    coded = await ask(fragile, "POST", path, b"Content-Transfer-Encoding: base64", body=b"Zg==")
    assert coded.status == 415
    assert coded.json["metadata"] == {"coding": "base64"}
    assert scripted.calls == []
    plain = await ask(fragile, "POST", path, b"Content-Transfer-Encoding: binary", body=b"film")
    assert plain.status == 201


@pytest.mark.parametrize("second", ["patientId", "patient_id"])
async def test_a_json_body_names_one_patient(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, second: str
) -> None:
    body = f'{{"spec": {{"patientId": "P-1", "{second}": "P-2"}}}}'.encode()
    answer = await ask(fragile, "POST", b"/v1/jobs", b"Content-Type: application/json", body=body)
    assert answer.status == 400
    assert answer.json["metadata"] == {"field": second}
    assert scripted.calls == []


async def test_a_range_of_a_file_does_not_become_an_image(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    headers = {"Content-Range": "bytes 0-3/8"}
    refused = await fragile.post(f"/v1/{JOB}/images", content=b"half", headers=headers)
    assert refused.status_code == 400
    assert refused.json()["metadata"]["field"] == "Content-Range"
    assert scripted.calls == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"color": 1}, "color"),
        ({"spec": {"color": 1}}, "spec.color"),
        ({"spec": 1}, "spec"),
        ({"spec": {"patient_id": 5}}, "spec.patient_id"),
        ({"spec": {"priority": "NOPE"}}, "spec.priority"),
        ({"spec": {"startTime": "yesterday"}}, "spec.startTime"),
        ({"spec": {"clahe": "perhaps"}}, "spec"),
    ],
)
async def test_a_field_of_json_that_cannot_be_read_is_named_without_classes(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, body: object, field: str
) -> None:
    refused = await fragile.post("/v1/jobs", json=body)
    assert refused.status_code == 400
    assert refused.json()["metadata"]["field"] == field
    assert not re.search(r"carina\.|'\w+'|parse|object", refused.json()["detail"])
    assert scripted.calls == []
