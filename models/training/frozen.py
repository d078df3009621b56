"""The third reader: unchanged ImageNet features with a logistic regression.

It has too few parameters to memorise scanners. The mean of its logits and those of the trained
readers is better than any single reader, both within sources and on sources left out; the model
card has the figures.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.training.bank import Features
from models.training.data import Film, draw_weights
from models.training.fit import Reader, Recipe, new_reader
from models.training.network import FEATURES

VIEWS = 10  # per film: two plain, the others altered
PENALTY = 0.003  # scikit-learn's C: smaller is stricter

Pooled = NDArray[np.float32]


def frozen_features(bank: Features, *, weights: Path, store: Path) -> Pooled:
    """Pool the last feature map of the ImageNet network for every view: [films, VIEWS, 1280]."""
    if store.exists():
        return np.load(store)
    reader = new_reader(weights, Recipe()).eval()
    pooled = np.zeros((len(bank), VIEWS, FEATURES), np.float32)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for index in range(len(bank)):
            views = torch.from_numpy(bank[index, :VIEWS].astype(np.float32))
            views = views.contiguous(memory_format=torch.channels_last)
            pooled[index] = reader.pooled(views).float().numpy()
    np.save(store, pooled)
    return pooled


def fit_frozen(
    pooled: Pooled, films: Sequence[Film], members: NDArray[np.int64], *, weights: Path
) -> Reader:
    """Fit the head to the films with the indices `members`, weighted by their sampling weights."""
    seen = pooled[members].reshape(-1, FEATURES)
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    labels = np.repeat([films[index].label for index in members], VIEWS)
    shares = np.repeat(draw_weights([films[index] for index in members]), VIEWS)
    model = LogisticRegression(C=PENALTY, max_iter=200)
    model.fit((seen - mean) / spread, labels, sample_weight=shares * len(members) / VIEWS)
    weight = model.coef_ / spread
    reader = new_reader(weights, Recipe()).eval()
    with torch.no_grad():
        reader.head.weight.copy_(torch.from_numpy(weight))
        reader.head.bias.copy_(torch.from_numpy(model.intercept_ - weight @ mean))
    return reader


def frozen_logits(reader: Reader, pooled: Pooled) -> Pooled:
    """Return the logits [..., labels] of pooled features [..., 1280]."""
    with torch.inference_mode():
        return reader.head(torch.from_numpy(pooled)).numpy()
