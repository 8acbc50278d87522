"""Lift per turn: what each turn cost and what it gained, as a chart and a table."""

from collections.abc import Sequence

from twoloops.analysis.markup import Html, figure, join, more, tag
from twoloops.analysis.overview import plot, words
from twoloops.analysis.overview.facts import Judgement, TaskOverview, TurnLift
from twoloops.analysis.words import clip, items, percent
from twoloops.convergence.judging.evaluate import ENOUGH

SHOWN = 8
"""Turns in view; earlier ones are folded away."""
BARS = 54
"""Pixels for the bars of cost below the chart."""


def chart(turns: Sequence[TurnLift], currency: str) -> Html | None:
    """Return the share decided right turn by turn, with what each turn cost below; or `None`."""
    known = [one for one in turns if one.right.value is not None]
    if not known:
        return None
    height = plot.HEIGHT + BARS + 22
    floor = plot.HEIGHT - plot.BOTTOM + 12
    lows = [one.right.interval[0] for one in known if one.right.interval]
    lows += [one.majority.value for one in known if one.majority.value is not None]
    marks = [one for one in plot.ticks(100 * min(lows), 100, 4) if one <= 100]
    up = plot.Scale(marks[0], 100, floor, plot.TOP + 12)
    numbers = [one.number for one in turns]
    across = plot.Scale(min(numbers) - 0.5, max(numbers) + 0.5, plot.LEFT, plot.WIDTH - plot.RIGHT)
    drawn = [plot.left_axis(up, marks, lambda value: f"{value:g}", "% decided right")]
    shares = [
        (across(one.number), up(100 * one.majority.value))
        for one in turns
        if one.majority.value is not None
    ]
    if len(shares) > 1:
        drawn.append(plot.line(shares, plot.GREY, dash="2 4", title="always the most frequent"))
    drawn.append(plot.line([(across(n.number), up(100 * (n.right.value or 0))) for n in known],
                           plot.BLUE))  # fmt: skip
    drawn += [_right(one, across(one.number), up) for one in known]
    drawn += [_gate(one, across(one.number), floor + 14) for one in turns]
    drawn.append(_spent(turns, across, height - 20, currency))
    places = [(across(number), str(number)) for number in numbers]
    drawn.append(plot.bottom_axis(places, height - 20, "", room=26))
    return plot.drawing(height, *drawn)


def _right(one: TurnLift, x: float, up: plot.Scale) -> str:
    assert one.right.value is not None
    low, high = one.right.interval or (one.right.value, one.right.value)
    told = f"turn {one.number}: {words.rate(one.right)}"
    ends = [(x, up(100 * low)), (x, up(100 * high))]
    return plot.line(ends, plot.BLUE, width=1.5, title=told) + plot.dot(
        x, up(100 * one.right.value), plot.BLUE, title=told
    )


def _gate(one: TurnLift, x: float, y: float) -> str:
    """Return the mark of what the gate said: a tick where it released, a cross where it refused."""
    if one.released is not None:
        return plot.text(x, y, "✓", anchor="middle", size=14, colour=plot.GREEN, weight=700)
    if one.judgements:
        return plot.text(x, y, "×", anchor="middle", size=15, colour=plot.RED, weight=700)
    return ""


def _spent(turns: Sequence[TurnLift], across: plot.Scale, floor: float, currency: str) -> str:
    """Return a bar of money a turn, people below and teachers above, on a scale of their own."""
    parts = [
        (
            one,
            sum(float(m.amount) for m in one.spend.people if m.currency == currency),
            sum(float(m.amount) for m in one.spend.teachers if m.currency == currency),
        )
        for one in turns
    ]
    most = max((people + taught for _, people, taught in parts), default=0.0)
    if most <= 0:
        return ""
    up = plot.Scale(0, most, 0, BARS - 12)
    wide = min(26.0, 0.6 * (across(1) - across(0)))
    drawn = []
    for one, people, taught in parts:
        x = across(one.number) - wide / 2
        told = f"turn {one.number}: {words.money((*one.spend.people, *one.spend.teachers))}"
        drawn.append(
            plot.bar(x, floor - up(people), wide, up(people), plot.ORANGE, title=told)
            + plot.bar(x, floor - up(people + taught), wide, up(taught), plot.RED, title=told)
        )
    scale = plot.text(plot.LEFT - 7, floor - BARS + 21, f"{most:,.0f}", anchor="end", size=11)
    return scale + plot.text(2, floor - 2, currency, size=11) + "".join(drawn)


def table(one: TaskOverview) -> Html:
    """Return what each turn cost and gained; earlier turns are folded away."""
    turns = list(reversed(one.turns))
    shown = _table(one, turns[:SHOWN])
    if len(turns) <= SHOWN:
        return shown
    hidden = turns[SHOWN:]
    return shown + more(f"turns {hidden[-1].number} to {hidden[0].number}", _table(one, hidden))


def _table(one: TaskOverview, turns: Sequence[TurnLift]) -> Html:
    timed = any(turn.spend.minutes is not None for turn in one.turns)
    taught = any(turn.spend.taught or turn.spend.teachers for turn in one.turns)
    faults = one.task.normal is not None
    heads = ["turn", "labels", "paid for them"]
    heads += ["minutes"] if timed else []
    heads += ["teacher"] if taught else []
    heads += ["fitting", "right"]
    heads += ["escapes", "false rejects"] if faults else []
    groups = tag(
        "tr",
        tag("th", "", scope="col"),
        tag("th", "what it cost", colspan=str(3 + timed + taught), scope="colgroup"),
        tag("th", "what its release changed, points", colspan=str(3 if faults else 1),
            scope="colgroup"),
        class_="groups",
    )  # fmt: skip
    head = groups + tag("tr", *(tag("th", name, scope="col") for name in heads))
    bodies = [_rows(one.task.name, turn, len(heads), timed, taught, faults) for turn in turns]
    whole = tag("table", tag("thead", head), *bodies, class_="lift")
    return tag("div", whole, class_="scroll")


def _rows(task: str, turn: TurnLift, columns: int, timed: bool, taught: bool, faults: bool) -> Html:
    spend = turn.spend
    cells: list[str] = [str(spend.labels), words.money(spend.people)]
    cells += [words.minutes(spend)] if timed else []
    cells += [words.money(spend.teachers)] if taught else []
    cells.append(words.compute(spend))
    changes = turn.changes
    cells.append(words.changed(changes.accuracy) if changes else _no_change(turn))
    if faults:
        cells.append(words.changed(changes.escape_rate if changes else None, better=-1))
        cells.append(words.changed(changes.false_reject_rate if changes else None, better=-1))
    name = tag("a", str(turn.number), href=words.why(task, f"turn-{turn.number}"))
    row = tag("tr", tag("th", name, scope="row"), *(tag("td", cell) for cell in cells))
    told = tag("tr", tag("td"), tag("td", _told(turn), colspan=str(columns - 1)), class_="why")
    return tag("tbody", row, told, class_="turn")


def _no_change(turn: TurnLift) -> Html:
    """Say why a turn changed nothing, or nothing that could be compared."""
    if turn.released is None:
        return Html("—")
    after = turn.after.accuracy if turn.after else None
    if after is None or after.value is None:
        return Html(words.UNKNOWN) + tag("small", f"{after.labels if after else 0} labels")
    return tag("b", percent(after.value)) + tag("small", "first model")


def _told(turn: TurnLift) -> Html:
    if turn.stage != "closed":
        return tag("span", f"open, next stage: {turn.stage}")
    if not turn.judgements:
        return tag("span", turn.reason or "nothing was judged")
    return join(tag("span", _sentence(one)) for one in turn.judgements)


def _sentence(one: Judgement) -> str:
    reason = one.reason
    for begin in ("released: ", "refused: "):
        reason = reason.removeprefix(begin)
    when = " (tried after the turn)" if one.trial and not one.person else ""
    return (
        f"{words.verdict(one)}{when}: {words.model(one.model)} on {one.base}: {clip(reason, 240)}"
    )


def section(one: TaskOverview) -> Html:
    """Return the whole section on lift per turn."""
    drawn = chart(one.turns, one.task.costs.label.currency)
    parts = [] if drawn is None else [figure(drawn, CAPTION, described="Share right by turn")]
    if not one.turns:
        return tag("p", "No turn yet: the first one begins when observations have come in.")
    note = tag("p", HOW, class_="note")
    return join([*parts, table(one), note])


CAPTION = (
    "Share decided right by whatever was deployed, on each turn's own audit labels, with 95 % "
    "intervals; dotted: always the most frequent label, known with hindsight. ✓ released, × "
    "refused. Bars: money for labels, teachers on top."
)
HOW = (
    "A change is the released model's rate minus that of the one deployed before it, each on audit "
    "labels of the turns in which it decided, weighted by their chances; the stream may have "
    "changed in between, which the interval (95 %) does not know. The gate compares the two on "
    "the same labels instead: its sentence stands below each turn. Fewer than "
    f"{items(ENOUGH, 'label')} on either side: unknown."
)
