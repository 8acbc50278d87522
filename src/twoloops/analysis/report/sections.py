"""The sections of the report below the thesis: turns, money, gate, lineage, items, terms."""

from collections.abc import Mapping

from twoloops.analysis.markup import Html, bullets, esc, figure, join, more, table, tag
from twoloops.analysis.report import charts
from twoloops.analysis.report.lineage_drawing import draw
from twoloops.analysis.report.pictures import picture
from twoloops.analysis.words import (
    ABSENT,
    NOT_DEFINED,
    amount,
    clip,
    count,
    items,
    known,
    percent,
    points,
    scientific,
)
from twoloops.convergence.replays.outcome import (
    Informative,
    MoneyFigures,
    ReplayResult,
    TurnFigures,
)
from twoloops.records.digests import Digest

QUARANTINED_SHOWN = 20


def _turn_rows(turn: TurnFigures, columns: int) -> Html:
    cells = [
        tag("th", str(turn.turn), scope="row", class_="n"),
        tag("td", clip(turn.period, 40)),
        *(
            tag("td", text, class_="n")
            for text in (
                count(turn.observations),
                count(turn.scored),
                count(turn.labels_total),
                percent(turn.accuracy),
                percent(turn.detection_rate),
                percent(turn.false_reject_rate),
            )
        ),
        tag("td", clip(turn.base, 60) or ABSENT),
        tag("td", "✓ yes" if turn.released else "no"),
    ]
    said = [tag("span", turn.reason)] if turn.reason else []
    if turn.opened_by:
        said.append(tag("span", f"another base was tried because of {'; '.join(turn.opened_by)}"))
    if turn.base_note:
        said.append(tag("span", turn.base_note, class_="base"))
    note = tag("tr", tag("td"), tag("td", *said, colspan=str(columns - 1)), class_="why")
    return tag("tbody", tag("tr", *cells), note if said else Html(""), class_="turn")


def turns(result: ReplayResult) -> Html:
    """Return the turn table: under each turn what the gate said and what became of a base."""
    header = ["turn", "period", "obs.", "scored", "labels so far", "right", "faults found",
              "false rejects", "base", "released?"]  # fmt: skip
    numbers = {0, 2, 3, 4, 5, 6, 7}
    head = tag(
        "tr",
        *(
            tag("th", name, scope="col", class_="n" if i in numbers else "t")
            for i, name in enumerate(header)
        ),
    )
    whole = tag(
        "table",
        tag("caption", "Both loops, gate in force: the deployed model on each turn's observations"),
        tag("thead", head),
        *(_turn_rows(turn, len(header)) for turn in result.turns),
    )
    absent = (
        f"Faults found and false rejects: {NOT_DEFINED}. "
        if result.normal is None
        else "— : nothing of that kind could be scored in the turn. "
    )
    note = absent + "Under each turn: what the gate said at its end, and what became of a base."
    return join([tag("div", whole, class_="scroll"), tag("p", note, class_="note")])


def _balance(money: MoneyFigures) -> Html:
    def line(name: str, number: int | None, cost: float, sign: int) -> list[str]:
        if number is None:
            return [name, NOT_DEFINED, amount(cost, money.currency), ABSENT]
        total = amount(sign * number * cost, money.currency, sign=True)
        return [name, count(number), amount(cost, money.currency), total]

    rows = [
        line("escapes avoided", money.escapes_avoided, money.escape_cost, 1),
        line("extra false rejects", money.extra_false_rejects, money.false_reject_cost, -1),
        ["labels", count(money.labels), amount(money.label_cost, money.currency),
         amount(-money.labels_spent, money.currency)],
        ["saved", "", "", amount(money.saved, money.currency, sign=True)
         if money.saved is not None else NOT_DEFINED],
    ]  # fmt: skip
    return table(
        ["against the first model kept", "number", "each", "together"],
        rows,
        numbers=(1, 2, 3),
        strong=[3],
        caption="Money saved = escapes avoided − extra false rejects − labels, over all turns",
    )


def _break_even(money: MoneyFigures) -> str:
    if money.saved is None:
        return f"Money saved and break-even: {NOT_DEFINED}."
    if money.break_even_observations is None:
        return "Break-even: never at the measured rate; the labels do not pay for themselves."
    volume = items(money.break_even_observations, "observation")
    return f"Break-even: at the measured rate the labels pay for themselves after {volume}."


def money(result: ReplayResult) -> Html:
    """Return labels and money: spending by turn, balance, break-even, price of decisions."""
    figures = result.money
    parts: list[Html] = []
    drawing = charts.spending(figures, result.turns, "spending")
    if drawing:
        caption = (
            f"Labels bought by turn; the data at cost came to "
            f"{amount(figures.labels_spent, figures.currency)} "
            f"({items(figures.labels, 'label')}), audit and golden labels included."
        )
        parts.append(figure(drawing, caption))
    parts += [_balance(figures), tag("p", _break_even(figures), class_="verdict small")]
    parts += [tag("h3", "Price of a million decisions"), _prices(result)]
    return join(parts)


def _prices(result: ReplayResult) -> Html:
    price, currency = result.price, result.money.currency
    frontier = clip(price.frontier_model, 80) or "frontier model"
    dated = f"list price as of {clip(price.frontier_as_of, 40)}, {clip(price.frontier_source, 200)}"
    known_price = known(price.frontier_per_million)
    rows = [
        ["small model, both loops", amount(price.ours_per_million, currency),
         f"of which labels {amount(price.ours_of_which_labels, currency)}, compute "
         f"{amount(price.ours_of_which_compute, currency)}"],
        [frontier, amount(price.frontier_per_million, currency),
         f"{dated}; {count(price.tokens_per_decision)} tokens a decision"
         if known_price else "no list price at hand"],
    ]  # fmt: skip
    drawing = charts.prices(price, currency, "prices")
    warning = tag("strong", "Equal quality not measured.")
    note = tag("p", warning, " ", clip(price.note, 600), class_="note")
    shown = figure(drawing, "Price per million decisions.") if drawing else Html("")
    prices_table = table(["decided by", "per million decisions", "what it is"], rows, numbers=(1,))
    return join([prices_table, shown, note])


def gate(result: ReplayResult) -> Html:
    """Return what the gate refused and why, and what that cost or gained."""
    rows = []
    for turn in result.turns:
        if not turn.released:
            rows.append([str(turn.turn), clip(turn.period, 40), "candidate", turn.reason or ABSENT])
        if turn.base_note.lower().startswith("refused"):
            why = turn.base_note.split(":", 1)[-1].strip() or ABSENT
            rows.append([str(turn.turn), clip(turn.period, 40), "base", why])
    released = sum(turn.released for turn in result.turns)
    said = f"{released} of {items(len(result.turns), 'turn')} ended in a release."
    gated, free = result.loops.both, result.loops_without_gate.both
    if known(gated) and known(free):
        said += (
            f" Both loops with the gate in force: {percent(gated)} right; with every candidate "
            f"taken: {percent(free)}; the gate changed accuracy by {points(gated - free)}."
        )
    if not rows:
        return join([tag("p", said), tag("p", "The gate refused nothing in this replay.")])
    refused = table(["turn", "period", "refused", "why"], rows, numbers=(0,))
    return join([tag("p", said), refused])


def lineage(result: ReplayResult) -> Html:
    """Return the lineage, drawn, and the list of everything in it."""
    drawing = draw(result.nodes, result.edges)
    if drawing is None:
        return tag("p", "No lineage was recorded.")
    titles = {node.id: clip(node.title, 80) for node in result.nodes}
    made: dict[str, list[str]] = {}
    for edge in result.edges:
        words = f"{clip(edge.relation, 60)} {titles.get(edge.parent, clip(edge.parent, 80))}"
        made.setdefault(edge.child, []).append(words)
    rows = [
        [node.kind, titles[node.id], clip(node.detail, 200), "; ".join(made.get(node.id, []))]
        for node in result.nodes
    ]
    caption = (
        "✓ and a thick border: released. Dashed: not released; several of one base share a box. "
        "Arrows point from what something was made from to what was made."
    )
    models = sum(node.kind == "model" for node in result.nodes)
    described = f"Lineage of {items(models, 'model')}; the list below says the same in words."
    listed = table(["kind", "name", "detail", "made from"], rows)
    return join(
        [
            figure(drawing, caption, described=described),
            more(f"Everything in the lineage ({items(len(rows), 'entry', 'entries')})", listed),
        ]
    )


def compute(result: ReplayResult) -> Html:
    """Return the training compute of the whole replay."""
    c = result.compute

    def seconds(value: float) -> str:
        return f"{value:,.1f} s" if known(value) else ABSENT

    rows = [
        ["encoding (the bases run over the inputs)", scientific(c.encoding_flop, "FLOP"),
         seconds(c.encoding_cpu_seconds)],
        ["training (heads fitted, cross-validation included)", scientific(c.training_flop, "FLOP"),
         seconds(c.training_cpu_seconds)],
        ["together", scientific(c.encoding_flop + c.training_flop, "FLOP"),
         seconds(c.encoding_cpu_seconds + c.training_cpu_seconds)],
    ]  # fmt: skip
    note = "FLOP are estimated from matrix sizes; CPU seconds are measured, all threads together."
    return join(
        [
            table(["stage", "floating-point operations", "CPU time"], rows, numbers=(1, 2),
                  strong=[2]),
            tag("p", note, class_="note"),
        ]
    )  # fmt: skip


def _card(item: Informative, images: Mapping[Digest, bytes]) -> Html:
    shown: list[str] = []
    data = images.get(item.image) if item.image is not None else None
    if data is not None:
        shown.append(picture(data, clip(item.text, 120) or "input"))
    if item.text:
        shown.append(tag("p", clip(item.text, 600), class_="input"))
    right = item.decided == item.truth
    told = tag(
        "p",
        "decided ",
        tag("b", clip(item.decided, 80)),
        "; truth ",
        tag("b", clip(item.truth, 80) or "not known"),
        " (right)" if right else "",
    )
    margin = f"{item.margin:.2f}" if known(item.margin) else ABSENT
    return tag("div", *shown, told, tag("p", f"margin {margin}", class_="note"), class_="card")


def informative(result: ReplayResult, images: Mapping[Digest, bytes]) -> Html:
    """Return the most informative observations of the last turn."""
    if not result.informative:
        return tag("p", "The last turn held no observation to show.")
    cards = tag("div", *(_card(item, images) for item in result.informative), class_="cards")
    note = "Margin: probability of the first label minus that of the second; small is uncertain."
    return join([cards, tag("p", note, class_="note")])


def quarantined(result: ReplayResult) -> Html:
    """Return how many items could not be read, and the first of them."""
    number = len(result.quarantined)
    if not number:
        return tag("p", "No item was quarantined.")
    head = tag("p", f"{items(number, 'item')} could not be used, with the reason:")
    rest = number - QUARANTINED_SHOWN
    tail = tag("p", f"and {count(rest)} more") if rest > 0 else Html("")
    shown = bullets(clip(reason, 300) for reason in result.quarantined[:QUARANTINED_SHOWN])
    return join([head, shown, tail])


TERMS = {
    "turn": "one cycle of both loops: observe, select, label, freeze the dataset, choose a base, "
    "specialise, judge, release.",
    "right (accuracy)": "share of the scored observations decided with the known label, by the "
    "model deployed during the turn, before anything of the turn was learned.",
    "faults found (detection rate)": "share of faults called any fault; 1 minus the escape rate.",
    "false rejects": "share of normal items called a fault.",
    "labels so far": "labels bought up to the end of the turn, audit and golden labels included.",
    "interaction": "both − data − models + neither. Above zero, the loops give more together than "
    "the sum of what each gives alone.",
    "log-odds": "log(p / (1 − p)): a scale on which going from 95 % to 97 % counts for more than "
    "from 55 % to 57 %; it does not flatten near 100 %.",
    "95 % interval": "from a bootstrap over the stream's groups; with several seeds, over seeds "
    "too.",
    "gate": "the rule that releases a candidate on evidence or refuses it with a reason.",
    "everything labelled": "what the same recipe reaches when every observation is labelled: the "
    "ceiling, and its full cost.",
    "not defined, —": "a figure that does not exist; it is never shown as zero.",
}


def definitions(result: ReplayResult) -> Html:
    """Return how to read the report, the bases and why others were not used, the version."""
    terms = "".join(tag("dt", name) + tag("dd", meaning) for name, meaning in TERMS.items())
    rows = [[clip(name, 80), clip(note, 600)] for name, note in result.bases.items()]
    bases = (
        table(["base", "used, or why not"], rows)
        if rows
        else tag("p", "No base was listed.", class_="note")
    )
    return join(
        [
            Html(f"<dl>{terms}</dl>"),
            tag("h3", "Bases"),
            bases,
            tag("p", esc(f"Made by twoloops {clip(result.version, 60)}."), class_="note"),
        ]
    )
