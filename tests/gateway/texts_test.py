"""Texts in other charsets are decoded as declared or refused by name: two patients stay two."""

from typing import Any

import httpx
import pytest

from tests.support.raw_http import ask, open_line, part, send_form
from tests.support.scripted_jobs import JOB, ScriptedJobs

SUBMIT = "/v1/jobs:submit"
NAMES = ("Müller-7", "Möller-7")
FILE = part(b'name="files"; filename="a.png"', b"one")
LATIN = b"Content-Type: text/plain; charset=ISO-8859-1"


def field(name: str, value: bytes, *headers: bytes) -> bytes:
    return part(f'name="{name}"'.encode(), value, *headers)


async def test_two_patients_in_a_declared_charset_stay_two(gateway: httpx.AsyncClient) -> None:
    for name in NAMES:
        raw, charset = name.encode("latin-1"), field("_charset_", b"iso-8859-1")
        quoted = b'Content-Type: text/plain; CHARSET="latin1"'
        for parts in (
            [field("patient_id", raw, LATIN)],
            [field("patient_id", raw, quoted)],
            [charset, field("patient_id", raw)],
            [field("patient_id", raw), charset],
        ):
            answer = await send_form(gateway, SUBMIT, *parts, FILE)
            assert answer.status == 201, answer.body
            assert answer.json["job"]["spec"]["patientId"] == name
    for name in NAMES:
        listed = await gateway.get("/v1/jobs", params={"patientId": name})
        assert len(listed.json()["jobs"]) == 4


async def test_many_charsets_are_read(fragile: httpx.AsyncClient, scripted: ScriptedJobs) -> None:
    for charset, name in (
        ("windows-1252", "Žižka-€"),
        ("Shift_JIS", "山田太郎"),
        ("GB18030", "王小明"),
        ("KOI8-R", "Иванов"),
        ("iso-8859-15", "Œuvre"),
        ("UTF-16", "Müller"),
        ("UTF8", "Müller"),
    ):
        declared = f"Content-Type: text/plain; charset={charset}".encode()
        notes = field("notes", name.encode(charset), declared)
        assert (await send_form(fragile, SUBMIT, notes, FILE)).status == 201
        assert scripted.job.spec.notes == name


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ([field("patient_id", b"M\xfcller-7")], "patient_id"),
        ([field("notes", b"M\xfcller", b"Content-Type: text/plain; charset=utf-8")], "notes"),
        ([field("notes", b"\x80", b"Content-Type: text/plain; charset=us-ascii")], "notes"),
        ([field("notes", b"x", b"Content-Type: text/plain; charset=klingon")], "notes"),
        ([field("notes", b"eA==", b"Content-Type: text/plain; charset=base64")], "notes"),
        ([field("notes", b"x", b"Content-Type: text/plain; charset=unicode_escape")], "notes"),
        ([field("_charset_", b"klingon"), field("notes", b"x")], "_charset_"),
        ([field("_charset_", b"\xff")], "_charset_"),
        ([field("_charset_", b"x" * 101)], "_charset_"),
        ([part(b'name="M\xfcller"', b"x")], "name of a part"),
        ([part(b'name="scans"; filename="M\xfcller.dcm"', b"film")], "scans"),
        ([part(b"name=scans; filename*=UTF-8''M%FCller.dcm", b"film")], "scans"),
        ([part(b"name=scans; filename*=klingon''M.dcm", b"film")], "scans"),
        ([part(b"name=scans; filename*0*=UTF-8''a; filename*=UTF-8''b", b"film")], ""),
        ([part(b"name=scans; filename*" + b"9" * 5000 + b"=a", b"film")], ""),
        ([part(b'name=scans; filename="' + b";" * 1000 + b'"', b"film")], ""),
    ],
)
async def test_a_text_that_is_not_as_declared_is_refused_by_its_name(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, parts: list[bytes], name: str
) -> None:
    answer = await send_form(fragile, SUBMIT, *parts, FILE)
    assert 400 <= answer.status < 500
    assert answer.json["metadata"].get("field", "") == name
    assert name in answer.json["detail"]
    assert scripted.calls == []


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="röntgen.dcm"'.encode(), "röntgen.dcm"),
        (b"filename*=UTF-8''r%C3%B6ntgen.dcm", "röntgen.dcm"),
        (b"filename*=iso-8859-1'de'r%F6ntgen.dcm", "röntgen.dcm"),
        (b"filename=\"r_ntgen.dcm\"; filename*=iso-8859-1''r%F6ntgen.dcm", "röntgen.dcm"),
        (b"filename*0*=iso-8859-1''r%F6nt; filename*1=gen.dcm", "röntgen.dcm"),
        (b'filename="C:\\films\\a.dcm"', "C:\\films\\a.dcm"),
    ],
)
async def test_file_names_are_read_as_declared(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, disposition: bytes, name: str
) -> None:
    assert (await send_form(fragile, SUBMIT, part(b"name=f; " + disposition, b"x"))).status == 201
    answer = await ask(
        fragile,
        "POST",
        f"/v1/{JOB}/images".encode(),
        b"Content-Disposition: attachment; " + disposition,
        body=b"film",
    )
    assert answer.status == 201
    headers = [each for each in scripted.requests if hasattr(each, "file_name")]
    assert [each.file_name for each in headers] == [name, name]


async def test_a_charset_of_the_whole_form_counts_for_file_names_and_fields(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    notes = field("notes", "Müller".encode("latin-1"))
    file = part(b'name="files"; filename="' + "röntgen.dcm".encode("latin-1") + b'"', b"film")
    declared = b"; charset=ISO-8859-1"
    for parts, parameters in (
        ([field("_charset_", b"iso-8859-1"), notes, file], b""),
        ([notes, file], declared),
        ([field("_charset_", b""), notes, file], declared),
        ([field("_charset_", b"iso-8859-1"), notes, file], b"; charset=KOI8-R"),
    ):
        answer = await send_form(fragile, SUBMIT, *parts, parameters=parameters)
        assert answer.status == 201, answer.body
        assert scripted.job.spec.notes == "Müller"
        assert scripted.requests[-2].file_name == "röntgen.dcm"
        scripted.uploads.clear()
    answer = await send_form(fragile, SUBMIT, FILE, parameters=b"; charset=klingon")
    assert answer.status == 400
    assert answer.json["metadata"] == {"field": "Content-Type"}


@pytest.mark.parametrize("name", ["patientId", "fileName"])
async def test_a_query_that_is_not_utf_8_is_refused_by_the_name_of_its_parameter(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, name: str
) -> None:
    path = f"/v1/{JOB}/images?{name}=M%FCller".encode()
    answer = await ask(fragile, "POST", path, body=b"film")
    assert answer.status == 400
    assert answer.json["metadata"] == {"field": name}
    assert scripted.calls == []


async def test_queries_that_are_not_utf_8_or_unclear_are_refused_everywhere(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    for method, target, field_name in (
        ("GET", "/v1/jobs?patientId=M%FCller", "patientId"),
        ("GET", "/v1/jobs?patientId=P1&patientId=P2", "patientId"),
        ("GET", "/v1/jobs?M%FCller=1", "name of a query parameter"),
        ("GET", f"/v1/{JOB}/images?pageToken=%ff", "pageToken"),
        ("GET", f"/v1/{JOB}/events?afterRevision=%ff", "afterRevision"),
        ("POST", f"/v1/{JOB}/images?patientId=P1&patient_id=P2", "patient_id"),
        ("POST", f"/v1/{JOB}/images?patientid=P1", "patientid"),
        ("GET", f"/v1/{JOB}/uploads/M%FCller", "path"),
        ("GET", "/v1/jobs/%ff", "path"),
        ("DELETE", "/v1/jobs/%c3%28", "path"),
    ):
        answer = await ask(fragile, method, target.encode())
        assert answer.status == 400, target
        assert answer.json["metadata"] == {"field": field_name}
    assert scripted.calls == []


async def test_a_single_upload_belongs_to_its_patient_however_the_name_is_spelled(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    for name in ("patientId", "patient_id"):
        path = f"/v1/{JOB}/images?{name}=M%C3%BCller".encode()
        assert (await ask(fragile, "POST", path, body=b"film")).status == 201
    assert [each.patient_id for each in scripted.requests] == ["Müller", "Müller"]


async def test_the_key_of_an_upload_is_utf_8_in_the_header_as_in_the_path(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    path = f"/v1/{JOB}/images".encode()
    for key in ("röntgen", "山田"):
        raw = key.encode()
        sent = await ask(fragile, "POST", path, b"Upload-Key: " + raw, body=b"film")
        assert sent.status == 201
        assert sent.headers["upload-key"].encode("latin-1") == raw
        assert scripted.requests[-1].image_key == key
        assert (await fragile.get(f"/v1/{JOB}/uploads/{key}")).json()["committedSize"] == "4"
    calls = len(scripted.calls)
    answer = await ask(fragile, "POST", path, b"Upload-Key: r\xf6ntgen", body=b"film")
    assert answer.status == 400
    assert answer.json["metadata"] == {"field": "Upload-Key"}
    named = b'Content-Disposition: attachment; filename="r\xf6ntgen"'
    answer = await ask(fragile, "POST", path, named, body=b"film")
    assert answer.status == 400
    assert answer.json["metadata"] == {"field": "Content-Disposition"}
    assert len(scripted.calls) == calls


JSON = '{"spec": {"patientId": "Müller-7"}}'


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (b"application/json", JSON.encode(), 201),
        (b"application/json; charset=UTF-8", JSON.encode(), 201),
        (b"application/json; charset=iso-8859-1", JSON.encode("latin-1"), 201),
        (b"application/json", JSON.encode("utf-16"), 201),
        (b"application/json", JSON.encode("latin-1"), 400),
        (b"application/json; charset=utf-8", JSON.encode("latin-1"), 400),
        (b"application/json; charset=klingon", JSON.encode(), 400),
        (b"application/json", b'{"spec": {"patientId": "\\ud800"}}', 400),
        (b"application/json", b'{"spec": {"patientId": "\xed\xa0\x80"}}', 400),
    ],
)
async def test_json_is_read_in_its_charset_or_refused(
    fragile: httpx.AsyncClient,
    scripted: ScriptedJobs,
    content_type: bytes,
    body: bytes,
    status: int,
) -> None:
    answer = await ask(fragile, "POST", b"/v1/jobs", b"Content-Type: " + content_type, body=body)
    assert answer.status == status, answer.body
    patient: Any = scripted.job.spec.patient_id
    assert patient == ("Müller-7" if status == 201 else "")


async def test_bytes_in_other_headers_do_no_harm(fragile: httpx.AsyncClient) -> None:
    line = await open_line(fragile)
    for name in (b"traceparent", b"tracestate", b"baggage", b"If-Match", b"User-Agent"):
        line.send("GET", f"/v1/{JOB}".encode(), name + b": a=M\xfcller")
        assert (await line.answer()).status == 200
    line.writer.close()
