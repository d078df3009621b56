"""The `carina` command."""

import csv
import sys
import uuid
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from carina.client import Client
from carina.exits import EPILOG, EXIT_OF, Exit, run_command
from carina.files import find_files, printable
from carina.progress import open_view
from carina.rendering import (
    open_console,
    os_error_text,
    print_changed,
    print_job,
    print_jobs,
    print_json,
    print_results,
    print_retried,
    results_to_json,
    update_to_json,
)
from carina.results import Job, JobSpec, JobState, Priority
from carina.submitting import Submission, follow_job, submit_and_follow, tell_found
from carina.table import HEADER, row_of

app = typer.Typer(
    name="carina",
    help="Submit chest radiographs, follow them, read the findings.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Address = Annotated[
    str, typer.Option("--address", envvar="CARINA_ADDRESS", help="Address of the jobs service.")
]
Token = Annotated[
    str, typer.Option("--token", envvar="CARINA_TOKEN", help="Bearer token.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
JobName = Annotated[
    str, typer.Argument(metavar="JOB", help="Name of a job, with or without `jobs/`.")
]
DEFAULT_ADDRESS = "localhost:50051"


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise typer.BadParameter("expected a time such as 2026-03-01T22:00+01:00") from None


def _name(job: str) -> str:
    return job if job.startswith("jobs/") else f"jobs/{job}"


@app.command(epilog=EPILOG)
def submit(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", exists=True, help="Files and folders.")
    ],
    *,
    patient: Annotated[str, typer.Option("--patient", help="Patient of all images.")],
    clahe: Annotated[bool, typer.Option("--clahe/--no-clahe", help="Enhance the contrast.")] = True,
    urgent: Annotated[bool, typer.Option("--urgent", help="Process before routine jobs.")] = False,
    notes: Annotated[str, typer.Option("--notes", help="Free text.")] = "",
    title: Annotated[str, typer.Option("--title", help="A short title for lists.")] = "",
    model: Annotated[str, typer.Option("--model", help="A model from the catalogue.")] = "",
    start_time: Annotated[
        datetime | None,
        typer.Option(
            "--start-time", parser=_instant, metavar="TIME", help="Do not process before this time."
        ),
    ] = None,
    request_id: Annotated[
        str,
        typer.Option("--request-id", help="UUID of an interrupted submission, to continue it."),
    ] = "",
    again: Annotated[
        bool,
        typer.Option("--again", help="Submit as a new job what was submitted like this before."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Wait until the job ends.")
    ] = True,
    as_json: Json = False,
    address: Address = DEFAULT_ADDRESS,
    token: Token = "",
) -> None:
    """Upload files and folders as one job, and follow it.

    The same files with the same settings are the same job: a second submission continues it.
    """
    try:
        found = find_files(paths)
    except OSError as error:
        raise typer.BadParameter(os_error_text(error)) from None
    tell_found(found)
    if not found.files:
        raise typer.BadParameter("the paths contain no film")
    spec = JobSpec(
        patient_id=patient,
        clahe=None if clahe else False,
        notes=notes,
        priority=Priority.URGENT if urgent else Priority.UNSPECIFIED,
        start_time=start_time,
        model=model,
        display_name=title,
    )
    submission = Submission(
        files=found.files,
        spec=spec,
        request_id=request_id or (str(uuid.uuid4()) if again else ""),
    )
    run_command(
        lambda client: submit_and_follow(client, submission, watch=watch, as_json=as_json),
        address,
        token,
    )


@app.command("watch", epilog=EPILOG)
def watch_job(
    job: JobName,
    *,
    after_revision: Annotated[
        int, typer.Option("--after-revision", min=0, help="Only later changes.")
    ] = 0,
    as_json: Json = False,
    address: Address = DEFAULT_ADDRESS,
    token: Token = "",
) -> None:
    """Follow a job until it ends. With --json, print each change on a line."""

    async def act(client: Client) -> Exit:
        if as_json:
            state = JobState.UNSPECIFIED
            async for update in client.watch(_name(job), after_revision=after_revision):
                state = update.job.state
                print_json(update_to_json(update), indent=None)
            return EXIT_OF.get(state, Exit.OK)
        await client.get(_name(job))
        with open_view(open_console(stderr=True)) as view:
            last = await follow_job(client, _name(job), view, after_revision=after_revision)
        last = last or await client.get(_name(job))
        await print_results(client, last, ())
        return EXIT_OF.get(last.state, Exit.OK)

    run_command(act, address, token)


@app.command()
def jobs(
    *,
    state: Annotated[
        list[JobState] | None,
        typer.Option("--state", case_sensitive=False, help="Only this state; repeatable."),
    ] = None,
    patient: Annotated[str, typer.Option("--patient", help="Only jobs of this patient.")] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", parser=_instant, metavar="TIME", help="Created at this time or later."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", parser=_instant, metavar="TIME", help="Created before this time."),
    ] = None,
    urgent: Annotated[bool, typer.Option("--urgent", help="Only urgent jobs.")] = False,
    creator: Annotated[str, typer.Option("--creator", help="Only jobs of this subject.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of jobs.")] = 50,
    as_json: Json = False,
    address: Address = DEFAULT_ADDRESS,
    token: Token = "",
) -> None:
    """List jobs, newest first."""

    async def act(client: Client) -> Exit:
        found: list[Job] = []
        async for job in client.list(
            states=state or (),
            patient_id=patient,
            created_after=since,
            created_before=until,
            priority=Priority.URGENT if urgent else Priority.UNSPECIFIED,
            creator=creator,
        ):
            found.append(job)
            if len(found) == limit:
                break
        if as_json:
            print_json([job.to_json() for job in found])
        else:
            print_jobs(open_console(), found)
        return Exit.OK

    run_command(act, address, token)


@app.command()
def show(
    job: JobName, *, as_json: Json = False, address: Address = DEFAULT_ADDRESS, token: Token = ""
) -> None:
    """Show a job and its images."""

    async def act(client: Client) -> Exit:
        found = await client.get(_name(job))
        if as_json:
            print_json(await results_to_json(client, found))
        else:
            print_job(found)
            await print_results(client, found, ())
        return Exit.OK

    run_command(act, address, token)


@app.command()
def results(
    job: JobName,
    *,
    output: Annotated[
        str, typer.Option("--format", help="table, json or csv.", metavar="FORMAT")
    ] = "table",
    as_json: Json = False,
    address: Address = DEFAULT_ADDRESS,
    token: Token = "",
) -> None:
    """Print the findings of a job."""
    output = "json" if as_json else output
    if output not in {"table", "json", "csv"}:
        raise typer.BadParameter("expected table, json or csv", param_hint="--format")

    async def act(client: Client) -> Exit:
        found = await client.get(_name(job))
        if output == "json":
            print_json(await results_to_json(client, found))
        elif output == "csv":
            writer = csv.writer(sys.stdout)
            writer.writerow(HEADER)
            async for image in client.images(found):
                writer.writerow(row_of(image))
            sys.stdout.flush()
        else:
            await print_results(client, found, ())
        return Exit.OK

    run_command(act, address, token)


@app.command()
def cancel(
    job: JobName, *, as_json: Json = False, address: Address = DEFAULT_ADDRESS, token: Token = ""
) -> None:
    """Cancel the images of a job that have not ended."""

    async def act(client: Client) -> Exit:
        print_changed(await client.cancel(_name(job)), as_json=as_json)
        return Exit.OK

    run_command(act, address, token)


@app.command()
def retry(
    job: JobName,
    *,
    image: Annotated[
        list[str] | None, typer.Option("--image", help="Only this image; repeatable.")
    ] = None,
    only_retryable: Annotated[
        bool, typer.Option("--only-retryable", help="Only images that may succeed this time.")
    ] = False,
    as_json: Json = False,
    address: Address = DEFAULT_ADDRESS,
    token: Token = "",
) -> None:
    """Queue failed images again."""

    async def act(client: Client) -> Exit:
        before = await client.get(_name(job))
        changed = await client.retry(before, images=image or (), only_retryable=only_retryable)
        print_retried(before, changed, only_retryable=only_retryable, as_json=as_json)
        return Exit.OK

    run_command(act, address, token)


@app.command()
def delete(
    job: JobName, *, as_json: Json = False, address: Address = DEFAULT_ADDRESS, token: Token = ""
) -> None:
    """Permanently delete a job that has ended, with all its images."""

    async def act(client: Client) -> Exit:
        await client.delete(_name(job))
        if as_json:
            print_json({"name": _name(job), "deleted": True})
        else:
            open_console().print(
                f"{printable(_name(job))} is deleted", markup=False, highlight=False
            )
        return Exit.OK

    run_command(act, address, token)


def main() -> None:
    """Run the command."""
    app()
