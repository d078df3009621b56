"""From stored values to those of the modality, such as optical density: PS3.3 C.11.1."""

from dataclasses import dataclass
from math import copysign, isnan

import numpy as np
from pydicom.dataset import Dataset

from services.preprocess.dicom.elements import UnusableElementError, numbers, sign
from services.preprocess.dicom.tables import Values, read_modality_table
from services.preprocess.errors import CorruptImageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What each stored value means to the modality."""

    real: Values | None  # windows and VOI LUTs refer to these; None if the file does not tell
    order: Values  # in the order of the real ones, which suffices to show all of them
    problem: str = ""  # a clause that says why there are no real values


def read_scale(meant: Values, dataset: Dataset) -> Scale:
    """Convert each stored value.

    Raises:
        CorruptImageError: the file does not even tell which values are higher than others.
    """
    try:
        table = read_modality_table(dataset)
    except UnusableElementError as error:
        raise CorruptImageError("DICOM", str(error)) from None
    if table is not None:
        real = table.look_up(meant)
        return Scale(real=real, order=real)
    slopes, intercepts = numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept")
    slope, intercept = slopes[0] if slopes else 1.0, intercepts[0] if intercepts else 0.0
    order = meant * _direction(slope, dataset)
    problem = _problem(slope, intercept, half=bool(slopes) != bool(intercepts))
    if problem:
        return Scale(real=None, order=order, problem=problem)
    with np.errstate(over="ignore", invalid="ignore"):
        real = meant * slope + intercept
    if not np.isfinite(real).all():
        return Scale(real=None, order=order, problem="the rescale values of the file are too large")
    return Scale(real=real, order=order)


def _direction(slope: float, dataset: Dataset) -> float:
    if not isnan(slope):
        return copysign(1.0, slope) if slope else 1.0  # programs that write 0 mean no rescaling
    direction = sign(dataset, "RescaleSlope")
    if not direction:
        raise CorruptImageError("DICOM", "its Rescale Slope is not a number")
    return direction


def _problem(slope: float, intercept: float, *, half: bool) -> str:
    if isnan(slope) or isnan(intercept):
        return "the rescale values of the file cannot be read as numbers"
    if slope == 0:
        return "the rescale slope of the file is 0"
    # The standard wants both or none, and programs differ in what they make of one.
    if half and (slope, intercept) != (1, 0):
        return "the file has only one of rescale slope and intercept"
    return ""
