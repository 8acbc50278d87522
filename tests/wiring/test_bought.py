"""What labels bought: the first release beside the one in force, unknown where it is unknown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from twoloops.convergence.judging.evaluate import Estimate, Estimates
from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import ask
from twoloops.records.base import ModelCard
from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.gate import Verdict
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.bought import Bought, bought, told

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TASK = Task("orders", "text", ("leak", "ok"), normal="ok")


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as store:
        store.tasks.put(TASK)
        yield store


def release(store: Store, turn: int, audits: int, right: int) -> Digest:
    """Release a model that decided on so many audited leaks, so many of them right."""
    card = ModelCard("orders", ("leak", "ok"), "ok", None, "b", "0" * 64, "head", "0" * 64)
    model = store.models.put(f"model of turn {turn}".encode(), card, turn)
    verdict = Verdict(True, "first", "it beats the majority", 20.0, audits, 0.0)
    store.releases.approve("orders", turn, model, verdict, NOW)
    said = ["leak" if n < right else "ok" for n in range(audits)]
    data = [f"turn {turn} order {n}".encode() for n in range(audits)]
    seen = [
        Observation(
            Place("desk", f"e{turn}", n + 1),
            "orders",
            digest_bytes(data[n]),
            NOW,
            "turn 1",
            Decision(label, (0.5, 0.5), model, None, 0.0),
            Kept("routine", 1.0),
        )
        for n, label in enumerate(said)
    ]
    ingest(store, [Spooled(one, data[n]) for n, one in enumerate(seen)])
    ask(store, "orders", [Question(one.place, turn, "audit", 0.5, 0) for one in seen])
    labels = [Label(one.place, "leak", "person:ann", NOW, Money(Decimal(2))) for one in seen]
    answer(store, "orders", labels, at=NOW)
    return model


def test_nothing_is_bought_before_the_first_release(store: Store) -> None:
    assert told(bought(store, TASK)) == "0 labels for 0.00 USD; no model is released yet"


def test_the_only_release_stands_alone_and_too_few_labels_are_unknown(store: Store) -> None:
    release(store, 0, audits=4, right=4)
    found = bought(store, TASK)
    assert found.first is None
    assert told(found) == (
        "4 labels for 8.00 USD; right: unknown by the only release; "
        "faults missed: unknown by the only release"
    )


def test_the_first_release_stands_beside_the_one_in_force(store: Store) -> None:
    release(store, 0, audits=20, right=10)
    release(store, 1, audits=20, right=19)
    found = bought(store, TASK)
    assert (found.labels, found.releases, found.cost) == (40, 2, (Money(Decimal(80)),))
    line = told(found)
    assert "right: 50.0 % (" in line
    assert ") by the first release, 95.0 % (" in line
    assert "faults missed: 50.0 % (" in line
    assert line.endswith(") now")


def test_a_revoked_release_buys_nothing(store: Store) -> None:
    model = release(store, 0, audits=20, right=10)
    store.journal.append(
        "model revoked", task="orders", turn=-1, key=f"model revoked/{model}", at=NOW
    )
    assert bought(store, TASK).now is None


def test_one_label_is_one_label() -> None:
    accuracy = Estimates(Estimate(0.5, (0.25, 0.75), 9, 9.0))
    line = told(Bought(1, (Money(Decimal(1), "EUR"),), 1, None, accuracy))
    assert line == "1 label for 1.00 EUR; right: 50.0 % (25.0 to 75.0) by the only release"
