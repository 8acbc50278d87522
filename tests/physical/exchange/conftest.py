"""A task with a frozen dataset of any kind of input."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from twoloops.edge.spoolrows import Spooled
from twoloops.physical.exchange.versions import FROZEN
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import ask
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Kind, Task
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRICE = Money(Decimal("0.50"), "EUR")
LABELS = ("007", "NA", "none")
PURPOSES = ("seed", "golden", "audit", "selected")
SPLITS = ("train", "golden", "audit", "train")

Make = Callable[..., tuple[Store, Dataset]]


def place(counter: int) -> Place:
    return Place("desk", "e1", counter)


def label(counter: int, said: str, who: str = "person:ann", hours: float = 0.0) -> Label:
    return Label(place(counter), said, who, NOW + timedelta(hours=hours), PRICE)


def image(number: int, form: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, number)).save(made, form)
    return made.getvalue()


def signal(number: int) -> bytes:
    made = io.BytesIO()
    np.save(made, np.full((2, 5), number, np.float32))
    return made.getvalue()


INPUTS: dict[Kind, list[bytes]] = {
    "text": [b"hose leaks", b"NA", 'schließt, "nicht";\n'.encode(), b"a\xffb"],
    "image": [image(1), image(2), image(3, "JPEG"), image(4)],
    "signal": [signal(n) for n in range(4)],
}


def made(kind: Kind, data: list[bytes] | None = None) -> tuple[Store, Dataset]:
    """Four inputs: a seed, a golden, an audit and a selected one, labelled 007, NA, NA, none."""
    inputs = data or INPUTS[kind]
    store = Store.in_memory()
    store.tasks.put(Task("orders", kind, LABELS, shape=(2, 5) if kind == "signal" else None))
    ingest(
        store,
        [
            Spooled(
                Observation(
                    place(n), "orders", digest_bytes(one), NOW, "2026", None, Kept("routine", 1.0)
                ),
                one,
            )
            for n, one in enumerate(inputs)
        ],
    )
    chances = (1.0, 1.0, 0.25, None)
    ask(store, "orders", [Question(place(n), 1, PURPOSES[n], chances[n], n) for n in range(4)])
    said = ("007", "NA", "NA", "none")
    answer(store, "orders", [label(n, said[n]) for n in range(4)], at=NOW)
    answer(store, "orders", [label(0, "NA", "teacher:big")], at=NOW)
    items = [
        Item(
            turn=1,
            input=digest_bytes(inputs[n]),
            label=said[n],
            split=SPLITS[n],  # type: ignore[arg-type]
            judges=n in (0, 2),
            probability=chances[n] or -1.0,
            group=f"{n}" * 8,
        )
        for n in range(4)
    ]
    dataset = Dataset.of("orders", items)
    store.datasets.put(dataset, 1)
    store.journal.append(
        FROZEN,
        task="orders",
        turn=1,
        key="frozen",
        at=NOW + timedelta(hours=1),
        body={"dataset": dataset.digest},
    )
    return store, dataset


@pytest.fixture
def make() -> Make:
    return made
