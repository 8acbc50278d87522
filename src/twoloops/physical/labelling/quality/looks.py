"""Second looks that can still be given."""

from twoloops.records.label import SecondLook
from twoloops.store.workspace import Store


def open_looks(store: Store, task: str, turn: int | None = None) -> list[SecondLook]:
    """Return the second looks (of a turn) that nobody has given, the most doubtful first.

    What was forgotten after it was asked for cannot be looked at, and is left out.
    """
    asked = store.second_looks.open(task, turn)
    seen = store.observations.find(one.observation for one in asked)
    gone = store.inputs.forgotten({one.input for one in seen.values()})
    return [one for one in asked if seen[one.observation].input not in gone]
