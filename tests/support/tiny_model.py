"""A network with a few thousand weights and the same inputs and outputs as the real model.

Its findings mean nothing, but they differ from image to image, so a test notices when two images
are mixed up. Run as a module, it writes the model to the given path.
"""

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
LABELS = 3
HEATMAP = (LABELS, 7, 7)
# Each layer has a stride of 2, which reduces 224 to 7.
CHANNELS = (1, 8, 12, 16, 24, 32)
# Supported by the onnxruntime of the Triton environment and every newer one.
OPSET, IR_VERSION = 17, 8
# Spreads the probabilities over most of the range from 0 to 1.
EVIDENCE_GAIN = np.float32(20.0)


def tiny_model(*, blind: bool = False) -> onnx.ModelProto:
    """Build the network; the result is deterministic.

    A blind network reports an empty image, whatever image it is given.
    """
    random = np.random.Generator(np.random.PCG64(20260101))
    weights: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def weight(name: str, values: npt.NDArray[np.float32]) -> str:
        weights.append(numpy_helper.from_array(values, name))
        return name

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        scale = (6.0 / np.prod(shape[1:])) ** 0.5
        return (scale * random.uniform(-1.0, 1.0, shape)).astype(np.float32)

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    value = node("Cast", ["image"], "grey", to=TensorProto.FLOAT)
    value = node("Sub", [value, weight("mean", np.array(127.5, np.float32))], "centred")
    value = node("Div", [value, weight("deviation", np.array(64.0, np.float32))], "normalised")
    for index in range(1, len(CHANNELS)):
        kernel = weight(f"kernel_{index}", drawn(CHANNELS[index], CHANNELS[index - 1], 3, 3))
        value = node("Conv", [value, kernel], f"layer_{index}", strides=[2, 2], pads=[1, 1, 1, 1])
        value = node("Relu", [value], f"features_{index}")

    evidence = weight("evidence", EVIDENCE_GAIN * drawn(LABELS, CHANNELS[-1], 1, 1))
    places = node("Conv", [value, evidence], "evidence_places")
    node("Softmax", [places], "heatmap", axis=1)
    logits = node("ReduceMean", [places], "logits", axes=[2, 3], keepdims=0)
    node("Softmax", [logits], "probabilities", axis=1)

    # Contrast opens the gate, so a flat picture is one that is withheld.
    mean = node("ReduceMean", ["normalised"], "mean_grey", axes=[2, 3], keepdims=1)
    offset = node("Sub", ["normalised", mean], "offset")
    square = node("Mul", [offset, offset], "square")
    contrast = node("ReduceMean", [square], "contrast", axes=[2, 3], keepdims=0)
    surplus = node("Sub", [contrast, weight("least", np.array(0.05, np.float32))], "surplus")
    gate = node("Mul", [surplus, weight("steepness", np.array(200.0, np.float32))], "gate_logit")
    node("Sigmoid", [gate], "frontal_score")

    outputs = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", LABELS]),
        helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, ["N", *HEATMAP]),
        helper.make_tensor_value_info("frontal_score", TensorProto.FLOAT, ["N", 1]),
    ]
    if blind:
        none = node("Mul", ["frontal_score", weight("zero", np.array(0, np.float32))], "none")
        node("Cast", [none], "pixel_sum", to=TensorProto.INT64)
        outputs.append(helper.make_tensor_value_info("pixel_sum", TensorProto.INT64, ["N", 1]))

    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 1, SIDE, SIDE])],
        outputs,
        weights,
    )
    model = helper.make_model(
        graph,
        producer_name="carina",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    return model


@cache
def _tiny_bytes(*, blind: bool = False) -> bytes:
    return tiny_model(blind=blind).SerializeToString(deterministic=True)


def tiny_digest() -> str:
    """Return the SHA-256 of the model file."""
    return hashlib.sha256(_tiny_bytes()).hexdigest()


def write_tiny_model(path: Path, *, blind: bool = False) -> None:
    """Write the network to `path`, creating its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_tiny_bytes(blind=blind))


if __name__ == "__main__":
    write_tiny_model(Path(sys.argv[1]))
