"""The bytes of a file in, a film in grey out; or an error that a doctor understands."""

from services.preprocess.dicom import decode_dicom
from services.preprocess.errors import (
    CorruptImageError,
    EmptyFileError,
    FilmError,
    UnsupportedFileTypeError,
)
from services.preprocess.filetype import FileType, identify, name_foreign
from services.preprocess.film import Frame, Limits
from services.preprocess.raster import decode_raster


def decode(data: bytes, limits: Limits) -> Frame:
    """Decode the first picture in a file, whatever kind of image it is.

    Raises:
        FilmError: The file can never be read.
        MemoryError: The worker has too little memory left; elsewhere the file may be read.
    """
    if not data:
        raise EmptyFileError
    file_type = identify(data)
    if file_type is None:
        raise UnsupportedFileTypeError(name_foreign(data))
    try:
        if file_type is FileType.DICOM:
            return decode_dicom(data, limits)
        return decode_raster(data, file_type, limits)
    except (FilmError, MemoryError):
        raise
    except Exception as error:
        # Parsers meet garbage in more ways than they document. The cause is kept for the log.
        raise CorruptImageError(file_type.label) from error
