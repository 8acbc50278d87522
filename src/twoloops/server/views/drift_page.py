"""The page about drift, with a chart of the evidence."""

import math
from collections.abc import Sequence

from twoloops.analysis.markup import Html, bullets, figure, join, more, table, tag
from twoloops.analysis.overview import plot
from twoloops.analysis.overview.verdicts import number
from twoloops.analysis.words import clip, items
from twoloops.server.views.drift import Bar, DriftView
from twoloops.server.views.words import command

WIDTH, ROW, TOP, BOTTOM = 520, 36, 4, 36
"""The chart in pixels: narrower than others, so that its words can be read on a phone."""

SHOWN = {
    "drift": ("bad", "drift"),
    "none seen": ("good", "none seen"),
    "unknown": ("open", "unknown"),
}


def body(views: Sequence[DriftView]) -> Html:
    """Return everything between the page's navigation and its end."""
    parts: list[Html] = [tag("h1", "Drift"), INTRO]
    if not views:
        parts.append(tag("p", "This workspace has no task yet. Add one with"))
        parts.append(command("twoloops task add NAME --kind text --labels A,B --normal A"))
    return join([*parts, *(_task(one) for one in views)])


INTRO = tag(
    "p",
    "Whether inputs, decisions and errors are as they were when the model in force was released. "
    "One budget of false alarms holds for everything watched, every edge and every look together.",
    class_="lede",
)


def _task(one: DriftView) -> Html:
    kind, said = SHOWN[one.verdict]
    model: list[Html] = []
    if one.model:
        link = tag("a", one.model, href=one.address)
        model = [tag("p", "In force: ", link, ". ", one.looked, class_="note")]
    parts = [
        tag("h2", one.task, " ", tag("span", said, class_=f"badge {kind}")),
        tag("p", one.reason, class_="verdict"),
        *([tag("p", one.meaning)] if one.meaning else []),
        *model,
    ]
    if one.bars:
        parts += [figure(_chart(one.bars), CHART, described=_described(one.bars)), _listed(one)]
    if one.unknown:
        parts.append(tag("h3", "What is unknown") + bullets(one.unknown))
    parts.append(tag("p", tag("strong", "What an alarm opens: "), one.opened))
    if one.parts:
        parts.append(more("How it was tested", bullets(one.parts)))
    return tag("section", *parts, class_="task")


CHART = (
    "Evidence of the strongest features, 1 / anytime-valid p-value, on a logarithmic scale. The "
    "mark across a bar is what that feature needs for an alarm, given the stronger ones (Holm)."
)


def _described(bars: Sequence[Bar]) -> str:
    return "; ".join(
        f"{one.name}: evidence {number(one.evidence)} of {number(one.needed)} needed"
        for one in bars[:3]
    )


def _chart(bars: Sequence[Bar]) -> Html:
    top = max(max(one.evidence, one.needed) for one in bars)
    last = max(math.ceil(math.log10(top) + 1e-9), 1)
    across = plot.Scale(0, last, 8, WIDTH - 20)
    floor = TOP + ROW * len(bars)
    powers = range(0, last + 1, max(1, math.ceil(last / 5)))
    parts = [
        plot.text(across(at), floor + 16, _power(at), size=14, anchor="middle") for at in powers
    ]
    parts.append(plot.text(WIDTH - 8, floor + 32, "evidence", size=14, anchor="end"))
    for place, one in enumerate(bars):
        y = TOP + ROW * place
        colour = plot.RED if one.alarm else plot.BLUE
        wide = across(math.log10(max(one.evidence, 1.0))) - across(0)
        told = f"{one.name}: {number(one.evidence)}, {number(one.needed)} needed"
        weight = 650 if one.alarm else 400
        words = clip(one.name, 60)
        parts.append(plot.text(across(0), y + 13, words, size=14, colour=plot.INK, weight=weight))
        parts.append(plot.bar(across(0), y + 18, max(wide, 1.5), 11, colour, title=told))
        at = across(math.log10(one.needed))
        parts.append(f'<path d="M{at:g} {y + 15}V{y + 32}" stroke="{plot.INK}" stroke-width="2"/>')
    return Html(
        f'<svg viewBox="0 0 {WIDTH} {floor + BOTTOM}" style="max-width:600px" '
        f'font-family="system-ui, sans-serif">{"".join(parts)}</svg>'
    )


def _power(power: int) -> str:
    return plot.compact(10.0**power) if power <= 6 else f"10^{power}"


def _listed(one: DriftView) -> Html:
    rows = [
        (
            tag("span", bar.name) + _said(bar),
            bar.before,
            bar.after,
            number(bar.evidence),
            number(bar.needed),
        )
        for bar in one.bars
    ]
    header = ("watched", "before", "since", "evidence", "needed")
    strong = [place for place, bar in enumerate(one.bars) if bar.alarm]
    shown = table(header, rows, numbers=(1, 2, 3, 4), strong=strong)
    if one.more:
        others = items(one.more, "other feature")
        shown += tag("p", f"{others}, none more telling:  twoloops drift --json", class_="note")
    return shown


def _said(bar: Bar) -> Html:
    if not bar.alarm:
        return Html("")
    after = f", seen after {bar.seen_after}" if bar.seen_after else ""
    return tag("small", f"changed{after}", class_="failed")
