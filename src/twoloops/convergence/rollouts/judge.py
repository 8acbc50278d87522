"""Judge a stage: count what its edges say, and look at every condition."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from twoloops.convergence.rollouts.evidence import (
    Condition,
    Finding,
    Judged,
    above,
    added,
    not_worse,
    number,
    upper,
    worse,
)
from twoloops.convergence.rollouts.plan import Least, Stage
from twoloops.convergence.rollouts.state import (
    NONE,
    Compared,
    Counts,
    Losses,
    Observed,
    Seen,
    State,
    Tally,
)
from twoloops.convergence.turns.differing import Weighed, pooled

ENOUGH = 10
"""Effective observations of a stage's edges below which those of all edges are looked at."""


def begun(edges: Iterable[Seen]) -> tuple[Tally, ...]:
    """Return tallies of 0: what edges have counted until now belongs to no stage."""
    return tuple(Tally(edge=one.edge, paired_last=one.paired, own_last=one.own) for one in edges)


def counted(tallies: tuple[Tally, ...], edges: Iterable[Seen]) -> tuple[Tally, ...]:
    """Add what edges have counted since; those that were not there begin at 0."""
    known = {one.edge: one for one in tallies}
    for one in edges:
        old = known.get(one.edge) or Tally(edge=one.edge)
        paired, paired_last = _added(old.paired, old.paired_last, one.paired)
        own, own_last = _added(old.own, old.own_last, one.own)
        known[one.edge] = Tally(
            edge=one.edge, paired=paired, paired_last=paired_last, own=own, own_last=own_last
        )
    return tuple(known[name] for name in sorted(known))


def judge(state: State, observed: Observed, at: datetime) -> Judged:
    """Look at every condition of the open stage, by its tallies as they are."""
    stage = state.plan.stages[state.stage]
    needed = state.plan.needed
    members = [one for one in observed.edges if one.group in state.groups]
    paired, differed, failed, slow = _sum(one.paired for one in state.tallies)
    here = compared(state, members)
    own, own_late = _sum(one.own for one in state.tallies)[:2]
    shadow = stage.kind == "shadow"
    decisions, late = (paired + failed, slow) if shadow else (own, own_late)
    losses = observed.losses
    widest = max(one.error_margin for one in state.plan.stages)
    proof = not_worse(
        losses.x,
        losses.differ,
        stage.error_margin,
        losses.weights,
        differed=differed + failed,
        paired=paired + failed,
    )
    findings = [
        _errors("errors", losses, stage.error_margin, needed),
        _errors("errors so far", observed.overall, widest, state.plan.needed_overall),
        _late(stage, min(late, decisions), decisions, needed),
        *_edges(stage, members),
    ]
    if here is not None:
        overall = state.plan.needed_overall
        findings.append(_disagreement("disagreement", here, needed))
        findings.append(_disagreement("disagreement so far", state.earlier + here, overall))
    return Judged(
        labels=len(losses.x),
        lost=sum(one > 0 for one in losses.x),
        won=sum(one < 0 for one in losses.x),
        decisions=decisions,
        paired=paired,
        differed=differed,
        late=late,
        proof=proof,
        proved=proof >= state.plan.proof,
        silent=sum(one.heard is None or one.heard < _limit(stage, at) for one in members),
        findings=tuple(findings),
    )


def compared(state: State, members: Sequence[Seen]) -> Compared | None:
    """Return how differently the two decided in the open stage; `None`: nobody said what may be.

    What the one beside could not decide is decided differently from the one that counts.
    """
    rate = allowed(state, state.plan.stages[state.stage], [one.edge for one in members])
    if rate is None:
        return None
    paired, differed, failed, _ = _sum(one.paired for one in state.tallies)
    return Compared(differed + failed, paired + failed, rate)


def allowed(state: State, stage: Stage, edges: Sequence[str] = ()) -> float | None:
    """Return the share of inputs on which the two may differ; `None`: nobody has said.

    As the gate saw it on what these edges sent, if that is enough, else on all. Where the gate
    compared the release with another one than the model before, what those two differ by is added:
    whoever differs in neither differs in none.
    """
    if stage.disagreement is not None:
        return stage.disagreement
    if state.share is None:
        return None
    share = _known(state.gate, edges)
    rate = upper(state.share, state.share_of) if share is None else share
    rate += _known(state.between, edges) or 0.0
    return min(rate + stage.disagreement_margin, 0.99)


def _known(by_edge: Mapping[str, Weighed], edges: Sequence[str]) -> float | None:
    """Return the upper limit of a share over edges, or over all; `None`: nothing is known."""
    for names in (edges, tuple(by_edge)):
        found = pooled(by_edge, names)
        if found.count >= ENOUGH:
            return upper(found.share, found.count)
    return None


def missing(
    stage: Stage, judged: Judged, labels: int, began: datetime, at: datetime, edges: int
) -> tuple[str, str]:
    """Say what a stage waits for whatever was proved, and which least amounts it has not seen.

    Nothing that is proved replaces the hours: what comes in at night differs from the day's.
    """
    least, held, found = stage.least, [], []
    if edges == 0:
        held.append("an edge in its groups")
    if judged.silent > stage.health.silent * edges:
        held.append(f"{judged.silent} of {edges} edges to be heard again")
    ends = began + timedelta(hours=least.hours)
    if at < ends:
        held.append(f"its {least.hours:g} hours to pass ({ends:%Y-%m-%d %H:%M} UTC)")
    if judged.decisions < least.needed((at - began) / timedelta(hours=1)):
        found.append(_decisions(least, judged.decisions, began, at))
    if labels < least.labels:
        found.append(f"{least.labels - labels:,} more audit labels")
    return " and ".join(held), " and ".join(found)


def _decisions(least: Least, seen: int, began: datetime, at: datetime) -> str:
    """Say how many decisions are missing, now and later."""
    wanted = least.needed((at - began) / timedelta(hours=1))
    said = f"{wanted - seen:,} more decisions"
    if least.few_hours is None or wanted <= least.few:
        return said
    later = began + timedelta(hours=least.few_hours)
    return f"{said} ({least.few:,} in all are enough from {later:%Y-%m-%d %H:%M} UTC on)"


def _limit(stage: Stage, at: datetime) -> datetime:
    return at - timedelta(hours=stage.health.silent_hours)


def _errors(condition: Condition, losses: Losses, margin: float, needed: float) -> Finding:
    x = losses.x
    evidence = worse(x, margin, losses.weights)
    lost, won = sum(one > 0 for one in x), sum(one < 0 for one in x)
    detail = (
        f"of {len(x)} audit labels it decides {lost} wrong that the model before decides right, "
        f"and {won} the other way round: evidence {number(evidence)} of the {number(needed)} "
        f"needed that it is worse by more than {100 * margin:g} points"
    )
    return Finding(condition, evidence >= needed, detail, evidence)


def _disagreement(condition: Condition, seen: Compared, needed: float) -> Finding:
    what = "inputs are decided otherwise than before"
    return _rate(condition, seen.differed, seen.paired, seen.rate, needed, what)


def _late(stage: Stage, late: int, total: int, needed: float) -> Finding:
    if stage.health.late <= 0:
        detail = f"{late:,} of {total:,} decisions took too long, none may"
        return Finding("late", late > 0, detail)
    return _rate("late", late, total, stage.health.late, needed, "decisions took too long")


def _rate(
    condition: Condition, count: int, total: int, rate: float, needed: float, what: str
) -> Finding:
    evidence = above(count, total, rate)
    seen = f" ({100 * count / total:.1f} %)" if total else ""
    detail = (
        f"{count:,} of {total:,}{seen} {what}: evidence {number(evidence)} of the "
        f"{number(needed)} needed that it is more than {100 * rate:.1f} %"
    )
    return Finding(condition, evidence >= needed, detail, evidence)


def _edges(stage: Stage, members: list[Seen]) -> list[Finding]:
    health = stage.health
    left = [one for one in members if one.left]
    refused = [one for one in members if one.refused and not one.left]
    rows: tuple[tuple[Condition, list[str], float, str], ...] = (
        ("went back", [f"{one.edge}: {one.left}" for one in left], health.went_back, "left it"),
        (
            "refused",
            [f"{one.edge}: {one.refused}" for one in refused],
            health.refused,
            "refused it",
        ),
    )
    return [
        Finding(
            condition,
            len(whys) > share * len(members),
            f"{len(whys)} of {len(members)} edges {what} by themselves, {100 * share:g} % may"
            + (f" ({whys[0]})" if whys else ""),
        )
        for condition, whys, share, what in rows
    ]


def _added(total: Counts, last: Counts, now: Counts) -> tuple[Counts, Counts]:
    if now == NONE:  # not compared at present: nothing is added, and the next begins at 0
        return total, NONE
    sums, said = added(total, last, now)
    return _counts(sums), _counts(said)


def _counts(values: tuple[int, ...]) -> Counts:
    one, two, three, four = values
    return one, two, three, four


def _sum(counts: Iterable[Counts]) -> Counts:
    return _counts(tuple(map(sum, zip(NONE, *counts, strict=True))))
