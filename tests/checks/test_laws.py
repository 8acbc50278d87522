"""A law that nothing breaks says nothing: sources and sinks that are wrong, each in one way."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twoloops.checks import check_sink, check_source
from twoloops.edge.ports import Line, Sink, Source, Verdict
from twoloops.edge.sources import Arrival
from twoloops.records.errors import TransientError

PAIR = 8


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twoloops.checks.sources.AGAIN", 0.05)


def lay(folder: Path, inputs: Sequence[bytes]) -> None:
    (folder / "in").write_bytes(b"\n".join(inputs))


class Lines:
    """A right source; what is wrong with another one is one method of it."""

    name = "lines"

    def __init__(self, folder: Path) -> None:
        self.texts = [one for one in (folder / "in").read_bytes().split(b"\n") if one]

    def begin(self, line: Line) -> int:
        return line.taken(self.name) or 0

    def mark(self, number: int) -> int:
        return number + 1

    def run(self, line: Line, stop: threading.Event) -> None:
        at = self.begin(line)
        while at < len(self.texts) and not stop.is_set():
            part = range(at, min(at + PAIR, len(self.texts)))
            try:
                line.observe(
                    [str(n) for n in part],
                    [Arrival(self.texts[n], datetime(2026, 1, 2, tzinfo=UTC), "x") for n in part],
                    [(self.name, self.mark(n)) for n in part],
                )
            except TransientError:
                self.again(stop)
                continue
            at = part.stop
        self.end(line, stop)

    def again(self, stop: threading.Event) -> None:
        stop.wait(0.001)

    def end(self, line: Line, stop: threading.Event) -> None:
        pass


class BeginsAnew(Lines):
    def begin(self, line: Line) -> int:
        return 0


class SkipsOne(Lines):
    def begin(self, line: Line) -> int:
        return super().begin(line) + 1


class CountsAnew(Lines):
    """Its marks begin at 1 in each life, so they say nothing after the second."""

    def mark(self, number: int) -> int:
        self.first = getattr(self, "first", number)
        return number - self.first + 1


class GivesUp(Lines):
    def again(self, stop: threading.Event) -> None:
        self.texts = []


class StopsAtABadOne(Lines):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if bad := [n for n, text in enumerate(self.texts) if b"\xff" in text]:
            self.texts = self.texts[: bad[0]]


class NeverStops(Lines):
    def end(self, line: Line, stop: threading.Event) -> None:
        time.sleep(1.5)


class Stubborn(Lines):
    def again(self, stop: threading.Event) -> None:
        time.sleep(0.01)
        stop.clear()


class Raises(Lines):
    def end(self, line: Line, stop: threading.Event) -> None:
        raise KeyError("a bug")


class LeavesAThread(Lines):
    def end(self, line: Line, stop: threading.Event) -> None:
        def late() -> None:
            time.sleep(0.02)
            line.observe(["x"], [Arrival(b"late", datetime(2026, 1, 2, tzinfo=UTC), "x")], [])

        threading.Thread(target=late, daemon=True).start()


def broken_laws(make: Callable[[Path], Source], seconds: float = 20.0) -> set[str]:
    return failed(check_source(make, lay=lay, seconds=seconds))


def failed(laws: list[Callable[[], None]]) -> set[str]:
    broken = set()
    for law in laws:
        try:
            law()
        except AssertionError:
            broken.add(law.__name__)
    return broken


def test_a_right_source_breaks_none() -> None:
    assert broken_laws(Lines) == set()


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (BeginsAnew, "a_crash_after_inputs_are_durable_repeats_none"),
        (SkipsOne, "each_input_is_handed_in_once"),
        (CountsAnew, "a_mark_stands_for_one_input"),
        (GivesUp, "what_cannot_be_kept_now_is_handed_in_again"),
        (StopsAtABadOne, "one_bad_input_stops_none_of_the_others"),
        (Raises, "each_input_is_handed_in_once"),
    ],
)
def test_a_wrong_source_breaks_the_law_that_speaks_of_it(wrong, law) -> None:
    assert law in broken_laws(wrong)


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (NeverStops, "it_stops_when_asked"),
        (Stubborn, "it_stops_while_nothing_can_be_kept"),
        (LeavesAThread, "it_is_silent_after_its_end"),
    ],
)
def test_one_that_does_not_end_breaks_the_law_about_ends(wrong, law) -> None:
    (one,) = [one for one in check_source(wrong, lay=lay, seconds=0.3) if one.__name__ == law]
    assert failed([one]) == {law}


class Remembering:
    """A right sink: told is what was put."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def put(self, verdict: Verdict) -> None:
        self.told.append(verdict.key)

    def close(self) -> None:
        pass


class Forgets(Remembering):
    def put(self, verdict: Verdict) -> None:
        if not verdict.key.endswith("7"):
            super().put(verdict)


class TellsOnce(Remembering):
    """Stops at the first failure that it sees anywhere."""

    def put(self, verdict: Verdict) -> None:
        if self.told:
            raise RuntimeError("no more")
        super().put(verdict)


class ClosesOnce(Remembering):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True


class WaitsForEver(Remembering):
    closed = False

    def put(self, verdict: Verdict) -> None:
        if self.closed:
            time.sleep(1.5)
        super().put(verdict)

    def close(self) -> None:
        self.closed = True


class Loses(Remembering):
    """Reads, waits, writes: two threads take the same place."""

    def put(self, verdict: Verdict) -> None:
        before = list(self.told)
        time.sleep(0.0001)
        self.told[:] = [*before, verdict.key]


def broken_by(wrong: type[Remembering], *, away: bool = False, seconds: float = 0.3) -> set[str]:
    told: dict[Path, list[str]] = {}

    def make(folder: Path) -> Sink:
        return wrong(told.setdefault(folder, []))

    laws = check_sink(
        make,
        told=lambda folder: told.get(folder, []),
        away=make if away else None,
        seconds=seconds,
    )
    return failed(laws)


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (Forgets, "what_is_put_is_told"),
        (TellsOnce, "one_that_raises_beside_it_stops_nothing"),
        (ClosesOnce, "closing_twice_is_closing_once"),
        (WaitsForEver, "a_put_after_closing_returns"),
        (Loses, "threads_do_not_disturb_each_other"),
    ],
)
def test_a_wrong_sink_breaks_the_law_that_speaks_of_it(wrong, law) -> None:
    assert law in broken_by(wrong)


def test_a_right_sink_breaks_none_and_a_slow_one_that_of_an_absent_receiver() -> None:
    assert broken_by(Remembering, away=True, seconds=5) == set()

    class Slow(Remembering):
        def put(self, verdict: Verdict) -> None:
            time.sleep(0.01)

    assert "a_receiver_that_is_away_stops_nothing" in broken_by(Slow, away=True, seconds=0.1)


def test_every_law_is_a_function_with_a_sentence_for_a_name() -> None:
    laws = check_source(Lines, lay=lay) + check_sink(lambda f: Remembering([]), told=lambda f: [])
    assert len({law.__name__ for law in laws}) == len(laws) == 14
    assert all(law.__doc__ for law in laws)
    with pytest.raises(ValueError, match="one of lay= and push="):
        check_source(Lines)
    with pytest.raises(ValueError, match="all different"):
        check_source(Lines, lay=lay, good=[b"x"] * 9)
