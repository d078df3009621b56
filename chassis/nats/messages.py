"""Messages of a stream: as they are published, as they are read back, and what replies mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg

from chassis.nats.streams import (
    MessageTooLargeError,
    QueueFullError,
    QueueRefusedError,
    QueueUnavailableError,
    StreamNotFoundError,
)

MESSAGE_ID = "Nats-Msg-Id"
"""Header by which a stream recognises a message that it has stored before."""

_NOT_FOUND = 404
UNAVAILABLE = 503
# Limits that clear when consumers catch up: messages or bytes of the stream, the subject, the
# account or the server.
_FULL = frozenset({10077, 10023, 10047, 10002, 10028})
# "Duplicate message id is in process": the cluster has not agreed on the first one yet.
_IN_PROCESS = 10158
# The message or its headers exceed a limit of the stream or of the server.
_TOO_LARGE = frozenset({10054, 10097})


@dataclass(frozen=True)
class StoredMessage:
    """A message read from a stream by its sequence."""

    subject: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def message_id(self) -> str:
        """The id it was published with; empty if it has none."""
        return self.headers.get(MESSAGE_ID, "")


@dataclass(frozen=True)
class Message:
    """A message to be stored."""

    subject: str
    payload: bytes
    # By which the stream recognises a repetition.
    message_id: str
    # The subject without its identifiers, as traces group it.
    template: str = ""


def checked(answer: Msg) -> dict[str, Any]:
    """Return the body of a reply; raises the error that it reports."""
    body: dict[str, Any] = json.loads(answer.data)
    error = body.get("error")
    if error is None:
        return body
    code, api_code = int(error.get("code", 0)), int(error.get("err_code", 0))
    description = str(error.get("description", "")).rstrip(".")
    if api_code in _FULL:
        raise QueueFullError
    if code == _NOT_FOUND:
        raise StreamNotFoundError(description)
    if code == UNAVAILABLE or api_code == _IN_PROCESS:
        raise QueueUnavailableError(description)
    if api_code in _TOO_LARGE:
        raise MessageTooLargeError(api_code, description)
    raise QueueRefusedError(api_code, description)


def parsed_headers(raw: bytes) -> dict[str, str]:
    """Return the headers of a stored message, which the API gives as they were sent."""
    headers = {}
    for line in raw.decode(errors="replace").split("\r\n")[1:]:
        name, separator, value = line.partition(":")
        if separator:
            headers[name] = value.strip()
    return headers
