"""A base is withdrawn, or goes closed: what stops, what goes on, what going over would cost."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.controls.shocks import Compared, Fit, Released, TaskBases, shock
from twoloops.records.errors import UserError

ORDERS = TaskBases(
    task="orders",
    labels=200,
    releases=(Released(1, "features", "m1"), Released(4, "features+open", "m2")),
    ancestry={
        "features": ("features",),
        "features+open": ("features+open", "features", "open", "lab/parent"),
    },
    offered=("features", "open", "features+open", "other"),
    compared=(
        Compared(base="features+open", against="features", points=3.0, n=90, how="turn 4"),
        Compared(base="features+open", against="features", points=9.0, n=10, how="turn 3"),
        Compared(base="other", against="features+open", points=-1.0, n=50, how="turn 5"),
    ),
    fits=(Fit(base="features", items=120, cpu_seconds=0.5, flop=1e9, how="turn 4"),),
)
IMAGES = TaskBases(
    task="images",
    labels=50,
    releases=(Released(0, "texture", "m3"),),
    ancestry={"texture": ("texture",)},
    offered=("texture",),
)


@pytest.mark.parametrize("name", ["open", "OPEN", "lab/parent", "features+open"])
def test_a_withdrawn_base_stops_what_contains_it_or_was_made_from_it(name):
    found = shock("withdrawn", name, [ORDERS, IMAGES])
    assert [effect.outcome for effect in found.effects] == ["stops", "continues"]
    assert found.stopped == 1


def test_a_closed_base_stops_nothing_and_has_no_next_generation():
    found = shock("closed", "open", [ORDERS, IMAGES])
    assert [effect.outcome for effect in found.effects] == [
        "continues without a next generation",
        "continues",
    ]
    assert found.stopped == 0
    assert found.effects[0].adopted == 1


def test_an_earlier_release_on_another_base_is_the_way_back():
    (effect, _) = shock("withdrawn", "open", [ORDERS, IMAGES]).effects
    assert effect.fallback == Released(1, "features", "m1")
    assert effect.labels_there == 200
    (effect, _) = shock("withdrawn", "features", [ORDERS, IMAGES]).effects
    assert effect.fallback is None


def test_other_bases_with_what_was_measured_of_them_and_what_was_not():
    (effect, _) = shock("withdrawn", "open", [ORDERS, IMAGES]).effects
    told = {one.base: (one.points, one.n, one.cpu_seconds) for one in effect.alternatives}
    # The latest measurement counts; losing a base that was 3 points better costs 3 points.
    assert told == {"features": (-3.0, 90, 0.5), "other": (-1.0, 50, None)}
    assert [one.base for one in effect.alternatives] == ["other", "features"]
    (other, features) = effect.alternatives
    assert other.how == "turn 5; CPU seconds not recorded"
    assert features.how == "turn 4; turn 4"


def test_without_a_comparison_nothing_is_said_of_points():
    bare = msgspec.structs.replace(ORDERS, compared=(), fits=())
    (effect,) = shock("withdrawn", "open", [bare]).effects
    assert {one.points for one in effect.alternatives} == {None}
    assert {one.how for one in effect.alternatives} == {
        "points not measured; CPU seconds not recorded"
    }


def test_before_a_first_release_nothing_stops():
    unborn = msgspec.structs.replace(ORDERS, releases=())
    (effect,) = shock("withdrawn", "open", [unborn]).effects
    assert (effect.outcome, effect.stands_on_it) == ("nothing is deployed", False)


def test_a_name_that_no_task_knows_is_answered_with_those_they_know():
    with pytest.raises(UserError, match=r"no base 'gold' in the lineage .* there are features, "):
        shock("closed", "gold", [ORDERS])
    with pytest.raises(UserError, match="there are none yet"):
        shock("closed", "gold", [])


NAMES = st.sampled_from(["a", "b", "c", "a+b", "b+c", "a+b+c"])


@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from("abc"))
def test_nothing_that_stands_on_a_struck_base_is_a_way_out(bases, name):
    task = TaskBases(
        task="t",
        labels=1,
        releases=tuple(Released(turn, base, f"m{turn}") for turn, base in enumerate(bases)),
        offered=("a", "b", "c", "a+b"),
    )
    gone = shock("withdrawn", name, [task]).effects[0]
    shut = shock("closed", name, [task]).effects[0]
    assert (gone.outcome == "stops") == (name in bases[-1].split("+"))
    assert (gone.outcome == "continues") == (shut.outcome == "continues")
    ways = [one.base for one in gone.alternatives]
    ways += [gone.fallback.base] if gone.fallback else []
    assert [way for way in ways if name in way.split("+")] == []
