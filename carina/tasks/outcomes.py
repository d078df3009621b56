"""Outcomes as workers begin them, whatever becomes of the image."""

from carina.tasks.v1 import tasks_pb2


def new_outcome(ref: tasks_pb2.ImageRef, stage: tasks_pb2.Stage.ValueType) -> tasks_pb2.Outcome:
    """Return an outcome of this moment, without its result."""
    outcome = tasks_pb2.Outcome(ref=ref, stage=stage)
    outcome.time.GetCurrentTime()
    return outcome


def started_payload(ref: tasks_pb2.ImageRef, stage: tasks_pb2.Stage.ValueType) -> bytes:
    """Return the outcome that says that work on an image has started."""
    outcome = new_outcome(ref, stage)
    outcome.started.SetInParent()
    return outcome.SerializeToString()
