"""The page of roll-outs; whoever may, pauses, resumes and aborts here, with a reason."""

import shlex
from collections.abc import Sequence
from urllib.parse import quote

from twoloops.analysis.markup import Html, bullets, esc, join, more, table, tag
from twoloops.analysis.words import clip
from twoloops.server.views.rollouts import Act, MoveView, RolloutView
from twoloops.server.views.words import NAME, command

LONGEST = 500
"""Characters of a reason."""

DOES: dict[Act, tuple[str, str]] = {
    "pause": ("Pause", "No further stage opens; error conditions still stop it."),
    "resume": ("Resume", "It goes on where it was."),
    "abort": (
        "Abort",
        "Every group it touched gets the model before, and the release is withdrawn.",
    ),
}


def body(views: Sequence[RolloutView], *, may_act: bool) -> Html:
    """Return everything between the page's navigation and its end.

    Args:
        views: The last roll-out of each task.
        may_act: Whether who asks may pause, resume and abort.
    """
    parts: list[Html] = [tag("h1", "Roll-outs"), INTRO]
    if not views:
        parts.append(EMPTY)
    return join([*parts, *(_one(view, may_act) for view in views)])


INTRO = tag(
    "p",
    "A release goes to the edges stage by stage: in shadow it decides beside and does not count, "
    "as canary it counts on some groups, then on wave after wave. A condition that is breached "
    "stops it, and every group it touched goes back.",
    class_="lede",
)

EMPTY = join(
    (
        tag(
            "p",
            "No release was rolled out yet: one is opened by itself when a release is approved "
            "while edges are enrolled. By hand:",
        ),
        command("twoloops rollout start MODEL --why TEXT"),
    )
)


def _one(view: RolloutView, may_act: bool) -> Html:
    task = clip(view.task, NAME)
    model = tag("a", view.model, href=view.address)
    after = f" after {view.before}" if view.before else ""
    parts = [
        tag("h2", task, " ", tag("span", view.status, class_=f"badge {view.mood}")),
        tag(
            "p", f"Roll-out {view.number}: model ", model, after, f"; {view.since}.", class_="note"
        ),
        tag("p", f"{view.stage[:1].upper()}{view.stage[1:]}", class_="verdict"),
    ]
    if view.waits:
        parts.append(tag("p", view.waits))
    if view.acts:
        parts.append(_acts(view) if may_act else _commands(view))
    if view.conditions:
        rows = [(one.name, _mark(one.kept), tag("span", one.detail)) for one in view.conditions]
        parts += [tag("h3", "What would stop it"), table(("limit", "", "evidence"), rows)]
    if view.figures:
        parts += [tag("h3", "What the stage has seen"), bullets(view.figures)]
    if view.moves:
        parts += [tag("h3", "History"), _history(view.moves)]
    return tag("section", *parts, class_="task")


def _mark(kept: bool) -> Html:
    return (
        tag("span", "kept", class_="passed") if kept else tag("span", "BREACHED", class_="failed")
    )


def _history(moves: Sequence[MoveView]) -> Html:
    rows = [
        (
            tag("span", one.at, class_="when"),
            one.what,
            tag("span", one.why) + (more("figures", tag("p", one.figures)) if one.figures else ""),
        )
        for one in moves
    ]
    return table(("time", "what", "why"), rows)


def _acts(view: RolloutView) -> Html:
    return tag("div", *(_form(view, act) for act in view.acts), class_="acts")


def _form(view: RolloutView, act: Act) -> Html:
    """Return a form that is folded away: nobody aborts by a slip of the finger."""
    name, does = DOES[act]
    field = f"why-{act}-{view.number}-{esc(quote(view.task, safe=''))}"
    asked = Html(
        f'<input id="{field}" name="why" required="required" maxlength="{LONGEST}" '
        'autocomplete="off"/>'
        f'<input type="hidden" name="number" value="{view.number}"/>'
    )
    form = tag(
        "form",
        tag("p", does),
        tag("label", "Why? It goes on record.", for_=field),
        asked,
        tag("button", name, type="submit"),
        method="post",
        action=f"/rollouts/{quote(view.task, safe='')}/{act}",
    )
    return more(f"{name} …", form)


def _commands(view: RolloutView) -> Html:
    task = clip(view.task, NAME)
    lines = (f"twoloops rollout {act} --task {shlex.quote(task)} --why TEXT" for act in view.acts)
    return tag("p", "An admin may act here, or in a terminal:", class_="note") + command(*lines)
