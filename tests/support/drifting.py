"""A workspace with a released text model, and texts that are like what it learned from, or not."""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.workspace_turn import current, go_on, keep_policy
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.label import Label
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.arriving import Door, Sent
from twoloops.wiring.workspace import loop, now

NAME = "orders"
USED = ("pump", "valve", "hose", "filter", "motor", "gear", "belt", "seal")
STRANGE = ("grinder 9000", "laser head", "conveyor XQ", "robot arm")


@contextmanager
def same_places(first: int) -> Iterator[None]:
    """Name epochs by number: which observations are kept and asked about is drawn by their places.

    With random names a test of evidence would be a game of chance.
    """
    numbers = itertools.count(first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secrets.token_hex", lambda size: f"{next(numbers):0{2 * size}x}")
        yield


def texts(count: int, seed: int, machines: tuple[str, ...] = USED, leaks: float = 0.4) -> list[str]:
    draw = random.Random(seed)
    return [
        f"{draw.choice(machines)} {draw.randrange(100)}: "
        f"{'oil leak' if draw.random() < leaks else 'all fine'} {draw.randrange(1000)}"
        for _ in range(count)
    ]


def bring(store: Store, folder: Path, said: list[str], edge: str = "test") -> None:
    sent = [Sent(text.encode()) for text in said]
    Door(folder).arrive(store, store.tasks.get(NAME), edge, sent)


def label_all(store: Store, wrong: bool = False) -> None:
    asked = open_questions(store, NAME)
    seen = store.observations.find(one.observation for one in asked)
    price = store.tasks.get(NAME).costs.label
    said = [
        Label(
            one.observation,
            "leak" if (b"leak" in store.inputs.get(seen[one.observation].input)) != wrong else "ok",
            "person:a",
            now(),
            price,
        )
        for one in asked
    ]
    answer(store, NAME, said, at=now(), new_labels=False)


def released(store: Store, folder: Path, policy: Policy) -> None:
    """Bring texts, label what the first turn asks, and release."""
    store.tasks.put(Task(NAME, "text", ("leak", "ok"), normal="ok"))
    keep_policy(store, NAME, policy)
    bring(store, folder, texts(160, 1))
    turn(store)
    assert store.releases.deployed(NAME) is not None


def turn(store: Store, wrong: bool = False) -> None:
    """Perform a whole turn, answering all it asks."""
    two = loop(store, store.tasks.get(NAME))
    state = current(two)
    while state.stage != "closed":
        state, waits = go_on(two, state)
        if waits is not None:
            assert open_questions(store, NAME), waits.what
            label_all(store, wrong)
