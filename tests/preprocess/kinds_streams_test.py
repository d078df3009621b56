"""Kinds of compressed pixels whose header says something else, of few bits, and HTJ2K.

Expected greys come from the pixels that were compressed, and for lossy streams from another
decoder (imagecodecs: libjpeg-turbo, CharLS, OpenJPH), through the formula of PS3.3 C.11.2.1.2.
"""

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any, cast

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread, uid

from services.preprocess.dicom.values import UNUSED_BITS_SET
from tests.support.films import dicom
from tests.support.kinds import Kind, check
from tests.support.streams import (
    Values,
    cells,
    film,
    high_throughput_of,
    jpeg_2000_of,
    jpeg_ls_of,
    jpeg_of,
    lossless_jpeg_of,
    ramp,
    rle,
    window,
)

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

GOVERNS = "PS3.5 8.2.1: the stream governs"
CELLS = "PS3.5 8.1.1: nothing is known of the unused bits of a cell"


WIDE = {"WindowCenter": 2048, "WindowWidth": 4096}
NARROW = {"WindowCenter": 512, "WindowWidth": 1024}
CENTRED = {"WindowCenter": 0, "WindowWidth": 4096}


def precision_kinds() -> Iterator[Kind]:
    """Yield streams whose precision is another than the header's."""
    twelve, signed = ramp(12), ramp(12, low=-2048)
    coders: tuple[tuple[str, uid.UID, Callable[[Values, int], bytes]], ...] = (
        ("JPEG-LS", uid.JPEGLSLossless, jpeg_ls_of),
        ("lossless JPEG", uid.JPEGLosslessSV1, lossless_jpeg_of),
        ("JPEG 2000", uid.JPEG2000Lossless, jpeg_2000_of),
    )
    for name, syntax, code in coders:
        for allocated, stored, high in (
            (16, 10, 9),
            (16, 10, 11),
            (16, 16, 15),
            (16, 12, 15),
            (16, 8, 7),
            (8, 8, 7),
            (8, 12, 11),
        ):
            header = {"BitsAllocated": allocated, "BitsStored": stored, "HighBit": high}
            yield Kind(
                name=f"{name} of 12 bits, header {allocated}/{stored}/{high}",
                standard=GOVERNS,
                make=partial(film, code(twelve, 12), syntax, shape=twelve, **header, **WIDE),
                greys=partial(window, twelve, 2048, 4096),
            )
        for stored in (8, 10, 12, 16):
            header = {"BitsStored": stored, "HighBit": stored - 1}
            eight = ramp(8)
            yield Kind(
                name=f"{name} of 8 bits in 16, header {stored}",
                standard=GOVERNS,
                make=partial(
                    film,
                    code(eight, 8),
                    syntax,
                    shape=eight,
                    **header,
                    WindowCenter=128,
                    WindowWidth=256,
                ),
                greys=partial(window, eight, 128, 256),
            )
        for stored in (10, 12, 16):
            header = {"BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": 1}
            yield Kind(
                name=f"signed {name} of 12 bits, header {stored}",
                standard=GOVERNS + "; the sign is in the highest bit of its precision",
                make=partial(film, code(signed, 12), syntax, shape=signed, **header, **CENTRED),
                greys=partial(window, signed, 0, 4096),
            )
        beyond = ramp(13, low=-4096)
        yield Kind(
            name=f"signed {name} of 16 bits, header 12, values of 13",
            standard=GOVERNS,
            make=partial(
                film,
                code(beyond, 16),
                syntax,
                shape=beyond,
                BitsStored=12,
                HighBit=11,
                PixelRepresentation=1,
                WindowCenter=0,
                WindowWidth=8192,
            ),
            greys=partial(window, beyond, 0, 8192),
        )
        yield from cell_kinds(name, syntax, code)
        positive = ramp(12)
        yield Kind(
            name=f"{name} of 12 bits whose header is signed, and the picture is not",
            standard=GOVERNS,
            make=partial(
                film,
                code(positive, 12),
                syntax,
                shape=positive,
                PixelRepresentation=1,
                **WIDE,
            ),
            greys=partial(window, positive, 2048, 4096),
        )


def cell_kinds(name: str, syntax: uid.UID, code: Callable[[Values, int], bytes]) -> Iterator[Kind]:
    """Yield streams of whole cells, of which the header names the bits in use."""
    signed, unsigned = ramp(11, low=-1024), ramp(12)
    header = {"BitsStored": 12, "HighBit": 11}
    for what, patterns in (("copies of the sign", signed), ("zeros", signed & 0xFFF)):
        yield Kind(
            name=f"{name} of cells, signed, with {what} above the sample",
            standard=CELLS,
            make=partial(
                film,
                code(patterns, 16),
                syntax,
                shape=signed,
                **header,
                PixelRepresentation=1,
                **CENTRED,
            ),
            greys=partial(window, signed, 0, 4096),
        )
    overlay = unsigned.copy()
    overlay[20:30, 20:30] |= 0x4000
    yield Kind(
        name=f"{name} of cells with an overlay above the sample",
        standard="PS3.3 C.9.2: Overlay Bit Position",
        make=lambda: with_overlay_bit(
            film(code(overlay, 16), syntax, shape=unsigned, **header, **WIDE)
        ),
        greys=partial(window, unsigned, 2048, 4096),
    )
    shifted = unsigned << 4
    yield Kind(
        name=f"{name} of cells with the sample in the upper bits",
        standard=CELLS,
        make=partial(
            film, code(shifted, 16), syntax, shape=unsigned, BitsStored=12, HighBit=15, **WIDE
        ),
        greys=partial(window, unsigned, 2048, 4096),
    )


def with_overlay_bit(data: bytes) -> bytes:
    dataset = dcmread(BytesIO(data))
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 14)
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def lossy_kinds() -> Iterator[Kind]:
    """Yield lossy JPEG, which is unsigned, of 8 or of 12 bits (PS3.5 table 8.2.1-1)."""
    twelve, eight = jpeg_of(ramp(12), 12), jpeg_of(ramp(8), 8)
    source12 = imagecodecs.jpeg8_decode(twelve).astype(np.int32)
    source8 = imagecodecs.jpeg8_decode(eight).astype(np.int32)
    for allocated, stored, high, sign in (
        (16, 10, 9, 0),
        (16, 10, 11, 0),
        (16, 16, 15, 0),
        (16, 8, 7, 0),
        (8, 8, 7, 0),
        (16, 12, 11, 1),
        (16, 16, 15, 1),
    ):
        header = {
            "BitsAllocated": allocated,
            "BitsStored": stored,
            "HighBit": high,
            "PixelRepresentation": sign,
        }
        yield Kind(
            name=f"JPEG Extended of 12 bits, header {allocated}/{stored}/{high}, sign {sign}",
            standard=GOVERNS,
            make=partial(film, twelve, uid.JPEGExtended12Bit, shape=source12, **header, **NARROW),
            greys=partial(window, source12, 512, 1024),
        )
        for syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
            yield Kind(
                name=f"{syntax.name} of 8 bits, header {allocated}/{stored}/{high}, sign {sign}",
                standard=GOVERNS,
                make=partial(
                    film,
                    eight,
                    syntax,
                    shape=source8,
                    **header,
                    WindowCenter=128,
                    WindowWidth=256,
                ),
                greys=partial(window, source8, 128, 256),
            )


def rle_kinds() -> Iterator[Kind]:
    """Yield RLE, which has as many segments as a pixel has bytes, and no precision."""
    eight, twelve = ramp(8), ramp(12)
    for allocated, stored in ((16, 12), (16, 8), (8, 8)):
        yield Kind(
            name=f"RLE of one byte a pixel, header {allocated}/{stored}",
            standard="PS3.5 G.2: a segment for each byte of a pixel",
            make=partial(
                film,
                rle(eight.astype(np.uint8)),
                uid.RLELossless,
                shape=eight,
                BitsAllocated=allocated,
                BitsStored=stored,
                HighBit=stored - 1,
                WindowCenter=128,
                WindowWidth=256,
            ),
            greys=partial(window, eight, 128, 256),
        )
    padded = twelve | 0xA000
    yield Kind(
        name="RLE with other bits above the sample",
        standard=CELLS,
        make=partial(
            film,
            rle(cells(padded, 16)),
            uid.RLELossless,
            shape=twelve,
            BitsStored=12,
            HighBit=11,
            **WIDE,
        ),
        greys=partial(window, twelve, 2048, 4096),
        notes=(UNUSED_BITS_SET.format(bits=12),),
    )
    yield Kind(
        name="RLE of two bytes a pixel, header 8/8",
        standard="PS3.5 G.2: a segment for each byte of a pixel",
        make=partial(
            film,
            rle(cells(twelve, 16)),
            uid.RLELossless,
            shape=twelve,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            **WIDE,
        ),
        greys=partial(window, twelve, 2048, 4096),
    )


def few_bits_kinds() -> Iterator[Kind]:
    """Yield samples of 2 to 7 bits."""
    for bits in range(2, 8):
        values = ramp(bits)
        show = {"WindowCenter": 1 << bits - 1, "WindowWidth": 1 << bits}
        greys = partial(window, values, 1 << bits - 1, 1 << bits)
        bits_said = {"BitsAllocated": 8, "BitsStored": bits, "HighBit": bits - 1}
        for syntax, code in (
            (uid.JPEGLSLossless, jpeg_ls_of),
            (uid.JPEGLosslessSV1, lossless_jpeg_of),
            (uid.JPEG2000Lossless, jpeg_2000_of),
        ):
            yield Kind(
                name=f"{syntax.name} of {bits} bits",
                standard="PS3.5 tables 8.2.1-2, 8.2.3-1 and 8.2.4-1",
                make=partial(film, code(values, bits), syntax, shape=values, **bits_said, **show),
                greys=greys,
            )
            yield Kind(
                name=f"{syntax.name} of {bits} bits in 16",
                standard=GOVERNS,
                make=partial(film, code(values, bits), syntax, shape=values, **show),
                greys=greys,
            )
        yield Kind(
            name=f"uncompressed pixels of {bits} bits, with others above them",
            standard=CELLS,
            make=partial(
                dicom, (values | 0x80).astype(np.uint8), **cast("Any", {**bits_said, **show})
            ),
            greys=greys,
            notes=(UNUSED_BITS_SET.format(bits=bits),),
        )


def high_throughput_kinds() -> Iterator[Kind]:
    """Yield HTJ2K; what is lossy is decoded by OpenJPH for comparison."""
    syntaxes = (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
    eight, sixteen, signed = ramp(8), ramp(16), ramp(16, low=-32768)
    for syntax in syntaxes:
        for values, kind, center, width in (
            (eight, np.uint8, 128, 256),
            (sixteen, np.uint16, 32768, 65536),
            (signed, np.int16, 0, 65536),
        ):
            yield Kind(
                name=f"{syntax.name} of {np.dtype(kind)}",
                standard="PS3.5 10.18 and F.4",
                make=partial(
                    film,
                    high_throughput_of(values.astype(kind), reversible=True),
                    syntax,
                    shape=values,
                    PixelRepresentation=int(kind is np.int16),
                    WindowCenter=center,
                    WindowWidth=width,
                ),
                greys=partial(window, values, center, width),
            )
    for kind, bits in ((np.uint8, 8), (np.uint16, 16)):
        stream = high_throughput_of(ramp(bits).astype(kind), reversible=False, level=0.002)
        decoded = imagecodecs.htj2k_decode(stream).astype(np.int32)
        half = 1 << bits - 1
        yield Kind(
            name=f"lossy HTJ2K of {bits} bits",
            standard="PS3.5 10.18 and F.4",
            make=partial(
                film, stream, uid.HTJ2K, shape=decoded, WindowCenter=half, WindowWidth=2 * half
            ),
            greys=partial(window, decoded, half, 2 * half),
        )


KINDS = (
    *precision_kinds(),
    *lossy_kinds(),
    *rle_kinds(),
    *few_bits_kinds(),
    *high_throughput_kinds(),
)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_compressed_pixels_are_read_as_their_stream_says(kind: Kind) -> None:
    check(kind)
