"""Laws of all of the article's exhibits: units, dates, sources, marks that can be told apart."""

import re

import pytest

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.collection import MAKERS, article_exhibits, chosen
from twoloops.analysis.looks import INK
from twoloops.atlas.tables import sources
from twoloops.records.errors import UserError

IDS = (
    "landscape",
    "downloads",
    "price",
    "data-asset",
    "small-models",
    "distillation",
    "controls",
    "applications",
    "open-models",
)
MEASURED = ("quantitative", "temporal")


def views(spec):
    """Every part of a specification that has axes of its own."""
    for part in spec.get("concat", []):
        yield from views(part)
    if "concat" not in spec:
        yield spec


def encodings(view):
    own = view.get("encoding", {})
    return [own | layer.get("encoding", {}) for layer in view.get("layer", [{}])]


def charts(collection):
    return [(one.id, chart) for one in collection.exhibits for chart in one.charts]


def test_the_exhibits_are_the_articles_and_the_growth_of_open_models():
    assert set(MAKERS) == set(IDS)


def test_every_axis_that_measures_has_a_title_with_its_unit(collection):
    for exhibit, chart in charts(collection):
        for view in views(chart.spec):
            for channel in ("x", "y"):
                used = [one[channel] for one in encodings(view) if channel in one]
                kinds = {one.get("type") for one in used}
                titles = [one["title"] for one in used if one.get("title")]
                where = f"{exhibit}/{chart.id}, {channel}"
                if kinds & set(MEASURED):
                    assert titles, where
                    assert all(re.search(r"\(.+\)|^date$", one) for one in titles), where
                if "ordinal" in kinds:
                    assert titles, where


def test_every_series_has_a_colour_and_another_way_to_tell_it(collection):
    """Mark, dash or place on the axis, beside the colour."""
    for exhibit, chart in charts(collection):
        for view in views(chart.spec):
            parts = encodings(view)
            coloured = [one for one in parts if "field" in one.get("color", {})]
            told = [one for one in parts if {"shape", "strokeDash", "xOffset", "text"} & set(one)]
            assert not coloured or told, f"{exhibit}/{chart.id}"


def test_colours_are_of_the_palette(collection):
    allowed = {*theme.PALETTE, INK}
    for exhibit, chart in charts(collection):
        found = set(re.findall(r"#[0-9a-fA-F]{6}", repr(chart.spec)))
        assert found <= allowed, f"{exhibit}/{chart.id}: {found - allowed}"


def lightness(colour):
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_first_two_colours_differ_in_grey():
    assert abs(lightness(theme.PALETTE[0]) - lightness(theme.PALETTE[1])) > 0.25


def test_every_row_has_a_source_and_says_when(collection):
    for one in collection.exhibits:
        for table in one.tables:
            assert table.rows, f"{one.id}/{table.id}"
            for row in table.rows:
                where = f"{one.id}/{table.id}: {row.cells[0]}"
                assert row.sources, where
                assert set(row.sources) <= set(sources()), where


def test_every_numeric_column_has_a_unit(collection):
    plain = {"rank", "index"}
    for one in collection.exhibits:
        for table in one.tables:
            for place, column in enumerate(table.columns):
                values = [row.cells[place] for row in table.rows]
                if any(isinstance(value, int | float) for value in values):
                    assert column.unit or column.name in plain, (
                        f"{one.id}/{table.id}: {column.name}"
                    )


def test_numbers_with_a_formula_are_what_it_says(collection):
    """A quotient written out is the figure of one of its row's cells."""
    seen = 0
    for one in collection.exhibits:
        for table in one.tables:
            for row in table.rows:
                shape = re.fullmatch(r"(?:share = )?([\d,.]+) / ([\d,.]+)(?:;.*)?", row.computed)
                if shape is None:
                    continue
                over, under = (float(part.replace(",", "")) for part in shape.groups())
                figures = [cell for cell in row.cells if isinstance(cell, float)]
                wanted = (over / under, 100 * over / under)
                assert any(
                    figure == pytest.approx(value, rel=1e-6)
                    for figure in figures
                    for value in wanted
                ), row
                seen += 1
    assert seen > 10


def test_no_outcome_is_given_for_anybody(collection):
    said = repr(collection).lower()
    for word in ("is allowed", "are allowed", "permitted", "is legal", "illegal", "compliant"):
        assert word not in said


def test_corrections_name_the_known_ones(collection):
    marked = {row.computed.removeprefix("claim ") for row in collection.corrections.rows}
    known = {
        "PR_GPT45",
        "PR_DSV3",
        "PR_Q3MAX",
        "TL_DIST_1",
        "TL_DIST_3",
        "TL_DIST_4",
        "TL_DIST_5",
        "TL_DATA_4_REG",
        "TV_LEAD_2",
        "OM_CN_2022",
        "OM_CN_2025",
        "OM_US_2022",
        "OM_US_2025",
    }
    assert known <= marked
    for row in collection.corrections.rows:
        assert row.remarks[0].text
        assert len(row.sources) > 1 or row.cells[3] == "fails"


def test_sources_of_a_collection_are_all_that_it_cites(collection):
    ids = [source.id for source in collection.sources]
    assert len(ids) == len(set(ids))
    cited = {source.id for one in collection.exhibits for source in one.sources}
    cited |= {id for row in collection.corrections.rows for id in row.sources}
    assert set(ids) == cited


def test_sources_that_ask_for_a_credit_have_it(collection):
    for source in collection.sources:
        assert source.credit or "CC-BY" not in source.licence


def test_only_those_named_are_made(basis):
    found = article_exhibits(basis, ["price", "landscape"])
    assert [one.id for one in found.exhibits] == ["landscape", "price"]
    assert found.corrections is None


def test_an_unknown_exhibit_is_refused():
    with pytest.raises(UserError, match="there is no exhibit 'prices'; there are landscape, open"):
        chosen(["prices"], MAKERS)
