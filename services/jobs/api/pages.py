"""Page tokens: opaque to callers, good for the question they were made for and for no other."""

import base64
import binascii
import json
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from services.jobs.errors import InvalidPageTokenError

Key = TypeVar("Key")


class PageToken:
    """Writes and reads the tokens of one question. A token grants nothing: the site wall stands."""

    def __init__(self, collection: str, question: object) -> None:
        # The repr of frozen dataclasses, enums and UUIDs is the same on every replica.
        self._digest = sha256(f"{collection}{question!r}".encode()).hexdigest()[:16]

    def write(self, *key: str) -> str:
        """Return a token that continues after `key`."""
        return base64.urlsafe_b64encode(json.dumps([self._digest, *key]).encode()).decode()

    def read(self, token: str, parse: Callable[..., Key]) -> Key | None:
        """Return the key to continue after, None for the first page.

        Raises:
            InvalidPageTokenError: the token was made for something else, or not here.
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
