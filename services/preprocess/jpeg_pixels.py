"""Decode the common kind of JPEG, strictly: what libjpeg would only warn of is a damaged film."""

from typing import cast

import simplejpeg

from services.preprocess.errors import CorruptImageError
from services.preprocess.film import Pixels


def decode_jpeg(data: bytes, kind: str) -> Pixels:
    """Decode a JPEG of 8 bits and of one or three components to grey, [rows, columns].

    Raises:
        CorruptImageError: libjpeg had to guess at something in this `kind` of file.
    """
    try:
        grey = simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)
    except ValueError:
        raise CorruptImageError(kind) from None
    return cast("Pixels", grey[..., 0])
