"""Settings of the inference worker, with the prefix `CARINA_INFERENCE_`."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.config import Duration, NatsConfig, ServiceConfig


class InferenceConfig(ServiceConfig, NatsConfig):
    """Settings of the inference worker."""

    model_config = SettingsConfigDict(env_prefix="CARINA_INFERENCE_")

    triton_address: str = Field(
        title="Triton address",
        description="host:port of the gRPC endpoint; dns:///name:port for several servers",
    )
    slots: int = Field(
        default=64,
        gt=0,
        title="Slots",
        description="Images in progress at once: waiting for a batch, at Triton, or published",
    )
    concurrent_calls: int = Field(
        default=2,
        gt=0,
        title="Concurrent calls",
        description="Batches of one model at Triton at once: one is computed while one is sent",
    )
    max_batch_delay: Duration = Field(
        default=timedelta(milliseconds=5),
        title="Maximum batch delay",
        description="How long an image waits for others to share its batch",
    )
    deadline: Duration = Field(
        default=timedelta(seconds=30),
        title="Deadline",
        description="How long Triton may take for a batch, including its own queue",
    )
