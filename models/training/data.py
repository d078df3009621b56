"""Films and their manifest: who may be trained on together, and how often each is drawn."""

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

# The order of the model's outputs, and what the manifest calls them.
LABELS = ("normal", "pneumonia", "covid19")
MANIFEST_LABELS = {"normal": 0, "pneumonia": 1, "covid": 2}

SIDE = 224  # of the model's input, pixels


@dataclass(frozen=True)
class Film:
    """One labelled radiograph of the folder."""

    path: Path
    label: int  # index into LABELS
    patient: str  # the unit to split by
    source: str
    view: str

    @property
    def group(self) -> tuple[str, int]:
        """Source and label: a model that fails on one such group fails."""
        return self.source, self.label


def read_manifest(folder: Path) -> list[Film]:
    """Read the films of `folder/manifest.csv`; those with a label outside LABELS are left out.

    A film without a patient (all of rsna) counts as a patient of its own, because nothing better is
    known.
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
    """Decode a film to grey, uint8 `[h, w]`."""
    pixels = cv2.imread(str(film.path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise FileNotFoundError(film.path)
    return np.asarray(pixels, np.uint8)


def model_frame(pixels: Grey, *, clahe: bool) -> Grey:
    """Turn grey pixels into the model's input, uint8 `[SIDE, SIDE]`, as the system itself does."""
    return enhance_and_fit(pixels, PipelineSettings(width=SIDE, height=SIDE, clahe=clahe))


def split_by_patient(films: Sequence[Film], *, folds: int, seed: int) -> NDArray[np.int64]:
    """Give each film a fold, so that no patient stands in two and each group is spread evenly.

    Patients are dealt out, those with most films first, to the fold that has fewest of their group.
    """
    by_patient: dict[str, list[int]] = defaultdict(list)
    for index, film in enumerate(films):
        by_patient[film.patient].append(index)
    patients = sorted(by_patient.values(), key=lambda members: films[members[0]].path)
    random.Random(seed).shuffle(patients)  # noqa: S311 -- a split is no secret
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
    """Say how often each film is drawn: labels equally, and the sources of a label equally.

    Without this a film's source would tell its label by sheer number. A source that has fewer than
    ten films of a label counts by number, or two films would be drawn a hundred times an epoch.
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
