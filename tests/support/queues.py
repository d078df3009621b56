"""What the broker and the workers have in their hands."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx
from prometheus_client.parser import text_string_to_metric_families

from chassis.nats.jetstream import JetStream, StreamNotFoundError
from services.jobs.models import ImageState
from services.jobs.tasks.outcomes import outcome_from_message


async def ended_in_results(jetstream: JetStream) -> set[UUID]:
    """Return the images of whose ends RESULTS tells."""
    state = (await jetstream.api("STREAM.INFO.RESULTS"))["state"]
    ended = set()
    for sequence in range(state["first_seq"], state["last_seq"] + 1):
        with suppress(StreamNotFoundError):
            message = await jetstream.get_message("RESULTS", sequence)
            outcome = outcome_from_message(message.data)
            if outcome.state != ImageState.RUNNING:
                ended.add(outcome.image_id)
    return ended


async def at_work(jetstream: JetStream, stage: str) -> int:
    """Say how many tasks of a stage workers hold."""
    held, _ = await deliveries(jetstream, stage)
    return held


async def deliveries(jetstream: JetStream, stage: str) -> tuple[int, int]:
    """Say how many deliveries of a stage are not answered, and how many there ever were."""
    infos = [await _consumer(jetstream, f"TASKS.{stage}-{lane}") for lane in ("urgent", "routine")]
    return (
        sum(info["num_ack_pending"] for info in infos),
        sum(info["delivered"]["consumer_seq"] for info in infos),
    )


async def unheard(jetstream: JetStream) -> int:
    """Say how many outcomes no replica of `jobs` has heard."""
    return int((await _consumer(jetstream, "RESULTS.jobs"))["num_pending"])


async def _consumer(jetstream: JetStream, name: str) -> dict[str, Any]:
    return await jetstream.api(f"CONSUMER.INFO.{name}")


async def held_messages(metrics_address: str) -> int:
    """Ask a worker how many messages it has received and not settled."""
    # To read the authorities of the web takes longer than the answer.
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.get(f"http://{metrics_address}/metrics")
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "messaging_held_messages"
    )
