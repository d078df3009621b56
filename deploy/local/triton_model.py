"""Stands in for Triton's onnxruntime backend on a machine without a GPU.

Triton's Python backend runs this file beside a link to the production model. Names, shapes and
batching come from the model's configuration. It runs in the environment of Triton.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton

# Which image was read; see decision 13.
PIXEL_SUM = "pixel_sum"


class TritonPythonModel:
    """One instance: an onnxruntime session on one thread."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Load the model file of this version."""
        folder = Path(arguments["model_repository"], arguments["model_version"])
        config: dict[str, Any] = json.loads(arguments["model_config"])
        self._inputs = [entry["name"] for entry in config["input"]]
        options = onnxruntime.SessionOptions()
        # The rest of the stack runs on the same machine.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            folder / config["parameters"]["model_file"]["string_value"],
            options,
            providers=["CPUExecutionProvider"],
        )
        given = {output.name for output in self._session.get_outputs()}
        outputs = [entry["name"] for entry in config["output"]]
        self._adds_sum = PIXEL_SUM in outputs and PIXEL_SUM not in given
        self._outputs = [name for name in outputs if name != PIXEL_SUM or not self._adds_sum]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer all requests of a dynamic batch with one run of the model."""
        try:
            batches = {name: self._gather(name, requests) for name in self._inputs}
            asked = {name for request in requests for name in request.requested_output_names()}
            names = [name for name in self._outputs if name in asked]
            values = dict(zip(names, self._session.run(names, batches), strict=True))
            if self._adds_sum:
                (images,) = batches.values()
                values[PIXEL_SUM] = images.sum(axis=(1, 2, 3), dtype=np.int64)[:, np.newaxis]
        except Exception as error:  # noqa: BLE001 - whatever onnxruntime says goes to the caller
            failed = triton.InferenceResponse(error=triton.TritonError(str(error)))
            return [failed for _ in requests]
        responses, start = [], 0
        for request in requests:
            end = start + self._size(request)
            wanted = set(request.requested_output_names())
            tensors = [
                triton.Tensor(name, value[start:end])
                for name, value in values.items()
                if name in wanted
            ]
            responses.append(triton.InferenceResponse(output_tensors=tensors))
            start = end
        return responses

    def _gather(self, name: str, requests: list[Any]) -> Any:
        arrays = [triton.get_input_tensor_by_name(request, name).as_numpy() for request in requests]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def _size(self, request: Any) -> int:
        tensor = triton.get_input_tensor_by_name(request, self._inputs[0])
        return int(tensor.shape()[0])
