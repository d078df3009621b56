"""The bus contract: each side can parse what the other writes, and accepts nothing else."""

import itertools
import json
import uuid
from typing import Any

import pytest

from carina.tasks import bus

IMAGE, JOB = uuid.UUID(int=7), uuid.UUID("6b1b2c8e-0c39-4d2a-9f60-0123456789ab")
NAMES: list[Any] = [
    *(bus.TaskSubject(stage, lane, JOB) for stage in bus.Stage for lane in bus.Priority),
    bus.ResultSubject(JOB),
    bus.EventSubject(JOB),
    *(
        bus.MessageId(IMAGE, attempt, step, republished)
        for step, attempt, republished in itertools.product(bus.Step, (1, 12), (0, 1, 30))
    ),
    bus.TermReason("MALFORMED_TASK", f"{IMAGE}.1.preprocess", f"tasks.infer.urgent.{JOB}"),
    bus.TermReason("MALFORMED_TASK", "", "tasks.x"),
]


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_a_name_survives_formatting_and_parsing(name: Any) -> None:
    assert type(name).parse(str(name)) == name


def test_the_names_on_the_bus_do_not_change() -> None:
    """Running systems have them in streams and logs, so a change breaks rolling updates."""
    urgent = bus.TaskSubject(bus.Stage.PREPROCESS, bus.Priority.URGENT, JOB)
    assert str(urgent) == f"tasks.preprocess.urgent.{JOB}"
    assert str(bus.ResultSubject(JOB)) == f"results.{JOB}"
    assert str(bus.EventSubject(JOB)) == f"events.{JOB}"
    assert str(bus.MessageId(IMAGE, 2, bus.Step.INFER)) == f"{IMAGE}.2.infer"
    assert str(bus.MessageId(IMAGE, 2, bus.Step.INFER, 3)) == f"{IMAGE}.2.infer.3"
    assert (bus.TASKS, bus.RESULTS, bus.DEAD) == ("TASKS", "RESULTS", "DEAD")
    assert {bus.task_consumer(stage, lane) for stage in bus.Stage for lane in bus.Priority} == {
        "preprocess-urgent",
        "preprocess-routine",
        "infer-urgent",
        "infer-routine",
    }
    assert bus.AdvisoryKind.TERMINATED.subjects == (
        "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.TASKS.*"
    )
    assert bus.AdvisoryKind.MAX_DELIVERIES.subjects == (
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.TASKS.*"
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (bus.TaskSubject, ""),
        (bus.TaskSubject, f"tasks.preprocess.{JOB}"),
        (bus.TaskSubject, f"tasks.train.urgent.{JOB}"),
        (bus.TaskSubject, f"tasks.infer.stat.{JOB}"),
        (bus.TaskSubject, f"results.infer.urgent.{JOB}"),
        (bus.TaskSubject, f"tasks.infer.urgent.{str(JOB).upper()}"),
        (bus.TaskSubject, "tasks.infer.urgent.*"),
        (bus.ResultSubject, f"events.{JOB}"),
        (bus.ResultSubject, f"{JOB}"),
        (bus.EventSubject, "events.1"),
        (bus.MessageId, ""),
        (bus.MessageId, f"{IMAGE}.1"),
        (bus.MessageId, f"{IMAGE}.one.infer"),
        (bus.MessageId, f"{IMAGE}.+1.infer"),
        (bus.MessageId, f"{IMAGE}.1.infer.0"),
        (bus.MessageId, f"{IMAGE}.1.infer.1.2"),
        (bus.MessageId, f"{IMAGE}.1.guess"),
        (bus.TermReason, "Unacknowledged message was deleted"),
        (bus.TermReason, "MALFORMED_TASK"),
    ],
)
def test_other_text_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(bus.BusFormatError):
        kind.parse(text)


@pytest.mark.parametrize("kind", bus.AdvisoryKind)
@pytest.mark.parametrize("reason", ["", "MALFORMED_TASK a b"])
def test_an_advisory_survives_formatting_and_its_subject_matches_its_filter(
    kind: bus.AdvisoryKind, reason: str
) -> None:
    advisory = bus.Advisory(kind, "infer-routine", 42, reason)
    assert bus.Advisory.parse(advisory.to_json()) == advisory
    assert advisory.subject == kind.subjects.replace("*", "infer-routine")
    # Additional fields of the broker are ignored.
    more = {**json.loads(advisory.to_json()), "id": "x", "deliveries": 5, "domain": "hub"}
    assert bus.Advisory.parse(json.dumps(more).encode()) == advisory


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b'{"type": "io.nats.jetstream.advisory.v1.nak", "stream_seq": 1}'],
)
def test_other_advisories_are_refused(data: bytes) -> None:
    with pytest.raises(bus.BusFormatError):
        bus.Advisory.parse(data)
