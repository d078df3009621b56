"""What can be wrong with a film, in words for a doctor.

Every error here is final: the same bytes would fail again. Each takes typed values and builds its
own sentence, which is shown as it stands, so none may carry anything read out of the file but
numbers and names from the standards.
"""

from typing import ClassVar


class FilmError(Exception):
    """The film cannot be read, now or later."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False


class EmptyFileError(FilmError):
    """There is nothing in the file."""

    code = "EMPTY_FILE"

    def __init__(self) -> None:
        super().__init__("The file is empty.")


class UnsupportedFileTypeError(FilmError):
    """The file is something else than an image that we read."""

    code = "UNSUPPORTED_FILE_TYPE"

    def __init__(self, found: str | None) -> None:
        """Name what was found, with its article ("a PDF document"), where it is known."""
        self.found = found
        what = f"This is {found}" if found else "This file is of an unknown kind"
        super().__init__(
            f"{what}, not a radiograph that can be read. "
            "Please send DICOM, PNG, JPEG, TIFF, BMP or WebP."
        )


class CorruptImageError(FilmError):
    """The file says that it is an image, and its content contradicts it."""

    code = "CORRUPT_IMAGE"

    def __init__(self, kind: str) -> None:
        """Name the kind of file, such as "PNG"."""
        self.kind = kind
        super().__init__(
            f"The {kind} file is damaged and cannot be read. Please export the film again."
        )


class TruncatedImageError(FilmError):
    """The end of the file is missing."""

    code = "TRUNCATED_IMAGE"

    def __init__(self, kind: str) -> None:
        """Name the kind of file, such as "PNG"."""
        self.kind = kind
        super().__init__(
            f"The {kind} file is incomplete: its end is missing. Please send the film again."
        )


class ImageTooLargeError(FilmError):
    """Reading the image would take more memory than one film may have."""

    code = "IMAGE_TOO_LARGE"

    @classmethod
    def of_pixels(cls, width: int, height: int, limit: int) -> "ImageTooLargeError":
        """Say that there are more than `limit` pixels."""
        return cls(
            f"The image is {width} x {height} pixels, more than the {limit / 1e6:g} million "
            "that are allowed."
        )

    @classmethod
    def of_pages(cls, limit: int) -> "ImageTooLargeError":
        """Say that there are more than `limit` pages."""
        return cls(f"The file has more than {limit} pages. Please send one film a file.")

    @classmethod
    def of_expansion(cls, ratio: float, limit: int) -> "ImageTooLargeError":
        """Say that the image would be more than `limit` times as large as its file."""
        return cls(
            f"The image would unpack to {ratio:.0f} times the size of its file, more than the "
            f"{limit} times that are allowed."
        )


class UnsupportedPixelFormatError(FilmError):
    """The pixels are of a kind that no radiograph has."""

    code = "UNSUPPORTED_PIXEL_FORMAT"

    def __init__(self, found: str) -> None:
        """Name what was found, such as "32 bits a sample"."""
        self.found = found
        super().__init__(
            f"The image has {found}. Radiographs of 8 to 16 bits, in grey or in colour, "
            "can be read."
        )


class DicomWithoutPixelsError(FilmError):
    """The DICOM object holds no image."""

    code = "DICOM_WITHOUT_PIXELS"

    def __init__(self, found: str) -> None:
        """Name the DICOM object with its article, such as "a structured report"."""
        self.found = found
        super().__init__(f"The DICOM file holds no image: it is {found}.")


class UnsupportedTransferSyntaxError(FilmError):
    """The DICOM pixels are compressed in a way that we do not read."""

    code = "UNSUPPORTED_TRANSFER_SYNTAX"

    def __init__(self, name: str) -> None:
        """Give its name in the standard, or its identifier; empty for what is no identifier."""
        self.name = name
        how = f"as {name}" if name else "in a way that has no name"
        super().__init__(
            f"The DICOM image is stored {how}, which cannot be read. Please export it "
            "uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE."
        )


class InvalidDisplayWindowError(FilmError):
    """The DICOM file asks for a display that shows nothing."""

    code = "INVALID_DISPLAY_WINDOW"

    def __init__(self, center: float | None, width: float | None) -> None:
        """Give what the file has of a window, or neither where a look-up table is at fault."""
        self.center, self.width = center, width
        centre, wide = ("missing" if each is None else f"{each:g}" for each in (center, width))
        asked = (
            "look-up table"
            if center is None and width is None
            else f"window (centre {centre}, width {wide})"
        )
        super().__init__(
            f"The display {asked} in the DICOM file shows nothing of the film. "
            "Please export it again with a valid window."
        )
