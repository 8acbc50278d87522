"""Try another base on a task between its turns: same frozen dataset, same gate, same release.

What a turn does with a newly offered base is done here for one that somebody names: the very
functions of the stages are called, on the dataset that the last turn froze. The bets are those of
that turn, so that trying twice is trying once.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from twoloops.convergence.anchor import keep_best
from twoloops.convergence.compare import last_frozen, paired
from twoloops.convergence.evaluate import Interval
from twoloops.convergence.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.loop import Loop
from twoloops.convergence.releasing import self_test
from twoloops.convergence.stages import candidate_of, judge_base
from twoloops.convergence.state import Candidate, TurnState
from twoloops.digital.base import Base
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError

Outcome = Literal["released", "refused", "same already", "does not fit", "terms", "waits"]

Terms = Callable[[Digest], Sequence[str]]
"""What stands against using a model internally, a sentence each, by its digest."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a base on one task.

    Args:
        task: Its name.
        base: The base that was tried.
        before: The base that was deployed; empty where nothing was.
        outcome: What became of it.
        reason: One sentence: the gate's, or why it was not asked.
        model: Digest of the candidate, where one was made.
        gain: Honest accuracy minus that of the deployed base on the same data, in [−1, 1].
        interval: Its 95 % interval.
    """

    task: str
    base: str
    before: str
    outcome: Outcome
    reason: str
    model: Digest | None = None
    gain: float | None = None
    interval: Interval | None = None


class _UndoneError(Exception):
    """Ends a transaction whose writes are not wanted."""


def rebase(loop: Loop, name: str, terms: Terms, *, dry_run: bool = False) -> Tried:
    """Try a base on a task, and release it if the gate lets it pass.

    Args:
        loop: The task's.
        name: The base's.
        terms: Called with the candidate, whose lineage is known by then.
        dry_run: Do all of it, and keep nothing.

    Raises:
        UserError: The deployed file would answer differently than in training.
    """
    task = loop.task.name
    release = loop.store.releases.deployed(task)
    before = loop.store.models.find(release.model).card.base if release else ""

    def left(outcome: Outcome, reason: str) -> Tried:
        return Tried(task=task, base=name, before=before, outcome=outcome, reason=reason)

    if not before:
        return left("waits", f"nothing is deployed yet: go on with  twoloops turn {task}")
    if name == before:
        return left("same already", "the deployed model stands on it")
    opened = loop.store.turns.open(task)
    if opened is not None and opened.stage != "observe":
        return left("waits", f"turn {opened.number} is open: end it with  twoloops turn {task}")
    first = loop.bench.first(loop.task)
    base = first if name == first.card.name else loop.bench.load(name)
    if not isinstance(base, Base):
        return left("does not fit", base)
    try:
        turn = last_frozen(loop)
    except UserError as error:
        return left("waits", str(error))
    tried: Tried | None = None
    try:
        with loop.store.transaction():
            tried = _try(loop, replace(turn, bases=(before, name)), base, terms)
            if dry_run or tried.outcome == "terms":
                raise _UndoneError
    except _UndoneError:
        pass
    assert tried is not None
    return tried


def _try(loop: Loop, turn: TurnState, base: Base, terms: Terms) -> Tried:
    assert turn.dataset is not None
    before, name = turn.bases
    dataset = loop.store.datasets.get(turn.dataset)
    candidate = candidate_of(loop, turn, dataset, base)
    made = Tried(
        task=loop.task.name,
        base=name,
        before=before,
        outcome="refused",
        reason="",
        model=candidate.model,
    )
    if against := terms(candidate.model):
        return replace(made, outcome="terms", reason="; ".join(against))
    # What the turn asked to tell its own candidates apart serves those alone.
    served = tuple(one for one in turn.verifying if one.base == name)
    turn = replace(turn, candidates=(candidate,), verifying=served)
    evidence = evidence_of(loop, turn)
    mine = evidence.candidate(candidate)
    made = _with_gain(made, evidence, mine, evidence.same_base(turn))
    verdict = judge_base(loop, turn, evidence, mine)
    about = f"re-base on {name}"
    kind = "gate passed" if verdict.released else "gate refused"
    loop.note(turn, kind, about, model=candidate.model, reason=verdict.reason)
    if not verdict.released:
        return replace(made, reason=verdict.reason.removeprefix("refused: "))
    task, at = loop.task.name, loop.clock()
    loop.store.releases.approve(task, turn.number, candidate.model, verdict, at)
    keep_best(loop, turn, Candidate(name, candidate.model, verdict))
    loop.note(turn, "release approved", about, model=candidate.model, reason=verdict.reason)
    tested = self_test(loop, candidate.model, dataset)
    loop.note(turn, "rolled out", about, model=candidate.model, self_test=f"{tested} inputs")
    reason = verdict.reason.removeprefix("released: ")
    return replace(made, outcome="released", reason=reason)


def _with_gain(made: Tried, evidence: Evidence, mine: Contender, other: Contender) -> Tried:
    """Add the paired difference on all judging items; the gate looks at it in its own way."""
    import numpy as np

    if not evidence.items:
        return made
    labels = evidence.task.labels
    right = [
        one.decide(evidence.of_items(one.made, evidence.items), labels) == evidence.y
        for one in (mine, other)
    ]
    weights = 1 / np.array([item.probability for item in evidence.items], dtype=np.float64)
    gain, interval = paired(right[0], right[1], weights)
    return replace(made, gain=gain, interval=interval)
