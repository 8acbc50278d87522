"""Ask where two models decide differently: nowhere else can a label tell them apart.

The loss difference of two models is zero wherever they decide alike, and that is known without
any label. So a part of the turn's budget is kept back until the candidates are there, and goes
to a random draw from the observations on which a candidate and the model it is compared with
decide differently. The gate may already be convinced (two models that hardly ever differ cannot
differ much in quality); then nothing is asked, and the labels go to the next turn.
"""

import numpy as np
from msgspec.structs import replace

from twoloops.convergence.turns.anchor import best_release, not_worse, was_refused
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState, Verifying, Waiting
from twoloops.convergence.turns.stopping import stopped
from twoloops.physical.labelling.questions import ask
from twoloops.records.label import Question


def verify(loop: Loop, turn: TurnState) -> TurnState | Waiting:
    """Draw the verifying questions of a turn."""
    if not loop.policy.gate or stopped(loop, turn) is not None:
        return turn
    deployed = loop.deployed()
    left = loop.policy.verify_labels(was_refused(loop, turn))
    if deployed is None or not left:
        return turn
    evidence = evidence_of(loop, turn)
    open_places = {q.observation for q in loop.store.questions.of_turn(loop.task.name, turn.number)}
    rng = loop.rng(turn)
    asked: list[Question] = []
    drawn: list[Verifying] = []
    for candidate in turn.candidates:
        mine = evidence.candidate(candidate)
        if candidate.base == turn.bases[0]:
            if not_worse(loop, turn, evidence, mine)[0].released:
                continue
            other = best_release(loop, turn)
            assert other is not None
        else:
            other = evidence.same_base(turn)
        differing = [
            evidence.observations[i]
            for i in _differing(evidence, mine, other)
            if evidence.observations[i].place not in open_places
        ]
        differing = loop.askable(differing)
        count = min(left, len(differing))
        if not count:
            continue
        picks = rng.permutation(len(differing))[:count]
        places = tuple(differing[i].place for i in picks.tolist())
        chance = count / len(differing)
        asked += [
            Question(place, turn.number, "verify", chance, rank)
            for rank, place in enumerate(places, len(asked))
        ]
        drawn.append(Verifying(candidate.base, places))
        open_places |= set(places)
        left -= count
    ask(loop.store, loop.task.name, asked)
    loop.note(turn, "verifying questions asked", questions=str(len(asked)))
    return replace(turn, verifying=tuple(drawn))


def _differing(evidence: Evidence, mine: Contender, other: Contender) -> list[int]:
    return np.flatnonzero(evidence.differ(mine, other)).tolist()
