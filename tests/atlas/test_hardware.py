"""The hardware table, and the two figures computed from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas.hardware import (
    device,
    devices,
    performance_density,
    total_processing_performance,
)
from twoloops.atlas.tables import sources
from twoloops.records.errors import UserError


def test_the_rule_s_own_examples_meet_its_threshold():
    # BIS in 88 FR 73458: 600 tera operations at 8 bits, or 300 at 16, meet 4800.
    assert total_processing_performance(600, 8) == 4800
    assert total_processing_performance(300, 16) == 4800


@given(st.floats(0.1, 1e5), st.sampled_from((4, 8, 16, 32)), st.floats(1, 2000))
def test_density_times_area_is_tpp(tops, bits, area):
    tpp = total_processing_performance(tops, bits)
    density = performance_density(tpp, area)
    assert density is not None
    assert density * area == pytest.approx(tpp)


@pytest.mark.parametrize(
    ("name", "tpp"), [("h200", 15_832), ("H20", 2_368), ("B200", 36_000), ("agx orin", 1_104)]
)
def test_known_devices_by_any_of_their_names(name, tpp):
    assert device(name).tpp == tpp


def test_every_device_has_a_source_a_date_and_figures_above_zero():
    for one in devices():
        assert one.source in sources(), one.name
        assert one.as_of is not None, one.name
        assert one.tops > 0, one.name
        assert one.bits in (4, 8, 16, 32), one.name


def test_no_two_devices_share_a_name():
    names = [
        name
        for one in devices()
        for name in {one.name.casefold(), *filter(None, one.aliases.casefold().split("|"))}
    ]
    assert len(names) == len(set(names))


def test_the_arithmetic_is_shown_and_a_missing_area_is_said():
    assert device("h200").shown == (
        "TPP = 1,979 dense TOPS × 8 bits = 15,832; performance density = 15,832 / 814 mm² = 19.45"
    )
    assert device("hailo8").shown.endswith("performance density not computed: no die area")


def test_unknown_hardware_is_answered_with_the_table_and_the_way_out():
    with pytest.raises(UserError, match=r"no hardware 'abacus' in the table: it has NVIDIA A100"):
        device("abacus")
    with pytest.raises(UserError, match="--tops, --bits and --die-area"):
        device("")
