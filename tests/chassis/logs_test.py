import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider

from chassis.logs import bound_context, configure_logs, get_logger


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_key_that_is_not_allowed_is_dropped_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    allow_list = configure_logs("jobs", allowed_keys={"job"})
    get_logger("a").info("created", job="1", patient="Doe^Jane")
    (line,) = lines(capsys)
    assert line["job"] == "1"
    assert line["service"] == "jobs"
    assert line["dropped_keys"] == ["patient"]
    assert "Doe" not in json.dumps(line)
    assert allow_list.dropped == 1


def test_records_of_the_standard_library_have_the_same_format(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("jobs")
    logging.getLogger("other").warning("hello %s", "there", extra={"patient": "Doe"})
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("hello there", "warning", "other")
    assert "Doe" not in json.dumps(line)


def test_an_exception_is_logged_without_local_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("jobs")
    patient = "Doe"
    try:
        int(patient[:0])
    except ValueError:
        get_logger("a").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]
    assert "Doe" not in line["exception"].replace('patient = "Doe"', "")


def test_records_below_the_level_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("jobs", "WARNING")
    get_logger("a").info("quiet")
    assert lines(capsys) == []


def test_bound_context_and_the_active_span_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("jobs", allowed_keys={"job"})
    tracer = TracerProvider().get_tracer("test")
    with bound_context(job="7"), tracer.start_as_current_span("work") as span:
        get_logger("a").info("inside")
    (line,) = lines(capsys)
    assert line["job"] == "7"
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
