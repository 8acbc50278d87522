"""What the last look for drift found, task by task: the verdict, on what evidence, what is open."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from twoloops.analysis.overview.words import why
from twoloops.analysis.words import clip, count, items
from twoloops.physical.drift.finding import CEILING, Feature, Finding, Part
from twoloops.records.digests import short
from twoloops.server.views.words import NAME, SENTENCE, ago, moment, named
from twoloops.wiring.drift import LastLook

Verdict = Literal["drift", "none seen", "unknown"]

STRONGEST = 10
"""Features that are drawn and listed; all of them are in  twoloops drift --json ."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One watched feature.

    Args:
        name: What it is of.
        before: Its mean in the reference.
        after: Its mean since.
        evidence: 1 / its anytime-valid p-value, at most `CEILING`.
        needed: Evidence at which it alarms, given the stronger ones, by Holm.
        alarm: Whether it has changed.
        seen_after: Observations since the release until then; empty where that is not known.
    """

    name: str
    before: str
    after: str
    evidence: float
    needed: float
    alarm: bool
    seen_after: str


class DriftView(msgspec.Struct, frozen=True, kw_only=True):
    """What the page says of one task.

    Args:
        task: Its name.
        model: Short digest of the model in force; empty where nothing is deployed.
        address: Of the page that says why that model was released.
        verdict: Of the last look.
        reason: Of the verdict, in a sentence.
        meaning: What the verdict means.
        looked: When that was, and at how much.
        bars: The strongest features.
        more: How many others were watched.
        unknown: What could not be tested, and why.
        parts: How each kind was tested.
        opened: What the alarm opened, or what it may open.
    """

    task: str
    model: str
    address: str
    verdict: Verdict
    reason: str
    meaning: str
    looked: str
    bars: tuple[Bar, ...]
    more: int
    unknown: tuple[str, ...]
    parts: tuple[str, ...]
    opened: str


def drift_view(look: LastLook, at: datetime) -> DriftView:
    """Return what the page says of a task.

    Args:
        look: What is on record.
        at: Now, UTC.
    """
    found = look.finding
    verdict: Verdict = "unknown" if found is None else found.verdict
    bars = () if found is None else _bars(found)
    model = "" if look.deployed is None else short(look.deployed)
    return DriftView(
        task=clip(look.task, NAME),
        model=model,
        address=why(look.task, model),
        verdict=verdict,
        reason=_reason(look),
        meaning=_meaning(verdict, found),
        looked="" if found is None else _looked(found, at),
        bars=bars[:STRONGEST],
        more=max(len(bars) - STRONGEST, 0),
        unknown=() if found is None else _unknown(found),
        parts=() if found is None else tuple(_tested(one) for one in found.parts if one.tested),
        opened=_opened(look, verdict),
    )


def _reason(look: LastLook) -> str:
    if look.deployed is None:
        return "Nothing is deployed yet, so there is nothing to compare with."
    if look.finding is None:
        return "Nobody has looked at this release yet: look with  twoloops drift ."
    return f"{_first(clip(look.finding.reason, SENTENCE))}."


def _first(words: str) -> str:
    return words[:1].upper() + words[1:]


def _meaning(verdict: Verdict, found: Finding | None) -> str:
    if found is None:
        return ""
    budget = f"{100 * found.budget:g} %"
    if verdict == "drift":
        return (
            f"Had nothing changed, any alarm at any of all looks at this release would have had a "
            f"chance of {budget} at most; what caused the change, this does not say."
        )
    if verdict == "none seen":
        return (
            f"None seen means: no evidence that would come by chance in at most {budget} of all "
            "releases; it does not show that nothing has changed, as small or slow changes, and "
            "those in what is not watched, stay unseen."
        )
    return "Unknown is not the same as no drift: nothing could be tested yet."


def _looked(found: Finding, at: datetime) -> str:
    seen = items(found.observations, "observation")
    return (
        f"Looked at {moment(found.looked_at)} ({ago(found.looked_at, at)}), over {seen} since the "
        f"release of turn {found.turn}."
    )


def _bars(found: Finding) -> tuple[Bar, ...]:
    """Return all features, the strongest first, each with what Holm asks of it at its rank."""
    ranked = sorted(found.features, key=lambda one: (one.p, one.kind, one.name, one.edge or ""))
    left = len(ranked)
    return tuple(_bar(one, (left - rank) / found.budget) for rank, one in enumerate(ranked))


def _bar(one: Feature, needed: float) -> Bar:
    where = "" if one.edge is None else f" on {one.edge}"
    return Bar(
        name=clip(f"{one.kind}: {one.name}{where}", NAME),
        before=f"{one.before:.3g}",
        after=f"{one.after:.3g}",
        evidence=min(1 / max(one.p, 1 / CEILING), CEILING),
        needed=needed,
        alarm=one.alarm,
        seen_after="" if one.at is None else count(one.at),
    )


def _unknown(found: Finding) -> tuple[str, ...]:
    """Say what could not be tested."""
    told = [_first(f"{one.kind}: {one.unknown}.") for one in found.parts if one.unknown]
    told += [
        f"{_first(one.kind)}: {items(one.left_out, 'feature')} not tested, as neighbours are alike "
        "for longer than the reference has room for."
        for one in found.parts
        if one.left_out
    ]
    if found.unseen:
        told.append(
            f"Not tested alone, as the reference does not know them: {named(found.unseen, 8)}."
        )
    return tuple(clip(one, SENTENCE) for one in told)


def _tested(one: Part) -> str:
    unit = "audit label" if one.kind == "audit error" else "observation"
    blocks = f", averaged over up to {count(one.block)}" if one.block > 1 else ""
    return (
        f"{_first(one.kind)}: {items(one.tested, 'feature')}, {items(one.current, unit)} since the "
        f"release against {count(one.reference)} before{blocks}."
    )


def _opened(look: LastLook, verdict: Verdict) -> str:
    if look.opened is not None:
        when = "" if look.opened_at is None else f" at {moment(look.opened_at)}"
        return f"It opened turn {look.opened}{when}."
    may = {
        "never": "An alarm opens nothing here: change it with  twoloops task set --drift-opens .",
        "turn": "An alarm opens the next turn, once for each release.",
        "rebase": "An alarm opens a turn that tries other bases too, once for each release.",
    }
    if verdict == "drift" and look.opens != "never":
        return (
            "It has opened nothing yet: it waits until no turn is open and something new has come "
            "in."
        )
    return may[look.opens]


def alarmed(looks: Sequence[LastLook]) -> list[LastLook]:
    """Return those whose last look found drift."""
    return [one for one in looks if one.finding is not None and one.finding.alarms]
