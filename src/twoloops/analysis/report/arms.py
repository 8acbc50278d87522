"""The arms of a replay and the baselines beside them: their names and the order of print."""

from typing import NamedTuple

from twoloops.convergence.replays.outcome import Loops, ReplayResult, TurnFigures


class Arm(NamedTuple):
    """One arm or baseline.

    Args:
        key: `neither`, `models`, `data`, `both`, `everything`, `keyword_rules`, `majority`.
        name: Its name in print.
        turns: Its figures, turn by turn.
    """

    key: str
    name: str
    turns: tuple[TurnFigures, ...]


NAMES = {
    "neither": "neither loop",
    "models": "models loop only",
    "data": "data loop only",
    "both": "both loops",
    "everything": "everything labelled",
    "keyword_rules": "keyword rules",
    "majority": "majority class",
}
MEANINGS = {
    "neither": "the first model is kept",
    "models": "new bases, no new labels",
    "data": "new labels, the first base",
    "both": "new bases and new labels",
    "everything": "every observation labelled: the ceiling, at full cost",
    "keyword_rules": "a hand-written pattern list, no learning",
    "majority": "always the most frequent label",
}
BRIEF = {
    "neither": "first model kept",
    "models": "new bases, no labels",
    "data": "new labels, first base",
    "both": "new bases, new labels",
    "everything": "the ceiling, full cost",
    "keyword_rules": "hand-written patterns",
    "majority": "most frequent label",
}
FOUR = ("neither", "models", "data", "both")


def arms(result: ReplayResult) -> list[Arm]:
    """Return the four arms, then the baselines for which there are figures."""
    turns = {key: result.turns if key == "both" else getattr(result, key) for key in NAMES}
    return [Arm(key, NAMES[key], turns[key]) for key in NAMES if key in FOUR or turns[key]]


def accuracy_of(loops: Loops, key: str) -> float | None:
    """Return an arm's mean accuracy as the four-arm measurement has it, if it has it."""
    value: float | None = getattr(loops, key, None)
    return value
