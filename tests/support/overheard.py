"""What workers and the broker say to each other, heard by one who only listens.

Every answer to a delivery goes over `$JS.ACK.<stream>.<consumer>.<delivery>.<sequence>...`, and
every report of a worker over `results.<job>`, also where the broker then takes it for a repetition.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from nats.aio.msg import Msg

from carina.tasks.v1 import tasks_pb2
from chassis.nats.jetstream import JetStream

# With more tokens, a domain and an account hash stand before the stream.
_OLD_ACK_TOKENS = 9


class Handed(NamedTuple):
    """One delivery of a message: `number` 1 is the first."""

    consumer: str
    sequence: int
    number: int


class Overheard:
    """Deliveries that were answered, and images that were begun."""

    def __init__(self) -> None:
        # By image, attempt and stage.
        self.begun: Counter[tuple[UUID, int, str]] = Counter()
        self._answered: set[Handed] = set()
        self._handed_back: set[Handed] = set()

    def answer(self, message: Msg) -> None:
        """Note what became of a delivery."""
        tokens = message.subject.split(".")
        consumer, number, sequence = tokens[3:6] if len(tokens) == _OLD_ACK_TOKENS else tokens[5:8]
        handed = Handed(consumer, int(sequence), int(number))
        if not message.data.startswith(b"+WPI"):
            self._answered.add(handed)
        if message.data.startswith(b"-NAK"):
            self._handed_back.add(handed)

    def report(self, message: Msg) -> None:
        """Note what a worker tells."""
        outcome = tasks_pb2.Outcome.FromString(message.data)
        if outcome.HasField("started"):
            stage = tasks_pb2.Stage.Name(outcome.stage)
            self.begun[UUID(bytes=outcome.ref.image_id), outcome.ref.attempt, stage] += 1

    def late(self, stage: str) -> set[Handed]:
        """Return the deliveries that were answered though another had followed."""
        return self.dropped(stage) & self._answered

    def dropped(self, stage: str = "") -> set[Handed]:
        """Return the deliveries that were followed by another, though nobody handed them back."""
        return {
            earlier
            for handed in self._answered
            if handed.consumer.startswith(stage)
            for number in range(1, handed.number)
            if (earlier := handed._replace(number=number)) not in self._handed_back
        }


@asynccontextmanager
async def overhear(jetstream: JetStream) -> AsyncIterator[Overheard]:
    """Listen for the length of the block; at its end all that was said before is noted."""
    overheard = Overheard()
    await jetstream.subscribe_mailbox("$JS.ACK.>", overheard.answer)
    await jetstream.subscribe_mailbox("results.*", overheard.report)
    await jetstream.client.flush()
    yield overheard
    await jetstream.client.flush()
