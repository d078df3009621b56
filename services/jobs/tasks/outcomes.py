"""Reads the outcomes of workers, and drops what could not be stored or shown."""

from datetime import UTC, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError

from carina.tasks.v1 import tasks_pb2
from services.jobs.errors import MalformedMessageError
from services.jobs.models import (
    Finding,
    ImageError,
    ImageRef,
    ImageState,
    Outcome,
    Result,
    Stage,
)

_STAGES = {tasks_pb2.STAGE_PREPROCESS: Stage.PREPROCESS, tasks_pb2.STAGE_INFER: Stage.INFER}
# Characters; what is longer is cut.
_CODE, _WORD, _SENTENCE = 64, 200, 500
_MAX_NOTES = 20


def outcome_from_message(data: bytes) -> Outcome:
    """Read the outcome that a worker reports.

    Raises:
        MalformedMessageError: the bytes are not an outcome.
    """
    message, ref = _read(data)
    occurred_at = message.time.ToDatetime(UTC)
    kind = message.WhichOneof("result")
    if kind == "started":
        return Outcome(
            image_id=ref.image_id,
            job_id=ref.job_id,
            attempt=ref.attempt,
            state=ImageState.RUNNING,
            stage=_STAGES[message.stage],
            occurred_at=occurred_at,
        )
    if kind == "failed":
        failed = message.failed
        return Outcome(
            image_id=ref.image_id,
            job_id=ref.job_id,
            attempt=ref.attempt,
            state=ImageState.FAILED,
            stage=Stage.NONE,
            occurred_at=occurred_at,
            error=ImageError(
                _storable(failed.code, _CODE),
                _storable(failed.message, _SENTENCE),
                failed.retryable,
            ),
            result=_preparation(failed.preparation),
            has_preview=failed.preparation.has_preview,
        )
    if kind != "succeeded":
        raise MalformedMessageError("outcome")
    return Outcome(
        image_id=ref.image_id,
        job_id=ref.job_id,
        attempt=ref.attempt,
        state=ImageState.SUCCEEDED,
        stage=Stage.NONE,
        occurred_at=occurred_at,
        predicted_label=_storable(message.succeeded.predicted_label),
        result=_result(message.succeeded),
        has_preview=message.succeeded.preparation.has_preview,
        heatmap_png=message.succeeded.heatmap_png,
    )


def ref_from_message(data: bytes) -> ImageRef:
    """Read which image an outcome is about, whatever it says.

    Raises:
        MalformedMessageError: the bytes are not an outcome.
    """
    return _read(data)[1]


def _read(data: bytes) -> tuple[tasks_pb2.Outcome, ImageRef]:
    try:
        message = tasks_pb2.Outcome.FromString(data)
        ref = ImageRef(
            image_id=UUID(bytes=message.ref.image_id),
            job_id=UUID(bytes=message.ref.job_id),
            attempt=message.ref.attempt,
            republished=message.ref.republished,
        )
    except (DecodeError, ValueError) as error:
        raise MalformedMessageError("outcome") from error
    return message, ref


def _storable(text: str, limit: int = _WORD) -> str:
    """Drop NULs, which PostgreSQL cannot store, and what is too long."""
    return text.replace("\0", "")[:limit]


def _result(succeeded: tasks_pb2.Succeeded) -> Result:
    model = succeeded.model
    findings = tuple(
        Finding(_storable(label), probability, threshold)
        for label, probability, threshold in zip(
            model.labels, succeeded.probabilities, model.thresholds, strict=True
        )
    )
    return _preparation(
        succeeded.preparation,
        findings=findings,
        model=model,
        notes=tuple(succeeded.notes),
        infer=succeeded.infer.ToTimedelta(),
    )


def _preparation(
    preparation: tasks_pb2.Preparation,
    *,
    findings: tuple[Finding, ...] = (),
    model: tasks_pb2.Model | None = None,
    notes: tuple[str, ...] = (),
    infer: timedelta | None = None,
) -> Result:
    placement: tuple[int, ...] = ()
    if model is not None and preparation.placement_width:
        placement = (
            model.input_width,
            model.input_height,
            preparation.placement_x,
            preparation.placement_y,
            preparation.placement_width,
            preparation.placement_height,
        )
    seconds = {
        stage: round(getattr(preparation, stage).ToTimedelta().total_seconds(), 6)
        for stage in ("queued", "decode", "enhance", "resize")
        if preparation.HasField(stage)
    }
    if infer is not None:
        seconds["infer"] = round(infer.total_seconds(), 6)
    return Result(
        media_type=_storable(preparation.media_type),
        findings=findings,
        model_name=_storable(model.name) if model else "",
        model_version=_storable(model.version) if model else "",
        model_digest=_storable(model.digest) if model else "",
        modality=_storable(preparation.modality),
        view_position=_storable(preparation.view_position),
        body_part=_storable(preparation.body_part),
        row_spacing_mm=preparation.row_spacing_mm,
        column_spacing_mm=preparation.column_spacing_mm,
        width=preparation.width,
        height=preparation.height,
        bits=preparation.bits,
        notes=tuple(
            _storable(note, _SENTENCE) for note in (*preparation.notes, *notes)[-_MAX_NOTES:]
        ),
        placement=placement,
        seconds=seconds,
    )
