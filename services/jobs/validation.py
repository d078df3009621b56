"""Checks of fields that several calls share."""

import unicodedata

from services.jobs.errors import InvalidFieldError


def require_label(field: str, text: str, most: int) -> None:
    """Refuse what is too long to be a label, or holds what a label does not and PostgreSQL can not.

    Raises:
        InvalidFieldError: it is none.
    """
    if len(text) > most:
        raise InvalidFieldError(field, f"has more than {most} characters")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise InvalidFieldError(field, "holds control characters")
