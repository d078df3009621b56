"""Turns the output of a model into findings: thresholds, and the gate before them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.errors import ModelAnswerInvalidError

Floats = npt.NDArray[np.float32]

# Why no label is predicted: the code is for programs, the sentence for clinicians.
NOT_FRONTAL = (
    "NOT_A_FRONTAL_CHEST_RADIOGRAPH: The model does not recognise a frontal chest radiograph, "
    "so its probabilities have no meaning."
)
NONE_REACHED = (
    "NO_LABEL_REACHES_ITS_THRESHOLD: No label reaches its threshold, so none is predicted."
)


@dataclass(frozen=True)
class Model:
    """The properties of a model that are needed to use it."""

    name: str
    version: str
    width: int
    height: int
    labels: tuple[str, ...]
    # In the order of the labels, 0 to 1.
    thresholds: tuple[float, ...]
    # Output with the confidence that the model may evaluate the picture; empty if there is none.
    gate_output: str
    gate_threshold: float
    max_batch_size: int


@dataclass(frozen=True)
class Answer:
    """The output of a model for one image."""

    # [labels], 0 to 1
    probabilities: Floats
    # [labels, height, width], 0 to 1: the evidence at each position; None if there is none.
    heatmap: Floats | None
    # 0 to 1, None if the model has no gate.
    gate: float | None


@dataclass(frozen=True)
class Interpretation:
    """The result for one image, as clinicians see it."""

    probabilities: tuple[float, ...]
    # Empty if no label is predicted.
    predicted_label: str
    # [height, width], 0 to 1, of the leading label; None if there is nothing to show.
    heatmap: Floats | None
    notes: tuple[str, ...]


def interpret(answer: Answer, model: Model) -> Interpretation:
    """Interpret the output of a model.

    The predicted label is the one with the largest margin over its operating threshold. There is
    none if no label reaches its threshold, or if the gate rejects the picture; then there is no
    heatmap either, because it would be meaningless.

    Raises:
        ModelAnswerInvalidError: the values are outside the range that the contract allows.
    """
    values = tuple(answer.probabilities.tolist())
    if not all(map(_is_fraction, values)) or not _is_fraction(answer.gate or 0.0):
        raise ModelAnswerInvalidError
    if answer.gate is not None and answer.gate < model.gate_threshold:
        return Interpretation(values, "", None, (NOT_FRONTAL,))
    margins = [value - threshold for value, threshold in zip(values, model.thresholds, strict=True)]
    leading = max(range(len(margins)), key=margins.__getitem__)
    heatmap = None if answer.heatmap is None else answer.heatmap[leading]
    if margins[leading] < 0:
        return Interpretation(values, "", heatmap, (NONE_REACHED,))
    return Interpretation(values, model.labels[leading], heatmap, ())


def _is_fraction(value: float) -> bool:
    # NaN fails both comparisons. A softmax may exceed 1 by a rounding error.
    return 0.0 <= value <= 1.0 + 1e-5
