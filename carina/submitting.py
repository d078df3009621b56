"""Submits files and shows the job: progress while it runs, the findings at the end."""

import asyncio
import itertools
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from carina.client import Client, RefusedFile
from carina.errors import CarinaError, RefusedError
from carina.exits import EXIT_OF, Exit, complain
from carina.files import FileUpload, FoundFiles, printable
from carina.progress import JobView, open_view
from carina.rendering import (
    open_console,
    print_json,
    print_results,
    refusal_text,
    refused_to_json,
    results_to_json,
)
from carina.results import Image, Job, JobSpec, JobState

# How many names of files that are passed over fit on a line.
_NAMES = 10
_PASSED_OVER = "hidden files, indexes, links to folders and what is no file are not sent"
# Of the request ids that are derived from what is submitted.
_NAMESPACE = uuid.UUID("0f0bb1b5-6b5f-4b0e-9d6c-6f2f6a3d5c11")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What to submit as one job, and under which request id; without one, it is derived."""

    files: tuple[FileUpload, ...]
    spec: JobSpec
    request_id: str = ""

    def derived_request_id(self, cancelled: int) -> str:
        """Return the same UUID for the same files and settings, whenever they are submitted.

        A submission that was cancelled gets another one, so that it can be made again.
        """
        keys = sorted(file.image_key for file in self.files)
        spec = self.spec.to_proto().SerializeToString(deterministic=True)
        return str(uuid.uuid5(_NAMESPACE, f"{spec.hex()} {' '.join(keys)} {cancelled}"))


def tell_found(found: FoundFiles) -> None:
    """Say on standard error what was passed over, and which folders the labels stand for."""
    if found.passed_over:
        names = [
            f"{printable(name)} ({times})" if times > 1 else printable(name)
            for name, times in sorted(Counter(found.passed_over).items())
        ]
        more = f" and {len(names) - _NAMES} more names" if len(names) > _NAMES else ""
        complain(f"passed over: {', '.join(names[:_NAMES])}{more} ({_PASSED_OVER})")
    for number, folder in enumerate(found.folders, 1):
        complain(f"{number}/ stands for {folder}; the names of folders are not sent")


async def submit_and_follow(
    client: Client, submission: Submission, *, watch: bool, as_json: bool
) -> Exit:
    """Submit files as one job, show its progress, and print the outcome.

    Files that an earlier submission has uploaded are named as such and are not sent again.
    """
    job, request_id = await _create(client, submission)
    files = submission.files
    known = await _known_images(client, job, files)
    console = open_console(stderr=True)
    if known:
        complain(_already_there(job, len(known), len(files)))
    if not as_json:
        console.print(printable(job.name), markup=False, highlight=False)
    view = open_view(Console(quiet=True) if as_json else console)
    missing = [file for file in files if file.image_key not in known]
    with view:
        if missing:
            view.expect(missing)
        following = asyncio.create_task(follow_job(client, job.name, view)) if watch else None
        try:
            refused = await _upload(client, job, missing, view)
            for each in refused:
                view.refused(each.file, refusal_text(each))
            accepted = len(files) > len(refused)
            job = await (client.close(job) if accepted else client.cancel_if_empty(job))
            if following is not None and accepted:
                job = await following or job
        except (CarinaError, OSError, asyncio.CancelledError):
            complain(f"to continue this submission, repeat it with --request-id {request_id}")
            raise
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
    await _print_outcome(client, job, refused, watch=watch, as_json=as_json)
    if not accepted:
        return Exit.REFUSED
    code = EXIT_OF.get(job.state, Exit.OK)
    return Exit.PARTLY if refused and code is Exit.OK else code


async def _print_outcome(
    client: Client, job: Job, refused: Sequence[RefusedFile], *, watch: bool, as_json: bool
) -> None:
    if as_json:
        answer = await results_to_json(client, job)
        print_json(answer | {"refused": [refused_to_json(each) for each in refused]})
    elif watch:
        await print_results(client, job, refused)
    else:
        for each in refused:
            complain(f"{each.file.file_name}: {refusal_text(each)}")
        open_console().print(job.name, markup=False, highlight=False)


async def _create(client: Client, submission: Submission) -> tuple[Job, str]:
    """Return the job of the submission, new or from before, and its request id."""
    if submission.request_id:
        job = await client.create(submission.spec, request_id=submission.request_id)
        return job, submission.request_id
    for cancelled in itertools.count():
        request_id = submission.derived_request_id(cancelled)
        job = await client.create(submission.spec, request_id=request_id)
        if job.state is not JobState.CANCELLED:
            break
    return job, request_id


async def _known_images(client: Client, job: Job, files: Sequence[FileUpload]) -> dict[str, Image]:
    """Return the images that these files have become before, by their key."""
    if not job.progress.total:
        return {}
    images = {image.image_key: image async for image in client.images(job)}
    return {
        file.image_key: images[file.image_key]
        for file in files
        if file.image_key in images and images[file.image_key].sha256 == await file.sha256()
    }


def _already_there(job: Job, known: int, files: int) -> str:
    created = f" of {job.create_time.astimezone():%Y-%m-%d %H:%M}" if job.create_time else ""
    return (
        f"{known} of {files} file(s) were already there, in {job.name}{created} ({job.state}); "
        "--again submits all as a new job"
    )


async def _upload(
    client: Client, job: Job, files: list[FileUpload], view: JobView
) -> tuple[RefusedFile, ...]:
    """Upload files; return those that were refused."""
    if job.state is JobState.RECEIVING:
        _, refused = await client.upload_all(job, files, on_bytes=view.sent)
        return refused
    # An earlier submission has closed the job, so each file is refused for a reason of its own.
    refusals: list[RefusedFile] = []
    for file in files:
        try:
            await client.upload(job, file, on_bytes=view.sent)
        except (RefusedError, OSError) as error:
            refusals.append(RefusedFile(file=file, error=error))
    return tuple(refusals)


async def follow_job(
    client: Client, job: str, view: JobView, *, after_revision: int = 0
) -> Job | None:
    """Show a job until it ends; return its last state, or None if nothing has changed."""
    last = None
    async for update in client.watch(job, after_revision=after_revision):
        view.update(update)
        last = update.job
    return last
