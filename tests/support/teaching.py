"""A task with open questions, a teacher, and what asking needs; no network, no waiting."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from twoloops.physical.labelling.questions import ask as put
from twoloops.physical.labelling.teaching.asking import Means
from twoloops.physical.labelling.teaching.port import Endpoint
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Purpose, Question
from twoloops.records.money import Money
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Kind, Task
from twoloops.records.teacher import Price, Teacher
from twoloops.store.workspace import Store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TASK = Task("orders", "text", ("broken", "leak", "ok"), normal="ok")
PRICE = Price(read=Decimal(2), written=Decimal(10), as_of=date(2026, 10, 1), source="a list")


def place(number: int) -> Place:
    return Place("press 4", "a", number)


def truth(text: str) -> str:
    """The label of a made-up text: its second word."""
    return text.split()[1]


def text_of(number: int) -> str:
    return f"order {TASK.labels[number % 3]} {number}"


def questions(
    store: Store,
    number_of: int = 7,
    *,
    purpose: Purpose = "selected",
    task: Task = TASK,
    kind: Kind = "text",
    data: Callable[[int], bytes] = lambda number: text_of(number).encode(),
    first: int = 1,
) -> list[Question]:
    """Put a task with observations and questions about them into a store."""
    store.tasks.put(task)
    asked = []
    for number in range(first, first + number_of):
        raw = data(number)
        store.inputs.put(raw, kind)
        store.observations.add_many(
            [
                Observation(
                    place(number),
                    task.name,
                    digest_bytes(raw),
                    NOW,
                    "turn 0",
                    None,
                    Kept("routine", 1.0),
                )
            ]
        )
        asked.append(Question(place(number), 0, purpose, None, number))
    put(store, task.name, asked)
    return asked


def teacher(**more: Any) -> Teacher:
    """A teacher with a price and a limit; both may be said otherwise."""
    said: dict[str, Any] = {
        "name": "big",
        "model": "big-1",
        "url": "http://127.0.0.1:9/v1",
        "price": PRICE,
        "limit": Money(Decimal(10)),
        "terms": "deepseek",
        "batch": 3,
        "seconds": 5.0,
        **more,
    }
    return Teacher(**said)


def means(endpoint: Endpoint, waits: list[float] | None = None, **more: Any) -> Means:
    """What asking needs of the world, with a clock that counts and nothing that waits."""
    slept = waits if waits is not None else []
    seconds = count()
    said: dict[str, Any] = {
        "endpoint": endpoint,
        "permitted": lambda: None,
        "clock": lambda: NOW + timedelta(seconds=next(seconds)),
        "sleep": slept.append,
        **more,
    }
    return Means(**said)
