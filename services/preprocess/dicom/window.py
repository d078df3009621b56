"""The display window in a DICOM header, PS3.3 C.11.2.1.2 and C.11.2.1.3."""

from dataclasses import dataclass
from math import isnan
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from services.preprocess.dicom.elements import UnusableElementError, numbers, text

Values = NDArray[np.float64]

UNKNOWN_FUNCTION = (
    "The display window of the file has a function that DICOM does not define; it is applied as a "
    "linear window."
)

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The range of values that is shown from black to white."""

    center: float
    width: float
    function: str  # one that the standard does not define is shown as LINEAR

    @property
    def name(self) -> str:
        """The subject of a sentence about it."""
        return f"the display window of the file (centre {self.center:g}, width {self.width:g})"

    @property
    def remarks(self) -> list[str]:
        """What clinicians should know where it is applied."""
        return [] if self.function in _FUNCTIONS else [UNKNOWN_FUNCTION]

    def show(self, values: Values) -> Values:
        """Return a grey value, 0 to 1, for each value."""
        center, width = self.center, self.width
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            match self.function:
                case "SIGMOID":
                    exponent = (-4 * (values - center) / width).clip(-700, 700)
                    return cast("Values", 1 / (1 + np.exp(exponent)))
                case "LINEAR_EXACT":
                    shown = (values - center) / width + 0.5
                case _ if width == 1:
                    return (values > center - 0.5).astype(np.float64)
                case _:
                    shown = (values - (center - 0.5)) / (width - 1) + 0.5
        return np.nan_to_num(shown, nan=0.5).clip(0, 1)


def read_window(dataset: Dataset) -> Window | None:
    """Return the first window; None if there is none.

    Raises:
        UnusableElementError: there is one that cannot be read, or that the standard does not allow.
    """
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if not centers and not widths:
        return None
    if not centers or not widths:
        missing = "width" if centers else "centre"
        raise UnusableElementError(f"the display window of the file has no {missing}")
    center, width = centers[0], widths[0]
    if isnan(center) or isnan(width):
        raise UnusableElementError("the display window of the file cannot be read as numbers")
    function = text(dataset, "VOILUTFunction") or "LINEAR"
    window = Window(center=center, width=width, function=function)
    if width <= 0 or (width < 1 and function not in ("LINEAR_EXACT", "SIGMOID")):
        raise UnusableElementError(f"{window.name} is not valid")
    return window
