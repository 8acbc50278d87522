"""Hold one layer of the two loops in a replay, and compare with the same replay left free.

Every layer is held in an arm of its own over the same stream and seed; all of them are compared
with an arm in which both loops run. What is held is one task's layer, so the figures say what
that layer was worth to that task, and nothing about a nation.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from twoloops import __version__
from twoloops.convergence.replays import loops
from twoloops.convergence.replays.held import ArmRun, Effect, FrontierBill, Holding, Layer, Side
from twoloops.convergence.replays.layers import FREE, LEAST_COMPUTE, Setting, Way, run_stream, ways
from twoloops.convergence.replays.outcome import Compute
from twoloops.convergence.replays.replay import row_groups
from twoloops.convergence.turns.loop import Workbench
from twoloops.digital.catalogue import available
from twoloops.digital.price import CPU_HOUR, frontier_price, tokens_of
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.records.task import Costs


def hold(layers: Sequence[Layer], setting: Setting) -> Holding:
    """Hold layers and compare.

    Args:
        layers: Which.
        setting: Streams, benches, memory.

    Raises:
        UserError: No row of any turn has a known label, so that nothing could be scored.
    """
    first = setting.streams[0].history
    if not first.share_scored:
        raise UserError(
            f"{first.source}: no observation after the seed has a label, so nothing can be "
            "scored: label some rows of the turns, or make the seed smaller with --seed-size"
        )
    bench = setting.bench()
    runs = [run_stream(layers, stream, bench, setting) for stream in setting.streams]
    groups = [row_groups(stream.history, bench) for stream in setting.streams]
    found = ways(layers, first)
    names = list(dict.fromkeys(name for way in found for name in (way.held, way.free)))
    right = [
        {name: [np.array(turn, dtype=bool) for turn in run[name].right] for name in names}
        for run in runs
    ]
    draws = dict(zip(names, loops.resample(right, names, groups), strict=True)) if names else {}
    sides = {name: _side(name, [run[name] for run in runs], first) for name in (*names, FREE)}
    effects = tuple(_effect(way, sides, draws) for way in found)
    free = [run[FREE] for run in runs]
    return Holding(
        source=first.source,
        task=first.task.name,
        kind=first.task.kind,
        seeds=tuple(stream.policy.seed for stream in setting.streams),
        streams=len({_order(stream.history) for stream in setting.streams}),
        turns=len(first.turns),
        scored=sum(len(turn) for turn in free[0].right),
        currency=first.task.costs.label.currency,
        costs_given=first.task.costs != Costs(),
        layers=tuple(layers),
        effects=effects,
        bill=_bill(first, free) if "small-models" in layers else None,
        spent=_total(run.compute for by_arm in runs for run in by_arm.values()),
        free_compute=_mean([run.compute for run in free]),
        least_compute=(
            _mean([run[LEAST_COMPUTE].compute for run in runs]) if "compute" in layers else None
        ),
        statements={layer: statements(layer, first, bench, free) for layer in layers},
        version=__version__,
    )


def _side(name: str, runs: Sequence[ArmRun], history: History) -> Side:
    costs = history.task.costs
    labels = float(np.mean([run.labels for run in runs]))
    errors = [
        run.escapes * float(costs.escape.amount)
        + run.false_rejects * float(costs.false_reject.amount)
        for run in runs
        if run.escapes is not None and run.false_rejects is not None
    ]
    right = [[np.array(turn, dtype=bool) for turn in run.right] for run in runs]
    return Side(
        arm=name,
        accuracy=float(np.mean([loops.mean_accuracy(one) for one in right])),
        labels=labels,
        labels_cost=labels * float(costs.label.amount),
        errors_cost=float(np.mean(errors)) if errors else None,
        models=float(np.mean([run.models for run in runs])),
        released=float(np.mean([run.released for run in runs])),
        adopted=tuple(dict.fromkeys(base for run in runs for base in run.adopted)),
    )


def _effect(way: Way, sides: dict[str, Side], draws: dict[str, NDArray[np.float64]]) -> Effect:
    held, free = sides[way.held], sides[way.free]
    cost = None
    if held.errors_cost is not None and free.errors_cost is not None:
        cost = held.errors_cost + held.labels_cost - free.errors_cost - free.labels_cost
    return Effect(
        layer=way.layer,
        way=way.way,
        words=way.words,
        held=held,
        free=free,
        points=held.accuracy - free.accuracy,
        interval=loops.interval_of(draws[way.held] - draws[way.free]),
        cost=cost,
    )


def _bill(history: History, free: Sequence[ArmRun]) -> FrontierBill:
    task = history.task
    rows = [row.input for turn in history.turns for row in turn]
    price = frontier_price(*tokens_of(task, rows[:200]), datetime.now(UTC))
    seconds = _mean([run.compute for run in free])
    labels = float(np.mean([run.labels for run in free])) * float(task.costs.label.amount)
    return FrontierBill(
        decisions=len(rows),
        model=price.model,
        per_million=price.per_million,
        usd=None if price.per_million is None else price.per_million * len(rows) / 1e6,
        as_of=price.as_of,
        source=price.source,
        note=price.note,
        labels_cost=labels,
        currency=task.costs.label.currency,
        compute_usd=(seconds.training_cpu_seconds + seconds.encoding_cpu_seconds) / 3600 * CPU_HOUR,
    )


def statements(
    layer: Layer, history: History, bench: Workbench, free: Sequence[ArmRun]
) -> tuple[str, ...]:
    """Return what has to be said with a layer's figures: what could not be held, and why."""
    if layer == "open-bases":
        return _about_bases(history, bench, free)
    if layer == "teacher":
        return _about_teachers(free)
    if layer == "floor-data":
        return ("The labels of the seed stay: what is held is what the place of use adds to them.",)
    if layer == "small-models":
        return (
            "The frontier model's quality on this task is not measured; only its list price is "
            "known.",
        )
    said = [
        "No accelerator is used: all of it ran on a CPU, and what is held is most of the little "
        "compute there is."
    ]
    if len(history.turns) % 2:
        said.append(
            "The last turn has no partner: its labels come on top, and decide nothing any more."
        )
    return tuple(said)


def _about_bases(history: History, bench: Workbench, free: Sequence[ArmRun]) -> tuple[str, ...]:
    gone = {name: why for run in free for name, why in run.unavailable.items()}
    said = [f"Not measured with {name}: {why}." for name, why in sorted(gone.items())]
    turns = len(history.turns)
    arrived = [offer.name for offer in available(tuple(bench.offers.values()), turns)]
    found = [bench.load(name) for name in arrived if name not in gone]
    # Features have no learned parameters, however many kernels they have.
    open_ones = [
        base.card.name for base in found if not isinstance(base, str) and base.card.parameters
    ]
    if not open_ones:
        said.append(
            f"Nothing is held: within {turns} turns no open model became available to this task "
            f"({history.task.kind}); what is compared are built-in features."
        )
        return tuple(said)
    adopted = {base for run in free for base in run.adopted} & set(open_ones)
    said.append(
        f"Open bases offered: {', '.join(open_ones)}; adopted with the gate in force: "
        f"{', '.join(sorted(adopted)) or 'none'}."
    )
    return tuple(said)


def _about_teachers(free: Sequence[ArmRun]) -> tuple[str, ...]:
    labellers: Counter[str] = Counter()
    for run in free:
        labellers.update(run.labellers)
    taught = {name: n for name, n in labellers.items() if name.startswith("teacher:")}
    given = ", ".join(f"{name} ({n:,})" for name, n in sorted(labellers.items()))
    if taught:
        share = sum(taught.values()) / max(sum(labellers.values()), 1)
        return (
            f"{100 * share:.0f} % of the labels came from a teacher; all labels: {given}.",
            "The figure is a stand-in: half of the labels, whoever gave them.",
        )
    return (
        f"This system has no teacher; nothing is held. All labels came from: {given}.",
        "The figure is a stand-in: what half of the labels, whoever gave them, were worth.",
    )


def _order(history: History) -> tuple[bytes, ...]:
    return tuple(row.input for row in history.rows())


def _total(parts: Iterable[Compute]) -> Compute:
    found = list(parts)
    return Compute(
        training_flop=sum(one.training_flop for one in found),
        training_cpu_seconds=sum(one.training_cpu_seconds for one in found),
        encoding_flop=sum(one.encoding_flop for one in found),
        encoding_cpu_seconds=sum(one.encoding_cpu_seconds for one in found),
    )


def _mean(parts: Sequence[Compute]) -> Compute:
    whole, n = _total(parts), max(len(parts), 1)
    return Compute(
        training_flop=whole.training_flop / n,
        training_cpu_seconds=whole.training_cpu_seconds / n,
        encoding_flop=whole.encoding_flop / n,
        encoding_cpu_seconds=whole.encoding_cpu_seconds / n,
    )
