"""Measure a model on a folder of labelled films: `python -m models.training.evaluate --data DIR`.

If there is a run folder for these films, each film is evaluated with the model of the fold that
excludes it, and with the model trained without its source. Any other folder is evaluated with the
served model; this is meant for films that it was not trained on.
"""

import argparse
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import yaml
from numpy.typing import NDArray

from models.training.conditions import CONDITIONS
from models.training.data import Film, Grey, model_frame, read_manifest, read_pixels
from models.training.metrics import Scores, best_temperature, softmax
from models.training.negatives import HELD_OUT_PHOTOGRAPHS, KINDS, photograph
from models.training.report import READ_AS, Evaluation, LeftOut, write_report

BATCH = 16
Condition = Callable[[Grey], Grey]


@dataclass(frozen=True)
class Answers:
    """The outputs of a model for some films."""

    probabilities: Scores  # [N, labels]
    frontal: Scores  # [N]


def main() -> None:
    """Parse the arguments, evaluate and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with a manifest.csv")
    parser.add_argument(
        "--run", type=Path, default=Path(".carina/model"), help="run folder of the training"
    )
    parser.add_argument("--models", type=Path, default=Path("models"), help="Triton repository")
    parser.add_argument("--name", default="cxr", help="model in the catalogue")
    parser.add_argument("--out", type=Path, default=Path(".carina/model-report"))
    arguments = parser.parse_args()
    films = read_manifest(arguments.data)
    entry = read_entry(arguments.models, arguments.name)
    folds = read_folds(arguments.run, films)
    if folds is not None:
        answers = cross_validated(films, folds, arguments.run)
        left_out = leave_one_source_out(films, arguments.run)
        unseen = [film for film, fold in zip(films, folds, strict=True) if fold == 0]
        unreal = score_unreal([open_session(arguments.run / "fold-0" / "model.onnx")], unseen)
    else:
        sessions = open_members(arguments.models, arguments.name)
        answers = {
            name: evaluate_films(sessions, films, condition)
            for name, condition in CONDITIONS.items()
        }
        left_out = {}
        unreal = score_unreal(sessions, films)
    evaluation = Evaluation(
        films=films,
        probabilities={name: given.probabilities for name, given in answers.items()},
        frontal={name: given.frontal for name, given in answers.items()},
        left_out=left_out,
        thresholds=entry["thresholds"],
        gate_threshold=entry["gate"]["threshold"],
        cross_validated=folds is not None,
        unreal=unreal,
    )
    write_report(evaluation, arguments.out)
    print(arguments.out / "report.md")  # noqa: T201


def read_entry(repository: Path, name: str) -> dict[str, Any]:
    """Find a model in the catalogue."""
    catalogue = yaml.safe_load((repository / "catalogue.yaml").read_text())
    return next(entry for entry in catalogue["models"] if entry["name"] == name)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a model file for one CPU core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def open_members(repository: Path, name: str) -> list[onnxruntime.InferenceSession]:
    """Open a model, or the members of the ensemble."""
    names = ["cxr", "cxr_b"] if name == "cxr_ensemble" else [name]
    return [open_session(repository / member / "1" / "model.onnx") for member in names]


def evaluate_films(
    sessions: Sequence[onnxruntime.InferenceSession], films: Sequence[Film], condition: Condition
) -> Answers:
    """Evaluate films under a condition with a model or the mean of several."""
    probabilities, frontal = [], []
    for start in range(0, len(films), BATCH):
        frames = np.stack([condition(read_pixels(film)) for film in films[start : start + BATCH]])
        names = ["probabilities", "frontal_score"]
        given = [session.run(names, {"image": frames[:, None]}) for session in sessions]
        probabilities.append(np.mean([one[0] for one in given], axis=0))
        frontal.append(np.mean([one[1][:, 0] for one in given], axis=0))
    return Answers(np.concatenate(probabilities), np.concatenate(frontal))


def score_unreal(
    sessions: Sequence[onnxruntime.InferenceSession], films: Sequence[Film]
) -> dict[str, Scores]:
    """Score pictures that must not pass the gate: made from up to 100 films, and photographs."""
    rng = np.random.default_rng(0)
    some = [films[index] for index in rng.permutation(len(films))[:100]]
    read = {}
    for name, make in KINDS.items():
        made = [make(read_pixels(film), rng) for film in some]
        read[name] = _frontal(sessions, made)
    held_out = [photograph(name) for name in HELD_OUT_PHOTOGRAPHS]
    read["photographs that the gate never saw"] = _frontal(sessions, held_out)
    return read


def _frontal(sessions: Sequence[onnxruntime.InferenceSession], pictures: Sequence[Grey]) -> Scores:
    frames = np.stack([model_frame(picture, clahe=False) for picture in pictures])[:, None]
    given = [session.run(["frontal_score"], {"image": frames})[0] for session in sessions]
    return np.mean(given, axis=0)[:, 0]


def read_folds(run: Path, films: Sequence[Film]) -> NDArray[np.int64] | None:
    """Read the fold of each film from the run folder; None if the run used other films."""
    if not (run / "published.json").exists():
        return None
    with (run / "folds.csv").open(newline="") as lines:
        folds = {row["file"]: int(row["fold"]) for row in csv.DictReader(lines)}
    files = [f"{film.path.parent.name}/{film.path.name}" for film in films]
    return np.array([folds[file] for file in files]) if set(files) == set(folds) else None


def cross_validated(
    films: Sequence[Film], folds: NDArray[np.int64], run: Path
) -> Mapping[str, Answers]:
    """Evaluate each film with the model that has not seen its patient."""
    labels = np.array([film.label for film in films])
    answers = {
        name: Answers(np.zeros((len(films), 3), np.float32), np.zeros(len(films), np.float32))
        for name in CONDITIONS
    }
    for fold in np.unique(folds):
        session = open_session(run / f"fold-{fold}" / "model.onnx")
        mine = np.flatnonzero(folds == fold)
        temperature = _temperature_without(int(fold), run, labels)
        for name, condition in CONDITIONS.items():
            given = evaluate_films([session], [films[int(index)] for index in mine], condition)
            answers[name].probabilities[mine] = tempered(given.probabilities, temperature)
            answers[name].frontal[mine] = given.frontal
    return answers


def _temperature_without(fold: int, run: Path, labels: NDArray[np.int64]) -> float:
    """Choose the temperature on the other folds, so that no film affects its own confidence."""
    saved = [
        np.load(folder / "unseen.npz")
        for folder in sorted(run.glob("fold-*"))
        if folder.name != f"fold-{fold}"
    ]
    logits = np.concatenate([part["mean_logits"].reshape(-1, 3) for part in saved])
    truth = np.concatenate([np.tile(labels[part["films"]], 2) for part in saved])
    return best_temperature(logits, truth)


def tempered(probabilities: Scores, temperature: float) -> Scores:
    """Apply a temperature to probabilities that were computed without one."""
    return softmax(np.log(np.maximum(probabilities, 1e-12)) / temperature)


def leave_one_source_out(films: Sequence[Film], run: Path) -> dict[str, LeftOut]:
    """Evaluate each source, and the fold left out with it, with the model that saw neither."""
    temperature = json.loads((run / "published.json").read_text())["temperature"]
    read = {}
    for folder in sorted(run.glob("without-*")):
        if not (folder / "model.onnx").exists():
            continue
        with np.load(folder / "unseen.npz") as saved:
            indices = saved["films"]
        session = open_session(folder / "model.onnx")
        unseen = [films[index] for index in indices]
        given = {
            condition: evaluate_films([session], unseen, CONDITIONS[condition]).probabilities
            for condition in READ_AS
        }
        read[folder.name.removeprefix("without-")] = LeftOut(
            indices, {name: tempered(scores, temperature) for name, scores in given.items()}
        )
    return read


if __name__ == "__main__":
    main()
