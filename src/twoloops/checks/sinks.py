"""What every sink must do, each law a function."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from twoloops.checks.laws import Law, bound
from twoloops.checks.laws import folder as empty
from twoloops.checks.line import opened
from twoloops.checks.sources import LOOK, TEXTS
from twoloops.edge.ports import Sink, Verdict
from twoloops.edge.sources import Arrival
from twoloops.records.observation import Decision

COUNT = 50
THREADS = 4
AT = datetime(2026, 1, 2, tzinfo=UTC)


class Case(NamedTuple):
    """A sink under test; the fields are the arguments of `check_sink`."""

    make: Callable[[Path], Sink]
    told: Callable[[Path], Sequence[str]]
    away: Callable[[Path], Sink] | None
    seconds: float


def check_sink(
    make: Callable[[Path], Sink],
    *,
    told: Callable[[Path], Sequence[str]],
    away: Callable[[Path], Sink] | None = None,
    seconds: float = 20.0,
) -> list[Law]:
    """Return the laws of a sink; call each.

    Args:
        make: Returns the sink of a folder, which is empty at first.
        told: Returns the keys of all verdicts that arrived from the sinks of that folder.
        away: Returns a sink whose receiver is not there, where there is such a thing.
        seconds: How long a step may take.
    """
    case = Case(make, told, away, seconds)
    laws = [
        what_is_put_is_told,
        threads_do_not_disturb_each_other,
        closing_twice_is_closing_once,
        a_put_after_closing_returns,
        one_that_raises_beside_it_stops_nothing,
    ]
    if away is not None:
        laws.append(a_receiver_that_is_away_stops_nothing)
    return [bound(law, case) for law in laws]


def what_is_put_is_told(case: Case) -> None:
    """Of n verdicts n arrive, in the order in which one thread put them."""
    keys = [f"input {number}" for number in range(COUNT)]
    with empty() as folder:
        sink = case.make(folder)
        for key in keys:
            sink.put(verdict(key))
        sink.close()
        assert _arrived(case, folder, COUNT) == keys


def threads_do_not_disturb_each_other(case: Case) -> None:
    """Verdicts of several threads all arrive, whole."""
    keys = [[f"{thread}.{number}" for number in range(COUNT)] for thread in range(THREADS)]
    with empty() as folder:
        sink = case.make(folder)

        def work(mine: list[str]) -> None:
            for key in mine:
                with contextlib.suppress(Exception):  # it is missing below, then
                    sink.put(verdict(key))

        threads = [threading.Thread(target=work, args=(mine,), daemon=True) for mine in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(case.seconds)
        sink.close()
        expected = sorted(key for mine in keys for key in mine)
        assert sorted(_arrived(case, folder, len(expected))) == expected


def closing_twice_is_closing_once(case: Case) -> None:
    """A second `close` does nothing."""
    with empty() as folder:
        sink = case.make(folder)
        sink.put(verdict("one"))
        _within(case, sink.close, "close()")
        _within(case, sink.close, "a second close()")
        assert _arrived(case, folder, 1) == ["one"]


def a_put_after_closing_returns(case: Case) -> None:
    """It may raise an `Exception`; it must not wait, or end the process."""
    with empty() as folder:
        sink = case.make(folder)
        sink.close()

        def late() -> None:
            with contextlib.suppress(Exception):
                sink.put(verdict("late"))

        _within(case, late, "put() after close()")


def one_that_raises_beside_it_stops_nothing(case: Case) -> None:
    """On an edge, another sink that raises hides no verdict from it."""

    class Raises:
        def put(self, verdict: Verdict) -> None:
            raise RuntimeError("as it was told to")

        def close(self) -> None:
            pass

    keys = [f"input {number}" for number in range(5)]
    with empty() as folder:
        sink = case.make(folder)
        with opened(folder, TEXTS, [Raises(), sink, Raises()]) as line:
            for key in keys:
                line.observe([key], [Arrival(key.encode(), AT, "checked")], [(key, 1)])
        sink.close()
        assert _arrived(case, folder, len(keys)) == keys


def a_receiver_that_is_away_stops_nothing(case: Case) -> None:
    """`put` returns, or raises, and `close` returns, although nobody takes anything."""
    assert case.away is not None
    with empty() as folder:
        sink = case.away(folder)

        def tell() -> None:
            for number in range(COUNT):
                with contextlib.suppress(Exception):
                    sink.put(verdict(str(number)))

        _within(case, tell, f"{COUNT} times put()")
        _within(case, sink.close, "close()")


def verdict(key: str) -> Verdict:
    """Return a verdict of an input."""
    decision = Decision("leak", (0.9, 0.1), "sha256:0", 0.5, 0.0)
    return Verdict(key, AT, "leak", decision, "checked/0/1")


def _within(case: Case, work: Callable[[], None], what: str) -> None:
    failure: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # told below, in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name="checked", daemon=True)
    thread.start()
    thread.join(case.seconds)
    assert not thread.is_alive(), f"{what} did not return within {case.seconds} s"
    if failure:
        raise AssertionError(f"{what} raised {failure[0]!r}") from failure[0]


def _arrived(case: Case, folder: Path, count: int) -> list[str]:
    """Return what arrived, once it is so much, or when no more time is left."""
    end = time.monotonic() + case.seconds
    while len(found := list(case.told(folder))) < count and time.monotonic() < end:
        time.sleep(LOOK)
    return found
