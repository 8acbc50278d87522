"""Which arm holds which layer, and how such an arm is run.

Arms named as in a replay are those of a replay; three more hold what a replay leaves free: half
the labels, the least compute, and rules in place of a model.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from msgspec.structs import replace as altered
from numpy.typing import NDArray

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import correct, majority_rule, rule_figures, turn_figures
from twoloops.convergence.replays.held import ArmRun, Layer
from twoloops.convergence.replays.outcome import Compute, TurnFigures
from twoloops.convergence.replays.replay import OnTurn, policies
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState
from twoloops.physical.history.stream import History, Row
from twoloops.store.workspace import Store

FREE = "both"
HALF_LABELS, LEAST_COMPUTE = "half the labels", "least compute"
MAJORITY, RULES = "majority class", "keyword rules"
UNGATED = " without gate"


class Way(NamedTuple):
    """One way of holding a layer: which arm is compared with which."""

    layer: Layer
    way: str
    held: str
    free: str
    words: str


def _gated(layer: Layer, held: str, words: str) -> tuple[Way, Way]:
    """Hold a layer twice: a gate that releases nothing would hide what the layer is worth."""
    return (
        Way(layer, "gate in force", held, FREE, words),
        Way(layer, "without gate", held + UNGATED, FREE + UNGATED, words),
    )


WAYS = (
    *_gated(
        "open-bases",
        "data",
        "no open base ever becomes available: the task stays on the features it began on",
    ),
    *_gated(
        "floor-data", "models", "no new label trains; audit labels are still bought, and judge"
    ),
    *_gated(
        "teacher",
        HALF_LABELS,
        "a stand-in: the budget of labels halved, as if half of them had come from a teacher that "
        "is gone",
    ),
    Way(
        "small-models",
        MAJORITY,
        MAJORITY,
        FREE,
        "no model: always the label most frequent in the seed",
    ),
    Way(
        "small-models",
        RULES,
        RULES,
        FREE,
        "no model: rules written by hand; the hours to write them are not counted",
    ),
    *_gated(
        "compute",
        LEAST_COMPUTE,
        "the cheapest features only, and every second retraining; the same budget of labels",
    ),
)


class Stream(NamedTuple):
    """A past with the policy of its arm `both`; the policy's seed tells streams apart."""

    history: History
    policy: Policy


class Keep(Protocol):
    """Remembers arms that have run, so that a stopped experiment goes on."""

    def get(self, arm: str, seed: int) -> ArmRun | None:
        """Return an arm that has run, or `None`."""

    def put(self, run: ArmRun) -> None:
        """Keep an arm that has run."""


@dataclass(frozen=True)
class Setting:
    """What all arms share.

    Args:
        streams: One a seed.
        bench: Makes a workbench; bases and embeddings are shared by the arms of a stream.
        keep: Remembers arms.
        folder: Where the replayed edge keeps its spools.
        on_turn: Called as soon as a turn of an arm is closed.
    """

    streams: Sequence[Stream]
    bench: Callable[[], Workbench]
    keep: Keep
    folder: Path
    on_turn: OnTurn | None = None


def ways(layers: Iterable[Layer], history: History) -> list[Way]:
    """Return the ways in which the layers can be held on this past."""
    wanted = set(layers)
    found = [way for way in WAYS if way.layer in wanted]
    return [way for way in found if way.held != RULES or history.keyword_rules is not None]


def arms(layers: Iterable[Layer], history: History) -> list[str]:
    """Return the arms that have to run, the free one first, and none that is a mere rule."""
    names = [FREE]
    for way in ways(layers, history):
        names += [way.free, way.held]
    return [name for name in dict.fromkeys(names) if name not in (MAJORITY, RULES)]


def run_stream(
    layers: Sequence[Layer], stream: Stream, bench: Workbench, setting: Setting
) -> dict[str, ArmRun]:
    """Run the arms that the layers need over one stream, or take those that have run before."""
    runs: dict[str, ArmRun] = {}
    for name in arms(layers, stream.history):
        found = setting.keep.get(name, stream.policy.seed)
        if found is None:
            found = run_arm(name, stream, bench, setting)
            setting.keep.put(found)
        runs[name] = found
    for way in ways(layers, stream.history):
        if way.held in (MAJORITY, RULES):
            runs[way.held] = run_rule(way.held, stream)
    return runs


def coarser(history: History) -> History:
    """Return the same past with every two turns made one, and twice the labels in each.

    A last turn without a partner stays alone; what is labelled in it decides nothing any more.
    """
    turns = history.turns
    paired = tuple(
        tuple(row for turn in turns[i : i + 2] for row in turn) for i in range(0, len(turns), 2)
    )
    return replace(history, turns=paired, labels_per_turn=2 * history.labels_per_turn)


def split_turns(
    right: Sequence[NDArray[np.bool_]], sizes: Sequence[int]
) -> tuple[tuple[bool, ...], ...]:
    """Cut what was decided right, in order of arrival, into turns of so many scored rows.

    Law: joined again, the turns are what came in.
    """
    flat = [bool(one) for turn in right for one in turn]
    ends = np.cumsum([0, *sizes]).tolist()
    assert ends[-1] == len(flat), "every scored row belongs to one turn"
    return tuple(tuple(flat[a:b]) for a, b in pairwise(ends))


def scored(turn: Sequence[Row]) -> list[Row]:
    """Return the rows whose label is known."""
    return [row for row in turn if row.label is not None]


def run_arm(name: str, stream: Stream, bench: Workbench, setting: Setting) -> ArmRun:
    """Run one arm in memory."""
    history, policy = stream.history, _policy(name, stream.policy)
    if name in (FREE, LEAST_COMPUTE):
        # Whose compute is shown encodes for itself: nothing is inherited from another arm.
        bench = setting.bench()
    if name.removesuffix(UNGATED) == LEAST_COMPUTE:
        history = coarser(history)
    sizes = [len(scored(turn)) for turn in stream.history.turns]
    flop, seconds = bench.encoder.operations, bench.encoder.cpu_seconds
    figures: list[TurnFigures] = []
    with Store.in_memory() as store:
        loop = Loop(store, history.task.name, policy, bench, lambda: datetime.now(UTC))
        place = setting.folder / f"{policy.seed}-{name.replace(' ', '-')}"
        arm = Arm(loop, history, place, real_edge=False)

        def closed(state: TurnState) -> None:
            if state.number > 0:
                figures.append(turn_figures(arm, state))
                if setting.on_turn is not None:
                    setting.on_turn(name, figures[-1])

        states = arm.run(closed)
        labels = store.labels.of_task(history.task.name)
        return ArmRun(
            arm=name,
            seed=policy.seed,
            right=split_turns(correct(arm), sizes),
            labels=len(labels),
            labellers=dict(Counter(one.labeller for one in labels)),
            models=len(store.models.of_task(history.task.name)),
            released=len(store.releases.all(history.task.name)),
            adopted=tuple(dict.fromkeys(turn.base for turn in figures if turn.base)),
            unavailable={k: v for state in states for k, v in state.unavailable.items()},
            escapes=_sum(turn.escapes for turn in figures),
            false_rejects=_sum(turn.false_rejects for turn in figures),
            compute=Compute(
                training_flop=loop.training_flop,
                training_cpu_seconds=loop.training_cpu_seconds,
                encoding_flop=bench.encoder.operations - flop,
                encoding_cpu_seconds=bench.encoder.cpu_seconds - seconds,
            ),
        )


def _policy(name: str, policy: Policy) -> Policy:
    arm = name.removesuffix(UNGATED)
    gate = policy.gate and arm == name
    if arm == HALF_LABELS:
        return altered(policy, labels_per_turn=policy.labels_per_turn // 2, gate=gate)
    if arm == LEAST_COMPUTE:
        twice = 2 * policy.labels_per_turn
        return altered(policy, labels_per_turn=twice, models=False, gate=gate)
    return policies(policy)[name]


def run_rule(name: str, stream: Stream) -> ArmRun:
    """Return what a rule without learning decides; the majority's seed labels were paid for."""
    history = stream.history
    rule = majority_rule(history) if name == MAJORITY else history.keyword_rules
    assert rule is not None
    figures = rule_figures(history, rule)
    return ArmRun(
        arm=name,
        seed=stream.policy.seed,
        right=tuple(
            tuple(rule(row.input.decode("utf-8", "replace")) == row.label for row in scored(turn))
            for turn in history.turns
        ),
        labels=len(scored(history.seed)) if name == MAJORITY else 0,
        escapes=_sum(turn.escapes for turn in figures),
        false_rejects=_sum(turn.false_rejects for turn in figures),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
