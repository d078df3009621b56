"""Decode DICOM: the first frame, as the file asks to show it, and how the film was taken."""

from services.preprocess.dicom_display import display
from services.preprocess.dicom_header import read_acquisition, read_dicom_header
from services.preprocess.dicom_pixels import read_first_frame
from services.preprocess.filetype import FileType
from services.preprocess.film import Frame, Limits

FIRST_FRAME = "Only the first of {frames} frames in the file was read."
NO_RADIOGRAPH = "The modality is {modality}: the file is no radiograph."

_RADIOGRAPHS = ("", "CR", "DX", "RG", "OT", "SC")


def decode_dicom(data: bytes, limits: Limits) -> Frame:
    """Decode a DICOM file, whose header must keep the limits."""
    header = read_dicom_header(data, limits)
    acquisition = read_acquisition(header.dataset)
    stored = read_first_frame(header)
    pixels, notes = display(stored, header.dataset, header.photometric)
    if header.frames > 1:
        notes.append(FIRST_FRAME.format(frames=header.frames))
    if acquisition.modality not in _RADIOGRAPHS:
        notes.append(NO_RADIOGRAPH.format(modality=acquisition.modality))
    return Frame(
        pixels=pixels,
        bits=stored.bits,
        media_type=FileType.DICOM.value,
        acquisition=acquisition,
        notes=tuple(notes),
    )
