"""Jobs and images in words, tables and JSON, for people and for scripts."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from carina.client import Client, RefusedFile
from carina.errors import CarinaError
from carina.files import printable
from carina.progress import styled
from carina.results import Change, Image, Job, Update
from carina.table import milliseconds


async def results_to_json(client: Client, job: Job) -> dict[str, Any]:
    """Return a job with all its images."""
    return {
        "job": job.to_json(),
        "images": [image.to_json() async for image in client.images(job)],
    }


async def print_results(client: Client, job: Job, refused: Iterable[RefusedFile]) -> None:
    """Print the table of findings."""
    images = [image async for image in client.images(job)]
    open_console().print(_result_table(images, refused))


def _result_table(images: Iterable[Image], refused: Iterable[RefusedFile]) -> Table:
    table = Table()
    table.add_column("file", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("predicted label")
    table.add_column("probability", justify="right")
    for stage in ("queued", "decode", "enhance", "resize", "infer"):
        table.add_column(f"{stage}\nms", justify="right")
    table.add_column("reason or notes", overflow="fold")
    for image in images:
        durations = image.durations
        stages = (
            durations.queued,
            durations.decode,
            durations.enhance,
            durations.resize,
            durations.infer,
        )
        table.add_row(
            Text(printable(image.file_name)),
            styled(str(image.state)),
            Text(printable(image.predicted_label)),
            "" if image.probability is None else f"{image.probability:.3f}",
            *(milliseconds(stage) for stage in stages),
            Text(printable(_remark(image))),
        )
    for each in refused:
        reason = Text(refusal_words(each))
        table.add_row(Text(each.file.file_name), styled("REFUSED"), *[""] * 7, reason)
    return table


def _remark(image: Image) -> str:
    """Say why an image failed, or what there is to know of its findings."""
    if image.error:
        return f"{image.error.code}: {image.error.message}"
    return "; ".join(image.notes)


def job_table(found: Iterable[Job]) -> Table:
    """Return a table of jobs."""
    table = Table()
    for column in ("job", "state", "images", "failed", "patient", "priority", "created", "title"):
        table.add_column(column, no_wrap=column in {"job", "created"})
    for job in found:
        progress = job.progress
        table.add_row(
            Text(job.name.removeprefix("jobs/")),
            styled(str(job.state)),
            f"{progress.processed}/{progress.total}",
            str(progress.failed or ""),
            Text(printable(job.spec.patient_id)),
            str(job.spec.priority),
            _local(job.create_time),
            Text(printable(job.spec.display_name)),
        )
    return table


def print_job(job: Job) -> None:
    """Print what there is to know of a job, without its images."""
    grid = Table.grid(padding=(0, 2))
    facts = {
        "job": job.name,
        "state": str(job.state),
        "images": f"{job.progress.processed} of {job.progress.total} done",
        "patient": job.spec.patient_id,
        "priority": str(job.spec.priority),
        "CLAHE": "no" if job.spec.clahe is False else "yes",
        "model": job.spec.model or "default",
        "notes": job.spec.notes,
        "created": f"{_local(job.create_time)} by {job.creator}",
        "ended": _local(job.end_time),
        "kept until": _local(job.expire_time),
    }
    for name, value in facts.items():
        if value:
            grid.add_row(Text(name, style="bold"), Text(printable(value)))
    open_console().print(grid)


def print_changed(job: Job, *, as_json: bool) -> None:
    """Print the state that a command has left a job in."""
    if as_json:
        print_json(job.to_json())
    else:
        open_console().print(f"{job.name} {job.state}", markup=False, highlight=False)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print JSON; without an indent it is one line."""
    typer.echo(json.dumps(value, indent=indent))


def update_to_json(update: Update) -> dict[str, Any]:
    """Return what a watch has brought."""
    return {
        "event": "change" if isinstance(update, Change) else "snapshot",
        "revision": str(update.revision),
        "job": update.job.to_json(),
        "images": [image.to_json() for image in update.images],
    }


def refused_to_json(each: RefusedFile) -> dict[str, Any]:
    """Return a refused file as JSON; a file that could not be read has a reason of our own."""
    answer: dict[str, Any] = {"fileName": each.file.file_name}
    if isinstance(each.error, CarinaError):
        return answer | {
            "reason": each.error.reason,
            "message": each.error.message,
            "metadata": dict(each.error.metadata),
        }
    return answer | {"reason": "UNREADABLE", "message": refusal_words(each), "metadata": {}}


def refusal_words(each: RefusedFile) -> str:
    """Return why a file was refused, for one line."""
    return printable(
        os_error_words(each.error) if isinstance(each.error, OSError) else str(each.error)
    )


def os_error_words(error: OSError) -> str:
    """Return which file could not be used and why."""
    return printable(f"{error.filename or 'a file'}: {error.strerror or error}")


def _local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def open_console(*, stderr: bool = False) -> Console:
    """Open standard output or error; nothing is folded in a pipe, which has no width."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=400)
