"""The program in which films are decompressed, outside the worker; `decompress.py` runs it.

gdcm aborts its process on certain damage (failed assertions, for about one in 500 broken lossless
JPEG films). Here that affects only a film that could not be read anyway. JPEG-LS is left to CharLS,
which neither aborts nor releases the GIL (decision 20). The program is run by its path and imports
nothing of ours, so that it starts in a tenth of a second.

It reads requests from standard input, and writes the replies to standard output.
"""

import ctypes
import os
import re
import resource
import signal
import struct
import sys
from importlib import import_module

import gdcm

# Rows, columns; samples, bits allocated, bits stored, high bit, signed, by plane; the transfer
# syntax; seconds allowed, bytes of the frame that follow.
REQUEST = struct.Struct(">II6B64sII")
# Bytes that follow, or -1 if they cannot be had; whether they are ordered by plane, and whether
# bytes were left over before the end marker of a JPEG.
ANSWER = struct.Struct(">q??")
_FAILED = ANSWER.pack(-1, 0, 0)
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
# What the libjpeg in gdcm writes to standard error when it had to guess.
_LEFT_OVER = rb"\d+ extraneous bytes before marker 0xd9"
_DAMAGE = re.compile(rb"Corrupt JPEG data: (?!" + _LEFT_OVER + rb")|Premature end")


def main() -> None:
    """Serve requests until standard input ends."""
    # No core dumps: the memory contains patient data.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    warnings = os.memfd_create("warnings")
    os.dup2(warnings, 2)
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        *shape, syntax, seconds, length = REQUEST.unpack(head)
        frame = requests.read(length)
        # By default this signal ends the process, even if a decoder hangs.
        signal.alarm(seconds)
        os.ftruncate(warnings, 0)
        os.lseek(warnings, 0, os.SEEK_SET)  # else the next warning is written where the last ended
        name = syntax.rstrip(b"\0").decode()
        if name in _JPEG_LS:
            _answer_with_charls(answers.fileno(), frame)
        else:
            _answer_with_gdcm(answers.fileno(), frame, shape, name, warnings)
        signal.alarm(0)


def _answer_with_charls(descriptor: int, frame: bytes) -> None:
    charls = import_module("_CharLS")  # with numpy, so only when it is needed
    try:
        header, content = charls.read_header(frame), charls._decode(frame)  # noqa: SLF001 - public as jpeg_ls.decode_buffer, whose package starts slowly
    except RuntimeError:
        _write(descriptor, _FAILED)
        return
    by_plane = header["components"] > 1 and header["interleave_mode"] == 0
    _write(descriptor, ANSWER.pack(len(content), by_plane, 0))
    _write(descriptor, content)


def _answer_with_gdcm(
    descriptor: int, frame: bytes, shape: list[int], syntax: str, warnings: int
) -> None:
    rows, columns, samples, allocated, stored, high_bit, signed, by_plane = shape
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    # Irrelevant for decompression, but gdcm aborts if it is not what it expects.
    colours = gdcm.PhotometricInterpretation
    photometric = colours(colours.MONOCHROME2 if samples == 1 else colours.RGB)
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(photometric)
    if samples > 1:
        image.SetPlanarConfiguration(by_plane)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, stored, high_bit, signed))
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ImplicitVRLittleEndian))
    change.SetInput(image)
    image.thisown = False  # it is freed with `change`; freeing it twice would crash
    value = change.GetOutput().GetDataElement().GetByteValue() if change.Change() else None
    warned = os.pread(warnings, 1 << 16, 0)
    if value is None or _DAMAGE.search(warned):
        _write(descriptor, _FAILED)
        return
    # Written from the memory of gdcm, which would otherwise copy it into a str first.
    length = int(str(value.GetLength()))
    content = (ctypes.c_char * length).from_address(int(value.GetVoidPointer()))
    planes = change.GetOutput().GetPlanarConfiguration() == 1
    _write(descriptor, ANSWER.pack(length, planes, re.search(_LEFT_OVER, warned) is not None))
    _write(descriptor, memoryview(content))


def _write(descriptor: int, content: bytes | bytearray | memoryview) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    main()
