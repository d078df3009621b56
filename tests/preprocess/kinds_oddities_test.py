"""Kinds of streams that are odd and whole, and the holes that must not be taken for them."""

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
from pydicom import uid

from services.preprocess.decode import decode
from services.preprocess.errors import FilmError
from services.preprocess.film import Limits
from tests.support.films import Pixels, dicom, encoded, shades
from tests.support.kinds import Greys, Kind, check
from tests.support.streams import (
    Values,
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

END = b"\xff\xd9"
Change = Callable[[bytes], bytes]


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def before(marker: bytes, inserted: bytes) -> Change:
    """Return a change that inserts bytes before the last marker of its kind."""

    def change(data: bytes) -> bytes:
        at = data.rindex(marker)
        return data[:at] + inserted + data[at:]

    return change


def behind_start(inserted: bytes) -> Change:
    return lambda data: data[:2] + inserted + data[2:]


def scan_said(content: bytes) -> Change:
    """Return a change of the selection and the approximation in the header of the scan."""

    def change(data: bytes) -> bytes:
        at = data.rindex(b"\xff\xda")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        return data[: at - 3] + content + data[at:]

    return change


def version(number: bytes) -> Change:
    return lambda data: data.replace(b"JFIF\0\x01\x01", b"JFIF\0" + number)


def both(first: Change, second: Change) -> Change:
    return lambda data: second(first(data))


TABLES, SCAN = b"\xff\xc4", b"\xff\xda"
PROFILE = segment(0xE2, b"ICC_PROFILE\0\x03\x01" + bytes(10))
ODDITIES: dict[str, tuple[str, Change]] = {
    "end of spectral selection 0": ("T.81 table B.3", scan_said(b"\0\0\0")),
    "start of spectral selection 1": ("T.81 table B.3", scan_said(b"\x01\x3f\0")),
    "successive approximation": ("T.81 table B.3", scan_said(b"\0\x3f\x11")),
    "JFIF version 0.00": ("JFIF 1.02", version(b"\0\0")),
    "JFIF version 2.01": ("JFIF 1.02", version(b"\x02\x01")),
    "two oddities": ("JFIF 1.02", both(version(b"\0\0"), scan_said(b"\0\0\0"))),
    "an ICC profile with a number beyond their count": ("ICC.1 B.4", behind_start(PROFILE)),
    "half an ICC profile": ("ICC.1 B.4", behind_start(segment(0xE2, b"ICC_PROFILE\0\x01\x02"))),
    "Exif that is none": ("T.81 B.2.4.6", behind_start(segment(0xE1, b"Exif\0\0garbage"))),
    "bytes before the tables": ("T.81 B.1.1.2", before(TABLES, b"\x01\x02\x03")),
    "bytes before the scan": ("T.81 B.1.1.2", before(SCAN, b"\0\0\0\0\x47")),
    "a marker of no kind before the scan": ("T.81 table B.1", before(SCAN, b"\xff\x02\xff\x00")),
    "fill bytes before the scan": ("T.81 B.1.1.2", before(SCAN, b"\xff" * 9)),
    "few bytes before the end": ("T.81 B.1.1.2", before(END, b"\x12\x34")),
    "bytes before the end": ("T.81 B.1.1.2", before(END, bytes(range(1, 60)))),
    "zeros before the end": ("T.81 B.1.1.2", before(END, bytes(1000))),
    "fill bytes before the end": ("T.81 B.1.1.2", before(END, b"\xff" * 33)),
    "bytes behind the end": ("T.81 B.2.1", lambda data: data + b"\xff\0 camera" * 99),
}


STRAY = ("few bytes before the end", "bytes before the end")


def greys_of(jpeg: bytes) -> Greys:
    """Decode with the libjpeg-turbo of imagecodecs."""
    grey = imagecodecs.jpeg8_decode(jpeg, outcolorspace="GRAYSCALE").astype(np.float64)
    return np.squeeze(grey) / 255


def in_dicom(jpeg: bytes, shape: Pixels) -> bytes:
    # LINEAR_EXACT from 0 to 255, so that each value is its grey.
    return dicom(
        shape,
        syntax=uid.JPEGBaseline8Bit,
        frame=jpeg,
        WindowCenter=127.5,
        WindowWidth=255,
        VOILUTFunction="LINEAR_EXACT",
    )


def jpeg_kinds() -> Iterator[Kind]:
    pixels = shades()
    colours = np.dstack([pixels] * 3)
    for name, (standard, change) in ODDITIES.items():
        for what, plain in (
            ("grey", encoded(".jpg", pixels)),
            ("colour", encoded(".jpg", colours)),
            ("optimised", encoded(".jpg", pixels, cv2.IMWRITE_JPEG_OPTIMIZE, 1)),
        ):
            odd = change(plain)
            assert odd != plain, name
            greys = partial(greys_of, plain)
            yield Kind(
                name=f"{name}, {what}", standard=standard, make=partial(bytes, odd), greys=greys
            )
            if what == "grey":
                make = partial(in_dicom, odd, pixels)
                yield Kind(name=f"{name}, DICOM", standard=standard, make=make, greys=greys)
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\x07")
    plain = encoded(".jpg", colours)
    yield Kind(
        name="a transform of colours that Adobe does not define",
        standard="T.872 6.5.3",
        make=partial(bytes, behind_start(adobe)(plain)),
        greys=partial(greys_of, plain),
    )
    progressive = encoded(".jpg", pixels, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    for name in ("JFIF version 0.00", "bytes before the scan", "zeros before the end"):
        standard, change = ODDITIES[name]
        yield Kind(
            name=f"{name}, progressive",
            standard=standard,
            make=partial(bytes, change(progressive)),
            greys=partial(greys_of, progressive),
        )


def deep_kinds() -> Iterator[Kind]:
    """Yield the same oddities in JPEG of 12 bits and without loss."""
    values = ramp(12)
    lossy = jpeg_of(values, 12)
    decoded = imagecodecs.jpeg8_decode(lossy).astype(np.int32)
    for name, (standard, change) in ODDITIES.items():
        for syntax, plain, shown in (
            (uid.JPEGExtended12Bit, lossy, decoded),
            (uid.JPEGLosslessSV1, lossless_jpeg_of(values, 12), values),
        ):
            odd = change(plain)
            if syntax == uid.JPEGLosslessSV1 and (
                "spectral" in name or "two" in name or "approx" in name
            ):
                continue  # these fields have another meaning there
            if syntax == uid.JPEGLosslessSV1 and name in STRAY:
                continue  # almost all bytes are codes of samples; see below
            yield Kind(
                name=f"{name}, {syntax.name}",
                standard=standard,
                make=partial(film, odd, syntax, shape=values, WindowCenter=2048, WindowWidth=4096),
                greys=partial(window, shown, 2048, 4096),
            )


PADDINGS = {
    "a zero": b"\0",
    "16 zeros": bytes(16),
    "5000 zeros": bytes(5000),
    "FF": b"\xff" * 40,
    "blanks": b" " * 41,
    "another end": bytes(20) + END + bytes(30),
}


def padded_kinds() -> Iterator[Kind]:
    values, eight = ramp(12), ramp(8)
    streams: tuple[tuple[uid.UID, bytes, Values, int], ...] = (
        (uid.JPEG2000Lossless, jpeg_2000_of(values, 12), values, 12),
        (uid.JPEGLSLossless, jpeg_ls_of(values, 12), values, 12),
        (uid.JPEGLosslessSV1, lossless_jpeg_of(values, 12), values, 12),
        (uid.RLELossless, rle(values.astype(np.uint16)), values, 12),
        (uid.HTJ2KLossless, high_throughput_of(eight.astype(np.uint8)), eight, 8),
        (
            uid.JPEG2000Lossless,
            bytes(
                imagecodecs.jpeg2k_encode(
                    eight.astype(np.uint8), level=0, reversible=True, codecformat="JP2"
                )
            ),
            eight,
            8,
        ),
    )
    for syntax, stream, shown, bits in streams:
        half = 1 << bits - 1
        show: dict[str, Any] = {"BitsStored": bits, "HighBit": bits - 1}
        show |= {"WindowCenter": half, "WindowWidth": 2 * half}
        for name, padding in PADDINGS.items():
            yield Kind(
                name=f"{syntax.name} with {name} behind its end ({len(stream)})",
                standard="PS3.5 A.4: fragments are padded",
                make=partial(film, stream + padding, syntax, shape=shown, **show),
                greys=partial(window, shown, half, 2 * half),
            )
        if stream.endswith(END) and b"\xff\x4f\xff\x51" in stream:
            for name, rest in (("nothing", b""), ("zeros", bytes(7))):
                yield Kind(
                    name=f"{syntax.name} with {name} in place of its end ({len(stream)})",
                    standard="T.800 A.4.2: all tile parts are there, by their lengths",
                    make=partial(film, stream[:-2] + rest, syntax, shape=shown, **show),
                    greys=partial(window, shown, half, 2 * half),
                )


KINDS = (*jpeg_kinds(), *deep_kinds(), *padded_kinds())


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_odd_and_whole_is_read_exactly(kind: Kind) -> None:
    check(kind)


# --- holes ----------------------------------------------------------------------------------------


def is_refused(data: bytes) -> bool:
    try:
        decode(data, Limits())
    except FilmError as error:
        return error.code in ("CORRUPT_IMAGE", "TRUNCATED_IMAGE")
    return False


@pytest.mark.parametrize(
    ("syntax", "stream", "bits"),
    [
        (uid.JPEG2000Lossless, jpeg_2000_of(ramp(12), 12), 12),
        (uid.HTJ2KLossless, high_throughput_of(ramp(8).astype(np.uint8)), 8),
        (uid.JPEGLSLossless, jpeg_ls_of(ramp(12), 12), 12),
        (uid.JPEGLosslessSV1, lossless_jpeg_of(ramp(12), 12), 12),
        (uid.JPEGExtended12Bit, jpeg_of(ramp(12), 12), 12),
        (uid.RLELossless, rle(ramp(12).astype(np.uint16)), 12),
    ],
    ids=lambda value: value.name if isinstance(value, uid.UID) else "",
)
@pytest.mark.parametrize("padding", [b"", bytes(100), b"\xff" * 100], ids=len)
@pytest.mark.parametrize("part", [0.5, 0.9, 0.98])
def test_a_stream_that_was_cut_and_padded_is_refused(
    syntax: uid.UID, stream: bytes, bits: int, padding: bytes, part: float
) -> None:
    cut = stream[: int(len(stream) * part)] + padding
    header = {"BitsStored": bits, "HighBit": bits - 1}
    assert is_refused(film(cut, syntax, shape=ramp(bits), **header))


DEEP = pytest.mark.parametrize(
    ("syntax", "stream"),
    [
        (uid.JPEGLosslessSV1, lossless_jpeg_of(ramp(12), 12)),
        (uid.JPEGExtended12Bit, jpeg_of(ramp(12), 12)),
    ],
    ids=lambda value: value.name if isinstance(value, uid.UID) else "",
)


@DEEP
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_deep_jpeg_of_which_a_part_is_missing_is_refused(
    syntax: uid.UID, stream: bytes, part: float
) -> None:
    at = int(len(stream) * part)
    header = {"BitsStored": 12, "HighBit": 11}
    assert is_refused(film(stream[:at] + END, syntax, shape=ramp(12), **header))
    assert is_refused(film(stream[:at] + stream[at + 150 :], syntax, shape=ramp(12), **header))


@pytest.mark.parametrize(
    ("syntax", "code"),
    [(uid.JPEGLosslessSV1, lossless_jpeg_of), (uid.JPEGExtended12Bit, jpeg_of)],
    ids=lambda value: value.name if isinstance(value, uid.UID) else "",
)
def test_a_deep_jpeg_with_a_hole_is_refused(
    syntax: uid.UID, code: Callable[[Values, int], bytes]
) -> None:
    # The decoder has read all samples before the data end, and calls the rest extraneous.
    smooth = (shades(200, 180, dtype=np.uint16) >> 4).astype(np.float64)
    noisy = np.random.default_rng(12).normal(smooth, 60).clip(0, 4095).astype(np.int32)
    stream = code(noisy, 12)
    for part in range(5, 95, 5):
        at = len(stream) * part // 100
        broken = stream[:at] + bytes(100) + stream[at + 100 :]
        assert is_refused(film(broken, syntax, shape=noisy, BitsStored=12, HighBit=11)), part


def test_bytes_that_may_be_samples_of_a_lossless_jpeg_are_not_passed_over() -> None:
    for name in STRAY:
        odd = ODDITIES[name][1](lossless_jpeg_of(ramp(12), 12))
        header = {"BitsStored": 12, "HighBit": 11}
        assert is_refused(film(odd, uid.JPEGLosslessSV1, shape=ramp(12), **header))


def test_damage_is_seen_however_many_damaged_films_came_before() -> None:
    small = ramp(12)[:16, :16]
    stream = jpeg_of(small, 12)
    header = {"BitsStored": 12, "HighBit": 11}
    broken = film(
        stream[: len(stream) * 2 // 3] + END, uid.JPEGExtended12Bit, shape=small, **header
    )
    # Each one leaves two warnings, of more than 80 bytes; of all, 64 KiB were read.
    assert all(is_refused(broken) for _ in range(850))


@pytest.mark.parametrize("colours", [1, 3])
def test_bytes_that_look_like_many_blocks_take_no_long_time(colours: int) -> None:
    data = encoded(".jpg", np.dstack([shades()] * colours))
    blocks = 0b001010001010001010001010.to_bytes(3, "big")  # of the usual tables, all empty
    odd = data[:-2] + blocks * 20_000 + b"\x12" + END
    started = time.process_time()
    with suppress(FilmError):
        decode(odd, Limits())
    assert time.process_time() - started < 20


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_OPTIMIZE, 1)])
@pytest.mark.parametrize("colours", [1, 3])
def test_no_hole_that_libjpeg_sees_passes_for_stray_bytes(
    colours: int, options: tuple[int, ...]
) -> None:
    generator = random.Random(12)
    noisy = np.random.default_rng(12).normal(shades(160, 160), 12).clip(0, 255).astype(np.uint8)
    data = encoded(".jpg", np.dstack([noisy] * colours), *options)
    first = data.rindex(SCAN) + 14
    seen = 0
    for _ in range(150):
        at, length = generator.randrange(first, len(data) - 300), generator.choice((1, 20, 250))
        hole = generator.choice((bytes(length), b"", generator.randbytes(length)))
        broken = data[:at] + hole + data[at + length :]
        try:
            read_strictly(broken)
        except ValueError:
            seen += 1
            assert is_refused(broken)
    assert seen > 30


@pytest.mark.parametrize("filling", [b"\0", b" "])
@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.98])
def test_a_jpeg_whose_rest_is_filling_is_refused(
    part: float, progressive: int, filling: bytes
) -> None:
    data = encoded(".jpg", shades(), cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    at = int(len(data) * part)
    assert is_refused(data[:at] + filling * 5000 + END)


def read_strictly(jpeg: bytes) -> None:
    """Raise for every warning of libjpeg-turbo."""
    simplejpeg.decode_jpeg(jpeg, colorspace="GRAY", strict=True)
