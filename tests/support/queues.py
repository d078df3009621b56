"""Reads how many messages the broker and the workers hold."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx
from prometheus_client.parser import text_string_to_metric_families

from chassis.nats.jetstream import JetStream, StreamNotFoundError
from services.jobs.models import ImageState
from services.jobs.tasks.outcomes import outcome_from_message


async def final_outcomes(jetstream: JetStream) -> set[UUID]:
    """Return the images with a final outcome in RESULTS."""
    state = (await jetstream.api("STREAM.INFO.RESULTS"))["state"]
    ended = set()
    for sequence in range(state["first_seq"], state["last_seq"] + 1):
        with suppress(StreamNotFoundError):
            message = await jetstream.get_message("RESULTS", sequence)
            outcome = outcome_from_message(message.data)
            if outcome.state != ImageState.RUNNING:
                ended.add(outcome.image_id)
    return ended


async def tasks_in_progress(jetstream: JetStream, stage: str) -> int:
    """Count the tasks of a stage that workers hold."""
    held, _ = await deliveries(jetstream, stage)
    return held


async def deliveries(jetstream: JetStream, stage: str) -> tuple[int, int]:
    """Return the number of unanswered deliveries of a stage, and of all its deliveries so far."""
    infos = [await _consumer(jetstream, f"TASKS.{stage}-{lane}") for lane in ("urgent", "routine")]
    return (
        sum(info["num_ack_pending"] for info in infos),
        sum(info["delivered"]["consumer_seq"] for info in infos),
    )


async def pending_outcomes(jetstream: JetStream) -> int:
    """Count the outcomes that were not yet delivered to a replica of `jobs`."""
    return int((await _consumer(jetstream, "RESULTS.jobs"))["num_pending"])


async def _consumer(jetstream: JetStream, name: str) -> dict[str, Any]:
    return await jetstream.api(f"CONSUMER.INFO.{name}")


async def held_messages(metrics_address: str) -> int:
    """Return how many messages a worker has received but not settled."""
    # Loading the CA certificates takes longer than the request itself.
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.get(f"http://{metrics_address}/metrics")
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "messaging_held_messages"
    )
