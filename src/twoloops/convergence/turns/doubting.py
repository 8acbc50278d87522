"""Second looks: labels that a model which has not learned them contradicts are asked about again.

Asked at the end of the stage `label`, of everything that trains by then. What judges this turn is
left alone: a correction leans towards the model that suspected the label, and evidence must not.
"""

from typing import NamedTuple

import numpy as np

from twoloops.convergence.recipes.specialise import label_indices
from twoloops.convergence.turns.labelled import answered
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.physical import datasets
from twoloops.physical.labelling.quality.suspects import suspects
from twoloops.records.label import SecondLook
from twoloops.records.observation import Place


class Doubted(NamedTuple):
    """A label that is probably wrong.

    Args:
        observation: Of which one.
        label: What its labels stand for.
        confidence: Out-of-sample probability of that label.
        suggested: The label that the model holds likeliest.
        suggested_confidence: The probability of that one.
    """

    observation: Place
    label: str
    confidence: float
    suggested: str
    suggested_confidence: float

    @property
    def why(self) -> str:
        """One sentence: what makes it doubtful."""
        return (
            f"labelled {self.label!r}, which a model that has not learned it gives "
            f"{self.confidence:.0%}; it gives {self.suggested!r} {self.suggested_confidence:.0%}"
        )


def doubted(loop: Loop, turn: TurnState) -> list[Doubted]:
    """Return the training labels that are probably wrong, the worst first.

    The model is the deployed base (before a first release the first one) with a plain head; each
    item is asked of the head of its fold, which has not learned its group.

    Raises:
        MissingExtraError: cleanlab is not installed.
    """
    rows = answered(loop, turn)
    dataset = datasets.freeze(loop.task.name, turn.number, rows, audits_train=loop.policy.data)
    items = loop.present(dataset.split("train"))
    if len({item.label for item in items}) < 2:
        return []
    release = loop.store.releases.deployed(loop.task.name)
    first = loop.bench.first(loop.task).card.name
    base = loop.base(loop.store.models.find(release.model).card.base if release else first)
    made = loop.specialised(base, dataset)
    x = loop.bench.encoder.embed(base, [item.input for item in items], loop.read)
    honest = made.honest(x, [item.group for item in items])
    places: dict[tuple[int, str, str], list[Place]] = {}
    for row in rows:
        key = (row.question.turn, row.input, row.label)
        places.setdefault(key, []).append(row.question.observation)
    out = []
    for one in suspects(np.asarray(honest), label_indices(items, made.labels)):
        item = items[one.row]
        # Of items of equal content each is looked at itself.
        place = places[item.turn, item.input, item.label].pop()
        suggested = made.labels[one.suggested]
        out.append(Doubted(place, item.label, one.confidence, suggested, one.suggested_confidence))
    return out


def ask_again(loop: Loop, turn: TurnState, most: int) -> list[SecondLook]:
    """Put a turn's most doubtful labels back to labellers, each at most once in all turns.

    Args:
        loop: The task's loop.
        turn: The turn; asked once, it is not asked anew.
        most: How many are asked for at most.
    """
    looks = loop.store.second_looks
    earlier = looks.of_task(loop.task.name)
    mine = [one for one in earlier if one.turn == turn.number]
    if mine:
        return mine
    known = {one.observation for one in earlier}
    fresh = [one for one in doubted(loop, turn) if one.observation not in known][:most]
    now = loop.clock()
    new = [
        SecondLook(one.observation, turn.number, one.why, rank, now)
        for rank, one in enumerate(fresh)
    ]
    looks.add_many(loop.task.name, new)
    if new:
        loop.note(turn, "second looks asked", looks=str(len(new)))
    return new
