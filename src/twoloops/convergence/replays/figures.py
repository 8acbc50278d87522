"""From what an arm's models said to figures: by turn, in money, as prices and as compute."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.judging import evaluate
from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.outcome import (
    Compute,
    Informative,
    MoneyFigures,
    Price,
    TurnFigures,
)
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.slices import failing_after
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.price import CPU_HOUR, frontier_price, ours_per_million, tokens_of
from twoloops.physical.history.stream import History, Row

INFORMATIVE = 12


def turn_figures(arm: Arm, state: TurnState) -> TurnFigures:
    """Return one turn's figures: the deployed model, before anything of the turn was learned."""
    history, said = arm.history, arm.said(state.number)
    rows = history.turns[state.number - 1]
    labels = history.task.labels
    measured = _figures(
        history, rows, [d if d is not None else "" for d in said.decided], said.p_fault
    )
    asked = arm.loop.store.questions.of_task(history.task.name)
    assert all(label in labels for row in rows if (label := row.label) is not None)
    return TurnFigures(
        turn=state.number,
        period=rows[0].period if rows else state.period,
        observations=len(rows),
        scored=measured.scored,
        labels_total=sum(question.turn <= state.number for question in asked),
        accuracy=measured.accuracy,
        detection_rate=measured.detection_rate,
        false_reject_rate=measured.false_reject_rate,
        detection_at_limit=measured.detection_at_limit,
        escapes=measured.escapes,
        false_rejects=measured.false_rejects,
        released=state.released is not None,
        base=said.base,
        reason=state.reason,
        base_note=state.base_note,
        opened_by=state.opened_by,
        failing=tuple(one.label for one in failing_after(arm.loop, state.number)),
        right_by_label=_by_label(rows, said.decided),
    )


def _by_label(rows: Sequence[Row], decided: Sequence[str | None]) -> dict[str, tuple[int, int]]:
    """Count, for each true label, its items decided right and all of them."""
    known = [(row.label, said) for row, said in zip(rows, decided, strict=True) if row.label]
    items = Counter(label for label, _ in known)
    right = Counter(label for label, said in known if label == said)
    return {label: (right[label], count) for label, count in sorted(items.items())}


def rule_figures(history: History, rule: Callable[[str], str]) -> tuple[TurnFigures, ...]:
    """Return the figures of a baseline that maps an input (text) to a label."""
    out = []
    for number, rows in enumerate(history.turns, 1):
        decided = [rule(row.input.decode("utf-8", "replace")) for row in rows]
        measured = _figures(history, rows, decided, ())
        out.append(
            TurnFigures(
                turn=number,
                period=rows[0].period if rows else f"turn {number}",
                observations=len(rows),
                scored=measured.scored,
                labels_total=0,
                accuracy=measured.accuracy,
                detection_rate=measured.detection_rate,
                false_reject_rate=measured.false_reject_rate,
                escapes=measured.escapes,
                false_rejects=measured.false_rejects,
            )
        )
    return tuple(out)


def majority_rule(history: History) -> Callable[[str], str]:
    """Return the rule that always says the seed's most frequent label."""
    seen = Counter(row.label for row in history.seed if row.label is not None)
    most = min(seen, key=lambda label: (-seen[label], label)) if seen else history.task.labels[0]
    return lambda _: most


def _figures(
    history: History, rows: Sequence[Row], decided: Sequence[str], p_fault: Sequence[float]
) -> evaluate.Figures:
    task = history.task
    place = {label: i for i, label in enumerate(task.labels)}
    y = np.array([-1 if row.label is None else place[row.label] for row in rows], dtype=int)
    # A row that got no decision (unreadable, or no model yet) is wrong, and no fault is called.
    said = np.array([place.get(label, -1) for label in decided], dtype=int)
    return evaluate.figures(
        y,
        said,
        np.array(p_fault) if len(p_fault) == len(rows) and len(rows) else None,
        place[task.normal] if task.normal is not None else None,
        task.max_false_reject_rate,
    )


def correct(arm: Arm) -> list[NDArray[np.bool_]]:
    """Whether each scored row of each turn was decided right."""
    return [
        np.array(
            [
                decided == row.label
                for decided, row in zip(arm.said(number).decided, rows, strict=True)
                if row.label is not None
            ],
            dtype=bool,
        )
        for number, rows in enumerate(arm.history.turns, 1)
    ]


def mean_detection_at_limit(runs: Sequence[Sequence[TurnFigures]]) -> float | None:
    """Mean over turns and seeds, where it exists."""
    values = [t.detection_at_limit for turns in runs for t in turns]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def money_figures(
    history: History,
    both: Sequence[TurnFigures],
    neither: Sequence[TurnFigures],
    seed_labels: int,
) -> MoneyFigures:
    """Return what the labels cost, and what they saved against the frozen first model."""
    costs = history.task.costs
    label = float(costs.label.amount)
    totals = [turn.labels_total for turn in both]
    # The first entry is the seed.
    spent = [b - a for a, b in pairwise([0, seed_labels, *totals])]
    bought = totals[-1] if totals else 0
    avoided = extra = saved = break_even = None
    if history.task.normal is not None:
        avoided = sum(a.escapes or 0 for a in neither) - sum(b.escapes or 0 for b in both)
        extra = sum(b.false_rejects or 0 for b in both) - sum(a.false_rejects or 0 for a in neither)
        gross = avoided * float(costs.escape.amount) - extra * float(costs.false_reject.amount)
        saved = gross - bought * label
        observed = sum(turn.observations for turn in both)
        if gross > 0:
            break_even = int(np.ceil(bought * label * observed / gross))
    return MoneyFigures(
        currency=costs.label.currency,
        escape_cost=float(costs.escape.amount),
        false_reject_cost=float(costs.false_reject.amount),
        label_cost=label,
        labels=bought,
        labels_spent=bought * label,
        spent_by_turn=tuple(count * label for count in spent),
        escapes_avoided=avoided,
        extra_false_rejects=extra,
        saved=saved,
        break_even_observations=break_even,
    )


def price_figures(history: History, both: Sequence[TurnFigures], loop: Loop) -> Price:
    """Return the price of a million decisions, beside a frontier model's dated list price."""
    task = history.task
    rows = [row for turn in history.turns for row in turn][:200] or list(history.seed)
    tokens_in, tokens_out = tokens_of(task, [row.input for row in rows])
    price = frontier_price(tokens_in, tokens_out, datetime.now(UTC))
    decisions = sum(turn.observations for turn in both)
    seconds = loop.training_cpu_seconds + loop.bench.encoder.cpu_seconds
    labels = (both[-1].labels_total if both else 0) * float(task.costs.label.amount)
    compute = seconds / 3600 * CPU_HOUR
    currency = task.costs.label.currency
    mixed = f"; labels in {currency}, compute and list price in USD, added as they are"
    return Price(
        ours_per_million=ours_per_million(labels + compute, decisions),
        ours_of_which_labels=ours_per_million(labels, decisions),
        ours_of_which_compute=ours_per_million(compute, decisions),
        frontier_model=price.model,
        frontier_per_million=price.per_million,
        frontier_as_of=price.as_of,
        frontier_source=price.source,
        tokens_per_decision=tokens_in + tokens_out,
        note=price.note + mixed * (currency != "USD"),
    )


def compute_figures(bench: Workbench, loops: Sequence[Loop]) -> Compute:
    """Return the compute of the whole replay, all arms and seeds together."""
    return Compute(
        training_flop=sum(loop.training_flop for loop in loops),
        training_cpu_seconds=sum(loop.training_cpu_seconds for loop in loops),
        encoding_flop=bench.encoder.operations,
        encoding_cpu_seconds=bench.encoder.cpu_seconds,
    )


def informative(history: History, arm: Arm) -> tuple[Informative, ...]:
    """Return the last turn's observations that the deployed model was least sure of."""
    from twoloops.records.digests import digest_bytes

    if not history.turns:
        return ()
    rows, said = history.turns[-1], arm.said(len(history.turns))
    order = np.argsort(np.array(said.margin), kind="stable")[:INFORMATIVE]
    text = history.task.kind == "text"
    return tuple(
        Informative(
            text=rows[i].input.decode("utf-8", "replace") if text else rows[i].period,
            decided=said.decided[i] or "not decided",
            truth=rows[i].label or "unknown",
            margin=said.margin[i],
            image=None if text else digest_bytes(rows[i].input),
        )
        for i in order.tolist()
    )
