"""Films whose headers were changed at random: right, refused, or explained; never other greys."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deploy.local.films import real_films
from services.preprocess.decode import decode
from services.preprocess.dicom.display import CONTRADICTORY_POLARITY, FULL_RANGE, NO_WINDOW
from services.preprocess.errors import FilmError
from services.preprocess.film import BLANK, Limits, Pixels
from tests.support.displays import curve, film, table
from tests.support.films import dicom, written
from tests.support.kinds import EXACT
from tests.support.readings import NoReadingError, Reading, read

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


@dataclass(frozen=True)
class Change:
    """One element of the header, changed."""

    keyword: str
    value: Any  # None: left out
    meant: Any  # in the file that the expectation is read from
    readable: bool = True


# --- what is changed ------------------------------------------------------------------------------

DECIMALS = {b"2000,5": b"2000.5", b"0,25": b"0.25", b"-0,500": b"-0.500", b"3000,": b"3000."}
AS_WRITTEN = (
    *(b"2048", b"1024 ", b" +700.5", b"1e3", b"4096\\100", b"12.5E+01\0", b"1", b"2", b"0.5"),
    *(
        b"-1",
        b"-1024",
        b"0",
        b"0.4",
        b"1e9",
        b"-1e300",
        b"1e-9",
        b"",
        b"\\",
        b"2048.0000000000000001",
    ),
)
NOT_NUMBERS = (
    *(b"abc", b"NaN", b"-inf", b"1e999", b"1,000", b"-1,000", b"1,000.5", b"1.000,5", b"\\900"),
    *(b"0x10", b"1_000", b"20 48"),
)


def texts(keyword: str) -> st.SearchStrategy[Change]:
    """Numbers as text, with any VR that holds text."""
    # What is unknown has the VR of the standard, which is binary for a word.
    unknown = () if keyword in WORDS else ("UN",)
    vrs = st.sampled_from(("DS", "DS", "DS", "LO", "IS", "UT", *unknown))

    def change(vr: str, value: bytes) -> Change:
        meant = DECIMALS.get(value, value)
        return Change(
            keyword,
            written(keyword, vr, value),
            written(keyword, "DS", meant),
            readable=value not in NOT_NUMBERS,
        )

    return st.builds(change, vrs, st.sampled_from((*DECIMALS, *AS_WRITTEN, *NOT_NUMBERS)))


def floats(keyword: str) -> st.SearchStrategy[Change]:
    """Numbers in binary."""

    def change(value: float) -> Change:
        element = written(keyword, "FD", np.array(value, "<f8").tobytes())
        return Change(keyword, element, element)

    return st.builds(change, st.floats(-5000, 5000) | st.sampled_from((np.nan, np.inf)))


def words(keyword: str, *values: int) -> st.SearchStrategy[Change]:
    """Whole numbers of 16 bits, with any VR that holds them."""

    def change(vr: str, value: int) -> Change:
        stored = value.to_bytes(2, "little")
        element = written(keyword, vr, str(value).encode() if vr in ("IS", "DS") else stored)
        return Change(keyword, element, written(keyword, "US", stored))

    vrs = st.sampled_from(("US", "US", "US", "SS", "UN", "IS", "DS"))
    return st.builds(change, vrs, st.sampled_from(values))


def terms(keyword: str, *values: str) -> st.SearchStrategy[Change]:
    def change(value: str) -> Change:
        element = written(keyword, "CS", value.encode())
        return Change(keyword, element, element)

    return st.builds(change, st.sampled_from(values))


def tables(keyword: str) -> st.SearchStrategy[Change]:
    whole, narrow = table(curve(4095), bits=12), table(curve(1006), bits=16)
    hollow = Sequence([Dataset()])
    return st.sampled_from(
        [
            Change(keyword, whole, whole),
            Change(keyword, hollow, hollow),
            # The values of a modality are not scaled by the bits that its table states.
            Change(keyword, narrow, narrow, readable=keyword == "ModalityLUTSequence"),
            *(
                Change(keyword, broken, broken, readable=False)
                for broken in (
                    table(curve(4095), bits=12, length=5000),
                    table(curve(4095), bits=12, data=b""),
                    table(curve(4095), bits=12, vr="DS"),
                )
            ),
        ]
    )


WORDS = ("PixelPaddingValue",)
MEASURES = ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept")
CHANGES = (
    *map(texts, MEASURES),
    *map(floats, MEASURES),
    *map(texts, WORDS),
    words("PixelPaddingValue", 0, 1, 2047, 4095, 63536, 65535),
    words("PixelPaddingRangeLimit", 0, 100, 4095, 65000),
    words("Rows", 0, 1, 48, 96, 97, 65535),
    words("Columns", 0, 1, 40, 80, 81, 65535),
    words("SamplesPerPixel", 0, 1, 2, 3),
    words("BitsAllocated", 0, 1, 8, 12, 16, 32),
    words("BitsStored", 0, 1, 8, 10, 11, 12, 13, 15, 16, 17),
    words("HighBit", 0, 7, 10, 11, 12, 15, 16),
    words("PixelRepresentation", 0, 1, 2, 65535),
    texts("NumberOfFrames"),
    terms(
        "PhotometricInterpretation",
        *("MONOCHROME1", "MONOCHROME2", "monochrome1", "MONOCHROME2\0", "MONOCHROME", "RGB", ""),
        *("PALETTE COLOR", "YBR_FULL"),
    ),
    terms("PresentationLUTShape", "IDENTITY", "INVERSE", "LIN OD", ""),
    terms("VOILUTFunction", "LINEAR", "LINEAR_EXACT", "sigmoid", "CUBIC", ""),
    tables("VOILUTSequence"),
    tables("ModalityLUTSequence"),
)


def real_film() -> tuple[dict[str, Any], Pixels]:
    """Return the header of a real chest film, and every 16th pixel in each direction."""
    dataset = dcmread(real_films("RG1_UNCR.dcm")[0])
    pixels = np.ascontiguousarray(dataset.pixel_array[::16, ::16])
    size = ("Rows", "Columns", "PixelData")
    elements = {each.keyword: each.value for each in dataset if each.keyword not in size}
    return {keyword: value for keyword, value in elements.items() if keyword}, pixels


SIGNED = film().astype(np.int16) - 2048
SIGNED[:9] = -2000
FILMS = (
    ({"WindowCenter": 2048, "WindowWidth": 4096, "PixelRepresentation": 0}, film()),
    (
        {
            "PhotometricInterpretation": "MONOCHROME1",
            "PresentationLUTShape": "INVERSE",
            "RescaleSlope": 2,
            "RescaleIntercept": -1024,
            "WindowCenter": 3000,
            "WindowWidth": 5000,
        },
        film(),
    ),
    (
        {
            "PixelRepresentation": 1,
            "PixelPaddingValue": written("PixelPaddingValue", "SS", b"\x30\xf8"),
            "RescaleSlope": 1,
            "RescaleIntercept": 0,
        },
        SIGNED.view(np.uint16),
    ),
    ({"VOILUTSequence": table(curve(4095), bits=12)}, film()),
    real_film(),
)
LEFT_OUT = st.sampled_from(
    (
        *("Rows", "BitsStored", "HighBit", "PixelRepresentation", "PhotometricInterpretation"),
        *("SamplesPerPixel", "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"),
        *("PixelPaddingValue", "VOILUTSequence", "VOILUTFunction"),
    )
).map(lambda keyword: Change(keyword, None, None))
MUTATIONS = st.lists(
    st.one_of(*CHANGES, LEFT_OUT), min_size=1, max_size=3, unique_by=lambda change: change.keyword
)


# --- what has to hold -----------------------------------------------------------------------------


def mutated(which: int, changes: list[Change], *, as_meant: bool) -> bytes:
    elements, pixels = FILMS[which]
    everything: dict[str, Any] = {"BitsStored": 12, "HighBit": 11, **elements}
    dropped = []
    for change in changes:
        value = change.meant if as_meant else change.value
        if value is None:
            dropped.append(change.keyword)
            everything[change.keyword] = None
        else:
            everything[change.keyword] = value
    return dicom(pixels, leave_out=tuple(dropped), **everything)


def expected(reading: Reading, notes: tuple[str, ...]) -> Any:
    """Return the greys that are right, or None where a note has to say why there are none."""
    replaced = [note for note in notes if note.endswith(FULL_RANGE) and note != NO_WINDOW]
    with suppress(NoReadingError):
        if replaced or NO_WINDOW in notes:
            assert replaced or not reading.asks
            return reading.full
        return reading.shown
    return None


@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.integers(0, len(FILMS) - 1), MUTATIONS)
def test_a_changed_header_gives_the_greys_it_means_or_says_that_it_does_not(
    which: int, changes: list[Change]
) -> None:
    try:
        frame = decode(mutated(which, changes, as_meant=False), Limits())
    except FilmError as error:
        assert str(error).endswith(".")
        return
    unreadable = frozenset(change.keyword for change in changes if not change.readable)
    reading = read(mutated(which, changes, as_meant=True), unreadable)
    greys = expected(reading, frame.notes)
    explained = set(frame.notes) - {NO_WINDOW, BLANK}
    explained -= {
        CONTRADICTORY_POLARITY.format(photometric=photometric, shape=shape)
        for photometric, shape in (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE"))
    }
    if greys is None:
        assert explained
        return
    shown = frame.pixels / np.iinfo(frame.pixels.dtype).max
    right = shown.shape == greys.shape and np.allclose(shown, greys, rtol=0, atol=EXACT)
    assert right or explained
