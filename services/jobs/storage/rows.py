"""From the jsonb of a row to the domain. Live rows and those kept in events are read alike."""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from services.jobs.models import (
    Change,
    Finding,
    Image,
    ImageError,
    ImageState,
    Job,
    JobSpec,
    JobState,
    Priority,
    Result,
    Stage,
)


def job_from_json(document: str) -> Job:
    """Read a row of `jobs`."""
    return _job(json.loads(document))


def image_from_json(document: str) -> Image:
    """Read a row of `images`."""
    return _image(json.loads(document))


def change_from_json(job: str, images: str) -> Change:
    """Read a row of `job_events`."""
    return Change(_job(json.loads(job)), tuple(_image(row) for row in json.loads(images)))


def result_to_json(result: Result) -> str:
    """Write `images.result`; empty fields are left out."""
    document = {name: value for name, value in vars(result).items() if value}
    if result.findings:
        document["findings"] = [vars(finding) for finding in result.findings]
    return json.dumps(document)


def _job(row: dict[str, Any]) -> Job:
    return Job(
        job_id=UUID(row["job_id"]),
        site=row["site"],
        creator=row["creator"],
        state=JobState(row["state"]),
        revision=row["revision"],
        spec=JobSpec(
            patient_id=row["patient_id"],
            display_name=row["display_name"],
            notes=row["notes"],
            clahe=row["clahe"],
            priority=Priority(row["priority"]),
            start_time=_time(row["start_time"]),
            model=row["model"],
        ),
        total=row["total"],
        succeeded=row["succeeded"],
        failed=row["failed"],
        cancelled=row["cancelled"],
        total_bytes=row["total_bytes"],
        create_time=datetime.fromisoformat(row["create_time"]),
        update_time=datetime.fromisoformat(row["update_time"]),
        close_time=_time(row["close_time"]),
        end_time=_time(row["end_time"]),
        expire_time=datetime.fromisoformat(row["expire_time"]),
    )


def _image(row: dict[str, Any]) -> Image:
    error = None
    if row["error_code"]:
        error = ImageError(row["error_code"], row["error_message"], row["retryable"])
    return Image(
        image_id=UUID(row["image_id"]),
        job_id=UUID(row["job_id"]),
        image_key=row["image_key"],
        file_name=row["file_name"],
        ordinal=row["ordinal"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        # Events leave the keys out: watchers do not need them.
        original_keys=tuple(row.get("original_keys", ())),
        patient_id=row["patient_id"],
        state=ImageState(row["state"]),
        stage=Stage(row["stage"]),
        attempt=row["attempt"],
        error=error,
        predicted_label=row["predicted_label"],
        result=_result(row["result"]),
        has_preview=row["has_preview"],
        has_heatmap=row["has_heatmap"],
        duplicate_of=row["duplicate_of"],
        create_time=datetime.fromisoformat(row["create_time"]),
        start_time=_time(row["start_time"]),
        end_time=_time(row["end_time"]),
    )


def _result(document: dict[str, Any]) -> Result:
    known = _known(Result, document)
    known["findings"] = tuple(
        Finding(**_known(Finding, finding)) for finding in document.get("findings", ())
    )
    known["notes"] = tuple(document.get("notes", ()))
    known["placement"] = tuple(document.get("placement", ()))
    return Result(**known)


def _known(kind: type, document: dict[str, Any]) -> dict[str, Any]:
    """Ignore what a newer version has written beside what this one reads."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in document.items() if name in names}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
