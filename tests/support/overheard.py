"""Records the acks and outcomes that workers send to the broker, without taking part.

A worker answers each delivery on `$JS.ACK.<stream>.<consumer>.<delivery>.<sequence>...` and reports
each outcome on `results.<job>`, even if the broker then drops the outcome as a duplicate.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from nats.aio.msg import Msg

from carina.tasks.v1 import tasks_pb2
from chassis.nats.jetstream import JetStream

# In the longer form, a domain and an account hash precede the stream.
_OLD_ACK_TOKENS = 9


class Handover(NamedTuple):
    """One delivery of a message; the first has `number` 1."""

    consumer: str
    sequence: int
    number: int


class Overheard:
    """The deliveries that were answered and the images that were started."""

    def __init__(self) -> None:
        # By image, attempt and stage.
        self.started: Counter[tuple[UUID, int, str]] = Counter()
        self._answered: set[Handover] = set()
        self._returned: set[Handover] = set()

    def answer(self, message: Msg) -> None:
        """Record the answer to a delivery."""
        tokens = message.subject.split(".")
        consumer, number, sequence = tokens[3:6] if len(tokens) == _OLD_ACK_TOKENS else tokens[5:8]
        handover = Handover(consumer, int(sequence), int(number))
        if not message.data.startswith(b"+WPI"):
            self._answered.add(handover)
        if message.data.startswith(b"-NAK"):
            self._returned.add(handover)

    def report(self, message: Msg) -> None:
        """Record an outcome."""
        outcome = tasks_pb2.Outcome.FromString(message.data)
        if outcome.HasField("started"):
            stage = tasks_pb2.Stage.Name(outcome.stage)
            self.started[UUID(bytes=outcome.ref.image_id), outcome.ref.attempt, stage] += 1

    def late(self, stage: str) -> set[Handover]:
        """Return the deliveries that were answered although they had been redelivered."""
        return self.dropped(stage) & self._answered

    def dropped(self, stage: str = "") -> set[Handover]:
        """Return the deliveries that were redelivered although no worker had returned them."""
        return {
            earlier
            for handover in self._answered
            if handover.consumer.startswith(stage)
            for number in range(1, handover.number)
            if (earlier := handover._replace(number=number)) not in self._returned
        }


@asynccontextmanager
async def overhear(jetstream: JetStream) -> AsyncIterator[Overheard]:
    """Record within the block; on exit, everything sent before has been recorded."""
    overheard = Overheard()
    await jetstream.subscribe_mailbox("$JS.ACK.>", overheard.answer)
    await jetstream.subscribe_mailbox("results.*", overheard.report)
    await jetstream.client.flush()
    yield overheard
    await jetstream.client.flush()
