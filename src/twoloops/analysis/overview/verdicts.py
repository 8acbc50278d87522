"""What a verdict needed, and what would have changed it, where that is simple to say."""

import math

from twoloops.analysis.words import items
from twoloops.convergence.judging.gate import GateSettings
from twoloops.records.gate import Check, Verdict


def needed(verdict: Verdict, settings: GateSettings) -> float:
    """Return the wealth that a claim needs."""
    return 1 / (settings.first_alpha if verdict.claim == "first" else settings.alpha)


def nearest(verdict: Verdict, settings: GateSettings) -> str:
    """Say what would have changed a verdict, where that is simple; else an empty string.

    For a refusal by the evidence alone the least number of further labels is told: of an exact
    sign test (`first`) and of bets without a margin (`better`) one more label that the candidate
    wins, and none that it loses, doubles the evidence at most.
    """
    need = needed(verdict, settings)
    failed = [check for check in verdict.checks if not check.passed]
    if verdict.released:
        times = verdict.wealth / need
        limit = f"an evidence level of {1 / max(verdict.wealth, 1.0):.2g} or stricter"
        return f"It had {number(times)} times the evidence needed: {limit} would have refused it."
    if not failed:
        return ""
    if [check.name for check in failed] != [verdict.claim]:
        names = " and ".join(check.name for check in failed)
        return f"{names.capitalize()} would have had to pass: {_details(failed)}."
    times = need / max(verdict.wealth, 1e-12)
    told = f"The evidence would have had to be {number(times)} times as strong; all else passed."
    if verdict.claim == "not worse":
        return (
            f"{told} Each label on which it loses nothing, and each on which it wins, adds to it."
        )
    more = math.ceil(math.log2(times) - 1e-9)
    return (
        f"{told} That takes at least {items(max(more, 1), 'further label')} on which it is right "
        "and the other wrong, and none the other way."
    )


def _details(checks: list[Check]) -> str:
    return "; ".join(check.detail for check in checks)


def number(value: float) -> str:
    """Write wealth, or a ratio of it, with the digits that matter."""
    if value > 1e6:
        return "over 1,000,000"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
