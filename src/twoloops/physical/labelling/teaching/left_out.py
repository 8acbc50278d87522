"""Teachers whose labels are no longer learned from: they stay on record and count for nothing."""

from collections.abc import Mapping, Sequence

from twoloops.records.label import Label
from twoloops.records.observation import Place
from twoloops.records.teacher import PREFIX
from twoloops.store.workspace import Store

LEFT_OUT = "teacher labels left out"
"""Kind of the journal's fact from which on that is so."""


def key_of(name: str) -> str:
    """Return the key of the fact that leaves a teacher's labels out."""
    return f"{LEFT_OUT}/{name}"


def left_out(store: Store) -> frozenset[str]:
    """Return the teachers whose labels are left out, by name."""
    return frozenset(fact.body["teacher"] for fact in store.journal.facts(kind=LEFT_OUT))


def usable(store: Store, labels: Mapping[Place, Sequence[Label]]) -> dict[Place, Sequence[Label]]:
    """Return labels without those of teachers that are left out."""
    given = {one.labeller for said in labels.values() for one in said}
    names = {who for who in given if who.startswith(PREFIX)}
    # By key: this is asked often, and the journal is long.
    gone = {who for who in names if store.journal.by_key(key_of(who.removeprefix(PREFIX)))}
    if not gone:
        return dict(labels)
    kept = {
        place: [one for one in said if one.labeller not in gone] for place, said in labels.items()
    }
    return {place: said for place, said in kept.items() if said}
