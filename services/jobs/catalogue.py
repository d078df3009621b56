"""The models that jobs may ask for: `models/catalogue.yaml`, read once at startup."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.jobs.errors import UnknownModelError
from services.jobs.models import Model

# Pixels travel inside the infer task.
_MAX_PIXELS = 512 * 2**10


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Input(_Closed):
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class _Gate(_Closed):
    output: str
    threshold: float


class _Entry(_Closed):
    name: str
    version: str
    input: _Input
    labels: tuple[str, ...] = Field(min_length=1)
    thresholds: dict[str, float]
    digest: str = Field(pattern="^[0-9a-f]{64}$")
    card: str
    gate: _Gate | None = None
    max_batch_size: int = Field(default=8, gt=0)

    @model_validator(mode="after")
    def _agrees(self) -> "_Entry":
        if set(self.thresholds) != set(self.labels):
            raise ValueError("thresholds must name every label, and nothing else")
        if self.input.width * self.input.height > _MAX_PIXELS:
            raise ValueError(f"an input may have at most {_MAX_PIXELS} pixels")
        return self


class _Document(_Closed):
    default: str
    models: tuple[_Entry, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Catalogue:
    """Models by name, and the default for a job that names none."""

    default: str
    models: Mapping[str, Model]

    def resolve(self, name: str) -> str:
        """Return the name of a model that exists.

        Raises:
            UnknownModelError: there is no such model.
        """
        chosen = name or self.default
        if chosen not in self.models:
            raise UnknownModelError(chosen, tuple(self.models))
        return chosen


def read_catalogue(path: Path) -> Catalogue:
    """Read the catalogue.

    Raises:
        ValueError: it is invalid; the message says where.
    """
    document = _Document.model_validate(yaml.safe_load(path.read_text("utf-8")))
    models = {
        entry.name: Model(
            name=entry.name,
            version=entry.version,
            digest=entry.digest,
            input_width=entry.input.width,
            input_height=entry.input.height,
            labels=entry.labels,
            thresholds=tuple(entry.thresholds[label] for label in entry.labels),
            gate_output=entry.gate.output if entry.gate else "",
            gate_threshold=entry.gate.threshold if entry.gate else 0.0,
            max_batch_size=entry.max_batch_size,
        )
        for entry in document.models
    }
    if document.default not in models:
        raise ValueError(f"the default model {document.default!r} is not in the catalogue")
    return Catalogue(document.default, models)
