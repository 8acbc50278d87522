"""Signal features: fixed random convolution kernels, after MiniRocket.

Dempster, Schmidt, Webb (2021), "MiniRocket: a very fast (almost) deterministic transform for
time series classification", KDD; arXiv:2012.08791.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from twoloops.digital.base import Base
from twoloops.digital.features.card import features_card
from twoloops.digital.graphs import Sketch
from twoloops.records.preprocess import Preprocess, Window

LENGTH = 9
KERNELS = 84
MODE = "ref"
Q = 3
RAMP = 2.0
DIL = 4

def kernels() -> NDArray[np.float32]:
    out = np.full((KERNELS, LENGTH), -1.0, dtype=np.float32)
    for row, chosen in enumerate(combinations(range(LENGTH), 3)):
        out[row, chosen] = 2.0
    return out

def dilations(samples: int, most: int) -> list[int]:
    largest = max(1.0, (samples - 1) / (LENGTH - 1))
    return sorted({int(d) for d in np.geomspace(1.0, largest, most)})

def subsets(rng: np.random.Generator, channels: int) -> NDArray[np.float32]:
    out = np.zeros((KERNELS, channels), dtype=np.float32)
    limit = np.log2(min(channels, LENGTH) + 1)
    for row in range(KERNELS):
        size = int(2 ** rng.uniform(0, limit))
        out[row, rng.choice(channels, max(1, min(size, channels)), replace=False)] = 1 / np.sqrt(size)
    return out

def noise(rng, channels, samples, rows=32):
    """noises of colours white to brown."""
    f = np.fft.rfftfreq(samples); f[0] = f[1] if samples > 1 else 1
    x = rng.standard_normal((rows, channels, samples))
    a = np.linspace(0, 2, rows)[:, None, None]
    y = np.fft.irfft(np.fft.rfft(x) * f ** (-a / 2), n=samples)
    y -= y.mean(-1, keepdims=True)
    return (y / np.maximum(y.std(-1, keepdims=True), 1e-6)).astype("f4")

def conv(x, w, d):
    from numpy.lib.stride_tricks import sliding_window_view
    pad = d * (LENGTH - 1) // 2
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad)))
    out = 0
    for k in range(LENGTH):
        out = out + np.einsum("ncs,oc->nos", xp[:, :, k * d : k * d + x.shape[2]], w[:, :, k])
    return out

def minirocket(channels: int, samples: int, large: bool = False) -> Base:
    rng = np.random.Generator(np.random.PCG64(20120881))
    s = Sketch(); step = Window(channels, samples)
    mean = s.node("ReduceMean", step.output, axes=[2], keepdims=1)
    c = s.node("Sub", step.output, mean)
    dev = s.node("Sqrt", s.node("ReduceMean", s.node("Mul", c, c), axes=[2], keepdims=1))
    z = s.node("Div", c, s.node("Max", dev, s.floats(1e-6)))
    ref = noise(rng, channels, samples)
    groups = []; dim = 0
    for d in dilations(samples, DIL):
        w = (kernels()[:, None, :] * subsets(rng, channels)[:, :, None]).astype("f4")
        pad = d * (LENGTH - 1) // 2
        y = s.node("Conv", z, s.constant(w), dilations=[d], pads=[pad, pad])
        r = conv(ref, w, d)
        if MODE == "self":
            rms = s.node("Sqrt", s.node("ReduceMean", s.node("Mul", y, y), axes=[2], keepdims=1))
            rms = s.node("Max", rms, s.floats(1e-4))
            groups.append(s.node("Unsqueeze", s.node("Log", rms), s.ints(3))); dim += KERNELS
            y = s.node("Div", y, rms)
            r = r / np.sqrt((r**2).mean(-1, keepdims=True))
        qs = (np.arange(Q)[None] + rng.uniform(0, 1, (KERNELS, 1))) / Q
        b = np.stack([np.quantile(r[:, k], qs[k]) for k in range(KERNELS)])  # K,Q
        y4 = s.node("Sub", s.node("Unsqueeze", y, s.ints(2)), s.constant(b[None, :, :, None].astype("f4")))
        p = s.node("HardSigmoid", y4, alpha=RAMP, beta=0.5)
        groups.append(s.node("ReduceMean", p, axes=[3], keepdims=1)); dim += KERNELS * Q
    flat = [s.node("Reshape", g, s.ints(0, -1)) for g in groups]
    g = s.finish(s.node("Concat", *flat, axis=1) if len(flat) > 1 else flat[0], dim, Preprocess((step,)))
    return Base(features_card("builtin/minirocket", "signal", dim, 1), g)
