"""The built-in signal base: statistics and random kernels side by side."""

from twoloops.digital.base import Base
from twoloops.digital.concatenate import concatenate
from twoloops.digital.features.minirocket import minirocket
from twoloops.digital.features.statistics import statistics


def signal_features(channels: int, samples: int, *, large: bool = False) -> Base:
    """Return statistics and random kernels of windows (n, channels, samples), concatenated.

    Args:
        channels: Channels of a window.
        samples: Samples of a window.
        large: Use all 84 kernels instead of 21.
    """
    return concatenate([statistics(channels, samples), minirocket(channels, samples, large=large)])
