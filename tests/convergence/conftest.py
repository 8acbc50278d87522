"""Arms in memory and bases made for a purpose."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.digital.base import Base
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.graphs import Sketch
from twoloops.physical.history.stream import History
from twoloops.records.preprocess import CharNgrams, Preprocess
from twoloops.store.workspace import Store


def renamed(base: Base, name: str) -> Base:
    return dataclasses.replace(base, card=msgspec.structs.replace(base.card, name=name))


def constant_base() -> Base:
    """Encodes every text alike."""
    step = CharNgrams(dimension=16)
    sketch = Sketch()
    flat = sketch.node("Mul", step.output, sketch.floats(0.0))
    graph = sketch.finish(sketch.node("Add", flat, sketch.floats(0.25)), 16, Preprocess((step,)))
    card = char_ngrams(16).card
    return Base(msgspec.structs.replace(card, name="constant", sparse=0), graph)


@pytest.fixture
def base() -> Callable[[str], Base]:
    """Bases by what they are good for: `small`, `weak`, `constant`."""
    kinds = {
        "small": lambda: char_ngrams(256),
        # Counts of letters in a few buckets: something, but far from enough.
        "weak": lambda: renamed(char_ngrams(6, 1, 1, words=False), "weak"),
        "strong": lambda: renamed(char_ngrams(512), "strong"),
        "constant": constant_base,
    }
    return lambda kind: kinds[kind]()


@pytest.fixture(autouse=True)
def first(monkeypatch: pytest.MonkeyPatch) -> Callable[[Base], None]:
    """Text tasks start on small n-grams; call it to start on another base."""

    def start_on(base: Base) -> None:
        monkeypatch.setattr(
            "twoloops.convergence.turns.loop.first_base", lambda kind, shape=None: base
        )

    start_on(char_ngrams(256))
    return start_on


@pytest.fixture
def make_arm(bench: Workbench, tmp_path: Path) -> Callable[..., Arm]:
    """Return a function that makes an arm with a store in memory and few labels a turn."""
    count = 0

    def make(
        history: History,
        *,
        store: Store | None = None,
        workbench: Workbench | None = None,
        real_edge: bool = False,
        **policy: object,
    ) -> Arm:
        nonlocal count
        count += 1
        settings = {"labels_per_turn": 10, "golden": 6, **policy}
        loop = Loop(
            store or Store.in_memory(),
            history.task.name,
            Policy(**settings),  # type: ignore[arg-type]
            workbench or bench,
            lambda: datetime(2024, 6, 1, tzinfo=UTC),
        )
        return Arm(loop, history, tmp_path / f"edge-{count}", real_edge=real_edge)

    return make
