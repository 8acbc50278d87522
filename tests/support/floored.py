"""A workspace with edges in every state, drift and a quarantine, written without running any."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from turned import turned

from twoloops.convergence.rollouts import machine
from twoloops.convergence.rollouts.evidence import Finding as Condition
from twoloops.convergence.rollouts.evidence import Judged
from twoloops.convergence.rollouts.plan import Least, Plan, Stage
from twoloops.convergence.rollouts.state import NONE, Losses, Observed, Seen
from twoloops.convergence.turns.drifted import DRIFT
from twoloops.convergence.turns.drifting import OPENED
from twoloops.edge.home import Paired, Standing
from twoloops.physical.drift.family import holm
from twoloops.physical.drift.finding import Feature, Finding, Part
from twoloops.records.digests import Digest, canonical, digest_bytes
from twoloops.store.edges import ExplainedGap
from twoloops.store.rows import Gap, Quarantined, Rollout
from twoloops.store.workspace import Store
from twoloops.wiring.floor import EdgeStanding
from twoloops.wiring.rollout_standing import Moved, RolloutStanding

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = digest_bytes(b"old"), digest_bytes(b"new")
HOSTILE = "<script>alert(1)</script>\x07\u202e"
STATES = ("works", "silent", "went back", "lost", "new", "beside", "none decides", "never heard")


NAMES = ("distance", "share of crack", "direction 1", "confidence", "direction 2", "novelty")


def standing(**more: Any) -> Standing:
    """A heartbeat of an edge that works."""
    known: dict[str, Any] = {
        "release": OLD,
        "counter": 7,
        "mode": "full",
        "decided": 1200,
        "version": "0.1.0",
        "clock": AT.isoformat(),
        "seen": 5000,
        "spooled": 12,
        "spool_bytes": 3400,
        "disk_free": 31_000_000_000,
        "dropped": 0,
        "unknown": 0,
        "not_kept": 0,
    }
    return Standing(**(known | more))


def edge(name: str = "press-4", **more: Any) -> EdgeStanding:
    """An edge that works, heard five seconds ago."""
    known: dict[str, Any] = {
        "edge": name,
        "task": "strip",
        "group": "hall-1",
        "enrolled_at": AT - timedelta(days=30),
        "last_seen": AT - timedelta(seconds=5),
        "skew": 0.2,
        "standing": standing(),
        "stored": 480,
        "gaps": (),
        "unexplained": 0,
    }
    return EdgeStanding(**(known | more))


def finding(
    p: Sequence[float], model: Digest = OLD, task: str = "strip", at: datetime = AT, **more: Any
) -> Finding:
    """What a look found where features have these p-values."""
    alarms = holm(p, 0.05)
    kinds = ("inputs", "decisions")
    known: dict[str, Any] = {
        "task": task,
        "model": model,
        "turn": 2,
        "budget": 0.05,
        "features": tuple(
            Feature(
                kind=kinds[place % 2],
                name=NAMES[place % len(NAMES)],
                edge="mill" if place % 3 == 2 else None,
                reference=100,
                units=80,
                before=0.1,
                after=0.1 + (0.3 if alarm else 0.01),
                evidence=min(1 / max(value, 1e-12), 1e12),
                p=value,
                alarm=alarm,
                at=44 if alarm else None,
            )
            for place, (value, alarm) in enumerate(zip(p, alarms, strict=True))
        ),
        "parts": (
            Part(kind="inputs", reference=100, current=80, tested=(len(p) + 1) // 2),
            Part(kind="decisions", reference=100, current=80, tested=len(p) // 2, left_out=1),
            Part(
                kind="audit error",
                reference=0,
                current=0,
                unknown="there are no audit labels of what it has decided yet",
            ),
        ),
        "unseen": ("press-9",),
        "observations": 80,
        "looked_at": at,
    }
    return Finding(**(known | more))


def rollout(**more: Any) -> RolloutStanding:
    """A roll-out in its canary stage, opened two days ago."""
    judged = Judged(
        labels=40,
        lost=3,
        won=2,
        decisions=5000,
        paired=5000,
        differed=150,
        late=1,
        proof=9.5,
        findings=(
            Condition(
                "errors", False, "3 wrong and 2 the other way: evidence 0.8 of the 180 needed"
            ),
            Condition(
                "disagreement", False, "150 of 5,000 (3.0 %): evidence 0.0 of the 180 needed"
            ),
        ),
    )
    moves = (
        Moved(at=AT - timedelta(days=2), what="opened", stage=0, why="in 3 stages"),
        Moved(
            at=AT - timedelta(days=1),
            what="stage passed",
            stage=1,
            why="the least amounts were seen",
            groups=("hall-1", "hall-2"),
            judged=judged,
        ),
    )
    known: dict[str, Any] = {
        "task": "strip",
        "number": 3,
        "model": NEW,
        "before": OLD,
        "turn": 2,
        "status": "running",
        "open": True,
        "stage": 2,
        "stages": 3,
        "kind": "canary",
        "groups": ("hall-1",),
        "opened_at": AT - timedelta(days=2),
        "began": AT - timedelta(days=1),
        "judged": judged,
        "waits": "10 more audit labels",
        "why": "",
        "moves": moves,
    }
    return RolloutStanding(**(known | more))


def floored(folder: Path, at: datetime, strange: str = HOSTILE) -> Store:
    """Write the workspace as it is at a time, with a strange label; the store stays open."""
    store = Store.open(folder)
    with store.transaction():
        task = turned(store, [3, 2])
        model = store.releases.all(task.name)[-1].model
        before = store.releases.all(task.name)[-2].model
        _edges(store, task.name, model, before, at)
        _rollout(store, task.name, model, before, at)
        store.quarantine.add_many(
            [
                Quarantined(
                    "press-4",
                    f"press-4/e1/{number}",
                    f"its input has {70_000 + number:,} bytes; at most 65,536 are taken",
                    at - timedelta(minutes=number),
                )
                for number in range(70)
            ]
            + [Quarantined("week.csv", "row 7", f"no label {strange!r}", at)]
        )
        found = finding([1e-6, 1e-4, 0.02, 0.4, 1.0], model, task.name, at)
        store.evidence.put(task.name, DRIFT, found.turn, found)
        store.journal.append(
            OPENED, task=task.name, turn=3, key=f"{task.name}/{OPENED}/{model}", at=at, body={}
        )
    return store


def _edges(store: Store, task: str, model: Digest, before: Digest, at: datetime) -> None:
    """Enrol an edge in each state."""
    told = {
        "works": standing(release=model),
        "silent": standing(release=before, counter=6),
        "went back": standing(
            release=before, counter=8, left=model, went_back="a golden input was decided otherwise"
        ),
        "lost": standing(release=model, dropped=31),
        "new": standing(release=model, counter=8, mode="canary", on_trial=True),
        "beside": standing(
            release=before,
            counter=8,
            mode="shadow",
            paired=Paired(counting=before, beside=model, decided=1200, differed=36, late=3),
        ),
        "none decides": standing(
            release=None,
            counter=0,
            mode="",
            refused="the metadata expired on 2026-02-27",
            failures=4,
            last_error="no route to the server",
            disk_free=200_000_000,
        ),
        "never heard": None,
    }
    assert tuple(told) == STATES
    for number, state in enumerate(STATES, 1):
        name, group = f"press-{number}", "hall-1" if number % 3 else "hall-2"
        token, _ = store.tokens.add(name, "edge", at - timedelta(days=3))
        store.edges.enrol(name, task, group, token.id, token.id, at - timedelta(days=3))
        now = told[state]
        if now is not None:
            late = 4 if state == "silent" else 0
            skew = 340.0 if state == "none decides" else 0.3
            store.edges.heard(name, now, skew, at - timedelta(hours=late, seconds=number))
        if state == "lost":
            gaps = [Gap(name, "e1", 18, 48), Gap(name, "e1", 60, 61)]
            store.marks.put(name, "e1", 90, gaps)
            why = "dropped, as the spool was full"
            store.edges.explain([ExplainedGap(name, "e1", 18, 48, why)])


PATIENT = Plan(
    stages=(
        Stage(kind="shadow", least=Least(labels=40)),
        Stage(kind="canary", groups=("hall-1",)),
        Stage(kind="wave"),
    )
)
"""Its shadow stage waits for labels."""


def _rollout(store: Store, task: str, model: Digest, before: Digest, at: datetime) -> None:
    """Roll the release out, as far as the shadow stage on both groups."""
    state, moves = machine.opened(
        task=task,
        number=1,
        model=model,
        turn=2,
        before=before,
        plan=PATIENT,
        share=0.05,
        at=at - timedelta(days=2),
    )
    done = [(one, at - timedelta(days=2)) for one in moves]
    paired = {"press-1": NONE, "press-3": NONE}
    for ago, count in ((timedelta(days=1), 0), (timedelta(0), 600)):
        paired = dict.fromkeys(paired, (count, count // 12, 0, 0))
        edges = tuple(
            Seen(edge=name, group=f"hall-{group}", heard=at, paired=paired[name])
            for group, name in enumerate(paired, 1)
        )
        losses = (
            Losses((0.0,) * 12 + (1.0,), (1.0,) * 13, (False,) * 12 + (True,))
            if count
            else Losses()
        )
        state, moves = machine.step(
            state, Observed(edges=edges, losses=losses, overall=losses), at - ago
        )
        done += [(one, at - ago) for one in moves]
    assert state.status == "running"
    assert state.waits
    row = Rollout(
        task=task,
        number=1,
        model=model,
        status=state.status,
        open=state.open,
        state=canonical(state).decode(),
    )
    store.rollouts.put(row)
    for move, when in done:
        store.rollouts.moved(task, 1, move.what, move.stage, when, move)
