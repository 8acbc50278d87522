"""Replay history as if it arrived from the floor, in four arms, and return the figures.

`neither` keeps the first model; `models` tries newer bases without new labels; `data` learns
from new labels on the first base; `both` does both. Audit labels are bought in all arms and
train only where the data loop runs; all arms use the same recipe and the same threshold rule.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace as altered

from twoloops import __version__
from twoloops.convergence.replays import loops
from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import (
    compute_figures,
    correct,
    informative,
    majority_rule,
    mean_detection_at_limit,
    money_figures,
    price_figures,
    rule_figures,
    turn_figures,
)
from twoloops.convergence.replays.outcome import Edge, Loops, Node, ReplayResult, TurnFigures
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState
from twoloops.physical.duplicates import group
from twoloops.physical.history.stream import History
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.store.workspace import Store

OnTurn = Callable[[str, TurnFigures], None]
"""Called with the arm's name and a turn's figures as soon as they are known."""

GATED = ("both", "neither", "models", "data", "everything")
UNGATED = ("neither", "models", "data", "both")


@dataclass(frozen=True)
class Ran:
    """An arm that has run, with its figures."""

    arm: Arm
    figures: tuple[TurnFigures, ...]
    states: tuple[TurnState, ...]


def policies(policy: Policy) -> dict[str, Policy]:
    """Return the policy of every arm, by name; ` without gate` marks those that take all."""
    switches = {
        # First: it is shown as it runs, and it is what a killed replay resumes.
        "both": {"data": True, "models": True},
        "neither": {"data": False, "models": False},
        "models": {"data": False, "models": True},
        "data": {"data": True, "models": False},
    }
    out = {name: altered(policy, **switch) for name, switch in switches.items()}
    out["everything"] = altered(policy, everything=True, gate=False, rebase="offers")
    for name in UNGATED:
        out[f"{name} without gate"] = altered(out[name], gate=False)
    return out


def replay(
    history: History,
    policy: Policy,
    bench: Workbench,
    store: Store,
    folder: Path,
    *,
    seeds: Sequence[int] = (0,),
    on_turn: OnTurn | None = None,
) -> ReplayResult:
    """Run all arms over a history.

    Args:
        history: What arrives.
        policy: Of the arm called `both`; the other arms differ in their switches only.
        bench: Bases and embeddings, shared by all arms.
        store: Keeps the `both` arm of the first seed: a killed replay resumes there, and it can
            become a workspace.
        folder: Where the replayed edge keeps its spools; those of the other arms are removed, also
            those that a killed replay left.
        seeds: Each runs all arms once; figures by turn are those of the first.
        on_turn: Called as soon as a turn of an arm is closed.

    Raises:
        UserError: No row of any turn has a known label, so that nothing could be scored.
    """
    if not history.share_scored:
        raise UserError(
            f"{history.source}: no observation after the seed has a label, so nothing can be "
            f"scored ({len(history.seed)} rows are the seed, {len(history.turns)} turns follow): "
            "label some rows of the turns, or make the seed smaller with --seed-size"
        )
    runs: list[dict[str, Ran]] = []
    with ExitStack() as stack:
        for seed in seeds:
            ran: dict[str, Ran] = {}
            for name, own in policies(altered(policy, seed=seed)).items():
                if name == "neither without gate" and ran["neither"].states[0].released:
                    continue  # the first model is kept, gate or no gate
                kept = name == "both" and seed == seeds[0]
                arm_store = store if kept else stack.enter_context(Store.in_memory())
                loop = Loop(arm_store, history.task.name, own, bench, lambda: datetime.now(UTC))
                # Not in the system's place for such: killed, it would leave a folder there.
                place = folder if kept else folder / f"{seed}-{name.replace(' ', '-')}"
                ran[name] = _run(Arm(loop, history, place, real_edge=kept), name, on_turn)
                if not kept:
                    shutil.rmtree(place, ignore_errors=True)
            runs.append(ran)
        return _result(history, policy, bench, runs, tuple(seeds))


def _run(arm: Arm, name: str, on_turn: OnTurn | None) -> Ran:
    figures: list[TurnFigures] = []

    def closed(state: TurnState) -> None:
        if state.number == 0:
            return
        figures.append(turn_figures(arm, state))
        if on_turn is not None:
            on_turn(name, figures[-1])

    states = arm.run(closed)
    return Ran(arm, tuple(figures), tuple(states))


def _result(
    history: History,
    policy: Policy,
    bench: Workbench,
    runs: list[dict[str, Ran]],
    seeds: tuple[int, ...],
) -> ReplayResult:
    first = runs[0]
    both = first["both"]
    rules = history.keyword_rules
    return ReplayResult(
        source=history.source,
        task=history.task.name,
        kind=history.task.kind,
        labels=history.task.labels,
        normal=history.task.normal,
        false_reject_limit=history.task.max_false_reject_rate,
        seeds=seeds,
        loops=_loops(history, runs, ""),
        loops_without_gate=_loops(history, runs, " without gate"),
        turns=both.figures,
        neither=first["neither"].figures,
        models=first["models"].figures,
        data=first["data"].figures,
        everything=first["everything"].figures,
        keyword_rules=rule_figures(history, rules) if rules is not None else (),
        majority=rule_figures(history, majority_rule(history)),
        money=money_figures(
            history,
            both.figures,
            first["neither"].figures,
            len(both.arm.loop.store.questions.of_turn(history.task.name, 0)),
        ),
        price=price_figures(history, both.figures, both.arm.loop),
        compute=compute_figures(bench, [ran.arm.loop for run in runs for ran in run.values()]),
        nodes=_nodes(both),
        edges=_edges(both),
        informative=informative(history, both.arm),
        caveats=history.caveats,
        quarantined=tuple(str(one) for one in history.quarantined),
        bases=_bases(bench, history, both),
        share_scored=history.share_scored,
        version=__version__,
    )


def _loops(history: History, runs: list[dict[str, Ran]], suffix: str) -> Loops:
    """Measure the four arms; what labels everything is the same with and without a gate.

    So is what keeps the first model, unless the gate refused it.
    """
    names = {name: name + suffix for name in loops.ARMS}
    names["everything"] = "everything"
    ran = [{name: run.get(key, run[name]) for name, key in names.items()} for run in runs]
    measured = [{name: correct(one.arm) for name, one in run.items()} for run in ran]
    limits = {name: mean_detection_at_limit([run[name].figures for run in ran]) for name in names}
    groups = row_groups(history, runs[0]["both"].arm.loop.bench)
    return loops.measure(measured, [groups] * len(runs), limits=limits)


def row_groups(history: History, bench: Workbench) -> list[list[str]]:
    """Group of each scored row of each turn: what repeats is resampled together."""
    # The store has only what the edge kept; here every row counts.
    data = {digest_bytes(row.input): row.input for turn in history.turns for row in turn}
    out = []
    for turn in history.turns:
        rows = [row for row in turn if row.label is not None]
        digests = [digest_bytes(row.input) for row in rows]
        signatures = bench.signatures(history.task.kind, digests, lambda _: data)
        out.append(group(signatures, [row.origin for row in rows]))
    return out


def _nodes(both: Ran) -> tuple[Node, ...]:
    """Models in the order of their turns, then their releases; the rest in any order."""
    store, task = both.arm.loop.store, both.arm.history.task.name
    models = [model.digest for model in store.models.of_task(task)]
    known = {node.digest: node for node in store.lineage.nodes()}
    made = [Node(id=d, kind="model", title=known.pop(d).title) for d in models if d in known]
    rest = [Node(id=n.digest, kind=n.kind, title=n.title) for n in known.values()]
    releases = [
        Node(
            id=f"release/{one.model}",
            kind="release",
            title=f"release of turn {one.turn}",
            detail=one.verdict.reason,
        )
        for one in store.releases.all(task)
    ]
    return (*rest, *made, *releases)


def _edges(both: Ran) -> tuple[Edge, ...]:
    store, task = both.arm.loop.store, both.arm.history.task.name
    return tuple(
        Edge(child=edge.child, parent=edge.parent, relation=edge.relation)
        for edge in store.lineage.edges()
    ) + tuple(
        Edge(child=f"release/{one.model}", parent=one.model, relation="approved")
        for one in store.releases.all(task)
    )


def _bases(bench: Workbench, history: History, both: Ran) -> dict[str, str]:
    """What each base is, and why one that was offered could not be had."""
    out = {bench.first(history.task).card.name: "built-in features, from the start"}
    missing = {k: v for state in both.states for k, v in state.unavailable.items()}
    for name, offer in bench.offers.items():
        if name in missing:
            out[name] = missing[name]
            continue
        found = bench.load(name)
        kind = found if isinstance(found, str) else found.card.kind
        out[name] = f"{kind}, available upstream from turn {offer.available_from_turn}"
    return out
