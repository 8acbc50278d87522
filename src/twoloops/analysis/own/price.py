"""What a million decisions of one's own cost, beside a frontier model's dated list price."""

from twoloops.analysis.exhibits.model import Column, Exhibit, Note, Row, Table
from twoloops.analysis.own import drawn
from twoloops.analysis.own.facts import Own, OwnTask
from twoloops.analysis.own.quality import Cost, Quality, cost, quality, value_ratio, weak
from twoloops.analysis.own.sources import day, made, measured_by, price_id
from twoloops.analysis.words import amount, count
from twoloops.records.money import told


def price(own: Own) -> Exhibit:
    """Return what a million decisions cost beside a frontier list price, and the value ratio."""
    rows, dots = [], []
    for task in own.tasks:
        good, paid = quality(own, task), cost(own, task)
        rows.append(_price_row(own, task, good, paid))
        rows.append(_frontier_row(task))
        if paid.labels:
            dots.append((f"{task.task.name}: own model, labels", task.currency, paid.labels))
        if task.frontier.per_million is not None:
            dots.append(
                (f"{task.task.name}: {task.frontier.model}", "USD", task.frontier.per_million)
            )
    columns = (
        Column("decided by"),
        Column("price", "per million decisions", "own: labels spread over the decisions so far", 3),
        Column("currency"),
        Column("compute", "USD per million decisions", "own CPU time at an assumed price", 2),
        Column("right", "%", "share decided right", 3),
        Column("value ratio", "% per money", "defined in the notes", 3),
        Column("from", "% per money", "lower end of the 95 % interval of the quality", 3),
        Column("to", "% per money", "upper end", 3),
        Column("spread over", "decisions", "those so far"),
    )
    units = sorted({unit for _, unit, _ in dots})
    unit = units[0] if len(units) == 1 else "in the currency of the mark"
    chart = drawn.dots(
        "price",
        "Price of a million decisions",
        dots,
        f"price of a million decisions ({unit}, logarithmic)",
        "Labels are paid once, so the own price falls with every decision; equal quality is not "
        "measured, and currencies are not converted.",
        (*measured_by(own), *(price_id(task) for task in own.tasks)),
    )
    notes = [
        Note(
            "definition",
            "Value ratio: percent of the decisions that are right, divided by what a thousand "
            "decisions cost. The article divides an intelligence index by the price of a million "
            "tokens: the two cannot be compared.",
            ("article",),
        ),
        *(note for task in own.tasks for note in _told(own, task)),
    ]
    return made(
        own,
        "price",
        "Price and value ratio",
        "What does a million decisions cost, beside a frontier model's list price?",
        charts=[chart],
        tables=[Table("price", "Price of a million decisions", columns, tuple(rows))],
        notes=notes,
    )


def _told(own: Own, task: OwnTask) -> list[Note]:
    """Return how a task's two prices were worked out, and what they do not say."""
    name, one = task.task.name, task.frontier
    into, out = task.tokens
    listed = f" ({one.as_of})" if one.as_of else ""
    mine, theirs = measured_by(own), (price_id(task),)
    return [
        Note("definition", f"{name}, own model: {cost(own, task).how}.", mine),
        Note("definition", f"{name}, right: {quality(own, task).how}.", mine),
        Note(
            "definition",
            f"{name}, {one.model}: list price{listed} × {into:,.0f} tokens in and {out:,.1f} out "
            "for one decision, both estimated.",
            theirs,
        ),
        Note("definition", f"{name}: {matched(task)}", mine),
        Note("caution", f"{name}: {one.note}.", theirs),
        Note(
            "caution",
            f"{name}: labels and escapes count at the costs kept with the task; where nobody has "
            "said one, it is 1, and what follows from it is an example.",
            mine,
        ),
    ]


def matched(task: OwnTask) -> str:
    """Say at how many decisions a frontier list price comes to what the labels have cost so far."""
    spent = f"{amount(task.spent, task.currency)} of labels so far"
    if task.elsewhere:
        spent += f" (and {told(task.elsewhere)}, which is not added)"
    if task.frontier.per_million is None:
        return f"{spent}; no list price is known to set beside it."
    if task.currency != "USD":
        return (
            f"{spent}; at how many decisions the list price comes to that is not computed: it is "
            "in USD, and no exchange rate is assumed."
        )
    volume = count(task.spent / task.frontier.per_million * 1e6)
    return (
        f"{spent}; the list price comes to that at {volume} decisions. Below that, the "
        "frontier model is the cheaper one, if it is as often right."
    )


def _price_row(own: Own, task: OwnTask, good: Quality, paid: Cost) -> Row:
    ratio = value_ratio(good, paid) or (None, None, None)
    return Row(
        (
            f"{task.task.name}: own model",
            paid.labels,
            task.currency,
            paid.compute,
            _percent(good.value),
            *ratio,
            round(paid.decisions),
        ),
        as_of=day(own),
        sources=measured_by(own),
        computed="how: in the notes",
        remarks=weak(good, measured_by(own)),
    )


def _frontier_row(task: OwnTask) -> Row:
    one = task.frontier
    return Row(
        (f"{task.task.name}: {one.model}", one.per_million, "USD", *(None,) * 6),
        as_of=one.as_of[:10] or "unknown",
        sources=(price_id(task),),
        computed="quality not measured",
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
