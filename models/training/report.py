"""Writes the evaluation as a page of tables and two plots."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from models.training.data import LABELS, Film
from models.training.metrics import (
    Interval,
    Scores,
    Truth,
    auroc,
    bootstrap,
    calibration_error,
    macro_auroc,
    pair_scores,
    reliability,
    roc,
)

mpl.use("Agg")
from matplotlib import pyplot as plt

PLAIN = "as it is"
READ_AS = (PLAIN, "CLAHE")  # the two preprocessing settings that callers can choose
INTERVALS = "Brackets contain 95 % intervals from 500 bootstrap samples of whole patients."
CHILDREN = ("kermany",)  # sources with films of children, who differ from adults by anatomy alone
MIN_FILMS = 10  # films of a label that a source needs for an evaluation within the source


@dataclass(frozen=True)
class LeftOut:
    """The results of a model that was trained without one source and one fold of the others."""

    films: NDArray[np.int64]  # indices into the manifest: of the source and the fold
    probabilities: Mapping[str, Scores]  # by condition: [films, labels]


@dataclass(frozen=True)
class Evaluation:
    """All measurements, with films in the order of the manifest."""

    films: Sequence[Film]
    probabilities: Mapping[str, Scores]  # by condition: [films, labels]
    frontal: Mapping[str, Scores]  # by condition: [films]
    left_out: Mapping[str, LeftOut]  # by source
    thresholds: Mapping[str, float]
    gate_threshold: float
    cross_validated: bool
    unreal: Mapping[str, Scores]  # frontal scores of pictures that are not frontal films, by kind

    @property
    def labels(self) -> NDArray[np.int64]:
        """The label of each film."""
        return np.array([film.label for film in self.films])

    @property
    def sources(self) -> NDArray[np.str_]:
        """The source of each film."""
        return np.array([film.source for film in self.films])

    @property
    def patients(self) -> NDArray[np.str_]:
        """The patient of each film."""
        return np.array([film.patient for film in self.films])


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """Write report.md, roc.png and reliability.png."""
    folder.mkdir(parents=True, exist_ok=True)
    method = (
        "The served model evaluated all films: valid only for films that it was not trained on."
    )
    if evaluation.cross_validated:
        method = "Each film was evaluated with the model of the fold that excludes its patient."
    films, patients = len(evaluation.films), len(set(evaluation.patients))
    sections = [
        f"# Evaluation\n\n{films} films, {patients} patients. {method} {INTERVALS}\n",
        _discrimination(evaluation),
        _operating_points(evaluation),
        _calibration(evaluation),
        _confusion(evaluation),
        _within_sources(evaluation),
        _by(evaluation, "source", evaluation.sources),
        _by(evaluation, "view", np.array([film.view for film in evaluation.films])),
        _left_out(evaluation),
        _conditions(evaluation),
        _gate(evaluation),
    ]
    (folder / "report.md").write_text("\n".join(section for section in sections if section))
    plot_roc(evaluation, folder / "roc.png")
    plot_reliability(evaluation, folder / "reliability.png")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _auroc_of(scores: Scores, truth: Truth) -> Callable[[NDArray[np.int64]], float]:
    return lambda drawn: auroc(scores[drawn], truth[drawn])


def _macro_auroc_of(
    probabilities: Scores, labels: NDArray[np.int64]
) -> Callable[[NDArray[np.int64]], float]:
    return lambda drawn: macro_auroc(probabilities[drawn], labels[drawn])


def _discrimination(evaluation: Evaluation) -> str:
    labels, rows = evaluation.labels, []
    for condition in READ_AS:
        given = evaluation.probabilities[condition]
        figures = [
            bootstrap(_auroc_of(given[:, k], labels == k), evaluation.patients)
            for k in range(len(LABELS))
        ]
        macro = bootstrap(_macro_auroc_of(given, labels), evaluation.patients)
        rows.append([condition, macro, *figures])
    head = ["AUROC", "macro", *(f"{label} against the rest" for label in LABELS)]
    return "## Discrimination\n\n" + _table(head, rows)


def _operating_points(evaluation: Evaluation) -> str:
    labels, units, rows = evaluation.labels, evaluation.patients, []
    for k, label in enumerate(LABELS):
        truth = labels == k
        for condition in READ_AS:
            found = evaluation.probabilities[condition][:, k] >= evaluation.thresholds[label]

            def sensitivity(i: NDArray[np.int64], f: Truth = found, t: Truth = truth) -> float:
                return float(f[i][t[i]].mean())

            def specificity(i: NDArray[np.int64], f: Truth = found, t: Truth = truth) -> float:
                return float((~f[i][~t[i]]).mean())

            figures = [bootstrap(figure, units) for figure in (sensitivity, specificity)]
            rows.append([label, evaluation.thresholds[label], condition, *figures])
    head = ["label", "threshold", "read", "sensitivity", "specificity"]
    return "## At the operating thresholds\n\n" + _table(head, rows)


def _calibration(evaluation: Evaluation) -> str:
    labels = evaluation.labels
    rows = [
        [name, f"{calibration_error(evaluation.probabilities[name], labels):.3f}"]
        for name in READ_AS
    ]
    return "## Calibration\n\n" + _table(["expected calibration error, 10 bins", "ECE"], rows)


def _confusion(evaluation: Evaluation) -> str:
    given = evaluation.probabilities[PLAIN].argmax(axis=1)
    rows = [
        [label, *(int(((evaluation.labels == k) & (given == j)).sum()) for j in range(len(LABELS)))]
        for k, label in enumerate(LABELS)
    ]
    head = ["truth, given", *LABELS]
    return "## Confusion, by the most probable label\n\n" + _table(head, rows)


def comparable_pairs(evaluation: Evaluation) -> list[tuple[str, int, int]]:
    """List (source, negative, positive) for sources with enough films of both labels."""
    counts = Counter(film.group for film in evaluation.films)
    return [
        (source, low, high)
        for source in sorted({film.source for film in evaluation.films})
        for low in range(len(LABELS))
        for high in range(low + 1, len(LABELS))
        if min(counts[source, low], counts[source, high]) >= MIN_FILMS
    ]


def within(evaluation: Evaluation, condition: str, source: str, low: int, high: int) -> Interval:
    """Return the AUROC of one label against another among the films of one source."""
    labels = evaluation.labels
    mine = (evaluation.sources == source) & ((labels == low) | (labels == high))
    scores = pair_scores(evaluation.probabilities[condition][mine], high, low)
    truth = labels[mine] == high
    return bootstrap(lambda i: auroc(scores[i], truth[i]), evaluation.patients[mine])


def _within_sources(evaluation: Evaluation) -> str:
    rows = [
        [source, f"{LABELS[high]} against {LABELS[low]}",
         *(within(evaluation, name, source, low, high) for name in READ_AS)]
        for source, low, high in comparable_pairs(evaluation)
    ]  # fmt: skip
    head = ["source", "pair", f"AUROC, {PLAIN}", "AUROC, CLAHE"]
    return (
        "## Within sources\n\nWithin a source, the scanner gives no hint of the label.\n\n"
        + _table(head, rows)
    )


def _by(evaluation: Evaluation, what: str, values: NDArray[np.str_]) -> str:
    labels, given, rows = evaluation.labels, evaluation.probabilities[PLAIN], []
    for value in np.unique(values):
        mine = values == value
        right = given[mine].argmax(axis=1) == labels[mine]
        recalls, areas = [], []
        for k in range(len(LABELS)):
            truth = labels[mine] == k
            recalls.append(f"{right[truth].mean():.2f} of {truth.sum()}" if truth.any() else "")
            area = auroc(given[mine, k], truth)
            areas.append("" if np.isnan(area) else f"{area:.3f}")
        rows.append([value, int(mine.sum()), *recalls, *areas])
    head = [what, "films", *(f"{x} recalled" for x in LABELS), *(f"AUROC {x}" for x in LABELS)]
    return f"## By {what}\n\n" + _table(head, rows)


def _left_out(evaluation: Evaluation) -> str:
    """Evaluate each source with the model trained without it, against unseen films of others."""
    if not evaluation.left_out:
        return ""
    rows = []
    for source, left_out in evaluation.left_out.items():
        labels, sources = evaluation.labels[left_out.films], evaluation.sources[left_out.films]
        patients = evaluation.patients[left_out.films]
        for (k, label), condition in product(enumerate(LABELS), READ_AS):
            given = left_out.probabilities[condition]
            own = (sources == source) & (labels == k)
            if own.sum() < MIN_FILMS:
                continue
            others = (labels != k) & (sources != source)
            areas = [
                bootstrap(_auroc_of(given[pool, k], own[pool]), patients[pool])
                for pool in (own | others, own | (others & ~np.isin(sources, CHILDREN)))
            ]
            recall = f"{(given[own].argmax(axis=1) == k).mean():.2f} of {own.sum()}"
            within_it = _inside(source, k, sources, labels, given)
            rows.append([source, label, condition, recall, *areas, within_it])
    head = ["left out", "label", "read", "recalled", "AUROC against other sources' rest"]
    head += ["the same without children", "AUROC within it"]
    return "## With one source left out\n\n" + _table(head, rows)


def _inside(
    source: str, label: int, sources: NDArray[np.str_], labels: NDArray[np.int64], given: Scores
) -> str:
    mine = sources == source
    others = [
        k for k in range(len(LABELS))
        if k != label and (mine & (labels == k)).sum() >= MIN_FILMS
    ]  # fmt: skip
    shown = []
    for other in others:
        pair = mine & ((labels == label) | (labels == other))
        area = auroc(pair_scores(given[pair], label, other), labels[pair] == label)
        shown.append(f"{area:.3f} against {LABELS[other]}")
    return ", ".join(shown)


def _conditions(evaluation: Evaluation) -> str:
    labels, rows = evaluation.labels, []
    pairs = comparable_pairs(evaluation)
    for name, given in evaluation.probabilities.items():
        areas = [f"{within(evaluation, name, *pair).value:.3f}" for pair in pairs]
        covid = auroc(given[:, 2], labels == 2)  # noqa: PLR2004 -- the index of covid19
        withheld = (evaluation.frontal[name] < evaluation.gate_threshold).mean()
        rows.append(
            [name, f"{macro_auroc(given, labels):.3f}", f"{covid:.3f}", *areas,
             f"{calibration_error(given, labels):.3f}", f"{100 * withheld:.1f} %"]
        )  # fmt: skip
    head = ["condition", "macro AUROC", "covid19"]
    head += [f"{source}: {LABELS[high]} / {LABELS[low]}" for source, low, high in pairs]
    return "## Robustness and occlusion\n\n" + _table([*head, "ECE", "withheld by the gate"], rows)


def _gate(evaluation: Evaluation) -> str:
    scores = evaluation.frontal[PLAIN]
    alarms = scores < evaluation.gate_threshold
    share = bootstrap(lambda i: float(alarms[i].mean()), evaluation.patients)
    rows = [
        [source, f"{100 * alarms[evaluation.sources == source].mean():.1f} %"]
        for source in np.unique(evaluation.sources)
    ]
    head = ["source", "frontal films withheld"]
    rows.append(
        ["all", f"{100 * share.value:.1f} % ({100 * share.low:.1f}-{100 * share.high:.1f})"]
    )
    caught = [
        [kind, len(given), f"{100 * (given < evaluation.gate_threshold).mean():.1f} %"]
        for kind, given in evaluation.unreal.items()
    ]
    unreal = _table(["not a frontal film", "pictures", "withheld"], caught)
    return f"## Gate at {evaluation.gate_threshold}\n\n{_table(head, rows)}\n{unreal}"


def plot_roc(evaluation: Evaluation, path: Path) -> None:
    """Plot the ROC of each label, and of label pairs within sources."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4))
    labels, given = evaluation.labels, evaluation.probabilities[PLAIN]
    for k, label in enumerate(LABELS):
        left.plot(*roc(given[:, k], labels == k), label=label)
    left.set_title("one label against the rest")
    for source, low, high in comparable_pairs(evaluation):
        mine = (evaluation.sources == source) & ((labels == low) | (labels == high))
        curve = roc(pair_scores(given[mine], high, low), labels[mine] == high)
        right.plot(*curve, label=f"{source}: {LABELS[high]} / {LABELS[low]}")
    right.set_title("within one source")
    for axes in (left, right):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=0.5)
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def plot_reliability(evaluation: Evaluation, path: Path) -> None:
    """Plot accuracy over confidence, with dots sized by the number of films."""
    figure, axes = plt.subplots(figsize=(4.4, 4.4))
    columns = reliability(evaluation.probabilities[PLAIN], evaluation.labels)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.5)
    axes.plot([c.confidence for c in columns], [c.accuracy for c in columns])
    axes.scatter(
        [c.confidence for c in columns],
        [c.accuracy for c in columns],
        s=[300 * c.films / len(evaluation.films) + 5 for c in columns],
    )
    axes.set_xlabel("probability of the predicted label")
    axes.set_ylabel("share of films with that label")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)
