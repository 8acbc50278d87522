"""Ask for labels, and say which questions are open."""

from collections.abc import Sequence

from twoloops.physical.labelling.policy import labelling_of
from twoloops.records.errors import UserError
from twoloops.records.label import Question
from twoloops.records.observation import Observation, Place
from twoloops.store.workspace import Store


def ask(store: Store, task: str, questions: Sequence[Question]) -> None:
    """Put questions; putting one twice is putting it once.

    Raises:
        UserError: If an observation is unknown or of another task.
    """
    with store.transaction():
        known = store.observations.find(one.observation for one in questions)
        problems = [
            problem
            for one in questions
            if (problem := stranger(one.observation, task, known)) is not None
        ]
        complain("these questions cannot be asked", problems)
        store.questions.add_many(task, questions)


def open_questions(store: Store, task: str, turn: int | None = None) -> list[Question]:
    """Return the questions (of a turn) that still want a label, the best first.

    What was forgotten after it was asked about cannot be answered, and is left out.
    """
    wanted = labelling_of(store, task).wanted
    asked = store.questions.open(store.tasks.get(task).name, turn, wanted)
    seen = store.observations.find(one.observation for one in asked)
    gone = store.inputs.forgotten({one.input for one in seen.values()})
    return [one for one in asked if seen[one.observation].input not in gone]


def stranger(place: Place, task: str, known: dict[Place, Observation]) -> str | None:
    """Say why an observation is none of a task's, or return `None`."""
    observation = known.get(place)
    if observation is None:
        return f"{place}: no such observation in this workspace"
    if observation.task != task:
        return f"{place}: the observation belongs to task {observation.task!r}, not {task!r}"
    return None


def complain(what: str, problems: Sequence[str]) -> None:
    """Raise every problem at once, if there is one.

    Raises:
        UserError: With all of them.
    """
    if len(problems) == 1:
        raise UserError(f"{what}: {problems[0]}")
    if problems:
        raise UserError("\n  ".join([f"{what}, {len(problems)} problems:", *problems]))
