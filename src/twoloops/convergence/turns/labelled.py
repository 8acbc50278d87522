"""What was answered so far, and what of it would be frozen."""

from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.physical import datasets
from twoloops.physical.labelling.quality.agreed import agreed
from twoloops.physical.outcomes import unasked
from twoloops.records.label import Question


def answered(loop: Loop, turn: TurnState) -> list[datasets.Answered]:
    """Return the answered questions up to a turn, each with what its labels stand for.

    Outcomes of observations that nobody was asked about are among them.
    """
    name = loop.task.name
    asked = loop.store.questions.of_task(name)
    questions = [q for q in asked if q.turn <= turn.number]
    questions += unasked(loop.store, name, {q.observation for q in asked}, turn.number)
    places = [q.observation for q in questions]
    seen = loop.store.observations.find(places)
    labels = agreed(loop.store, name, places)
    groups = dict(zip(places, loop.groups([seen[place] for place in places]), strict=True))
    gone = loop.store.inputs.forgotten({one.input for one in seen.values()})

    def one(question: Question) -> datasets.Answered:
        place = question.observation
        return datasets.Answered(question, labels[place].label, seen[place].input, groups[place])

    return [
        one(q)
        for q in questions
        if seen[q.observation].input not in gone and q.observation in labels
    ]


def contested(loop: Loop) -> int:
    """Count the observations that labellers have answered differently."""
    said: dict[object, set[str]] = {}
    for label in loop.store.labels.of_task(loop.task.name):
        said.setdefault(label.observation, set()).add(label.label)
    return sum(len(labels) > 1 for labels in said.values())
