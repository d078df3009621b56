"""The bus contract: streams, consumers, subjects, message ids and what the broker itself reports.

Every name that crosses NATS is built and parsed here, in pairs: `parse(str(name)) == name`, and
`parse` refuses every text that `str` would not have written.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self, TypeVar
from uuid import UUID

_Name = TypeVar("_Name")

TASKS, RESULTS, DEAD = "TASKS", "RESULTS", "DEAD"
RESULTS_CONSUMER, DEAD_CONSUMER = "jobs", "jobs-dead"

ALL_TASKS = "tasks.*.*.*"
ALL_RESULTS = "results.*"
ALL_EVENTS = "events.*"
_ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER"
ALL_ADVISORIES = f"{_ADVISORY}.*.{TASKS}.*"
# What the broker reports of a task that was purged or deleted while a worker held it.
_DELETED = "Unacknowledged message was deleted"


class BusFormatError(ValueError):
    """A name or an advisory is not in the agreed form."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Not a {kind} of the bus contract.")


class Stage(StrEnum):
    """A stage of processing, with its own consumers."""

    PREPROCESS = "preprocess"
    INFER = "infer"


class Priority(StrEnum):
    """A lane of the queue, with a consumer in each stage."""

    URGENT = "urgent"
    ROUTINE = "routine"


class Step(StrEnum):
    """What a message says of one attempt at an image; part of its id."""

    PREPROCESS = "preprocess"
    PREPROCESS_FAILED = "preprocess-failed"
    INFER = "infer"
    INFER_FAILED = "infer-failed"
    INFER_SUCCEEDED = "infer-succeeded"


def priority_of(*, urgent: bool) -> Priority:
    """Return the lane of a task."""
    return Priority.URGENT if urgent else Priority.ROUTINE


def task_consumer(stage: Stage, priority: Priority) -> str:
    """Return the durable consumer of a stage and a priority."""
    return f"{stage}-{priority}"


def tasks_for(stage: Stage, priority: Priority) -> str:
    """Return the filter that matches the tasks of a consumer."""
    return f"tasks.{stage}.{priority}.*"


def tasks_of(job: UUID) -> str:
    """Return the filter that matches all tasks of a job."""
    return f"tasks.*.*.{job}"


def task_template(stage: Stage, priority: Priority) -> str:
    """Return the subject of tasks without their job, as traces group it."""
    return f"tasks.{stage}.{priority}.{{job}}"


@dataclass(frozen=True)
class TaskSubject:
    """Where a task is published."""

    stage: Stage
    priority: Priority
    job: UUID

    def __str__(self) -> str:
        """Write it as the broker knows it."""
        return f"tasks.{self.stage}.{self.priority}.{self.job}"

    @property
    def template(self) -> str:
        """The subject without its job, as traces group it."""
        return task_template(self.stage, self.priority)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a subject; raises BusFormatError."""
        try:
            _, stage, priority, job = text.split(".")
            subject = cls(Stage(stage), Priority(priority), UUID(job))
        except ValueError as error:
            raise BusFormatError("task subject") from error
        return _exact(subject, text, "task subject")


@dataclass(frozen=True)
class _JobSubject:
    """A subject that is a word and a job."""

    word: ClassVar[str]
    template: ClassVar[str]

    job: UUID

    def __str__(self) -> str:
        """Write it as the broker knows it."""
        return f"{self.word}.{self.job}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a subject; raises BusFormatError."""
        kind = f"{cls.word} subject"
        try:
            subject = cls(UUID(text.partition(".")[2]))
        except ValueError as error:
            raise BusFormatError(kind) from error
        return _exact(subject, text, kind)


class ResultSubject(_JobSubject):
    """Where the outcomes of a job's images are published."""

    word = "results"
    template = "results.{job}"


class EventSubject(_JobSubject):
    """Where changes of a job are announced."""

    word = "events"
    template = "events.{job}"


@dataclass(frozen=True)
class MessageId:
    """What the broker recognises a repeated message by: `<image>.<attempt>.<step>[.<republished>]`.

    A republished task has another id, or the broker would take it for the one that it has lost.
    """

    image: UUID
    attempt: int
    step: Step
    republished: int = 0

    def __str__(self) -> str:
        """Write it as the value of the Nats-Msg-Id header."""
        suffix = f".{self.republished}" if self.republished else ""
        return f"{self.image}.{self.attempt}.{self.step}{suffix}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id; raises BusFormatError."""
        try:
            image, attempt, step, *rest = text.split(".", 3)
            message_id = cls(UUID(image), int(attempt), Step(step), int(rest[0]) if rest else 0)
        except ValueError as error:
            raise BusFormatError("message id") from error
        return _exact(message_id, text, "message id")


@dataclass(frozen=True)
class TermReason:
    """Why a worker ended a task, and which: the broker keeps no more of it than this sentence.

    The id and the subject are as the message had them, for its content may be unreadable.
    """

    code: str
    message_id: str
    subject: str

    def __str__(self) -> str:
        """Write it as the worker sends it, after `+TERM`."""
        return f"{self.code} {self.message_id} {self.subject}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reason; raises BusFormatError."""
        try:
            code, message_id, subject = text.split(" ")
        except ValueError as error:
            raise BusFormatError("term reason") from error
        return cls(code, message_id, subject)


class AdvisoryKind(StrEnum):
    """What happened to a task, by the type of the broker's advisory."""

    MAX_DELIVERIES = "io.nats.jetstream.advisory.v1.max_deliver"
    TERMINATED = "io.nats.jetstream.advisory.v1.terminated"

    @property
    def subjects(self) -> str:
        """The filter that matches these advisories of all task consumers."""
        token = "MAX_DELIVERIES" if self is self.MAX_DELIVERIES else "MSG_TERMINATED"
        return f"{_ADVISORY}.{token}.{TASKS}.*"


@dataclass(frozen=True)
class Advisory:
    """The broker's notice that it will not deliver a task again."""

    kind: AdvisoryKind
    consumer: str
    # Of the task in its stream.
    sequence: int
    # What the worker, or the broker, gave as the reason; empty after too many deliveries.
    reason: str = ""

    @property
    def subject(self) -> str:
        """Where the broker publishes it."""
        return f"{self.kind.subjects[:-1]}{self.consumer}"

    @property
    def deleted(self) -> bool:
        """Whether the task was purged or deleted while a worker held it, which is no failure."""
        return self.reason == _DELETED

    def to_json(self) -> bytes:
        """Write it as the broker does, without the fields that we do not read."""
        body = {
            "type": self.kind,
            "stream": TASKS,
            "consumer": self.consumer,
            "stream_seq": self.sequence,
            "reason": self.reason,
        }
        return json.dumps({key: value for key, value in body.items() if value != ""}).encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read an advisory; raises BusFormatError."""
        try:
            body = json.loads(data)
            return cls(
                AdvisoryKind(body["type"]),
                str(body["consumer"]),
                int(body["stream_seq"]),
                str(body.get("reason", "")),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BusFormatError("advisory") from error


def _exact(parsed: _Name, text: str, kind: str) -> _Name:
    """Refuse other spellings of the same, such as a UUID in capitals or `+1`."""
    if str(parsed) != text:
        raise BusFormatError(kind)
    return parsed
