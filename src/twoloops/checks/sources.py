"""What every source must do, each law a function; on a real spool in a folder of its own."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from twoloops.checks.laws import Law, bound
from twoloops.checks.laws import folder as empty
from twoloops.checks.line import CheckedLine, Crash, opened
from twoloops.edge.ports import Source
from twoloops.records.task import Task

LOOK = 0.005
SHOWN = 60
"""Bytes of an input in a message."""
AGAIN = 0.3
"""Seconds a second run is watched for inputs that it hands in although they were taken."""
TEXTS = Task("checked", "text", ("leak", "ok"), normal="ok", latency_budget_ms=10_000)
GOOD = tuple(f"hose {number} leaks".encode() for number in range(40))
BAD = b"\xff\xfe no UTF-8"


class Case(NamedTuple):
    """A source under test; the fields are the arguments of `check_source`."""

    make: Callable[[Path], Source]
    lay: Callable[[Path, Sequence[bytes]], None]
    push: Callable[[Source, Sequence[bytes]], None]
    task: Task
    good: tuple[bytes, ...]
    bad: bytes | None
    seconds: float


def check_source(
    make: Callable[[Path], Source],
    *,
    lay: Callable[[Path, Sequence[bytes]], None] | None = None,
    push: Callable[[Source, Sequence[bytes]], None] | None = None,
    task: Task = TEXTS,
    good: Sequence[bytes] = GOOD,
    bad: bytes | None = BAD,
    seconds: float = 20.0,
) -> list[Law]:
    """Return the laws of a source; call each.

    Args:
        make: Returns the source of a folder, anew each time, as after a restart.
        lay: Puts inputs where the source of that folder finds them, before it runs. Only such a
            source can be asked what it does after a crash.
        push: Hands inputs to a running source, for one that is asked by others. One of the two
            is needed.
        task: What the source is told the task is; `good` and `bad` are its inputs.
        good: Inputs that can be used, all different; more than the source hands in at once, or
            the laws about a second time say little.
        bad: One that cannot; `None` where the source can bring none.
        seconds: How long a step may take.

    Raises:
        ValueError: Neither or both of `lay` and `push`, or inputs that are not all different.
    """
    if (lay is None) == (push is None):
        raise ValueError("give check_source one of lay= and push=")
    if len(set(good)) != len(good) or len(good) < 4:
        raise ValueError("give check_source at least 4 good inputs, all different")
    case = Case(make, lay or _nothing, push or _nothing, task, tuple(good), bad, seconds)
    laws = [each_input_is_handed_in_once, it_stops_when_asked, it_is_silent_after_its_end]
    if bad is not None:
        laws.append(one_bad_input_stops_none_of_the_others)
    if lay is not None:
        laws += [
            what_cannot_be_kept_now_is_handed_in_again,
            a_crash_before_inputs_are_durable_loses_none,
            a_crash_after_inputs_are_durable_repeats_none,
            a_mark_stands_for_one_input,
            it_stops_while_nothing_can_be_kept,
        ]
    return [bound(law, case) for law in laws]


def each_input_is_handed_in_once(case: Case) -> None:
    """All inputs are stored, and a second run stores none again."""
    with empty() as folder:
        case.lay(folder, case.good)
        _run_until_stored(case, folder, case.good)
        _assert_stored_once(case, folder)


def one_bad_input_stops_none_of_the_others(case: Case) -> None:
    """An input that cannot be used is left out, and what comes behind it is stored."""
    assert case.bad is not None
    middle = len(case.good) // 2
    inputs = (*case.good[:middle], case.bad, *case.good[middle:])
    with empty() as folder:
        case.lay(folder, inputs)
        _run_until_stored(case, folder, inputs)
        _assert_stored_once(case, folder)


def it_stops_when_asked(case: Case) -> None:
    """`run` returns soon after `stop` is set, with nothing to do."""
    with empty() as folder:
        case.lay(folder, ())
        with opened(folder, case.task) as line, _running(case, folder, line):
            time.sleep(LOOK)


def it_stops_while_nothing_can_be_kept(case: Case) -> None:
    """`run` returns soon after `stop` is set, while every input is refused for now."""
    with empty() as folder:
        case.lay(folder, case.good)
        with opened(folder, case.task) as line:
            line.failing_always = True
            with _running(case, folder, line) as run:
                _wait(lambda: line.calls > 0 or run.ended, case.seconds)
            assert line.calls, "it never handed anything in"


def it_is_silent_after_its_end(case: Case) -> None:
    """Once `run` returned, nothing more is handed in."""
    with empty() as folder:
        case.lay(folder, case.good)
        with opened(folder, case.task) as line:
            with _running(case, folder, line) as run:
                case.push(run.source, case.good[:1])
                _wait(lambda: bool(line.stored()) or run.ended, case.seconds)
            calls, seen = line.calls, line.seen
            time.sleep(AGAIN)
            assert (line.calls, line.seen) == (calls, seen)


def what_cannot_be_kept_now_is_handed_in_again(case: Case) -> None:
    """After a `TransientError` the same inputs come again, each once."""
    with empty() as folder:
        case.lay(folder, case.good)
        with opened(folder, case.task) as line:
            line.fail(1, 2, 4)
            with _running(case, folder, line) as run:
                _wait(lambda: len(line.stored()) >= len(case.good) or run.ended, case.seconds)
        _assert_stored_once(case, folder)


def a_crash_before_inputs_are_durable_loses_none(case: Case) -> None:
    """Killed while it hands in, it hands in the same inputs after a restart."""
    _crash(case, durable=False)


def a_crash_after_inputs_are_durable_repeats_none(case: Case) -> None:
    """Killed before it could note that inputs were taken, it learns so from `taken`."""
    _crash(case, durable=True)


def a_mark_stands_for_one_input(case: Case) -> None:
    """The same mark is never handed in with another input, also after a crash."""
    with empty() as folder:
        case.lay(folder, case.good)
        before: dict[tuple[str, int], bytes] = {}
        for call in (2, 1, None):
            with opened(folder, case.task) as line:
                if call is not None:
                    line.crash_at(call, durable=call == 1)
                with _running(case, folder, line, crashes=call is not None) as run:
                    _wait(lambda: _is_done(case, line) or run.ended, case.seconds)
                differing = [m for m in line.marks if before.get(m, line.marks[m]) != line.marks[m]]
                assert not differing, f"these marks stood for two inputs: {differing}"
                before |= line.marks


class _Run:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.failure: BaseException | None = None
        self.ended = False

    def work(self, line: CheckedLine, stop: threading.Event) -> None:
        try:
            self.source.run(line, stop)
        except BaseException as error:  # a crash is meant, and anything else is told below
            self.failure = error
        self.ended = True


@contextlib.contextmanager
def _running(
    case: Case, folder: Path, line: CheckedLine, *, crashes: bool = False
) -> Iterator[_Run]:
    run, stop = _Run(case.make(folder)), threading.Event()
    thread = threading.Thread(target=run.work, args=(line, stop), name="checked", daemon=True)
    thread.start()
    try:
        yield run
    finally:
        stop.set()
        thread.join(case.seconds)
    assert not thread.is_alive(), f"run() did not return within {case.seconds} s of its stop"
    if isinstance(run.failure, Crash) and crashes:
        return
    if run.failure is not None:
        raise AssertionError(f"run() raised {run.failure!r}") from run.failure


def _run_until_stored(case: Case, folder: Path, inputs: Sequence[bytes]) -> None:
    with opened(folder, case.task) as line, _running(case, folder, line) as run:
        case.push(run.source, inputs)
        _wait(lambda: len(line.stored()) >= len(case.good) or run.ended, case.seconds)


def _crash(case: Case, *, durable: bool) -> None:
    with empty() as folder:
        case.lay(folder, case.good)
        for call in (1, 2):
            with opened(folder, case.task) as line:
                line.crash_at(call, durable=durable)
                with _running(case, folder, line, crashes=True) as run:
                    _wait(lambda: _is_done(case, line) or run.ended, case.seconds)
        with opened(folder, case.task) as line, _running(case, folder, line) as run:
            _wait(lambda: len(line.stored()) >= len(case.good) or run.ended, case.seconds)
        _assert_stored_once(case, folder)


def _is_done(case: Case, line: CheckedLine) -> bool:
    return len(line.stored()) >= len(case.good)


def _assert_stored_once(case: Case, folder: Path) -> None:
    """Each good input is stored once and nothing else, also after a second run has looked."""
    with opened(folder, case.task) as line:
        lost = Counter(case.good) - Counter(line.stored())
        assert not lost, f"lost: {_names(lost)}"
        with _running(case, folder, line) as run:
            _wait(lambda: run.ended, AGAIN)
        more = Counter(line.stored()) - Counter(case.good)
    assert not more, f"stored twice, or not to be stored: {_names(more)}"


def _names(inputs: Counter[bytes]) -> list[bytes]:
    return [data[:SHOWN] for data in sorted(inputs.elements())]


def _wait(until: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        time.sleep(LOOK)


def _nothing(*_: object) -> None:
    pass
