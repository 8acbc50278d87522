"""The article's exhibits of the packaged tables, made once, and a small one of our own."""

import pytest

from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.collection import article_exhibits
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Note, Remark, Row, Table, exhibit
from twoloops.atlas.tables import Source
from twoloops.atlas.vintages import View

SOURCES = {
    name: Source(name, "Somebody", f"Title of {name}", "https://example.org", "2026", "MIT", "file")
    for name in ("one", "two", "three")
}


@pytest.fixture(scope="session")
def basis():
    return Basis(Article(), View())


@pytest.fixture(scope="session")
def collection(basis):
    return article_exhibits(basis)


def small_chart(label="a"):
    return Chart(
        "bars",
        "Bars",
        {
            "data": {"values": [{"name": label, "value": 1}]},
            "mark": "bar",
            "encoding": {
                "y": {"field": "name", "type": "nominal", "title": None},
                "x": {"field": "value", "type": "quantitative", "title": "length (mm)"},
            },
        },
        "How to read it.",
        ("one",),
    )


def small_exhibit(label="a"):
    table = Table(
        "lengths",
        "Lengths",
        (Column("name"), Column("length", "mm", "from end to end", 3)),
        (
            Row((label, 1.23456), "2026-01-02", ("one",), "3 - 2", (Remark("contradicts", "no"),)),
            Row(("b", None), "", ("two",)),
        ),
    )
    return exhibit(
        "small",
        "Small",
        "How long?",
        known=SOURCES,
        charts=(small_chart(label),),
        tables=(table,),
        notes=(Note("definition", "A millimetre is small.", ("three",)),),
    )


@pytest.fixture
def make_small():
    return small_exhibit
