"""Windows that are absent, invalid, or hide the film; headers that contradict themselves."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from services.preprocess.dicom.display import (
    CONTRADICTORY_POLARITY,
    NO_WINDOW,
)
from services.preprocess.dicom.header import ASSUMED_BITS, ASSUMED_POLARITY
from services.preprocess.dicom.values import ASSUMED_UNSIGNED, UNUSED_BITS_SET
from services.preprocess.dicom.window import UNKNOWN_FUNCTION
from tests.support.displays import film, full, linear, made, rescale, told, window
from tests.support.films import shades, written
from tests.support.kinds import Kind, check

# Only warnings of pydicom, in which this process also writes the files.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

WINDOW = "PS3.3 C.11.2.1.2"
RESCALE = "PS3.3 C.11.1.1.2"
SYNTAXES = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)


def empty() -> Iterator[Kind]:
    hollow, undefined = Dataset(), Dataset()
    undefined.is_undefined_length_sequence_item = True
    explained = Dataset()
    explained.LUTExplanation = "NORMAL"
    explained.LUTDescriptor = None
    nothing = ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "RescaleType")
    for syntax in SYNTAXES:
        for name, item in (
            ("an empty item", hollow),
            ("an empty item of undefined length", undefined),
            ("an item without a table", explained),
        ):
            yield Kind(
                name=f"LUT sequences with {name}, {syntax.name}",
                standard="PS3.5 7.4.3, 7.5",
                make=made(
                    syntax=syntax,
                    WindowCenter=2000,
                    WindowWidth=3000,
                    ModalityLUTSequence=Sequence([item]),
                    VOILUTSequence=Sequence([item]),
                ),
                greys=partial(linear, film(), 2000, 3000),
            )
        yield Kind(
            name=f"empty window, rescale and LUT elements, {syntax.name}",
            standard="PS3.5 7.4.2",
            make=made(
                syntax=syntax,
                ModalityLUTSequence=Sequence([Dataset()]),
                VOILUTSequence=Sequence([Dataset()]),
                PixelPaddingValue=None,
                **dict.fromkeys(nothing, None),
            ),
            greys=partial(full, film()),
            notes=(NO_WINDOW,),
        )
    yield Kind(
        name="windows of which all values are empty",
        standard="PS3.5 6.4",
        make=window(b"\\ \\", b"\\\\"),
        greys=partial(full, film()),
        notes=(NO_WINDOW,),
    )
    for present, value in (("RescaleSlope", 1), ("RescaleIntercept", 0)):
        yield Kind(
            name=f"only {present}, which changes nothing",
            standard=RESCALE,
            make=made(WindowCenter=2000, WindowWidth=3000, **{present: value}),
            greys=partial(linear, film(), 2000, 3000),
        )
    for present, value in (("RescaleSlope", 2), ("RescaleIntercept", -1000)):
        yield Kind(
            name=f"only {present}, which would change something",
            standard=RESCALE,
            make=made(WindowCenter=2000, WindowWidth=3000, **{present: value}),
            greys=partial(full, film()),
            notes=told("The file has only one of rescale slope and intercept"),
        )


NAMED = "The display window of the file (centre {center:g}, width {width:g})"


def hidden(
    center: float, width: float, reason: str, **elements: Any
) -> tuple[Callable[[], bytes], tuple[str, ...]]:
    named = NAMED.format(center=center, width=width)
    return (
        made(WindowCenter=center, WindowWidth=width, **elements),
        told(f"{named} {reason}"),
    )


INVALID = (
    *((2048, 0, "LINEAR"), (2048, -5, "LINEAR"), (2048, 0.5, "LINEAR")),
    *((2048, 0, "LINEAR_EXACT"), (2048, -1, "SIGMOID"), (2048, 0, "SIGMOID")),
)
HIDING = (
    *((2048, 1, "LINEAR"), (1e9, 100, "LINEAR"), (2048, 1e30, "LINEAR")),
    *((-1e300, 1e300, "LINEAR"), (-9000, 100, "SIGMOID"), (9000, 1e-300, "LINEAR_EXACT")),
)


def windows() -> Iterator[Kind]:
    for unusable, reason in ((INVALID, "is not valid"), (HIDING, "shows nothing of the film")):
        for center, width, function in unusable:
            make, notes = hidden(center, width, reason, VOILUTFunction=function)
            yield Kind(
                name=f"the window {center}/{width} {function} {reason}",
                standard=WINDOW,
                make=make,
                greys=partial(full, film()),
                notes=notes,
            )
    high = (shades(dtype=np.uint16) // 2 + 32744).clip(32744, 65535).astype(np.uint16)
    border = high.copy()
    border[:8] = 0
    for name, pixels in (("a film above its window", high), ("and with a black border", border)):
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            make, notes = hidden(2725, 5310, "shows nothing of the film")
            yield Kind(
                name=f"{name}, {photometric}",
                standard=WINDOW,
                make=made(
                    pixels,
                    BitsStored=16,
                    HighBit=15,
                    WindowCenter=2725,
                    WindowWidth=5310,
                    PhotometricInterpretation=photometric,
                ),
                greys=partial(
                    lambda pixels, photometric: (
                        1 - full(pixels) if photometric == "MONOCHROME1" else full(pixels)
                    ),
                    pixels,
                    photometric,
                ),
                notes=notes,
            )
    for present, missing in (("WindowCenter", "width"), ("WindowWidth", "centre")):
        yield Kind(
            name=f"only {present}",
            standard=WINDOW,
            make=made(**{present: 2048}),
            greys=partial(full, film()),
            notes=told(f"The display window of the file has no {missing}"),
        )
    yield Kind(
        name="a function that is not defined",
        standard="PS3.3 C.11.2.1.3",
        make=made(WindowCenter=2000, WindowWidth=3000, VOILUTFunction="CUBIC"),
        greys=partial(linear, film(), 2000, 3000),
        notes=(UNKNOWN_FUNCTION,),
    )
    yield Kind(
        name="a slope of 0",
        standard=RESCALE,
        make=rescale(b"0", b"0", WindowCenter=2000, WindowWidth=3000),
        greys=partial(full, film()),
        notes=told("The rescale slope of the file is 0"),
    )
    yield Kind(
        name="rescaled values that are too large for numbers",
        standard=RESCALE,
        make=rescale(b"1e308", b"0", WindowCenter=2000, WindowWidth=3000),
        greys=partial(full, film()),
        notes=told("The rescale values of the file are too large"),
    )


def polarities() -> Iterator[Kind]:
    for photometric, shape, contradictory in (
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "INVERSE", False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "LIN OD", False),
    ):
        told_so = CONTRADICTORY_POLARITY.format(photometric=photometric, shape=shape)
        yield Kind(
            name=f"{photometric} with {shape}",
            standard="PS3.3 C.8.11.3.1.2",
            make=made(
                WindowCenter=2000,
                WindowWidth=3000,
                PhotometricInterpretation=photometric,
                PresentationLUTShape=shape,
            ),
            greys=partial(
                lambda inverted: abs(inverted - linear(film(), 2000, 3000)),
                photometric == "MONOCHROME1",
            ),
            notes=(told_so,) if contradictory else (),
        )


def overlay_bit(position: int | None) -> RawDataElement:
    stored = b"" if position is None else position.to_bytes(2, "little")
    return written(Tag(0x6000, 0x0102), "US", stored)


def assumed() -> Iterator[Kind]:
    window = {"WindowCenter": 2000, "WindowWidth": 3000}
    for shape, bright, inverted in (("", "high", False), ("INVERSE", "low", True)):
        yield Kind(
            name=f"no Photometric Interpretation, and Presentation LUT Shape {shape!r}",
            standard="PS3.3 C.7.6.3.1.2, C.8.11.3.1.2",
            make=made(
                leave_out=("PhotometricInterpretation",), PresentationLUTShape=shape, **window
            ),
            greys=partial(lambda inverted: abs(inverted - linear(film(), 2000, 3000)), inverted),
            notes=(ASSUMED_POLARITY.format(bright=bright),),
        )
    yield Kind(
        name="no Pixel Representation",
        standard="PS3.5 8.1.1",
        make=made(leave_out=("PixelRepresentation",), **window),
        greys=partial(linear, film(), 2000, 3000),
        notes=(ASSUMED_UNSIGNED,),
    )
    for leave_out, notes in (
        (("BitsStored",), ()),
        (("HighBit",), ()),
        (("BitsStored", "HighBit"), (ASSUMED_BITS,)),
    ):
        yield Kind(
            name=f"no {' and no '.join(leave_out)}",
            standard="PS3.5 8.1.1, PS3.3 C.8.11.3",
            make=made(leave_out=leave_out, **window),
            greys=partial(linear, film(), 2000, 3000),
            notes=notes,
        )
    yield Kind(
        name="native pixels with more bits than are stored",
        standard="PS3.5 8.1.1",
        make=made(BitsStored=10, HighBit=9),
        greys=lambda: full(film() & np.uint16(1023)),
        notes=(NO_WINDOW, UNUSED_BITS_SET.format(bits=10)),
    )
    for position, notes in ((None, (UNUSED_BITS_SET.format(bits=12),)), (14, ())):
        yield Kind(
            name=f"an overlay in the pixels, with Overlay Bit Position {position}",
            standard="PS3.3 C.9.2, PS3.5 8.1.2",
            make=made(
                film() | np.uint16(0x4000), OverlayBitPosition=overlay_bit(position), **window
            ),
            greys=partial(linear, film(), 2000, 3000),
            notes=notes,
        )


KINDS = [*empty(), *windows(), *polarities(), *assumed()]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_film_is_shown_as_its_header_means_or_a_note_says_otherwise(kind: Kind) -> None:
    check(kind)
