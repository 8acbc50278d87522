"""Windows of several channels: bring all to one number of samples, and say so."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from twoloops.records.errors import MissingExtraError


def common_length(lengths: Mapping[str, int]) -> int:
    """Return the number of samples that most channels have; of equals, the greater.

    >>> common_length({"pressure": 60, "temperature": 60, "flow": 600})
    60
    """
    counts = Counter(lengths.values())
    return max(counts, key=lambda length: (counts[length], length))


def stack(channels: Mapping[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], list[str]]:
    """Return windows float32 (n, channels, samples), and a sentence if some were resampled.

    A channel with another number of samples is resampled by a polyphase filter
    (`scipy.signal.resample_poly`, ends padded by a line), which filters before it thins out.

    Args:
        channels: (n, samples) by name; n is the same for all.

    Raises:
        MissingExtraError: A channel must be resampled and scipy is not installed.
    """
    lengths = {name: values.shape[1] for name, values in channels.items()}
    samples = common_length(lengths)
    changed = {name: length for name, length in lengths.items() if length != samples}
    parts = [
        _resample(values, samples) if name in changed else values
        for name, values in channels.items()
    ]
    notes = []
    if changed:
        named = ", ".join(f"{name} from {length}" for name, length in changed.items())
        notes.append(
            f"channels of another rate were resampled to {samples} samples a window: {named} "
            "(polyphase filter); an edge must send windows of that rate"
        )
    return np.stack(parts, axis=1).astype(np.float32), notes


def _resample(values: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    try:
        from scipy.signal import resample_poly
    except ImportError as error:
        raise MissingExtraError("resampling channels of another rate", "server") from error
    divisor = int(np.gcd(samples, values.shape[1]))
    up, down = samples // divisor, values.shape[1] // divisor
    resampled: NDArray[np.float32] = resample_poly(values, up, down, axis=1, padtype="line")
    # resample_poly rounds the length up.
    return resampled[:, :samples]
