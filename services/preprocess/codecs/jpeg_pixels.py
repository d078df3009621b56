"""Decodes common JPEG pictures strictly: a warning of libjpeg means a damaged film."""

import re
import struct
from typing import cast

import simplejpeg

from services.preprocess.codecs.jpeg_header import JpegHeader
from services.preprocess.codecs.jpeg_oddities import tidy
from services.preprocess.codecs.jpeg_tail import without_stray_end
from services.preprocess.errors import CorruptImageError
from services.preprocess.film import Pixels

_STRAY = re.compile(r"\d+ extraneous bytes before marker 0xd9")


def decode_jpeg(data: bytes, header: JpegHeader, kind: str) -> Pixels:
    """Decode a JPEG with 8 bits and one or three components to grey, [rows, columns].

    Raises:
        CorruptImageError: libjpeg had to guess; the error names this `kind` of file.
    """
    data = tidy(data, header)
    try:
        try:
            return _decode(data)
        except ValueError as warning:
            if not _STRAY.search(str(warning)):
                raise
        shorter = without_stray_end(data, _decode_start)
        if shorter is None:
            raise CorruptImageError(kind)
        return _decode(shorter)
    except (ValueError, struct.error, LookupError):
        raise CorruptImageError(kind) from None


def _decode(data: bytes) -> Pixels:
    grey = simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)
    return cast("Pixels", grey[..., 0])


def _decode_start(data: bytes) -> Pixels | None:
    """Decode a JPEG that may go on behind its picture; None if a part of it is missing."""
    try:
        return _decode(data)
    except ValueError as warning:
        if not _STRAY.search(str(warning)):
            return None
    grey = simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=False)
    return cast("Pixels", grey[..., 0])
