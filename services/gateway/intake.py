"""Uploads the files of a form to the jobs service while the form arrives."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import grpc

from carina.errors import RefusedError
from carina.following import Metadata
from carina.jobs.v1 import image_pb2
from carina.jobs.v1.job_service_pb2 import UploadHeader
from services.gateway.errors import (
    BodyTooLargeError,
    FieldAfterFileError,
    InvalidFieldError,
    NoFilesError,
)
from services.gateway.jobs_client import JobsClient, Upload
from services.gateway.multipart import DefaultCharset, Event, PartBegin, PartData
from services.gateway.texts import decode

_FIELD_BYTES = 64 * 1024
# These errors concern the job or the caller, so every other file would fail as well.
_REFUSES_ALL = {
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
}

_UNKNOWN = (
    "there is no such field; a part with a file needs a file name, or a media type that is not text"
)
_FIELD_AS_FILE = (
    "it was sent as a file, with the file name {!r}; send a field without a file name, "
    "and a film in a part of another name"
)

OpenJob = Callable[[dict[str, str]], Awaitable[str]]


@dataclass(frozen=True)
class Refused:
    """A file that was refused."""

    file_name: str
    error: RefusedError


class Intake:
    """Receives a form: fields first, then files.

    `is_field` tells which parts are fields of the form. Every other part is a file or is refused by
    its name; none is dropped. `open_job` is called with the fields before the first file and
    returns the name of the job. With `repeatable`, the keys of the files are the same each time, so
    an interrupted form can be sent again: a file that is already an image gets the first answer,
    every other file starts over.
    """

    def __init__(
        self,
        jobs: JobsClient,
        caller: Metadata,
        open_job: OpenJob,
        *,
        is_field: Callable[[str], bool],
    ) -> None:
        self.images: list[image_pb2.Image] = []
        self.refused: list[Refused] = []
        self.repeatable = False
        self._jobs = jobs
        self._caller = caller
        self._open_job = open_job
        self._is_field = is_field
        self._job = ""
        self._files = 0
        # As sent, because the charset of all fields may be declared behind some of them.
        self._fields: dict[str, tuple[bytes, str]] = {}
        self._charset = ""
        self._field: PartBegin | None = None
        self._value = bytearray()
        self._unnamed: PartBegin | None = None
        self._upload: Upload | None = None
        self._wanted = False
        self._file_name = ""

    @property
    def job(self) -> str:
        """Resource name of the job that receives the files."""
        return self._job

    async def take(self, events: AsyncIterator[Event]) -> None:
        """Receive the whole form.

        Raises:
            RefusedError: the jobs service refused the job, not only single files.
        """
        try:
            async for event in events:
                if isinstance(event, PartData):
                    await self._data(event.data)
                elif isinstance(event, PartBegin):
                    await self._begin(event)
                elif isinstance(event, DefaultCharset):
                    self._set_charset(event.charset)
                else:
                    await self._end()
        finally:
            if self._upload is not None:
                self._upload.cut()
        if not self._files:
            raise NoFilesError

    def _ended_before(self, error: RefusedError) -> bool:
        """Tell whether the job was closed by an earlier form, which had this file refused."""
        return self.repeatable and error.reason == "WRONG_STATE"

    async def _begin(self, part: PartBegin) -> None:
        if part.file_name and self._is_field(part.name):
            # As a file, a patient would be lost; as a field, a film could be.
            raise InvalidFieldError(part.name, _FIELD_AS_FILE.format(part.file_name))
        if part.file_name:
            await self._begin_file(part.file_name)
        elif self._is_field(part.name) or (part.file_name is None and part.is_text):
            self._begin_field(part)
        elif part.file_name is None:
            await self._begin_file("")
        else:
            # Browsers send an empty file name, and no bytes, if no file was chosen.
            self._unnamed = part

    def _begin_field(self, part: PartBegin) -> None:
        if self._files:
            raise FieldAfterFileError(part.name)
        if not self._is_field(part.name):
            raise InvalidFieldError(part.name, _UNKNOWN)
        if part.name in self._fields:
            raise InvalidFieldError(part.name, "the field appears twice")
        self._field = part
        self._value.clear()

    async def _begin_file(self, file_name: str) -> None:
        if not self._files:
            self._job = await self._open_job(self._read_fields())
        key = f"file-{self._files}" if self.repeatable else str(uuid.uuid4())
        self._files += 1
        self._file_name = file_name or f"file {self._files}"
        # A form contains whole files, and a repeated form may contain other files.
        header = UploadHeader(job=self._job, image_key=key, file_name=self._file_name, restart=True)
        self._upload = self._jobs.upload(header, self._caller)
        self._wanted = True

    def _set_charset(self, charset: str) -> None:
        before = self._read_fields() if self._files else {}
        self._charset = charset
        if self._files and self._read_fields() != before:
            # The job was created with texts that mean something else.
            raise FieldAfterFileError("_charset_")

    def _read_fields(self) -> dict[str, str]:
        return {
            name: decode(value, name, charset or self._charset)
            for name, (value, charset) in self._fields.items()
        }

    async def _data(self, data: bytes) -> None:
        if self._field is not None:
            self._value += data
            if len(self._value) > _FIELD_BYTES:
                raise BodyTooLargeError(_FIELD_BYTES, self._field.name)
            return
        if self._unnamed is not None:
            self._unnamed = None
            await self._begin_file("")
        if self._upload is not None and self._wanted:
            self._wanted = await self._upload.send(data)

    async def _end(self) -> None:
        if self._field is not None:
            self._fields[self._field.name] = bytes(self._value), self._field.charset
            self._field = None
        elif self._upload is not None:
            upload = self._upload
            try:
                self.images.append(await upload.finish())
            except RefusedError as error:
                if error.code in _REFUSES_ALL and not self._ended_before(error):
                    raise
                self.refused.append(Refused(self._file_name, error))
            self._upload = None
        self._unnamed = None
