"""Makes films whose compressed pixels and headers need not agree, and the greys they have."""

import struct
from typing import Any, cast

import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from pydicom import uid

from tests.support.films import Pixels, dicom, shades
from tests.support.kinds import Greys

Values = NDArray[np.integer[Any]]


def window(values: Values, center: float, width: float) -> Greys:
    """Apply the function LINEAR of PS3.3 C.11.2.1.2.1."""
    shown = (values - (center - 0.5)) / (width - 1) + 0.5
    return shown.clip(0, 1)


def ramp(bits: int, *, low: int = 0) -> Values:
    """Return a film that uses every part of `bits` bits, from `low` on."""
    return (shades(dtype=np.uint16) >> (16 - bits)).astype(np.int32) + low


def cells(values: Values, bits: int) -> Pixels:
    """Return numbers as the patterns of so many bits, in the smallest cells that hold them."""
    kind = np.uint8 if bits <= 8 else np.uint16
    return (values & (1 << bits) - 1).astype(kind)


def jpeg_ls_of(values: Values, bits: int) -> bytes:
    """Encode values of so many bits."""
    patterns = cells(values, bits)
    return bytes(
        jpeg_ls.encode_pixel_data(
            patterns.tobytes(),
            rows=patterns.shape[0],
            columns=patterns.shape[1],
            samples_per_pixel=1,
            bits_stored=bits,
            bits_allocated=8 * patterns.itemsize,
        )
    )


def lossless_jpeg_of(values: Values, bits: int) -> bytes:
    """Encode values of so many bits."""
    return cast(
        "bytes",
        imagecodecs.jpeg8_encode(
            cells(values, bits), lossless=True, predictor=1, bitspersample=bits
        ),
    )


def jpeg_of(values: Values, bits: int) -> bytes:
    """Encode values of so many bits."""
    return cast("bytes", imagecodecs.jpeg8_encode(cells(values, bits), 90, bitspersample=bits))


def jpeg_2000_of(values: Values, bits: int) -> bytes:
    """Encode values of so many bits."""
    return cast(
        "bytes",
        imagecodecs.jpeg2k_encode(
            cells(values, bits), level=0, reversible=True, codecformat="J2K", bitspersample=bits
        ),
    )


def high_throughput_of(pixels: NDArray[Any], **options: Any) -> bytes:
    """Encode as HTJ2K, at the depth and with the sign of the array."""
    return bytes(imagecodecs.htj2k_encode(pixels, **options))


def film(frame: bytes, syntax: uid.UID, *, shape: Values, **header: object) -> bytes:
    """Put a frame into a DICOM file whose header may say what it likes."""
    elements: dict[str, Any] = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, **header}
    return dicom(cells(shape, 16), syntax=syntax, frame=frame, **elements)


def rle(pixels: Pixels) -> bytes:
    """Encode as PS3.5 annex G does, with literal runs alone."""
    segments = []
    for byte in reversed(range(pixels.itemsize)):
        plane = pixels.view(np.uint8).reshape(-1, pixels.itemsize)[:, byte].tobytes()
        runs = (plane[at : at + 128] for at in range(0, len(plane), 128))
        segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments.append(segment + bytes(len(segment) % 2))
    offsets = [64 + sum(map(len, segments[:number])) for number in range(len(segments))]
    header = struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments)))
    return header + b"".join(segments)
