"""The built-in signal base: statistics and random kernels side by side."""

from twoloops.digital.base import Base
from twoloops.digital.concatenate import concatenate
from twoloops.digital.features.minirocket import minirocket
from twoloops.digital.features.statistics import statistics


def signal_features(channels: int, samples: int) -> Base:
    """Return statistics and random kernels of windows (n, channels, samples), concatenated."""
    return concatenate([statistics(channels, samples), minirocket(channels, samples)])
