"""A kind of film: a file that a test makes, and the greys that are right for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.preprocess.decode import decode
from services.preprocess.film import Limits

# [rows, columns], 0 black to 1 white.
Greys = NDArray[np.floating[Any]]

# Of the 256 greys of a screen, as the expected greys are rounded otherwise than ours.
EXACT = 1 / 255


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One row of a table of kinds."""

    name: str  # a sentence that says what holds
    standard: str  # the paragraph that says so
    make: Callable[[], bytes]  # the file
    greys: Callable[[], Greys]  # computed without the code under test
    tolerance: float = EXACT  # largest difference of a grey
    notes: tuple[str, ...] = ()  # all sentences for clinicians, in their order

    def __str__(self) -> str:
        return self.name


def check(kind: Kind) -> None:
    """Decode the file of a kind; fails unless its greys and its notes are the right ones."""
    frame = decode(kind.make(), Limits())
    expected = kind.greys()
    assert frame.pixels.shape == expected.shape
    shown = frame.pixels / np.iinfo(frame.pixels.dtype).max
    np.testing.assert_allclose(shown, expected, rtol=0, atol=kind.tolerance, err_msg=kind.standard)
    assert frame.notes == kind.notes
