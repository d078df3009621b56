"""Checks of fields that several calls share."""

import unicodedata

from services.jobs.errors import InvalidFieldError


def require_label(field: str, text: str, limit: int) -> None:
    """Refuse text that is too long for a label, or contains control characters.

    Raises:
        InvalidFieldError: it is not a label.
    """
    if len(text) > limit:
        raise InvalidFieldError(field, f"has more than {limit} characters")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise InvalidFieldError(field, "contains control characters")
