"""Decodes common JPEG pictures strictly: a warning of libjpeg means a damaged film."""

from typing import cast

import simplejpeg

from services.preprocess.errors import CorruptImageError
from services.preprocess.film import Pixels


def decode_jpeg(data: bytes, kind: str) -> Pixels:
    """Decode a JPEG with 8 bits and one or three components to grey, [rows, columns].

    Raises:
        CorruptImageError: libjpeg had to guess; the error names this `kind` of file.
    """
    try:
        grey = simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)
    except ValueError:
        raise CorruptImageError(kind) from None
    return cast("Pixels", grey[..., 0])
