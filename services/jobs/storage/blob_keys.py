"""Names of blobs: built and read here, and nowhere else.

`sites/<site>/jobs/<job>/<image>/original-<offset>-<random>` and `.../preview.jpg`.
"""

from uuid import UUID, uuid4

ROOT = "sites/"
_ORIGINAL = "original-"


def job_prefix(site: str, job_id: UUID) -> str:
    """Return the prefix of all blobs of a job."""
    return f"{ROOT}{site}/jobs/{job_id}/"


def image_prefix(site: str, job_id: UUID, image_id: UUID) -> str:
    """Return the prefix of all blobs of an image."""
    return f"{job_prefix(site, job_id)}{image_id}/"


def new_original_key(site: str, job_id: UUID, image_id: UUID, offset: int) -> str:
    """Return a key for the part of an original that begins at `offset`.

    The random part keeps two streams of one image from writing the same blob.
    """
    return f"{image_prefix(site, job_id, image_id)}{_ORIGINAL}{offset:012d}-{uuid4().hex[:8]}"


def preview_key(site: str, job_id: UUID, image_id: UUID) -> str:
    """Return the key of the preview of an image."""
    return f"{image_prefix(site, job_id, image_id)}preview.jpg"


def image_of(key: str) -> UUID | None:
    """Return the image that a blob belongs to, None if the key is not one of ours."""
    try:
        return UUID(key.split("/")[4])
    except (IndexError, ValueError):
        return None


def is_original(key: str) -> bool:
    """Tell whether a blob is a part of an original."""
    return key.rsplit("/", maxsplit=1)[-1].startswith(_ORIGINAL)
