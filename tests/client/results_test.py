"""What the client makes of the contract's messages."""

from datetime import timedelta

from google.protobuf import json_format

from carina.jobs.v1 import image_pb2
from carina.results import Image, Job, JobState
from tests.support.scripted_jobs import at


def test_every_field_of_the_contract_has_its_place_in_the_results() -> None:
    elsewhere = {"placement"}  # only pages that lay a heatmap over a preview need it
    fields = set(image_pb2.Image.DESCRIPTOR.fields_by_name)
    assert fields - elsewhere == set(Image.__dataclass_fields__) - {"message"}
    fields = set(at(1).DESCRIPTOR.fields_by_name)
    assert fields == set(Job.__dataclass_fields__) - {"message"}


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
