import pytest

from twoloops.analysis.exhibits.model import Column, Note, Row, Table, exhibit
from twoloops.records.errors import UserError


def test_an_exhibit_has_the_sources_it_cites_each_once(make_small):
    assert [source.id for source in make_small().sources] == ["one", "two", "three"]


def test_a_source_that_is_not_known_is_refused(make_small):
    known = {source.id: source for source in make_small().sources}
    with pytest.raises(UserError, match="exhibit 'x' names sources that are not known: nobody"):
        exhibit("x", "X", "?", known=known, notes=(Note("gap", "none", ("one", "nobody")),))


def test_a_row_that_does_not_fit_its_table_is_refused():
    table = Table("t", "T", (Column("a"), Column("b")), (Row(("only one",), "", ()),))
    with pytest.raises(UserError, match="table 't': row 1 has 1 cells for 2 columns"):
        exhibit("x", "X", "?", known={}, tables=(table,))
