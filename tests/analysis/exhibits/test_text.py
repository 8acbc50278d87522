import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.exhibits.collection import gathered
from twoloops.analysis.exhibits.model import Column, Row, Table
from twoloops.analysis.exhibits.text import beneath, common, figure, heading, markdown


@given(st.floats(-1e12, 1e12), st.integers(1, 6))
def test_a_figure_reads_back_within_its_digits(value, digits):
    shown = figure(value, Column("x", "m", digits=digits)).replace(",", "")
    assert float(shown) == pytest.approx(value, rel=0.5 * 10 ** (1 - digits) + 1e-9, abs=1e-3)


@given(st.integers(-(10**14), 10**14))
def test_a_whole_number_is_shown_whole(value):
    assert figure(value, Column("x")).replace(",", "") == str(value)


def test_a_unit_is_not_said_twice():
    assert heading(Column("models", "models")) == "models"
    assert heading(Column("downloads", "files")) == "downloads (files)"


def test_what_all_rows_have_in_common_is_said_once_beneath():
    columns = (Column("a", definition="what it is"),)
    rows = tuple(Row((name,), "", (), "counted.") for name in "xy")
    table = Table("t", "T", columns, rows, "A note.")
    assert common(table) == "counted."
    assert beneath(table) == "A: what it is; computed: counted; A note."
    assert common(Table("t", "T", columns, rows[:1])) == ""


def test_markdown_has_figures_marks_notes_and_sources(make_small):
    shown = gathered("Title", ("About.",), "packaged", [make_small("x | y")])
    text = markdown(shown, "pictures")
    assert "![Bars](pictures/small-bars.png)" in text
    assert "| x \\| y | 1.23 | 2026-01-02 | [1](#source-1) |" in text
    assert "- **x | y, contradicts**: no" in text
    assert "| b | — | — | [2](#source-2) |" in text
    assert "- definition: A millimetre is small. [3](#source-3)" in text
    assert '3. <a id="source-3"></a>Somebody, “Title of three”, 2026; licence MIT;' in text
    assert "![" not in markdown(shown)


def test_long_tables_are_cut_and_say_so(collection):
    text = markdown(collection, long=5)
    assert "more rows: `twoloops exhibits --format json` has all." in text
    assert "more rows" not in markdown(collection, long=0)
