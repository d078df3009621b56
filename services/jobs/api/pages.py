"""Page tokens: opaque to callers, valid only for the request they were made for."""

import base64
import binascii
import json
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from services.jobs.errors import InvalidPageTokenError
from services.jobs.models import Scope

Key = TypeVar("Key")


class PageToken:
    """Writes and reads the tokens of one request. A token grants nothing: the site wall stands.

    `question` is the request in canonical bytes, without page size and token, so that replicas of
    two releases agree on it.
    """

    def __init__(self, collection: str, scope: Scope, question: bytes) -> None:
        asked = json.dumps([collection, scope.site, scope.patient_id]).encode() + question
        self._digest = sha256(asked).hexdigest()[:16]

    def write(self, *key: str) -> str:
        """Return a token that continues after `key`."""
        return base64.urlsafe_b64encode(json.dumps([self._digest, *key]).encode()).decode()

    def read(self, token: str, parse: Callable[..., Key]) -> Key | None:
        """Return the key to continue after; None for the first page.

        Raises:
            InvalidPageTokenError: the token was made for another request, or not by us.
        """
        if not token:
            return None
        try:
            digest, *key = json.loads(base64.urlsafe_b64decode(token.encode()))
            if digest != self._digest:
                raise InvalidPageTokenError
            return parse(*key)
        except (binascii.Error, ValueError, TypeError) as error:
            raise InvalidPageTokenError from error
