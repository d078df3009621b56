"""Files that would take too much memory: refused by their headers."""

import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from pydicom import uid

from services.preprocess.decode import decode
from services.preprocess.errors import FilmError
from services.preprocess.film import Limits
from tests.support.films import dicom, encoded, png, shades, tiff

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

MIB = 1 << 20


def refused(data: bytes, limits: Limits | None = None) -> FilmError:
    with pytest.raises(FilmError) as caught:
        decode(data, limits or Limits())
    return caught.value


def compressed_zeros(count: int) -> bytes:
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(MIB)) for _ in range(count // MIB)]
    return b"".join(parts) + packer.compress(bytes(count % MIB)) + packer.flush()


def bomb(width: int, height: int) -> bytes:
    """Make a PNG that is really that large, all of it black."""
    data = png(width=width, height=height)
    start = data.index(b"IDAT") - 4
    content = b"IDAT" + compressed_zeros((width + 1) * height)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return data[:start] + chunk + data[data.index(b"IEND") - 4 :]


def deflated_bomb() -> bytes:
    """Make a DICOM file that inflates to 400 MB, before its pixels are reached."""
    data = dicom(shades(), syntax=uid.DeflatedExplicitVRLittleEndian)
    meta_length = int.from_bytes(data[140:144], "little")
    comment = b"\x08\0\x01\0OB\0\0" + struct.pack("<I", 400_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [packer.compress(comment), *(packer.compress(bytes(MIB)) for _ in range(400))]
    return data[: 144 + meta_length] + b"".join(parts) + packer.flush()


def huge_jpeg() -> bytes:
    data = encoded(".jpg", shades())
    frame = data.index(b"\xff\xc0") + 5
    return data[:frame] + struct.pack(">HH", 65000, 65000) + data[frame + 4 :]


TOO_LARGE: dict[str, Callable[[], bytes]] = {
    "PNG of 65 000 x 65 000": lambda: png(width=65_000, height=65_000),
    "PNG bomb": lambda: bomb(8000, 7900),
    "JPEG of 65 000 x 65 000": huge_jpeg,
    "TIFF of a thousand pages": lambda: tiff(shades(8, 8), pages=1000),
    "deflated DICOM": deflated_bomb,
    "DICOM of 65 000 x 65 000": lambda: dicom(shades(), Rows=65_000, Columns=65_000),
}


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_what_is_too_large_is_refused_before_it_is_decoded(kind: str) -> None:
    data = TOO_LARGE[kind]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(data).code == "IMAGE_TOO_LARGE"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    # Inflating stops at 80 MB here; all of these files would decode to more than this.
    assert grown < 100 * MIB


def test_the_sentence_names_the_size_and_the_limit() -> None:
    assert str(refused(png(width=65_000, height=65_000))) == (
        "The image has 65000 x 65000 pixels, more than the limit of 64 million."
    )
    assert str(refused(tiff(shades(8, 8), pages=101))) == (
        "The file has more than 100 pages. Please send one film per file."
    )


def test_limits_are_settings() -> None:
    data = encoded(".png", shades(100, 100))
    assert refused(data, Limits(pixels=9_999)).code == "IMAGE_TOO_LARGE"
    assert decode(data, Limits(pixels=10_000)).pixels.shape == (100, 100)


def test_a_black_film_of_a_detectors_size_is_no_bomb() -> None:
    data = encoded(".png", np.zeros((4000, 4000), np.uint8))
    assert len(data) * 200 < 16_000_000
    assert decode(data, Limits()).pixels.shape == (4000, 4000)


def test_a_tiff_whose_tiles_are_larger_than_the_film_is_refused() -> None:
    data = tiff(shades())
    # Turn two tags that are of no use here into the sizes of a tile.
    for tag, new in ((277, 322), (278, 323)):
        entry = data.index(struct.pack("<H", tag))
        data = data[:entry] + struct.pack("<HHII", new, 4, 1, 60_000) + data[entry + 12 :]
    assert refused(data).code in {"CORRUPT_IMAGE", "IMAGE_TOO_LARGE"}


def test_a_tiff_whose_pages_go_round_in_a_circle_is_refused() -> None:
    data = bytearray(tiff(shades(), pages=2))
    data[-4:] = data[4:8]
    assert refused(bytes(data)).code == "CORRUPT_IMAGE"


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    data = encoded(".jpg", shades(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scan = data.rindex(b"\xff\xda")
    many = data[:scan] + data[scan:-2] * 200 + data[-2:]
    assert refused(many).code == "CORRUPT_IMAGE"


def test_all_of_them_together_fit_into_little_memory() -> None:
    program = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)
from services.preprocess.decode import decode
from services.preprocess.errors import FilmError
from services.preprocess.film import Limits
from tests.preprocess.too_large_test import TOO_LARGE
for make in TOO_LARGE.values():
    try:
        decode(make(), Limits())
    except FilmError as error:
        print(error.code)
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["IMAGE_TOO_LARGE"] * len(TOO_LARGE)
