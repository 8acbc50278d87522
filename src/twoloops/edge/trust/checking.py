"""The self-test: a model is asked about golden inputs on this device before it may decide."""

import time
from collections.abc import Callable

import numpy as np

from twoloops.edge.runtime import Runtime
from twoloops.edge.trust.refusing import Refused
from twoloops.records.assignment import Golden
from twoloops.records.digests import short
from twoloops.records.errors import UserError


def self_test(
    data: bytes,
    golden: Golden,
    task: str,
    takt: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Runtime:
    """Load a model and ask it about golden inputs, one by one as the line does.

    Args:
        data: The model's file.
        golden: The inputs, and what the model must say.
        task: The task it must be for.
        takt: Seconds one decision may take; the median is held against it, so that one hiccup of
            the machine refuses nothing.
        clock: Seconds.

    Raises:
        Refused: It is another task's, does not load, answers otherwise, or is too slow.
    """
    try:
        runtime = Runtime(data)
    except Exception as error:  # whatever a file makes the engine do, the old model goes on
        raise Refused("self-test", f"the model does not load: {error}") from error
    name = short(runtime.digest)
    for what in (golden.task, runtime.card.task):
        if what != task:
            raise Refused(
                "wrong task", f"model {name} is for task {what!r}, and this device's is {task!r}"
            )
    if golden.model != runtime.digest or len(golden.inputs) != len(golden.probabilities):
        raise Refused("self-test", f"the golden inputs given are not those of model {name}")
    times, gap = [], 0.0
    for given, expected in zip(golden.inputs, golden.probabilities, strict=True):
        start = clock()
        try:
            said = runtime.run([given]).probabilities[0]
        except Exception as error:  # likewise
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            raise Refused(
                "self-test", f"model {name} fails on a golden input: {kind}{error}"
            ) from error
        times.append(clock() - start)
        if len(said) != len(expected):
            raise Refused("self-test", f"model {name} gives {len(said)} of {len(expected)} numbers")
        gap = max(gap, float(np.abs(said - np.asarray(expected)).max(initial=0.0)))
    if gap > golden.tolerance:
        raise Refused(
            "self-test",
            f"model {name} answers golden inputs otherwise here than where it was released (by "
            f"{gap:.2g}, {golden.tolerance:g} is allowed)",
        )
    if takt is not None and times and float(np.median(times)) > takt:
        raise Refused(
            "takt",
            f"model {name} takes {1000 * float(np.median(times)):.0f} ms for a decision here, and "
            f"the takt allows {1000 * takt:.0f} ms",
        )
    return runtime
