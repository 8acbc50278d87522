"""What a stage computes for long, computed before it takes the catalog.

A stage is one transaction, and as long as it lasts nobody else can write: no label is taken in.
Embeddings and fitted heads follow from what lies in the store and are remembered by the loop, by
the digests of what they were made from. So they may be computed first, while others write, and the
stage finds them there. Law: warming changes no result; where something has changed meanwhile, the
stage computes what is missing, as it would have.
"""

from collections.abc import Callable

from twoloops.convergence.turns.anchor import best_release
from twoloops.convergence.turns.doubting import doubted
from twoloops.convergence.turns.drifted import drift_asks
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.slices import open_slices
from twoloops.convergence.turns.stages import frozen, has_news, likeliest
from twoloops.convergence.turns.state import Stage, TurnState
from twoloops.digital.base import Base
from twoloops.digital.catalogue import available
from twoloops.physical.labelling.policy import labelling_of
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.dataset import Dataset


def warm(loop: Loop, turn: TurnState) -> None:
    """Compute and remember what the next stage of a turn needs; writes nothing."""
    act = WARM.get(turn.stage)
    if act is not None:
        act(loop, turn)


def _label(loop: Loop, turn: TurnState) -> None:
    looks = labelling_of(loop.store, loop.task.name).second_looks
    if looks and not open_questions(loop.store, loop.task.name, turn.number):
        doubted(loop, turn)


def _select(loop: Loop, turn: TurnState) -> None:
    seen = loop.askable(loop.seen(turn.number))
    if turn.number == 0 or not seen or not loop.policy.data:
        return
    loop.groups(seen)
    deployed = loop.deployed()
    base = deployed[0].base if deployed else loop.bench.first(loop.task)
    loop.bench.encoder.embed(base, [one.input for one in seen], loop.read)


def _freeze(loop: Loop, turn: TurnState) -> None:
    loop.groups(loop.seen(turn.number))


def _choose_base(loop: Loop, turn: TurnState) -> None:
    waits = loop.policy.rebase == "failures"
    if loop.policy.models and (not waits or open_slices(loop, turn) or drift_asks(loop, turn)):
        for offer in available(tuple(loop.bench.offers.values()), turn.number):
            loop.bench.load(offer.name)


def _specialise(loop: Loop, turn: TurnState) -> None:
    dataset = frozen(loop, turn)
    if not dataset.split("train"):
        return
    same, *others = [loop.base(name) for name in turn.bases]
    if not loop.policy.gate:
        same, others = likeliest(loop, turn, dataset, [same, *others])[0], []
    if has_news(loop, dataset) or same.card.name != turn.bases[0]:
        _fit(loop, turn, dataset, same, as_before=True)
    if others:
        _fit(loop, turn, dataset, likeliest(loop, turn, dataset, others)[0], as_before=False)


def _fit(loop: Loop, turn: TurnState, dataset: Dataset, base: Base, *, as_before: bool) -> None:
    recipe = loop.recipe_on(base.card.name) if as_before else None
    evidence_of(loop, turn).contender(loop.specialised(base, dataset, recipe))


def _compare(loop: Loop, turn: TurnState) -> None:
    """Embed and fit both sides of each comparison."""
    if not turn.candidates or not loop.policy.gate:
        return
    evidence = evidence_of(loop, turn)
    deployed = loop.deployed()
    for candidate in turn.candidates:
        mine = evidence.candidate(candidate)
        other = None
        if deployed is not None and candidate.base == turn.bases[0]:
            other = best_release(loop, turn)
        elif deployed is not None:
            other = evidence.same_base(turn)
        for one in (mine, other):
            if one is not None:
                _ask(evidence, one, candidate.base)


def _ask(evidence: Evidence, one: Contender, base: str) -> None:
    evidence.of_items(one.made, [*evidence.items, *evidence.verified.get(base, ())])
    evidence.of_items(one.made, evidence.golden)
    evidence.of_observations(one.made)


def _publish_back(loop: Loop, turn: TurnState) -> None:
    deployed = loop.deployed()
    evidence = evidence_of(loop, turn)
    if deployed is not None and evidence.items:
        evidence.of_items(deployed[0], evidence.items)


WARM: dict[Stage, Callable[[Loop, TurnState], None]] = {
    "select": _select,
    "label": _label,
    "freeze": _freeze,
    "choose base": _choose_base,
    "specialise": _specialise,
    "verify": _compare,
    "judge": _compare,
    "release": _compare,
    "publish back": _publish_back,
}
