"""The page of what could not be used."""

from urllib.parse import quote

from twoloops.analysis.markup import Html, join, table, tag
from twoloops.analysis.words import clip, count, items
from twoloops.server.views.quarantine import ItemView, QuarantineView
from twoloops.server.views.words import NAME, pager


def body(view: QuarantineView) -> Html:
    """Return everything between the page's navigation and its end."""
    chosen = "" if view.chosen is None else f": {clip(view.chosen, NAME)}"
    parts: list[Html] = [tag("h1", f"Quarantine{chosen}"), tag("p", INTRO, class_="note")]
    if not view.total:
        parts.append(tag("p", EMPTY, class_="lede"))
    else:
        told = f"{items(view.total, 'input')} could not be used."
        parts.append(tag("p", told, class_="lede"))
    if view.chosen is not None:
        parts.append(tag("p", tag("a", "everything in quarantine", href="/quarantine")))
    if view.counts and view.chosen is None:
        parts += [tag("h2", "By source and reason"), _counts(view)]
    if view.items:
        parts += [tag("h2", "One by one, the newest first"), join(map(_item, view.items))]
    source = "" if view.chosen is None else f"source={quote(view.chosen, safe='')}&"
    parts.append(pager(view.page, view.pages, f"/quarantine?{source}page=", "newer", "older"))
    return join(parts)


INTRO = (
    "What came in and cannot be used is set aside with its reason and counted: nothing is lost "
    "without a word. The content itself is not shown here. Times are those that the source gave, "
    "where it gave one."
)
EMPTY = "Nothing is in quarantine: whatever came in could be used."


def _counts(view: QuarantineView) -> Html:
    rows: list[tuple[str, ...]] = [
        (
            tag(
                "a", clip(one.source, NAME), href=f"/quarantine?source={quote(one.source, safe='')}"
            ),
            one.kind,
            count(one.count),
            tag("span", one.last, class_="when"),
        )
        for one in view.counts
    ]
    if view.others:
        rows.append((Html("others"), "rarer reasons", count(view.others), ""))
    return table(("source", "reason", "inputs", "last"), rows, numbers=(2,))


def _item(one: ItemView) -> Html:
    return tag(
        "article",
        tag("p", one.reason),
        tag("p", f"{one.source}, {one.place} · {one.at}", class_="note"),
        class_="refused",
    )
