"""Signal features: what an engineer would read off a chart, for each channel."""

import numpy as np

from twoloops.digital.base import Base
from twoloops.digital.features.card import features_card
from twoloops.digital.features.windows import Standardised, root_mean_square, standardise
from twoloops.digital.graphs import Sketch
from twoloops.records.preprocess import Preprocess, Window

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
SEGMENTS = 16
LAGS = (1, 2, 4, 8, 16, 32, 64)
# Pairs grow with the square of the channels; beyond this they would outnumber all the rest.
CORRELATED_CHANNELS = 12


def statistics(channels: int, samples: int) -> Base:
    """Return the base of plain statistics: windows (n, channels, samples) → (n, dimension).

    Per channel: mean, deviation, 7 quantiles, change along the fitted line, the means of up to
    16 equal segments (machine cycles start at a known moment), skewness, kurtosis, and for the
    lags 1, 2, 4, … up to a quarter of the window how far the signal moves within the lag, in
    deviations (a spectrum without a Fourier transform, the same at any amplitude). For up to 12
    channels: their correlations. Everything passes sign(x)·log(1 + |x|), so that bars, degrees
    and volts get comparable scales, and is divided by √dimension.
    """
    sketch = Sketch()
    step = Window(channels, samples)
    standard = standardise(sketch, step.output)
    groups = [
        (standard.mean, 1),
        (standard.deviation, 1),
        (_quantiles(sketch, standard.window, samples), len(QUANTILES)),
        (_change(sketch, standard.centred, samples), 1),
        _segments(sketch, standard.window, samples),
        *_moments(sketch, standard),
        *_movements(sketch, standard, samples),
    ]
    dimension = channels * sum(width for _, width in groups)
    joined = sketch.node("Concat", *[name for name, _ in groups], axis=2)
    flat = sketch.node("Reshape", joined, sketch.ints(0, dimension))
    if 1 < channels <= CORRELATED_CHANNELS:
        pairs = _correlations(sketch, standard.scores, channels, samples)
        flat = sketch.node("Concat", flat, pairs, axis=1)
        dimension += channels * (channels - 1) // 2
    embedding = sketch.by_width(sketch.signed_log(flat), dimension)
    graph = sketch.finish(embedding, dimension, Preprocess((step,)))
    operations = dimension * samples
    return Base(features_card("builtin/statistics", "signal", dimension, operations), graph)


def _quantiles(sketch: Sketch, window: str, samples: int) -> str:
    ordered, _ = sketch.nodes_of(
        "TopK", 2, window, sketch.ints(samples), axis=2, largest=0, sorted=1
    )
    places = [round(q * (samples - 1)) for q in QUANTILES]
    return sketch.node("Gather", ordered, sketch.ints(*places), axis=2)


def _change(sketch: Sketch, centred: str, samples: int) -> str:
    """Least-squares slope times the window's length."""
    time = np.arange(samples) - (samples - 1) / 2
    weights = samples * time / np.sum(time**2)
    return sketch.node("MatMul", centred, sketch.constant(weights[:, None].astype(np.float32)))


def _segments(sketch: Sketch, window: str, samples: int) -> tuple[str, int]:
    count = min(SEGMENTS, samples // 2)
    member = np.arange(samples) * count // samples
    average = (member[:, None] == np.arange(count)).astype(np.float32)
    average /= average.sum(axis=0)
    return sketch.node("MatMul", window, sketch.constant(average)), count


def _moments(sketch: Sketch, standard: Standardised) -> list[tuple[str, int]]:
    """Skewness and kurtosis."""
    z = standard.scores
    cube = sketch.node("Mul", z, sketch.node("Mul", z, z))
    fourth = sketch.node("Mul", cube, z)
    return [(sketch.node("ReduceMean", x, axes=[2], keepdims=1), 1) for x in (cube, fourth)]


def _movements(sketch: Sketch, standard: Standardised, samples: int) -> list[tuple[str, int]]:
    """Root mean square of z[t + lag] − z[t], for each lag."""
    moved = []
    for lag in (lag for lag in LAGS if lag <= samples // 4):
        z, axis = standard.scores, sketch.ints(2)
        late = sketch.node("Slice", z, sketch.ints(lag), sketch.ints(samples), axis)
        early = sketch.node("Slice", z, sketch.ints(0), sketch.ints(samples - lag), axis)
        moved.append((root_mean_square(sketch, sketch.node("Sub", late, early)), 1))
    return moved


def _correlations(sketch: Sketch, scores: str, channels: int, samples: int) -> str:
    turned = sketch.node("Transpose", scores, perm=[0, 2, 1])
    products = sketch.node("MatMul", scores, turned)
    scaled = sketch.node("Div", products, sketch.floats(float(samples)))
    flat = sketch.node("Reshape", scaled, sketch.ints(0, channels * channels))
    rows, columns = np.triu_indices(channels, 1)
    return sketch.node("Gather", flat, sketch.ints(*(rows * channels + columns)), axis=1)
