"""What the client makes of the contract's messages."""

from dataclasses import fields
from datetime import timedelta

from google.protobuf import json_format

from carina.findings import Acquisition, Finding, ImageFailure, Model, StageDurations
from carina.jobs.v1 import image_pb2, job_pb2
from carina.jobs.v1.job_service_pb2 import ReadImageRequest
from carina.results import (
    Image,
    ImageKind,
    ImageStage,
    ImageState,
    Job,
    JobSpec,
    JobState,
    Priority,
    Progress,
)
from tests.support.scripted_jobs import at


def test_every_field_of_the_contract_has_its_place_in_the_results() -> None:
    elsewhere = {"placement"}  # only pages that lay a heatmap over a preview need it
    names = set(image_pb2.Image.DESCRIPTOR.fields_by_name)
    assert names - elsewhere == set(Image.__dataclass_fields__) - {"message"}
    names = set(at(1).DESCRIPTOR.fields_by_name)
    assert names == set(Job.__dataclass_fields__) - {"message"}


def test_enums_have_the_values_of_the_contract() -> None:
    for ours, theirs in (
        (JobState, job_pb2.Job.State),
        (ImageState, image_pb2.Image.State),
        (ImageStage, image_pb2.Image.Stage),
        (Priority, job_pb2.Priority),
    ):
        assert [str(each) for each in ours] == [
            name.partition("_")[2] for name in list(theirs.keys())
        ]
    kinds = ReadImageRequest.Kind.keys()[1:]
    assert [str(each) for each in ImageKind] == [name.partition("_")[2] for name in kinds]


def test_fields_of_the_parts_are_those_of_the_contract() -> None:
    for ours, theirs in (
        (JobSpec, job_pb2.JobSpec),
        (Progress, job_pb2.Progress),
        (ImageFailure, image_pb2.ImageError),
        (Finding, image_pb2.Finding),
        (Model, image_pb2.ModelReference),
        (Acquisition, image_pb2.Acquisition),
        (StageDurations, image_pb2.StageDurations),
    ):
        assert {each.name for each in fields(ours)} == set(theirs.DESCRIPTOR.fields_by_name)


def test_an_image_is_read_whole() -> None:
    message = image_pb2.Image(
        name="jobs/a/images/b",
        state=image_pb2.Image.STATE_SUCCEEDED,
        predicted_label="pneumonia",
        findings=[image_pb2.Finding(label="pneumonia", probability=0.75, threshold=0.5)],
        size_bytes=5,
    )
    message.durations.infer.FromMilliseconds(12)
    image = Image.from_proto(message)
    assert image.probability == 0.75
    assert image.durations.infer == timedelta(milliseconds=12)
    assert image.durations.decode is None
    assert image.model is None
    as_json = image.to_json()
    assert as_json["state"] == "STATE_SUCCEEDED"
    assert as_json["predictedLabel"] == "pneumonia"
    assert json_format.ParseDict(as_json, image_pb2.Image()) == message


def test_a_state_that_only_a_newer_service_knows_is_unspecified() -> None:
    message = at(1)
    message.state = 99  # type: ignore[assignment]
    assert Job.from_proto(message).state is JobState.UNSPECIFIED
