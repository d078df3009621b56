"""Images: lists, one image, and its content."""

from collections.abc import AsyncGenerator

from starlette.responses import Response, StreamingResponse

from carina.jobs.v1 import job_service_pb2
from services.gateway.contract import IMAGE_KINDS, read_fields
from services.gateway.handlers.translate import (
    Request,
    answer,
    caller_of,
    disposition,
    job_name_of,
    query_fields,
)


async def list_images(request: Request) -> Response:
    """List the images of a job in order of their ordinal."""
    message = job_service_pb2.ListImagesRequest()
    read_fields(query_fields(request), message)
    message.parent = job_name_of(request)
    return answer(await request.state["jobs"].call("ListImages", message, caller_of(request)))


async def get_image(request: Request) -> Response:
    """Get an image."""
    message = job_service_pb2.GetImageRequest(name=_image_name_of(request))
    return answer(await request.state["jobs"].call("GetImage", message, caller_of(request)))


def _image_name_of(request: Request) -> str:
    path = request.path_params
    # The image ID is enough; the job may be omitted.
    return f"jobs/{path.get('job', '-')}/images/{path['image']}"


async def read_image(request: Request, kind: str) -> Response:
    """Stream an original, a preview or a heatmap."""
    name = _image_name_of(request)
    parts = request.state["jobs"].read(name, IMAGE_KINDS[kind], caller_of(request))
    try:
        # The first part has the metadata, or fails while the status can still be chosen.
        first = await anext(parts)
    except BaseException:
        await parts.aclose()
        raise
    # An original may be any uploaded file: browsers must save it, not display it.
    shown = "attachment" if kind == "original" else "inline"
    return StreamingResponse(
        _bytes(first, parts),
        media_type=first.media_type,
        headers={
            "Content-Length": str(first.size_bytes),
            "Content-Disposition": disposition(shown, first.file_name),
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


async def _bytes(
    first: job_service_pb2.ReadImageResponse,
    parts: AsyncGenerator[job_service_pb2.ReadImageResponse, None],
) -> AsyncGenerator[bytes, None]:
    try:
        if first.chunk:
            yield first.chunk
        async for part in parts:
            yield part.chunk
    finally:
        await parts.aclose()
