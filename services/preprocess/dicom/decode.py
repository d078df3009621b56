"""Decodes DICOM: the first frame, as the file wants it displayed, and its acquisition."""

from services.preprocess.dicom.acquisition import read_acquisition
from services.preprocess.dicom.display import display
from services.preprocess.dicom.header import read_dicom_header
from services.preprocess.dicom.pixels import read_first_frame
from services.preprocess.filetype import FileType
from services.preprocess.film import Frame, Limits

FIRST_FRAME = "Only the first of {frames} frames in the file was read."
NOT_A_RADIOGRAPH = "The modality is {modality}, so the file is not a radiograph."

_RADIOGRAPHS = ("", "CR", "DX", "RG", "OT", "SC")


def decode_dicom(data: bytes, limits: Limits) -> Frame:
    """Decode a DICOM file, after checking its header against the limits."""
    header = read_dicom_header(data, limits)
    acquisition = read_acquisition(header.dataset)
    stored, notes = read_first_frame(header)
    pixels, display_notes = display(stored, header.dataset, header.photometric)
    notes += [*display_notes, *header.notes]
    if header.frames > 1:
        notes.append(FIRST_FRAME.format(frames=header.frames))
    if acquisition.modality not in _RADIOGRAPHS:
        notes.append(NOT_A_RADIOGRAPH.format(modality=acquisition.modality))
    return Frame(
        pixels=pixels,
        bits=stored.bits,
        media_type=FileType.DICOM.value,
        acquisition=acquisition,
        notes=tuple(notes),
    )
