"""The gate, which estimates whether a picture is a frontal chest radiograph at all."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.training.augment import happens, random_view
from models.training.bank import Features, lower_features
from models.training.data import Film, model_frame, read_pixels
from models.training.export import Gate, thirds
from models.training.fit import Reader
from models.training.negatives import negative
from models.training.network import Backbone

REAL_VIEWS = 5  # per film, for training the gate: two plain, the others altered
NEGATIVES_PER_FILM = 2
# Share of films of any source, unseen by gate and network, with or without CLAHE.
FALSE_ALARMS_ALLOWED = 0.02


def build_negatives(films: Sequence[Film], *, weights: Path, store: Path, seed: int) -> Features:
    """Render the negatives once for all models: float16 [films, NEGATIVES_PER_FILM, 40, 24, 24]."""
    if store.exists():
        return np.load(store, mmap_mode="r")
    backbone = Backbone()
    backbone.load_imagenet(weights)
    backbone.eval().to(memory_format=torch.channels_last)
    parts = []
    for index, film in enumerate(films):
        pixels = read_pixels(film)
        frames = []
        for number in range(NEGATIVES_PER_FILM):
            rng = np.random.default_rng([seed, index, number])
            picture = negative(pixels, rng)
            if happens(rng, 0.5):
                picture = random_view(picture, rng)
            frames.append(model_frame(picture, clahe=happens(rng, 0.5)))
        parts.append(lower_features(backbone, np.stack(frames)))
    np.save(store, np.stack(parts))
    return np.load(store, mmap_mode="r")


def fit_gate(reader: Reader, real: Features, unreal: Features) -> Gate:
    """Fit the gate to real and unreal views, both float16 [films, views, 40, 24, 24]."""
    seen = np.concatenate([gate_features(reader, real), gate_features(reader, unreal)])
    truth = np.repeat([1, 0], [real.shape[0] * real.shape[1], unreal.shape[0] * unreal.shape[1]])
    # Standardise, so that the penalty treats channels equally; then fold this into the weights.
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=100)
    model.fit((seen - mean) / spread, truth)
    weight = model.coef_[0] / spread
    bias = float(model.intercept_[0] - mean @ weight)
    return Gate(weight=weight.astype(np.float32), bias=bias)


def gate_features(reader: Reader, lower: Features) -> NDArray[np.float32]:
    """Map features [films, views, 40, 24, 24] to inputs of the gate: [films * views, 3840]."""
    flat = lower.reshape(-1, *lower.shape[2:])
    reader.eval()
    parts = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(flat), 64):
            images = torch.from_numpy(np.ascontiguousarray(flat[start : start + 64])).float()
            images = images.contiguous(memory_format=torch.channels_last)
            parts.append(thirds(reader.backbone.upper(images).float()).numpy())
    return np.concatenate(parts)


def gate_scores(reader: Reader, gate: Gate, lower: Features) -> NDArray[np.float32]:
    """Return the logits of being real, [films, views]."""
    logits = gate_features(reader, lower) @ gate.weight + gate.bias
    return logits.reshape(lower.shape[:2])
