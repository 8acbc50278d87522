from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.convergence.judging.evaluate import ENOUGH
from twoloops.convergence.replays.figures import turn_figures
from twoloops.convergence.turns.loop import Workbench
from twoloops.convergence.turns.slices import failing
from twoloops.digital.catalogue import Offer
from twoloops.physical.history.stream import History, Row
from twoloops.records.task import Task

law = settings(deadline=None, max_examples=30)
judged = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=80)


@law
@given(judged)
def test_a_failing_slice_has_enough_labels_and_more_errors_than_the_rest(items):
    labels, wrong = [label for label, _ in items], [bad for _, bad in items]
    for one in failing(labels, wrong):
        assert one.judged == labels.count(one.label) >= ENOUGH
        assert one.judged + one.others == len(items)
        assert one.wrong / one.judged > one.others_wrong / max(one.others, 1)


@law
@given(judged, st.randoms())
def test_the_order_of_the_items_does_not_matter(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)
    assert failing(*_columns(items)) == failing(*_columns(shuffled))


def test_few_labels_are_unknown_and_equal_slices_do_not_fail():
    assert failing(["a"] * 4 + ["b"] * 60, [True] * 4 + [False] * 60) == ()
    assert failing(["a", "b"] * 30, [True, True] + [False] * 58) == ()
    assert failing([], []) == ()


def test_slices_that_are_alike_are_seldom_named():
    rng = np.random.default_rng(5)
    named = sum(
        bool(failing(list(rng.choice(list("abcd"), 60)), rng.random(60) < 0.3)) for _ in range(300)
    )
    assert named / 300 <= 0.05


def _columns(items):
    return [label for label, _ in items], [bad for _, bad in items]


SAID = ("routine service", "inspect and grease", "check levels", "planned inspection")
"""Backwards they have the same letters: counts of letters cannot tell, n-grams can."""
LEAKS = ("zzz leak zzz", "leakzz zzleak", "zz leak zzzz")


def mirrored(turns: int = 5, per_turn: int = 60) -> History:
    """Texts of which one label is another one's texts written backwards."""
    rng = np.random.default_rng(3)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    count = 0

    def row(number: int) -> Row:
        nonlocal count
        count += 1
        label = str(rng.choice(["broken", "leak", "ok"]))
        words = str(rng.choice(LEAKS if label == "leak" else SAID))
        text = f"{words[::-1] if label == 'broken' else words} {rng.integers(1000)}"
        return Row(text.encode(), label, start + timedelta(hours=count), f"week {number}")

    return History(
        task=Task("orders", "text", ("broken", "leak", "ok"), normal=None),
        seed=tuple(row(0) for _ in range(60)),
        turns=tuple(tuple(row(n) for _ in range(per_turn)) for n in range(1, turns + 1)),
        source="made in a test",
        labels_per_turn=40,
        command="",
    )


def offering(tmp_path, base) -> Workbench:
    return Workbench((Offer("strong", 1, lambda _: base),), tmp_path / "cache")


@pytest.fixture
def rebased(make_arm, base, first, tmp_path):
    first(base("weak"))
    arm = make_arm(
        mirrored(),
        workbench=offering(tmp_path, base("strong")),
        labels_per_turn=40,
        rebase="failures",
    )
    states = arm.run()
    return arm, states, [turn_figures(arm, state) for state in states[1:]]


def test_a_failing_slice_opens_a_re_base_that_mends_it(rebased):
    arm, states, figures = rebased
    opened = next(state for state in states if state.opened_by)
    # Nothing but the failure made the turn try another base: it was on offer all along.
    assert all("strong" not in state.bases for state in states[: opened.number])
    assert opened.bases == ("weak", "strong")
    assert figures[opened.number - 2].failing
    adopted = next(state for state in states if state.base_note == "base adopted: strong")
    assert adopted.number >= opened.number
    name = opened.opened_by[0].split("'")[1]
    before, after = figures[opened.number - 2], figures[-1]
    right = {turn.turn: turn.right_by_label[name] for turn in (before, after)}
    assert right[before.turn][0] / right[before.turn][1] < 0.8
    assert right[after.turn][0] / right[after.turn][1] > 0.95
    assert not after.failing
    facts = arm.loop.store.journal.facts("orders", kind="slice fails")
    assert name in {fact.body["what"].split("'")[1] for fact in facts}
    chosen = arm.loop.store.journal.facts("orders", opened.number, "bases chosen")[0]
    assert name in chosen.body["opened_by"]


def test_without_a_failing_slice_no_other_base_is_tried(make_arm, base, first, tmp_path, bench):
    first(base("strong"))
    other = offering(tmp_path, base("weak"))
    other.offers = {"weak": replace(other.offers["strong"], name="weak")}
    arm = make_arm(mirrored(3), workbench=other, labels_per_turn=40, rebase="failures")
    states = arm.run()
    assert all(state.bases in ((), ("strong",)) for state in states)
    assert not any(state.opened_by for state in states)


def test_labels_alone_do_not_mend_what_the_base_cannot_tell(make_arm, base, first, tmp_path):
    first(base("weak"))
    bench = offering(tmp_path, base("strong"))
    arm = make_arm(mirrored(), workbench=bench, labels_per_turn=40, models=False)
    figures = [turn_figures(arm, state) for state in arm.run()[1:]]
    assert figures[-1].base == "weak"
    mixed = [figures[-1].right_by_label[name] for name in ("broken", "ok")]
    assert sum(right for right, _ in mixed) / sum(count for _, count in mixed) < 0.8
