"""The first run of an encoder, after it was vetted: does it do what a base must?"""

import io

import numpy as np
from numpy.typing import NDArray

from twoloops.edge.graph import Graph
from twoloops.records.errors import UserError
from twoloops.records.preprocess import Picture, Step, Window
from twoloops.records.task import Kind

TEXTS = (b"hydraulic hose leaking at the boom", b"ok", "Pumpe l\u00e4uft".encode(), b"word " * 400)


def samples(kind: Kind, step: Step) -> list[bytes]:
    """Return a few inputs of a kind, unlike one another, the same on every machine."""
    if kind == "text":
        return list(TEXTS)
    rng = np.random.default_rng(20_260)
    if isinstance(step, Window):
        shape = (step.channels, step.samples)
        return [_npy(rng.normal(size=shape).astype(np.float32)) for _ in range(3)]
    assert isinstance(step, Picture)
    sizes = ((48, 64), (step.height, step.width), (300, 20))
    return [_png(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in sizes]


def try_out(graph: bytes, kind: Kind, step: Step) -> int:
    """Run a base's graph on a few inputs; return the width of its embedding.

    Repeated runs must agree bit for bit, numbers must be finite, and unlike inputs must get
    unlike vectors.

    Raises:
        UserError: It does not run, or does otherwise.
    """
    inputs = samples(kind, step)
    try:
        runs = [Graph(graph).run(inputs)["embedding"] for _ in range(2)]
    except UserError:
        raise
    except Exception as error:  # onnxruntime's errors share no class of their own
        raise UserError(
            f"the encoder does not run on one input at a time ({str(error).splitlines()[0][:300]}):"
            " choose a file exported with a free batch size"
        ) from error
    first, second = runs
    if first.ndim != 2 or len(first) != len(inputs) or not first.shape[1]:
        raise UserError(f"the encoder gives {first.shape}: ({len(inputs)}, width) was expected")
    if not np.isfinite(first).all():
        raise UserError("the encoder gives numbers that are not finite: choose another file")
    if first.tobytes() != second.tobytes():
        raise UserError("the encoder answers the same input differently: it cannot be judged")
    if float(np.ptp(first, axis=0).max()) == 0:
        raise UserError("the encoder gives every input the same vector: choose another file")
    return int(first.shape[1])


def _npy(window: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, window)
    return file.getvalue()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
