"""The findings of a job as JSON, CSV or ZIP, streamed page by page."""

import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import PurePosixPath

from starlette.responses import Response, StreamingResponse
from zipstream import ZIP_DEFLATED, ZipStream

from carina.following import Metadata
from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2 import ReadImageRequest
from carina.results import Image
from carina.table import HEADER, row_of
from carina.wire import message_to_json
from services.gateway.handlers.translate import (
    Request,
    caller_of,
    disposition,
    dump,
    job_name_of,
)
from services.gateway.jobs_client import JobsClient

_MEDIA_TYPES = {"json": "application/json", "csv": "text/csv", "zip": "application/zip"}


async def job_results(request: Request, form: str) -> Response:
    """Stream the findings as JSON, CSV or ZIP."""
    jobs, caller = request.state["jobs"], caller_of(request)
    message = job_service_pb2.GetJobRequest(name=job_name_of(request))
    job = await jobs.call("GetJob", message, caller)
    images = jobs.images(job.name, caller)
    body = {
        "json": lambda: _as_json(job, images),
        "csv": lambda: _as_csv(images),
        "zip": lambda: _as_zip(jobs, job, images, caller),
    }[form]()
    file_name = f"carina-{job.name.removeprefix('jobs/')}.{form}"
    return StreamingResponse(
        body,
        media_type=_MEDIA_TYPES[form],
        headers={"Content-Disposition": disposition("attachment", file_name)},
    )


async def _as_json(
    job: job_pb2.Job, images: AsyncIterator[image_pb2.Image]
) -> AsyncGenerator[bytes, None]:
    yield f'{{"job":{dump(message_to_json(job))},"images":['.encode()
    before = ""
    async for image in images:
        yield f"{before}{dump(message_to_json(image))}".encode()
        before = ",\n"
    yield b"]}\n"


async def _as_csv(images: AsyncIterator[image_pb2.Image]) -> AsyncGenerator[bytes, None]:
    # The byte order mark tells spreadsheets that the file is UTF-8.
    yield b"\xef\xbb\xbf" + _line(list(HEADER))
    async for image in images:
        yield _line(row_of(Image.from_proto(image)))


async def _as_zip(
    jobs: JobsClient,
    job: job_pb2.Job,
    images: AsyncIterator[image_pb2.Image],
    caller: Metadata,
) -> AsyncGenerator[bytes, None]:
    """Yield pictures as they are read, one at a time in memory, then the two tables.

    Only a few kilobytes per image are kept until the end.
    """
    archive = ZipStream()
    found: list[image_pb2.Image] = []
    async for image in images:
        found.append(image)
        stem = f"{image.ordinal + 1:04d}-{_safe_stem(image.file_name)}"
        for wanted, kind, path in (
            (image.has_preview, ReadImageRequest.KIND_PREVIEW, f"previews/{stem}.jpg"),
            (image.has_heatmap, ReadImageRequest.KIND_HEATMAP, f"heatmaps/{stem}.png"),
        ):
            if wanted:
                parts = jobs.read(image.name, kind, caller)
                # Pictures are already compressed.
                archive.add(b"".join([part.chunk async for part in parts]), path)
                for piece in archive.file():
                    yield piece
    table = b"".join([line async for line in _as_csv(_each(found))])
    archive.add(table, "results.csv", compress_type=ZIP_DEFLATED)
    whole = b"".join([part async for part in _as_json(job, _each(found))])
    archive.add(whole, "results.json", compress_type=ZIP_DEFLATED)
    for piece in archive.finalize():
        yield piece


async def _each(images: list[image_pb2.Image]) -> AsyncGenerator[image_pb2.Image, None]:
    for image in images:
        yield image


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def _safe_stem(file_name: str) -> str:
    """Return a name that no archive tool treats as a path."""
    stem = PurePosixPath(file_name.replace("\\", "/")).stem
    return re.sub(r"[^\w.-]", "_", stem).strip(".")[:80] or "image"
