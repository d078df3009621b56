"""Films and their manifest, the split by patient, and the sampling weights."""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from services.preprocess.enhance import PipelineSettings, enhance_and_fit

Grey = NDArray[np.uint8]

# The labels in the order of the model's outputs, and their names in the manifest.
LABELS = ("normal", "pneumonia", "covid19")
MANIFEST_LABELS = {"normal": 0, "pneumonia": 1, "covid": 2}

SIDE = 224  # of the model's input, in pixels


@dataclass(frozen=True)
class Film:
    """A labelled radiograph."""

    path: Path
    label: int  # index into LABELS
    patient: str  # the unit of the split into folds
    source: str
    view: str

    @property
    def group(self) -> tuple[str, int]:
        """The source and label; a model must work for every such group."""
        return self.source, self.label


def read_manifest(folder: Path) -> list[Film]:
    """Read the films in `folder/manifest.csv`, except those whose label is not in MANIFEST_LABELS.

    A film without a patient id (all films of rsna) counts as a separate patient.
    """
    with (folder / "manifest.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["label"] in MANIFEST_LABELS]
    return [
        Film(
            path=folder / row["file"],
            label=MANIFEST_LABELS[row["label"]],
            patient=row["patient_id"] or row["file"],
            source=row["source"],
            view=row["view"],
        )
        for row in rows
    ]


def read_pixels(film: Film) -> Grey:
    """Decode a film to greyscale, uint8 `[h, w]`."""
    pixels = cv2.imread(str(film.path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise FileNotFoundError(film.path)
    return np.asarray(pixels, np.uint8)


def model_frame(pixels: Grey, *, clahe: bool) -> Grey:
    """Convert pixels to the model's input, uint8 `[SIDE, SIDE]`, with the production code."""
    return enhance_and_fit(pixels, PipelineSettings(width=SIDE, height=SIDE, clahe=clahe))


def split_by_patient(films: Sequence[Film], *, folds: int, seed: int) -> NDArray[np.int64]:
    """Assign each film to a fold, so that no patient is in two folds and groups are spread evenly.

    Patients are assigned in descending order of films, to the fold with the fewest of their groups.
    """
    by_patient: dict[str, list[int]] = defaultdict(list)
    for index, film in enumerate(films):
        by_patient[film.patient].append(index)
    patients = sorted(by_patient.values(), key=lambda members: films[members[0]].path)
    random.Random(seed).shuffle(patients)  # noqa: S311 -- not for security
    patients.sort(key=len, reverse=True)
    filled: list[Counter[tuple[str, int]]] = [Counter() for _ in range(folds)]
    assigned = np.zeros(len(films), np.int64)
    for members in patients:
        groups = Counter(films[index].group for index in members)
        fold = min(
            range(folds), key=lambda f: (sum(filled[f][g] for g in groups), filled[f].total(), f)
        )
        filled[fold] += groups
        assigned[members] = fold
    return assigned


def draw_weights(films: Sequence[Film]) -> NDArray[np.float64]:
    """Return sampling weights: all labels equally, and within a label all its sources equally.

    Otherwise the source of a film would predict its label by frequency alone. A source with fewer
    than ten films of a label gets a lower weight, so that a few films are not drawn over and over.
    """
    sizes = Counter(film.group for film in films)
    shares = {group: min(1.0, size / 10) for group, size in sizes.items()}
    of_label = Counter[int]()
    for (_, label), share in shares.items():
        of_label[label] += share  # type: ignore[assignment]
    weights = np.array(
        [shares[film.group] / of_label[film.label] / sizes[film.group] for film in films]
    )
    return weights / weights.sum()
