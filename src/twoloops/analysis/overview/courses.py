"""Two courses over a task's turns: the cumulative return in money, and the learning curve."""

from twoloops.analysis.markup import Html, figure, join, tag
from twoloops.analysis.overview import curve, plot, words
from twoloops.analysis.overview.facts import Returns, TaskOverview
from twoloops.analysis.words import amount, count, items, signed
from twoloops.digital.price import CPU_HOUR


def returns(one: TaskOverview) -> Html:
    """Return the section on what the turns have returned."""
    found = one.returns
    note = _costs(one)
    if found.why_not:
        return tag("p", f"Not known: {found.why_not}.") + note
    last = found.last
    if last is None or last.saved is None or last.interval is None:
        told = "Not known yet: too few audit labels came after the first release."
        return tag("p", told) + note
    low, high = (end - last.spent for end in last.interval)
    net = last.saved - last.spent
    sentence = (
        f"{amount(net, found.currency, sign=True)} since the first model "
        f"(95 %: {amount(low, sign=True)} to {amount(high, sign=True)}): saved "
        f"{amount(last.saved, found.currency)} over {words.whole(last.decisions)} decisions, "
        f"spent {amount(last.spent, found.currency)}"
    )
    what = "paid off" if low > 0 else ("did not pay off" if high < 0 else "open whether it paid")
    head = tag("p", f"{sentence}. {what.capitalize()}.", class_="verdict small")
    drawn = figure(_return_chart(found), RETURNED, described=sentence)
    return join((head, drawn, note))


def _return_chart(found: Returns) -> Html:
    known = [one for one in found.points if one.saved is not None and one.interval is not None]
    values = [0.0, *(one.spent for one in found.points)]
    for one in known:
        assert one.interval is not None
        values += one.interval
    marks = plot.ticks(min(values), max(values))
    floor = plot.HEIGHT - plot.BOTTOM
    up = plot.Scale(marks[0], marks[-1], floor, plot.TOP + 12)
    turns = [one.turn for one in found.points]
    across = plot.Scale(min(turns) - 0.5, max(turns) + 0.5, plot.LEFT, plot.WIDTH - plot.RIGHT)
    low = [(across(one.turn), up(one.interval[0])) for one in known if one.interval]
    high = [(across(one.turn), up(one.interval[1])) for one in known if one.interval]
    saved = [(across(one.turn), up(one.saved)) for one in known if one.saved is not None]
    spent = [(across(one.turn), up(one.spent)) for one in found.points]
    zero = f'<path d="M{plot.LEFT} {up(0):g}H{plot.WIDTH - plot.RIGHT}" stroke="{plot.SOFT}"/>'
    dots = "".join(
        plot.dot(
            across(one.turn),
            up(one.saved or 0.0),
            plot.GREEN,
            title=f"turn {one.turn}: saved {amount(one.saved, found.currency)}, "
            f"{items(one.audits, 'audit label')}",
        )
        for one in known
    )
    return plot.drawing(
        plot.HEIGHT,
        plot.left_axis(up, marks, plot.compact, f"{found.currency}, to date"),
        zero,
        plot.band(low, high, plot.GREEN),
        plot.line(saved, plot.GREEN, title="saved"),
        plot.line(spent, plot.ORANGE, dash="6 4", title="spent"),
        dots,
        plot.bottom_axis([(across(one), str(one)) for one in turns], floor, "turn", room=26),
    )


def _costs(one: TaskOverview) -> Html:
    """Say what the money stands on."""
    costs, found = one.task.costs, one.returns
    parts = [
        f"An escape costs {costs.escape}, a false reject {costs.false_reject}, "
        f"a label {costs.label}."
    ]
    if found.default_costs:
        parts.append(
            "Nobody set these costs: they are the defaults of 1 each, so the sums count mistakes "
            "and labels and are no money. Set them with the cost options of  twoloops task set ."
        )
    if found.compute:
        parts.append(f"Compute is priced at {CPU_HOUR} USD a CPU hour, an assumption.")
    else:
        parts.append(f"Compute is not priced: its price is known in USD, not {found.currency}.")
    if not found.why_not:
        parts.append(
            f"The first model's own price, {amount(found.first, found.currency)}, is not in it: "
            "the comparison is with keeping that model."
        )
    return tag("p", " ".join(parts), class_="note")


RETURNED = (
    "Green: expected saving against the first model kept, from escapes and false rejects avoided "
    "and added on audit labels, times the decisions made, with its 95 % band. Orange, dashed: what "
    "was spent on labels, teachers and compute since."
)


def learning(one: TaskOverview) -> Html:
    """Return the section on the learning curve and where it flattens."""
    bought = sum(turn.spend.labels for turn in one.turns)
    batch = one.batch
    fitted = curve.fit(one.curve, bought, batch)
    if fitted.why_not:
        return tag("p", f"No curve yet: {fitted.why_not}.") + _worth(one)
    low, high = (signed(100 * end) for end in fitted.interval)
    told = (
        f"The next {items(batch, 'label')}: {signed(100 * fitted.gain)} points right expected "
        f"(95 %: {low} to {high})."
    )
    if fitted.flat_at is None:
        flat = "It is not expected to flatten in sight."
    elif fitted.flat_at <= bought:
        flat = (
            f"Expected to be flat by now: since about {count(fitted.flat_at)} labels, {batch} more "
            f"gain less than {100 * curve.FLAT:g} points."
        )
    else:
        flat = (
            f"Expected to flatten at about {count(fitted.flat_at)} labels: from there on "
            f"{batch} more gain less than {100 * curve.FLAT:g} points; {count(bought)} are bought."
        )
    head = tag("p", f"{told} {flat}", class_="verdict small")
    drawn = figure(_curve_chart(one, fitted, bought), LEARNED, described=told)
    return head + drawn + _worth(one)


def _worth(one: TaskOverview) -> Html:
    """Say what the next labels are worth in money, as `twoloops worth` does."""
    advice = one.worth
    if advice.verdict == "unknown":
        said = f"unknown: {advice.reason}"
    else:
        said = f"{advice.verdict}: {advice.reason}"
    caution = " (nobody set costs: they are 1 each)" if one.returns.default_costs else ""
    return tag(
        "p",
        tag("strong", f"Worth of the next {items(advice.labels, 'label')}: "),
        f"{said}{caution}. See also ",
        tag("code", f"twoloops worth {one.task.name}"),
    )


def _curve_chart(one: TaskOverview, fitted: curve.Curve, bought: int) -> Html:
    known = [point for point in one.curve if point.wrong.value is not None]
    tops = [point.wrong.interval[1] for point in known if point.wrong.interval]
    tops += [course.high for course in fitted.course]
    marks = [mark for mark in plot.ticks(0, 100 * min(max(tops), 1.0), 4) if mark <= 100]
    floor = plot.HEIGHT - plot.BOTTOM
    up = plot.Scale(0, marks[-1], floor, plot.TOP + 12)
    ends = (fitted.course[0].labels, fitted.course[-1].labels)
    air = 0.03 * (ends[1] - ends[0])
    across = plot.Scale(ends[0] - air, ends[1] + air, plot.LEFT, plot.WIDTH - plot.RIGHT)

    def line(values: list[float]) -> list[plot.Point]:
        return [
            (across(course.labels), up(min(100 * value, marks[-1])))
            for course, value in zip(fitted.course, values, strict=True)
        ]

    bars = []
    for point in known:
        assert point.wrong.value is not None
        low, high = point.wrong.interval or (point.wrong.value, point.wrong.value)
        told = (
            f"model of turn {point.turn}, {count(point.labels)} labels: {words.rate(point.wrong)}"
        )
        x = across(point.labels)
        bars.append(plot.line([(x, up(100 * low)), (x, up(min(100 * high, marks[-1])))],
                              plot.BLUE, width=1.5, title=told))  # fmt: skip
        bars.append(plot.dot(x, up(100 * point.wrong.value), plot.BLUE, title=f"{told} wrong"))
    now = across(bought)
    here = (
        f'<path d="M{now:g} {plot.TOP + 12}V{floor}" stroke="{plot.RED}" stroke-dasharray="3 3"/>'
        + plot.text(now - 4, plot.TOP + 22, "now", anchor="end", size=11, colour=plot.RED)
    )
    places = [
        (across(mark), count(mark)) for mark in plot.ticks(*ends) if ends[0] <= mark <= ends[1]
    ]
    return plot.drawing(
        plot.HEIGHT,
        plot.left_axis(up, marks, lambda value: f"{value:g}", "% decided wrong"),
        plot.band(line([c.low for c in fitted.course]), line([c.high for c in fitted.course]),
                  plot.BLUE),
        plot.line(line([c.wrong for c in fitted.course]), plot.BLUE, dash="6 3"),
        here,
        *bars,
        plot.bottom_axis(places, floor, "labels bought", room=44),
    )  # fmt: skip


LEARNED = (
    "Points: each deployed model's share wrong on audit labels of its time, with 95 % intervals, "
    "at the labels bought when it was made. Line and band: an inverse power law through them, what "
    "they leave open included; it assumes that more labels do no harm on average, and that the "
    "stream stays as it was."
)
