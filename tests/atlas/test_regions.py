from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas.regions import (
    BOUNDS,
    CLASSES,
    by_size,
    catalogue,
    organisations,
    region_of,
    size_class,
    sizes,
)


@given(st.floats(0.001, 5000), st.floats(0.001, 5000))
def test_a_larger_model_is_never_in_a_smaller_class(one, other):
    small, large = sorted((one, other))
    assert CLASSES.index(size_class(small)) <= CLASSES.index(size_class(large))


def test_an_upper_end_belongs_to_its_class():
    assert [size_class(bound) for bound in BOUNDS] == list(CLASSES[:-1])


def test_an_account_that_is_not_listed_has_no_region():
    assert region_of("nobody-knows-this") == "unknown"
    assert region_of("QWEN") == region_of("Qwen") == "china"


def test_counts_are_those_of_the_lists():
    models = {
        region: sum(row.models for row in organisations() if row.region == region)
        for region in ("china", "us", "eu")
    }
    assert models == {"china": 970, "us": 708, "eu": 63}
    assert sum(by_size(sizes()).values()) == len(sizes())
    assert sum(row.open for row in catalogue()) == 108
