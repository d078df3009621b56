"""Errors between an image and its findings."""

from datetime import timedelta
from typing import ClassVar

from chassis.errors import TransientError, UsageError

# With five deliveries, a model has four minutes to become available.
_ROLLOUT = timedelta(minutes=1)


class TritonUnavailableError(TransientError):
    """Triton does not respond, or is not ready."""

    reason: ClassVar[str] = "TRITON_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The model server does not respond.")


class TritonBusyError(TransientError):
    """Triton's queue is full, or the request waited in it for too long: back-pressure."""

    reason: ClassVar[str] = "TRITON_BUSY"

    def __init__(self) -> None:
        super().__init__("The model server is busy.", delay=timedelta(milliseconds=500))


class ModelMissingError(TransientError):
    """Triton does not serve the model (yet), as during a rollout.

    Its images are handed back meanwhile. Otherwise they would block those of other models.
    """

    reason: ClassVar[str] = "MODEL_MISSING"

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            f"The model server does not serve version {version} of the model {name}. "
            "Please retry later.",
            delay=_ROLLOUT,
        )


class TooSlowError(TransientError):
    """Triton did not answer within the deadline; the image may be the cause."""

    reason: ClassVar[str] = "MODEL_TOO_SLOW"

    def __init__(self) -> None:
        super().__init__("The model took too long. Please try again later.")


class RefusedByModelError(UsageError):
    """Triton considers the request invalid; an image of the batch may be the cause."""

    reason: ClassVar[str] = "REFUSED_BY_MODEL"

    def __init__(self) -> None:
        super().__init__(
            "The model does not accept this image as it was prepared. Please tell the operators."
        )


class ModelFailedError(TransientError):
    """The model failed on the request; the image may be the cause."""

    reason: ClassVar[str] = "MODEL_FAILED"

    def __init__(self) -> None:
        super().__init__(
            "The model failed on this image. Please retry it later, and tell the operators if it "
            "fails again."
        )


class ModelAnswerInvalidError(TransientError):
    """The model's answer does not match its entry in the catalogue, or the model is faulty."""

    reason: ClassVar[str] = "MODEL_ANSWER_INVALID"

    def __init__(self) -> None:
        super().__init__(
            "The answer of the model cannot be used. Please retry the image later, and tell the "
            "operators if it fails again."
        )


class MalformedTaskError(UsageError):
    """The message is not a task. The reconciler of the jobs service finds its image again."""

    reason: ClassVar[str] = "MALFORMED_TASK"

    def __init__(self) -> None:
        super().__init__("The message is not an infer task.")
