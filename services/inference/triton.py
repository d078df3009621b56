"""Triton over gRPC; the only module that knows its protocol.

It uses the generated stub, not the client of tritonclient: that one loses its defaults when channel
options are set, turns every status into a string, and copies each tensor once more.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import numpy as np
from prometheus_client import Counter, Histogram
from tritonclient.grpc import service_pb2, service_pb2_grpc

from chassis.errors import DomainError
from chassis.logs import get_logger
from chassis.tracing import client_interceptors
from services.inference.errors import (
    ModelAnswerInvalidError,
    ModelFailedError,
    ModelMissingError,
    RefusedByModelError,
    TooSlowError,
    TritonBusyError,
    TritonUnavailableError,
)
from services.inference.model import Answer, Floats, Model

_CALL_SECONDS = Histogram(
    "carina_triton_call_duration_seconds",
    "Duration of one call to Triton, whatever its result",
    ["model"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_CALLS = Counter("carina_triton_calls", "Calls to Triton, by result", ["model", "code"])
_log = get_logger(__name__)

_INPUT, _PROBABILITIES, _HEATMAP = "image", "probabilities", "heatmap"
# Optional, int64 [N, 1]: the sum of the grey values of each image (decision 13).
_PIXEL_SUM = "pixel_sum"
_URGENT, _ROUTINE = 1, 2  # priority levels of the model's queue, as its config.pbtxt has them
_READY_TIMEOUT = timedelta(seconds=2)
# Called every two seconds by each worker.
_UNTRACED = ("ServerReady",)
# Triton times out first, so that its own message arrives.
_MARGIN = timedelta(seconds=1)
_MAX_MESSAGE_BYTES = 64 * 2**20
_OPTIONS = (
    # Detects a dead server within 30 s, even without requests. Triton must allow it:
    # --grpc-http2-min-recv-ping-interval-without-data=10000.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # The default goes up to 2 minutes, during which a restarted Triton would be idle.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.lb_policy_name", "round_robin"),
)
# Messages of Triton's core. The model is being loaded, or could not be:
_UNKNOWN_MODEL = "unknown model"
# Both mean that the request was rejected before it was executed:
_REJECTED = ("Exceeds maximum queue size", "Request timeout expired")


class TritonClient:
    """Calls Triton; one for the lifetime of the process."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline: timedelta) -> None:
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        self._deadline = deadline

    async def is_ready(self) -> bool:
        """Whether Triton responds and all its models are loaded."""
        try:
            answer = await self._stub.ServerReady(
                service_pb2.ServerReadyRequest(), timeout=_READY_TIMEOUT.total_seconds()
            )
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.ready)

    async def infer(
        self, model: Model, images: Sequence[bytes], *, urgent: bool = False
    ) -> list[Answer]:
        """Evaluate a batch of images, each `height * width` grey values; one answer for each.

        Raises:
            TritonUnavailableError, TritonBusyError, ModelMissingError: it will work later.
            TooSlowError: there was no answer within the deadline.
            RefusedByModelError: Triton considers the request invalid.
            ModelFailedError: the model failed, or the answer belongs to other images.
            ModelAnswerInvalidError: the answer breaks the contract.
        """
        request = self._request(model, images, urgent=urgent)
        code = "OK"
        with _CALL_SECONDS.labels(model.name).time():
            try:
                response = await self._stub.ModelInfer(
                    request, timeout=(self._deadline + _MARGIN).total_seconds()
                )
                return _answers(response, model, images)
            except grpc.aio.AioRpcError as error:
                code = error.code().name
                raise _translated(error, model) from error
            except ModelFailedError:
                code = "MIXED_UP"
                raise
            except ModelAnswerInvalidError:
                code = "BROKEN_CONTRACT"
                raise
            finally:
                _CALLS.labels(model.name, code).inc()

    def _request(
        self, model: Model, images: Sequence[bytes], *, urgent: bool
    ) -> service_pb2.ModelInferRequest:
        request = service_pb2.ModelInferRequest(
            model_name=model.name,
            model_version=model.version,
            raw_input_contents=[b"".join(images)],
        )
        shape = (len(images), 1, model.height, model.width)
        request.inputs.add(name=_INPUT, datatype="UINT8", shape=shape)
        request.parameters["priority"].uint64_param = _URGENT if urgent else _ROUTINE
        # In microseconds; it limits only the time in the queue.
        microseconds = self._deadline // timedelta(microseconds=1)
        request.parameters["timeout"].int64_param = microseconds
        return request


@asynccontextmanager
async def open_triton(address: str, *, deadline: timedelta) -> AsyncIterator[TritonClient]:
    """Open one channel to Triton, which need not be running yet."""
    async with grpc.aio.insecure_channel(
        address, options=_OPTIONS, interceptors=client_interceptors(untraced=_UNTRACED)
    ) as channel:
        yield TritonClient(channel, deadline=deadline)


def _translated(error: grpc.aio.AioRpcError, model: Model) -> DomainError:
    details = error.details() or ""
    if _UNKNOWN_MODEL in details:
        return ModelMissingError(model.name, model.version)
    match error.code():
        case grpc.StatusCode.UNAVAILABLE if any(message in details for message in _REJECTED):
            return TritonBusyError()
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
            return TritonUnavailableError()
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return TooSlowError()
        case grpc.StatusCode.INVALID_ARGUMENT:
            _log.warning("triton refused the request", name=model.name, reason=details)
            return RefusedByModelError()
        case code:
            _log.error("triton failed", name=model.name, code=code.name, reason=details)
            return ModelFailedError()


def _answers(
    response: service_pb2.ModelInferResponse, model: Model, images: Sequence[bytes]
) -> list[Answer]:
    count = len(images)
    if len(response.outputs) != len(response.raw_output_contents):
        _log.error("triton output without content", name=model.name)
        raise ModelAnswerInvalidError
    outputs = {
        output.name: (output, content)
        for output, content in zip(response.outputs, response.raw_output_contents, strict=True)
    }
    if _PIXEL_SUM in outputs and not _belongs_to(outputs[_PIXEL_SUM][1], images):
        _log.error("triton answer belongs to other images", name=model.name)
        raise ModelFailedError
    probabilities = _tensor(outputs, _PROBABILITIES, model)
    heatmaps = _tensor(outputs, _HEATMAP, model) if _HEATMAP in outputs else None
    gates = _tensor(outputs, model.gate_output, model) if model.gate_output else None
    labels = len(model.labels)
    if (
        probabilities.shape != (count, labels)
        or (heatmaps is not None and (heatmaps.ndim != 4 or heatmaps.shape[:2] != (count, labels)))  # noqa: PLR2004 - [N, labels, rows, columns]
        or (gates is not None and gates.size != count)
    ):
        _log.error("triton output has the wrong shape", name=model.name)
        raise ModelAnswerInvalidError
    return [
        Answer(
            probabilities=probabilities[index],
            heatmap=None if heatmaps is None else heatmaps[index],
            gate=None if gates is None else float(gates.flat[index]),
        )
        for index in range(count)
    ]


def _belongs_to(sums: bytes, images: Sequence[bytes]) -> bool:
    expected = [np.frombuffer(image, np.uint8).sum(dtype=np.int64) for image in images]
    return sums == np.array(expected, "<i8").tobytes()


def _tensor(
    outputs: dict[str, tuple[service_pb2.ModelInferResponse.InferOutputTensor, bytes]],
    name: str,
    model: Model,
) -> Floats:
    if name not in outputs or outputs[name][0].datatype != "FP32":
        _log.error("triton output missing", name=model.name, reason=name)
        raise ModelAnswerInvalidError
    output, content = outputs[name]
    try:
        return np.frombuffer(content, np.float32).reshape(tuple(output.shape))
    except ValueError:
        _log.error("triton output does not match its shape", name=model.name, reason=name)
        raise ModelAnswerInvalidError from None
