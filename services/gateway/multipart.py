"""Streaming parser for forms; never holds a whole file in memory or on disk."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from email.message import Message
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MAX_BOUNDARY_LENGTH

from services.gateway.errors import (
    BodyTooLargeError,
    InvalidBodyError,
    InvalidFieldError,
    NestedFormError,
    UnsupportedBodyError,
    UnsupportedCodingError,
)
from services.gateway.texts import decode, for_headers, parameter_of

if TYPE_CHECKING:
    # The library defines this type for type checkers only.
    from python_multipart.multipart import MultipartCallbacks

# Enough for a file name of 4 KiB with every byte escaped as `%xx`.
_HEADER_BYTES = 16 * 1024
# Far more than the "This is a multi-part message" that mail libraries write.
_PREAMBLE_BYTES = 16 * 1024
_CHARSET_BYTES = 100
# The values of Content-Encoding and Content-Transfer-Encoding that leave the bytes as they are.
_UNCODED = {"", "identity", "7bit", "8bit", "binary"}
_TEXTS = {"", "application/json", "application/xml", "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class PartBegin:
    """A part begins; its file name is None without the parameter. `charset` is the declared one."""

    name: str
    file_name: str | None
    media_type: str = ""
    charset: str = ""

    @property
    def is_text(self) -> bool:
        """Tell whether the media type is one of texts; it is text if none is given."""
        return self.media_type in _TEXTS or self.media_type.startswith("text/")


@dataclass(frozen=True)
class PartData:
    """The next bytes of the current part."""

    data: bytes


@dataclass(frozen=True)
class PartEnd:
    """The current part is complete."""


@dataclass(frozen=True)
class DefaultCharset:
    """The charset of all texts that declare none (`_charset_`, RFC 7578 section 4.6)."""

    charset: str


Event = PartBegin | PartData | PartEnd | DefaultCharset


def media_type_of(content_type: str) -> str:
    """Return the media type in a Content-Type, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_uncoded(coding: str) -> bool:
    """Tell whether a content coding or a transfer encoding leaves the bytes as they are."""
    return all(each.strip().lower() in _UNCODED for each in coding.split(","))


async def read_form(content_type: str, chunks: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    """Yield the parts of a form while it arrives.

    Holds at most one chunk. The next chunk is not read before all events of the previous one are
    consumed; this backpressure limits the sender to the pace of the jobs service.
    """
    boundary = _boundary(content_type)
    # RFC 7578 knows no such parameter, but Apache HttpClient declares the charset there.
    charset = parameter_of(content_type, "charset", field="Content-Type") or ""
    decode(b"", "Content-Type", charset)  # refuses a charset that is unknown
    if charset:
        yield DefaultCharset(charset)
    collector = _Collector(boundary, charset)
    chunk = b""
    try:
        parser = MultipartParser(boundary, collector.callbacks(), max_header_size=_HEADER_BYTES)
        # The parser accepts no preamble and no blanks behind the first boundary, which RFC 2046
        # section 5.1.1 allows. So it gets a part that begins here, without headers: what comes
        # before the first boundary is the data of this part.
        parser.write(b"--" + boundary + b"\r\n\r\n\r\n")
        async for chunk in chunks:
            parser.write(chunk)
            collector.check_epilogue(chunk)
            for event in collector.take():
                yield event
    except FormParserError as error:
        raise InvalidBodyError(_malformed(error, chunk)) from error
    collector.check_end()


class _Collector:
    """Converts the parser's callbacks into events."""

    def __init__(self, boundary: bytes, charset: str) -> None:
        self._boundary = b"--" + boundary
        self._charset = charset
        self._complete = False
        # The last bytes before the end of the form, and behind it. A form may begin with its end.
        self._tail = b"\r\n"
        self._end_found = False
        self._events: list[Event] = []
        self._headers = Message()
        self._field = b""
        self._value = b""
        self._preamble: bytearray | None = bytearray()
        # The value of `_charset_` while it arrives.
        self._charset_value: bytearray | None = None
        self._charset_seen = False

    def callbacks(self) -> "MultipartCallbacks":
        """Return the callbacks for the parser."""
        return {
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def take(self) -> list[Event]:
        """Return the events since the previous call."""
        events, self._events = self._events, []
        return events

    def check_end(self) -> None:
        """Raise an error unless the form is complete."""
        if self._preamble is not None:
            self._check_preamble(self._preamble)
            raise InvalidBodyError("it does not contain the boundary of its Content-Type")
        if not self._complete:
            raise InvalidBodyError("it ends in the middle of a part")

    def check_epilogue(self, chunk: bytes) -> None:
        """Refuse a part behind the end of the form: the parser would pass it over."""
        window = self._tail + chunk if self._complete else b""
        if self._complete and not self._end_found:
            self._end_found = True
            window = window.partition(b"\r\n" + self._boundary + b"--")[2]
        # A boundary that only ends the form once more does no harm.
        if re.search(re.escape(self._boundary) + b"(?:[^-]|-[^-])", window):
            raise InvalidBodyError("it has a part behind its last boundary")
        keep = len(self._boundary) + 4
        self._tail = window[-keep:] if self._complete else (self._tail + chunk[-keep:])[-keep:]

    def _check_preamble(self, preamble: bytearray) -> None:
        """Refuse what is probably the start of a part: a file would vanish."""
        boundary = re.escape(self._boundary)
        if re.search(b"[^\r]\n" + boundary + b"|" + boundary + b"[ \t]*\n", preamble):
            raise InvalidBodyError("its lines end in LF, not in CR and LF")
        if self._boundary in preamble:
            raise InvalidBodyError("it contains its boundary before the first part")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        # Latin-1 keeps every byte; the texts in the headers are decoded when they are read.
        self._headers[self._field.decode("latin-1")] = self._value.decode("latin-1").replace(
            "\n", " "
        )
        self._field = self._value = b""

    def _on_headers_finished(self) -> None:
        if self._preamble is not None:
            return
        headers, self._headers = self._headers, Message()
        part = _part_of(headers, self._charset)
        if part.name == "_charset_" and part.file_name is None:
            if self._charset_seen:
                raise InvalidFieldError("_charset_", "the field appears twice")
            self._charset_value, self._charset_seen = bytearray(), True
        else:
            self._events.append(part)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._preamble is not None:
            self._preamble += data[start:end]
            if len(self._preamble) > _PREAMBLE_BYTES:
                self._check_preamble(self._preamble)
                raise InvalidBodyError("it does not begin with the boundary of its Content-Type")
        elif self._charset_value is not None:
            self._charset_value += data[start:end]
            if len(self._charset_value) > _CHARSET_BYTES:
                raise BodyTooLargeError(_CHARSET_BYTES, "_charset_")
        else:
            whole = start == 0 and end == len(data)
            self._events.append(PartData(data if whole else data[start:end]))

    def _on_part_end(self) -> None:
        if self._preamble is not None:
            self._check_preamble(self._preamble)
            self._preamble = None
        elif self._charset_value is not None:
            charset = decode(bytes(self._charset_value), "_charset_").strip()
            decode(b"", "_charset_", charset)
            self._charset_value = None
            # Browsers leave it empty if the field is not hidden.
            self._charset = charset or self._charset
            self._events.append(DefaultCharset(self._charset))
        else:
            self._events.append(PartEnd())

    def _on_end(self) -> None:
        self._complete = True


def _malformed(error: FormParserError, chunk: bytes) -> str:
    """Describe an error of the parser, whose own sentences speak of states and indexes."""
    at = getattr(error, "offset", -1)
    if str(error).startswith("Maximum header"):
        return "a part has too many headers, or too long ones"
    if at > 0 and chunk[at - 1 : at] == b"\n" and chunk[at : at + 1] in {b" ", b"\t"}:
        return "a header of a part is folded over two lines; each header must be one line"
    return "a boundary or a header of a part is not well-formed"


def _part_of(headers: Message, charset: str) -> PartBegin:
    disposition = headers.get("content-disposition", "")
    content_type = headers.get("content-type", "")
    charset = for_headers(charset)
    name = parameter_of(disposition, "name", field="name of a part", charset=charset)
    if name is None:
        raise InvalidBodyError("a part has no name")
    for header in ("Content-Encoding", "Content-Transfer-Encoding"):
        coding = ",".join(headers.get_all(header, []))
        if not is_uncoded(coding):
            raise UnsupportedCodingError(header, coding, name)
    media_type = media_type_of(content_type)
    if media_type.startswith("multipart/"):
        raise NestedFormError(name, media_type)
    file_name = parameter_of(disposition, "filename", field=name, charset=charset)
    declared = parameter_of(content_type, "charset", field=name) or ""
    part = PartBegin(name, file_name, media_type, declared)
    if file_name is None and not part.is_text:
        # Mail libraries write the file name there; of a text it is the name of the field.
        file_name = parameter_of(content_type, "name", field=name, charset=charset)
        part = replace(part, file_name=file_name)
    return part


def _boundary(content_type: str) -> bytes:
    media_type = media_type_of(content_type)
    if media_type != "multipart/form-data":
        raise UnsupportedBodyError("multipart/form-data", media_type)
    boundary = parameter_of(content_type, "boundary", field="Content-Type")
    if not boundary:
        raise InvalidBodyError("its Content-Type has no boundary")
    raw = boundary.rstrip().encode()
    if len(raw) > MAX_BOUNDARY_LENGTH:
        raise InvalidBodyError(f"its boundary is longer than {MAX_BOUNDARY_LENGTH} bytes")
    return raw
