"""Settings of the jobs service, all of them with the prefix `CARINA_JOBS_`."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.auth import AuthConfig
from chassis.config import Duration, NatsConfig, ServiceConfig
from services.jobs.models import Limits, ReconcilerSettings

_PREFIX = SettingsConfigDict(env_prefix="CARINA_JOBS_")
_LIMITS = Limits()


class DatabaseConfig(BaseSettings):
    """Settings of the migration."""

    model_config = _PREFIX

    database_url: str = Field(
        title="PostgreSQL",
        description="URL of the database; its user is a member of carina_caller and carina_system",
    )


class RestoredConfig(DatabaseConfig, ServiceConfig):
    """Settings of the command that follows a restore."""

    model_config = _PREFIX


class RetentionConfig(DatabaseConfig, ServiceConfig):
    """Settings of retention."""

    model_config = _PREFIX

    blob_url: str = Field(
        title="Blob store", description="file:///folder, s3://bucket/prefix, gs://... or az://..."
    )


class JobsConfig(RetentionConfig, NatsConfig, AuthConfig):
    """Settings of the service."""

    model_config = _PREFIX

    listen_address: str = Field(
        "0.0.0.0:50051", title="gRPC address", description="host:port of JobService"
    )
    catalogue: Path = Field(
        Path("models/catalogue.yaml"), title="Catalogue", description="Models that jobs may ask for"
    )
    database_connections: int = Field(
        8,
        gt=0,
        title="Connections",
        description="Maximum number of connections for each of the two roles",
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
        description="How long a silent worker keeps its task before another worker gets it",
    )
    images_per_job: int = Field(
        _LIMITS.images_per_job,
        gt=0,
        title="Images per job",
        description="Maximum number of images of a job",
    )
    image_bytes: int = Field(
        _LIMITS.image_bytes, gt=0, title="Bytes per image", description="Maximum size of a file"
    )
    job_bytes: int = Field(
        _LIMITS.job_bytes,
        gt=0,
        title="Bytes per job",
        description="Maximum size of all files of a job",
    )
    jobs_per_minute: int = Field(
        _LIMITS.jobs_per_minute,
        gt=0,
        title="Jobs per minute",
        description="Maximum number for each caller",
    )
    retention: Duration = Field(
        _LIMITS.retention, title="Retention", description="How long a job and its images are kept"
    )
    max_watchers: int = Field(
        2000, gt=0, title="Watchers", description="Maximum number of open watches on one replica"
    )
    # Half of the 60 s after which most proxies close an idle stream. Each costs a third of a
    # millisecond, which is what thousands of quiet watches cost.
    heartbeat: Duration = Field(
        timedelta(seconds=30),
        title="Heartbeat",
        description="How often a quiet watch sends a sign of life",
    )
    stalled_after: Duration = Field(
        timedelta(seconds=30),
        title="Stalled after",
        description="An open image with nothing in the broker for this long is published again",
    )
    redelivery_delay: Duration = Field(
        timedelta(minutes=1),
        title="Redelivery delay",
        description="How long a dead-lettered task rests before it is delivered once more",
    )
    abandoned_after: Duration = Field(
        timedelta(hours=1),
        title="Abandoned after",
        description="A job that receives no images for this long is closed",
    )
    reconcile_interval: Duration = Field(
        timedelta(seconds=10),
        title="Reconcile interval",
        description="How often each replica looks for lost tasks",
    )
    sweep_interval: Duration = Field(
        timedelta(seconds=10),
        title="Sweep interval",
        description="How often each replica deletes expired jobs and the blobs of deleted images",
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

    def reconciler(self) -> ReconcilerSettings:
        """Return the settings of the reconciler."""
        return ReconcilerSettings(
            interval=self.reconcile_interval,
            stalled_after=self.stalled_after,
            abandoned_after=self.abandoned_after,
        )
