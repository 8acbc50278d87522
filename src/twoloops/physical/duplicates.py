"""Which inputs belong together, so that no split or fold tears them apart.

Laws: belonging together is an equivalence relation; the groups depend on the inputs and
origins alone, not on their order; equal inputs are of one group.
"""

import hashlib
import io
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twoloops.edge.preprocess.image import open_image
from twoloops.records.task import Kind

HAMMING = 4
"""Two images whose 64-bit difference hashes differ in at most so many bits belong together."""


class Signature(NamedTuple):
    """What near duplicates have in common: a key of the content, and a hash of an image."""

    key: str
    hash: int | None = None


def signature(kind: Kind, data: bytes) -> Signature:
    """Return the signature of an input.

    Raises:
        UserError: An image cannot be read.
    """
    key = _digest(_CONTENT[kind](data))
    return Signature(key, difference_hash(data) if kind == "image" else None)


def groups(kind: Kind, inputs: Sequence[bytes], origins: Sequence[str | None]) -> list[str]:
    """Return each input's group: exact and near duplicates and items of one origin share it.

    Near duplicates are: texts equal but for case, punctuation and white space; images whose
    difference hashes differ in at most `HAMMING` bits; signals equal when rounded to a
    thousandth of each channel's deviation. A group is named by the smallest digest in it.

    Args:
        kind: Kind of input.
        inputs: Raw bytes.
        origins: Origin of each input, or `None`.

    Raises:
        UserError: An image cannot be read.
    """
    return group([signature(kind, data) for data in inputs], origins)


def group(signatures: Sequence[Signature], origins: Sequence[str | None]) -> list[str]:
    """Return the groups of inputs given by their signatures; see `groups`."""
    sets = _Sets(len(signatures))
    for members in ([one.key for one in signatures], list(origins)):
        first: dict[str, int] = {}
        for i, key in enumerate(members):
            if key is not None:
                sets.join(first.setdefault(key, i), i)
    hashed = [i for i, one in enumerate(signatures) if one.hash is not None]
    hashes = np.array([signatures[i].hash for i in hashed], np.uint64)
    for i, j in near_images(hashes):
        sets.join(hashed[i], hashed[j])
    names: dict[int, str] = {}
    for i, one in enumerate(signatures):
        root = sets.root(i)
        names[root] = min(names.get(root, one.key), one.key)
    return [names[sets.root(i)] for i in range(len(signatures))]


def normal_text(data: bytes) -> bytes:
    """Return a text without case, punctuation and extra white space; digits are kept.

    >>> normal_text("L/H  Bucket cyl. LEAKING!".encode())
    b'l h bucket cyl leaking'
    """
    text = unicodedata.normalize("NFKC", data.decode("utf-8", "replace")).casefold()
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    # A text of punctuation alone is only like itself.
    return " ".join(words).encode() or data


def rounded_signal(data: bytes) -> bytes:
    """Return a window rounded to a thousandth of each channel's deviation (a power of ten).

    A constant channel is kept as it is. What is no window is kept as it is, too.
    """
    try:
        window = np.load(io.BytesIO(data), allow_pickle=False).astype(np.float64)
    except (ValueError, OSError, EOFError):
        return data
    deviation = window.std(axis=-1, keepdims=True)
    constant = ~(deviation > 1e-6 * np.abs(window).max(axis=-1, keepdims=True, initial=0.0))
    step = 10.0 ** (np.floor(np.log10(np.where(constant, 1.0, deviation))) - 2)
    rounded = np.where(constant, window, np.round(window / step) * step)
    # Adding zero turns -0.0 into 0.0, whose bytes differ.
    content: bytes = (rounded.astype(np.float32) + np.float32(0)).tobytes()
    return repr(window.shape).encode() + content


def difference_hash(data: bytes) -> int:
    """Return the 64-bit difference hash: is a pixel of the 9 × 8 thumbnail darker than the next?

    Source: N. Krawetz, "Kind of like that", 2013.

    Raises:
        UserError: It is no readable image.
    """
    thumbnail = open_image(data).convert("L").resize((9, 8), Image.Resampling.LANCZOS)
    pixels = np.asarray(thumbnail, dtype=np.int16)
    bits = (pixels[:, 1:] > pixels[:, :-1]).reshape(-1)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_images(hashes: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Yield the pairs i < j whose hashes differ in at most `HAMMING` bits."""
    for i in range(len(hashes) - 1):
        distances = np.bitwise_count(hashes[i + 1 :] ^ hashes[i])
        for j in np.flatnonzero(distances <= HAMMING):
            yield i, i + 1 + int(j)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


_CONTENT: dict[Kind, Callable[[bytes], bytes]] = {
    "text": normal_text,
    "signal": rounded_signal,
    "image": lambda data: data,
}


class _Sets:
    """Disjoint sets of 0 … n−1 (Tarjan's union–find with path halving)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, i: int) -> int:
        parent = self._parent
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        i, j = self.root(i), self.root(j)
        self._parent[max(i, j)] = min(i, j)
