"""Text features: hashed counts of character n-grams and words."""

from twoloops.digital.base import Base
from twoloops.digital.features.card import features_card
from twoloops.digital.graphs import Sketch
from twoloops.records.preprocess import CharNgrams, Preprocess


def char_ngrams(dimension: int = 8192, low: int = 3, high: int = 5, words: bool = True) -> Base:
    """Return the base whose embedding is the unit vector of log(1 + count), (n, dimension).

    The logarithm keeps one repeated n-gram from ruling the rest; unit length makes long and
    short texts comparable. A text without any n-gram encodes to zeros.
    """
    step = CharNgrams(dimension=dimension, low=low, high=high, words=words)
    sketch = Sketch()
    logs = sketch.node("Log", sketch.node("Add", step.output, sketch.floats(1.0)))
    graph = sketch.finish(sketch.unit(logs), dimension, Preprocess((step,)))
    card = features_card("builtin/char-ngram", "text", dimension, 4 * dimension, dimension)
    return Base(card, graph)
