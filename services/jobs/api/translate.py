"""Between the contract and the domain. Translates, decides nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from services.jobs.errors import ImageNotFoundError, InvalidFieldError, JobNotFoundError
from services.jobs.models import (
    Image,
    ImageState,
    Job,
    JobFilter,
    JobSpec,
    JobState,
    Priority,
    Result,
    Stage,
)
from services.jobs.uploads.receiver import UploadHeader

StateT = TypeVar("StateT", JobState, ImageState)
ListRequestT = TypeVar(
    "ListRequestT", job_service_pb2.ListJobsRequest, job_service_pb2.ListImagesRequest
)

_JOB_STATES = {state: job_pb2.Job.State.Value(f"STATE_{state}") for state in JobState}
_IMAGE_STATES = {state: image_pb2.Image.State.Value(f"STATE_{state}") for state in ImageState}
_STAGES = {
    Stage.NONE: image_pb2.Image.STAGE_UNSPECIFIED,
    Stage.PREPROCESS: image_pb2.Image.STAGE_PREPROCESS,
    Stage.INFER: image_pb2.Image.STAGE_INFER,
}
_PRIORITIES = {
    Priority.ROUTINE: job_pb2.PRIORITY_ROUTINE,
    Priority.URGENT: job_pb2.PRIORITY_URGENT,
}
_KINDS = {
    job_service_pb2.ReadImageRequest.KIND_UNSPECIFIED: "original",
    job_service_pb2.ReadImageRequest.KIND_ORIGINAL: "original",
    job_service_pb2.ReadImageRequest.KIND_PREVIEW: "preview",
    job_service_pb2.ReadImageRequest.KIND_HEATMAP: "heatmap",
}


def job_id_of(name: str) -> UUID:
    """Read `jobs/{uuid}`.

    Raises:
        JobNotFoundError: it is not such a name, so there is no such job.
    """
    collection, _, key = name.partition("/")
    if collection == "jobs" and (job_id := _uuid(key)):
        return job_id
    raise JobNotFoundError(name)


def image_ids_of(name: str) -> tuple[UUID | None, UUID]:
    """Read `jobs/{uuid}/images/{uuid}`; a job of `-` stands for whichever has the image.

    Raises:
        ImageNotFoundError: it is not such a name, so there is no such image.
    """
    match name.split("/"):
        case ["jobs", job_key, "images", image_key]:
            job_id, image_id = _uuid(job_key), _uuid(image_key)
            if image_id and (job_id or job_key == "-"):
                return job_id, image_id
    raise ImageNotFoundError(name)


def kind_of(message: job_service_pb2.ReadImageRequest) -> str:
    """Read which bytes the caller asks for."""
    if message.kind not in _KINDS:
        raise InvalidFieldError("kind", f"{message.kind} is not a kind")
    return _KINDS[message.kind]


def spec_from_message(message: job_pb2.JobSpec) -> JobSpec:
    """Read what a caller decides about a job."""
    return JobSpec(
        patient_id=message.patient_id,
        display_name=message.display_name,
        notes=message.notes,
        clahe=message.clahe if message.HasField("clahe") else True,
        priority=_priority(message.priority) or Priority.ROUTINE,
        start_time=_time(message, "start_time"),
        model=message.model,
    )


def digest_of(message: job_pb2.JobSpec) -> bytes:
    """Return the digest of a spec as the caller sent it.

    Its canonical form is the deterministic encoding, which keeps fields that this release does not
    know: replicas of two releases agree on it.
    """
    return sha256(message.SerializeToString(deterministic=True)).digest()


def question_of(message: ListRequestT) -> bytes:
    """Return what a list request asks for, in canonical bytes, without page size and token."""
    question = type(message)()
    question.CopyFrom(message)
    question.ClearField("page_size")
    question.ClearField("page_token")
    return question.SerializeToString(deterministic=True)


def filter_from_message(message: job_service_pb2.JobFilter) -> JobFilter:
    """Read which jobs to list."""
    return JobFilter(
        states=tuple(_state(_JOB_STATES, state, "filter.states") for state in message.states),
        patient_id=message.patient_id,
        created_after=_time(message, "created_after"),
        created_before=_time(message, "created_before"),
        priority=_priority(message.priority),
        creator=message.creator,
    )


def image_states_from_message(
    message: job_service_pb2.ListImagesRequest,
) -> tuple[ImageState, ...]:
    """Read which images to list."""
    return tuple(_state(_IMAGE_STATES, state, "states") for state in message.states)


def header_from_message(message: job_service_pb2.UploadHeader) -> UploadHeader:
    """Read what is being uploaded."""
    return UploadHeader(
        image_key=message.image_key,
        file_name=message.file_name,
        offset=message.offset,
        sha256=message.sha256,
        size_bytes=message.size_bytes,
        patient_id=message.patient_id,
        restart=message.restart,
    )


def job_to_message(job: Job) -> job_pb2.Job:
    """Write a job."""
    spec = job.spec
    message = job_pb2.Job(
        name=job.name,
        state=_JOB_STATES[job.state],
        revision=job.revision,
        spec=job_pb2.JobSpec(
            patient_id=spec.patient_id,
            clahe=spec.clahe,
            notes=spec.notes,
            priority=_PRIORITIES[spec.priority],
            model=spec.model,
            display_name=spec.display_name,
        ),
        progress=job_pb2.Progress(
            total=job.total,
            processed=job.processed,
            succeeded=job.succeeded,
            failed=job.failed,
            cancelled=job.cancelled,
            percent=100 * job.processed // job.total if job.total else 0,
            total_bytes=job.total_bytes,
        ),
        creator=job.creator,
        etag=job.etag,
    )
    message.create_time.FromDatetime(job.create_time)
    message.update_time.FromDatetime(job.update_time)
    message.expire_time.FromDatetime(job.expire_time)
    _set_time(message.spec.start_time, spec.start_time)
    _set_time(message.close_time, job.close_time)
    _set_time(message.end_time, job.end_time)
    return message


def image_to_message(image: Image) -> image_pb2.Image:
    """Write an image."""
    message = image_pb2.Image(
        name=image.name,
        image_key=image.image_key,
        file_name=image.file_name,
        ordinal=image.ordinal,
        size_bytes=image.size_bytes,
        sha256=image.sha256,
        patient_id=image.patient_id,
        state=_IMAGE_STATES[image.state],
        stage=_STAGES[image.stage],
        attempt=image.attempt,
        predicted_label=image.predicted_label,
        duplicate_of=image.duplicate_of,
        has_preview=image.has_preview,
        has_heatmap=image.has_heatmap,
    )
    message.create_time.FromDatetime(image.create_time)
    _set_time(message.start_time, image.start_time)
    _set_time(message.end_time, image.end_time)
    if image.error:
        message.error.code = image.error.code
        message.error.message = image.error.message
        message.error.retryable = image.error.retryable
    _write_result(message, image.result)
    return message


def _write_result(message: image_pb2.Image, result: Result) -> None:
    message.media_type = result.media_type
    message.notes.extend(result.notes)
    for finding in result.findings:
        message.findings.add(
            label=finding.label, probability=finding.probability, threshold=finding.threshold
        )
    if result.model_name:
        message.model.name = result.model_name
        message.model.version = result.model_version
        message.model.digest = result.model_digest
    if result.width:
        message.acquisition.CopyFrom(
            image_pb2.Acquisition(
                modality=result.modality,
                view_position=result.view_position,
                body_part=result.body_part,
                row_spacing_mm=result.row_spacing_mm,
                column_spacing_mm=result.column_spacing_mm,
                width=result.width,
                height=result.height,
                bits=result.bits,
            )
        )
    for stage, seconds in result.seconds.items():
        getattr(message.durations, stage).FromNanoseconds(round(seconds * 1e9))
    if result.placement:
        input_width, input_height, x, y, width, height = result.placement
        message.placement.CopyFrom(
            image_pb2.Placement(
                input_width=input_width,
                input_height=input_height,
                x=x,
                y=y,
                width=width,
                height=height,
            )
        )


def _state(table: Mapping[StateT, int], value: int, field: str) -> StateT:
    for state, number in table.items():
        if number == value:
            return state
    raise InvalidFieldError(field, f"{value} is not a state")


def _priority(value: int) -> Priority | None:
    for priority, number in _PRIORITIES.items():
        if number == value:
            return priority
    if value:
        raise InvalidFieldError("priority", f"{value} is not a priority")
    return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _time(message: object, field: str) -> datetime | None:
    if not message.HasField(field):  # type: ignore[attr-defined]
        return None
    try:
        moment: datetime = getattr(message, field).ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidFieldError(field, "is not a valid time") from None
    return moment


def _set_time(target: Timestamp, moment: datetime | None) -> None:
    if moment is not None:
        target.FromDatetime(moment)
