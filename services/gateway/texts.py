"""Texts of a request, decoded as their sender declared and never by guess.

Bytes that cannot be decoded are refused. Replacing them would turn "Müller" and "Möller" into the
same patient.
"""

import codecs
import encodings
import encodings.aliases
import pkgutil
import re
from email.message import Message
from urllib.parse import parse_qsl, unquote_to_bytes

from services.gateway.errors import InvalidBodyError, InvalidFieldError

# Codecs of Python that are not charsets: escapes, names of domains, and one that may produce
# unpaired surrogates.
_NOT_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"} | {
    *("utf_7", "utf7", "u7", "unicode_1_1_utf_7", "aliases"),
}
# A fixed list, because Python remembers every unknown name that it is asked for.
_CHARSETS = {
    *(module.name for module in pkgutil.iter_modules(encodings.__path__)),
    *encodings.aliases.aliases,
} - _NOT_CHARSETS

# Names without a codec in Python, from the Encoding Standard or from Java and MySQL.
_OTHER_NAMES = {
    **dict.fromkeys(("windows_31j", "x_sjis", "x_ms932_0213"), "cp932"),
    **dict.fromkeys(("x_windows_949", "windows_949"), "cp949"),
    "windows_874": "cp874",
    "x_gbk": "gbk",
    "iso_8859_8_i": "iso8859_8",
    "utf8mb4": "utf_8",
}
# What browsers and Windows send under the name of a smaller charset (WHATWG Encoding Standard); it
# is used for a text with characters that the smaller one does not have, such as a Japanese 髙.
_WIDER = {
    "iso8859-1": "cp1252",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "euc_kr": "cp949",
}
_C1 = re.compile("[\x80-\x9f]")

# Far more than any header has; the time that parsing takes grows with their square.
_PARAMETERS = 100
_ASCII = b'form-data; name="a"; filename="b.c"'


def decode(raw: bytes, field: str, charset: str = "") -> str:
    """Decode the text of a field in the declared charset, or in UTF-8 if none is declared.

    Raises:
        InvalidFieldError: the text is not in this charset, or the charset is unknown.
    """
    name = encodings.normalize_encoding(charset or "utf-8").lower()
    name = _OTHER_NAMES.get(name, name)
    if name not in _CHARSETS:
        raise InvalidFieldError(field, f"the charset {charset!r} is unknown")
    try:
        text = _decode(raw, codecs.lookup(name).name)
    except UnicodeError:
        declared = f"it is not in the declared charset {charset}"
        undeclared = "it is not UTF-8, and no charset is declared"
        raise InvalidFieldError(field, declared if charset else undeclared) from None
    except LookupError:
        # Such as base64, which Python counts among the encodings.
        raise InvalidFieldError(field, f"the charset {charset!r} is unknown") from None
    # A mark in front of the text, as editors on Windows write it, is no part of the text.
    return text.removeprefix("\ufeff")


def _decode(raw: bytes, codec: str) -> str:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        if codec not in _WIDER:
            raise
        return raw.decode(_WIDER[codec])
    # ISO-8859-1 has control characters that nobody means where Windows has quotes and the euro.
    return raw.decode("cp1252") if codec == "iso8859-1" and _C1.search(text) else text


def for_headers(charset: str) -> str:
    """Return the charset if headers can be written in it, which are ASCII but for their texts.

    UTF-16 is none of these: who declares it for a form writes the headers of its parts in UTF-8.
    """
    try:
        return charset if decode(_ASCII, "charset", charset) == _ASCII.decode() else ""
    except InvalidFieldError:
        return ""


def decode_header(value: str, field: str) -> str:
    """Decode the value of a header, which Starlette has decoded as Latin-1, as UTF-8."""
    return decode(value.encode("latin-1"), field)


def query_of(query: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a query; Starlette would replace what is not UTF-8."""
    pairs: list[tuple[str, str]] = []
    for name, value in parse_qsl(query.decode("latin-1"), True, encoding="latin-1"):  # noqa: FBT003 - keep blank values
        field = decode(name.encode("latin-1"), "name of a query parameter")
        pairs.append((field, decode(value.encode("latin-1"), field)))
    return pairs


def check_path(raw: bytes) -> None:
    """Refuse a path with a segment that is not UTF-8; the server would replace the bytes.

    Raises:
        InvalidFieldError: a segment is not UTF-8.
    """
    for segment in raw.split(b"/"):
        try:
            unquote_to_bytes(segment).decode()
        except UnicodeError:
            shown = segment.decode("latin-1")
            raise InvalidFieldError("path", f"the segment {shown!r} is not UTF-8") from None


def parameter_of(header: str, name: str, *, field: str, charset: str = "") -> str | None:
    """Return a parameter of a header whose bytes are given as Latin-1, or None if it is absent.

    An extended parameter (`filename*`, RFC 8187) goes before a plain one and declares its charset;
    a plain one is in the charset given, or in UTF-8.

    Raises:
        InvalidFieldError: the parameter cannot be decoded.
        InvalidBodyError: the header cannot be parsed.
    """
    if header.count(";") > _PARAMETERS:
        raise InvalidBodyError(f"a header of {field!r} has too many parameters")
    parsed = Message()
    parsed["x"] = header
    try:
        parameters = parsed.get_params([], header="x")
    # An absurd number of a continuation, or numbered and plain continuations of one parameter.
    except (ValueError, TypeError):
        raise InvalidBodyError(f"a header of {field!r} is not well-formed") from None
    # The first element is the value in front of the parameters.
    found = [value for key, value in parameters[1:] if key.lower() == name]
    for value in found:
        if isinstance(value, tuple):
            declared, _, text = value
            return decode(text.encode("latin-1"), field, declared or "")
    return decode(found[0].encode("latin-1"), field, charset) if found else None
