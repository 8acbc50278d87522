"""Which rows are known: by source, input, time, and how many like them came before."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from twoloops.physical.history.options import Reading
from twoloops.physical.history.stream import Row
from twoloops.wiring.ingesting import _keyed

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = st.lists(st.sampled_from([b"oil", b"ok", b"bent"]), max_size=12)


def reading(texts: list[bytes], *, timed: bool = False) -> Reading:
    rows = tuple(Row(text, None, START + i * timedelta(1), "") for i, text in enumerate(texts))
    return Reading(source="x.csv", kind="text", rows=rows, timed=timed)


def keys(texts: list[bytes], name: str = "x.csv", *, timed: bool = False) -> list[str]:
    return [key for key, _ in _keyed(name, reading(texts, timed=timed))]


@given(TEXTS, TEXTS)
def test_what_is_appended_to_a_file_is_new_and_the_rest_known(old, new) -> None:
    before, after = keys(old), keys(old + new)
    assert after[: len(old)] == before
    assert len(set(after)) == len(after)


@given(TEXTS)
def test_the_order_of_rows_does_not_matter(texts) -> None:
    assert set(keys(texts)) == set(keys(texts[::-1]))


def test_another_source_or_time_is_another_row() -> None:
    assert not set(keys([b"oil"])) & set(keys([b"oil"], "y.csv"))
    timed = reading([b"oil"], timed=True)
    later = replace(timed, rows=(replace(timed.rows[0], observed_at=START + timedelta(9)),))
    assert [k for k, _ in _keyed("x", timed)] != [k for k, _ in _keyed("x", later)]
