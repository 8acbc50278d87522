"""Plans are checked when they are made, and say who is in which stage."""

import msgspec
import pytest

from twoloops.convergence.rollouts.plan import Health, Least, Plan, Stage, default_plan
from twoloops.records.errors import UserError

LEAST = Least(hours=1, decisions=10, labels=3)


def test_the_rest_are_the_groups_that_no_other_stage_names() -> None:
    plan = Plan(
        stages=(
            Stage(kind="shadow"),
            Stage(kind="canary", groups=("b",)),
            Stage(kind="wave", groups=("a", "d")),
            Stage(kind="wave"),
        )
    )
    known = ("e", "b", "c", "a")
    assert [plan.members(number, known) for number in range(4)] == [
        ("a", "b", "c", "e"),
        ("b",),
        ("a",),
        ("c", "e"),
    ]


def test_alpha_is_shared_by_tests_and_stages() -> None:
    assert Plan(stages=(Stage(kind="shadow"),), alpha=0.05).needed == pytest.approx(100)
    assert default_plan(("a", "b"), 8).needed == pytest.approx(300)
    assert default_plan(("a", "b"), 8).needed_overall == pytest.approx(100)
    assert default_plan(("a", "b"), 8).proof == pytest.approx(20)


def test_without_edges_there_is_no_stage() -> None:
    assert default_plan((), 8).stages == ()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Least(labels=0), "must say why"),
        (lambda: Least(hours=-1), "cannot be negative"),
        (lambda: Least(few=-1), "what is enough after some hours cannot be negative"),
        (lambda: Least(few_hours=-1), "cannot be negative"),
        (lambda: Health(late=1.0), "late is a share in"),
        (lambda: Health(silent_hours=0), "above 0"),
        (lambda: Stage(kind="shadow", groups=()), "needs a group"),
        (lambda: Stage(kind="wave", groups=("A b",)), "no name of a group"),
        (lambda: Stage(kind="wave", groups=("a", "a")), "twice"),
        (lambda: Stage(kind="wave", error_margin=0.0), "error margin"),
        (lambda: Stage(kind="wave", disagreement=1.0), "disagreement is a share"),
        (lambda: Stage(kind="wave", disagreement_margin=0.0), "disagreement margin"),
        (lambda: Plan(alpha=0.0), "alpha is a chance"),
        (lambda: Plan(stages=(Stage(kind="wave"), Stage(kind="shadow"))), "from shadow over"),
        (
            lambda: Plan(stages=(Stage(kind="canary", groups=("a",)),) * 2),
            r"name a group twice: \['a'\]",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, words) -> None:
    with pytest.raises(UserError, match=words):
        make()


def test_few_decisions_are_enough_after_some_hours_and_never_more_than_all() -> None:
    least = Least(decisions=200, few=20, few_hours=48)
    assert [least.needed(hours) for hours in (0, 47.9, 48, 500)] == [200, 200, 20, 20]
    assert Least(decisions=5, few=20, few_hours=48).needed(48) == 5
    assert Least(decisions=200).needed(5000) == 200


def test_the_last_stage_alone_asks_for_labels_where_nobody_made_a_plan() -> None:
    for groups in (("a",), ("a", "b"), ("a", "b", "c")):
        asked = [one.least.labels for one in default_plan(groups, 8).stages]
        assert asked == [0] * (len(asked) - 1) + [8]


def test_no_labels_need_a_reason_and_a_plan_comes_back_from_json() -> None:
    least = Least(labels=0, no_labels="nobody labels at night")
    plan = Plan(stages=(Stage(kind="shadow", least=least),))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
