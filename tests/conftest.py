"""Small histories and benches that tests of several rooms share."""

import os

# Small matrices: one thread is several times faster, above all beside another worker. Read by numpy
# when it is imported, by every process that a test starts, and set by `twoloops` for itself, too.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from plant import Plant, grown

from twoloops.convergence.recipes import head
from twoloops.convergence.turns.loop import Workbench
from twoloops.physical.history.stream import History, Row
from twoloops.records.task import Task

WORDS = {
    "leak": ("hose leaking oil", "seal leaks", "oil leak at pump", "leaking cylinder"),
    "broken": ("bracket cracked", "tooth broken", "weld crack in bucket", "pin broken off"),
    "ok": ("routine service", "inspect and grease", "check levels", "planned inspection"),
}
NOVEL = {"overheat": ("engine running hot", "coolant too hot", "overheating in the cab")}


STRENGTHS = head.STRENGTHS


@pytest.fixture(scope="session", autouse=True)
def one_strength() -> Iterator[None]:
    """Heads fit fast: one strength instead of a search for the best, in this process only.

    For the session, since what is made once for many tests is made before their own fixtures.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "STRENGTHS", (30.0,))
        yield


@pytest.fixture
def every_strength(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search for the best strength, as outside of tests."""
    monkeypatch.setattr(head, "STRENGTHS", STRENGTHS)


@pytest.fixture
def make_history() -> Callable[..., History]:
    """Return a function that makes a small history of short texts."""

    def make(
        turns: int = 3,
        per_turn: int = 60,
        seed_rows: int = 30,
        novel_from: int | None = None,
        sizes: tuple[int, ...] | None = None,
        normal: str | None = "ok",
    ) -> History:
        rng = np.random.default_rng(7)
        start = datetime(2024, 1, 1, tzinfo=UTC)
        count = 0

        def row(period: str, words: dict[str, tuple[str, ...]]) -> Row:
            nonlocal count
            count += 1
            label = str(rng.choice(sorted(words)))
            text = f"{rng.choice(words[label])} unit {rng.integers(100)} {rng.integers(1000)}"
            return Row(text.encode(), label, start + timedelta(hours=count), period)

        def part(number: int, rows: int) -> tuple[Row, ...]:
            words = WORDS
            if novel_from is not None and number >= novel_from:
                words = WORDS | NOVEL
            return tuple(row(f"week {number}", words) for _ in range(rows))

        labels = sorted(WORDS | (NOVEL if novel_from is not None else {}))
        return History(
            task=Task("orders", "text", tuple(labels), normal=normal),
            seed=part(0, seed_rows),
            turns=tuple(
                part(n, size) for n, size in enumerate(sizes or (per_turn,) * turns, start=1)
            ),
            source="made in a test",
            labels_per_turn=10,
            command="",
        )

    return make


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A bench with nothing upstream."""
    return Workbench((), tmp_path / "cache")


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """A workspace driven through four turns, a fifth one open; look, don't touch."""
    return grown(tmp_path_factory.mktemp("plant") / "plant")
