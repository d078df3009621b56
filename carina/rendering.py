"""Prints jobs and images as text, tables and JSON."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from carina.client import Client, RefusedFile
from carina.errors import CarinaError
from carina.files import printable
from carina.progress import styled
from carina.results import Change, Image, Job, Update
from carina.table import milliseconds

_STAGES = ("queued", "decode", "enhance", "resize", "infer")
# Longer names are wrapped, so that they do not push the findings off the screen.
_FILE_WIDTH = 36
# A reason beside the table needs this width to be readable.
_REASON_WIDTH = 44


async def results_to_json(client: Client, job: Job) -> dict[str, Any]:
    """Return a job with all its images."""
    return {
        "job": job.to_json(),
        "images": [image.to_json() async for image in client.images(job)],
    }


async def print_results(client: Client, job: Job, refused: Iterable[RefusedFile]) -> None:
    """Print the findings: a table on a terminal, a line for each image anywhere else."""
    images = [image async for image in client.images(job)]
    console = open_console()
    show = print_table if console.is_terminal else print_lines
    show(console, images, refused)


@dataclass(frozen=True)
class _Row:
    """One file in the table of findings."""

    file: str
    state: str
    label: str = ""
    probability: str = ""
    stages: tuple[str, ...] = ("",) * len(_STAGES)
    remark: str = ""

    @property
    def line(self) -> str:
        """The row as plain text."""
        milliseconds = f"{self.sum_of_stages} ms" if self.sum_of_stages else ""
        facts = (self.state, self.label, self.probability, milliseconds, self.remark)
        return "  ".join((self.file, *(fact for fact in facts if fact)))

    @property
    def sum_of_stages(self) -> str:
        """All stages together, in milliseconds, or empty if none was reached."""
        reached = [int(stage) for stage in self.stages if stage]
        return str(sum(reached)) if reached else ""


def print_lines(console: Console, images: Iterable[Image], refused: Iterable[RefusedFile]) -> None:
    """Print findings for a log or a pipe, one line for each image."""
    for row in _rows(images, refused):
        console.print(row.line, markup=False, highlight=False, soft_wrap=True)


def print_table(console: Console, images: Iterable[Image], refused: Iterable[RefusedFile]) -> None:
    """Print findings in the widest form that fits.

    Reasons are sentences: if there is no room for them beside the table, they follow it. If there
    is none for the time of each stage, the table shows their sum.
    """
    rows = _rows(images, refused)
    for times, reasons in ((True, True), (True, False), (False, False)):
        table = _result_table(rows, times=times, reasons=False)
        room = console.width - _natural_width(console, table)
        if room >= (_REASON_WIDTH if reasons else 0):
            break
    console.print(_result_table(rows, times=times, reasons=reasons))
    if reasons:
        return
    for row in rows:
        if row.remark:
            console.print(Text(row.file, style="bold"))
            console.print(Padding(Text(row.remark), (0, 0, 0, 2)))


def _rows(images: Iterable[Image], refused: Iterable[RefusedFile]) -> list[_Row]:
    return [_image_row(image) for image in images] + [_refused_row(each) for each in refused]


def _image_row(image: Image) -> _Row:
    return _Row(
        file=printable(image.file_name),
        state=str(image.state),
        label=printable(image.predicted_label),
        probability="" if image.probability is None else f"{image.probability:.3f}",
        stages=tuple(milliseconds(getattr(image.durations, stage)) for stage in _STAGES),
        remark=printable(_remark(image)),
    )


def _refused_row(each: RefusedFile) -> _Row:
    return _Row(file=each.file.file_name, state="REFUSED", remark=refusal_text(each))


def _result_table(rows: Iterable[_Row], *, times: bool, reasons: bool) -> Table:
    table = Table()
    table.add_column("file", overflow="fold", max_width=_FILE_WIDTH if times else None)
    table.add_column("state", no_wrap=True)
    table.add_column("predicted label" if times else "predicted\nlabel", overflow="fold")
    table.add_column("probability" if times else "proba-\nbility", justify="right", no_wrap=True)
    for stage in _STAGES if times else ("stages",):
        table.add_column(f"{stage}\nms", justify="right", no_wrap=True)
    if reasons:
        table.add_column("reason or notes", overflow="fold")
    for row in rows:
        table.add_row(
            *(Text(row.file), styled(row.state), Text(row.label), row.probability),
            *(row.stages if times else (row.sum_of_stages,)),
            *([Text(row.remark)] if reasons else ()),
        )
    return table


def _natural_width(console: Console, table: Table) -> int:
    """Return the width of a table that nothing limits."""
    unlimited = console.options.update(max_width=10_000)
    return Measurement.get(console, unlimited, table).maximum


def _remark(image: Image) -> str:
    """Return why an image failed, or the notes on its findings."""
    if image.error:
        return f"{image.error.code}: {image.error.message}"
    return "; ".join(image.notes)


def print_jobs(console: Console, found: Iterable[Job]) -> None:
    """Print a table of jobs; two lines for each job if the table does not fit.

    A log or a pipe gets the table without its frame.
    """
    jobs = list(found)
    table = _job_table(jobs, framed=console.is_terminal)
    if _natural_width(console, table) <= console.width:
        console.print(table)
        return
    for job in jobs:
        progress = job.progress
        failed = f", {progress.failed} failed" if progress.failed else ""
        console.print(Text(job.name.removeprefix("jobs/"), style="bold"))
        facts = (
            f"{progress.processed}/{progress.total}{failed}",
            _local(job.create_time),
            str(job.spec.priority),
            printable(job.spec.patient_id),
            printable(job.spec.display_name),
        )
        line = Text("  ").append_text(styled(str(job.state)))
        console.print(line.append("  ").append(" · ".join(fact for fact in facts if fact)))


def _job_table(found: Iterable[Job], *, framed: bool) -> Table:
    table = Table() if framed else Table(box=None, pad_edge=False)
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
    """Print a job without its images."""
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
    """Print the state of a job after a command."""
    if as_json:
        print_json(job.to_json())
    else:
        open_console().print(f"{job.name} {job.state}", markup=False, highlight=False)


def print_retried(before: Job, after: Job, *, only_retryable: bool, as_json: bool) -> None:
    """Print the state of a job after a retry, and how many images were queued again."""
    print_changed(after, as_json=as_json)
    if as_json:
        return
    failed = before.progress.failed
    retried = failed - after.progress.failed
    if retried > 0:
        sentence = f"{retried} of {failed} failed image(s) queued again"
    elif failed and only_retryable:
        sentence = f"nothing to retry: no error of the {failed} failed image(s) is retryable"
    elif failed:
        sentence = "nothing to retry: none of these images has failed"
    else:
        sentence = "nothing to retry: no image has failed"
    open_console().print(sentence, markup=False, highlight=False)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print JSON, on one line if there is no indent."""
    typer.echo(json.dumps(value, indent=indent))


def update_to_json(update: Update) -> dict[str, Any]:
    """Return an update of a job as JSON."""
    return {
        "event": "change" if isinstance(update, Change) else "snapshot",
        "revision": str(update.revision),
        "job": update.job.to_json(),
        "images": [image.to_json() for image in update.images],
    }


def refused_to_json(each: RefusedFile) -> dict[str, Any]:
    """Return a refused file as JSON; an unreadable file has the reason UNREADABLE."""
    answer: dict[str, Any] = {"fileName": each.file.file_name}
    if isinstance(each.error, CarinaError):
        return answer | {
            "reason": each.error.reason,
            "message": each.error.message,
            "metadata": dict(each.error.metadata),
        }
    return answer | {"reason": "UNREADABLE", "message": refusal_text(each), "metadata": {}}


def refusal_text(each: RefusedFile) -> str:
    """Return in one line why a file was refused."""
    return printable(
        os_error_text(each.error) if isinstance(each.error, OSError) else str(each.error)
    )


def os_error_text(error: OSError) -> str:
    """Return which file could not be used, and why."""
    return printable(f"{error.filename or 'a file'}: {error.strerror or error}")


def _local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


class _Console(Console):
    """A console that reports a closed pipe."""

    def on_broken_pipe(self) -> None:
        """Let the caller choose the exit code."""
        raise BrokenPipeError


def open_console(*, stderr: bool = False) -> Console:
    """Open standard output or error; nothing is wrapped in a pipe, which has no width."""
    console = _Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else _Console(stderr=stderr, highlight=False, width=400)
