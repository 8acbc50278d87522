"""Disagreements come from the verdicts, and go when the data changes."""

import msgspec
import pytest

from twoloops.analysis.claims import judge
from twoloops.analysis.exhibits.applications import applications
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.price import price_and_value
from twoloops.atlas.claims import claims
from twoloops.atlas.vintages import View
from twoloops.records.errors import UserError


def with_value(id, value):
    rows = [msgspec.structs.replace(one, value=value) if one.id == id else one for one in claims()]
    return Basis(Article(judge(rows)), View())


def row_of(exhibit, table, name):
    found = next(one for one in exhibit.tables if one.id == table)
    return next(row for row in found.rows if row.cells[0] == name)


def test_one_cell_of_the_data_takes_a_mark_away():
    before = row_of(applications(Basis(Article(), View())), "visits", "AI agent")
    assert "contradicts" in before.remarks[0].verdict
    after = row_of(applications(with_value("TV_US_2", "1350")), "visits", "AI agent")
    assert not [one for one in after.remarks if "contradicts" in one.verdict]
    assert after.cells[2] == 1350


def test_one_cell_of_the_data_brings_a_mark():
    name = "Kimi K2.5"
    assert not row_of(price_and_value(Basis(Article(), View())), "prices", name).remarks
    after = row_of(price_and_value(with_value("PR_K25", "2.40")), "prices", name)
    assert any("contradicts" in one.verdict for one in after.remarks)


def test_known_disagreements_are_marked_where_they_stand(basis):
    rows = price_and_value(basis).tables[0].rows
    marked = {row.cells[0] for row in rows if any("contradicts" in r.verdict for r in row.remarks)}
    assert marked == {"GPT-4.5", "DeepSeek-V3", "Qwen3-Max"}


def test_what_an_exhibit_asks_for_must_be_there():
    article = Article([])
    with pytest.raises(UserError, match=r"claims.csv has no claim 'PR_K25'"):
        article.number("PR_K25")


def test_a_text_is_no_number(basis):
    with pytest.raises(UserError, match="claim 'DO01' is the text 'China'"):
        basis.article.number("DO01")
