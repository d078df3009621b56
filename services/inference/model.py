"""From the model's numbers to findings: thresholds, and the gate in front of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.errors import ModelAnswerInvalidError

Floats = npt.NDArray[np.float32]

# A predicted label is withheld, and this says why.
NOT_FRONTAL = "NOT_A_FRONTAL_CHEST_RADIOGRAPH"
NONE_REACHED = "NO_LABEL_REACHES_ITS_THRESHOLD"


@dataclass(frozen=True)
class Model:
    """What has to be known of a model to use it."""

    name: str
    version: str
    width: int
    height: int
    labels: tuple[str, ...]
    # In the order of the labels, 0 to 1.
    thresholds: tuple[float, ...]
    # Output that says how surely the picture is one the model may read; empty if there is none.
    gate_output: str
    gate_threshold: float
    max_batch_size: int


@dataclass(frozen=True)
class Answer:
    """What a model says of one image."""

    # [labels], 0 to 1
    probabilities: Floats
    # [labels, height, width], 0 to 1: the evidence at each place, None if the model has none.
    heatmap: Floats | None
    # 0 to 1, None if the model has no gate.
    gate: float | None


@dataclass(frozen=True)
class Reading:
    """What a doctor is told of one image."""

    probabilities: tuple[float, ...]
    # Empty when withheld.
    predicted_label: str
    # [height, width], 0 to 1, of the label that stands in front; None if there is nothing to show.
    heatmap: Floats | None
    notes: tuple[str, ...]


def read(answer: Answer, model: Model) -> Reading:
    """Judge an answer.

    The predicted label is the one that exceeds its operating threshold most. It is withheld when
    none reaches its own, or when the gate says that the picture is none the model may read; of
    such a picture there is no heatmap either, for it would mean nothing.

    Raises:
        ModelAnswerInvalidError: the numbers are none that the contract allows.
    """
    values = tuple(answer.probabilities.tolist())
    if not all(map(_is_share, values)) or not _is_share(answer.gate or 0.0):
        raise ModelAnswerInvalidError
    if answer.gate is not None and answer.gate < model.gate_threshold:
        return Reading(values, "", None, (NOT_FRONTAL,))
    margins = [value - least for value, least in zip(values, model.thresholds, strict=True)]
    front = max(range(len(margins)), key=margins.__getitem__)
    heatmap = None if answer.heatmap is None else answer.heatmap[front]
    if margins[front] < 0:
        return Reading(values, "", heatmap, (NONE_REACHED,))
    return Reading(values, model.labels[front], heatmap, ())


def _is_share(value: float) -> bool:
    # NaN fails both comparisons. A softmax may leave its bounds by a rounding error.
    return 0.0 <= value <= 1.0 + 1e-5
