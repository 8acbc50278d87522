"""The head of the report: the two loops, apart and together, and what a sceptic says."""

from twoloops.analysis.markup import Html, bullets, figure, join, more, table, tag
from twoloops.analysis.report import charts
from twoloops.analysis.report.arms import FOUR, MEANINGS, NAMES, Arm, accuracy_of, arms
from twoloops.analysis.words import (
    ABSENT,
    NOT_DEFINED,
    amount,
    clip,
    count,
    interval_text,
    items,
    known,
    mean_of,
    percent,
    points,
    seeds_note,
    signed,
    verdict,
)
from twoloops.convergence.replays.outcome import Loops, ReplayResult

KINDS = {"text": "a text", "signal": "a signal", "image": "an image"}


def title(result: ReplayResult) -> Html:
    """Return the source, the task in one sentence, and the size of the replay."""
    labels = [label for label in result.labels if label != result.normal]
    named = ", ".join(clip(label, 40) for label in labels[:12])
    if len(labels) > 12:
        named += f" and {len(labels) - 12} more"
    kind = KINDS.get(result.kind, result.kind)
    if result.normal is None:
        what = f"say which of {len(labels)} labels {kind} has ({named}); none of them is normal."
    else:
        faults = items(len(labels), "fault")
        what = f"say whether {kind} is “{clip(result.normal, 40)}” or one of {faults} ({named})."
    observed = sum(turn.observations for turn in result.turns)
    facts = [
        items(observed, "observation"),
        items(len(result.turns), "turn"),
        f"{items(result.money.labels, 'label')} bought",
        f"{percent(result.share_scored)} of the observations could be scored",
        f"seed{'s' if len(result.seeds) != 1 else ''} {', '.join(map(str, result.seeds))}",
    ]
    return join(
        [
            tag("p", "twoloops replay", class_="kicker"),
            tag("h1", clip(result.source, 120)),
            tag("p", f"Task: {clip(result.task, 300).rstrip('.')}; {what}", class_="lede"),
            tag("p", " · ".join(facts), class_="note"),
        ]
    )


def _headline(result: ReplayResult) -> Html:
    loops = result.loops
    return tag(
        "p",
        f"With the gate in force, {verdict(loops.interaction, loops.interval)}. "
        f"{seeds_note(result.seeds)}".rstrip(),
        class_="verdict",
    )


def _tile(figure_: str, name: str, note: str) -> Html:
    return tag("div", tag("b", figure_), tag("span", name), tag("small", note), class_="tile")


def _tiles(result: ReplayResult) -> Html:
    loops, money = result.loops, result.money
    tiles = [
        _tile(
            percent(loops.both),
            "right with both loops",
            f"{percent(loops.neither)} with neither · {percent(loops.everything)} with everything "
            "labelled",
        ),
        _tile(
            points(loops.interaction),
            "interaction of the two loops",
            interval_text(loops.interval, 100),
        ),
    ]
    last = result.turns[-1] if result.turns else None
    if result.normal is None:
        tiles.append(_tile(ABSENT, "faults found", NOT_DEFINED))
    else:
        first = result.neither[-1].detection_rate if result.neither else None
        tiles.append(
            _tile(
                percent(last.detection_rate if last else None),
                "faults found in the last turn",
                f"at {percent(last.false_reject_rate if last else None)} false rejects · "
                f"{percent(first)} with the first model kept",
            )
        )
    spent = f"{items(money.labels, 'label')} cost {amount(money.labels_spent, money.currency)}"
    if money.saved is None:
        tiles.append(_tile(ABSENT, "money saved", f"{NOT_DEFINED} · {spent}"))
    else:
        name = "saved" if money.saved >= 0 else "lost"
        tiles.append(
            _tile(
                amount(abs(money.saved), money.currency),
                f"{name} against the first model",
                f"after paying for labels: {spent}",
            )
        )
    return tag("div", *tiles, class_="tiles")


def _square(loops: Loops) -> Html:
    """Return the four arms as a square, with the gain along each side."""

    def cell(key: str) -> Html:
        value = accuracy_of(loops, key)
        return tag(
            "td",
            tag("b", percent(value)),
            tag("span", f"{NAMES[key]}: {MEANINGS[key]}"),
            class_=f"arm arm-{key}",
        )

    def gain(after: str, before: str) -> Html:
        a, b = accuracy_of(loops, after), accuracy_of(loops, before)
        both = a is not None and b is not None
        return tag("td", points(a - b) if both and a is not None and b is not None else ABSENT)

    def row(name: str, off: str, on: str) -> Html:
        return tag("tr", tag("th", name, scope="row"), cell(off), cell(on), gain(on, off))

    head = ("", "data loop off", "data loop on", "gain by data")
    foot = tag("th", "gain by models", scope="row")
    whole = tag(
        "table",
        tag("caption", "Mean accuracy over the turns, gate in force"),
        tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
        tag(
            "tbody",
            row("models loop off", "neither", "data"),
            row("models loop on", "models", "both"),
            tag(
                "tr",
                foot,
                gain("models", "neither"),
                gain("both", "data"),
                tag("td", tag("b", points(loops.interaction)), tag("span", "interaction")),
                class_="gains",
            ),
        ),
    )
    return tag("div", whole, class_="scroll square")


def _interactions(result: ReplayResult) -> Html:
    rows = [
        [
            name,
            points(loops.interaction) + tag("small", interval_text(loops.interval, 100)),
            signed(loops.interaction_log_odds, 2)
            + tag("small", interval_text(loops.interval_log_odds, digits=2)),
            _both_scales(loops),
        ]
        for name, loops in _measured(result).items()
    ]
    return table(
        ["measured", "interaction in points", "in log-odds", "in words"],
        rows,
        caption="Interaction = both − data − models + neither, with its 95 % interval",
    )


def _both_scales(loops: Loops) -> str:
    plain = verdict(loops.interaction, loops.interval)
    odds = verdict(loops.interaction_log_odds, loops.interval_log_odds)
    if plain == odds:
        return f"{plain[0].upper()}{plain[1:]}. In log-odds the same."
    return f"In points, {plain}. In log-odds, {odds}."


def _measured(result: ReplayResult) -> dict[str, Loops]:
    return {"gate in force": result.loops, "without the gate": result.loops_without_gate}


def _arms_table(result: ReplayResult, shown: list[Arm]) -> Html:
    gated, free = result.loops, result.loops_without_gate
    limit = (
        f" at {percent(result.false_reject_limit)} false rejects"
        if known(result.false_reject_limit)
        else " at equal false rejects"
    )

    def accuracy(arm: Arm) -> float | None:
        value = accuracy_of(gated, arm.key)
        return value if value is not None else mean_of(arm.turns, "accuracy")

    rows = []
    for arm in shown:
        value = accuracy(arm)
        gap = None if value is None else value - gated.both
        rows.append(
            [
                tag("span", arm.name, tag("small", MEANINGS[arm.key])),
                percent(value),
                points(gap) if arm.key != "both" else "",
                percent(gated.detection_at_limit.get(arm.key)),
                percent(accuracy_of(free, arm.key)) if arm.key in FOUR else "",
                percent(free.detection_at_limit.get(arm.key)) if arm.key in FOUR else "",
            ]
        )
    note = (
        "Faults found: not defined, as the task has no normal label."
        if result.normal is None
        else "Faults found are compared with every arm's threshold moved, with hindsight, to the "
        "same false-reject rate; nothing is deployed so. — : not measured for this row."
    )
    header = [
        "arm or baseline",
        "right",
        "against both",
        f"faults found{limit}",
        "right, without gate",
        "faults found, without gate",
    ]
    strong = [number for number, arm in enumerate(shown) if arm.key == "both"]
    return join(
        [
            table(
                header,
                rows,
                numbers=(1, 2, 3, 4, 5),
                strong=strong,
                caption="The four arms and the baselines, mean over the turns",
            ),
            tag("p", note, class_="note"),
        ]
    )


def thesis(result: ReplayResult) -> Html:
    """Return the two loops, apart and together."""
    plot = charts.interaction_plot(result.loops, "interaction")
    intervals = charts.interaction_intervals(_measured(result), "intervals")
    drawings = [
        figure(
            plot,
            "Steeper or shallower than the grey line: more or less than the sum of the gains. "
            "Vertical axis cut to the measured range.",
            described="Mean accuracy with the data loop off and on, the models loop off and on: "
            + ", ".join(f"{NAMES[k]} {percent(accuracy_of(result.loops, k))}" for k in FOUR),
        )
        if plot
        else tag("p", "No accuracy could be measured in all four arms.", class_="note"),
    ]
    if intervals:
        drawings.append(
            figure(
                intervals,
                "An interval that holds zero leaves open whether the loops compound.",
                described="; ".join(
                    f"{name}: {points(loops.interaction)}, {interval_text(loops.interval, 100)}"
                    for name, loops in _measured(result).items()
                ),
            )
        )
    return join(
        [
            _headline(result),
            _tiles(result),
            _square(result.loops),
            tag("div", *drawings, class_="pair"),
            _interactions(result),
            _arms_table(result, arms(result)),
        ]
    )


def caveats(result: ReplayResult) -> Html:
    """Return what a sceptic would say first."""
    if not result.caveats:
        return tag("p", "This replay recorded no caveat of its own.")
    return bullets(result.caveats)


def courses(result: ReplayResult) -> Html:
    """Return accuracy, faults found and false rejects by turn, each with its figures."""
    shown = arms(result)
    limit = result.false_reject_limit if known(result.false_reject_limit) else None
    parts: list[Html] = []
    for field, name, axis, mark in (
        ("accuracy", "Accuracy", "accuracy (% decided right)", None),
        ("detection_rate", "Faults found (detection rate)", "faults found (% of faults)", None),
        ("false_reject_rate", "False rejects", "false rejects (% of normal items)", limit),
    ):
        parts.append(tag("h3", name))
        drawing = charts.by_turn(shown, field, axis, field.replace("_", "-"), mark)
        if drawing is None:
            why = NOT_DEFINED if result.normal is None and field != "accuracy" else "no figure"
            parts.append(tag("p", f"{name}: {why}.", class_="note"))
            continue
        last = "; ".join(
            f"{arm.name} {percent(getattr(arm.turns[-1], field))}" for arm in shown if arm.turns
        )
        caption = f"{name} by turn, of the deployed model before it learned of the turn."
        parts.append(figure(drawing, caption, described=f"{caption} Last turn: {last}."))
        parts.append(more(f"{name}: the figures", _figures(shown, field)))
    if result.normal is not None and result.turns:
        parts.append(_last_turn(shown, result))
    return join(parts)


def _figures(shown: list[Arm], field: str) -> Html:
    longest = max((arm.turns for arm in shown), key=len)
    by_arm = [{turn.turn: getattr(turn, field) for turn in arm.turns} for arm in shown]
    rows = [
        [
            f"{turn.turn} ({clip(turn.period, 24)})",
            *(percent(values.get(turn.turn)) for values in by_arm),
        ]
        for turn in longest
    ]
    numbers = range(1, len(shown) + 1)
    return table(["turn", *(arm.name for arm in shown)], rows, numbers=list(numbers))


def _last_turn(shown: list[Arm], result: ReplayResult) -> Html:
    rows = []
    for arm in shown:
        if not arm.turns:
            continue
        last = arm.turns[-1]
        rows.append(
            [
                arm.name,
                percent(last.detection_rate),
                percent(last.false_reject_rate),
                percent(last.detection_at_limit),
                count(last.escapes),
                count(last.false_rejects),
            ]
        )
    limit = (
        f"found at exactly {percent(result.false_reject_limit)} false rejects (hindsight)"
        if known(result.false_reject_limit)
        else "found at equal false rejects (hindsight)"
    )
    return table(
        [
            "last turn",
            "faults found",
            "false rejects",
            limit,
            "faults missed (items)",
            "normal items rejected (items)",
        ],
        rows,
        numbers=(1, 2, 3, 4, 5),
        caption=f"The last turn ({clip(result.turns[-1].period, 40)}), thresholds as deployed",
    )
