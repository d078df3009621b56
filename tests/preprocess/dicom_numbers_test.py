"""Numbers of a DICOM header that are not written as the standard wants them."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from pydicom import uid

from services.preprocess.decode import decode
from services.preprocess.film import Limits
from tests.support.displays import film, full, linear, made, rescale, told, window
from tests.support.films import written
from tests.support.kinds import Kind, check

# Only warnings of pydicom, in which this process also writes the files.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

DS = "PS3.5 6.2, DS"
RESCALE = "PS3.3 C.11.1.1.2"
SYNTAXES = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)
UNREADABLE = told("The display window of the file cannot be read as numbers")
UNREADABLE_RESCALE = told("The rescale values of the file cannot be read as numbers")


READ_AS = {
    b"2000,5": 2000.5,
    b"2000,500": 2000.5,
    b"0,250": 0.25,
    b"-0,125": -0.125,
    b",5": 0.5,
    b"1000,": 1000.0,
    b"5,000000": 5.0,
    b"1,5e3": 1500.0,
    b"2000,5\\3000,25": 2000.5,
    b"2000,5\\no number": 2000.5,
    b" +2000 ": 2000.0,
    b"2000\0": 2000.0,
    b"\t2000.5\r\n": 2000.5,
    b"1e3": 1000.0,
    b"1.5E+03": 1500.0,
    b"1.000": 1.0,
    b"2000.00000000000000000001": 2000.0,
}
NOT_READ = (
    *(b"abc", b"NaN", b"nan", b"inf", b"-Infinity", b"1e999", b"1_000", b"0x800", b"20 00"),
    # A thousand to some programs and one to others.
    *(b"1,000", b"-1,000", b"500,000", b"1,000e1"),
    *(b"1,000.5", b"1.000,5", b"1,000,000", b"1.000.000", b",", b"-", b"\\2000", b"\xb2000"),
)


def numbers() -> Iterator[Kind]:
    for number, value in READ_AS.items():
        yield Kind(
            name=f"centre {number!r} is {value}",
            standard=DS,
            make=window(number, b"3000,5"),
            greys=partial(linear, film(), value, 3000.5),
        )
        yield Kind(
            name=f"intercept {number!r} is {value}",
            standard=f"{DS}; {RESCALE}",
            make=rescale(b"0,5", number, WindowCenter=1500, WindowWidth=2000),
            greys=partial(linear, film() * 0.5 + value, 1500, 2000),
        )
    for number in NOT_READ:
        yield Kind(
            name=f"a centre of {number!r} is not guessed",
            standard=DS,
            make=window(number, b"3000"),
            greys=partial(full, film()),
            notes=UNREADABLE,
        )
        yield Kind(
            name=f"a width of {number!r} is not guessed",
            standard=DS,
            make=window(b"2000", number),
            greys=partial(full, film()),
            notes=UNREADABLE,
        )
        yield Kind(
            name=f"an intercept of {number!r} is not guessed",
            standard=f"{DS}; {RESCALE}",
            make=rescale(b"1", number, WindowCenter=1500, WindowWidth=2000),
            greys=partial(full, film()),
            notes=UNREADABLE_RESCALE,
        )
    for slope, sign in ((b"1,000", 1), (b"-1,000", -1), (b"+1.000,5", 1), (b"-1e999", -1)):
        yield Kind(
            name=f"a slope of {slope!r} tells only the direction",
            standard=f"{DS}; {RESCALE}",
            make=rescale(slope, b"0", WindowCenter=1500, WindowWidth=2000),
            greys=partial(full, sign * film().astype(float)),
            notes=UNREADABLE_RESCALE,
        )
    for syntax in SYNTAXES:
        yield Kind(
            name=f"decimal commas in {syntax.name}",
            standard=DS,
            make=window(b"2000,5 ", b"3000,5 ", syntax=syntax),
            greys=partial(linear, film(), 2000.5, 3000.5),
        )
    for vr in ("LO", "UN", "UT", "IS", "OB"):
        yield Kind(
            name=f"a centre with the VR {vr}",
            standard=DS,
            make=made(WindowCenter=written("WindowCenter", vr, b"2000,5"), WindowWidth=3000),
            greys=partial(linear, film(), 2000.5, 3000),
        )
    for vr, dtype, value in (("FD", "<f8", 2000.5), ("FL", "<f4", 2000.5), ("US", "<u2", 1900.0)):
        stored = np.array(value, dtype).tobytes()
        yield Kind(
            name=f"a centre with the VR {vr}",
            standard="PS3.5 6.2",
            make=made(WindowCenter=written("WindowCenter", vr, stored), WindowWidth=3000),
            greys=partial(linear, film(), value, 3000),
        )


@pytest.mark.parametrize("kind", [*numbers()], ids=str)
def test_a_number_is_read_where_there_is_no_doubt_and_never_guessed(kind: Kind) -> None:
    check(kind)


@pytest.mark.parametrize(
    ("spacing", "read"),
    [
        (b"0,14\\0,15", (0.14, 0.15)),
        (b"0,140\\0.150\0", (0.14, 0.15)),
        (b"1,000\\1,000", (None, None)),
        (b"abc\\0.15", (None, None)),
    ],
)
def test_a_decimal_comma_in_the_spacing_is_read(
    spacing: bytes, read: tuple[float | None, float | None]
) -> None:
    data = made(PixelSpacing=written("PixelSpacing", "DS", spacing))()
    acquisition = decode(data, Limits()).acquisition
    assert (acquisition.row_spacing, acquisition.column_spacing) == read
