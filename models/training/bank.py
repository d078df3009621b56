"""The view bank: many views of every film, rendered once and shared by all models.

The lower blocks of the network are frozen, so their output for a view never changes. The bank
stores this output instead of the pixels, which lets five folds, four left-out sources and two final
models train on two CPU cores in an hour.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.augment import random_view
from models.training.data import Film, Grey, model_frame, read_pixels
from models.training.network import Backbone, prepare

SHAPE = (40, 24, 24)  # output of the lower blocks for one view
RENDER_BATCH = 64

Features = NDArray[np.float16]


@dataclass(frozen=True)
class BankPlan:
    """The number of views of each film: plain, then altered, then altered and inverted."""

    altered: int
    inverted: int
    seed: int

    plain: int = 2  # CLAHE off and on

    @property
    def views(self) -> int:
        """The number of views of one film."""
        return self.plain + self.altered + self.inverted


def build_bank(
    films: Sequence[Film], plan: BankPlan, *, weights: Path, store: Path, processes: int
) -> Features:
    """Render all views into `store` and memory-map it: float16 [films, views, 40, 24, 24]."""
    shape = (len(films), plan.views, *SHAPE)
    if store.exists():
        stored = np.load(store, mmap_mode="r")
        if stored.shape == shape:
            return stored
    store.parent.mkdir(parents=True, exist_ok=True)
    unfinished = store.with_suffix(".part.npy")
    np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.float16, shape=shape).flush()
    shares = np.array_split(np.arange(len(films)), max(1, len(films) // 50))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        done = [
            pool.submit(_render_share, films, share, plan, weights, unfinished) for share in shares
        ]
        for number, share in enumerate(done):
            share.result()
            print(f"views: {number + 1} of {len(shares)} parts", flush=True)  # noqa: T201
    unfinished.rename(store)
    return np.load(store, mmap_mode="r")


def _render_share(
    films: Sequence[Film], share: NDArray[np.int64], plan: BankPlan, weights: Path, store: Path
) -> None:
    torch.set_num_threads(1)
    backbone = Backbone()
    backbone.load_imagenet(weights)
    backbone.eval().to(memory_format=torch.channels_last)
    bank = np.lib.format.open_memmap(store, mode="r+")
    for index in share:
        frames = np.stack(list(_frames(read_pixels(films[index]), int(index), plan)))
        bank[index] = lower_features(backbone, frames)
    bank.flush()


def _frames(pixels: Grey, index: int, plan: BankPlan) -> Iterator[Grey]:
    yield model_frame(pixels, clahe=False)
    yield model_frame(pixels, clahe=True)
    for view in range(plan.plain, plan.views):
        rng = np.random.default_rng([plan.seed, index, view])
        film = random_view(pixels, rng)
        if view >= plan.plain + plan.altered:
            film = 255 - film
        yield model_frame(film, clahe=view % 2 == 1)


def lower_features(backbone: Backbone, frames: Grey) -> Features:
    """Run the frozen blocks on uint8 frames [N, 224, 224] to get float16 [N, 40, 24, 24]."""
    images = prepare(torch.from_numpy(frames)[:, None]).contiguous(
        memory_format=torch.channels_last
    )
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        features = torch.cat([backbone.lower(part) for part in images.split(RENDER_BATCH)])
    return features.float().numpy().astype(np.float16)
