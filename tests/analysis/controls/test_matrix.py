"""The coverage matrix: criteria, findings, dates, and one cell that changes."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.controls.criteria import answer
from twoloops.analysis.controls.declared import Declared, Hardware, Named, complete, read
from twoloops.analysis.controls.matrix import LIMITS, Tables, begun, coverage, matrix, packaged
from twoloops.analysis.controls.system import Item, System, base_item, hardware_item
from twoloops.atlas.hardware import Device, device, devices
from twoloops.atlas.instruments import Condition
from twoloops.atlas.ratings import ratings
from twoloops.atlas.tables import sources
from twoloops.records.errors import UserError

DAY = date(2026, 11, 23)
DAYS = st.dates(date(2022, 1, 1), date(2030, 12, 31))
FACTORY = System(
    title="a factory",
    items=(
        hardware_item("edge-hardware", device("agx orin")),
        hardware_item("training-compute", device("h200")),
        base_item("deepseek-ai/x", ["deepseek-ai"], [("deepseek-ai/x", "MIT")], what=""),
        Item(layer="teacher-api", subject="teacher", name="openai/gpt-6", what=""),
        Item(
            layer="cross-border-flow",
            subject="flow",
            name="models out",
            what="",
            facts={"goods": "model", "recipient_parent_listed": "yes"},
        ),
    ),
)


def finding(rows, instrument, item=None):
    (row,) = [row for row in rows if row.instrument_id == instrument and item in (None, row.item)]
    return row.finding


def chip(tops=None, *, bits=8, area=None, datacentre=None, bandwidth=None):
    return Device(
        "chip",
        "somebody",
        tops,
        bits,
        "article",
        die_area_mm2=area,
        datacentre=datacentre,
        dram_bandwidth_gb_s=bandwidth,
    )


def test_devices_beside_the_chip_rules():
    rows = coverage(FACTORY, DAY)
    orin, h200 = "NVIDIA Jetson AGX Orin 64GB", "NVIDIA H200"
    assert finding(rows, "us-3a090-a", orin) == "not found to touch"
    assert finding(rows, "us-3a090-a", h200) == "touches"
    assert finding(rows, "us-h200-review", h200) == "touches"
    assert finding(rows, "us-ndaa-covered-ai") == "cannot say"  # who uses it is not known
    assert finding(rows, "us-affiliates") == "touches"
    assert finding(rows, "terms:OpenAI") == "names"


@pytest.mark.parametrize(
    ("one", "a", "b"),
    [
        (chip(600), "touches", "not found to touch"),
        (chip(599, datacentre="no"), "not found to touch", "not found to touch"),
        (chip(599), "cannot say", "cannot say"),
        (chip(200, area=200, datacentre="yes"), "touches", "not found to touch"),
        (chip(200, area=400, datacentre="yes"), "not found to touch", "touches"),
        (chip(300, area=1000, datacentre="yes"), "not found to touch", "touches"),
        (chip(200, area=1000, datacentre="yes"), "not found to touch", "not found to touch"),
        (chip(199), "not found to touch", "not found to touch"),
    ],
)
def test_the_thresholds_of_3a090(one, a, b):
    rows = coverage(System(title="", items=(hardware_item("edge-hardware", one),)), DAY)
    assert (finding(rows, "us-3a090-a"), finding(rows, "us-3a090-b")) == (a, b)


def test_an_unknown_fact_leaves_it_open_and_says_which_one():
    rows = coverage(System(title="", items=(hardware_item("edge-hardware", chip(300)),)), DAY)
    (row,) = [row for row in rows if row.instrument_id == "us-3a090-a"]
    assert row.how == (
        "a.2: needs performance density (--die-area) and whether it is designed or marketed for "
        "datacentres (--datacentre)"
    )


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=4))
def test_a_clause_is_kleene_s_and(truth):
    facts = {f"q{i}": "yes" if met else "no" for i, met in enumerate(truth) if met is not None}
    item = Item(layer="base-weights", subject="base", name="x", what="", facts=facts)
    clause = [Condition("x", "only", f"q{i}", "article", equals="yes") for i in range(len(truth))]
    wanted = False if False in truth else None if None in truth else True
    assert answer(item, clause).met is wanted


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=4))
def test_clauses_are_kleene_s_or(truth):
    facts = {f"q{i}": "yes" if met else "no" for i, met in enumerate(truth) if met is not None}
    item = Item(layer="base-weights", subject="base", name="x", what="", facts=facts)
    clauses = [
        Condition("x", f"clause {i}", f"q{i}", "article", equals="yes") for i in range(len(truth))
    ]
    wanted = True if True in truth else None if None in truth else False
    assert answer(item, clauses).met is wanted


def test_without_a_criterion_nothing_is_decided():
    item = FACTORY.items[0]
    assert answer(item, ()).met is None


def test_one_unknown_origin_among_known_ones_leaves_it_open():
    rule = [Condition("x", "c", "publisher_origin", "article", equals="CN")]
    known = base_item("a", ["Google", "Nils Reimers"], [], what="")
    assert answer(known, rule).met is None
    assert answer(base_item("a", ["Google"], [], what=""), rule).met is False
    assert answer(base_item("a", ["Google", "Qwen"], [], what=""), rule).met is True


@given(DAYS)
def test_every_row_has_a_source_and_what_it_needs(day):
    for row in coverage(FACTORY, day):
        assert row.source in sources(), row
        assert row.state_source in sources(), row
        assert row.how, row
        assert row.state not in ("ended",), row


@given(DAYS, DAYS)
def test_a_stale_row_stays_stale(day, other):
    early, late = sorted((day, other))
    aged = {(row.item, row.instrument_id): row.stale for row in coverage(FACTORY, early)}
    for row in coverage(FACTORY, late):
        assert row.stale >= aged.get((row.item, row.instrument_id), False)


def test_what_has_not_begun_or_has_ended_is_not_there():
    rules = packaged().rules
    ids = {one.id for one in begun(date(2026, 3, 1), rules)}
    assert "us-chip-draft" in ids
    assert "us-hr8283" not in ids
    later = {one.id for one in begun(date(2026, 3, 13), rules)}
    assert "us-chip-draft" not in later


def with_condition(tables, place, **change):
    changed = list(tables.rules.conditions)
    changed[place] = msgspec.structs.replace(changed[place], **change)
    rules = msgspec.structs.replace(tables.rules, conditions=tuple(changed))
    return Tables(rules, tables.licences, tables.terms)


def test_one_changed_cell_changes_the_matrix():
    tables = packaged()
    (place,) = [i for i, one in enumerate(tables.rules.conditions) if one.clause == "a.1"]
    orin = "NVIDIA Jetson AGX Orin 64GB"
    lowered = coverage(FACTORY, DAY, with_condition(tables, place, at_least=1000.0))
    assert finding(coverage(FACTORY, DAY), "us-3a090-a", orin) == "not found to touch"
    assert finding(lowered, "us-3a090-a", orin) == "touches"
    # An H200 is over a.1; were a.1 higher, a.2 would still reach it by its density.
    raised = coverage(FACTORY, DAY, with_condition(tables, place, at_least=20_000.0))
    (row,) = [r for r in raised if (r.instrument_id, r.item) == ("us-3a090-a", "NVIDIA H200")]
    assert (row.finding, row.how.split(":")[0]) == ("touches", "a.2")


@pytest.mark.parametrize("place", range(len(packaged().rules.conditions)))
def test_every_condition_can_decide(place):
    """An item made to meet an instrument's clause no longer does once one cell is changed."""
    tables = packaged()
    cell = tables.rules.conditions[place]
    own = [
        one
        for one in tables.rules.conditions
        if (one.instrument, one.clause) == (cell.instrument, cell.clause)
    ]
    instrument = next(one for one in tables.rules.instruments if one.id == cell.instrument)
    facts = {
        one.quantity: one.equals.split("|")[0] or (one.at_least or 0.5 * (one.below or 0))
        for one in own
    }
    item = Item(
        layer="base-weights",
        subject=instrument.subjects.split("|")[0],
        name="x",
        what="",
        facts=facts,
    )
    assert answer(item, own).met is True
    if cell.equals:
        change = {"equals": "something else"}
    elif cell.at_least is not None:
        change = {"at_least": cell.at_least * 2, "below": None}
    else:
        change = {"below": 0.0}
    other = with_condition(tables, place, **change)
    changed = [other.rules.conditions[tables.rules.conditions.index(one)] for one in own]
    assert answer(item, changed).met is False


def test_a_changed_review_date_changes_what_is_stale():
    tables = packaged()
    first = msgspec.structs.replace(tables.rules.instruments[0], review_by=date(2026, 1, 1))
    rules = msgspec.structs.replace(
        tables.rules, instruments=(first, *tables.rules.instruments[1:])
    )
    other = Tables(rules, tables.licences, tables.terms)
    stale = {r.item for r in coverage(FACTORY, DAY, other) if r.stale} - {
        r.item for r in coverage(FACTORY, DAY) if r.stale and r.instrument_id == first.id
    }
    assert "NVIDIA H200" in stale
    assert not any(r.stale for r in coverage(FACTORY, DAY) if r.instrument_id == first.id)


def test_the_counts_are_those_of_the_rows():
    found = matrix(FACTORY, DAY, ratings())
    assert found.counts["rows"] == len(found.rows)
    names = ("touches", "names", "cannot say", "not found to touch")
    assert sum(found.counts[name] for name in names) == len(found.rows)
    assert found.counts["stale"] == sum(row.stale for row in found.rows)
    assert found.limits == LIMITS


def test_no_text_of_a_matrix_promises_anything():
    items = (*FACTORY.items, *(hardware_item("edge-hardware", one) for one in devices()))
    text = msgspec.json.encode(matrix(System(title="", items=items), DAY, ())).decode().lower()
    for word in ("allowed", "permitted", "compliant", "legal to", "is legal", "illegal"):
        assert word not in text


def test_a_licence_that_is_not_in_the_table_cannot_be_told():
    item = base_item("a", [], [("a", "Beerware"), ("b", "")], what="")
    rows = [r for r in coverage(System(title="", items=(item,)), DAY) if r.issuer == "contract"]
    assert [(r.finding, r.how) for r in rows] == [
        ("cannot say", "of a: the table has no licence Beerware: read its text"),
        ("cannot say", "of b: unknown"),
    ]


def test_a_declaration_is_read_and_holds_for_what_it_is_about(tmp_path):
    path = tmp_path / "system.toml"
    path.write_text(
        'title = "line 4"\n[facts]\nuser = "US defence"\nrecipient_listed = "no"\n'
        '[[hardware]]\nname = "own"\ntops = 300\nbits = 16\ndie_area = 500\n'
        '[[base]]\nname = "deepseek-ai/DeepSeek-R1"\nlicences = ["MIT"]\n'
        '[[teacher]]\nname = "kimi-k3"\n'
        '[[flow]]\nname = "out"\nfacts = { goods = "model" }\n',
        encoding="utf-8",
    )
    made = complete(System(title=""), read(path))
    rows = coverage(made, DAY)
    assert made.title == "line 4"
    assert finding(rows, "us-3a090-a") == "touches"
    assert finding(rows, "us-ndaa-covered-ai") == "names"
    assert finding(rows, "us-entity-list") == "not found to touch"
    assert finding(rows, "terms:Moonshot Kimi") == "names"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[hardware]]\nnom = 3\n", "Object"),
        ("title = ", "docs/controls.md shows what it may say"),
        ('[facts]\ncolour = "red"\n', r"\[facts\]: no fact is called colour; there are tpp"),
        ('[[flow]]\nname = "x"\nfacts = { way = "sea" }\n', r"\[\[flow\]\] x: no fact is called"),
        ('[[hardware]]\nname = "x"\ntops = 3\n', "--tops and --bits go together"),
        ('[[hardware]]\nname = "x"\ntops = -3\nbits = 8\n', "a number above 0: got -3"),
        ('[[hardware]]\nname = "x"\n', "no hardware 'x' in the table"),
    ],
)
def test_a_declaration_that_says_what_is_not_known_is_refused(tmp_path, text, words):
    path = tmp_path / "system.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        complete(System(title=""), read(path))


def test_an_item_of_several_tasks_is_told_of_once():
    first = base_item("a", ["Google"], [("a", "MIT")], what="one")
    second = base_item("a", ["Google"], [("a", "MIT")], what="two")
    (made,) = System(title="").with_items([first, second]).items
    assert made.what == "one; published by Google (US); two"


def test_declared_figures_complete_a_device_of_the_table():
    said = Declared(hardware=[Hardware("jetson thor", datacentre="yes", die_area=500)])
    (item,) = complete(System(title=""), said).items
    assert item.facts["performance_density"] == pytest.approx(4140 / 500)
    assert item.facts["datacentre"] == "yes"


def test_a_gap_is_closed_by_what_is_declared():
    told = System(title="", gaps={"teacher-api": "none", "edge-hardware": "not recorded"})
    made = complete(told, Declared(teacher=[Named("kimi-k3")]))
    assert made.gaps == {"edge-hardware": "not recorded"}
