"""Small histories and benches that tests of several rooms share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from plant import Plant, grown

from twoloops.convergence.turns.loop import Workbench
from twoloops.physical.history.stream import History, Row
from twoloops.records.task import Task

WORDS = {
    "leak": ("hose leaking oil", "seal leaks", "oil leak at pump", "leaking cylinder"),
    "broken": ("bracket cracked", "tooth broken", "weld crack in bucket", "pin broken off"),
    "ok": ("routine service", "inspect and grease", "check levels", "planned inspection"),
}
NOVEL = {"overheat": ("engine running hot", "coolant too hot", "overheating in the cab")}


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
