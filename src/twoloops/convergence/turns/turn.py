"""A turn: one cycle of both loops, as a small state machine on disk.

`advance` performs the next stage if what it needs is there, and commits its result together
with the state. Killed anywhere, the turn goes on where it was.
"""

from msgspec.structs import replace

from twoloops.convergence.turns import freezing, releasing, stages, verifying
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.stages import StageFunction
from twoloops.convergence.turns.state import STAGES, Stage, TurnState, Waiting

PERFORM: dict[Stage, StageFunction] = {
    "observe": stages.observe,
    "select": stages.select_questions,
    "label": stages.label,
    "freeze": freezing.freeze,
    "choose base": stages.choose_base,
    "specialise": stages.specialise,
    "verify": verifying.verify,
    "confirm": stages.label,
    "judge": stages.judge,
    "release": releasing.release,
    "roll out": releasing.roll_out,
    "publish back": releasing.publish_back,
}


def start(loop: Loop, number: int, period: str) -> TurnState:
    """Return a turn as it stands, opening it if it is new."""
    state = loop.state(number)
    if state is None:
        state = TurnState(number=number, period=period)
        loop.save(state)
    return state


def advance(loop: Loop, turn: TurnState) -> TurnState | Waiting:
    """Perform the next stage of a turn that is not closed."""
    if turn.stage == "closed":
        return turn
    following = STAGES[STAGES.index(turn.stage) + 1]
    with loop.store.transaction():
        outcome = PERFORM[turn.stage](loop, turn)
        if isinstance(outcome, Waiting):
            return outcome
        done = replace(outcome, stage=following)
        loop.save(done)
    return done


def advance_until(loop: Loop, turn: TurnState, stage: Stage = "closed") -> TurnState | Waiting:
    """Perform stages until `stage` is the next one, or one has to wait."""
    while turn.stage != stage:
        outcome = advance(loop, turn)
        if isinstance(outcome, Waiting):
            return outcome
        turn = outcome
    return turn
