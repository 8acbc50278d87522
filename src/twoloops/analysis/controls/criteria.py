"""Whether an item meets an instrument's criteria: yes, no, or undecided for want of a fact.

Three-valued logic (Kleene): a clause holds when all of its conditions hold, fails when one
fails, and is undecided otherwise; an instrument is reached when any of its clauses holds.
"""

from collections.abc import Sequence

import msgspec

from twoloops.analysis.controls.system import QUANTITIES, Item, Value
from twoloops.atlas.contracts import UNKNOWN
from twoloops.atlas.instruments import Condition

SHORT = {"tpp": "TPP", "dram_bandwidth": "memory bandwidth in GB/s"}


class Answer(msgspec.Struct, frozen=True):
    """What the criteria give.

    Args:
        met: `None` where it cannot be said.
        how: The comparison that decided, in words; or what is missing.
    """

    met: bool | None
    how: str


def answer(item: Item, conditions: Sequence[Condition]) -> Answer:
    """Compare an item with an instrument's conditions.

    Args:
        item: What is looked at.
        conditions: All of one instrument; none means that it has no criterion to compute.
    """
    if not conditions:
        return Answer(None, "the table holds no criterion for it: read it")
    clauses: dict[str, list[Condition]] = {}
    for one in conditions:
        clauses.setdefault(one.clause, []).append(one)
    judged = [_clause(item, own) for own in clauses.values()]
    names = list(clauses)
    for name, (met, how) in zip(names, judged, strict=True):
        if met:
            return Answer(True, f"{name}: {how}")
    open_ones = [
        f"{name}: {how}" for name, (met, how) in zip(names, judged, strict=True) if met is None
    ]
    if open_ones:
        return Answer(None, "; ".join(open_ones))
    return Answer(False, "; ".join(f"{n}: {h}" for n, (_, h) in zip(names, judged, strict=True)))


def _clause(item: Item, conditions: Sequence[Condition]) -> tuple[bool | None, str]:
    judged = [(one, _condition(item, one)) for one in conditions]
    for one, met in judged:
        if met is False:
            return False, _told(item, one)
    missing = [one.quantity for one, met in judged if met is None]
    if missing:
        return None, "needs " + " and ".join(QUANTITIES.get(name, name) for name in missing)
    return True, " and ".join(_told(item, one) for one, _ in judged)


def _condition(item: Item, one: Condition) -> bool | None:
    value = item.facts.get(one.quantity)
    if value is None:
        return None
    if one.equals:
        wanted = one.equals.casefold().split("|")
        words = [word.casefold() for word in _words(value)]
        if any(word in wanted for word in words):
            return True
        return None if UNKNOWN in words else False
    number = float(value) if isinstance(value, int | float) else None
    if number is None:
        return None
    low = one.at_least is None or number >= one.at_least
    return low and (one.below is None or number < one.below)


def _words(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _told(item: Item, one: Condition) -> str:
    """Say how a fact compares with a condition."""
    name = SHORT.get(one.quantity, one.quantity.replace("_", " "))
    value = item.facts[one.quantity]
    if one.equals:
        said = ", ".join(_words(value))
        if _condition(item, one):
            return f"{name}: {said}"
        wanted = one.equals.split("|")
        few = " or ".join(wanted) if len(wanted) <= 4 else f"among the {len(wanted)} listed"
        return f"{name}: {said} (criterion: {few})"
    assert isinstance(value, int | float)
    shown = figure(float(value))
    if one.at_least is not None and value < one.at_least:
        return f"{name} {shown} is below {figure(one.at_least)}"
    if one.below is not None and value >= one.below:
        return f"{name} {shown} is not below {figure(one.below)}"
    ends = []
    if one.at_least is not None:
        ends.append(f"at least {figure(one.at_least)}")
    if one.below is not None:
        ends.append(f"below {figure(one.below)}")
    return f"{name} {shown} is {' and '.join(ends)}"


def figure(value: float) -> str:
    """Print a number as people write it.

    >>> figure(15832.0), figure(5.92), figure(1e26), figure(2.8e9)
    ('15,832', '5.92', '1e+26', '2.8e+09')
    """
    if value >= 1e7:
        return f"{value:.2g}"
    return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:.3g}"
