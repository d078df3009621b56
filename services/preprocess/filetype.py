"""Identifies files by their content; the name and media type of an upload are ignored."""

from codecs import getincrementaldecoder
from enum import Enum

# Names of unsupported files in the error message: signature, offset, name.
_UNSUPPORTED = (
    (b"%PDF-", 0, "a PDF document"),
    (b"PK\x03\x04", 0, "a ZIP archive"),
    (b"PK\x05\x06", 0, "an empty ZIP archive"),
    (b"Rar!", 0, "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"BZh", 0, "a bzip2 archive"),
    (b"\xfd7zXZ\x00", 0, "an xz archive"),
    (b"\x28\xb5\x2f\xfd", 0, "a Zstandard archive"),
    (b"ustar", 257, "a tar archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "a Microsoft Office document"),
    (b"{\\rtf", 0, "a text document"),
    (b"ftypheic", 4, "a HEIC photograph"),
    (b"ftypheix", 4, "a HEIC photograph"),
    (b"ftypmif1", 4, "a HEIC photograph"),
    (b"ftypavif", 4, "an AVIF picture"),
    (b"ftypqt", 4, "a QuickTime video"),
    (b"ftyp", 4, "an MP4 video"),
    (b"moov", 4, "a QuickTime video"),
    (b"\x1a\x45\xdf\xa3", 0, "a Matroska or WebM video"),
    (b"AVI ", 8, "an AVI video"),
    (b"WAVE", 8, "a sound recording"),
    (b"\x00\x00\x01\xba", 0, "an MPEG video"),
    (b"\x00\x00\x01\xb3", 0, "an MPEG video"),
    (b"FLV\x01", 0, "a Flash video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, "a Windows Media video"),
    (b"OggS", 0, "a sound recording or a video"),
    (b"ID3", 0, "a sound recording"),
    (b"GIF87a", 0, "a GIF picture"),
    (b"GIF89a", 0, "a GIF picture"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", 0, "a JPEG 2000 picture outside DICOM"),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000 picture outside DICOM"),
    (b"\xff\x0a", 0, "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", 0, "a JPEG XL picture"),
    (b"8BPS", 0, "a Photoshop picture"),
    (b"n+1\x00", 344, "a NIfTI volume"),
    (b"\x7fELF", 0, "a program"),
    (b"MZ", 0, "a program"),
    (b"<?xml", 0, "an XML document"),
    (b"<svg", 0, "an SVG drawing"),
)

# Control characters that do not occur in text.
_NOT_IN_TEXT = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))


class FileType(Enum):
    """The supported types of file, with their media types."""

    DICOM = "application/dicom"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    BMP = "image/bmp"
    WEBP = "image/webp"

    @property
    def label(self) -> str:
        """The name in messages."""
        return "WebP" if self is FileType.WEBP else self.name


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", FileType.PNG),
    (b"\xff\xd8\xff", FileType.JPEG),
    (b"II*\x00", FileType.TIFF),
    (b"MM\x00*", FileType.TIFF),
    (b"II+\x00", FileType.TIFF),
    (b"MM\x00+", FileType.TIFF),
    (b"RIFF", FileType.WEBP),
    (b"BM", FileType.BMP),
)


def identify(data: bytes) -> FileType | None:
    """Return the type of a file, or None if it is not supported."""
    # DICOM first: its preamble is arbitrary, and may contain the header of another type.
    if data[128:132] == b"DICM" or _is_bare_dicom(data):
        return FileType.DICOM
    file_type = next((kind for start, kind in _SIGNATURES if data.startswith(start)), None)
    if file_type is FileType.WEBP and data[8:12] != b"WEBP":
        return None
    # Text may start with "BM", so the length of the header must be a known one as well.
    if file_type is FileType.BMP and data[14:18] not in _BMP_HEADERS:
        return None
    return file_type


def name_unsupported(data: bytes) -> str | None:
    """Name an unsupported file with its article, or return None if it is unknown."""
    for signature, offset, name in _UNSUPPORTED:
        if data.startswith(signature, offset):
            return name
    head = data[:1024].lstrip()
    if head[:5].lower() in (b"<html", b"<!doc"):
        return "a web page"
    if head.startswith(b"%PDF-"):
        return "a PDF document"
    return "a text file" if _is_text(head) else None


_LONGEST_FIRST_VALUE = 64  # bytes, the length of a UID
_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))


def _is_bare_dicom(data: bytes) -> bool:
    """Recognise DICOM without preamble by the VR of its first element, of group 2 or 8.

    Implicit VR has none; there the first value must be short.
    """
    if data[:2] not in (b"\x02\x00", b"\x08\x00") or data[3:4] != b"\x00":
        return False
    if data[4:6] in (b"UL", b"UI", b"CS", b"OB", b"SH", b"DA", b"TM", b"LO"):
        return True
    return data[:2] == b"\x08\x00" and data[4] <= _LONGEST_FIRST_VALUE and data[5:8] == bytes(3)


def _is_text(head: bytes) -> bool:
    if not head or head.translate(None, _NOT_IN_TEXT) != head:
        return False
    try:
        getincrementaldecoder("utf-8")().decode(head)  # tolerates a character cut at the end
    except UnicodeDecodeError:
        return False
    return True
