"""Settings of the jobs service, all of them with the prefix `CARINA_JOBS_`."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.auth import AuthConfig
from chassis.config import Duration, NatsConfig, ServiceConfig
from services.jobs.models import Limits

_PREFIX = SettingsConfigDict(env_prefix="CARINA_JOBS_")
_LIMITS = Limits()


class DatabaseConfig(BaseSettings):
    """What the migration needs."""

    model_config = _PREFIX

    database_url: str = Field(
        title="PostgreSQL",
        description="URL of the database; its user is a member of carina_caller and carina_system",
    )


class RestoredConfig(DatabaseConfig, ServiceConfig):
    """What is needed after a restore."""

    model_config = _PREFIX


class RetentionConfig(DatabaseConfig, ServiceConfig):
    """What retention needs."""

    model_config = _PREFIX

    blob_url: str = Field(
        title="Blob store", description="file:///folder, s3://bucket/prefix, gs://... or az://..."
    )


class JobsConfig(RetentionConfig, NatsConfig, AuthConfig):
    """What the service needs."""

    model_config = _PREFIX

    listen_address: str = Field(
        "0.0.0.0:50051", title="gRPC address", description="host:port of JobService"
    )
    catalogue: Path = Field(
        Path("models/catalogue.yaml"), title="Catalogue", description="Models that jobs may ask for"
    )
    database_connections: int = Field(
        8, gt=0, title="Connections", description="Most connections for each of the two roles"
    )
    stream_replicas: int = Field(
        1, title="Stream replicas", description="3 on a NATS cluster, 1 on a single server"
    )
    stream_max_bytes: int = Field(
        4 * 2**30, title="Queue size", description="Bytes that each of the two queues may hold"
    )
    ack_wait: Duration = Field(
        timedelta(seconds=20),
        title="Ack wait",
        description="How long a silent worker keeps its task before another one gets it",
    )
    images_per_job: int = Field(
        _LIMITS.images_per_job, gt=0, title="Images a job", description="Most images of one job"
    )
    image_bytes: int = Field(
        _LIMITS.image_bytes, gt=0, title="Bytes an image", description="Largest file"
    )
    job_bytes: int = Field(
        _LIMITS.job_bytes, gt=0, title="Bytes a job", description="All files of a job together"
    )
    jobs_per_minute: int = Field(
        _LIMITS.jobs_per_minute, gt=0, title="Jobs a minute", description="For each caller"
    )
    retention: Duration = Field(
        _LIMITS.retention, title="Retention", description="How long a job and its images are kept"
    )
    max_watchers: int = Field(
        2000, gt=0, title="Watchers", description="Most open watches on one replica"
    )
    heartbeat: Duration = Field(
        timedelta(seconds=15), title="Heartbeat", description="Sign of life on a quiet watch"
    )
    stalled: Duration = Field(
        timedelta(seconds=30),
        title="Stalled",
        description="An open image with nothing in the broker for so long is published again",
    )
    redelivery_delay: Duration = Field(
        timedelta(minutes=1),
        title="Respite",
        description="How long an image that no worker has answered rests before its last chance",
    )
    abandoned: Duration = Field(
        timedelta(hours=1),
        title="Abandoned",
        description="A job that gets no images for so long is closed",
    )
    reconcile_cycle: Duration = Field(
        timedelta(seconds=10), title="Cycle", description="How often the reconciler looks"
    )

    def limits(self) -> Limits:
        """Return the limits as the service takes them."""
        return Limits(
            images_per_job=self.images_per_job,
            image_bytes=self.image_bytes,
            job_bytes=self.job_bytes,
            jobs_per_minute=self.jobs_per_minute,
            retention=self.retention,
        )
