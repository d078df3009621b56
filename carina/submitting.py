"""Submits files and shows the job: progress while it runs, the findings at the end."""

import asyncio

from rich.console import Console

from carina.client import Client
from carina.errors import CarinaError
from carina.exits import EXIT_OF, Exit, complain
from carina.files import FileUpload, printable
from carina.progress import JobView, open_view
from carina.rendering import (
    open_console,
    print_json,
    print_results,
    refusal_text,
    refused_to_json,
    results_to_json,
)
from carina.results import Job, JobSpec


async def submit_and_follow(
    client: Client,
    files: list[FileUpload],
    spec: JobSpec,
    *,
    request_id: str,
    watch: bool,
    as_json: bool,
) -> Exit:
    """Submit files as one job, show its progress, and print the outcome."""
    job = await client.create(spec, request_id=request_id)
    console = open_console(stderr=True)
    if not as_json:
        console.print(printable(job.name), markup=False, highlight=False)
    view = open_view(Console(quiet=True) if as_json else console)
    with view:
        view.expect(files)
        following = asyncio.create_task(follow_job(client, job.name, view)) if watch else None
        try:
            images, refused = await client.upload_all(job, files, on_bytes=view.sent)
            for each in refused:
                view.refused(each.file, refusal_text(each))
            job = await (client.close(job) if images else client.cancel_if_empty(job))
            if following is not None and images:
                job = await following or job
        except (CarinaError, OSError, asyncio.CancelledError):
            complain(f"to continue this submission, repeat it with --request-id {request_id}")
            raise
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
    if as_json:
        answer = await results_to_json(client, job)
        print_json(answer | {"refused": [refused_to_json(each) for each in refused]})
    elif watch:
        await print_results(client, job, refused)
    else:
        for each in refused:
            complain(f"{each.file.file_name}: {refusal_text(each)}")
        open_console().print(job.name, markup=False, highlight=False)
    if not images:
        return Exit.REFUSED
    code = EXIT_OF.get(job.state, Exit.OK)
    return Exit.PARTLY if refused and code is Exit.OK else code


async def follow_job(
    client: Client, job: str, view: JobView, *, after_revision: int = 0
) -> Job | None:
    """Show a job until it ends; return its last state, or None if nothing has changed."""
    last = None
    async for update in client.watch(job, after_revision=after_revision):
        view.update(update)
        last = update.job
    return last
