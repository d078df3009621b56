"""The gateway where callers or the jobs service misbehave."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import tracing
from deploy.local.issuer import DevelopmentIssuer, Role
from services.gateway.multipart import PartBegin, PartData, PartEnd, read_form
from services.gateway.problems import STATUS_OF
from tests.support.gateways import serving
from tests.support.scripted_jobs import JOB, Cut, ScriptedJobs, at, change, serve, snapshot

MIB = 1024 * 1024
A_FILE = b"--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\nx\r\n"


def test_every_grpc_code_has_its_http_status() -> None:
    assert set(STATUS_OF) == set(grpc.StatusCode)


async def test_without_a_good_token_nothing_is_answered(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    for header, reason in (("", "TOKEN_MISSING"), ("Bearer x.y.z", "TOKEN_INVALID")):
        answer = await fragile.get(f"/v1/{JOB}", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["reason"] == reason
    assert scripted.calls == []


async def test_the_token_is_passed_on(fragile: httpx.AsyncClient, scripted: ScriptedJobs) -> None:
    await fragile.get(f"/v1/{JOB}")
    assert scripted.tokens == [fragile.headers["authorization"]]


async def test_a_jobs_service_that_is_away_means_503_and_when_to_come_back(
    tmp_path: Path,
) -> None:
    async with serving("127.0.0.1:1", DevelopmentIssuer(tmp_path / "issuer")) as gateway:
        assert (await gateway.get("/livez")).status_code == 200
        answer = await gateway.get(f"/v1/{JOB}")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "127.0.0.1" not in answer.text
        assert (await gateway.get("/readyz")).status_code == 503


async def test_a_fault_of_the_jobs_service_tells_nothing_of_its_inside(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    scripted.fail_next.append(grpc.StatusCode.INTERNAL)
    answer = await fragile.get(f"/v1/{JOB}")
    assert answer.status_code == 500
    assert "on cue" not in answer.text


async def test_events_survive_cuts_without_gap_or_repeat(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    scripted.job.CopyFrom(at(1))
    scripted.watches.extend(
        [[snapshot(1), change(2), Cut()], [Cut()], [change(3), change(4, state="SUCCEEDED")]]
    )
    answer = await fragile.get(f"/v1/{JOB}/events")
    ids = [line for line in answer.text.splitlines() if line.startswith("id: ")]
    assert ids == ["id: 1", "id: 2", "id: 3", "id: 4"]


async def test_a_quiet_event_stream_shows_that_it_is_alive_and_ends_with_a_problem(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    scripted.job.CopyFrom(at(1))
    scripted.watches.extend([[snapshot(1), Cut()], [Cut()]])
    answer = await fragile.get(f"/v1/{JOB}/events")
    assert answer.text.count(": heartbeat") >= 3
    assert "event: problem\n" in answer.text
    assert '"status": 503' in answer.text


async def test_an_open_event_stream_does_not_hold_up_the_end_of_the_process(
    scripted: ScriptedJobs, fragile: httpx.AsyncClient
) -> None:
    # The fixture stops the gateway while this stream is open, and would run into its grace.
    scripted.job.CopyFrom(at(1))
    scripted.watches.extend([[snapshot(1), Cut()], [Cut()]])
    request = fragile.build_request("GET", f"/v1/{JOB}/events")
    response = await fragile.send(request, stream=True)
    assert (await anext(response.aiter_lines())) == "retry: 2000"


async def test_a_request_that_outlives_the_grace_is_told_to_come_again(
    scripted: ScriptedJobs, tmp_path: Path
) -> None:
    scripted.hold.clear()
    issuer = DevelopmentIssuer(tmp_path / "issuer")
    headers = {"Authorization": f"Bearer {issuer.mint([Role.DOCTOR])}"}
    async with serve(scripted) as address, httpx.AsyncClient(headers=headers) as caller:
        async with serving(address, issuer) as gateway:
            url = gateway.base_url.join(f"/v1/{JOB}/images")
            asked = asyncio.create_task(caller.post(url, content=b"a film", timeout=30))
            while "UploadImage" not in scripted.calls:
                await asyncio.sleep(0.01)
        answer = await asked
        assert answer.status_code == 503
        assert answer.json()["reason"] == "SERVER_STOPPING"
        assert answer.headers["Retry-After"]
        scripted.hold.set()


async def test_a_body_that_stalls_is_given_up(fragile: httpx.AsyncClient) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"a film"
        await asyncio.sleep(1.2)
        yield b"that comes too late"

    answer = await fragile.post(f"/v1/{JOB}/images", content=slow())
    assert answer.status_code == 408
    assert answer.json()["reason"] == "BODY_STALLED"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\nxyz", "INVALID_BODY"),
        (b"no form at all", "INVALID_BODY"),
        (b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "INVALID_BODY"),
        (b"--b--\r\n", "NO_FILES"),
        (
            A_FILE + b"--b\r\nContent-Disposition: form-data; name=notes\r\n\r\nx\r\n--b--",
            "FIELD_AFTER_FILE",
        ),
        (
            b"--b\r\nContent-Disposition: form-data; name=shoes\r\n\r\n43\r\n" + A_FILE + b"--b--",
            "INVALID_FIELD",
        ),
        (
            b"--b\r\nContent-Disposition: form-data; name=notes\r\n\r\n"
            + bytes(70_000)
            + b"\r\n--b--\r\n",
            "BODY_TOO_LARGE",
        ),
    ],
)
async def test_a_form_that_cannot_be_taken_is_refused_with_its_reason(
    fragile: httpx.AsyncClient, body: bytes, reason: str
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await fragile.post("/v1/jobs:submit", content=body, headers=headers)
    assert answer.json()["reason"] == reason
    assert 400 <= answer.status_code < 500


async def test_other_bodies_are_refused_by_their_type(fragile: httpx.AsyncClient) -> None:
    for path, body in (("/v1/jobs:submit", b"{}"), ("/v1/jobs", b"<xml/>")):
        answer = await fragile.post(path, content=body, headers={"Content-Type": "text/xml"})
        assert answer.status_code == 415
    answer = await fragile.post("/v1/jobs", json={"spec": {"shoeSize": 43}})
    assert answer.status_code == 400
    assert answer.json()["reason"] == "INVALID_FIELD"


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"{", b"[" * 100_000, b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused_in_plain_words(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await fragile.post("/v1/jobs", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["reason"] == "INVALID_BODY"
    assert answer.json()["detail"].startswith("The request body cannot be read: it is not ")
    assert scripted.calls == []


async def test_unknown_paths_and_methods_are_problems_too(fragile: httpx.AsyncClient) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("PUT", "/v1/jobs", 405)):
        answer = await fragile.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_refused_method_is_answered_with_all_that_the_path_takes(
    fragile: httpx.AsyncClient,
) -> None:
    for path, methods in (
        ("/v1/jobs", "GET, HEAD, POST"),
        (f"/v1/{JOB}", "DELETE, GET, HEAD"),
        (f"/v1/{JOB}:close", "DELETE, GET, HEAD, POST"),
        ("/openapi.json", "GET, HEAD"),
    ):
        answer = await fragile.put(path)
        assert answer.status_code == 405
        assert answer.headers.get_list("allow") == [methods]


async def test_the_refusal_of_an_upload_is_answered_at_the_first_byte_too_many(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    scripted.refuse_files["a.png"] = (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "IMAGE_BYTES_EXCEEDED",
        "An image may have at most 10 bytes.",
    )
    url = fragile.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"POST /v1/{JOB}/images?fileName=a.png HTTP/1.1\r\nHost: x\r\nContent-Length: {2**40}\r\n"
        f"Authorization: {fragile.headers['authorization']}\r\n\r\n"
    )
    writer.write(head.encode())
    sent = 0

    async def send() -> None:
        nonlocal sent
        while True:
            writer.write(bytes(MIB))
            await writer.drain()
            sent += MIB

    sending = asyncio.create_task(send())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=5)
    sending.cancel()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert sent < 64 * MIB
    writer.close()


async def test_an_upload_is_no_faster_than_the_jobs_service_and_costs_no_memory(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    scripted.hold.clear()
    sent = 0

    async def film() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(128):
            sent += MIB
            yield bytes(MIB)

    before = resident_bytes()
    uploading = asyncio.create_task(fragile.post(f"/v1/{JOB}/images", content=film()))
    await asyncio.sleep(1)
    assert sent < 16 * MIB
    assert resident_bytes() - before < 32 * MIB
    scripted.hold.set()
    assert (await uploading).status_code == 201
    assert sent == 128 * MIB


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def feed(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000, 65536])
async def test_a_form_reads_the_same_in_pieces_of_any_size(size: int) -> None:
    film = os.urandom(300) + b"\r\n--b\r\n\r\n--boundar" + os.urandom(300)
    body = (
        b'--boundary\r\nContent-Disposition: form-data; name="notes"\r\n\r\nzwei W\xc3\xb6rter'
        b'\r\n--boundary\r\nContent-Disposition: form-data; name="files"; '
        b'filename="r\xc3\xb6ntgen \\"1\\".dcm"\r\nContent-Type: application/dicom\r\n\r\n'
        + film
        + b"\r\n--boundary--\r\n"
    )
    content_type = "multipart/form-data; boundary=boundary"
    parts: list[tuple[str, str | None, bytes]] = []
    async for event in read_form(content_type, feed(body, size)):
        if isinstance(event, PartBegin):
            parts.append((event.name, event.file_name, b""))
        elif isinstance(event, PartData):
            name, file_name, data = parts.pop()
            parts.append((name, file_name, data + event.data))
        else:
            assert isinstance(event, PartEnd)
    assert parts == [
        ("notes", None, "zwei Wörter".encode()),
        ("files", 'röntgen "1".dcm', film),
    ]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carina.backoff._FIRST_WAIT", 0.05)


async def test_a_request_and_what_it_calls_are_one_trace_that_names_no_patient(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    exporter = InMemorySpanExporter()
    with tracing.open_tracing("gateway", "", processor=SimpleSpanProcessor(exporter)):
        trace_id = "0af7651916cd43dd8448eb211c80319c"
        headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
        answer = await fragile.post(
            f"/v1/{JOB}/images?patientId=JANE", content=bytes(2 * MIB), headers=headers
        )
        assert answer.status_code == 201
    [span] = exporter.get_finished_spans()
    assert span.name == "POST upload_images"
    context = span.get_span_context()
    assert context is not None
    assert format(context.trace_id, "032x") == trace_id
    assert "JANE" not in span.to_json()
    assert scripted.traces == [f"00-{trace_id}-{context.span_id:016x}-01"]
