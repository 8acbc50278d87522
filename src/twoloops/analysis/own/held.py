"""What holding a layer did, in words and tables: for the terminal and for a page in Markdown.

The article rates what controls reach; here stands, beside each rating, what it did to one task
to hold that layer. Neither figure is evidence for the other.
"""

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from twoloops.analysis.own.article import TrainingRun
from twoloops.analysis.words import ABSENT, amount, clip, count, items, percent, scientific, signed
from twoloops.atlas.ratings import Rating
from twoloops.convergence.replays.held import Effect, FrontierBill, Holding, Layer, Side
from twoloops.convergence.replays.outcome import Compute

ONE_TASK = (
    "One task, not a nation: the figures say what a layer was worth to this task on this stream, "
    "and nothing about countries or industries."
)
MEANINGS: dict[Layer, str] = {
    "open-bases": "open bases",
    "floor-data": "data from the place of use",
    "teacher": "labels of a dearer model",
    "small-models": "small specialised models",
    "compute": "training compute",
}


def heading(layer: Layer, rating: Rating) -> str:
    """Return a layer beside the article's rating of it."""
    return (
        f"{layer} held ({MEANINGS[layer]}). The article (section 6.1): "
        f"{rating.dimension}, {rating.coverage}, risk {rating.risk}."
    )


def difference(effect: Effect) -> str:
    """Return the difference in points with its interval: `−4.3 (−5.0 … −3.6)`."""
    low, high = (signed(100 * end) for end in effect.interval)
    return f"{signed(100 * effect.points)} ({low} … {high})"


def effect_table(effects: Iterable[Effect], currency: str) -> Table:
    """Return the ways in which one layer was held; fits 80 columns and needs no colour."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 0, 0, 1), pad_edge=False)
    head = ("", "free", "held", "points (95 %)", "labels", f"cost, {clip(currency, 6)}")
    for place, name in enumerate(head):
        table.add_column(Text(name), justify="left" if place == 0 else "right", no_wrap=True)
    for one in effects:
        table.add_row(
            Text(one.way),
            percent(one.free.accuracy),
            percent(one.held.accuracy),
            difference(one),
            f"{count(one.free.labels)} → {count(one.held.labels)}",
            amount(one.cost, sign=True),
        )
    return table


def compute_table(holding: Holding, runs: Sequence[TrainingRun]) -> Table | None:
    """Return our compute beside the article's training runs; `None` where it was not measured."""
    if holding.least_compute is None or not runs:
        return None
    largest = max(runs, key=lambda run: run.flop)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for place, name in enumerate(("compute", "FLOP", "CPU s", f"of {largest.name}")):
        table.add_column(Text(name), justify="right" if place else "left", no_wrap=place > 0)
    for words, flop, seconds in compute_rows(holding, runs):
        table.add_row(
            Text(words),
            scientific(flop, "").strip(),
            ABSENT if seconds is None else f"{seconds:,.1f}",
            share_of(flop, largest.flop),
        )
    return table


def compute_rows(
    holding: Holding, runs: Sequence[TrainingRun]
) -> list[tuple[str, float, float | None]]:
    """Return what was computed, in FLOP and CPU seconds (`None` where nobody says)."""
    if holding.least_compute is None:
        return []
    ours: dict[str, Compute] = {
        "both loops, nothing held": holding.free_compute,
        "least compute": holding.least_compute,
        "every arm and seed of this experiment": holding.spent,
    }
    rows: list[tuple[str, float, float | None]] = [
        (
            words,
            one.training_flop + one.encoding_flop,
            one.training_cpu_seconds + one.encoding_cpu_seconds,
        )
        for words, one in ours.items()
    ]
    return rows + [(f"the article: {run.name} ({run.as_of})", run.flop, None) for run in runs]


def share_of(flop: float, whole: float) -> str:
    """Print a share as a power of ten: what is compared differs by many orders of magnitude.

    >>> share_of(5.4e12, 5e26), share_of(5e26, 5e26)
    ('1.1 × 10⁻¹⁴', '1')
    """
    if flop == whole:
        return "1"
    mantissa, exponent = f"{flop / whole:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{raised}"


def bill_sentences(bill: FrontierBill) -> list[str]:
    """Return what every decision would cost at a frontier model's list price, beside ours."""
    ours = (
        f"{amount(bill.labels_cost, bill.currency)} of labels and "
        f"{amount(bill.compute_usd, 'USD')} of compute"
    )
    if bill.usd is None or bill.per_million is None:
        return [f"Every decision by a frontier model: {bill.note}. Ours: {ours}."]
    said = (
        f"Every decision by {bill.model}: {items(bill.decisions, 'decision')} for "
        f"{amount(bill.usd, 'USD')} at list price ({amount(bill.per_million, 'USD')} a million, "
        f"as of {bill.as_of}; {bill.source}). Ours: {ours}."
    )
    return [said, _break_even(bill), f"Note: {bill.note}."]


def _break_even(bill: FrontierBill) -> str:
    if bill.currency != "USD":
        return (
            f"From how many decisions on ours are cheaper is not computed: labels are in "
            f"{bill.currency}, the list price is in USD, and no exchange rate is assumed."
        )
    volume = (bill.labels_cost + bill.compute_usd) / (bill.per_million or 1.0) * 1e6
    return f"At that list price ours are cheaper from {count(volume)} decisions on."


def sentences(holding: Holding, layer: Layer) -> list[str]:
    """Return what has to be said with a layer's figures."""
    ways = {one.words: one.way for one in holding.effects if one.layer == layer}
    # Held alike with and without gate, one sentence says how.
    said = [
        f"{way}: {words}." if len(ways) > 1 else f"{words[0].upper()}{words[1:]}."
        for words, way in ways.items()
    ]
    said += holding.statements.get(layer, ())
    if layer == "small-models" and holding.bill is not None:
        said += bill_sentences(holding.bill)
    return said


def basis(holding: Holding) -> str:
    """Return on how much the figures stand."""
    seeds = items(len(holding.seeds), "seed")
    orders = f"{holding.streams} orders of arrival" if holding.streams > 1 else "one stream"
    words = (
        f"{clip(holding.source, 60)}: {items(holding.turns, 'turn')}, "
        f"{items(holding.scored, 'scored observation')}, {seeds}, {orders}. "
        "free, held: mean over the turns of the share decided right, with both loops and nothing "
        "held, and with the layer held; points: their difference; cost: what labels, escapes and "
        "false rejects cost more."
    )
    if not holding.costs_given:
        words += " Nobody has said what errors and labels cost, so each counts 1."
    if len(holding.seeds) == 1:
        words += (
            " One seed: the interval leaves out the luck of which observations were labelled; "
            "--seeds 3 shows it."
        )
    return words


def markdown(holdings: Sequence[Holding], ratings: Mapping[Layer, Rating]) -> str:
    """Return the matrix as an experiment: a row for each layer, source and way of holding it."""
    head = (
        "layer; the article's rating", "source", "held by", "right, nothing held", "right, held",
        "points (95 %)", "labels", "releases", "cost of errors and labels",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "| --- | --- | --- |" + " ---: |" * 6]
    layers = dict.fromkeys(layer for one in holdings for layer in one.layers)
    for layer in layers:
        rating = ratings[layer]
        named = f"{layer}; {rating.dimension}: {rating.coverage}, {rating.risk}"
        for holding in holdings:
            for one in (effect for effect in holding.effects if effect.layer == layer):
                cells = (
                    named,
                    holding.task,
                    one.way,
                    percent(one.free.accuracy),
                    percent(one.held.accuracy),
                    difference(one),
                    f"{count(one.free.labels)} → {count(one.held.labels)}",
                    f"{one.free.released:.1f} → {one.held.released:.1f}",
                    f"{_cost(one.free)} → {_cost(one.held)} {holding.currency}",
                )
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cost(side: Side) -> str:
    if side.errors_cost is None:
        return f"{amount(side.labels_cost)} (labels only)"
    return amount(side.errors_cost + side.labels_cost)


def compute_markdown(holdings: Sequence[Holding], runs: Sequence[TrainingRun]) -> str:
    """Return our compute beside the article's training runs."""
    largest = max(runs, key=lambda run: run.flop)
    lines = [f"| | FLOP | CPU seconds | of {largest.name} |", "| --- | ---: | ---: | ---: |"]
    seen: set[str] = set()
    for holding in holdings:
        for words, flop, seconds in compute_rows(holding, runs):
            named = words if words.startswith("the article") else f"{holding.task}: {words}"
            if named in seen:
                continue
            seen.add(named)
            spent = ABSENT if seconds is None else f"{seconds:,.1f}"
            cells = (named, scientific(flop, "").strip(), spent, share_of(flop, largest.flop))
            lines.append("| " + " | ".join(cells) + " |")
    # Theirs after all of ours.
    return "\n".join(lines[:2] + sorted(lines[2:], key=lambda line: "the article" in line))
