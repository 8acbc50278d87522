"""Added bases: kept under a name that never means other bytes."""

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.records.base import BaseCard
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.finding import Vetting
from twoloops.store.rows import StoredBase
from twoloops.store.workspace import CATALOG, Store

AT = datetime(2026, 11, 24, tzinfo=UTC)
LATER = datetime(2026, 11, 25, tzinfo=UTC)


def card(name: str = "acme/tiny@01234567") -> BaseCard:
    return BaseCard(name, "open model", "text", 8, 10, 20, "MIT", "acme", "unknown", "0123")


def vetting() -> Vetting:
    return Vetting(
        "x", "0123", date(2026, 11, 24), "sha256:0", (), (), (), (), (), (), (), ("behaviour",)
    )


def add(store: Store, graph: bytes = b"graph", name: str = "acme/tiny@01234567") -> StoredBase:
    return store.bases.add(graph, card(name), vetting(), "hub:acme/tiny@0123", AT)


def test_what_was_added_comes_back() -> None:
    with Store.in_memory() as store:
        kept = store.bases.add(b"graph", card(), vetting(), "hub:acme/tiny@0123", AT, (3, 128))
        assert store.bases.all() == [kept]
        assert (kept.digest, kept.shape) == (digest_bytes(b"graph"), (3, 128))
        assert (kept.card, kept.vetting, kept.added_at) == (card(), vetting(), AT)
        assert store.bases.graph(kept.digest) == b"graph"
        with pytest.raises(UserError, match="is a base: only inputs"):
            store.forget(kept.digest, AT)


def test_a_name_never_means_other_bytes() -> None:
    with Store.in_memory() as store:
        add(store)
        with pytest.raises(UserError, match="--name"):
            add(store, b"other")
        store.bases.drop("acme/tiny@01234567", AT)
        with pytest.raises(UserError, match="--name"):
            add(store, b"other")
        assert [one.digest for one in store.bases.all()] == [digest_bytes(b"graph")]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["add", "drop"]), max_size=6))
def test_adding_and_dropping_twice_is_once(acts: list[str]) -> None:
    with Store.in_memory() as store:
        add(store)
        for act in acts:
            if act == "add":
                add(store)
            else:
                store.bases.drop("acme/tiny@01234567", LATER)
        (kept,) = store.bases.all()
        dropped = bool(acts) and acts[-1] == "drop"
        assert kept.dropped_at == (LATER if dropped else None)
        assert kept.added_at == AT
        assert store.bases.graph(kept.digest) == b"graph"


def test_unknown_names_are_told() -> None:
    with Store.in_memory() as store:
        with pytest.raises(UserError, match="none was, see  twoloops base search"):
            store.bases.drop("x", AT)
        add(store)
        with pytest.raises(UserError, match=r"there are \['acme/tiny@01234567'\]"):
            store.bases.get("x")


def test_a_catalog_of_the_first_version_gains_the_table(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / CATALOG)
    connection.execute("DROP TABLE bases")
    connection.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
    connection.commit()
    connection.close()
    with Store.open(tmp_path, create=False) as store:
        add(store)
    with Store.open(tmp_path, create=False) as store:
        assert len(store.bases.all()) == 1
