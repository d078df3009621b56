"""Damage at random, which must end in an error of ours; and damage that ends the decoder."""

import os
import random
import resource
import signal
from collections.abc import Callable
from functools import partial
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread, uid
from pydicom.encaps import generate_frames

from services.preprocess.codecs import decompress
from services.preprocess.decode import decode
from services.preprocess.errors import FilmError
from services.preprocess.film import Limits
from tests.support.films import encoded, real_film, shades, transcoded

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

MIB = 1 << 20
SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
)


def damaged(data: bytes, generator: random.Random) -> bytes:
    """Cut, flip, overwrite, take out or put in, as broken disks and lines do."""
    if generator.random() < 0.25:
        return data[: generator.randrange(1, len(data))]
    broken = bytearray(data)
    end = generator.choice((min(len(broken), 1500), len(broken)))
    for _ in range(generator.choice((1, 3, 20))):
        position = generator.randrange(end)
        value = generator.choice(
            (0, 1, 127, 128, 255, broken[position] ^ 1 << generator.randrange(8))
        )
        broken[position] = value
    if generator.random() < 0.1:
        start = generator.randrange(len(broken))
        del broken[start : start + generator.randrange(1, 200)]
    if generator.random() < 0.1:
        start = generator.randrange(len(broken))
        broken[start:start] = generator.randbytes(generator.randrange(1, 50))
    return bytes(broken)


VICTIMS: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: encoded(".png", shades(dtype=np.uint16)),
    "JPEG": lambda: encoded(".jpg", shades()),
    "TIFF": lambda: encoded(".tiff", shades()),
    "BMP": lambda: encoded(".bmp", shades()),
    "WebP": lambda: encoded(".webp", shades()),
    **{
        f"DICOM {syntax.keyword}": partial(transcoded, real_film("MR_small.dcm"), syntax)
        for syntax in SYNTAXES
    },
    "DICOM JPEG": lambda: real_film("SC_rgb_jpeg_dcmtk.dcm"),
    "DICOM JPEG of 12 bits": lambda: real_film("JPGExtended.dcm"),
    "DICOM JPEG-LS in colour": lambda: real_film("SC_rgb_jls_lossy_sample.dcm"),
}


@pytest.mark.parametrize("kind", VICTIMS)
def test_no_damage_raises_anything_else_or_takes_much_memory(kind: str) -> None:
    data = VICTIMS[kind]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(200):
        broken = damaged(data, random.Random(seed))
        try:
            decode(broken, Limits())
        except FilmError as error:
            assert str(error).endswith(".")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 300 * MIB


def test_damage_that_ends_the_process_of_gdcm_costs_its_film_and_no_other() -> None:
    film = real_film("SC_rgb_jpeg_gdcm.dcm")
    expected = decode(film, Limits()).pixels
    before = {process.pid for process in decompress._idle}
    # Without its Huffman table, gdcm fails an assertion and aborts.
    frame = next(generate_frames(dcmread(BytesIO(film)).PixelData, number_of_frames=1))
    broken = decompress.Compressed(
        content=frame.replace(b"\xff\xc4", b"\xff\x00"),
        transfer_syntax=uid.JPEGLosslessSV1,
        rows=100,
        columns=100,
        samples=3,
        allocated=8,
        stored=8,
        high_bit=7,
        signed=False,
        by_plane=False,
    )
    assert decompress.decompress(broken) is None
    np.testing.assert_array_equal(decode(film, Limits()).pixels, expected)
    assert before.isdisjoint({process.pid for process in decompress._idle})


def test_a_process_that_died_while_it_was_idle_costs_no_film() -> None:
    film = real_film("MR_small_RLE.dcm")
    expected = decode(film, Limits()).pixels
    os.kill(decompress._idle[-1].pid, signal.SIGKILL)
    np.testing.assert_array_equal(decode(film, Limits()).pixels, expected)


def test_want_of_memory_is_not_blamed_on_the_film(monkeypatch: pytest.MonkeyPatch) -> None:
    decompress.close()
    start = decompress._start

    def start_and_kill() -> object:
        process = start()
        process.kill()  # as the system does with what takes too much
        return process

    monkeypatch.setattr(decompress, "_start", start_and_kill)
    with pytest.raises(MemoryError):
        decode(real_film("MR_small_RLE.dcm"), Limits())
    assert not decompress._idle
