"""What can go wrong between an image and its findings."""

from datetime import timedelta
from typing import ClassVar

from chassis.errors import TransientError, UsageError

# With five deliveries, a model has four minutes to arrive.
_ROLLOUT = timedelta(minutes=1)


class TritonUnavailableError(TransientError):
    """Nobody answers at Triton's address, or it is not ready."""

    reason: ClassVar[str] = "TRITON_AWAY"

    def __init__(self) -> None:
        super().__init__("The model server does not answer.")


class TritonBusyError(TransientError):
    """Triton's queue is full, or an image waited in it for too long: back-pressure."""

    reason: ClassVar[str] = "TRITON_BUSY"

    def __init__(self) -> None:
        super().__init__("The model server is busy.", delay=timedelta(milliseconds=500))


class ModelMissingError(TransientError):
    """Triton does not serve the model (yet): a rollout is on its way.

    Its images are handed back meanwhile, or they would keep those of other models waiting.
    """

    reason: ClassVar[str] = "MODEL_MISSING"

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            f"The model server has no model {name} of version {version} yet. Retry it later.",
            delay=_ROLLOUT,
        )


class TooSlowError(TransientError):
    """Triton was reached and did not answer within the deadline; it may be the image's fault."""

    reason: ClassVar[str] = "MODEL_TOO_SLOW"

    def __init__(self) -> None:
        super().__init__("The model took too long. Please try again later.")


class RefusedByModelError(UsageError):
    """Triton finds the request invalid; an image of the batch may be the reason."""

    reason: ClassVar[str] = "REFUSED_BY_MODEL"

    def __init__(self) -> None:
        super().__init__("The model does not accept this image.")


class ModelFailedError(TransientError):
    """The model broke down over the request; it may be the image's fault."""

    reason: ClassVar[str] = "MODEL_FAILED"

    def __init__(self) -> None:
        super().__init__("The model could not read this image. The operators have been told.")


class ModelAnswerInvalidError(TransientError):
    """The model answered what its entry in the catalogue does not allow, or is ill."""

    reason: ClassVar[str] = "MODEL_ANSWER_INVALID"

    def __init__(self) -> None:
        super().__init__("The model's answer could not be used. The operators have been told.")


class MalformedTaskError(UsageError):
    """The message is no task. Its image is found again by the reconciler of the jobs service."""

    reason: ClassVar[str] = "MALFORMED_TASK"

    def __init__(self) -> None:
        super().__init__("The message is no infer task.")
