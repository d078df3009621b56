"""`docs/api.md` lists exactly the reasons and codes that exist."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import chassis
import services
from chassis.errors import DomainError
from services.gateway import errors as gateway_errors
from services.gateway.problems import STATUS_OF, STATUS_OF_REASON
from services.jobs.tasks.reconciler import MODEL_WITHDRAWN, PROCESSING_STALLED
from services.jobs.tasks.results import TASK_REFUSED, WORKER_DIED
from services.preprocess.errors import FilmError
from services.preprocess.worker import ORIGINAL_MISSING, ORIGINAL_UNREADABLE, OutOfMemoryError

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
# Errors between services and their servers, which callers never see.
INTERNAL = {
    *("QUEUE_FULL", "QUEUE_REFUSED", "QUEUE_UNAVAILABLE", "STREAM_NOT_FOUND"),
    *("MALFORMED_MESSAGE", "MALFORMED_TASK"),
    *("TRITON_UNAVAILABLE", "TRITON_BUSY"),
}
# Defaults that subclasses override.
ABSTRACT = {"INVALID_ARGUMENT", "UNAVAILABLE"}
OF_IMAGES = {
    "REFUSED_BY_MODEL",
    "MODEL_FAILED",
    "MODEL_TOO_SLOW",
    "MODEL_ANSWER_INVALID",
    "MODEL_MISSING",
    OutOfMemoryError.reason,
}


def subclasses(parent: Any) -> Iterator[Any]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.fixture(scope="module")
def reasons() -> set[str]:
    for package in (chassis, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    ours = (each for each in subclasses(DomainError) if not each.__module__.startswith("tests"))
    return {each.reason for each in ours} - INTERNAL - ABSTRACT


def table(after: str, before: str) -> set[str]:
    text = PAGE.partition(after)[2].partition(before)[0]
    return set(re.findall(r"^\| `([A-Z_]+)`", text, re.MULTILINE))


def test_exactly_the_reasons_of_calls_are_listed(reasons: set[str]) -> None:
    assert table("## Errors of a call", "## Errors of an image") == reasons - OF_IMAGES


def test_exactly_the_codes_of_images_are_listed() -> None:
    codes = {each.code for each in subclasses(FilmError)}
    ours = (WORKER_DIED, TASK_REFUSED, PROCESSING_STALLED, MODEL_WITHDRAWN)
    codes |= OF_IMAGES | {error.code for error in ours}
    codes |= {ORIGINAL_MISSING, ORIGINAL_UNREADABLE}
    assert table("## Errors of an image", "## Notes of an image") == codes


def test_reasons_follow_aip_193(reasons: set[str]) -> None:
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]{1,61}[A-Z0-9]", reason) for reason in reasons)


def test_the_documented_http_status_of_gateway_errors_is_the_actual_one() -> None:
    documented = dict(
        re.findall(
            r"^\| `([A-Z_]+)` \| (\d+)",
            PAGE.partition("Only over HTTP")[2].partition("##")[0],
            re.MULTILINE,
        )
    )
    ours = {
        each.reason: str(
            STATUS_OF_REASON.get(each.reason, STATUS_OF[grpc.StatusCode[each.kind]]).value
        )
        for each in subclasses(DomainError)
        if each.__module__ == gateway_errors.__name__ and each.reason in documented
    }
    assert documented == ours
