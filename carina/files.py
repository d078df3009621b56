"""Files to upload: finding them, naming them, reading them in chunks off the event loop."""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, Self

# The contract allows 1 MiB a message. A GiB costs 2.8 s of CPU in messages of 1 MiB but only 1.4 s
# in messages of 256 KiB, because malloc does not have to map fresh pages for every copy.
CHUNK_BYTES = 256 * 1024
# Indexes and files that operating systems leave behind, never radiographs.
_IGNORED_NAMES = {"dicomdir", "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True, kw_only=True)
class FileUpload:
    """A file to upload as an image.

    `image_key` lets a repeated upload find its first attempt; `file_name` is only a label.
    """

    path: Path
    image_key: str
    file_name: str
    size_bytes: int
    patient_id: str = ""

    @classmethod
    def from_path(cls, path: Path, *, file_name: str = "", patient_id: str = "") -> Self:
        """Describe a file; raises OSError if it cannot be read.

        The key is a digest of the file's path, size and modification time: it stays the same in a
        second run over the same folder and changes when the file is replaced. It is a digest
        because folder names often contain patients' names.
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
        """Return the SHA-256 digest of the bytes, in hexadecimal."""
        return await asyncio.to_thread(_digest, self.path)

    async def chunks(self, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from an offset on, in chunks of at most CHUNK_BYTES."""
        while chunk := await asyncio.to_thread(_read, self.path, offset):
            yield chunk
            offset += len(chunk)


@dataclass(frozen=True, kw_only=True)
class FoundFiles:
    """What was found below some paths.

    `passed_over` has the names of what is no film, each as often as it was met. `folders` has the
    folders that labels refer to by number, the first as number 1: their names are not sent.
    """

    files: tuple[FileUpload, ...]
    passed_over: tuple[str, ...]
    folders: tuple[Path, ...]


def find_files(paths: Iterable[Path], *, patient_id: str = "") -> FoundFiles:
    """Find the files of the paths, including those in folders, each file once.

    Hidden files, the index files of media and what is not a file are passed over inside folders.
    Raises OSError if a path is missing or cannot be read.
    """
    found: dict[str, FileUpload] = {}
    passed_over: list[str] = []
    for path in paths:
        for each in _walk(path, passed_over):
            upload = FileUpload.from_path(each, patient_id=patient_id)
            found.setdefault(upload.image_key, upload)
    files, folders = _told_apart(list(found.values()))
    return FoundFiles(files=tuple(files), passed_over=tuple(passed_over), folders=tuple(folders))


def printable(text: str) -> str:
    """Return the text with control characters and bytes that are not UTF-8 written as escapes.

    Two different names stay different.
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # noqa: PLR2004 - a byte of a file name, as Python keeps it
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"  # noqa: PLR2004 - a byte


def _told_apart(files: list[FileUpload]) -> tuple[list[FileUpload], list[Path]]:
    """Put the number of the folder in front of names that occur in more than one folder.

    The names of folders would tell the files apart as well, but often are those of patients.
    """
    often = {name for name, times in Counter(file.file_name for file in files).items() if times > 1}
    folders: dict[Path, int] = {}
    for file in files:
        if file.file_name in often:
            folders.setdefault(file.path.parent, len(folders) + 1)
    labelled = [
        replace(file, file_name=f"{folders[file.path.parent]}/{file.file_name}")
        if file.file_name in often
        else file
        for file in files
    ]
    return labelled, list(folders)


def _walk(path: Path, passed_over: list[str]) -> list[Path]:
    """Return the files below a path in order; note the names of what is passed over."""
    if not path.is_dir():
        return [path]
    found: list[Path] = []
    # Unlike Path.rglob, this does not hide a folder that cannot be read.
    for folder, inner, names in os.walk(path, onerror=_raise):
        # A link to a folder is not followed, because it may lead in a circle.
        inside = {name for name in inner if not Path(folder, name).is_symlink()}
        for name in (*inner, *names):
            here = Path(folder, name)
            if _is_ignored(name) or not (name in inside or here.is_file()):
                passed_over.append(name)
            elif name not in inside:
                found.append(here)
        inner[:] = [name for name in inner if not _is_ignored(name)]
    return sorted(found)


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.lower() in _IGNORED_NAMES


def _raise(error: OSError) -> NoReturn:
    raise error


def _read(path: Path, offset: int) -> bytes:
    # Opened for each chunk: if the waiting task is cancelled, nobody would close a file kept open.
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
