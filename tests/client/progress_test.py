"""Live progress on a terminal."""

import io
from pathlib import Path

from rich.console import Console

from carina.files import FileUpload
from carina.jobs.v1 import image_pb2, job_pb2
from carina.progress import BarView, LineView, open_view
from carina.results import Change, Image, Job, Snapshot


def terminal(height: int = 20) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=110, height=height)


def file(number: int, size: int = 1000) -> FileUpload:
    return FileUpload(
        path=Path(f"/films/{number}"),
        image_key=f"key-{number}",
        file_name=f"film-{number}.dcm",
        size_bytes=size,
    )


def image(number: int, state: str, stage: str = "UNSPECIFIED", **rest: object) -> Image:
    message = image_pb2.Image(
        name=f"jobs/a/images/{number}",
        image_key=f"key-{number}",
        file_name=f"film-{number}.dcm",
        state=image_pb2.Image.State.Value(f"STATE_{state}"),
        stage=image_pb2.Image.Stage.Value(f"STAGE_{stage}"),
        **rest,  # type: ignore[arg-type]
    )
    return Image.from_proto(message)


def job(processed: int, total: int, failed: int = 0) -> Job:
    progress = job_pb2.Progress(processed=processed, total=total, failed=failed)
    message = job_pb2.Job(name="jobs/a", state=job_pb2.Job.STATE_RUNNING, progress=progress)
    return Job.from_proto(message)


def shown(view: BarView, console: Console) -> list[str]:
    with console.capture() as capture:
        console.print(view._render())
    return [line.rstrip() for line in capture.get().splitlines()]


def test_each_image_has_its_stage_and_at_last_its_label() -> None:
    console = Console(file=io.StringIO(), width=110, height=24)
    view = BarView(console)
    view.expect(file(number) for number in range(8))
    view.sent(file(1), 500)
    view.refused(file(2), "An image may have at most 10 bytes.")
    view.update(
        Snapshot(
            revision=1,
            job=job(2, 7, failed=1),
            images=(
                image(3, "RUNNING", "INFER"),
                image(
                    4,
                    "SUCCEEDED",
                    predicted_label="pneumonia",
                    findings=[image_pb2.Finding(label="pneumonia", probability=0.7)],
                ),
                image(
                    5,
                    "FAILED",
                    error=image_pb2.ImageError(code="CORRUPT_IMAGE", message="It is damaged."),
                ),
                image(6, "SUCCEEDED"),
                image(7, "SUCCEEDED", notes=["A remark.", "NOT_A_FILM: The model ..."]),
            ),
        )
    )
    lines = shown(view, console)
    assert "2/7 images · 1 failed · RUNNING" in lines[0]
    for line, words in zip(
        lines[1:],
        (
            ("film-0.dcm", "WAITING"),
            ("film-1.dcm", "UPLOADING"),
            ("film-2.dcm", "REFUSED", "at most 10 bytes"),
            ("film-3.dcm", "INFER"),
            ("film-4.dcm", "SUCCEEDED", "pneumonia 70%"),
            ("film-5.dcm", "FAILED", "CORRUPT_IMAGE: It is damaged."),
            ("film-6.dcm", "SUCCEEDED", "no label predicted"),
            ("film-7.dcm", "SUCCEEDED", "NOT_A_FILM: no label predicted"),
        ),
        strict=True,
    ):
        assert all(word in line for word in words), line


def test_a_job_higher_than_the_screen_shows_what_moved_last() -> None:
    console = Console(file=io.StringIO(), width=110, height=10)
    view = BarView(console)
    view.expect(file(number) for number in range(50))
    view.update(Change(revision=2, job=job(0, 50), images=(image(44, "RUNNING", "PREPROCESS"),)))
    lines = shown(view, console)
    assert len(lines) <= 9
    assert any("film-44.dcm" in line and "PREPROCESS" in line for line in lines)
    assert lines[-1].strip() == "and 44 more"


def test_a_terminal_gets_bars_and_everything_else_lines() -> None:
    assert isinstance(open_view(terminal()), BarView)
    assert isinstance(open_view(Console(file=io.StringIO())), LineView)


def test_lines_tell_each_change_once() -> None:
    console = Console(file=io.StringIO(), width=110)
    with LineView(console) as view:
        for _ in range(2):
            view.update(Change(revision=2, job=job(0, 1), images=(image(0, "RUNNING", "INFER"),)))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "0/1  film-0.dcm  INFER",
        "0/1  jobs/a  RUNNING",
    ]


def test_bars_leave_the_last_state_on_the_screen() -> None:
    console = terminal()
    with BarView(console) as view:
        view.update(Change(revision=2, job=job(1, 1), images=(image(0, "CANCELLED"),)))
    assert isinstance(console.file, io.StringIO)
    assert "CANCELLED" in console.file.getvalue()
