"""Large films, of which not every pixel is counted, are shown as if it were."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from pydicom import uid

from services.preprocess.dicom.display import NO_WINDOW
from services.preprocess.dicom.values import UNUSED_BITS_SET
from services.preprocess.film import BLANK
from tests.support.displays import full
from tests.support.films import dicom, shades
from tests.support.kinds import Kind, check
from tests.support.streams import Values, cells

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

RANGE = "the range of the film: PS3.3 C.11.2 leaves it open"
TWELVE: dict[str, Any] = {"BitsStored": 12, "HighBit": 11}


def large() -> Values:
    """Make a film from 600 to 3600 with its only extremes in rows that are easily passed over."""
    film = shades(1210, 1003, dtype=np.uint16).astype(np.int32) * 3000 // 65535 + 600
    film[1, 5], film[1207, 77] = 3, 4090
    return film


def kinds() -> Iterator[Kind]:
    film = large()
    for inverted in (False, True):
        photometric = f"MONOCHROME{1 if inverted else 2}"
        greys = partial(
            lambda values, inverted: abs(inverted - full(values)), film.astype(float), inverted
        )
        for name, low, bits in (("unsigned", 0, 12), ("signed", -2048, 16), ("in 12", -2048, 12)):
            for syntax in (uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian):
                stored = cells(film + low, bits).astype(np.uint16)
                stored = stored.byteswap() if syntax == uid.ExplicitVRBigEndian else stored
                yield Kind(
                    name=f"{name}, {photometric}, {syntax.name}",
                    standard=RANGE,
                    make=partial(
                        dicom,
                        stored,
                        syntax=syntax,
                        PixelRepresentation=int(low < 0),
                        PhotometricInterpretation=photometric,
                        **TWELVE,
                    ),
                    greys=greys,
                    notes=(NO_WINDOW,),
                )
    odd = film.astype(np.uint16)
    odd[3, 3] |= 0x4000
    yield Kind(
        name="one pixel with a bit outside Bits Stored",
        standard="PS3.5 8.1.1",
        make=partial(dicom, odd, **TWELVE),
        greys=partial(full, film.astype(float)),
        notes=(NO_WINDOW, UNUSED_BITS_SET.format(bits=12)),
    )
    spot = np.full(film.shape, 700, np.uint16)
    spot[2, 2] = 701
    yield Kind(
        name="one pixel that differs from all others",
        standard=RANGE,
        make=partial(dicom, spot, **TWELVE),
        greys=partial(full, spot),
        notes=(NO_WINDOW,),
    )
    blank = np.full(film.shape, 700, np.uint16)
    yield Kind(
        name="no pixel that differs",
        standard=RANGE,
        make=partial(dicom, blank, **TWELVE),
        greys=partial(np.zeros, film.shape),
        notes=(NO_WINDOW, BLANK),
    )


@pytest.mark.parametrize("kind", [*kinds()], ids=str)
def test_the_ends_of_the_range_are_found_wherever_they_are(kind: Kind) -> None:
    check(kind)
