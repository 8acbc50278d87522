"""A group is handed in until all of it is kept, and what is kept already is not handed in again."""

import threading
from datetime import UTC, datetime

import pytest

from twoloops.edge.adapters.handing import Group, hand_in
from twoloops.edge.agent import Tally
from twoloops.edge.sources import Arrival
from twoloops.records.errors import TransientError
from twoloops.records.task import Task


class Partly:
    """A line that keeps so many inputs of each call, and fails where more come."""

    task = Task("orders", "text", ("leak", "ok"))

    def __init__(self, *most: int) -> None:
        self.most, self.kept, self.marks = list(most), [], {}
        self.unknown = 1

    def observe(self, keys, arrivals, marks) -> Tally:
        most = self.most.pop(0) if self.most else len(keys)
        for key, (name, number) in list(zip(keys, marks, strict=True))[:most]:
            self.kept.append(key)
            self.marks[name] = number
        if most < len(keys):
            raise TransientError("the disk is full")
        return Tally((None,) * len(keys), (None,) * len(keys), tuple(range(len(keys))), ())

    def taken(self, name: str) -> int | None:
        if self.unknown:
            self.unknown -= 1
            raise TransientError("nobody knows")
        return self.marks.get(name)

    def forget_taken(self, name: str) -> None:
        pass


def group(*marks: tuple[str, int]) -> Group:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    keys = [str(n) for n in range(len(marks))]
    return Group(keys, [Arrival(key.encode(), at, "x") for key in keys], list(marks))


COUNTING = [("log", number) for number in (3, 7, 8, 12, 20)]
EXACT = [("slot 5", 900), ("slot 6", 17), ("slot 7", 4), ("slot 0", 55), ("slot 1", 1)]


@pytest.mark.parametrize(("marks", "counting"), [(COUNTING, True), (EXACT, False)])
def test_what_a_failed_call_kept_is_not_handed_in_again(marks, counting) -> None:
    line, sizes = Partly(2, 0, 1), []
    done = hand_in(
        line,
        group(*marks),
        threading.Event(),
        0.001,
        counting=counting,
        on_tally=lambda some, tally: sizes.append((len(some.keys), tally.seen)),
    )
    assert done
    assert line.kept == ["0", "1", "2", "3", "4"]
    assert sizes == [(2, 2)]


def test_an_old_mark_in_a_slot_says_nothing_of_another_value() -> None:
    line = Partly(0)
    line.marks = {"slot 5": 10**6}
    assert hand_in(line, group(("slot 5", 900)), threading.Event(), 0.001, counting=False)
    assert line.kept == ["0"]


def test_it_says_whether_it_was_stopped_before_all_was_kept() -> None:
    stop = threading.Event()
    stop.set()
    line = Partly()
    assert not hand_in(line, group(*COUNTING), stop, 0.001)
    assert line.kept == []
