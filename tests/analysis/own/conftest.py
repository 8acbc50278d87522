"""A workspace's figures made by hand, with every figure open to change."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from twoloops.analysis.controls.matrix import Matrix, matrix
from twoloops.analysis.controls.system import Item, System
from twoloops.analysis.own.facts import Own, OwnBase, OwnModel, OwnTask, OwnTurn
from twoloops.atlas.ratings import ratings
from twoloops.convergence.judging.evaluate import Estimate, Estimates, estimate
from twoloops.digital.price import FrontierPrice
from twoloops.records.base import Ancestor, BaseCard, ModelCard
from twoloops.records.money import Money
from twoloops.records.task import Costs, Task

NONE = Estimate(None, None, 0, 0.0)
FEATURES = BaseCard(
    name="builtin/char-ngram",
    kind="features",
    input="text",
    dimension=256,
    parameters=0,
    operations=1024,
    licence="Apache-2.0",
    publisher="twoloops",
    origin="unknown",
    revision="features-1",
)
OPEN = BaseCard(
    name="open-encoder",
    kind="open model",
    input="text",
    dimension=384,
    parameters=22_000_000,
    operations=340_000_000,
    licence="Apache-2.0",
    publisher="somebody unheard of",
    origin="unknown",
    revision="1.0",
    lineage=(
        Ancestor("big-encoder", "distilled from", "Microsoft", "MIT", "its card"),
        Ancestor("a corpus", "trained on", "Google", "unknown", "its card"),
    ),
)


def model(base: str, turn: int, **changes: object) -> OwnModel:
    card = ModelCard(
        task="orders",
        labels=("leak", "ok"),
        normal="ok",
        threshold=0.4,
        base=base,
        base_digest=f"sha256:{base}",
        recipe="head/1",
        dataset="sha256:d",
    )
    made = OwnModel(
        digest=f"sha256:{base}{turn}", card=card, turn=turn, released=False, deployed=False
    )
    return replace(made, **changes)


def turn(number: int, currency: str, right: Estimate = NONE, **changes: object) -> OwnTurn:
    made = OwnTurn(
        number=number,
        period=f"2026-0{number + 1}",
        closed=True,
        at=datetime(2026, number + 1, 5, tzinfo=UTC),
        facts=(10 * number + 1, 10 * number + 10),
        observations=100,
        decisions=0.0 if number == 0 else 150.0,
        labels=20,
        cost=Money(Decimal(40), currency),
        train=10 * (number + 1),
        golden=5,
        audit=4,
        dataset="sha256:d",
        released="builtin/char-ngram" if number < 2 else "",
        reason="released: good enough" if number < 2 else "refused: too few",
        base_note="" if number == 0 else "refused: open-encoder: not better",
        right=right,
    )
    return replace(made, **changes)


def task(
    name: str = "orders",
    currency: str = "USD",
    accuracy: Estimate | None = None,
    earlier: Estimate | None = None,
    **changes: object,
) -> OwnTask:
    paid = Costs(*(Money(Decimal(amount), currency) for amount in (50, 5, 2)))
    good = estimate([True] * 57 + [False] * 3) if accuracy is None else accuracy
    made = OwnTask(
        task=Task(name, "text", ("leak", "ok"), normal="ok", costs=paid),
        turns=(
            turn(0, currency),
            turn(1, currency, estimate([True] * 5 + [False])),
            turn(2, currency, Estimate(None, None, 3, 3.0)),
        ),
        models=(
            model("builtin/char-ngram", 0, released=True),
            model(
                "builtin/char-ngram",
                1,
                released=True,
                deployed=True,
                size=300_000,
                approved_at=datetime(2026, 2, 5, tzinfo=UTC),
            ),
            model("open-encoder", 2),
        ),
        labellers={"person:ann": (60, Money(Decimal(120), currency))},
        places={"press 4": (200, 300.0)},
        estimates=Estimates(good),
        earlier=Estimates(good if earlier is None else earlier),
        tokens=(100.0, 2.0),
        frontier=FrontierPrice("large", 400.0, "2026-10-23", "https://example.com", "a note"),
        fitting=72.0,
    )
    return replace(made, **changes)


def own(*tasks: OwnTask, **changes: object) -> Own:
    made = Own(
        name="plant",
        what="workspace",
        tasks=tasks or (task(),),
        bases=(
            OwnBase(name="builtin/char-ngram", card=FEATURES, tasks=("orders",)),
            OwnBase(name="gone", card=None, missing="gone is not available: no wheel"),
            OwnBase(name="open-encoder", card=OPEN, offered_from=4, tasks=("orders",)),
        ),
        facts=30,
        head="sha256:" + "a" * 64,
        latest=datetime(2026, 3, 5, tzinfo=UTC),
        replay=None,
        version="0.1.0",
    )
    return replace(made, **changes)


@pytest.fixture
def make_task() -> Callable[..., OwnTask]:
    return task


@pytest.fixture
def make_own() -> Callable[..., Own]:
    return own


@pytest.fixture
def coverage() -> Matrix:
    """The matrix of a system with one base."""
    item = Item(
        layer="base-weights",
        subject="base",
        name="open-encoder",
        what="an encoder",
        facts={"weights": "published", "publisher_origin": ("US",)},
    )
    system = System(title="workspace plant", items=(item,), gaps={"edge-hardware": "not said"})
    return matrix(system, date(2026, 11, 23), ratings())
