"""The claims are the article's, and each can be found in it."""

import os
import re
from pathlib import Path

import pytest

from twoloops.analysis.claims.expression import names
from twoloops.analysis.claims.spans import span
from twoloops.atlas.claims import WORDS, claims, reading
from twoloops.atlas.tables import sources

CLAIMS = {one.id: one for one in claims()}


def test_ids_are_short_capitals_and_stand_once():
    assert len(CLAIMS) == len(claims())
    assert [one for one in CLAIMS if not re.fullmatch(r"[A-Z0-9][A-Za-z0-9_]{0,13}", one)] == []


def test_every_value_can_be_read():
    for one in claims():
        reading(one.value, one.unit)
        if one.unit == "date":
            span(one.value)
        assert one.tolerance >= 0
        assert one.tolerance == 0 or one.unit not in WORDS


def test_what_is_the_articles_own_is_quoted_and_the_rest_is_not():
    for one in claims():
        assert bool(one.quote) == (one.role == "article"), one.id
        assert (one.source == "article") == (one.role != "input"), one.id
        assert one.source in sources()


def test_what_is_derived_is_computed():
    assert [one.id for one in claims() if one.role == "derived" and not one.formula] == []


def test_formulas_use_the_articles_figures_only():
    for one in claims():
        used = [CLAIMS[name] for name in names(one.formula)] if one.formula else []
        assert one.id not in {other.id for other in used}
        assert all(other.role != "input" for other in used), one.id


def test_exhibits_are_the_eight_and_the_cards():
    assert {one.exhibit for one in claims()} == {"", *(f"E{n}" for n in range(9))}


def test_every_quotation_stands_in_the_article():
    data = os.environ.get("TWOLOOPS_DATA")
    path = Path(data or "").resolve().parent / "facts" / "article.txt"
    if not data or not path.is_file():
        pytest.skip("the article's text is not at hand")
    text = " ".join(path.read_text(encoding="utf-8").split())
    assert [one.id for one in claims() if one.quote and one.quote not in text] == []
    # Its tables are there cell by cell: every figure of a table's row is some claim's.
    figures = {one.quote for one in claims()}
    rows = [line.split(" | ") for line in re.findall(r"\| (\d+ \| .+?) \|(?= |$)", text)]
    assert len(rows) >= 10
    assert all(any(cells[3] in quote for quote in figures) for cells in rows if len(cells) > 3)
