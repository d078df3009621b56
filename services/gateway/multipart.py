"""Streaming parser for forms; never holds a whole file in memory or on disk."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError

from services.gateway.errors import InvalidBodyError, UnsupportedBodyError

if TYPE_CHECKING:
    # The library defines this type for type checkers only.
    from python_multipart.multipart import MultipartCallbacks

# Enough for a file name of 4 KiB with every byte escaped as `%xx`.
_HEADER_BYTES = 16 * 1024


@dataclass(frozen=True)
class PartBegin:
    """A part begins: a file if it has a file name, otherwise a field."""

    name: str
    file_name: str | None


@dataclass(frozen=True)
class PartData:
    """The next bytes of the current part."""

    data: bytes


@dataclass(frozen=True)
class PartEnd:
    """The current part is complete."""


Event = PartBegin | PartData | PartEnd


def is_multipart(content_type: str) -> bool:
    """Tell whether a media type is that of a form with files."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


async def read_form(content_type: str, chunks: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    """Yield the parts of a form while it arrives.

    Holds at most one chunk. The next chunk is not read before all events of the previous one are
    consumed; this backpressure limits the sender to the pace of the jobs service.
    """
    collector = _Collector()
    try:
        parser = MultipartParser(
            _boundary(content_type), collector.callbacks(), max_header_size=_HEADER_BYTES
        )
        async for chunk in chunks:
            parser.write(chunk)
            for event in collector.take():
                yield event
    except FormParserError as error:
        raise InvalidBodyError("it is not well-formed multipart/form-data") from error
    if not collector.complete:
        raise InvalidBodyError("it ends in the middle of a part")


class _Collector:
    """Converts the parser's callbacks into events."""

    def __init__(self) -> None:
        self.complete = False
        self._events: list[Event] = []
        self._headers = Message()
        self._field = b""
        self._value = b""

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

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[_text(self._field)] = _text(self._value).replace("\n", " ")
        self._field = self._value = b""

    def _on_headers_finished(self) -> None:
        name = self._headers.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise InvalidBodyError("a part has no name")
        self._events.append(PartBegin(name, self._headers.get_filename()))
        self._headers = Message()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        whole = start == 0 and end == len(data)
        self._events.append(PartData(data if whole else data[start:end]))

    def _on_part_end(self) -> None:
        self._events.append(PartEnd())

    def _on_end(self) -> None:
        self.complete = True


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if not is_multipart(content_type) or not boundary:
        raise UnsupportedBodyError("multipart/form-data")
    return boundary.encode("latin-1", "replace")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
