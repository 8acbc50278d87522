"""What trying another model between turns has in common, whatever makes the model.

The very functions of a turn's stages judge it, on the dataset that the last turn froze. The bets
are those of that turn, so that trying twice is trying once.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from twoloops.convergence.judging.evaluate import Interval
from twoloops.convergence.trials.compare import last_frozen, paired
from twoloops.convergence.turns.anchor import keep_best
from twoloops.convergence.turns.differing import keep_differences
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.releasing import self_test
from twoloops.convergence.turns.stages import judge_base
from twoloops.convergence.turns.state import Candidate, TurnState
from twoloops.digital.base import Base
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError

Outcome = Literal[
    "released", "refused", "same already", "no weight", "does not fit", "terms", "waits"
]

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


T = TypeVar("T", bound=Tried)


class _UndoneError(Exception):
    """Ends a transaction whose writes are not wanted."""


def deployed_base(loop: Loop) -> str:
    """Return the name of the deployed model's base; empty where nothing is deployed."""
    release = loop.store.releases.deployed(loop.task.name)
    return loop.store.models.find(release.model).card.base if release else ""


def last_turn(loop: Loop) -> TurnState | str:
    """Return the turn whose dataset and bets serve, or in one sentence what to wait for."""
    task = loop.task.name
    if not deployed_base(loop):
        return f"nothing is deployed yet: go on with  twoloops turn {task}"
    opened = loop.store.turns.open(task)
    if opened is not None and opened.stage != "observe":
        return f"turn {opened.number} is open: end it with  twoloops turn {task}"
    try:
        return last_frozen(loop)
    except UserError as error:
        return str(error)


def found_base(loop: Loop, name: str) -> Base | str:
    """Return a base that a task may stand on, or in one sentence why it cannot be had."""
    first = loop.bench.first(loop.task)
    return first if name == first.card.name else loop.bench.load(name)


def attempt(loop: Loop, do: Callable[[], T], *, dry_run: bool) -> T:
    """Do it in one transaction; a dry run, and what was never judged, leave nothing behind."""
    tried: T | None = None
    try:
        with loop.store.transaction():
            tried = do()
            if dry_run or tried.outcome in ("terms", "no weight"):
                raise _UndoneError
    except _UndoneError:
        pass
    assert tried is not None
    return tried


def judged(
    loop: Loop, turn: TurnState, candidate: Candidate, made: T, terms: Terms, about: str
) -> T:
    """Ask the terms and the gate about a candidate that was kept, and release it if both let it.

    Args:
        loop: The task's.
        turn: The last one; its first base is the deployed one, its candidates are not looked at.
        candidate: What is tried.
        made: Whose outcome, reason, gain and interval are filled in.
        terms: Called with the candidate, whose lineage is known by now.
        about: What the journal's facts are about; they are appended once.

    Raises:
        UserError: The deployed file would answer differently than in training.
    """
    if against := terms(candidate.model):
        return replace(made, outcome="terms", reason="; ".join(against))
    turn = replace(turn, candidates=(candidate,))
    evidence = evidence_of(loop, turn)
    mine = evidence.candidate(candidate)
    made = _with_gain(made, evidence, mine, evidence.same_base(turn))
    verdict = judge_base(loop, turn, evidence, mine)
    kind = "gate passed" if verdict.released else "gate refused"
    loop.note(turn, kind, about, model=candidate.model, reason=verdict.reason)
    if not verdict.released:
        reason = verdict.reason.removeprefix("refused: ")
        return replace(made, outcome="refused", reason=reason)
    task, at = loop.task.name, loop.clock()
    loop.store.releases.approve(task, turn.number, candidate.model, verdict, at)
    keep_differences(loop, turn, candidate)
    keep_best(loop, turn, Candidate(candidate.base, candidate.model, verdict))
    loop.note(turn, "release approved", about, model=candidate.model, reason=verdict.reason)
    tested = self_test(loop, candidate.model, evidence.dataset)
    loop.note(turn, "rolled out", about, model=candidate.model, self_test=f"{tested} inputs")
    reason = verdict.reason.removeprefix("released: ")
    return replace(made, outcome="released", reason=reason)


def _with_gain(made: T, evidence: Evidence, mine: Contender, other: Contender) -> T:
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
