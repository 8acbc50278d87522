"""Second looks: doubtful labels are asked about again at the end of the stage `label`.

Doubtful is what labellers are evenly split over, and what a model that has not learned the item
contradicts. The second kind is sought among what trains by then; what judges this turn is left out:
a correction leans towards the model that suspected the label, and evidence must not.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from twoloops.convergence.recipes.specialise import label_indices
from twoloops.convergence.turns.labelled import answered
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.physical import datasets
from twoloops.physical.labelling.quality.agreed import by_place
from twoloops.physical.labelling.quality.looks import open_looks
from twoloops.physical.labelling.quality.matrix import Answers
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


def disputed(loop: Loop, turn: TurnState) -> dict[Place, str]:
    """Return the observations that labellers are evenly split over, and what they said.

    Of those up to this turn's, what judges included: no model has a part in this.
    """
    name = loop.task.name
    asked = {q.observation for q in loop.store.questions.of_task(name) if q.turn <= turn.number}
    answers = Answers.of({p: said for p, said in by_place(loop.store, name).items() if p in asked})
    if not len(answers.item):
        return {}
    votes = answers.votes()
    most = votes.max(axis=1, keepdims=True)
    out = {}
    for row in np.flatnonzero((votes > most - 1e-9).sum(axis=1) > 1).tolist():
        said = [answers.labels[column] for column in np.flatnonzero(votes[row]).tolist()]
        out[answers.places[row]] = f"labellers are evenly split over {', '.join(said)}"
    return out


def ask_again(loop: Loop, turn: TurnState, most: int) -> list[SecondLook]:
    """Put a turn's most doubtful labels back to labellers; returns those asked for now.

    First what labellers are evenly split over, then suspected errors. Each is looked at once; one
    that is split and suspected even then, once more in a later turn. Nothing is asked for while
    looks of the turn are open; then, with what they have corrected, there may be other suspects.

    Args:
        loop: The task's loop.
        turn: The turn.
        most: How many the turn asks for at most.
    """
    looks = loop.store.second_looks
    name = loop.task.name
    earlier = looks.of_task(name)
    mine = sum(one.turn == turn.number for one in earlier)
    if mine >= most or open_looks(loop.store, name, turn.number):
        return []
    times = Counter(one.observation for one in earlier)
    now = {one.observation for one in earlier if one.turn == turn.number}
    split = disputed(loop, turn)
    why = {place: words for place, words in split.items() if place not in times}
    if len(why) < most - mine:
        for one in doubted(loop, turn):
            place = one.observation
            # Where the second answer is what the model holds likeliest, two of three agree.
            if place not in times or (times[place] == 1 and place in split and place not in now):
                why.setdefault(place, one.why)
    at = loop.clock()
    new = [
        SecondLook(place, turn.number, words, mine + rank, at)
        for rank, (place, words) in enumerate(list(why.items())[: most - mine])
    ]
    looks.add_many(name, new)
    if new:
        loop.note(turn, "second looks asked", str(mine), looks=str(len(new)))
    return new
