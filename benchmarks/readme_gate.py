"""The blocks of docs/gate-statistics.md: what benchmarks/gate.py measured, in tables and words."""

import functools
import textwrap
from collections.abc import Callable
from typing import Any

from readme_tables import missing, read, table

from twoloops.analysis.words import ABSENT, count, percent, signed

PLAIN = "(a) false releases on plain streams"
POWER = "(b) power"
STREAMS = "(c) whole streams: selection, refitting, reused labels"
EQUAL = "equal recipes, both select, claim `better`"
NOISY = "candidate fitted on noisy labels, claim `not worse`"
WORSE = "candidate always 5 to 8 points worse, claim `not worse`"
SHIFT_WORSE = "the regime shifts, candidate always 5 to 8 points worse, claim `not worse`"
TURNS_BAD = "more labels, then 5 to 8 points worse, claim `not worse`"
MORE = "more labels, same recipe, claim `not worse`"
SHIFT = "more labels, the regime shifts, claim `not worse`"
FORMER = "bets carried until another release is the best"
Found = dict[str, Any]
BLOCKS: dict[str, Callable[..., str]] = {}


def block(make: Callable[[Found], str]) -> Callable[[], str]:
    """Make a block of gate.json under the function's name."""

    @functools.wraps(make)
    def made() -> str:
        found = read("gate")
        return make(found) if found else missing("gate")

    BLOCKS[make.__name__] = made
    return made


def rate(one: Found | None, digits: int = 1) -> str:
    """Print a share with its interval."""
    if one is None:
        return ABSENT
    low, high = (100 * one[end] for end in ("low", "high"))
    return f"{percent(one['rate'], digits)} ({low:.{digits}f} to {high:.{digits}f})"


def bare(one: Found | None, digits: int = 1) -> str:
    """Print a share alone."""
    return ABSENT if one is None else percent(one["rate"], digits)


def lines(text: str) -> str:
    """Break a sentence into lines; figures stay beside their units."""
    kept = text.replace(" %", "\xa0%")
    return textwrap.fill(kept, 100, break_on_hyphens=False).replace("\xa0", " ")


@block
def gate_runs(found: Found) -> str:
    """Say how much was simulated."""
    row = next(iter(found[POWER]["not worse"].values()))
    few = row["130"]["known"]["streams"]
    return lines(
        f"{found['streams']} streams a row ({few} where an equal or better candidate claims "
        f"*not worse* once), seed {found['seed']}; 95 % intervals in brackets."
    )


@block
def gate_reused(found: Found) -> str:
    """Say what false releases are where labels are reused."""
    worlds = found[STREAMS]
    equal, noisy, worse = (worlds[name] for name in (EQUAL, NOISY, WORSE))
    plain = found[PLAIN]["5 points worse, discordance 6%"]
    of, any_of = (
        "released, of turns truly 5 points worse",
        "released in any turn in which it is truly 5 points worse",
    )
    return lines(
        f"Of two recipes of equal quality the other one was released as *better* in any of ten "
        f"turns in {rate(equal['released in any of ten turns'])} of streams. A candidate that is "
        f"5 to 8 points worse in every turn passed as *not worse* in {rate(worse[of], 2)} of "
        f"turns, and in any of ten turns in {rate(worse[any_of])} of streams. One spoilt by label "
        f"noise so that it lies around the margin passed in {rate(noisy[of])} of the turns in "
        f"which it was truly at least 5 points worse, in {rate(noisy[any_of])} of streams. On "
        f"plain streams a candidate exactly 5 points worse, tried at ten growing label counts, "
        f"passed at least once in {rate(plain['the same, any of ten turns reusing labels'])}."
    )


@block
def gate_procedure(found: Found) -> str:
    """Say what the carried bets let through, and would if a release did not spend them."""
    world = found[STREAMS][TURNS_BAD]
    of = "released, of turns truly 5 points worse"
    any_of = "released in any turn truly 5 points worse"
    used, former = world["ways"]["used"], world["ways"][FORMER]
    good = {
        name: [
            bare(found[STREAMS][name]["ways"][way]["released, of all turns"])
            for way in ("used", FORMER)
        ]
        for name in (MORE, SHIFT)
    }
    return lines(
        f"Where a candidate was good for five turns and then became 5 to 8 points worse, it was "
        f"released in {rate(used[of], 2)} of those later turns in which it was truly at least 5 "
        f"points worse, at least once in {rate(used[any_of])} of streams. Carried through "
        f"releases, until another release is the best, the bets would let it pass in "
        f"{rate(former[of])} of such turns and {rate(former[any_of])} of streams. What that would "
        f"buy: good candidates, released in {good[MORE][0]} of turns, would on the same streams "
        f"pass in {good[MORE][1]}, and where the regime shifts in {good[SHIFT][1]} in place of "
        f"{good[SHIFT][0]}."
    )


@block
def gate_looks(found: Found) -> str:
    """Say what the second look of a turn costs."""
    parts = []
    words = {
        WORSE: "always 5 to 8 points worse",
        SHIFT_WORSE: "the same where the regime shifts",
        NOISY: "around the margin, of turns truly 5 points worse",
    }
    for name, said in words.items():
        world = found[STREAMS][name]
        early = world["released at the first look, of turns truly 5 points worse"]
        once = world["ways"]["one look, after the verifying labels"]
        of = "released, of turns truly 5 points worse"
        parts.append(
            f"{said}, {rate(world[of], 2)} with two looks ({bare(early, 2)} at the first), "
            f"{rate(once[of], 2)} with one"
        )
    return lines("False releases a turn: " + "; ".join(parts) + ".")


@block
def gate_few(found: Found) -> str:
    """Say what few labels can show."""
    better = found[POWER]["better"]["2 points better, discordance 5%"]
    at = better["at 490 labels"]

    def known(gain: int, discordance: int, labels: int = 130) -> str:
        row = found[POWER]["not worse"][_row(5, gain, discordance)]
        return bare(row[str(labels)]["known"], 0)

    return lines(
        f"*Better* nearly is: two points of true gain with 5 % of decisions changed need "
        f"{count(better['median labels'])} labels in the median, and 490 labels find them in "
        f"{bare(at['gate'], 0)} of streams. *Not worse* is not: with 130 labels, and without a "
        f"label that verifies, an equal candidate that changes 2 % of decisions passes in "
        f"{known(0, 2)}, one that changes 5 % in {known(0, 5)}, one that is two points better and "
        f"changes 5 % in {known(2, 5)}; one that changes 10 % and is merely equal needs about 500 "
        f"labels ({known(0, 10, 490)}). In whole streams, with labels that verify, more labels on "
        f"the same recipe were released in {bare(found[STREAMS][MORE]['released, of all turns'])} "
        f"of turns."
    )


@block
def gate_daily(found: Found) -> str:
    """Say what looking every day costs."""
    at = found[POWER]["better"]["2 points better, discordance 5%"]["at 490 labels"]
    equal = [found[PLAIN][f"equal, discordance {d}%"] for d in (2, 5, 10)]
    peeked = [100 * one["z test, looked at every 100 of 2,000 labels"]["rate"] for one in equal]
    ours = [100 * one[_LOOKED[1]]["rate"] for one in equal]
    return lines(
        f"One exact McNemar test at a label count fixed in advance finds the two points above in "
        f"{bare(at['one exact McNemar test'], 0)} at 490 labels where the gate finds "
        f"{bare(at['gate'], 0)}. But a fixed test looked at every 100 of 2,000 labels calls an "
        f"equal model better in {min(peeked):.0f} to {max(peeked):.0f} % of streams, the gate in "
        f"{min(ours):.1f} to {max(ours):.1f} %."
    )


_LOOKED = (
    "gate `better`, looked at every label of 500",
    "gate `better`, looked at every 20 of 2,000 labels",
)


@block
def gate_equal(found: Found) -> str:
    """Return the false releases of an equal candidate, rule by rule."""
    rules = {
        _LOOKED[0]: "gate, every label of 500",
        _LOOKED[1]: "gate, every 20 of 2,000",
        "z test, looked at every 100 of 2,000 labels": "z test every 100 of 2,000",
        "any better, once at 500 labels": "any better, once at 500",
        "a point better, once at 500 labels": "a point better, once at 500",
    }
    rows = []
    for changed in (2, 5, 10):
        row = found[PLAIN][f"equal, discordance {changed}%"]
        shown = [rate(row[name]) if name in _LOOKED else bare(row[name]) for name in rules]
        rows.append([f"{changed} %", *shown])
    return table(["decisions changed", *rules.values()], rows)


@block
def gate_margin(found: Found) -> str:
    """Return the false releases of a candidate exactly the margin worse."""
    rows = []
    for margin, changed in ((5, 6), (5, 10), (3, 5), (2, 5)):
        row = found[PLAIN][f"{margin} points worse, discordance {changed}%"]
        rows.append(
            [
                f"{margin} points, {changed} %",
                rate(row["gate `not worse`, disagreement known"]),
                bare(row["gate `not worse`, disagreement unknown"]),
                rate(row["the same, any of ten turns reusing labels"]),
            ]
        )
    head = ["margin, decisions changed", "disagreement known", "unknown", "known, any of ten turns"]
    return table(head, rows)


@block
def gate_power(found: Found) -> str:
    """Return the labels that a better candidate needs."""
    counts = (130, 250, 490, 2000)
    rows = []
    for changed in (3, 5, 10):
        row = found[POWER]["better"][f"2 points better, discordance {changed}%"]
        median = row["median labels"]
        cells = [row[f"at {n} labels"] for n in counts]
        shown = [f"{bare(c['gate'], 0)} ({bare(c['one exact McNemar test'], 0)})" for c in cells]
        rows.append([f"{changed} %", ABSENT if median is None else count(median), *shown])
    return table(["decisions changed", "median labels", *(f"at {n:,}" for n in counts)], rows)


def _row(margin: int, gain: int, changed: int) -> str:
    return f"margin {margin}%, gain {gain}%, discordance {changed}%"


@block
def gate_not_worse(found: Found) -> str:
    """Return how often an equal or better candidate passes as not worse."""
    rows = []
    for margin in (5, 3, 2):
        for gain in (0, 2):
            cells = []
            for changed in (2, 5, 10):
                row = found[POWER]["not worse"][_row(margin, gain, changed)]
                known, unknown = (
                    " / ".join(f"{100 * row[n][which]['rate']:.0f}" for n in ("130", "250", "490"))
                    for which in ("known", "unknown")
                )
                cells.append(f"{known} ({unknown})")
            rows.append([f"{margin} points", str(gain), *cells])
    return table(["margin", "true gain", *(f"{n} % changed" for n in (2, 5, 10))], rows)


@block
def gate_worlds(found: Found) -> str:
    """Return the whole streams."""
    head = [
        "world", "true gain, points: mean, s.d.", "released, of turns", "of turns truly better",
        "of turns truly 5 points worse", "streams with such a release",
    ]  # fmt: skip
    rows = []
    for name, one in found[STREAMS].items():
        every = one["released, of all turns"]
        better, worse = (
            part if part and part["streams"] >= every["streams"] / 100 else None
            for part in (
                one["released, of turns truly better"],
                one["released, of turns truly 5 points worse"],
            )
        )
        gain, around = (
            one[key]
            for key in ("mean true gain, points", "standard deviation of the true gain, points")
        )
        rows.append(
            [
                name,
                f"{signed(gain)}, {around:.1f}",
                bare(every),
                bare(better),
                rate(worse, 2),
                rate(one["released in any turn in which it is truly 5 points worse"]),
            ]
        )
    return table(head, rows)


@block
def gate_ways(found: Found) -> str:
    """Return each world judged in other ways."""
    worlds = {name: one["ways"] for name, one in found[STREAMS].items() if "ways" in one}
    ways = list(next(iter(worlds.values())))
    rows = []
    for name, mine in worlds.items():
        cells = []
        for way in ways:
            one = mine[way]
            bad = one["released, of turns truly 5 points worse"]
            streams = one["released in any turn truly 5 points worse"]
            every = bare(one["released, of all turns"])
            cells.append(every if bad is None else f"{every}; {bare(bad)}; {bare(streams)}")
        rows.append([name.removesuffix(", claim `not worse`"), *cells])
    return table(["world", *ways], rows)


@block
def gate_decay(found: Found) -> str:
    """Say what becomes of the best release where the regime shifts."""
    one = found[STREAMS][SHIFT]
    first, last = one["accuracy of what it is compared with"]
    return lines(
        f"Where the regime shifts, the accuracy of the best release fell from {first:.2f} in the "
        f"first turn to {last:.2f} in the tenth, and the candidate was "
        f"{signed(one['mean true gain, points'])} points better in the mean: it was released in "
        f"{rate(one['released, of all turns'])} of turns, in "
        f"{bare(one['released at the first look, of all turns'])} before any label that verifies."
    )


@block
def gate_golden(found: Found) -> str:
    """Return how often the golden set refuses."""
    words = {
        "18 items, discordance 5%, gain 0%": "18, 5 %",
        "18 items, discordance 10%, gain 0%": "18, 10 %",
        "30 items, discordance 5%, gain 0%": "30, 5 %",
        "30 items, discordance 10%, gain 0%": "30, 10 %",
        "30 items, discordance 20%, gain -15%": "30, 20 %, truly 15 points worse",
    }
    rows = []
    for name, said in words.items():
        row = found["golden set"][name]
        net = [row[f"refused at {n} net"] for n in (0, 1, 2)]
        rows.append([said, bare(net[0], 0), bare(net[1]), rate(net[2])])
    head = ["golden items, decisions changed", "refused at 0 net", "at 1", "at 2 (used)"]
    return table(head, rows)
