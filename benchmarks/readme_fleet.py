"""The blocks about a new fault on one edge: from its first input until the fleet recognises it."""

import math
from collections.abc import Callable
from typing import Any

from readme_tables import missing, read, table

CASES = {
    "cooler": "hydraulic rig, its cooler near failure; all inputs of the edge",
    "fan": "fan, weights set otherwise; all inputs of the edge",
    "orders": "work orders, structural damage; 30 % of the edge's inputs",
}
ARMS = {
    "weekly": "a turn a week",
    "twice": "two turns a week",
    "drift": "a turn a week, and at an alarm",
    "default weekly": "a turn a week; roll-outs by the default plan",
    "default plan": "a turn a week, and at an alarm; roll-outs by the default plan",
}
FEATURES, BUDGET, MOST = 85, 0.05, 2_000
STEPS = ("alarm", "label", "approved", "everywhere")


def fleet_fault() -> str:
    """Say it in a line."""
    found: Any = read("fleet_fault")
    rows = {(one["case"], one["arm"]): one for one in (found or {}).get("summary", [])}
    if ("cooler", "drift") not in rows or ("cooler", "weekly") not in rows:
        return missing("fleet_fault")
    with_, without = rows["cooler", "drift"], rows["cooler", "weekly"]
    return (
        f"every edge recognises it {_spread(with_['hours']['recognised'])} hours after it began on "
        f"one of {found['settings']['edges']}, where an alarm opens a turn, and after "
        f"{_spread(without['hours']['recognised'])} where one opens every week; median (range) of "
        f"{with_['runs']} seeds, {with_['labels']['median']} and {without['labels']['median']} "
        "labels until then"
    )


def fleet_fault_steps() -> str:
    """Return the hours from the fault's beginning to each step, for every case and arm."""
    found: Any = read("fleet_fault")
    if not found:
        return missing("fleet_fault")
    lines = []
    for case, title in CASES.items():
        for arm, words in ARMS.items():
            one = next((r for r in found["summary"] if (r["case"], r["arm"]) == (case, arm)), None)
            if one is None:
                continue
            recognised = one["hours"]["recognised"]
            done = f"{one['runs'] - recognised['never']} of {one['runs']}"
            steps = [_spread(one["hours"][step]) for step in STEPS]
            seen = _spread(one["observations"]["recognised"])
            lines.append(
                [title, words, *steps, _spread(recognised), done, seen, _spread(one["labels"])]
            )
            title = ""
    head = [
        "",
        "turns open",
        "drift alarm",
        "first label",
        "approved",
        "on every edge",
        "recognised",
        "runs",
        "inputs of that edge until then",
        "labels",
    ]
    return table(head, lines)


def fleet_fault_quiet() -> str:
    """Say what alarms cost where no fault comes."""
    found: Any = read("fleet_fault")
    rows = [one for one in (found or {}).get("summary", []) if one["arm"] == "quiet"]
    if not rows:
        return missing("fleet_fault")
    said = [
        f"{one['runs with a false alarm']} of {one['runs']} runs have an alarm "
        f"({one['false alarms']} in all), {_spread(one['labels'])} labels in the "
        f"{found['settings']['cases'][one['case']]['hours'] // 168} weeks that are counted"
        for one in rows
    ]
    return "; ".join(said)


def fleet_fault_bound() -> str:
    """Say after how many inputs the best bettor there is would have enough evidence."""
    needed = math.log(FEATURES / BUDGET)

    def said(reference: int, share: float) -> str:
        found = _inputs_needed(reference, share, needed)
        return f"never, of {MOST:,}" if found is None else f"after {found:,}"

    own, fleet, more = said(25, 0.3), said(100, 0.3 / 4), said(100, 0.3)
    return (
        f"for one alarm among {FEATURES} features (6 labels, four edges; budget "
        f"{100 * BUDGET:g} %) such a bettor has the evidence {own} inputs of the edge; against the "
        f"100 of all edges {fleet} inputs of all; against 100 of its own it would be {more}"
    )


def _inputs_needed(reference: int, share: float, needed: float) -> int | None:
    """Return after how many inputs the log of the wealth is enough, on average.

    A share of the inputs stands out from all that is not of the fault. The i-th input is ranked
    among the reference and all before it; what stands out has the highest ranks, so it has a share
    s of all ranks, and the best bet on it gains q ln(q/s) + (1 - q) ln((1 - q)/(1 - s)), where q is
    the share of inputs (Kelly 1956).
    """
    log = 0.0
    for i in range(1, MOST + 1):
        s = share * i / (reference + i)
        log += share * math.log(share / s) + (1 - share) * math.log((1 - share) / (1 - s))
        if log >= needed:
            return i
    return None


def _spread(one: dict[str, Any]) -> str:
    """Print a median with its range."""
    low, middle, high = (
        "never" if one[key] is None else f"{one[key]:,}" for key in ("least", "median", "most")
    )
    return middle if low == high else f"{middle} ({low} to {high})"


BLOCKS: dict[str, Callable[[], str]] = {
    "fleet_fault": fleet_fault,
    "fleet_fault_steps": fleet_fault_steps,
    "fleet_fault_quiet": fleet_fault_quiet,
    "fleet_fault_bound": fleet_fault_bound,
}
