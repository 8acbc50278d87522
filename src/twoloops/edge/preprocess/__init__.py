"""Raw input bytes → the named tensors of a graph, as its preprocess record says.

Law: a step's rows do not depend on the other rows, save for padding masked by
`attention_mask`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from twoloops.edge.preprocess.image import open_image, pictures
from twoloops.edge.preprocess.signal import read_window, windows
from twoloops.edge.preprocess.text import char_ngram_counts, decode_text
from twoloops.edge.preprocess.wordpiece import wordpiece_tensors
from twoloops.records.digests import Digest
from twoloops.records.preprocess import CharNgrams, Picture, Preprocess, Window
from twoloops.records.task import Kind


def prepare(
    preprocess: Preprocess, assets: Mapping[Digest, str], inputs: Sequence[bytes]
) -> dict[str, NDArray[Any]]:
    """Return every tensor the steps make, by name; the first axis is the input's index.

    Raises:
        UserError: When an input cannot be read (see `check_input`).
    """
    tensors: dict[str, NDArray[Any]] = {}
    for step in preprocess.steps:
        if isinstance(step, CharNgrams):
            tensors[step.output] = char_ngram_counts(step, inputs)
        elif isinstance(step, Window):
            tensors[step.output] = windows(step, inputs)
        elif isinstance(step, Picture):
            tensors[step.output] = pictures(step, inputs)
        else:
            tensors |= wordpiece_tensors(step, assets, inputs)
    return tensors


def check_input(kind: Kind, data: bytes, shape: tuple[int, int] | None = None) -> None:
    """Say whether an input can be used at all.

    Args:
        kind: The task's kind of input.
        data: The raw bytes.
        shape: (channels, samples) that a signal must have, if it is fixed.

    Raises:
        UserError: One sentence: what was got and what is expected.
    """
    if kind == "text":
        decode_text(data)
    elif kind == "signal":
        read_window(data, shape)
    else:
        open_image(data)
