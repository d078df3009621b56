"""Tables on terminals of any width."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from carina.jobs.v1 import image_pb2, job_pb2
from carina.rendering import print_jobs, print_lines, print_table
from carina.results import Image, Job

REASON = "This is a PDF document, not a radiograph that can be read. Please send DICOM or PNG."
WIDTHS = [60, 80, 120, 165, 400]


def terminal(width: int) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=width), written


def images() -> list[Image]:
    good = image_pb2.Image(
        file_name="chest.dcm",
        state=image_pb2.Image.STATE_SUCCEEDED,
        predicted_label="pneumonia",
        findings=[image_pb2.Finding(label="pneumonia", probability=0.87)],
    )
    for number, stage in enumerate(("queued", "decode", "enhance", "resize", "infer"), 1):
        getattr(good.durations, stage).FromMilliseconds(1000 * number)
    bad = image_pb2.Image(file_name="report.png", state=image_pb2.Image.STATE_FAILED)
    bad.error.code, bad.error.message = "UNSUPPORTED_FILE_TYPE", REASON
    return [Image.from_proto(good), Image.from_proto(bad)]


@pytest.mark.parametrize("width", WIDTHS)
def test_findings_and_reasons_can_be_read_at_any_width(width: int) -> None:
    console, written = terminal(width)
    print_table(console, images(), [])
    lines = written.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    [row] = [line for line in lines if "chest.dcm" in line]
    assert "SUCCEEDED" in row
    assert "pneumonia" in row
    assert "0.870" in row
    # Each stage, or all of them together.
    assert ("5000" if width >= 120 else "15000") in row
    text = " ".join(written.getvalue().replace("\u2502", " ").split())
    if width in {165, 400}:
        assert "reason or notes" in text
    # No word is broken, and the sentence fills lines of some length.
    told = [line.replace("\u2502", " ").split() for line in lines]
    words = [word for line in told for word in line]
    assert set(f"UNSUPPORTED_FILE_TYPE: {REASON}".split()) <= set(words)
    assert sum(any(word in REASON.split() for word in line) for line in told) <= 3


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_name_of_any_length_leaves_room_for_the_rest(width: int) -> None:
    console, written = terminal(width)
    [image, _] = images()
    message = image_pb2.Image()
    message.CopyFrom(image.message)
    message.file_name = "study/" * 40 + "last.dcm"
    print_table(console, [Image.from_proto(message)], [])
    lines = written.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    assert any("SUCCEEDED" in line and "pneumonia" in line and "0.870" in line for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_jobs_can_be_read_at_any_width(width: int) -> None:
    console, written = terminal(width)
    job = job_pb2.Job(
        name="jobs/02811626-6bf6-4c0e-aec4-4aed9ce5460f",
        state=job_pb2.Job.STATE_PARTIALLY_SUCCEEDED,
    )
    job.spec.display_name = "Night shift"
    job.progress.total, job.progress.processed, job.progress.failed = 5, 5, 4
    job.create_time.FromDatetime(datetime(2026, 3, 1, 12, tzinfo=UTC))
    print_jobs(console, [Job.from_proto(job)])
    lines = written.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    text = written.getvalue()
    for whole in ("02811626-6bf6-4c0e-aec4-4aed9ce5460f", "PARTIALLY_SUCCEEDED", "Night", "5/5"):
        assert whole in text


def test_a_log_gets_one_line_for_each_image_without_a_frame() -> None:
    console, written = terminal(400)
    print_lines(console, images(), ())
    assert written.getvalue().splitlines() == [
        "chest.dcm  SUCCEEDED  pneumonia  0.870  15000 ms",
        f"report.png  FAILED  UNSUPPORTED_FILE_TYPE: {REASON}",
    ]
