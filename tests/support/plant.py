"""A small plant: a workspace that is driven through turns by people who know every label."""

import csv
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import current, go_on, keep_policy
from twoloops.physical.history.options import Mapping
from twoloops.physical.labelling import desk
from twoloops.physical.labelling.desk import Reply
from twoloops.records.label import Note
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store
from twoloops.wiring.beginning import begin
from twoloops.wiring.ingesting import read_source, take_in
from twoloops.wiring.workspace import loop, writing

SENTENCES = {
    "ok": ("inspect {part}", "grease {part}", "check {part} level", "{part} looked over, fine"),
    "leak": ("{part} leaking", "oil under {part}", "seal of {part} wet", "{part} drips"),
    "worn": ("{part} worn", "replace {part}, thin", "{part} has play", "scoring on {part}"),
}
PARTS = ("pump", "gearbox", "main valve", "hose", "coupling", "bearing", "fan", "belt guard")
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)

GROWN = ((40, 0, 0.0), (40, 1, 0.5), (40, 2, 1.0), (24, 9, 1.0))
"""Number, seed and lateness of the orders that come to a grown plant, turn by turn."""

Rows = list[tuple[str, str]]


def orders(count: int, seed: int, later: float = 1.0) -> Rows:
    """Return made-up work orders with their labels; later in time more sentences are in use."""
    draw = random.Random(seed)
    out = []
    for number in range(count):
        label = draw.choices(list(SENTENCES), (5, 3, 2))[0]
        known = 2 + round(2 * later)
        text = draw.choice(SENTENCES[label][:known]).format(part=draw.choice(PARTS))
        out.append((f"{text} {seed}-{number} {draw.randrange(90)}", label))
    return out


class Plant:
    """A workspace, its task, and what is known of its labels.

    Args:
        folder: Where it goes.
        task: Its task, added here.
        policy: Of its turns.
        labeller: Who answers.
        says: What that person says of a text, given its true label.
        seconds: What an answer takes.
    """

    def __init__(
        self,
        folder: Path,
        task: Task | None = None,
        policy: Policy | None = None,
        labeller: str = "person:ann",
        says: Callable[[str, str], str] = lambda text, label: label,
        seconds: float = 6.0,
    ) -> None:
        self.folder = folder
        labels = tuple(sorted(SENTENCES))
        # On a busy machine a decision may take long, and no verdict here is to hang on that.
        self.task = task or Task(
            "orders", "text", labels, normal="ok", costs=Costs(), latency_budget_ms=60_000
        )
        self.labeller, self.says, self.seconds = labeller, says, seconds
        self.known: dict[str, str] = {}
        self.clock = BEGAN
        begin(folder)
        with writing(folder) as store:
            store.tasks.put(self.task)
            keep_policy(store, self.task.name, policy or Policy(labels_per_turn=15, seed_labels=30))

    @classmethod
    def again(cls, folder: Path) -> "Plant":
        """Return a plant that was made before; it knows the labels of `grown` ones."""
        found = cls.__new__(cls)
        found.folder, found.clock, found.seconds = folder, BEGAN, 6.0
        found.labeller, found.says = "person:ann", lambda text, label: label
        found.known = {text: label for rows in GROWN for text, label in orders(*rows)}
        with writing(folder) as store:
            (found.task,) = store.tasks.all()
        return found

    def bring(self, rows: Rows) -> None:
        """Take rows in: what is deployed decides on them."""
        self.known |= dict(rows)
        path = self.folder / "rows.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text",), *((text,) for text, _ in rows)])
        with writing(self.folder) as store:
            reading = read_source(str(path), Mapping(text="text"))
            name = f"rows of {self.clock.isoformat()}"
            # The name of an epoch is drawn at random; with a given one every run is the same.
            with patch("twoloops.wiring.ingesting.new_epoch", lambda: f"epoch {self.clock:%m%d}"):
                take_in(store, self.folder, store.tasks.get(self.task.name), reading, name=name)
        path.unlink()
        self.clock += timedelta(days=7)

    def turn(self, answers: int | None = None) -> TurnState:
        """Go on with the turn, answering what it asks; only so many answers, if a number is said.

        Returns:
            The turn as it stands then.
        """
        left = answers
        with writing(self.folder) as store:
            two = loop(store, store.tasks.get(self.task.name))
            state, waiting = go_on(two, current(two))
            while waiting is not None and left != 0:
                before = left
                left = self._answer(store, left)
                state, waiting = go_on(two, state)
                if before is not None and left == before:
                    break
        return state

    def _answer(self, store: Store, most: int | None) -> int | None:
        name = self.task.name
        while most != 0:
            at = datetime.now(UTC)
            items = desk.next_items(store, name, self.labeller, at=at, ahead=20)
            if not items:
                break
            read = store.inputs.get_many([one.input for one in items])
            for item in items[:most]:
                text = read[item.input].decode()
                reply = Reply(
                    item.observation, self.says(text, self.known[text]), Note(self.seconds)
                )
                desk.answer_item(store, name, self.labeller, reply, at=at)
                most = None if most is None else most - 1
        return most


def driven(folder: Path, sizes: Sequence[int], **more: object) -> Plant:
    """Return a plant after so many turns of so many rows each, the first of them the seed."""
    plant = Plant(folder, **more)  # type: ignore[arg-type]
    for number, size in enumerate(sizes):
        plant.bring(orders(size, seed=number, later=number / max(len(sizes) - 1, 1)))
        plant.turn()
    return plant


def grown(folder: Path) -> Plant:
    """Return a plant whose last turn waits for labels, with audit labels enough to estimate by."""
    plant = Plant(folder, policy=Policy(labels_per_turn=20, audit_share=0.5, seed_labels=20))
    for number, rows in enumerate(GROWN, start=1):
        plant.bring(orders(*rows))
        plant.turn(answers=4 if number == len(GROWN) else None)
    return plant
