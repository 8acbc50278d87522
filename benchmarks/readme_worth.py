"""The blocks about labels: coverage of the intervals, and what labels were said to be worth."""

from collections.abc import Callable
from typing import Any

from readme_tables import missing, read, table


def percent(value: float, digits: int = 1) -> str:
    """Print a share as `94.2 %`."""
    return f"{100 * value:.{digits}f} %"


def rate(one: dict[str, float]) -> str:
    """Print a share with its own interval."""
    return f"{percent(one['rate'])} ({100 * one['low']:.1f} to {100 * one['high']:.1f})"


def coverage() -> str:
    """Say what the claim asks, and what was found."""
    found: Any = read("coverage")
    if not found:
        return missing("coverage")
    one, naive = found["summary"], found["summary"]["naive"]
    least = min(line["ours"]["least"] for line in found["exact"])
    alone = min(line["wilson alone"]["least"] for line in found["exact"])
    zones = ", ".join(f"{low:.2f} to {high:.2f}" for low, high in found["impossible"])
    lines = [
        ["simulated streams; cells with a known rate", f"{one['streams']:,}; {one['cells']}"],
        ["least coverage of any cell", percent(one["least coverage"])],
        ["cells below 93 %", str(one["cells below 93 %"])],
        [
            "cells with 30 effective faults; with one expected escape among them",
            f"{one['cells with 30 effective faults']}; {one['of them with one expected escape']}",
        ],
        ["most coverage of the latter", percent(one["most coverage there"])],
        ["above 98 % of the latter", str(one["cells above 98 % there"])],
        [
            "above 98 % of those with fewer expected escapes",
            str(one["cells above 98 % with fewer expected escapes"]),
        ],
        ["Wilson alone, least of any cell", percent(one["least coverage of wilson alone"])],
        ["exact, plain counts, any rate: least, ours", percent(least)],
        ["exact, plain counts, any rate: least, Wilson alone", percent(alone)],
        [
            "naive (all labels, no chances): least, median, most",
            ", ".join(percent(naive[name]) for name in ("least", "median", "most")),
        ],
        ["naive, cells below 93 %", f"{naive['cells below 93 %']} of {naive['cells']}"],
    ]
    return (
        f"{table(['', 'intervals that cover the truth'], lines)}\n\n"
        f"No interval of a count can hold 93 to 98 % where it is expected to be {zones}."
    )


def coverage_cells() -> str:
    """Return every cell."""
    found: Any = read("coverage")
    if not found:
        return missing("coverage")
    head = [
        "faults", "audit labels a turn", "escape rate", "capture", "unknown", "covered",
        "covered, 30 effective faults", "expected escapes there", "mean width", "naive",
    ]  # fmt: skip
    lines = []
    for one in found["cells"]:
        every, many = one.get("all"), one.get("30 effective")
        lines.append(
            [
                f"{one['faults']:g}",
                str(one["audit labels a turn"]),
                f"{one['escape rate']:g}",
                f"{one['capture']:g}",
                percent(one["unknown"], 0),
                rate(every["escape"]) if every else "",
                rate(many["escape"]) if many else "",
                f"{many['expected escapes']:.1f}" if many else "",
                f"{every['mean width']:.3f}" if every else "",
                percent(one["naive"]["rate"]) if "naive" in one else "",
            ]
        )
    return table(head, lines)


def worth() -> str:
    """Say how the expected savings compare with the measured ones."""
    found: Any = read("worth")
    if not found:
        return missing("worth")
    one, runs = found["summary"], found["runs"]
    names = ", ".join(f"{run['stream']} seed {run['seed']}" for run in runs)
    errors = one["median absolute error, share of the mistakes ahead"]
    lines = [
        ["streams", names],
        ["turns; with a number, not *unknown*", f"{one['turns']}; {one['turns with a number']}"],
        ["intervals that cover what was measured", rate(one["covered"])],
        *(
            [f"median error, share of what mistakes ahead cost: {name}", percent(value)]
            for name, value in errors.items()
        ),
    ]
    return table(["", "measured"], lines)


def stopping() -> str:
    """Return what each rule to stop costs beside always labelling."""
    found: Any = read("worth")
    if not found:
        return missing("worth")
    head = ["price of a label", "rule", "money, share of always", "labels, share of always"]
    lines = [
        [
            price.removeprefix("labels "),
            rule,
            f"{each['mean money of always']:.2f}",
            f"{each['mean labels of always']:.2f}",
        ]
        for price, rules in found["summary"]["stopping"].items()
        for rule, each in rules.items()
    ]
    return table(head, lines)


BLOCKS: dict[str, Callable[[], str]] = {
    "coverage": coverage,
    "coverage_cells": coverage_cells,
    "worth": worth,
    "stopping": stopping,
}
