"""Errors of a film, with sentences for clinicians.

Every error here is final: the same bytes would fail again. Each takes typed values and builds its
own sentence, which is shown unchanged. So a sentence contains nothing from the file except numbers
and names that a standard defines.
"""

import re
from typing import ClassVar


class FilmError(Exception):
    """The film cannot be read, now or later."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False


class EmptyFileError(FilmError):
    """The file is empty."""

    code = "EMPTY_FILE"

    def __init__(self) -> None:
        super().__init__("The file is empty.")


class UnsupportedFileTypeError(FilmError):
    """The file is not an image of a supported type."""

    code = "UNSUPPORTED_FILE_TYPE"

    def __init__(self, found: str | None) -> None:
        """Name what was found with its article ("a PDF document"), or None if it is unknown."""
        self.found = found
        what = f"This is {found}" if found else "This file is of an unknown type"
        super().__init__(
            f"{what}, not a radiograph in a supported format. "
            "Please send DICOM, PNG, JPEG, TIFF, BMP or WebP."
        )


class CorruptImageError(FilmError):
    """The file claims to be an image, and its content contradicts that."""

    code = "CORRUPT_IMAGE"

    def __init__(self, kind: str, contradiction: str = "") -> None:
        """Name the type of file, such as "PNG", and what in it is contradictory, if that is known.

        A contradiction is a clause with a verb, such as "the header has 0 rows". The file may be as
        its program wrote it, so the sentence does not call it damaged.
        """
        self.kind, self.contradiction = kind, contradiction
        super().__init__(
            f"The {kind} file cannot be read: {contradiction}. "
            "Please export the film with another program or in another format."
            if contradiction
            else f"The {kind} file is damaged or does not follow its format, and cannot be read. "
            "Please export the film again or in another format."
        )


class TruncatedImageError(FilmError):
    """The end of the file is missing."""

    code = "TRUNCATED_IMAGE"

    def __init__(self, kind: str) -> None:
        """Name the type of file, such as "PNG"."""
        self.kind = kind
        super().__init__(
            f"The {kind} file is incomplete: its end is missing. "
            "Please export the film and send it again."
        )


class ImageTooLargeError(FilmError):
    """Reading the image would take more memory than one film may use."""

    code = "IMAGE_TOO_LARGE"

    @classmethod
    def of_pixels(cls, width: int, height: int, limit: int) -> "ImageTooLargeError":
        """Make the error for more than `limit` pixels."""
        return cls(
            f"The image has {width} x {height} pixels, more than the limit of "
            f"{limit / 1e6:g} million."
        )

    @classmethod
    def of_pages(cls, limit: int) -> "ImageTooLargeError":
        """Make the error for more than `limit` pages."""
        return cls(f"The file has more than {limit} pages. Please send one film per file.")

    @classmethod
    def of_expansion(cls, ratio: float, limit: int) -> "ImageTooLargeError":
        """Make the error for an image of more than `limit` times the size of its file."""
        return cls(
            f"The image would expand to {ratio:.0f} times the size of its file, more than the "
            f"limit of {limit} times."
        )


class UnsupportedPixelFormatError(FilmError):
    """The pixel format is not one of a radiograph."""

    code = "UNSUPPORTED_PIXEL_FORMAT"

    def __init__(self, found: str) -> None:
        """Name what was found, such as "32 bits per sample"."""
        self.found = found = re.sub(r"^1 bits", "1 bit", found)
        super().__init__(
            f"The image has {found}. Supported are radiographs of 2 to 16 bits, in greyscale "
            "or colour."
        )


class DicomWithoutPixelsError(FilmError):
    """The DICOM object contains no image."""

    code = "DICOM_WITHOUT_PIXELS"

    def __init__(self, found: str) -> None:
        """Name the DICOM object with its article, such as "a structured report"."""
        self.found = found
        super().__init__(f"The DICOM file contains no image: it is {found}.")


class UnsupportedTransferSyntaxError(FilmError):
    """The DICOM pixels have a compression that is not supported."""

    code = "UNSUPPORTED_TRANSFER_SYNTAX"

    def __init__(self, name: str) -> None:
        """Give its name in the standard, or its identifier; empty if the identifier is invalid."""
        self.name = name
        how = f"as {name}" if name else "with an invalid transfer syntax"
        super().__init__(
            f"The DICOM image is stored {how}, which is not supported. Please export it "
            "uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE."
        )
