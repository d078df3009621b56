"""Look-up tables whose description and data differ, or that cannot be read."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import uid

from services.preprocess.dicom.display import (
    WINDOW_INSTEAD,
)
from services.preprocess.dicom.tables import OTHER_BITS
from tests.support.displays import curve, film, full, linear, made, table, told
from tests.support.films import Pixels, shades, written
from tests.support.kinds import Greys, Kind, check

# Only warnings of pydicom, in which this process also writes the files.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

DS = "PS3.5 6.2, DS"
RESCALE = "PS3.3 C.11.1.1.2"
VOI_LUT = "PS3.3 C.11.2.1.1"
SYNTAXES = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)


def other_bits(stated: int, used: int) -> tuple[str, ...]:
    return (OTHER_BITS.format(stated=stated, used=used),)


def looked_up(entries: Pixels, values: NDArray[Any], white: float) -> Greys:
    at = np.asarray(values).astype(int).clip(0, len(entries) - 1)
    shown: Greys = entries[at] / white
    return shown


def tables() -> Iterator[Kind]:
    for stated, highest in ((16, 4028), (16, 1006), (16, 255), (12, 1006), (16, 32767), (8, 4028)):
        used = highest.bit_length()
        yield Kind(
            name=f"a VOI LUT that states {stated} bits and holds up to {highest}",
            standard=f"{VOI_LUT}; decision 22",
            make=made(VOILUTSequence=table(curve(highest), bits=stated)),
            greys=partial(looked_up, curve(highest), film(), highest),
            notes=other_bits(stated, used),
        )
    for stated, highest in ((16, 65535), (16, 40000), (12, 4095), (12, 2048), (10, 800), (8, 200)):
        yield Kind(
            name=f"a VOI LUT of {stated} bits that ends at {highest} is shown by the letter",
            standard=VOI_LUT,
            make=made(VOILUTSequence=table(curve(highest), bits=stated)),
            greys=partial(looked_up, curve(highest), film(), (1 << stated) - 1),
        )
    for syntax in SYNTAXES[:2]:
        for data_vr in ("OW", "US", "UN"):
            yield Kind(
                name=f"a VOI LUT in {syntax.name} with data as {data_vr}",
                standard=VOI_LUT,
                make=made(
                    VOILUTSequence=table(curve(4095), bits=12, data_vr=data_vr), syntax=syntax
                ),
                greys=partial(looked_up, curve(4095), film(), 4095),
            )
    yield Kind(
        name="a VOI LUT of bytes",
        standard=VOI_LUT,
        make=made(
            film() >> np.uint16(4),
            VOILUTSequence=table(
                curve(255, 256), bits=8, data=curve(255, 256).astype(np.uint8).tobytes()
            ),
        ),
        greys=partial(looked_up, curve(255, 256), film() >> 4, 255),
    )
    whole = shades(dtype=np.uint16)
    yield Kind(
        name="a VOI LUT of 65,536 entries, whose number is written as 0",
        standard=VOI_LUT,
        make=made(
            whole, BitsStored=16, HighBit=15, VOILUTSequence=table(curve(65535, 65536), bits=16)
        ),
        greys=partial(looked_up, curve(65535, 65536), whole, 65535),
    )
    below = film().astype(np.int16) - 2048
    for vr in ("US", "SS"):
        yield Kind(
            name=f"a VOI LUT whose first value is negative, as {vr}",
            standard=VOI_LUT,
            make=made(
                below.view(np.uint16),
                BitsStored=16,
                HighBit=15,
                PixelRepresentation=1,
                VOILUTSequence=table(
                    curve(4095), first=(-2048 & 0xFFFF).to_bytes(2, "little"), bits=12, vr=vr
                ),
            ),
            greys=partial(looked_up, curve(4095), below.astype(int) + 2048, 4095),
        )
        yield Kind(
            name=f"a VOI LUT whose first value is 40000, as {vr}, for rescaled values",
            standard=f"{VOI_LUT}; {RESCALE}",
            make=made(
                whole,
                BitsStored=16,
                HighBit=15,
                RescaleSlope=1,
                RescaleIntercept=-1,
                VOILUTSequence=table(
                    curve(4095), first=(40000).to_bytes(2, "little"), bits=12, vr=vr
                ),
            ),
            greys=partial(looked_up, curve(4095), whole.astype(int) - 1 - 40000, 4095),
        )
    yield Kind(
        name="a VOI LUT that states 16 bits and holds 12, of a MONOCHROME1 film",
        standard=f"{VOI_LUT}; PS3.3 C.7.6.3.1.2",
        make=made(VOILUTSequence=table(curve(4028)), PhotometricInterpretation="MONOCHROME1"),
        greys=lambda: 1 - looked_up(curve(4028), film(), 4028),
        notes=other_bits(16, 12),
    )
    yield Kind(
        name="a modality LUT that states 16 bits and holds 12",
        standard="PS3.3 C.11.1.1.1",
        make=made(ModalityLUTSequence=table(curve(4028)), WindowCenter=2048, WindowWidth=4096),
        greys=lambda: linear(curve(4028)[film()], 2048, 4096),
    )
    no_table = "The display look-up table (VOI LUT) of the file cannot be read"
    good = curve(4095)
    for name, broken in (
        ("fewer entries than it states", table(good, bits=12, length=5000)),
        ("entries of half a word", table(good, bits=12, data=good.tobytes()[:6000])),
        ("no entries", table(good, bits=12, data=b"")),
        ("no descriptor", table(good, bits=12, vr="DS")),
    ):
        yield Kind(
            name=f"a VOI LUT with {name}",
            standard=VOI_LUT,
            make=made(VOILUTSequence=broken),
            greys=partial(full, film()),
            notes=told(no_table),
        )
        yield Kind(
            name=f"a VOI LUT with {name}, and a window",
            standard="PS3.3 C.11.2.1.2, alternative views",
            make=made(VOILUTSequence=broken, WindowCenter=2000, WindowWidth=3000),
            greys=partial(linear, film(), 2000, 3000),
            notes=(f"{no_table}; {WINDOW_INSTEAD}",),
        )
    yield Kind(
        name="a VOI LUT that is no sequence",
        standard=VOI_LUT,
        make=made(VOILUTSequence=written("VOILUTSequence", "OB", b"garbage!")),
        greys=partial(full, film()),
        notes=told(no_table),
    )
    yield Kind(
        name="a VOI LUT of which the film uses one entry",
        standard=VOI_LUT,
        make=made(VOILUTSequence=table(good, first=b"\xff\x7f", bits=12)),
        greys=partial(full, film()),
        notes=told("The display look-up table (VOI LUT) of the file shows nothing of the film"),
    )


@pytest.mark.parametrize("kind", [*tables()], ids=str)
def test_a_look_up_table_is_applied_as_it_was_made(kind: Kind) -> None:
    check(kind)
