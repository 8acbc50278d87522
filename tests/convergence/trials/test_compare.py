import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.convergence.trials.compare import _front, compare, paired
from twoloops.convergence.turns.loop import Workbench
from twoloops.digital.catalogue import Offer
from twoloops.records.errors import UserError

law = settings(deadline=None, max_examples=40)
pairs = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.floats(0.1, 1)), min_size=2, max_size=50
)


@law
@given(pairs)
def test_the_difference_turns_round_with_the_pair_and_lies_in_its_interval(rows):
    mine = np.array([a for a, _, _ in rows])
    other = np.array([b for _, b, _ in rows])
    weights = 1 / np.array([c for _, _, c in rows])
    mean, (low, high) = paired(mine, other, weights)
    back, (low_back, high_back) = paired(other, mine, weights)
    assert mean == pytest.approx(-back)
    assert (low, high) == (pytest.approx(-high_back), pytest.approx(-low_back))
    assert low - 1e-9 <= mean <= high + 1e-9


@law
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_whatever_is_not_on_the_front_is_dominated_by_something_on_it(rows):
    front = _front(rows)
    for row, on in zip(rows, front, strict=True):
        better = [
            other
            for other, there in zip(rows, front, strict=True)
            if there and all(a <= b for a, b in zip(other, row, strict=True)) and other != row
        ]
        assert bool(better) != on


@pytest.fixture
def arm(make_arm, make_history, base, first, tmp_path):
    first(base("weak"))
    offers = (
        Offer("strong", 9, lambda _: base("strong")),
        Offer("constant", 9, lambda _: base("constant")),
    )
    bench = Workbench(offers, tmp_path / "cache")
    made = make_arm(make_history(turns=2), workbench=bench, labels_per_turn=20)
    made.run()
    return made


def test_bases_are_put_side_by_side_on_equal_data_and_nothing_is_written(arm):
    store = arm.loop.store
    before = (store.journal.head(), len(store.models.of_task("orders")))
    found = compare(arm.loop)
    assert (store.journal.head(), len(store.models.of_task("orders"))) == before
    rows = {one.base: one for one in found.bases}
    assert set(rows) == {"weak", "strong", "constant"}
    assert found.bases[0].base == "strong"
    assert rows["weak"].deployed
    assert rows["weak"].difference is None
    assert rows["strong"].difference > 0 > rows["constant"].difference
    assert rows["strong"].front
    assert found.majority.value < rows["strong"].accuracy.value
    assert all(one.verdict_ms_p99 >= one.verdict_ms_p50 > 0 < one.file_mb for one in found.bases)
    assert rows["strong"].value_ratio == pytest.approx(
        100
        * (rows["strong"].accuracy.value - found.majority.value)
        / rows["strong"].usd_per_million
    )


def test_on_failures_bases_are_ranked_where_the_deployed_model_fails(arm):
    try:
        found = compare(arm.loop, on_failures=True)
    except UserError as error:
        assert "no slice of task 'orders' fails" in str(error)  # noqa: PT017
    else:
        assert found.failing
        assert {one.label for one in found.failing} == set(found.bases[0].slices)


def test_a_base_that_is_not_there_is_named_with_those_that_are(arm):
    with pytest.raises(
        UserError, match=r"nonsense is not available.*name some of \['weak', 'strong"
    ):
        compare(arm.loop, ["nonsense"])


def test_without_a_dataset_the_next_command_is_named(make_arm, make_history):
    with pytest.raises(UserError, match="has no dataset yet: go on with  twoloops turn orders"):
        compare(make_arm(make_history()).loop)
