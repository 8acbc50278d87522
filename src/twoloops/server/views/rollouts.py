"""How each task's last roll-out stands, in words: stage, evidence, conditions, history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from twoloops.analysis.overview.verdicts import number
from twoloops.analysis.overview.words import why
from twoloops.analysis.words import clip, count, items, percent
from twoloops.convergence.rollouts.evidence import Judged
from twoloops.records.digests import short
from twoloops.server.views.words import NAME, SENTENCE, moment, named, span
from twoloops.wiring.rollout_standing import Moved, RolloutStanding

Mood = Literal["good", "bad", "open"]

MOODS: dict[str, Mood] = {"done": "good", "rolled back": "bad", "aborted": "bad", "paused": "bad"}
"""How a status looks; those left out are open."""

Act = Literal["pause", "resume", "abort"]

ACTS: dict[str, tuple[Act, ...]] = {"running": ("pause", "abort"), "paused": ("resume", "abort")}
"""What a person may do, by status."""


class ConditionView(msgspec.Struct, frozen=True):
    """A limit whose breach stops the stage: its name, whether it is kept, and on what evidence."""

    name: str
    kept: bool
    detail: str


class MoveView(msgspec.Struct, frozen=True):
    """A transition: when, what, why, and on which figures."""

    at: str
    what: str
    why: str
    figures: str


class RolloutView(msgspec.Struct, frozen=True, kw_only=True):
    """What the page says of one task.

    Args:
        task: Its name, as it is.
        number: Of the roll-out.
        model: Short digest of the release.
        address: Of the page that says why it was released.
        before: Short digest of the model in force before; empty where none is left.
        status: One word or two.
        mood: How it looks.
        stage: Which stage it is in, and on which groups.
        since: Since when.
        waits: What it waits for, or why it ended.
        figures: What the stage has seen.
        conditions: Those that would stop the stage.
        moves: Its transitions, the last one first.
        acts: What a person may do.
    """

    task: str
    number: int
    model: str
    address: str
    before: str
    status: str
    mood: Mood
    stage: str
    since: str
    waits: str
    figures: tuple[str, ...]
    conditions: tuple[ConditionView, ...]
    moves: tuple[MoveView, ...]
    acts: tuple[Act, ...]


def rollout_view(one: RolloutStanding, at: datetime) -> RolloutView:
    """Return what the page says of a roll-out.

    Args:
        one: How it stands.
        at: Now, UTC.
    """
    model = short(one.model)
    return RolloutView(
        task=one.task,
        number=one.number,
        model=model,
        address=why(one.task, model),
        before="" if one.before is None else short(one.before),
        status=one.status,
        mood=MOODS.get(one.status, "open"),
        stage=_stage(one),
        since=_since(one, at),
        waits=_waits(one),
        figures=figures(one.judged) if one.stage else (),
        conditions=tuple(
            ConditionView(found.condition, not found.breached, clip(found.detail, SENTENCE))
            for found in one.judged.findings
        ),
        moves=tuple(_move(moved) for moved in reversed(one.moves)),
        acts=ACTS.get(one.status, ()) if one.open else (),
    )


def _stage(one: RolloutStanding) -> str:
    if one.stage == 0 or one.kind is None:
        return f"before the first of {items(one.stages, 'stage')}"
    return f"stage {one.stage} of {one.stages}: {one.kind} on {named(one.groups, 8)}"


def _since(one: RolloutStanding, at: datetime) -> str:
    opened = f"opened {moment(one.opened_at)}"
    if not one.open or one.began is None:
        return opened
    return f"{opened}, in this stage for {span((at - one.began).total_seconds())}"


def _waits(one: RolloutStanding) -> str:
    said = _said(one)
    if one.status == "running":
        return f"It waits for {clip(one.waits, SENTENCE)}." if one.waits else ""
    told = f"{one.status.capitalize()}: {said}" if said else one.status.capitalize()
    if one.status == "paused":
        return f"{told}. No further stage opens; error conditions still stop it."
    if one.status in ("rolled back", "aborted"):
        return f"{told}. Every group it had touched was given the model before."
    return f"{told}."


def figures(judged: Judged) -> tuple[str, ...]:
    """Say what a stage has seen."""
    found = [
        f"{items(judged.labels, 'audit label')}: the release alone was wrong on "
        f"{count(judged.lost)}, the model before alone on {count(judged.won)}",
        f"{items(judged.decisions, 'decision')} of the release, {count(judged.late)} late",
    ]
    if judged.paired:
        share = percent(judged.differed / judged.paired)
        found.append(
            f"{items(judged.paired, 'input')} decided by both, {count(judged.differed)} "
            f"differently ({share})"
        )
    enough = "enough to pass" if judged.proved else "not enough to pass without the least amounts"
    found.append(
        f"evidence {number(judged.proof)} that the release is not worse by the margin: {enough}"
    )
    if judged.silent:
        found.append(f"{items(judged.silent, 'edge')} not heard")
    return tuple(found)


def _said(one: RolloutStanding | Moved) -> str:
    """Return a reason, with who gave it."""
    return clip(one.why, SENTENCE) + (f" ({clip(one.by, NAME)})" if one.by else "")


def _move(one: Moved) -> MoveView:
    where = f", stage {one.stage}" if one.stage else ""
    told = "" if one.judged is None else "; ".join(figures(one.judged))
    said = _said(one)
    if one.groups and one.what != "stage opened":  # its reason names them
        said = f"{said} ({named(one.groups)})"
    return MoveView(moment(one.at), f"{clip(one.what, NAME)}{where}", said, told)


def stopped(found: Sequence[RolloutStanding]) -> list[RolloutStanding]:
    """Return those that stopped and that somebody should look at."""
    return [one for one in found if one.status in ("rolled back", "paused")]
