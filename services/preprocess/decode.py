"""Decodes the bytes of a file to a greyscale film, or raises an error for clinicians."""

from services.preprocess.dicom.decode import decode_dicom
from services.preprocess.errors import (
    CorruptImageError,
    EmptyFileError,
    FilmError,
    UnsupportedFileTypeError,
)
from services.preprocess.filetype import FileType, identify, name_unsupported
from services.preprocess.film import Frame, Limits
from services.preprocess.raster.decode import decode_raster


def decode(data: bytes, limits: Limits) -> Frame:
    """Decode the first picture in a file of any supported type.

    Raises:
        FilmError: The file can never be read.
        MemoryError: This worker has too little memory; another one may have enough.
    """
    if not data:
        raise EmptyFileError
    file_type = identify(data)
    if file_type is None:
        raise UnsupportedFileTypeError(name_unsupported(data))
    try:
        if file_type is FileType.DICOM:
            return decode_dicom(data, limits)
        return decode_raster(data, file_type, limits)
    except (FilmError, MemoryError):
        raise
    except Exception as error:
        # On garbage, parsers raise more than they document. The cause is kept for the log.
        raise CorruptImageError(file_type.label) from error
