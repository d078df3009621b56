"""The program in which gdcm decompresses, outside the worker; `decompress.py` runs it.

gdcm aborts its process on certain damage (failed assertions, for about one in 500 broken JPEG-LS
and lossless JPEG films). Here that affects only a film that could not be read anyway. The program
is run by its path and imports nothing of ours, so that it starts in a tenth of a second.

It reads requests from standard input, and writes the replies to standard output.
"""

import ctypes
import os
import resource
import signal
import struct
import sys

import gdcm

# Rows, columns; samples, bits allocated, bits stored, high bit, signed, by plane; the transfer
# syntax; seconds allowed, bytes of the frame that follow.
REQUEST = struct.Struct(">II6B64sII")
# Bytes that follow, or -1 if gdcm fails; whether they are ordered by plane.
ANSWER = struct.Struct(">q?")


def main() -> None:
    """Serve requests until standard input ends."""
    # No core dumps: the memory contains patient data.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        *shape, syntax, seconds, length = REQUEST.unpack(head)
        frame = requests.read(length)
        # By default this signal ends the process, even if a decoder hangs.
        signal.alarm(seconds)
        _answer(answers.fileno(), frame, shape, syntax.rstrip(b"\0").decode())
        signal.alarm(0)


def _answer(descriptor: int, frame: bytes, shape: list[int], syntax: str) -> None:
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
    if value is None:
        _write(descriptor, ANSWER.pack(-1, 0))
        return
    # Written from the memory of gdcm, which would otherwise copy it into a str first.
    length = int(str(value.GetLength()))
    content = (ctypes.c_char * length).from_address(int(value.GetVoidPointer()))
    planes = change.GetOutput().GetPlanarConfiguration() == 1
    _write(descriptor, ANSWER.pack(length, planes))
    _write(descriptor, memoryview(content))


def _write(descriptor: int, content: bytes | memoryview) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    main()
