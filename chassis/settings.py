"""What the settings of a program are, for its `--help` and for `docs/settings.md`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from chassis.durations import write_duration

_KINDS = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}
_BOUNDS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


@dataclass(frozen=True)
class Setting:
    """One setting of a program."""

    names: tuple[str, ...]  # of environment variables; the first one that is set counts
    kind: str  # such as "integer > 0"
    default: str | None  # None if it is required; empty if the default is an empty text
    meaning: str

    @property
    def default_in_words(self) -> str:
        """The default as a phrase."""
        if self.default is None:
            return "required"
        return f"default: {self.default or 'empty'}"


def settings_of(config_type: type[BaseSettings]) -> Iterator[Setting]:
    """Yield the settings of a class in their order."""
    prefix = config_type.model_config.get("env_prefix", "")
    for name, field in config_type.model_fields.items():
        names = [prefix + name]
        if isinstance(field.validation_alias, AliasChoices):
            names += [str(choice) for choice in field.validation_alias.choices if choice != name]
        yield Setting(
            names=tuple(each.upper() for each in names),
            kind=_kind(field),
            default=_default(field),
            meaning=field.description or "",
        )


def _kind(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if get_origin(annotation) is Literal:
        return ", ".join(get_args(annotation)[:-1]) + f" or {get_args(annotation)[-1]}"
    if annotation is timedelta:
        return "duration"
    bounds = " and ".join(
        f"{sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in _BOUNDS
        if hasattr(limit, name)
    )
    return f"{_KINDS[annotation]} {bounds}".strip()


def _default(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    if field.default_factory is not None:
        return "one for each core"
    value = field.default
    if isinstance(value, timedelta):
        return write_duration(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
