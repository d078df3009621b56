"""Pixel padding, which files write with the wrong sign."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import uid

from services.preprocess.dicom.display import (
    NO_WINDOW,
)
from services.preprocess.dicom.values import ALL_PADDING, UNREADABLE_PADDING
from tests.support.displays import film, full, made
from tests.support.films import written
from tests.support.kinds import Greys, Kind, check
from tests.support.streams import jpeg_2000_of, rle

# Only warnings of pydicom, in which this process also writes the files.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

DS = "PS3.5 6.2, DS"
PADDING = "PS3.3 C.7.5.1.1.2"


def signed(border: int = -2000) -> NDArray[np.int16]:
    """Make a film from 0 to 3000 with a border of padding."""
    inside = (film() * (3000 / 4095)).round().astype(np.int16)
    inside[:9], inside[:, -7:] = border, border
    return inside


def inside_of(values: NDArray[Any], border: NDArray[np.bool_], *, inverted: bool = False) -> Greys:
    x = values.astype(float)
    low, high = x[~border].min(), x[~border].max()
    spread = (x - low) / (high - low)
    return np.where(border, 0, 1 - spread if inverted else spread)


def rle_of(values: NDArray[Any], _bits: int) -> bytes:
    """Encode whole cells, with copies of the sign."""
    return rle(values.view(np.uint16))


def padded() -> Iterator[Kind]:
    of_16_bits: dict[str, Any] = {"BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}
    pixels = signed()
    us = written("PixelPaddingValue", "US", (-2000 & 0xFFFF).to_bytes(2, "little"))
    for vr in ("US", "SS", "OW", "UN"):
        value = us._replace(VR=vr)
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            yield Kind(
                name=f"padding of signed pixels as {vr}, {photometric}",
                standard=PADDING,
                make=made(
                    pixels.view(np.uint16),
                    PixelPaddingValue=value,
                    PhotometricInterpretation=photometric,
                    **of_16_bits,
                ),
                greys=partial(
                    inside_of, pixels, pixels == -2000, inverted=photometric == "MONOCHROME1"
                ),
                notes=(NO_WINDOW,),
            )
    yield Kind(
        name="padding of signed pixels in implicit VR",
        standard=PADDING,
        make=made(
            pixels.view(np.uint16),
            syntax=uid.ImplicitVRLittleEndian,
            PixelPaddingValue=us,
            **of_16_bits,
        ),
        greys=partial(inside_of, pixels, pixels == -2000),
        notes=(NO_WINDOW,),
    )
    ranged = signed()
    ranged[:4] = -1990
    yield Kind(
        name="a range of padding of signed pixels as US",
        standard="PS3.3 C.7.5.1.1.2, Pixel Padding Range Limit",
        make=made(
            ranged.view(np.uint16),
            PixelPaddingValue=us,
            PixelPaddingRangeLimit=written(
                "PixelPaddingRangeLimit", "US", (-1990 & 0xFFFF).to_bytes(2, "little")
            ),
            **of_16_bits,
        ),
        greys=partial(inside_of, ranged, ranged < 0),
        notes=(NO_WINDOW,),
    )
    few = signed() // 2  # from -1000 to 1500, in 12 bits
    for word, name in ((-1000 & 0xFFFF, "repeats"), (-1000 & 0xFFF, "does not repeat")):
        yield Kind(
            name=f"padding of signed pixels of 12 bits that {name} its sign",
            standard=PADDING,
            make=made(
                (few & 0xFFF).astype(np.uint16),
                PixelRepresentation=1,
                PixelPaddingValue=written("PixelPaddingValue", "US", word.to_bytes(2, "little")),
            ),
            greys=partial(inside_of, few, few == -1000),
            notes=(NO_WINDOW,),
        )
    dark = signed(-2048) // 2 * 2  # from 0 to 3000
    dark = np.where(dark < 0, -2048, dark // 2).astype(np.int16)
    for code, word in ((jpeg_2000_of, -2048 & 0xFFFF), (jpeg_2000_of, 0x800), (rle_of, 0x800)):
        syntax = uid.RLELossless if code is rle_of else uid.JPEG2000Lossless
        yield Kind(
            name=f"padding {word:x} of signed pixels without other negatives, {syntax.name}",
            standard=PADDING,
            make=made(
                dark.view(np.uint16),
                syntax=syntax,
                frame=code(dark, 12),
                PixelRepresentation=1,
                PixelPaddingValue=written("PixelPaddingValue", "US", word.to_bytes(2, "little")),
            ),
            greys=partial(inside_of, dark, dark == -2048),
            notes=(NO_WINDOW,),
        )
    white = np.where(signed() < 0, 0xFFFF, signed()).astype(np.uint16)
    yield Kind(
        name="padding of unsigned pixels as SS",
        standard=PADDING,
        make=made(
            white,
            BitsStored=16,
            HighBit=15,
            PixelPaddingValue=written("PixelPaddingValue", "SS", b"\xff\xff"),
        ),
        greys=partial(inside_of, white, white == 0xFFFF),
        notes=(NO_WINDOW,),
    )
    yield Kind(
        name="padding of the whole word, of pixels of 12 bits",
        standard=PADDING,
        make=made(white, PixelPaddingValue=written("PixelPaddingValue", "US", b"\xff\xff")),
        greys=partial(inside_of, white, white == 0xFFFF),
        notes=(NO_WINDOW,),
    )
    yield Kind(
        name="padding that cannot be read",
        standard=PADDING,
        make=made(PixelPaddingValue=written("PixelPaddingValue", "DS", b"none")),
        greys=partial(full, film()),
        notes=(NO_WINDOW, UNREADABLE_PADDING),
    )
    yield Kind(
        name="padding that is all of the film",
        standard=PADDING,
        make=made(PixelPaddingValue=0, PixelPaddingRangeLimit=0xFFFF),
        greys=partial(full, film()),
        notes=(NO_WINDOW, ALL_PADDING),
    )


@pytest.mark.parametrize("kind", [*padded()], ids=str)
def test_padding_is_black_and_out_of_the_range_whatever_its_sign(kind: Kind) -> None:
    check(kind)
