"""Keeping: all of a vintage or nothing, nothing overwritten, the same files once."""

import gzip
import hashlib
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas import shelving, vintages
from twoloops.atlas.hub import HubModel
from twoloops.atlas.list_prices import ListPrice
from twoloops.atlas.prices import Price
from twoloops.atlas.publishers.port import Fetched, Filled, Pulled
from twoloops.atlas.tables import Source, parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOURCE = Source("p-2026-11-23", "P", "t", "https://p.example", "2026-11-23", "MIT", "file")


def pulled(price: float = 1.0, body: bytes | None = None) -> Pulled:
    row = Price("openai", "gpt-5.2", price, 14.0, "documented", SOURCE.id)
    file = Fetched("a.json", "https://p.example/a.json", body or f"{price}".encode())
    return Pulled(SOURCE, (file,), (Filled("prices", [row], "p-"), Filled("empty", [], "")))


def everything(shelf: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(shelf)): path.read_bytes()
        for path in shelf.rglob("*")
        if path.is_file()
    }


def test_a_vintage_holds_the_files_as_they_came_and_the_digests_of_all(shelf: Path) -> None:
    kept, new = shelving.keep(shelf, "p", pulled(), NOW)
    assert new
    assert gzip.decompress((kept.folder / "raw" / "a.json.gz").read_bytes()) == b"1.0"
    assert kept.vintage.files[0].sha256 == hashlib.sha256(b"1.0").hexdigest()
    assert [part.name for part in kept.vintage.tables] == ["prices"]
    sums = (kept.folder / "SHA256SUMS").read_text().splitlines()
    for line in sums:
        digest, name = line.split("  ")
        assert hashlib.sha256((kept.folder / name).read_bytes()).hexdigest() == digest
    assert {line.split("  ")[1] for line in sums} | {"SHA256SUMS"} == {
        str(path.relative_to(kept.folder)) for path in kept.folder.rglob("*") if path.is_file()
    }
    assert all(not path.stat().st_mode & 0o222 for path in kept.folder.rglob("*.*"))
    assert vintages.vintages(shelf) == (kept,)


def test_the_same_files_are_kept_once(shelf: Path) -> None:
    first, _ = shelving.keep(shelf, "p", pulled(), NOW)
    before = everything(shelf)
    again, new = shelving.keep(shelf, "p", pulled(), NOW + timedelta(days=3))
    assert not new
    assert again == first
    assert everything(shelf) == before


def test_what_was_kept_is_never_overwritten_and_an_old_state_may_come_back(shelf: Path) -> None:
    first, _ = shelving.keep(shelf, "p", pulled(1.0), NOW)
    before = everything(shelf)
    shelving.keep(shelf, "p", pulled(2.0), NOW + timedelta(milliseconds=1))
    back, new = shelving.keep(shelf, "p", pulled(1.0), NOW + timedelta(days=1))
    assert new
    assert back.folder != first.folder
    assert everything(shelf).items() >= before.items()
    assert len(vintages.vintages(shelf, "p")) == 3


def test_a_failure_on_the_way_leaves_nothing(shelf: Path, monkeypatch) -> None:
    shelving.keep(shelf, "p", pulled(1.0), NOW)
    before = everything(shelf)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelving.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        shelving.keep(shelf, "p", pulled(2.0), NOW)
    assert everything(shelf) == before
    assert len(list((shelf / "p").iterdir())) == 1


def test_what_the_dead_left_is_passed_over_and_cleared_after_a_day(shelf: Path) -> None:
    shelving.keep(shelf, "p", pulled(1.0), NOW)
    fresh, old = (shelf / "p" / f"{vintages.PARTIAL}{name}" for name in ("fresh", "old"))
    for folder in (fresh, old):
        folder.mkdir()
        (folder / "prices.csv").write_text("half a ta")
    os.utime(old, (0, 0))
    assert len(vintages.vintages(shelf)) == 1
    shelving.keep(shelf, "p", pulled(2.0), NOW)
    assert fresh.exists()  # another process may be at it
    assert not old.exists()


def test_several_at_once_do_no_harm(shelf: Path) -> None:
    def work(number: int) -> None:
        shelving.keep(shelf, "p", pulled(float(number % 3)), NOW)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = vintages.vintages(shelf)
    assert 3 <= len(kept) <= 12
    assert {one.rows("prices", Price)[0].input for one in kept} == {0.0, 1.0, 2.0}
    assert not list((shelf / "p").glob(f"{vintages.PARTIAL}*"))


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
prices = st.floats(0, 1e6, allow_nan=False)
counts = st.none() | st.integers(0, 10**12)
list_prices = st.builds(
    ListPrice, words, words, prices, prices, words, st.just(""), st.none() | st.booleans()
)
hub_models = st.builds(HubModel, words, st.integers(0, 10**12), words, counts, counts)


@given(st.lists(list_prices, min_size=1) | st.lists(hub_models, min_size=1))
def test_what_is_written_is_read_back(rows) -> None:
    assert parse(shelving.written(rows), type(rows[0]), "t") == tuple(rows)
