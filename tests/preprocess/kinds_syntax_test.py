"""Kinds of files that say nothing, or something untrue, of how their pixels are stored."""

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import uid

from services.preprocess.decode import decode
from services.preprocess.dicom.stream import UNSAID, UNTRUE
from services.preprocess.errors import FilmError
from services.preprocess.film import Limits
from tests.support.films import dicom
from tests.support.kinds import Greys, Kind, check
from tests.support.streams import (
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

SAYS = "PS3.5 10.1 and A.4: the transfer syntax; the pixels show what it should be"
VALUES = ramp(12)
SHOW: dict[str, Any] = {
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "WindowCenter": 2048,
    "WindowWidth": 4096,
}
LOSSY = jpeg_of(ramp(12), 12)
STREAMS: dict[str, tuple[uid.UID, bytes]] = {
    "JPEG of more than 8 bits": (uid.JPEGExtended12Bit, LOSSY),
    "lossless JPEG": (uid.JPEGLosslessSV1, lossless_jpeg_of(VALUES, 12)),
    "JPEG-LS": (uid.JPEGLSLossless, jpeg_ls_of(VALUES, 12)),
    "JPEG 2000": (uid.JPEG2000Lossless, jpeg_2000_of(VALUES, 12)),
    "High-Throughput JPEG 2000": (
        uid.HTJ2KLossless,
        high_throughput_of(VALUES.astype(np.uint16)),
    ),
    "RLE": (uid.RLELossless, rle(VALUES.astype(np.uint16))),
}
SAID = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000,
    uid.HTJ2K,
    uid.MPEG4HP41,
)
PRIVATE = "1.2.826.0.1.3680043.999.4"


def renamed(data: bytes, syntax: str | None) -> bytes:
    """Return a file that names another transfer syntax, or none, and is as it was otherwise."""
    at = data.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(data[at + 6 : at + 8], "little")
    value = (syntax or "").encode()
    value += b"\0" * (len(value) % 2)
    element = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(value)) + value
    return data[:at] + (element if syntax else b"") + data[at + 8 + length :]


def without_meta(data: bytes) -> bytes:
    """Return a file without preamble and group 2."""
    length = int.from_bytes(data[140:144], "little")
    return data[144 + length :]


def as_value(data: bytes, frame: bytes) -> bytes:
    """Return a file whose pixels are not in fragments, but of the length that the element says."""
    at = data.rindex(b"\xe0\x7f\x10\x00OB\0\0") + 8
    return data[:at] + struct.pack("<I", len(frame)) + frame


def with_table(data: bytes, table: bytes) -> bytes:
    """Return a file with this in place of the first item of its pixels, which is empty."""
    at = data.rindex(b"\xe0\x7f\x10\x00OB\0\0") + 12
    return data[:at] + table + data[at + 8 + int.from_bytes(data[at + 4 : at + 8], "little") :]


def greys_of(name: str) -> Greys:
    if name == "JPEG of more than 8 bits":
        return window(imagecodecs.jpeg8_decode(LOSSY).astype(np.int32), 2048, 4096)
    return window(VALUES, 2048, 4096)


def compressed_kinds() -> Iterator[Kind]:
    for found, (true, frame) in STREAMS.items():
        greys = partial(greys_of, found)
        data = film(frame, true, shape=VALUES, **SHOW)
        for said in SAID:
            if said.name == true.name or (found, said) == ("High-Throughput JPEG 2000", uid.HTJ2K):
                continue
            if (found, said) == ("JPEG 2000", uid.JPEG2000):
                continue
            yield Kind(
                name=f"{found}, called {said.name}",
                standard=SAYS,
                make=partial(renamed, data, said),
                greys=greys,
                notes=(UNTRUE.format(said=said.name, found=found),),
            )
        yield Kind(
            name=f"{found}, of a private name",
            standard=SAYS,
            make=partial(renamed, data, PRIVATE),
            greys=greys,
            notes=(UNTRUE.format(said=PRIVATE, found=found),),
        )
        for what, nameless in (
            ("transfer syntax", renamed(data, None)),
            ("file meta information", without_meta(data)),
        ):
            yield Kind(
                name=f"{found}, without {what}",
                standard=SAYS,
                make=partial(bytes, nameless),
                greys=greys,
                notes=(UNSAID.format(found=found),),
            )
        for what, table in (
            ("no table of offsets", b""),
            ("an odd table of offsets", b"\xfe\xff\x00\xe0\x06\0\0\0" + bytes(6)),
        ):
            yield Kind(
                name=f"{found}, with {what}",
                standard="PS3.5 A.4: the first item is a table, which may be empty",
                make=partial(with_table, data, table),
                greys=greys,
            )
        if found != "RLE":
            yield Kind(
                name=f"{found}, not in fragments",
                standard="PS3.5 A.4: compressed pixels are in fragments",
                make=partial(as_value, data, frame),
                greys=greys,
            )
            yield Kind(
                name=f"{found}, not in fragments, called uncompressed",
                standard=SAYS,
                make=partial(renamed, as_value(data, frame), uid.ExplicitVRLittleEndian),
                greys=greys,
                notes=(UNTRUE.format(said="Explicit VR Little Endian", found=found),),
            )


def native(syntax: uid.UID) -> bytes:
    """Write uncompressed pixels in one of the four encodings."""
    order = "<" if syntax.is_little_endian else ">"
    return dicom(VALUES.astype(f"{order}u2"), syntax=syntax, **SHOW)


ENCODINGS = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)


def native_kinds() -> Iterator[Kind]:
    greys = partial(window, VALUES, 2048, 4096)
    for true in ENCODINGS:
        data = native(true)
        for said in (*ENCODINGS, uid.JPEGBaseline8Bit, uid.JPEG2000, uid.RLELossless):
            notes = () if said == true else (UNTRUE.format(said=said.name, found=true.name),)
            yield Kind(
                name=f"{true.name}, called {said.name}",
                standard=SAYS,
                make=partial(renamed, data, said),
                greys=greys,
                notes=notes,
            )
        yield Kind(
            name=f"{true.name}, without transfer syntax",
            standard=SAYS,
            make=partial(renamed, data, None),
            greys=greys,
            notes=(UNSAID.format(found=true.name),),
        )
    pixels = VALUES.astype("<u2").tobytes()
    for said in (
        uid.UID("1.2.840.10008.1.2.1.98"),
        uid.ExplicitVRLittleEndian,
        uid.JPEGBaseline8Bit,
    ):
        data = renamed(film(pixels, uid.JPEGBaseline8Bit, shape=VALUES, **SHOW), said)
        untrue = UNTRUE.format(said=uid.JPEGBaseline8Bit.name, found="Explicit VR Little Endian")
        yield Kind(
            name=f"uncompressed pixels in fragments, called {said}",
            standard="PS3.5 A.4: uncompressed pixels in fragments are a syntax of their own",
            make=partial(bytes, data),
            greys=greys,
            notes=(untrue,) if said == uid.JPEGBaseline8Bit else (),
        )


KINDS = (*compressed_kinds(), *native_kinds())


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_file_that_says_something_else_of_its_pixels_is_read_with_a_note(kind: Kind) -> None:
    check(kind)


def test_uncompressed_pixels_of_an_unknown_syntax_are_not_guessed() -> None:
    # Nothing in them tells the byte order.
    with pytest.raises(FilmError, match=PRIVATE) as caught:
        decode(renamed(native(uid.ExplicitVRLittleEndian), PRIVATE), Limits())
    assert caught.value.code == "UNSUPPORTED_TRANSFER_SYNTAX"


def test_fragments_that_show_nothing_are_not_called_damaged() -> None:
    data = renamed(film(b"\x12\x34" * 99, uid.JPEGBaseline8Bit, shape=VALUES, **SHOW), None)
    with pytest.raises(FilmError) as caught:
        decode(data, Limits())
    assert caught.value.code == "UNSUPPORTED_TRANSFER_SYNTAX"


def test_arithmetic_coding_is_named() -> None:
    frame = LOSSY.replace(b"\xff\xc1", b"\xff\xc9")
    with pytest.raises(FilmError, match="arithmetic-coded or hierarchical JPEG") as caught:
        decode(film(frame, uid.JPEGExtended12Bit, shape=VALUES, **SHOW), Limits())
    assert caught.value.code == "UNSUPPORTED_TRANSFER_SYNTAX"


def test_what_is_called_deflated_and_is_cut_is_incomplete() -> None:
    data = native(uid.DeflatedExplicitVRLittleEndian)
    with pytest.raises(FilmError) as caught:
        decode(data[: len(data) * 2 // 3], Limits())
    assert caught.value.code == "TRUNCATED_IMAGE"
