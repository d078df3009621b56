"""Settings of the preprocess worker, with the prefix `CARINA_PREPROCESS_`."""

import os

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.config import NatsConfig, ServiceConfig
from services.preprocess.film import Limits

_LIMITS = Limits()


class PreprocessConfig(ServiceConfig, NatsConfig):
    """Settings of the preprocess worker."""

    model_config = SettingsConfigDict(env_prefix="CARINA_PREPROCESS_")

    blob_url: str = Field(
        title="Blob store", description="file:///folder, s3://bucket/prefix, gs://... or az://..."
    )
    slots: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        gt=0,
        title="Slots",
        description="Films processed at once, each with a core and a thread",
    )
    clip_limit: float = Field(
        default=2.0,
        gt=0,
        title="CLAHE clip limit",
        description="As a multiple of the mean of a tile's histogram",
    )
    tile_grid: int = Field(
        default=8,
        gt=0,
        le=64,
        title="CLAHE tiles",
        description="Number of tiles along each side of the film",
    )
    preview_side: int = Field(
        default=1024,
        ge=0,
        title="Preview side",
        description="Longest side of the preview in pixels; 0: no preview",
    )
    max_pixels: int = Field(
        default=_LIMITS.pixels,
        gt=0,
        title="Maximum pixels",
        description="Limit of pixels of a decoded film",
    )
    max_expansion: int = Field(
        default=_LIMITS.expansion,
        gt=0,
        title="Maximum expansion",
        description="Limit of decoded bytes for each byte of a large file",
    )

    max_pages: int = Field(
        default=_LIMITS.pages,
        gt=0,
        title="Maximum pages",
        description="Limit of pages of a TIFF file",
    )

    def limits(self) -> Limits:
        """Return the limits as the pipeline takes them."""
        return Limits(pixels=self.max_pixels, expansion=self.max_expansion, pages=self.max_pages)
