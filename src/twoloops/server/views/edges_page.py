"""The page of the floor: the groups, then every edge, what is wrong first."""

from urllib.parse import quote

from twoloops.analysis.markup import Html, bullets, join, more, table, tag
from twoloops.analysis.words import clip, count, items
from twoloops.server.views.edges import EdgeView, FloorView, GroupView
from twoloops.server.views.words import NAME, command, pager

ENROL = "twoloops token add EDGE --scope edge"
RUN = "twoloops edge enrol SERVER --token TOKEN --task TASK"


def body(view: FloorView) -> Html:
    """Return everything between the page's navigation and its end."""
    if not view.total:
        return tag("h1", "The floor") + EMPTY
    chosen = f": {clip(view.chosen, NAME)}" if view.chosen is not None else ""
    parts: list[Html] = [tag("h1", f"The floor{chosen}"), _sum(view), _groups(view)]
    if view.chosen is not None:
        parts.append(tag("p", tag("a", "all groups", href="/floor")))
    if not view.edges:
        parts.append(tag("p", "No edge is in this group."))
    parts += [_edge(one) for one in view.edges]
    group = "" if view.chosen is None else f"group={quote(view.chosen, safe='')}&"
    parts.append(pager(view.page, view.pages, f"/floor?{group}page=", "before", "more"))
    parts.append(more("What the words mean", bullets(MEANINGS)))
    return join(parts)


EMPTY = join(
    (
        tag("p", "No edge is enrolled yet. Here, make a token whose name becomes the edge's:"),
        command(ENROL),
        tag("p", "and on the device, exchange it for the edge's own:"),
        command(RUN),
    )
)

MEANINGS = (
    "decides: the model whose verdicts count, by the first digits of its digest; on trial until it "
    "has proved itself, and gone back from if it does not.",
    "follows: the number of the signed assignment, and its mode. In mode shadow another model "
    "decides beside and counts for nothing, in canary the new one counts and the old one decides "
    "beside.",
    "behind: edges that follow an earlier assignment than the latest signed for their group; an "
    "edge takes it in when it looks next, or says why it refuses it.",
    "waiting: observations in the edge's spool, not sent yet.",
    "lost: numbers the edge gave to observations that never came here, and gave no reason for. "
    "Drops and power cuts have a reason and are listed below the edge.",
    "clock: the edge's minus the server's, at its last heartbeat.",
)


def _sum(view: FloorView) -> Html:
    groups = view.groups
    silent, wrong = sum(one.silent for one in groups), sum(one.wrong for one in groups)
    lost = sum(one.lost for one in groups)
    told = f"{items(view.total, 'edge')} in {items(len(groups), 'group')}; "
    if not silent and not wrong:
        return tag("p", f"{told}all in order, nothing lost.", class_="lede")
    said = [f"{count(silent)} not heard"] if silent else []
    said += [f"{count(wrong)} with something wrong"] if wrong else []
    said.append(f"{items(lost, 'observation')} lost" if lost else "nothing lost")
    return tag("p", told, tag("strong", ", ".join(said)), ".", class_="lede")


def _groups(view: FloorView) -> Html:
    header = (
        "group",
        "task",
        "edges",
        "not heard",
        "wrong",
        "behind",
        "lost",
        "waiting",
        "decide on",
    )
    rows = [_row(one) for one in view.groups]
    return table(header, rows, numbers=(2, 3, 4, 5, 6, 7))


def _row(one: GroupView) -> tuple[str, ...]:
    name = clip(one.group, NAME)
    link = tag("a", name, href=f"/floor?group={quote(one.group, safe='')}")
    models = ", ".join(
        f"{digest or 'no model'} ({count(number)})" for digest, number in one.models[:3]
    )
    left = len(one.models) - 3
    return (
        link,
        clip(one.task, NAME),
        count(one.edges),
        _alarming(one.silent),
        _alarming(one.wrong),
        count(one.behind),
        _alarming(one.lost),
        count(one.waiting),
        f"{models} and {left} more" if left > 0 else models,
    )


def _alarming(number: int) -> Html:
    return tag("b", count(number), class_="worse") if number else tag("span", "0")


def _edge(one: EdgeView) -> Html:
    """Return an edge: name and state in a line, its figures in another, then sentences."""
    kind = "edge" if one.in_order else ("edge silent" if one.silent else "edge wrong")
    state = tag("strong", one.silent, class_="failed") if one.silent else (
        tag("span", f"heard {one.seen}", class_="passed")
    )  # fmt: skip
    head = tag(
        "header",
        tag("h2", one.edge),
        tag("span", f"{one.group}, decides {one.task}", class_="note"),
        state,
    )
    model: Html = tag("span", "none")
    if one.model:
        model = tag("a", one.model, href=one.address)
        if one.trial:
            model += tag("small", "on trial")
    figures = [
        ("decides", model),
        ("follows", f"{one.follows}, latest {one.behind}" if one.behind else one.follows),
        ("waiting", one.waiting),
        ("lost", _alarming(one.lost)),
        ("clock", one.clock),
        ("disk free", one.disk),
    ]
    listed = [tag("div", tag("dt", name) + tag("dd", said or "—")) for name, said in figures]
    parts = [head, tag("dl", *listed)]
    if one.wrong:
        parts.append(tag("ul", *(tag("li", said) for said in one.wrong), class_="wrong"))
    known = ((one.paired,) if one.paired else ()) + one.known
    if known:
        parts.append(tag("ul", *(tag("li", said) for said in known), class_="known"))
    return tag("article", *parts, class_=kind)
