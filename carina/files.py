"""Files on their way up: which ones, under which key, read in parts off the event loop."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# The contract allows 1 MiB a message, but a GiB costs 2.8 s of CPU in messages of 1 MiB, and 1.4 s
# in messages of 256 KiB, for which malloc need not take fresh pages at every copy.
CHUNK_BYTES = 256 * 1024
# Indexes and leavings of operating systems, never radiographs.
_NO_IMAGES = {"dicomdir", "thumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True, kw_only=True)
class FileUpload:
    """One file that shall become an image.

    `image_key` is what makes a repeated upload find its first attempt; `file_name` is a label.
    """

    path: Path
    image_key: str
    file_name: str
    size_bytes: int
    patient_id: str = ""

    @classmethod
    def from_path(cls, path: Path, *, file_name: str = "", patient_id: str = "") -> Self:
        """Describe a file; raises OSError where it cannot be read.

        The key is a digest of where the file lies, its size and its time of change: the same in a
        second run over the same folder, another one once the file was replaced. It is a digest
        because folder names tend to hold patients' names.
        """
        facts = path.stat()
        seen_as = f"{path.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}"
        return cls(
            path=path,
            image_key=hashlib.sha256(seen_as.encode("utf-8", "surrogateescape")).hexdigest()[:40],
            file_name=printable(file_name or path.name),
            size_bytes=facts.st_size,
            patient_id=patient_id,
        )

    async def sha256(self) -> str:
        """Return the digest of the bytes, in hexadecimal digits."""
        return await asyncio.to_thread(_digest, self.path)

    async def chunks(self, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from an offset on, in parts of at most CHUNK_BYTES."""
        while chunk := await asyncio.to_thread(_read, self.path, offset):
            yield chunk
            offset += len(chunk)


def find_files(paths: Iterable[Path], *, patient_id: str = "") -> list[FileUpload]:
    """Return every file of the paths, folders searched through, each file once.

    Hidden files and the indexes that media carry are passed over inside folders. Raises OSError
    where a path is missing or cannot be read.
    """
    found: dict[str, FileUpload] = {}
    for path in paths:
        for each, label in _walk(path):
            upload = FileUpload.from_path(each, file_name=label, patient_id=patient_id)
            found.setdefault(upload.image_key, upload)
    return list(found.values())


def printable(text: str) -> str:
    """Return a text whose control characters and broken code points show as a replacement."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in whole)


def _walk(path: Path) -> Iterator[tuple[Path, str]]:
    if not path.is_dir():
        yield path, path.name
        return
    for each in sorted(path.rglob("*")):
        inside = each.relative_to(path)
        passed_over = any(
            part.startswith(".") or part.lower() in _NO_IMAGES for part in inside.parts
        )
        if each.is_file() and not passed_over:
            yield each, inside.as_posix()


def _read(path: Path, offset: int) -> bytes:
    # Opened for each part: a file that a thread opens stays open where its waiter was cancelled.
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
