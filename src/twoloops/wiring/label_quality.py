"""How good a task's labels are, from a workspace: figures only; the command line prints them."""

import msgspec

from twoloops.convergence.turns.doubting import disputed, doubted
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import incoming
from twoloops.physical.labelling.quality.agreed import by_place, doubted_at
from twoloops.physical.labelling.quality.agreement import (
    Agreed,
    Erring,
    Pair,
    erring,
    fleiss,
    krippendorff,
    pairs,
)
from twoloops.physical.labelling.quality.consensus import consensus, fit_trusted
from twoloops.physical.labelling.quality.looks import open_looks
from twoloops.physical.labelling.quality.matrix import Answers
from twoloops.records.errors import MissingExtraError, UserError
from twoloops.records.label import SecondLook
from twoloops.store.workspace import Store


class Contested(msgspec.Struct, frozen=True):
    """An observation whose labellers differ.

    Args:
        observation: Which one.
        said: Label by labeller.
        consensus: What the answers stand for.
        probability: Of that label.
    """

    observation: str
    said: dict[str, str]
    consensus: str
    probability: float | None


class Suspected(msgspec.Struct, frozen=True):
    """A label that is probably wrong, and why."""

    observation: str
    label: str
    confidence: float
    suggested: str
    suggested_confidence: float
    why: str
    looked_at: bool


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How good the labels of a task are.

    Args:
        task: Its name.
        observations: How many are labelled.
        labels: How many labels there are.
        several: Observations that several people answered.
        alpha: Krippendorff's α over those.
        fleiss: Fleiss' κ where each has equally many answers.
        pairs: Cohen's κ of every two labellers with common observations.
        labellers: How each of them errs.
        contested: Where they differ, the least certain first.
        suspects: Labels that are probably wrong, the worst first.
        unsuspected: Why none could be sought, or `None`.
        open_looks: Second looks that nobody has given yet.
        sent: Second looks asked for just now.
    """

    task: str
    observations: int
    labels: int
    several: int
    alpha: Agreed
    fleiss: Agreed
    pairs: tuple[Pair, ...]
    labellers: tuple[Erring, ...]
    contested: tuple[Contested, ...]
    suspects: tuple[Suspected, ...]
    unsuspected: str | None
    open_looks: int
    sent: int = 0


def quality_of(loop: Loop) -> Quality:
    """Measure a task's labels.

    Raises:
        UserError: There are none yet.
    """
    store, name = loop.store, loop.task.name
    given = by_place(store, name)
    if not given:
        raise UserError(
            f"task {name!r} has no labels yet:  twoloops label export FILE  writes what to label"
        )
    answers, doubts = Answers.of(given), doubted_at(store, name)
    fitted = fit_trusted(answers, doubts)
    several = answers.opinions > 1
    # As in the consensus: second looks are asked for where errors are likely.
    trusted = answers.only(several & [place not in doubts for place in answers.places])
    agreed = consensus(given, doubts)
    contested = [
        Contested(str(place), {one.labeller: one.label for one in said}, *agreed[place][:2])
        for place, said in given.items()
        if len({one.label for one in said}) > 1
    ]
    found, why = _suspects(loop)
    votes = answers.only(several).votes()
    return Quality(
        task=name,
        observations=len(given),
        labels=sum(map(len, given.values())),
        several=int(several.sum()),
        alpha=krippendorff(votes),
        fleiss=fleiss(votes),
        pairs=tuple(pairs(answers)),
        labellers=tuple(erring(answers, fitted, trusted)),
        contested=tuple(sorted(contested, key=lambda one: one.probability or 0.0)),
        suspects=found,
        unsuspected=why,
        open_looks=len(open_looks(store, name)),
    )


def send_back(loop: Loop, most: int) -> list[SecondLook]:
    """Ask by hand for second looks at the most doubtful labels that had none yet.

    They belong to the turn whose stage `label` comes next: it waits for them.

    Args:
        loop: The task's loop.
        most: How many at most.
    """
    store, name = loop.store, loop.task.name
    state = _latest(loop)
    known = {one.observation for one in store.second_looks.of_task(name)}
    why = {p: words for p, words in disputed(loop, state).items() if p not in known}
    for one in doubted(loop, state):
        if one.observation not in known:
            why.setdefault(one.observation, one.why)
    at = loop.clock()
    number = _waiting(store, name)
    before = len(store.second_looks.of_turn(name, number))
    new = [
        SecondLook(place, number, words, before + rank, at)
        for rank, (place, words) in enumerate(list(why.items())[:most])
    ]
    with store.transaction():
        store.second_looks.add_many(name, new)
        if new:
            loop.note(
                TurnState(number=number, period=""),
                "second looks asked",
                f"by hand, {before}",
                looks=str(len(new)),
            )
    return new


def _suspects(loop: Loop) -> tuple[tuple[Suspected, ...], str | None]:
    known = {one.observation for one in loop.store.second_looks.of_task(loop.task.name)}
    try:
        found = doubted(loop, _latest(loop))
    except MissingExtraError as error:
        return (), str(error)
    return tuple(
        Suspected(
            str(one.observation),
            one.label,
            one.confidence,
            one.suggested,
            one.suggested_confidence,
            one.why,
            one.observation in known,
        )
        for one in found
    ), None


def _latest(loop: Loop) -> TurnState:
    """Return the last turn, or an empty first one."""
    row = loop.store.turns.last(loop.task.name)
    return TurnState(number=0, period="") if row is None else row.read(TurnState)


def _waiting(store: Store, task: str) -> int:
    """Return the turn whose stage `label` comes next."""
    opened = store.turns.open(task)
    if opened is not None and opened.stage in ("observe", "select", "label"):
        return opened.number
    return incoming(store, task)
