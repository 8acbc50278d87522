"""Signal features: what an engineer would read off a chart, for each channel."""

import numpy as np

from twoloops.digital.base import Base
from twoloops.digital.features.card import features_card
from twoloops.digital.graphs import Sketch
from twoloops.records.preprocess import Preprocess, Window

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
SEGMENTS = 8
# Keeps a dead channel's ratios finite: it is far below any deviation a sensor reports.
FLOOR = 1e-6


def statistics(channels: int, samples: int) -> Base:
    """Return the base of plain statistics: windows (n, channels, samples) → (n, dimension).

    Per channel: mean, deviation, 7 quantiles, change along the fitted line, mean of each of up
    to 8 equal segments, skewness and kurtosis, and for the lags 1, 2, 4, … below a quarter of
    the window the deviation of lagged differences relative to the deviation (a spectrum without
    a Fourier transform). Everything passes sign(x)·log(1 + |x|), so that bars, degrees and
    volts get comparable scales.
    """
    sketch = Sketch()
    step = Window(channels, samples)
    groups, width = statistics_nodes(sketch, step.output, samples)
    dimension = channels * width
    joined = sketch.node("Concat", *groups, axis=2)
    embedding = sketch.signed_log(sketch.node("Reshape", joined, sketch.ints(0, dimension)))
    graph = sketch.finish(embedding, dimension, Preprocess((step,)))
    operations = channels * samples * (width + int(np.log2(samples)))
    return Base(features_card("builtin/statistics", "signal", dimension, operations), graph)


def statistics_nodes(sketch: Sketch, window: str, samples: int) -> tuple[list[str], int]:
    """Write the statistics of `window`; return tensors (n, channels, k) and the sum of their k."""
    mean = sketch.node("ReduceMean", window, axes=[2], keepdims=1)
    centred = sketch.node("Sub", window, mean)
    deviation = _deviation(sketch, centred)
    floored = sketch.node("Max", deviation, sketch.floats(FLOOR))
    scaled = sketch.node("Div", centred, floored)
    cube = sketch.node("Mul", scaled, sketch.node("Mul", scaled, scaled))
    skewness = sketch.node("ReduceMean", cube, axes=[2], keepdims=1)
    kurtosis = sketch.node("ReduceMean", sketch.node("Mul", cube, scaled), axes=[2], keepdims=1)
    segments, count = _segment_means(sketch, window, samples)
    lags = [lag for lag in (1, 2, 4, 8, 16, 32, 64) if lag <= samples // 4]
    bands = [
        sketch.node("Div", _difference(sketch, window, lag, samples), floored) for lag in lags
    ]
    quantiles = _quantiles(sketch, window, samples)
    change = _change(sketch, centred, samples)
    groups = [mean, deviation, quantiles, change, segments, skewness, kurtosis, *bands]
    return groups, 2 + len(QUANTILES) + 1 + count + 2 + len(bands)


def _deviation(sketch: Sketch, centred: str) -> str:
    square = sketch.node("Mul", centred, centred)
    return sketch.node("Sqrt", sketch.node("ReduceMean", square, axes=[2], keepdims=1))


def _difference(sketch: Sketch, window: str, lag: int, samples: int) -> str:
    """Root mean square of x[t + lag] − x[t]."""
    late = sketch.node("Slice", window, sketch.ints(lag), sketch.ints(samples), sketch.ints(2))
    early = sketch.node("Slice", window, sketch.ints(0), sketch.ints(samples - lag), sketch.ints(2))
    return _deviation(sketch, sketch.node("Sub", late, early))


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


def _segment_means(sketch: Sketch, window: str, samples: int) -> tuple[str, int]:
    count = min(SEGMENTS, samples // 2)
    member = np.arange(samples) * count // samples
    average = (member[:, None] == np.arange(count)).astype(np.float32)
    average /= average.sum(axis=0)
    return sketch.node("MatMul", window, sketch.constant(average)), count
