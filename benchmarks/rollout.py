"""A bad release in a roll-out: how many wrong decisions until it is taken back, without a person.

    python benchmarks/rollout.py [--fleets 100]

NIST's excavator work orders. Per pair of models: `old` learned from 400 orders, `good` from 400
drawn anew, `bad` from those of `good` with 30 % of the labels replaced after the gate has seen
`good`, so that the gate's share of disagreement is that of old and good, on 400 orders. Heads of
the product on its built-in base; what they decide on all other orders is what the devices decide.

A fleet: 3 groups of 4 edges, 20 orders an edge and hour drawn from those that no model learned
from, heard every hour; 16 audit labels a day, drawn at random over all, known 24 hours later; 14
days. Machine, evidence and plans are the product's (`convergence.rollouts`), with its default
amounts. Bad decisions: the release counts, is
wrong, and the old model is right on the same order.

- `canary first`: canary on a third of the edges, then the rest.
- `shadow first`: shadow on all before, the plan a task has where nobody makes one.
- `labels alone`: canary first, but disagreement is not looked at.
- `many labels alone`: the same, with 60 audit labels asked for instead of 8.
- `health only`: canary first; looks at late decisions, edges that went back or refused, alone.

All run on the bad release; `canary first` and `shadow first` on the good one too, where a
roll-back is a false alarm.

A small floor: the same three groups decide 48 orders a day together; 8 audit labels a week, known
a day after each week's end, as turns bring them; 28 days. There `shadow first` is compared with
`waiting`: the same stages, where each asks for 200 decisions however long that takes, and the
canary for 8 audit labels too. Told besides: after how many hours the release counts everywhere.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from twoloops.convergence.recipes.encode import Encoder
from twoloops.convergence.recipes.head import fit
from twoloops.convergence.rollouts import machine
from twoloops.convergence.rollouts.plan import Least, Plan, Stage, default_plan
from twoloops.convergence.rollouts.state import Losses, Observed, Seen, State
from twoloops.digital.catalogue import first_base
from twoloops.physical.history.excavators import excavators
from twoloops.records.digests import digest_bytes
from twoloops.store.fetch import default_cache

RESULT = Path(__file__).parent / "results" / "rollout.json"
START = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS, EDGES = ("a", "b", "c"), 4
DELAY = 24
"""Hours from an audit label's question to its answer."""
LEARNED, JUDGED, NOISE, PAIRS = 400, 400, 0.3, 10
OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "1" * 64

Ints = NDArray[np.intp]


class Floor(NamedTuple):
    """How much a floor decides, and how its labels come.

    Args:
        a_day: Decisions of all groups together.
        labels_a_day: Audit labels.
        together: Hours after which the questions of so long are asked together; 1: each at once.
        days: How long it is watched.
    """

    a_day: int
    labels_a_day: float
    together: int
    days: int


LARGE = Floor(a_day=len(GROUPS) * EDGES * 20 * 24, labels_a_day=16, together=1, days=14)
SMALL = Floor(a_day=48, labels_a_day=8 / 7, together=168, days=28)


class Pair(NamedTuple):
    """What two models decide on orders that neither learned from, and what is true."""

    truth: Ints
    old: Ints
    good: Ints
    bad: Ints
    share: float


class Outcome(NamedTuple):
    """How a roll-out ended.

    Args:
        status: Its last.
        hours: Until then.
        bad: Bad decisions.
        condition: Which one stopped it.
        everywhere: Hours until the release counted everywhere, or `None`.
    """

    status: str
    hours: int
    bad: int
    condition: str
    everywhere: int | None


def pairs() -> list[Pair]:
    """Learn the models, and let them decide."""
    rows = [row for row in excavators(default_cache()).rows() if row.label is not None]
    names = sorted({str(row.label) for row in rows})
    y = np.array([names.index(str(row.label)) for row in rows])
    digests = [digest_bytes(row.input) for row in rows]
    known = {digest: row.input for digest, row in zip(digests, rows, strict=True)}
    x = Encoder(1).embed(first_base("text"), digests, lambda some: {d: known[d] for d in some})

    def decides(rows_: Ints, labels: Ints, asked: Ints) -> Ints:
        head = fit(x[rows_], labels, [str(row) for row in rows_.tolist()])
        classes = int(labels.max()) + 1
        return np.asarray(head.full.probabilities(x[asked], classes).argmax(axis=1))

    made = []
    for seed in range(PAIRS):
        rng = np.random.default_rng([seed, 20])
        order = rng.permutation(len(y))
        first, second = order[:LEARNED], order[LEARNED : 2 * LEARNED]
        asked = order[2 * LEARNED :]
        wrong = y[second].copy()
        hit = rng.random(LEARNED) < NOISE
        wrong[hit] = (wrong[hit] + rng.integers(1, len(names), hit.sum())) % len(names)
        old, good = decides(first, y[first], asked), decides(second, y[second], asked)
        bad = decides(second, wrong, asked)
        share = float((old[:JUDGED] != good[:JUDGED]).mean())
        made.append(Pair(y[asked], old, good, bad, share))
    return made


def plans() -> dict[str, Plan]:
    """Return the plans that are compared."""
    shadow_first = default_plan(GROUPS, 8)
    canary_first = replace(shadow_first, stages=shadow_first.stages[1:])
    blind = tuple(replace(one, disagreement=0.99) for one in canary_first.stages)
    many, waits = Least(labels=60), Least(labels=8)
    waiting = (replace(one, least=waits) for one in canary_first.stages)
    sooner = replace(waits, labels=0, no_labels="labels judge from the canary on")
    none = Least(labels=0, no_labels="only health is looked at")
    return {
        "canary first": canary_first,
        "shadow first": shadow_first,
        "waiting": Plan(stages=(Stage(kind="shadow", least=sooner), *waiting)),
        "labels alone": replace(
            canary_first, stages=tuple(replace(one, least=waits) for one in blind)
        ),
        "many labels alone": replace(
            canary_first, stages=tuple(replace(one, least=many) for one in blind)
        ),
        "health only": Plan(
            stages=tuple(
                Stage(
                    kind=one.kind,
                    groups=one.groups,
                    least=none,
                    error_margin=0.99,
                    disagreement=0.99,
                )
                for one in canary_first.stages
            )
        ),
    }


class Fleet:
    """Edges that decide, and a server that looks every hour."""

    def __init__(self, floor: Floor, pair: Pair, release: Ints, plan: Plan, seed: int) -> None:
        self.floor, self.pair, self.new = floor, pair, release
        self.rng = np.random.default_rng([seed, 21])
        self.state: State = machine.opened(
            task="orders",
            number=1,
            model=NEW,
            turn=1,
            before=OLD,
            plan=plan,
            share=pair.share,
            share_of=JUDGED,
            at=START,
        )[0]
        self.paired = {group: np.zeros(2, dtype=int) for group in GROUPS}
        self.own = dict.fromkeys(GROUPS, 0)
        # (hour, group, x, differ) of each audit label, in the order in which they come.
        self.audits: list[tuple[int, str, float, bool]] = []
        self.bad = 0
        self.everywhere: int | None = None

    def run(self) -> Outcome:
        """Let the days pass; a roll-out that is over goes on counting what its release does."""
        ended: tuple[int, State] | None = None
        for hour in range(24 * self.floor.days):
            if ended is None:
                before = self.state
                self.state, _ = machine.step(
                    self.state, self.observed(hour), START + timedelta(hours=hour)
                )
                for group in GROUPS:  # another mode is another pair of models, counted from 0
                    if self.state.roles.get(group) != before.roles.get(group):
                        self.paired[group][:] = 0
                if not self.state.open:
                    ended = hour, self.state
            if self.state.status == "rolled back":
                break
            if self.everywhere is None and all(map(self.counts, GROUPS)):
                self.everywhere = hour
            for group in GROUPS:
                self.decide(group, hour)
        hours, state = ended or (24 * self.floor.days, self.state)
        stopped = state.judged.breaches if state.status == "rolled back" else ()
        return Outcome(
            state.status,
            hours,
            self.bad,
            stopped[0].condition if stopped else "",
            self.everywhere,
        )

    def counts(self, group: str) -> bool:
        """Whether the release counts in a group."""
        return self.state.status == "done" or self.state.roles.get(group) == "canary"

    def decide(self, group: str, hour: int) -> None:
        """Let the edges of a group decide for an hour."""
        floor, rate = self.floor, self.floor.a_day / len(GROUPS) / 24
        count = int(rate) if rate == int(rate) else self.rng.poisson(rate)
        drawn = self.rng.integers(0, self.pair.truth.size, count)
        truth, old, new = self.pair.truth[drawn], self.pair.old[drawn], self.new[drawn]
        mode = "full" if self.state.status == "done" else self.state.roles.get(group, "")
        if mode in ("shadow", "canary"):
            self.paired[group] += (drawn.size, int((old != new).sum()))
        if mode in ("canary", "full"):
            self.own[group] += drawn.size
            self.bad += int(((new != truth) & (old == truth)).sum())
        chance = floor.labels_a_day / floor.a_day
        for place in np.flatnonzero(self.rng.random(drawn.size) < chance):
            loss = float(new[place] != truth[place]) - float(old[place] != truth[place])
            self.audits.append((hour, group, loss, bool(old[place] != new[place])))

    def observed(self, hour: int) -> Observed:
        """What the server knows in an hour."""
        at = START + timedelta(hours=hour)
        edges = tuple(
            Seen(
                edge=f"{group}1",
                group=group,
                heard=at,
                paired=(*self.paired[group].tolist(), 0, 0),
                own=(self.own[group], 0, 0, 0),
            )
            for group in GROUPS
        )
        known = [one for one in self.audits if self._known_at(one[0]) <= hour]
        began = self.state.began
        since = hour if began is None else (began - START) / timedelta(hours=1)
        stage = [one for one in known if one[0] >= since and one[1] in self.state.groups]
        return Observed(edges=edges, losses=losses(stage), overall=losses(known))

    def _known_at(self, hour: int) -> int:
        """Return when the audit label of an observation of an hour is known."""
        together = self.floor.together
        return (hour if together == 1 else (hour // together + 1) * together) + DELAY


def losses(audits: list[tuple[int, str, float, bool]]) -> Losses:
    """Return audits as losses; all were drawn with one chance."""
    return Losses(
        tuple(one[2] for one in audits), (1.0,) * len(audits), tuple(one[3] for one in audits)
    )


def middle(hours: list[int | None]) -> int | None:
    """Return the median; never (`None`) is later than any hour."""
    ordered = sorted(hours, key=lambda one: (one is None, one or 0))
    return ordered[(len(ordered) - 1) // 2]


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return what is told of an arm."""
    bad = [one.bad for one in outcomes]
    back = [one for one in outcomes if one.status == "rolled back"]
    return {
        "fleets": len(outcomes),
        "rolled back": len(back),
        "went everywhere": sum(
            one.everywhere is not None and one.status != "rolled back" for one in outcomes
        ),
        "everywhere median": middle([one.everywhere for one in outcomes]),
        "bad median": float(np.median(bad)),
        "bad 5 %": float(np.quantile(bad, 0.05)),
        "bad 95 %": float(np.quantile(bad, 0.95)),
        "hours median": float(np.median([one.hours for one in back])) if back else None,
        "hours 95 %": float(np.quantile([one.hours for one in back], 0.95)) if back else None,
        "stopped by": dict(Counter(one.condition for one in back)),
    }


def main() -> None:
    """Run every arm, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fleets", type=int, default=100)
    fleets = parser.parse_args().fleets
    began = time.perf_counter()
    made, by_name = pairs(), plans()
    found: dict[str, dict[str, Any]] = {}
    both = ["canary first", "shadow first"]
    more = ["labels alone", "many labels alone", "health only"]
    small = ["waiting", "shadow first"]
    for arm, floor, kind, names in (
        ("bad", LARGE, "bad", both + more),
        ("good", LARGE, "good", both),
        ("small bad", SMALL, "bad", [*small, "health only"]),
        ("small good", SMALL, "good", small),
    ):
        for name in names:
            outcomes = [
                Fleet(floor, pair, getattr(pair, kind), by_name[name], seed).run()
                for seed in range(fleets)
                for pair in [made[seed % len(made)]]
            ]
            one = found.setdefault(arm, {})[name] = figures(outcomes)
            print(
                f"{arm:10}  {name:17} rolled back {one['rolled back']:3} of {fleets}, bad "
                f"decisions {one['bad median']:7,.0f} ({one['bad 5 %']:,.0f} to "
                f"{one['bad 95 %']:,.0f}), after {one['hours median']} h, by {one['stopped by']}; "
                f"everywhere after {one['everywhere median']} h"
            )
    models = {
        name: float(np.mean([(getattr(one, name) == one.truth).mean() for one in made]))
        for name in ("old", "good", "bad")
    }
    differ = {
        name: float(np.mean([(getattr(one, name) != one.old).mean() for one in made]))
        for name in ("good", "bad")
    }
    seconds = time.perf_counter() - began
    print(f"accuracy {models}, differs from old {differ}, {seconds:.0f} s")
    result = {
        "fleets": fleets,
        "days": LARGE.days,
        "small": {
            "days": SMALL.days,
            "decisions a day": SMALL.a_day,
            "labels a week": round(7 * SMALL.labels_a_day),
        },
        "alpha": by_name["shadow first"].alpha,
        "decisions a day": LARGE.a_day,
        "labels a day": LARGE.labels_a_day,
        "accuracy": models,
        "differ": differ,
        **found,
        "seconds": round(seconds),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
