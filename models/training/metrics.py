"""The metrics of the report, in numpy alone, so that they do not depend on the training code."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32] | NDArray[np.float64]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """A metric with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Format as `0.912 (0.900-0.925)`."""
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


def auroc(scores: Scores, truth: Truth) -> float:
    """Return the share of pairs in the right order, counting ties half; NaN without any pair."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def macro_auroc(probabilities: Scores, labels: NDArray[np.int64]) -> float:
    """Return the mean AUROC of each label against the rest."""
    return float(
        np.mean([auroc(probabilities[:, k], labels == k) for k in range(probabilities.shape[1])])
    )


def bootstrap(
    metric: Callable[[NDArray[np.int64]], float],
    units: NDArray[np.str_],
    *,
    rounds: int = 500,
    seed: int = 0,
) -> Interval:
    """Resample whole patients, because films of one patient are not independent.

    `metric` maps film indices to a number; `units` identifies the patient of each film.
    """
    rng = np.random.default_rng(seed)
    _, inverse = np.unique(units, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    of_unit = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    drawn = []
    for _ in range(rounds):
        picked = rng.integers(0, len(of_unit), len(of_unit))
        drawn.append(metric(np.concatenate([of_unit[unit] for unit in picked])))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Interval(metric(np.arange(len(units))), float(low), float(high))


def pair_scores(probabilities: Scores, positive: int, negative: int) -> Scores:
    """Return the probability of one label, given that it is one of two."""
    both = probabilities[:, positive] + probabilities[:, negative]
    return probabilities[:, positive] / np.maximum(both, 1e-9)


@dataclass(frozen=True)
class Bin:
    """One column of a reliability plot."""

    confidence: float
    accuracy: float
    films: int


def reliability(probabilities: Scores, labels: NDArray[np.int64], bins: int = 10) -> list[Bin]:
    """Bin films by the probability of their most probable label."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        Bin(float(confidence[bin_of == b].mean()), float(right[bin_of == b].mean()), int(n))
        for b in range(bins)
        if (n := (bin_of == b).sum())
    ]


def calibration_error(probabilities: Scores, labels: NDArray[np.int64], bins: int = 10) -> float:
    """Return the expected calibration error: the mean gap between confidence and accuracy."""
    columns = reliability(probabilities, labels, bins)
    return sum(c.films * abs(c.confidence - c.accuracy) for c in columns) / len(labels)


def roc(scores: Scores, truth: Truth) -> tuple[Scores, Scores]:
    """Return false and true positive rates for falling thresholds."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order]) / max(1, truth.sum())
    alarms = np.cumsum(~truth[order]) / max(1, (~truth).sum())
    return np.concatenate([[0], alarms]), np.concatenate([[0], hits])


def softmax(logits: Scores) -> Scores:
    """Turn logits [N, labels] into probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def best_temperature(logits: Scores, labels: NDArray[np.int64]) -> float:
    """Find the temperature with the lowest cross-entropy on a fine grid."""
    grid = np.exp(np.linspace(np.log(0.2), np.log(5), 321))
    rows = np.arange(len(labels))
    losses = [-np.log(np.maximum(softmax(logits / t)[rows, labels], 1e-9)).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def operating_threshold(scores: Scores, truth: Truth, sensitivity: float) -> float:
    """Return the highest threshold with at least this sensitivity."""
    return float(np.quantile(scores[truth], 1 - sensitivity, method="lower"))
