"""Exports trained parts to the ONNX file that Triton serves, and checks it against PyTorch."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from models.training.data import LABELS, SIDE
from models.training.fit import Reader
from models.training.network import FEATURES, RIM, prepare

# onnxruntime and TensorRT (8.6 and later) support every operator of this opset that the graph uses.
OPSET = 17
UPSAMPLING = 4  # cells of the heatmap per cell of the last feature map, in each direction
PIXELS_PER_CELL = 32 // UPSAMPLING
OUTPUTS = ("probabilities", "heatmap", "frontal_score")
HALF_PRECISION_SIZE = 1024  # tensors with at least this many weights are stored in half precision
TOLERANCE = 5e-3  # difference from PyTorch that half-precision weights may cause


@dataclass(frozen=True)
class Gate:
    """A logistic regression on the means of three horizontal bands of the last feature map."""

    weight: NDArray[np.float32]  # [3 * FEATURES]; the three bands of a channel are adjacent
    bias: float


class Served(nn.Module):
    """The complete model: maps uint8 frames to findings, a heatmap and a gate score.

    The readers share the frozen lower blocks, which take most of the time. Their evidence is
    averaged with the weights `shares`. The gate uses the features of the first reader.
    """

    def __init__(
        self, readers: Sequence[Reader], shares: Sequence[float], gate: Gate, temperature: float
    ) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(reader.backbone for reader in readers)
        self.heads = nn.ModuleList(nn.Conv2d(FEATURES, len(LABELS), 1) for _ in readers)
        for head, reader, share in zip(self.heads, readers, shares, strict=True):
            head.weight.data = reader.head.weight.data[:, :, None, None] * share / temperature
            head.bias.data = reader.head.bias.data * share / temperature
        self.gate = nn.Linear(3 * FEATURES, 1)
        self.gate.weight.data = torch.from_numpy(gate.weight)[None].float()
        self.gate.bias.data = torch.tensor([gate.bias], dtype=torch.float32)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map uint8 [N, 1, 224, 224] to findings [N, 3], heatmap [N, 3, 28, 28], frontal score.

        A cell of the heatmap holds the probabilities that this location alone would give: the logit
        of a film is the mean of its cells' logits. The margin that the model does not see is zero.
        """
        lower = self.backbones[0].lower(prepare(image))
        features = [backbone.upper(lower) for backbone in self.backbones]
        evidence = self.heads[0](features[0])
        for head, more in zip(self.heads[1:], features[1:], strict=True):
            evidence = evidence + head(more)
        probabilities = torch.softmax(evidence.mean(dim=(2, 3)), dim=1)
        fine = functional.interpolate(evidence, scale_factor=UPSAMPLING, mode="bilinear")
        rim = RIM // PIXELS_PER_CELL
        heatmap = functional.pad(torch.softmax(fine, dim=1), (rim, rim, rim, rim))
        score = torch.sigmoid(self.gate(thirds(features[0])))
        return probabilities, heatmap, score


def thirds(features: Tensor) -> Tensor:
    """Return the means of the upper, middle and lower third of [N, C, 6, 6]: [N, 3 * C]."""
    return functional.avg_pool2d(features, (2, 6)).flatten(1)


def export(served: Served, path: Path) -> str:
    """Write the ONNX file, check it, and return its SHA-256."""
    served = served.eval().to(memory_format=torch.contiguous_format)
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = torch.randint(0, 256, (2, 1, SIDE, SIDE), dtype=torch.uint8)
    torch.onnx.export(
        served,
        (frames,),
        str(path),
        input_names=["image"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "batch"} for name in ("image", *OUTPUTS)},
        opset_version=OPSET,
        dynamo=False,
    )
    _halve_weights(path)
    onnx.checker.check_model(str(path), full_check=True)
    _check_against_torch(served, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _halve_weights(path: Path) -> None:
    """Store large weights in half precision; the graph casts them back to single precision."""
    model = onnx.load(path)
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < HALF_PRECISION_SIZE:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


class Mean(nn.Module):
    """Averages the outputs of the two members of the ensemble."""

    def forward(self, *members: Tensor) -> tuple[Tensor, ...]:
        """Map all outputs of the first member followed by all of the second to their means."""
        half = len(members) // 2
        pairs = zip(members[:half], members[half:], strict=True)
        return tuple((first + second) * 0.5 for first, second in pairs)


def export_mean(path: Path) -> None:
    """Write the graph that averages the outputs of two members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    side = SIDE // PIXELS_PER_CELL
    shapes = ((2, 3), (2, 3, side, side), (2, 1))
    names = [f"{name}_{member}" for member in "ab" for name in OUTPUTS]
    torch.onnx.export(
        Mean(),
        tuple(torch.rand(shape) for shape in shapes * 2),
        str(path),
        input_names=names,
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "batch"} for name in (*names, *OUTPUTS)},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(str(path), full_check=True)


def _check_against_torch(served: Served, path: Path) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        frames = torch.randint(0, 256, (count, 1, SIDE, SIDE), dtype=torch.uint8)
        frames = (frames // 4) + torch.arange(SIDE, dtype=torch.uint8)[:, None] // 2
        with torch.inference_mode():
            expected = served(frames)
        given = session.run(list(OUTPUTS), {"image": frames.numpy()})
        for name, ours, theirs in zip(OUTPUTS, expected, given, strict=True):
            difference = float(np.abs(ours.numpy() - theirs).max())
            if difference > TOLERANCE:
                raise ArithmeticError(f"{name} differs by {difference} between PyTorch and ONNX")
