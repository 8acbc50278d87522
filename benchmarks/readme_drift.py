"""The blocks about drift: false alarms of a report, and the delay on real shift."""

from collections.abc import Callable
from typing import Any

from readme_tables import missing, read, table


def rate(one: dict[str, float]) -> str:
    """Print a share with its interval and the count it is of."""
    low, high = 100 * one["low"], 100 * one["high"]
    return f"{100 * one['share']:.1f} % ({low:.1f} to {high:.1f}, {one['of']:,} reports)"


def drift() -> str:
    """Say both in a line each."""
    found: Any = read("drift")
    if not found or "undrifted" not in found or "fan" not in found:
        return missing("drift")
    one, late = found["undrifted"], found["fan"]["delay"]["ours"]
    return (
        f"without drift {rate(one['ours'])} have an alarm, budget "
        f"{100 * found['settings']['budget']:g} % (a test of each feature at 5 %: "
        f"{100 * one['once']['share']:.0f} %); a fan that turns faster is noticed after "
        f"{late['median']:g} observations in the median"
    )


def drift_false_alarms() -> str:
    """Return the share of reports with any alarm, without drift."""
    found: Any = read("drift")
    if not found or "undrifted" not in found:
        return missing("drift")
    one, settings = found["undrifted"], found["settings"]
    lines = [
        [f"ours, {settings['features']} features, looked at after every one", rate(one["ours"])],
        ["ours, 5 features on each of 4 edges and on all together", rate(one["sites"])],
        ["each feature at 5 %, one look", rate(one["once"])],
        ["each feature at 5 %, a look a day", rate(one["daily"])],
        ["Bonferroni, one look", rate(one["once bonferroni"])],
        ["Bonferroni, a look a day", rate(one["daily bonferroni"])],
    ]
    if "evidently" in found:
        peer = found["evidently"]
        lines.append([f"Evidently {peer['version']}, one look", rate(peer["reports"])])
    for alike in found.get("alike", []):
        rho = f"neighbours correlated {alike['correlation']:g}"
        lines.append([f"ours, {rho}", rate(alike["ours"])])
        lines.append([f"ours, {rho}: nothing could be tested", rate(alike["unknown"])])
        lines.append([f"without blocks, {rho}", rate(alike["without blocks"])])
    return table(["", "reports with any alarm (95 %)"], lines)


CASES = {
    "fan": "fan, the next speed; shuffled within a speed",
    "cooler": "hydraulic rig, the next cooler condition; shuffled within one",
    "in order": "hydraulic rig in true order, the next cooler condition",
    "warming": "hydraulic rig in true order from the cold start, the valve",
}
TESTS = {
    "ours": "ours",
    "daily": "each feature at 5 %, a look a day",
    "daily bonferroni": "Bonferroni, a look a day",
}


def drift_delay() -> str:
    """Return the delay on real shift and the alarms before it."""
    found: Any = read("drift")
    if not found or not any(name in found for name in CASES):
        return missing("drift")
    lines = []
    for name, title in CASES.items():
        if name not in found:
            continue
        one = found[name]
        for test, words in TESTS.items():
            late, early = one["delay"][test], one["early"][test]
            delay = "none" if not late["runs"] else _delay(late)
            lines.append([title, words, f"{early['hits']} of {early['of']}", delay])
            title = ""
    head = ["", "test", "alarmed before the shift", "observations until the alarm (95 %)"]
    return table(head, lines)


def _delay(late: dict[str, Any]) -> str:
    def said(value: float | None) -> str:
        return "never" if value is None else f"{value:g}"

    return (
        f"{said(late['median'])} ({said(late['low'])} to {said(late['high'])}); "
        f"{late['never']} of {late['runs']} never"
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "drift": drift,
    "drift_false_alarms": drift_false_alarms,
    "drift_delay": drift_delay,
}
