"""What more data is compared with: the best release so far, and the bets against keeping it.

Were more data compared with the last release alone, each could be worse than the one before by
almost the margin. Bets are carried from refusal to refusal: each turn its newest candidate is
scored on that turn's own observations, against the best release. They are evidence about the
procedure (learn again from everything at hand), and they count what is there now: where the
regime shifts, labels of earlier turns still speak for the old model. A release spends them: they
speak of the candidates of the turns they were made in, and a later one may be worse.
"""

from collections.abc import Iterable

import msgspec

from twoloops.convergence.judging import betting
from twoloops.convergence.judging.betting import Bets
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import Candidate, TurnState
from twoloops.records.digests import Digest
from twoloops.records.gate import Verdict

BEST = "best release"
"""Evidence: the model that more data may not be worse than."""

CARRIED = "bets: newest candidate over the best release"


class Carried(msgspec.Struct, frozen=True):
    """Bets that newer candidates are no worse than one release.

    Args:
        over: Digest of that release.
        bets: Of the turns since it became the best and since something was released.
        refused: Whether the last of them was refused.
    """

    over: Digest
    bets: Bets
    refused: bool = False


def best_release(loop: Loop, turn: TurnState) -> Contender | None:
    """Return the best release before a turn, or `None` where there is none yet."""
    digest = best_digest(loop, turn)
    if digest is None:
        return None
    return Contender(loop.made(digest), loop.store.models.find(digest).card.threshold)


def keep_best(loop: Loop, turn: TurnState, released: Candidate) -> None:
    """Note a release as the best one, unless the best so far is estimated to be better."""
    evidence, best = evidence_of(loop, turn), best_release(loop, turn)
    mine = evidence.candidate(released)
    if best is None or not evidence.items or evidence.accuracy(mine) >= evidence.accuracy(best):
        loop.store.evidence.put(loop.task.name, BEST, turn.number, released.model)


def not_worse(
    loop: Loop, turn: TurnState, evidence: Evidence, mine: Contender
) -> tuple[Verdict, Carried]:
    """Judge more data on the same base against the best release before the turn.

    Returns:
        The verdict, and what to carry once it is final.
    """
    best = best_release(loop, turn)
    assert best is not None
    digest = best_digest(loop, turn)
    assert digest is not None
    before = _carried(loop, turn, digest)
    verdict, bets = evidence.compare("not worse", mine, best, before.bets, turn.number - 1)
    if verdict.released:
        bets = betting.start(loop.policy.settings.grid)
    return verdict, Carried(digest, bets, refused=not verdict.released)


def carry(loop: Loop, turn: TurnState, carried: Carried) -> None:
    """Keep a turn's bets for the next one."""
    loop.store.evidence.put(loop.task.name, CARRIED, turn.number, carried)


def was_refused(loop: Loop, turn: TurnState) -> bool:
    """Say whether the gate refused more data when it was last asked."""
    digest = best_digest(loop, turn)
    return digest is not None and _carried(loop, turn, digest).refused


def best_digest(loop: Loop, turn: TurnState) -> Digest | None:
    """Return the digest of the best release before a turn, or `None`."""
    releases = loop.store.releases
    revoked, withdrawn = releases.revoked(), releases.withdrawn(loop.task.name)
    history = loop.store.evidence.history(loop.task.name, BEST, str)
    kept = {
        number: model
        for number, model in history.items()
        if model not in revoked and (number, model) not in withdrawn
    }
    return kept.get(_last(kept, turn))


def _carried(loop: Loop, turn: TurnState, over: Digest) -> Carried:
    kept = loop.store.evidence.history(loop.task.name, CARRIED, Carried)
    found = kept.get(_last(kept, turn))
    if found is None or found.over != over:
        return Carried(over, betting.start(loop.policy.settings.grid))
    return found


def _last(turns: Iterable[int], turn: TurnState) -> int:
    return max((number for number in turns if number < turn.number), default=-1)
