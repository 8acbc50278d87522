"""What both kinds of signal features begin with."""

from typing import NamedTuple

from twoloops.digital.graphs import Sketch

# No sensor reports more; keeps squares and their sums finite in float32.
LARGEST = 1e15
# A channel whose deviation is below this share of its mean is float32 rounding, so it is dead.
RELATIVE_FLOOR = 1e-5
ABSOLUTE_FLOOR = 1e-6


class Standardised(NamedTuple):
    """Names of tensors: the window, and per channel its mean and deviation, (n, channels, 1).

    `floor` is the deviation, kept away from zero; `scores` = (window − mean) / floor.
    """

    window: str
    mean: str
    centred: str
    deviation: str
    floor: str
    scores: str


def standardise(sketch: Sketch, window: str) -> Standardised:
    """Write the standardisation of windows (n, channels, samples), channel by channel."""
    bounded = sketch.node("Clip", window, sketch.floats(-LARGEST), sketch.floats(LARGEST))
    # Counted from the first sample, a constant channel is exactly zero and a small ripple on a
    # high level keeps its digits; the plain mean would leave rounding that looks like a signal.
    start = sketch.node("Slice", bounded, sketch.ints(0), sketch.ints(1), sketch.ints(2))
    shifted = sketch.node("Sub", bounded, start)
    shift = sketch.node("ReduceMean", shifted, axes=[2], keepdims=1)
    centred = sketch.node("Sub", shifted, shift)
    mean = sketch.node("Add", start, shift)
    deviation = root_mean_square(sketch, centred)
    share = sketch.node("Mul", sketch.node("Abs", mean), sketch.floats(RELATIVE_FLOOR))
    least = sketch.node("Add", share, sketch.floats(ABSOLUTE_FLOOR))
    floor = sketch.node("Max", deviation, least)
    scores = sketch.node("Div", centred, floor)
    return Standardised(bounded, mean, centred, deviation, floor, scores)


def root_mean_square(sketch: Sketch, value: str) -> str:
    """Write √mean(x²) over the last of three axes, which stays with length 1."""
    square = sketch.node("Mul", value, value)
    return sketch.node("Sqrt", sketch.node("ReduceMean", square, axes=[2], keepdims=1))
