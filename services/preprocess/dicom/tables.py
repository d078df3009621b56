"""Look-up tables in a DICOM header: of the modality, of the display (VOI), and of a palette."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from services.preprocess.dicom.elements import UnusableElementError, content, items, numbers

Values = NDArray[np.float64]

OTHER_BITS = (
    "The display look-up table (VOI LUT) of the file states {stated} bits and uses {used}; its "
    "largest value is shown in white."
)

_MOST_ENTRIES = 1 << 16
_BYTE, _WORD = 8, 16  # bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A look-up table: PS3.3 C.11.1.1 and C.11.2.1.1."""

    entries: Values
    # What the 16 bits of the first mapped value may mean, likelier reading first.
    firsts: tuple[int, ...]
    bits: int  # of an entry, as the table states; its data may use fewer or more

    def look_up(self, values: Values) -> Values:
        """Return the entry for each value; below and above the table its first and last one."""
        lowest, highest = values.min(), values.max()

        def covered(first: int) -> float:
            return float(min(first + len(self.entries) - 1, highest) - max(first, lowest))

        first = max(self.firsts, key=covered)
        return self.entries[(values - first).clip(0, len(self.entries) - 1).astype(np.int64)]

    @property
    def bits_used(self) -> int:
        """The number of bits that its largest entry takes."""
        return int(self.entries.max()).bit_length()


@dataclass(frozen=True, slots=True)
class VoiTable:
    """A look-up table from the values of the modality to grey values."""

    table: Table
    name: ClassVar[str] = "the display look-up table (VOI LUT) of the file"

    def show(self, values: Values) -> Values:
        """Return a grey value, 0 to 1, for each value.

        White is the largest number of the bits of the table. A table that states one number of bits
        and uses another was made for its own largest entry (decision 22).
        """
        table = self.table
        own = max(table.entries.max(), 1)
        white = (1 << table.bits) - 1 if table.bits == table.bits_used else own
        return table.look_up(values) / white

    @property
    def remarks(self) -> list[str]:
        """What clinicians should know where it is applied."""
        stated, used = self.table.bits, self.table.bits_used
        return [] if stated == used else [OTHER_BITS.format(stated=stated, used=used)]


def read_voi_table(dataset: Dataset) -> VoiTable | None:
    """Return the first VOI LUT that is not empty; None if there is none.

    Raises:
        UnusableElementError: there is one that cannot be read.
    """
    table = _first(dataset, "VOILUTSequence", VoiTable.name)
    return None if table is None else VoiTable(table)


def read_modality_table(dataset: Dataset) -> Table | None:
    """Return the first modality LUT that is not empty; None if there is none.

    Raises:
        UnusableElementError: there is one that cannot be read.
    """
    return _first(dataset, "ModalityLUTSequence", "its modality look-up table")


def read_palette(dataset: Dataset, colour: str) -> Table | None:
    """Return the table of one colour; None if its data are missing.

    Raises:
        UnusableElementError: it cannot be read.
    """
    element = f"{colour}PaletteColorLookupTable"
    data, little_endian = content(dataset, f"{element}Data")
    if not data:
        return None
    descriptor = numbers(dataset, f"{element}Descriptor")
    table = _table(descriptor, data, little_endian=little_endian)
    if table is None or not 1 <= table.bits <= _WORD:
        raise UnusableElementError("its colour palette cannot be read")
    return table


def _first(dataset: Dataset, keyword: str, name: str) -> Table | None:
    found = items(dataset, keyword)
    if found is None:
        raise UnusableElementError(f"{name} cannot be read")
    for item in found:
        descriptor = numbers(item, "LUTDescriptor")
        data, little_endian = content(item, "LUTData")
        if not descriptor and not data:  # an empty item is no table, and may come before one
            continue
        table = _table(descriptor, data, little_endian=little_endian)
        if table is None:
            raise UnusableElementError(f"{name} cannot be read")
        return table
    return None


def _table(descriptor: list[float], data: bytes, *, little_endian: bool) -> Table | None:
    """Return the table; None if its parts are missing or contradict each other."""
    # Each of the three numbers has 16 bits. Whether they are signed depends on the file, and files
    # differ in it.
    if len(descriptor) != 3 or not all(_has_16_bits(number) for number in descriptor):  # noqa: PLR2004 - entries, first value, bits
        return None
    length, first, bits = (int(number) & 0xFFFF for number in descriptor)
    length = length or _MOST_ENTRIES
    # Entries of 8 bits are bytes in some files and words in others.
    packed = bits <= _BYTE and length <= len(data) <= length + 1
    width = 1 if packed else 2
    if len(data) < length * width:
        return None
    entries = np.frombuffer(data[: length * width], f"{'<' if little_endian else '>'}u{width}")
    signed = first - (first >> 15 << 16)
    return Table(
        entries=entries.astype(np.float64),
        firsts=(signed, first) if descriptor[1] < 0 else (first, signed),
        bits=bits,
    )


def _has_16_bits(number: float) -> bool:
    return -(1 << _WORD - 1) <= number < 1 << _WORD and number == int(number)
