"""Image features: what edges, bars and grain a picture has, and how they go together."""

import numpy as np
from numpy.typing import NDArray

from twoloops.digital.base import Base
from twoloops.digital.features.card import features_card
from twoloops.digital.graphs import Sketch
from twoloops.records.preprocess import Picture, Preprocess

SIZE = 128
LEVELS = 3
ORIENTATIONS = 8
REACH = 3
# Rec. 601 luma, the grey of ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)
SHADES = 8
# Energies are about 0.03 for a picture in [0, 1]; logarithms are taken relative to it, so that
# they scatter around zero.
TYPICAL = 0.03
FLOOR = 1e-3
# A neighbour 1/120 brighter than its centre counts as brighter in full.
CONTRAST = 60.0
NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def texture() -> Base:
    """Return the base of fixed image filters: pictures → unit vectors (n, dimension).

    On the grey picture and its halves and quarters: the energy of 8 orientations (an edge and a
    bar filter in quadrature, as Gabor pairs are), its mean, deviation and the correlations
    between orientations; bright and dark bars; and the correlations of the 8 neighbours'
    contrasts (smooth local binary patterns). Besides: mean and deviation of each colour and a
    coarse histogram of grey. Positions are not kept: a defect counts wherever it is.
    """
    bank = _Bank()
    step = Picture(SIZE, SIZE)
    bank.colours(step.output)
    luma = np.array(LUMA, dtype=np.float32).reshape(1, 3, 1, 1)
    picture = bank.sketch.node("Conv", step.output, bank.sketch.constant(luma))
    bank.shades(picture)
    operations = 0
    for level in range(LEVELS):
        side = SIZE >> level
        if level:
            half = {"kernel_shape": [2, 2], "strides": [2, 2]}
            picture = bank.sketch.node("AveragePool", picture, **half)
        bank.orientations(picture, side)
        bank.neighbours(picture, side)
        operations += side * side * (2 * ORIENTATIONS * (2 * REACH + 1) ** 2 + 8 * 9)
    embedding = bank.sketch.unit(bank.sketch.node("Concat", *bank.groups, axis=1))
    card = features_card("builtin/texture", "image", bank.dimension, operations)
    return Base(card, bank.sketch.finish(embedding, bank.dimension, Preprocess((step,))))


def filters() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return edge and bar filters, each (8, 1, 7, 7), of absolute sum 1.

    First and second derivative of a Gaussian of deviation 1 across and √2 along the orientation
    (Freeman and Adelson 1991).
    """
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(np.float64)
    edges, bars = [], []
    for index in range(ORIENTATIONS):
        angle = np.pi * index / ORIENTATIONS
        across = x * np.cos(angle) + y * np.sin(angle)
        along = -x * np.sin(angle) + y * np.cos(angle)
        bell = np.exp(-(across**2) / 2 - along**2 / 4)
        edge = across * bell
        bar = (across**2 - 1) * bell
        bar -= bar.mean()
        edges.append(edge / np.abs(edge).sum())
        bars.append(bar / np.abs(bar).sum())
    return _kernels(edges), _kernels(bars)


class _Bank:
    """Collects groups of features, each (n, k)."""

    def __init__(self) -> None:
        self.sketch = Sketch()
        self.groups: list[str] = []
        self.dimension = 0
        self._edges, self._bars = (self.sketch.constant(kernel) for kernel in filters())

    def colours(self, picture: str) -> None:
        """Mean and deviation of each colour."""
        mean, _, deviation = self._spread(picture)
        self._add(mean, 3)
        self._add(deviation, 3)

    def shades(self, grey: str) -> None:
        """Share of the picture brighter than each of 7 shades, with soft steps."""
        shades = np.linspace(0, 1, SHADES + 1)[1:-1].astype(np.float32).reshape(1, -1, 1, 1)
        above = self.sketch.node("Sub", grey, self.sketch.constant(shades))
        share = self.sketch.node("HardSigmoid", above, alpha=float(SHADES), beta=0.5)
        self._add(self._mean(share), SHADES - 1)

    def orientations(self, grey: str, side: int) -> None:
        """Energies, their correlations, and bright and dark bars; 8 orientations."""
        sketch = self.sketch
        edge = [0, 0, REACH, REACH]
        padded = sketch.node("Pad", grey, sketch.ints(*edge, *edge), mode="reflect")
        odd = sketch.node("Conv", padded, self._edges)
        even = sketch.node("Conv", padded, self._bars)
        power = sketch.node("Add", sketch.node("Mul", odd, odd), sketch.node("Mul", even, even))
        energy = sketch.node("Sqrt", power)
        mean, centred, deviation = self._spread(energy)
        self._add(self._log(mean), ORIENTATIONS)
        self._add(self._log(deviation), ORIENTATIONS)
        safe = sketch.node("Add", deviation, sketch.floats(FLOOR))
        self._products(sketch.node("Div", centred, safe), ORIENTATIONS, side * side, skip=1)
        for bars in (even, sketch.node("Neg", even)):
            self._add(self._log(self._mean(sketch.node("Relu", bars))), ORIENTATIONS)

    def neighbours(self, grey: str, side: int) -> None:
        """Which neighbours are brighter than the centre, and which are so together."""
        kernel = np.zeros((8, 1, 3, 3), dtype=np.float32)
        kernel[:, 0, 1, 1] = -1
        for index, (down, right) in enumerate(NEIGHBOURS):
            kernel[index, 0, 1 + down, 1 + right] = 1
        sketch = self.sketch
        contrast = sketch.node("Conv", grey, sketch.constant(kernel))
        brighter = sketch.node("HardSigmoid", contrast, alpha=CONTRAST, beta=0.5)
        signed = sketch.node("Sub", brighter, sketch.floats(0.5))
        self._products(signed, 8, (side - 2) ** 2, skip=0)
        self._add(self._mean(signed), 8)

    def _products(self, maps: str, count: int, pixels: int, skip: int) -> None:
        """Mean products of pairs of maps; `skip` = 1 leaves out each map with itself."""
        sketch = self.sketch
        flat = sketch.node("Reshape", maps, sketch.ints(0, count, pixels))
        products = sketch.node("MatMul", flat, sketch.node("Transpose", flat, perm=[0, 2, 1]))
        means = sketch.node("Div", products, sketch.floats(float(pixels)))
        rows, columns = np.triu_indices(count, skip)
        table = sketch.node("Reshape", means, sketch.ints(0, count * count))
        chosen = sketch.ints(*(rows * count + columns))
        self._add(sketch.node("Gather", table, chosen, axis=1), len(rows))

    def _spread(self, value: str) -> tuple[str, str, str]:
        mean = self._mean(value)
        centred = self.sketch.node("Sub", value, mean)
        square = self.sketch.node("Mul", centred, centred)
        return mean, centred, self.sketch.node("Sqrt", self._mean(square))

    def _mean(self, value: str) -> str:
        return self.sketch.node("ReduceMean", value, axes=[2, 3], keepdims=1)

    def _log(self, value: str) -> str:
        raised = self.sketch.node("Add", value, self.sketch.floats(FLOOR))
        relative = self.sketch.node("Div", raised, self.sketch.floats(TYPICAL))
        return self.sketch.node("Log", relative)

    def _add(self, value: str, width: int) -> None:
        self.groups.append(self.sketch.node("Reshape", value, self.sketch.ints(0, width)))
        self.dimension += width


def _kernels(kernels: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    return np.stack(kernels)[:, None].astype(np.float32)
