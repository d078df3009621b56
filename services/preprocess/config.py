"""Settings of the preprocess worker, all of them with the prefix `CARINA_PREPROCESS_`."""

import os

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.config import NatsConfig, ServiceConfig
from services.preprocess.film import Limits

_LIMITS = Limits()


class PreprocessConfig(ServiceConfig, NatsConfig):
    """What the worker needs."""

    model_config = SettingsConfigDict(env_prefix="CARINA_PREPROCESS_")

    blob_url: str = Field(
        title="Blob store", description="file:///folder, s3://bucket/prefix, gs://... or az://..."
    )
    slots: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        gt=0,
        title="Slots",
        description="Films that are worked on at once, a core and a thread each",
    )
    clip_limit: float = Field(
        default=2.0, gt=0, title="CLAHE clip limit", description="Times the mean of a tile"
    )
    tile_grid: int = Field(
        default=8, gt=0, le=64, title="CLAHE tiles", description="Tiles along each side of the film"
    )
    preview_side: int = Field(
        default=1024,
        ge=0,
        title="Preview side",
        description="Longest side of the preview in pixels; 0 makes none",
    )
    max_pixels: int = Field(
        default=_LIMITS.pixels, gt=0, title="Pixels", description="Most pixels of a decoded film"
    )
    max_expansion: int = Field(
        default=_LIMITS.expansion,
        gt=0,
        title="Expansion",
        description="Most decoded bytes for each byte of a large file",
    )

    max_pages: int = Field(
        default=_LIMITS.pages, gt=0, title="Pages", description="Most pages of a TIFF"
    )

    def limits(self) -> Limits:
        """Return the limits as the pipeline takes them."""
        return Limits(pixels=self.max_pixels, expansion=self.max_expansion, pages=self.max_pages)
