"""The client of Carina: hand in chest radiographs, follow them live, read the findings.

    from carina import Client, JobSpec

    async with Client("carina.example.org:443", token, credentials=credentials) as client:
        submission = await client.submit(["study/"], JobSpec(patient_id="P-1"))
        async for update in client.watch(submission.job):
            print(update.job.progress.percent, "%")

Everything a caller needs is here. `carina.jobs.v1` holds the contract itself, for callers who
would rather use gRPC directly.
"""

from carina.client import Client, RefusedFile, Submission
from carina.errors import CarinaError, RefusedError, UnavailableError
from carina.files import FileUpload
from carina.findings import Acquisition, Finding, ImageFailure, Model, StageDurations
from carina.results import (
    Change,
    Image,
    ImageContent,
    ImageKind,
    ImageStage,
    ImageState,
    Job,
    JobSpec,
    JobState,
    Priority,
    Progress,
    Snapshot,
    Update,
    UploadStatus,
)

__all__ = [
    "Acquisition",
    "CarinaError",
    "Change",
    "Client",
    "FileUpload",
    "Finding",
    "Image",
    "ImageContent",
    "ImageFailure",
    "ImageKind",
    "ImageStage",
    "ImageState",
    "Job",
    "JobSpec",
    "JobState",
    "Model",
    "Priority",
    "Progress",
    "RefusedError",
    "RefusedFile",
    "Snapshot",
    "StageDurations",
    "Submission",
    "UnavailableError",
    "Update",
    "UploadStatus",
]
