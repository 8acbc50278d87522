"""The machine's transitions as a table, and its laws."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from twoloops.convergence.rollouts import machine
from twoloops.convergence.rollouts.plan import Least, Plan, Stage
from twoloops.convergence.rollouts.state import NONE, Losses, Observed, Seen, State

START = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW, OLDER = "sha256:" + "0" * 64, "sha256:" + "1" * 64, "sha256:" + "2" * 64
LEAST = Least(hours=1, decisions=10, labels=3)
PLAN = Plan(
    stages=(
        Stage(kind="shadow", least=LEAST),
        Stage(kind="canary", groups=("a",), least=LEAST),
        Stage(kind="wave", least=LEAST),
    )
)


LIKE = Losses((0.0,) * 3, (1.0,) * 3, (False,) * 3)


def fresh(plan: Plan = PLAN, share: float | None = 0.05) -> State:
    return machine.opened(
        task="fan", number=1, model=NEW, turn=3, before=OLD, plan=plan, share=share, at=START
    )[0]


def edges(
    hours: float, shadowed: int = 0, differed: int = 0, ran: int = 0, late: int = 0, left: str = ""
) -> tuple[Seen, ...]:
    """Edges of groups a and b as they are heard at an hour."""
    return tuple(
        Seen(
            edge=f"edge-{group}",
            group=group,
            heard=START + timedelta(hours=hours),
            left=left if group == "a" else "",
            paired=(shadowed, differed, 0, 0),
            own=(ran, late, 0, 0),
        )
        for group in ("a", "b")
    )


def looked(state: State, hours: float, seen: Observed) -> tuple[State, list[str]]:
    after, moves = machine.step(state, seen, START + timedelta(hours=hours))
    return after, [one.what for one in moves]


def modes(state: State) -> dict[str, tuple[str, str]]:
    """Which model decides and how the group runs it."""
    found = {group: state.order(group) for group in ("a", "b", "c")}
    return {
        group: ("new" if one.model == NEW else "old", one.mode)
        for group, one in found.items()
        if one is not None
    }


def test_a_good_release_goes_from_shadow_over_canary_to_all() -> None:
    state, moved = looked(fresh(), 0, Observed(edges=edges(0)))
    assert moved == ["stage opened"]
    assert modes(state) == {"a": ("new", "shadow"), "b": ("new", "shadow"), "c": ("old", "full")}
    assert state.order("a").counts == OLD
    state, moved = looked(state, 1, Observed(edges=edges(1, shadowed=8)))
    assert moved == []
    assert state.waits == "3 more audit labels"
    state, moved = looked(
        state, 2, Observed(edges=edges(2, shadowed=30), losses=LIKE, overall=LIKE)
    )
    assert moved == ["stage passed", "stage opened"]
    assert (state.groups, modes(state)["a"]) == (("a",), ("new", "canary"))
    state, moved = looked(state, 2, Observed(edges=edges(2, shadowed=30)))
    assert moved == []
    assert "its 1 hours to pass" in state.waits
    state, moved = looked(state, 4, Observed(edges=edges(4, ran=40), losses=LIKE, overall=LIKE))
    assert moved == ["stage passed", "stage opened"]
    assert state.groups == ("b",)
    state, moved = looked(state, 6, Observed(edges=edges(6, ran=90), losses=LIKE, overall=LIKE))
    assert moved == ["stage passed", "done"]
    assert not state.open
    assert machine.step(state, Observed(edges=edges(9)), START) == (state, ())


def canary() -> State:
    state = looked(fresh(), 0, Observed(edges=edges(0)))[0]
    state = looked(state, 2, Observed(edges=edges(2, shadowed=30), losses=LIKE, overall=LIKE))[0]
    assert state.stage == 1
    return state


WRONG = Losses((1.0,) * 20, (1.0,) * 20, (True,) * 20)


@pytest.mark.parametrize(
    ("seen", "condition"),
    [
        (Observed(edges=edges(3), losses=WRONG), "20 wrong that the model before decides right"),
        (Observed(edges=edges(3), overall=WRONG), "20 wrong that the model before decides right"),
        (Observed(edges=edges(3, shadowed=40, differed=30)), "decided otherwise than before"),
        (Observed(edges=edges(3, ran=50, late=30)), "decisions took too long"),
        (Observed(edges=edges(3, left="failed on an input")), "edge-a: failed on an input"),
        (
            Observed(edges=tuple(replace(one, refused="self-test") for one in edges(3))),
            "1 of 1 edges refused it",
        ),
        (Observed(edges=edges(3), revoked=frozenset({NEW})), "was revoked"),
    ],
)
@pytest.mark.parametrize("paused", [False, True])
def test_a_breach_rolls_every_group_back_paused_or_not(seen, condition, paused) -> None:
    state = canary()
    if paused:
        state, _ = machine.pause(state, "holiday")
    state, moved = looked(state, 3, seen)
    assert moved == ["rolled back"]
    assert condition in state.why
    assert not state.open


def test_what_differs_a_little_in_each_stage_is_stopped_by_all_of_them() -> None:
    enough = {"losses": LIKE, "overall": LIKE}
    state = looked(fresh(), 0, Observed(edges=edges(0)))[0]
    seen = edges(2, shadowed=50, differed=9)  # of two edges; 10 % are allowed
    state, moved = looked(state, 2, Observed(edges=seen, **enough))
    assert moved == ["stage passed", "stage opened"]
    assert (state.earlier.differed, state.earlier.paired) == (18, 100)
    seen = edges(4, shadowed=100, differed=18, ran=40)
    state, moved = looked(state, 4, Observed(edges=seen, **enough))
    assert moved == ["stage passed", "stage opened"]
    seen = edges(6, shadowed=230, differed=45, ran=90)
    state, moved = looked(state, 6, Observed(edges=seen, **enough))
    assert moved == ["rolled back"]
    assert {one.condition for one in state.judged.breaches} == {"disagreement so far"}
    assert state.why.startswith("54 of 280 (19.3 %) inputs are decided otherwise than before")


def test_against_another_model_before_the_comparison_begins_anew() -> None:
    state = canary()
    assert state.earlier.paired > 0
    seen = Observed(edges=edges(3), revoked=frozenset({OLD}), fallback=OLDER)
    assert looked(state, 3, seen)[0].earlier.paired == 0


def test_a_stage_that_decides_little_passes_after_some_hours() -> None:
    least = Least(hours=1, decisions=200, few=20, few_hours=48, labels=3)
    plan = Plan(stages=(Stage(kind="shadow", least=least),))
    state = looked(fresh(plan), 0, Observed(edges=edges(0)))[0]
    seen = Observed(edges=edges(2, shadowed=5), losses=LIKE, overall=LIKE)
    state, moved = looked(state, 2, seen)
    assert moved == []
    assert state.waits == ("190 more decisions (20 in all are enough from 2026-03-03 00:00 UTC on)")
    later = Observed(edges=edges(48, shadowed=5), losses=LIKE, overall=LIKE)
    state, moved = looked(state, 48, later)
    assert (moved, state.waits) == ([], "10 more decisions")
    later = Observed(edges=edges(49, shadowed=10), losses=LIKE, overall=LIKE)
    assert looked(state, 49, later)[1] == ["stage passed", "done"]


def test_while_it_is_paused_nothing_passes() -> None:
    ready = Observed(edges=edges(4, ran=40), losses=LIKE, overall=LIKE)
    state, moves = machine.pause(canary(), "holiday")
    assert [(one.what, one.why) for one in moves] == [("paused", "holiday")]
    assert machine.pause(state, "again") == (state, ())
    state, moved = looked(state, 4, ready)
    assert (moved, state.stage, state.status) == ([], 1, "paused")
    state, moves = machine.resume(state, "back")
    assert [one.what for one in moves] == ["resumed"]
    assert looked(state, 4, ready)[1] == ["stage passed", "stage opened"]


def test_proof_passes_a_stage_before_its_least_amounts_but_not_past_silent_edges() -> None:
    state = looked(fresh(), 0, Observed(edges=edges(0)))[0]
    proof = Losses((0.0,) * 120, (1.0,) * 120, (False,) * 120)
    silent = tuple(replace(one, heard=START - timedelta(hours=2)) for one in edges(0))
    held, moved = looked(state, 1, Observed(edges=silent, losses=proof))
    assert moved == []
    assert "2 of 2 edges to be heard again" in held.waits
    assert looked(state, 0.9, Observed(edges=edges(0.9), losses=proof))[1] == []
    after, moves = machine.step(
        state, Observed(edges=edges(1), losses=proof), START + timedelta(hours=1)
    )
    assert moves[0].why == "shown to be less than 5 points worse than the model before"
    assert after.stage == 1


def test_a_newer_release_waits_for_so_long_and_then_takes_its_place() -> None:
    state, hours = canary(), PLAN.patience_hours
    newer = Observed(edges=edges(3), newer=True)
    assert looked(state, 2 + hours - 1, newer)[1] == []
    after, moved = looked(state, 2 + hours, newer)
    assert moved == ["superseded"]
    assert after.why == "a newer release waited for 336 hours"
    hasty = fresh(replace(PLAN, patience_hours=0))
    assert looked(hasty, 0, newer)[1] == ["superseded"]


def test_a_person_aborts() -> None:
    state, moves = machine.abort(canary(), "line 4 stands still")
    assert (state.status, moves[0].groups) == ("aborted", ("a", "b"))
    assert machine.abort(state, "again") == (state, ())


def test_where_the_model_before_is_revoked_another_takes_over() -> None:
    seen = Observed(edges=edges(3), revoked=frozenset({OLD}), fallback=OLDER)
    state, moved = looked(canary(), 3, seen)
    assert (moved, state.before, state.order("c").model) == ([], OLDER, OLDER)
    state, _ = looked(canary(), 3, replace(seen, fallback=None))
    assert state.order("c") is None


def test_without_a_share_of_the_gate_disagreement_stops_nothing() -> None:
    state = looked(fresh(share=None), 0, Observed(edges=edges(0)))[0]
    state, moved = looked(state, 0.5, Observed(edges=edges(0.5, shadowed=50, differed=50)))
    assert moved == []
    assert "disagreement" not in {one.condition for one in state.judged.findings}


def test_a_stage_without_a_group_is_passed_over() -> None:
    plan = Plan(
        stages=(
            Stage(kind="canary", groups=("a", "b"), least=LEAST),
            Stage(kind="wave", least=LEAST),
        )
    )
    state = looked(fresh(plan), 0, Observed(edges=edges(0)))[0]
    assert looked(state, 2, Observed(edges=edges(2, ran=40), losses=LIKE, overall=LIKE))[1] == [
        "stage passed",
        "done",
    ]


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    count = st.integers(0, 60)
    said = []
    for group in ("a", "b", "c"):
        shadowed, ran = draw(count), draw(count)
        said.append(
            Seen(
                edge=f"edge-{group}",
                group=group,
                heard=START + timedelta(hours=draw(st.integers(0, 9))),
                left=draw(st.sampled_from(["", "", "", "crashed"])),
                paired=(shadowed, draw(st.integers(0, shadowed)), 0, 0) if shadowed else NONE,
                own=(ran, draw(st.integers(0, ran)), 0, 0) if ran else NONE,
            )
        )
    x = tuple(draw(st.lists(st.sampled_from([-1.0, 0.0, 0.0, 1.0]), max_size=30)))
    return Observed(
        edges=tuple(said),
        losses=Losses(x, (1.0,) * len(x), tuple(one != 0 for one in x)),
        revoked=frozenset(draw(st.sampled_from([(), (), (), (NEW,), (OLD,)]))),
        newer=draw(st.sampled_from([False] * 9 + [True])),
        fallback=OLDER,
    )


acts = st.lists(
    st.one_of(observations(), st.sampled_from(["pause", "resume", "abort"])), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(acts=acts)
def test_laws_hold_on_every_way_through(acts) -> None:
    state = fresh()
    for hour, act in enumerate(acts, start=1):
        before, at = state, START + timedelta(hours=hour)
        if isinstance(act, str):
            done = {"pause": machine.pause, "resume": machine.resume, "abort": machine.abort}[act]
            state, moves = done(state, "because")
        else:
            state, moves = machine.step(state, act, at)
        opened = [one for one in moves if one.what == "stage opened"]
        assert len(opened) <= 1
        assert before.stage <= state.stage <= before.stage + len(PLAN.stages)
        if not before.open:
            assert (state, moves) == (before, ())
        if state.judged.breaches and state.stage == before.stage:
            assert not state.open
        if before.status == "paused" and state.open and act != "resume":
            assert (state.stage, state.roles, moves) == (before.stage, before.roles, ())
        if not moves and not isinstance(act, str):
            assert machine.step(state, act, at) == (state, ())
        # What is in a group follows from the state alone, and is the release only with a role.
        for group in ("a", "b", "c"):
            order = state.order(group)
            assert order is None or (order.model == NEW) == (group in state.roles)
