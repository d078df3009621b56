"""The training loop: fits the upper blocks and a linear head to views from the bank."""

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.training.bank import BankPlan, Features
from models.training.data import LABELS, Film, draw_weights
from models.training.network import FEATURES, Backbone

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters that were chosen by measurement; the model card explains how."""

    epochs: int = 7
    batch: int = 48
    backbone_rate: float = 5e-4
    head_rate: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.02  # of the labels
    style_share: float = 0.5  # of batches in which films exchange their style
    dropout: float = 0.2
    average_decay: float = 0.997  # of the running mean of the weights, per step


class Reader(nn.Module):
    """Maps the features of the lower blocks to one logit per label."""

    def __init__(self, backbone: Backbone, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(FEATURES, len(LABELS))

    def pooled(self, lower: Tensor) -> Tensor:
        """Return the mean of the last feature map, [N, 1280]."""
        return self.backbone.upper(lower).mean(dim=(2, 3))

    def forward(self, lower: Tensor) -> Tensor:
        """Map [N, 40, 24, 24] to logits [N, 3]."""
        return self.head(self.dropout(self.pooled(lower)))


def new_reader(weights: Path, recipe: Recipe) -> Reader:
    """Create a reader with ImageNet weights and an untrained head."""
    backbone = Backbone()
    backbone.load_imagenet(weights)
    return Reader(backbone, recipe.dropout).to(memory_format=torch.channels_last)


def fit(
    bank: Features,
    plan: BankPlan,
    films: Sequence[Film],
    members: NDArray[np.int64],
    *,
    weights: Path,
    recipe: Recipe,
    seed: int,
) -> Reader:
    """Train on the films with the indices `members`; return the running mean of the weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    reader = new_reader(weights, recipe)
    average = deepcopy(reader).eval()
    optimizer = _optimizer(reader, recipe)
    steps = recipe.epochs * (len(members) // recipe.batch)
    labels = torch.tensor([film.label for film in films])
    shares = draw_weights([films[index] for index in members])
    for step, picked in enumerate(_draw(members, shares, steps, recipe.batch, rng)):
        rate = min(1.0, (step + 1) / (steps * 0.08)) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * rate
        views = rng.integers(0, plan.plain + plan.altered, len(picked))
        loss = _loss(reader, _take(bank, picked, views), labels[picked], recipe, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimizer.step()
        _update_average(average, reader, min(recipe.average_decay, (step + 1) / (step + 10)))
    return average


def predict(reader: Reader, lower: Features, batch: int = 64) -> NDArray[np.float32]:
    """Return the logits [N, 3] of features [N, 40, 24, 24]."""
    reader.eval()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        parts = [
            reader(_tensor(lower[start : start + batch])).float()
            for start in range(0, len(lower), batch)
        ]
    return torch.cat(parts).numpy()


def _optimizer(reader: Reader, recipe: Recipe) -> torch.optim.Optimizer:
    """Apply weight decay only to weight matrices and kernels, and a higher rate to the new head."""
    trained = reader.backbone.train_upper_only()
    rate, decay = recipe.backbone_rate, recipe.weight_decay
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim > 1], "lr": rate, "weight_decay": decay},
            {"params": [p for p in trained if p.ndim == 1], "lr": rate, "weight_decay": 0.0},
            {"params": reader.head.parameters(), "lr": recipe.head_rate, "weight_decay": decay},
        ]
    )
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return optimizer


def _draw(
    members: NDArray[np.int64],
    shares: NDArray[np.float64],
    steps: int,
    batch: int,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.int64]]:
    for _ in range(steps):
        yield rng.choice(members, batch, p=shares)


def _take(bank: Features, films: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
    return _tensor(np.stack([bank[film, view] for film, view in zip(films, views, strict=True)]))


def _tensor(lower: Features) -> Tensor:
    features = torch.from_numpy(np.ascontiguousarray(lower)).float()
    return features.contiguous(memory_format=torch.channels_last)


def _loss(
    reader: Reader, lower: Tensor, labels: Tensor, recipe: Recipe, rng: np.random.Generator
) -> Tensor:
    reader.train()
    if rng.random() < recipe.style_share:
        lower = _exchange_style(lower, rng)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = reader(lower).float()
    return functional.cross_entropy(logits, labels, label_smoothing=recipe.smoothing)


def _exchange_style(lower: Tensor, rng: np.random.Generator) -> Tensor:
    """Mix each film's channel means and deviations with another's (MixStyle, Zhou et al. 2021).

    In early layers these statistics identify scanners, while the disease keeps its place and shape.
    """
    mean = lower.mean(dim=(2, 3), keepdim=True)
    spread = lower.std(dim=(2, 3), keepdim=True) + 1e-5
    other = torch.from_numpy(rng.permutation(len(lower)))
    shares = rng.beta(0.3, 0.3, (len(lower), 1, 1, 1)).astype(np.float32)
    share = torch.from_numpy(shares)
    new_mean = share * mean + (1 - share) * mean[other]
    new_spread = share * spread + (1 - share) * spread[other]
    return (lower - mean) / spread * new_spread + new_mean


def _update_average(average: Reader, reader: Reader, decay: float) -> None:
    with torch.no_grad():
        for mean, value in zip(
            average.state_dict().values(), reader.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)
