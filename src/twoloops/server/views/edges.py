"""How the edges stand, in words: what is as it should be in a line, what is not in a sentence."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from twoloops.analysis.overview.words import why
from twoloops.analysis.words import clip, count, items, percent
from twoloops.convergence.judging.evaluate import interval
from twoloops.edge.home import Paired, Standing
from twoloops.records.digests import Digest, short
from twoloops.server.views.words import NAME, SENTENCE, ago, size, span
from twoloops.store.edges import ExplainedGap
from twoloops.wiring.floor import EdgeStanding

SILENT = 15 * 60.0
"""Seconds after which an edge is said not to be heard: three times as long as one that works waits
between two tries at most, unless it was told to wait longer (`--retry-at-most`)."""

SKEWED = 60.0
"""Seconds of a clock's error that are worth a word."""

LITTLE_DISK = 1_000_000_000
"""Bytes: as much as a spool may take before the least is dropped, unless told otherwise."""

LISTED = 5
"""Gaps of an edge that are shown, the last ones."""

PER_PAGE = 60


class EdgeView(msgspec.Struct, frozen=True, kw_only=True):
    """One edge as its page shows it.

    Args:
        edge: Its name.
        task: The task it decides.
        group: Its group.
        seen: When it was heard last.
        silent: That it was not heard for too long; empty where it was.
        model: Short digest of the model that decides; empty where none does.
        address: Of the page that says why that model was released.
        trial: Whether it is on trial.
        follows: The assignment it follows, and its mode.
        behind: The latest assignment signed for its group, where it follows an earlier one; 0
            where it follows the latest.
        waiting: Observations to be sent, and their bytes.
        lost: Numbers that never came, and that nobody explained.
        clock: How wrong its clock is.
        disk: What is free of its disk.
        paired: How a second model decides beside; empty where none does.
        wrong: What should not be, a sentence each.
        known: What is worth knowing and in order, a sentence each.
    """

    edge: str
    task: str
    group: str
    seen: str
    silent: str
    model: str
    address: str
    trial: bool
    follows: str
    behind: int
    waiting: str
    lost: int
    clock: str
    disk: str
    paired: str
    wrong: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def in_order(self) -> bool:
        """Whether nothing about it asks for anybody."""
        return not self.silent and not self.wrong


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """A group of devices that decide one task.

    Args:
        group: Its name.
        task: The task.
        edges: How many there are.
        silent: Those not heard for too long.
        wrong: Those about which something else is wrong.
        behind: Those that follow an earlier assignment than the latest signed for the group.
        models: How many edges each model decides on, by short digest.
        waiting: Observations to be sent.
        lost: Numbers that never came, and that nobody explained.
    """

    group: str
    task: str
    edges: int
    silent: int
    wrong: int
    behind: int
    models: tuple[tuple[str, int], ...]
    waiting: int
    lost: int


class FloorView(msgspec.Struct, frozen=True, kw_only=True):
    """The floor, or a page of it.

    Args:
        groups: All groups, by name and task.
        chosen: The group whose edges are shown; `None` for all.
        edges: Those of this page; what is wrong stands first.
        page: This page, from 1.
        pages: How many there are.
        total: How many edges are enrolled.
    """

    groups: tuple[GroupView, ...]
    chosen: str | None
    edges: tuple[EdgeView, ...]
    page: int
    pages: int
    total: int


def floor_view(
    edges: Sequence[EdgeStanding],
    at: datetime,
    group: str | None = None,
    page: int = 1,
    latest: Mapping[tuple[str, str], int] | None = None,
) -> FloorView:
    """Return what the page shows.

    Args:
        edges: How every edge stands.
        at: Now, UTC.
        group: Whose edges are shown; `None` for all.
        page: Which page of them; one that is not there is the nearest that is.
        latest: Counter of the latest signed assignment by task and group.
    """
    signed = latest or {}
    seen = [(one, edge_view(one, at, signed.get((one.task, one.group), 0))) for one in edges]
    chosen = [view for one, view in seen if group in (None, one.group)]
    chosen.sort(key=lambda one: (one.in_order, not one.silent, one.group, one.edge))
    pages = max(1, -(-len(chosen) // PER_PAGE))
    page = min(max(page, 1), pages)
    names = sorted({(one.group, one.task) for one in edges})
    return FloorView(
        groups=tuple(
            _group(name, task, [pair for pair in seen if (pair[0].group, pair[0].task) == key])
            for key in names
            for name, task in (key,)
        ),
        chosen=group,
        edges=tuple(chosen[(page - 1) * PER_PAGE : page * PER_PAGE]),
        page=page,
        pages=pages,
        total=len(edges),
    )


def _group(name: str, task: str, members: Sequence[tuple[EdgeStanding, EdgeView]]) -> GroupView:
    models: dict[str, int] = {}
    for _, view in members:
        models[view.model] = models.get(view.model, 0) + 1
    return GroupView(
        group=name,
        task=task,
        edges=len(members),
        silent=sum(bool(view.silent) for _, view in members),
        wrong=sum(bool(view.wrong) for _, view in members),
        behind=sum(bool(view.behind) for _, view in members),
        models=tuple(sorted(models.items(), key=lambda one: (-one[1], one[0]))),
        waiting=sum(one.standing.spooled for one, _ in members if one.standing is not None),
        lost=sum(one.unexplained for one, _ in members),
    )


def edge_view(one: EdgeStanding, at: datetime, latest: int = 0) -> EdgeView:
    """Return how an edge stands, in words.

    Args:
        one: How it stands.
        at: Now, UTC.
        latest: Counter of the latest assignment that is signed for its group; 0: none is.
    """
    now = one.standing
    behind = latest if now is not None and now.counter < latest else 0
    model = "" if now is None or now.release is None else short(now.release)
    return EdgeView(
        edge=clip(one.edge, NAME),
        task=clip(one.task, NAME),
        group=clip(one.group, NAME),
        seen=ago(one.last_seen, at),
        silent=silence(one, at),
        model=model,
        address=why(one.task, model) if model else "",
        trial=now is not None and now.on_trial,
        follows=_follows(now),
        behind=behind,
        waiting="" if now is None else f"{count(now.spooled)} ({size(now.spool_bytes)})",
        lost=one.unexplained,
        clock=_clock(one.skew),
        disk="" if now is None else size(now.disk_free),
        paired="" if now is None or now.paired is None else paired(now.paired),
        wrong=(*_wrong(now), *_off(one), *_gaps(one.gaps, explained=False)),
        known=(*_known(now), *_behind(now, behind), *_gaps(one.gaps, explained=True)),
    )


def silence(one: EdgeStanding, at: datetime) -> str:
    """Say that an edge was not heard for too long; an empty string where it was."""
    since = one.enrolled_at if one.last_seen is None else one.last_seen
    seconds = (at - since).total_seconds()
    if seconds < SILENT:
        return ""
    what = "never heard" if one.last_seen is None else "not heard"
    return f"{what} for {span(seconds)}"


def _follows(now: Standing | None) -> str:
    if now is None or not now.counter:
        return "none"
    return f"{now.counter} ({clip(now.mode, NAME)})" if now.mode else str(now.counter)


def _clock(skew: float | None) -> str:
    if skew is None:
        return ""
    if abs(skew) < 1:
        return "right"
    return f"{span(abs(skew))} {'ahead' if skew > 0 else 'behind'}"


def paired(pair: Paired) -> str:
    """Say how a second model decides beside the one that counts."""
    who = f"{_name(pair.beside)} decides beside {_name(pair.counting)}, which counts"
    if not 0 <= pair.differed <= pair.decided or not pair.decided:
        return f"{who}: no input was decided by both yet."
    low, high = (100 * end for end in interval(pair.differed / pair.decided, pair.decided))
    told = (
        f"{who}: of {items(pair.decided, 'input')} they differed on {count(pair.differed)}, "
        f"{percent(pair.differed / pair.decided)} (95 %: {low:.1f} to {high:.1f})"
    )
    more = [
        f"{count(number)} {what}"
        for number, what in (
            (pair.failed, "it could not decide"),
            (pair.late, "decided late"),
            (pair.skipped, "not asked, as it could not keep up"),
        )
        if number
    ]
    return "; ".join((told, *more)) + "."


def _name(digest: Digest) -> str:
    return clip(short(digest), NAME)


def _wrong(now: Standing | None) -> list[str]:
    """Say what the last heartbeat tells that should not be."""
    if now is None:
        return []
    found = []
    if now.release is None:
        found.append("No model decides: the line gets the fail-safe label.")
    if now.went_back:
        left = "a model" if now.left is None else f"model {_name(now.left)}"
        found.append(f"It has left {left} that is assigned to it: {clip(now.went_back, SENTENCE)}")
    if now.refused:
        found.append(f"It refused the last update: {clip(now.refused, SENTENCE)}")
    if now.source_error:
        found.append(f"No inputs come: {clip(now.source_error, SENTENCE)}")
    if now.not_kept:
        what = items(now.not_kept, "input")
        found.append(f"{what} of this run could be decided and not be written.")
    if now.unusable:
        what = items(now.unusable, "input")
        found.append(f"{what} of this run could not be read, and were set aside there.")
    if now.not_told:
        found.append(f"{items(now.not_told, 'verdict')} of this run were not taken by a sink.")
    if now.disk_free < LITTLE_DISK:
        found.append(f"Its disk is nearly full: {size(now.disk_free)} free.")
    return found


def _off(one: EdgeStanding) -> list[str]:
    if one.skew is None or abs(one.skew) < SKEWED:
        return []
    return [f"Its clock is {_clock(one.skew)}."]


def _known(now: Standing | None) -> list[str]:
    if now is None:
        return ["It is enrolled and has not reported yet."]
    found = []
    if now.late:
        decided = items(now.decided, "decision")
        found.append(f"Late: {count(now.late)} of {decided} of this model.")
    if now.dropped:
        found.append(f"{items(now.dropped, 'observation')} dropped, as its spool was full.")
    if now.failures:
        tries = items(now.failures, "failed try", "failed tries")
        found.append(f"{tries} to reach the server, the last: {clip(now.last_error, SENTENCE)}")
    return found


def _behind(now: Standing | None, latest: int) -> list[str]:
    """Say that an edge has not taken in the latest assignment: it may not have looked since."""
    if now is None or not latest:
        return []
    has = f"it follows {now.counter}" if now.counter else "it follows none"
    return [f"Assignment {latest} is signed for its group; {has}."]


def _gaps(gaps: Sequence[ExplainedGap], *, explained: bool) -> list[str]:
    """Say which numbers never came: those with a reason, or those without."""
    chosen = [gap for gap in gaps if bool(gap.reason) == explained]
    found = []
    if len(chosen) > LISTED:
        kind = "explained" if explained else "unexplained"
        found.append(f"{count(len(chosen))} {kind} gaps in its numbers, the last {LISTED}:")
    for gap in chosen[-LISTED:]:
        what = items(gap.last - gap.first + 1, "observation")
        reason = clip(gap.reason, SENTENCE) or "nobody knows why"
        found.append(f"{what} between {gap.first - 1} and {gap.last + 1}: {reason}")
    return found
