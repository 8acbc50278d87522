"""Signal features: fixed random convolution kernels, after MiniRocket.

Dempster, Schmidt and Webb (2021), "MiniRocket: a very fast (almost) deterministic transform for
time series classification", KDD, arXiv:2012.08791. Taken from there: the 84 kernels of length 9
with weights −1 and 2, dilations that grow with the window, random subsets of channels, and the
share of the response above a bias. Different here:

- Biases are quantiles of the response to a fixed reference noise, not to the training data, so
  that the graph depends on the window's shape alone. Channels are standardised per window and
  each response is divided by its own root mean square, which is a feature too; otherwise one
  bias could not serve signals that are rough and signals that are smooth.
- "Above the bias" is a ramp, not a step: rounding then moves a feature by rounding only.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from twoloops.digital.base import Base
from twoloops.digital.features.card import features_card
from twoloops.digital.features.windows import root_mean_square, standardise
from twoloops.digital.graphs import Sketch
from twoloops.records.preprocess import Preprocess, Window

LENGTH = 9
BIASES = 3
DILATIONS = 4
# The built-in base uses every fourth of the 84 kernels: beside the statistics a larger set did
# no better on fast vibration and drowned them on slow machine cycles.
THINNED = 4
RAMP = 2.0
SILENCE = 1e-2
SEED = 2012_08791
REFERENCES = 30
# Biases are rounded to multiples of this, so that a last bit that differs between processors
# does not change the digest.
GRAIN = 1 / 1024


def minirocket(channels: int, samples: int, *, large: bool = False) -> Base:
    """Return the base of random kernels: windows (n, channels, samples) → (n, dimension).

    For each kernel and dilation: log of the response's root mean square, and the shares of the
    window in which the response lies above each of 3 biases; all divided by √dimension.

    Args:
        channels: Channels of a window.
        samples: Samples of a window; the largest dilated kernel spans about all of it.
        large: Use all 84 kernels instead of 21.
    """
    rng = np.random.Generator(np.random.PCG64(SEED))
    sketch = Sketch()
    step = Window(channels, samples)
    scores = standardise(sketch, step.output).scores
    noise = reference_noise(rng, channels, samples)
    shapes = kernels()[:: 1 if large else THINNED]
    groups: list[str] = []
    spread = dilations(samples)
    for dilation in spread:
        weights = shapes[:, None, :] * channel_weights(rng, len(shapes), channels)[:, :, None]
        biases = noise_quantiles(rng, noise, weights, dilation)
        groups += _responses(sketch, scores, weights, biases, dilation)
    flat = [sketch.node("Reshape", group, sketch.ints(0, -1)) for group in groups]
    dimension = len(spread) * len(shapes) * (1 + BIASES)
    embedding = sketch.by_width(sketch.node("Concat", *flat, axis=1), dimension)
    name = "builtin/minirocket-large" if large else "builtin/minirocket"
    operations = len(spread) * len(shapes) * samples * (channels * LENGTH + 2 + 3 * BIASES)
    card = features_card(name, "signal", dimension, operations)
    return Base(card, sketch.finish(embedding, dimension, Preprocess((step,))))


def kernels() -> NDArray[np.float32]:
    """Return all 84 kernels (84, 9): three weights are 2, six are −1, so each sums to zero."""
    out = np.full((84, LENGTH), -1.0, dtype=np.float32)
    for row, chosen in enumerate(combinations(range(LENGTH), 3)):
        out[row, chosen] = 2.0
    return out


def dilations(samples: int) -> list[int]:
    """Return up to four dilations, evenly spaced in logarithm, the largest spanning the window.

    >>> dilations(4), dilations(200)
    ([1], [1, 2, 8, 24])
    """
    largest = max(1.0, (samples - 1) / (LENGTH - 1))
    return sorted({int(d) for d in np.geomspace(1.0, largest, DILATIONS)})


def channel_weights(rng: np.random.Generator, count: int, channels: int) -> NDArray[np.float32]:
    """Draw a subset of channels for each kernel: (count, channels), rows of length 1.

    Sizes are uniform in logarithm between 1 and 9, as in MiniRocket.
    """
    out = np.zeros((count, channels), dtype=np.float32)
    most = np.log2(min(channels, LENGTH) + 1)
    for row in range(count):
        size = min(channels, int(2 ** rng.uniform(0, most)))
        out[row, rng.choice(channels, size, replace=False)] = 1 / np.sqrt(size)
    return out


def reference_noise(rng: np.random.Generator, channels: int, samples: int) -> NDArray[np.float64]:
    """Draw noise (30, channels, samples), standardised: white, random walks, and their sums."""
    white = rng.standard_normal((REFERENCES, channels, samples))
    walk = np.cumsum(rng.standard_normal(white.shape), axis=2)
    third = REFERENCES // 3
    mixed = _standard(white[third : 2 * third]) + _standard(walk[third : 2 * third])
    return _standard(np.concatenate([white[:third], mixed, walk[2 * third :]]))


def noise_quantiles(
    rng: np.random.Generator,
    noise: NDArray[np.float64],
    weights: NDArray[np.float32],
    dilation: int,
) -> NDArray[np.float32]:
    """Return biases (kernels, 3): quantiles of the scaled responses to the noise."""
    reach = dilation * (LENGTH - 1) // 2
    samples = noise.shape[2]
    padded = np.pad(noise, ((0, 0), (0, 0), (reach, reach)))
    response = np.zeros((len(weights), len(noise), samples))
    for tap in range(LENGTH):
        late = padded[:, :, tap * dilation : tap * dilation + samples]
        response += np.einsum("ncs,kc->kns", late, weights[:, :, tap])
    size = np.sqrt(np.mean(response**2, axis=2, keepdims=True) + SILENCE**2)
    pooled = (response / size).reshape(len(weights), -1)
    levels = (np.arange(BIASES) + rng.uniform(0, 1, (len(weights), 1))) / BIASES
    values = [np.quantile(row, level) for row, level in zip(pooled, levels, strict=True)]
    return (np.round(np.array(values) / GRAIN) * GRAIN).astype(np.float32)


def _responses(
    sketch: Sketch,
    scores: str,
    weights: NDArray[np.float32],
    biases: NDArray[np.float32],
    dilation: int,
) -> list[str]:
    """Write one dilation: tensors (n, kernels, 1) and (n, kernels, biases)."""
    reach = dilation * (LENGTH - 1) // 2
    kernel = sketch.constant(weights.astype(np.float32))
    response = sketch.node("Conv", scores, kernel, dilations=[dilation], pads=[reach, reach])
    size = sketch.node("Max", root_mean_square(sketch, response), sketch.floats(SILENCE))
    scaled = sketch.node("Unsqueeze", sketch.node("Div", response, size), sketch.ints(2))
    above = sketch.node("Sub", scaled, sketch.constant(biases[None, :, :, None]))
    shares = sketch.node("HardSigmoid", above, alpha=RAMP, beta=0.5)
    return [
        sketch.node("Log", size),
        sketch.node("ReduceMean", shares, axes=[3], keepdims=0),
    ]


def _standard(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = noise - noise.mean(axis=2, keepdims=True)
    out: NDArray[np.float64] = centred / np.maximum(centred.std(axis=2, keepdims=True), 1e-9)
    return out
