"""What a source of messages remembers, and what of it outlives a crash."""

from twoloops.edge.adapters import seen
from twoloops.edge.adapters.seen import DURABLE, REMEMBERED, Seen, identity


class Marks:
    """The part of a line that keeps marks."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}

    def taken(self, name: str) -> int | None:
        return self.kept.get(name)

    def life(self, numbers: range) -> Seen:
        """Begin anew, and take messages."""
        one = Seen("mqtt:x", self)
        for number in numbers:
            name, position = one.next(number)
            assert 0 <= position < 1 << 62  # SQLite's integers have 63 bits
            self.kept[name] = position
            one.add(number, keyed=False)
        return one


def test_the_latest_are_known_after_any_number_of_short_lives() -> None:
    marks, taken = Marks(), 0
    for count in (10, 1, 700, 3, 900, 0, 1024, 17):
        marks.life(range(taken, taken + count))
        taken += count
        again = Seen("mqtt:x", marks)
        latest = range(max(0, taken - DURABLE), taken)
        assert all(again.knows(number) for number in latest)
        assert not any(again.knows(number) for number in range(latest.start))
    assert len(marks.kept) == DURABLE


def test_laps_begin_anew(monkeypatch) -> None:
    monkeypatch.setattr(seen, "LAPS", 4)
    marks = Marks()
    for life in range(30):
        marks.life(range(life * 400, life * 400 + 400))
        again = Seen("mqtt:x", marks)
        assert all(again.knows(number) for number in range(max(0, life * 400 - 624), life * 400))


def test_a_number_of_the_broker_used_anew_is_another_message() -> None:
    one = Marks().life(range(5))
    assert one.knows(3)
    one.forget(3)
    assert not one.knows(3)


def test_keys_are_remembered_longer_and_not_for_ever() -> None:
    one = Seen("mqtt:x", Marks())
    for number in range(REMEMBERED + 100):
        one.add(number, keyed=True)
    assert [one.knows(number) for number in (99, 100)] == [False, True]


def test_an_identity_depends_on_where_its_parts_end() -> None:
    assert identity(b"ab", b"c") != identity(b"a", b"bc")
    assert identity(b"ab", b"c") == identity(b"ab", b"c")
