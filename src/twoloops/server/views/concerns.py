"""What the overview says first where something is wrong: a line for each concern, and its page."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from twoloops.analysis.markup import Html, tag
from twoloops.analysis.words import clip, items
from twoloops.server.views.drift import alarmed
from twoloops.server.views.edges import edge_view, silence
from twoloops.server.views.rollouts import stopped
from twoloops.server.views.words import NAME, named
from twoloops.wiring.drift import LastLook
from twoloops.wiring.floor import EdgeStanding
from twoloops.wiring.rollout_standing import RolloutStanding


class Concern(msgspec.Struct, frozen=True):
    """A sentence, and the page that says more."""

    said: str
    address: str


def concerns(
    edges: Sequence[EdgeStanding],
    looks: Sequence[LastLook],
    rollouts: Sequence[RolloutStanding],
    at: datetime,
) -> tuple[Concern, ...]:
    """Return what is wrong, in the order in which somebody should look.

    Args:
        edges: How every edge stands.
        looks: The last look for drift of every task.
        rollouts: The last roll-out of every task.
        at: Now, UTC.
    """
    found = [Concern(_stopped(one), "/rollouts") for one in stopped(rollouts)]
    found += [
        Concern(f"Drift of {clip(one.task, NAME)}: {_changed(one)}", "/drift")
        for one in alarmed(looks)
    ]
    silent = [f"{one.edge} ({told})" for one in edges if (told := silence(one, at))]
    if silent:
        found.append(Concern(f"{items(len(silent), 'edge')} silent: {named(silent)}", "/floor"))
    lost = [one for one in edges if one.unexplained]
    if lost:
        number = sum(one.unexplained for one in lost)
        told = f"{items(number, 'observation')} lost and unexplained: "
        found.append(Concern(told + named([one.edge for one in lost]), "/floor"))
    wrong = [one for one in edges if not one.unexplained and edge_view(one, at).wrong]
    if wrong:
        told = f"{items(len(wrong), 'edge')} with something wrong: "
        first = edge_view(wrong[0], at)
        said = f"{first.edge}: {first.wrong[0]}" if len(wrong) == 1 else ""
        found.append(Concern(said or told + named([one.edge for one in wrong]), "/floor"))
    return tuple(found)


def _stopped(one: RolloutStanding) -> str:
    where = f"Roll-out of {clip(one.task, NAME)} {one.status} in stage {one.stage} of {one.stages}"
    return f"{where}: {clip(one.why, 200)}"


def _changed(one: LastLook) -> str:
    return "" if one.finding is None else clip(one.finding.reason, 160)


def box(found: Sequence[Concern]) -> Html:
    """Return the box above the overview; nothing where nothing is wrong."""
    if not found:
        return Html("")
    lines = [tag("li", tag("a", one.said, href=one.address)) for one in found]
    return tag("section", tag("ul", *lines), class_="concerns", aria_label="What is wrong now")
