"""DICOM headers that cannot be right, about which no sentence may say that the file is damaged."""

from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement

from services.preprocess.decode import decode
from services.preprocess.errors import CorruptImageError, UnsupportedPixelFormatError
from services.preprocess.film import Limits
from tests.support.displays import curve, made, table
from tests.support.films import written

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


def raw(keyword: str, vr: str, value: bytes) -> dict[str, RawDataElement]:
    return {keyword: written(keyword, vr, value)}


@pytest.mark.parametrize(
    ("elements", "contradiction"),
    [
        (raw("RescaleSlope", "DS", b"abc"), "its Rescale Slope is not a number"),
        (raw("RescaleSlope", "DS", b"NaN"), "its Rescale Slope is not a number"),
        (raw("RescaleSlope", "FD", np.float64("nan").tobytes()), "its Rescale Slope is not"),
        (raw("Rows", "US", b""), "its Rows is missing"),
        (raw("Rows", "DS", b"9,5"), "its Rows is not a whole number"),
        (raw("Columns", "IS", b"eighty"), "its Columns is not a whole number"),
        (raw("Rows", "US", b"\0\0"), "by its header it has 0 rows and 80 columns"),
        (raw("PixelRepresentation", "US", b"\2\0"), "its Pixel Representation is 2"),
        (raw("BitsStored", "US", b"\x14\0"), "16 bits allocated, 20 bits stored and 11 as the"),
        (raw("HighBit", "US", b"\3\0"), "16 bits allocated, 12 bits stored and 3 as the high bit"),
        (
            {"PhotometricInterpretation": "RGB"},
            "its Photometric Interpretation is RGB, and its Samples per Pixel is 1",
        ),
        (
            {"ModalityLUTSequence": table(curve(4095), length=5000)},
            "its modality look-up table cannot be read",
        ),
        (
            {"ModalityLUTSequence": table(curve(4095), first=b"\xff\x7f")},
            "its modality look-up table makes all pixels equal",
        ),
    ],
)
def test_a_header_that_cannot_be_right_is_refused_and_not_called_damaged(
    elements: dict[str, Any], contradiction: str
) -> None:
    with pytest.raises(CorruptImageError) as caught:
        decode(made(**elements)(), Limits())
    assert "cannot be read: " in str(caught.value)
    assert contradiction in str(caught.value)
    assert "damaged" not in str(caught.value)


def test_a_picture_of_one_bit_is_refused_in_correct_english() -> None:
    with pytest.raises(UnsupportedPixelFormatError, match="has 1 bit per sample"):
        decode(made(**raw("BitsAllocated", "US", b"\1\0"))(), Limits())
