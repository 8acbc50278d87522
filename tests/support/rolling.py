"""A workspace whose releases go out to edges that say what they are told to."""

import io
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from onnx_models import onnx_bytes

from twoloops.convergence.turns.state import TurnState
from twoloops.edge.home import Paired, Standing
from twoloops.edge.metadata import to_properties
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import Digest
from twoloops.records.gate import Verdict
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.preprocess import Preprocess, Window
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring import trust
from twoloops.wiring.rollout_evidence import Deciding
from twoloops.wiring.rollouts import look

TASK = "fan"


def release(store: Store, turn: int, at: datetime, scale: float | None = None) -> Digest:
    """Release a model; those of scales with another sign decide otherwise."""
    item = Item(turn, store.inputs.put(signal(1.0), "signal"), "good", "golden", False, -1, "g")
    dataset = Dataset.of(TASK, [item])
    store.datasets.put(dataset, turn)
    card = ModelCard(
        TASK, ("crack", "good"), "good", None, "base", "sha256:0", "head", dataset.digest
    )
    properties = to_properties(Preprocess((Window(2, 1),)), {}, card)
    made = onnx_bytes(properties, scale=float(turn) if scale is None else scale)
    model = store.models.put(made, card, turn)
    claim = "first" if turn == 1 else "not worse"
    verdict = Verdict(True, claim, "released: it is better", 1.0, 40, 0.05)
    store.releases.approve(TASK, turn, model, verdict, at)
    closed(store, turn)
    return model


def closed(store: Store, turn: int) -> None:
    """Close a turn."""
    state = TurnState(number=turn, period=f"turn {turn}", stage="closed")
    store.turns.put(TASK, turn, "closed", state, closed=True)


def signal(value: float) -> bytes:
    """A window of one sample: (0, value)."""
    handle = io.BytesIO()
    np.save(handle, np.array([[0.0], [value]], dtype=np.float32))
    return handle.getvalue()


class Plant:
    """A task with an edge in each group, and a server that signs.

    Args:
        folder: Of the workspace, which is made.
        at: When it begins.
        groups: One edge each, `edge-GROUP`.
    """

    def __init__(self, folder: Path, at: datetime, groups: tuple[str, ...] = ("a", "b")) -> None:
        self.folder, self.at = folder, at
        self.store = Store.open(folder)
        self.store.tasks.put(Task(TASK, "signal", ("crack", "good"), "good", shape=(2, 1)))
        self.deciding = Deciding()
        trust.begin(folder, at)
        for group in groups:
            token, _ = self.store.tokens.add(f"edge-{group}", "edge", at)
            self.store.edges.enrol(f"edge-{group}", TASK, group, token.id, "token", at)

    def look(self, hours: float = 0.0) -> bool:
        """Let so many hours pass, and look."""
        self.at += timedelta(hours=hours)
        return look(self.folder, self.store, self.at, self.deciding)

    def assigned(self) -> dict[str, tuple[Digest, str]]:
        """What is signed, by group."""
        return {
            group: (one.model, one.mode)
            for (_, group), one in trust.assignments(self.folder).items()
        }

    def heard(
        self,
        group: str,
        model: Digest | None,
        paired: Paired | None = None,
        decided: int = 0,
        late: int = 0,
        left: Digest | None = None,
        refused: str = "",
    ) -> None:
        """Let the edge of a group be heard."""
        standing = Standing(
            release=model,
            decided=decided,
            late=late,
            paired=paired,
            left=left,
            refused=refused,
            went_back="" if left is None else "failed on an input",
            version="0",
            clock=self.at.isoformat(),
            seen=0,
            spooled=0,
            spool_bytes=0,
            disk_free=1,
            dropped=0,
            unknown=0,
            not_kept=0,
        )
        self.store.edges.heard(f"edge-{group}", standing, 0.0, self.at)

    def labelled(self, group: str, turn: int, labels: str, purpose: str = "audit") -> None:
        """Let observations of a group arrive and be labelled: `g` good, `c` crack, each a label.

        Their inputs are all positive: what a model says of them is one label.
        """
        known = self.store.observations.count(TASK)
        places, seen = [], []
        for number, _ in enumerate(labels, start=known):
            place = Place(f"edge-{group}", "e", number)
            places.append(place)
            seen.append(
                Observation(
                    place,
                    TASK,
                    self.store.inputs.put(signal(1 + number / 1000), "signal"),
                    self.at,
                    f"turn {turn}",
                    None,
                    Kept("routine", 1.0),
                )
            )
        self.store.observations.add_many(seen)
        self.store.questions.add_many(
            TASK, [Question(place, turn, purpose, 0.5) for place in places]
        )
        names = {"g": "good", "c": "crack"}
        self.store.labels.add_many(
            TASK,
            [
                Label(place, names[letter], "person:anna", self.at, Money(Decimal(1)))
                for place, letter in zip(places, labels, strict=True)
            ],
        )
        closed(self.store, turn)
