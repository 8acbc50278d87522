import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from twoloops.analysis.controls.matrix import Matrix
from twoloops.analysis.exhibits.model import Exhibit, Row
from twoloops.analysis.own.exhibits import MAKERS, controls, exhibits
from twoloops.analysis.own.facts import Own, OwnTask
from twoloops.analysis.own.models import root_origin
from twoloops.convergence.judging.evaluate import Estimate, estimate
from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.records.money import Money
from twoloops.records.task import Costs, Task

MakeOwn = Callable[..., Own]
MakeTask = Callable[..., OwnTask]
NONE = Estimate(None, None, 3, 3.0)


def one(own: Own, id: str) -> Exhibit:
    return MAKERS[id](own)


def rows(found: Exhibit, id: str) -> list[dict[str, Any]]:
    table = next(table for table in found.tables if table.id == id)
    names = [column.name for column in table.columns]
    return [dict(zip(names, row.cells, strict=True)) for row in table.rows]


def raw(found: Exhibit, id: str) -> tuple[Row, ...]:
    return next(table.rows for table in found.tables if table.id == id)


def axes(spec: Any) -> Iterator[dict[str, Any]]:
    """Every x and y encoding of a specification."""
    if isinstance(spec, dict):
        for name, value in spec.items():
            if name in ("x", "y") and isinstance(value, dict) and "field" in value:
                yield value
            else:
                yield from axes(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from axes(value)


def said(found: Exhibit) -> str:
    return " ".join(note.text for note in found.notes)


@pytest.fixture(params=["workspace", "replay"])
def either(
    request: pytest.FixtureRequest,
    make_own: MakeOwn,
    make_task: MakeTask,
    example_result: Callable[..., ReplayResult],
) -> Own:
    """A workspace of two tasks in two currencies, and a replay."""
    if request.param == "replay":
        return make_own(what="replay", replay=example_result())
    other = make_task("panels, left", currency="EUR", accuracy=NONE, earlier=NONE)
    return make_own(make_task(), other)


def test_there_is_one_of_each_of_the_articles_exhibits(either: Own, coverage: Matrix) -> None:
    found = exhibits(either, coverage)
    assert [one.id for one in found] == [*MAKERS, "controls"]
    assert {one.origin for one in found} == {f"this {either.what}"}


def test_every_row_names_a_source_and_a_day(either: Own, coverage: Matrix) -> None:
    for found in exhibits(either, coverage):
        for table in found.tables:
            for row in table.rows:
                assert row.sources, (found.id, row)
                assert row.as_of, (found.id, row)
        assert {source.id for source in found.sources} >= {
            id for table in found.tables for row in table.rows for id in row.sources
        }


def test_every_measured_axis_has_a_title_with_its_unit(either: Own, coverage: Matrix) -> None:
    charts = [chart for found in exhibits(either, coverage) for chart in found.charts]
    assert len(charts) >= 8
    titled = 0
    for chart in charts:
        for axis in axes(chart.spec):
            title = axis.get("title")
            if axis["type"] == "quantitative" and title:
                assert "(" in title, (chart.id, axis)
                titled += 1
        assert "NaN" not in json.dumps(chart.spec)
        assert chart.sources
    assert titled >= len(charts)
    assert len({chart.id for chart in charts}) == len(charts)


def test_a_workspace_says_what_only_a_replay_measures(make_own: MakeOwn) -> None:
    found = one(make_own(), "small-models")
    assert found.notes[0].kind == "gap"
    assert "not measured" in said(found)
    assert "twoloops replay SOURCE" in said(found)
    assert [table.id for table in found.tables] == ["releases"]
    # The turn with three audit labels is unknown: it is no point of the course.
    (chart,) = found.charts
    flat = json.dumps(chart.spec)
    assert "turn 1" in flat
    assert "turn 2" not in flat


def test_a_replay_shows_the_loops_apart_and_together(
    make_own: MakeOwn, example_result: Callable[..., ReplayResult]
) -> None:
    result = example_result(seeds=(0,))
    found = one(make_own(what="replay", replay=result), "small-models")
    arms = {row["arm"]: row for row in rows(found, "arms")}
    assert arms["both loops"]["gate in force"] == pytest.approx(100 * result.loops.both)
    gated = arms["interaction, gate in force"]
    assert gated["gate in force"] == pytest.approx(100 * result.loops.interaction)
    assert (gated["from"], gated["to"]) == tuple(100 * end for end in result.loops.interval)
    assert arms["interaction, without gate"]["gate in force"] is None
    assert "One seed" in said(found)
    assert result.caveats[0] in said(found)


def test_unknown_quality_is_said_where_it_stands(make_own: MakeOwn, make_task: MakeTask) -> None:
    found = one(make_own(make_task(accuracy=NONE, earlier=NONE)), "landscape")
    (row,) = raw(found, "tasks")
    assert rows(found, "tasks")[0]["right"] is None
    assert [remark.verdict for remark in row.remarks] == ["unknown"]
    assert "3 audit labels so far, 5 are needed to estimate it." in row.remarks[0].text
    assert found.charts == ()


def test_a_workspace_before_its_first_turn_says_what_is_not_there_yet(
    make_own: MakeOwn, make_task: MakeTask, coverage: Matrix
) -> None:
    bare = make_task(accuracy=NONE, earlier=NONE, turns=(), models=(), labellers={}, places={})
    own = make_own(bare, latest=None, facts=0)
    for found in exhibits(own, coverage):
        assert all(table.rows for table in found.tables), found.id
    assert "What each turn released: nothing yet." in said(one(own, "small-models"))
    assert "Labels by labeller: nothing yet." in said(one(own, "distillation"))
    mine, theirs = rows(one(own, "price"), "price")
    assert mine["price"] is None
    assert theirs["price"] == 400.0
    assert rows(one(own, "landscape"), "tasks")[0]["deployed on"] == "nothing deployed yet"


def test_few_labels_are_said_where_they_stand(make_own: MakeOwn, make_task: MakeTask) -> None:
    few = one(make_own(make_task(accuracy=estimate([True] * 18 + [False] * 2))), "landscape")
    (remark,) = raw(few, "tasks")[0].remarks
    assert remark.verdict == "weak"
    assert remark.text.startswith("20 labels fit anything from 68.2 % to 98.2 % right")
    many = one(make_own(make_task(accuracy=estimate([True] * 950 + [False] * 50))), "landscape")
    assert raw(many, "tasks")[0].remarks == ()


def test_where_the_deployed_model_is_unknown_all_models_so_far_stand_in(
    make_own: MakeOwn, make_task: MakeTask
) -> None:
    task = make_task(accuracy=NONE, earlier=estimate([True] * 30))
    (row,) = raw(one(make_own(task), "landscape"), "tasks")
    assert row.cells[4] == pytest.approx(100)
    assert "the present one not alone" in said(one(make_own(task), "landscape"))


def test_origin_is_that_of_the_models_a_base_was_made_from(make_own: MakeOwn) -> None:
    cards = {base.name: base.card for base in make_own().bases}
    # The corpus it was trained on is data: its publisher does not count.
    assert root_origin(cards["open-encoder"]) == "US"
    assert root_origin(cards["builtin/char-ngram"]) == "unknown"
    assert root_origin(None) == "unknown"


def test_bases_show_both_origins_and_what_could_not_be_had(make_own: MakeOwn) -> None:
    found = one(make_own(), "open-models")
    base = {row["base"]: row for row in rows(found, "bases")}
    assert base["open-encoder"]["publisher's origin"] == "unknown"
    assert base["open-encoder"]["ancestors' origin"] == "US"
    assert base["builtin/char-ngram"]["models made"] == 2
    assert base["builtin/char-ngram"]["deployed for"] == "orders"
    assert base["gone"]["licence"] == "unknown"
    assert "gone is not available: no wheel." in said(found)
    assert {row["to"] for row in rows(found, "ancestry")} == {"big-encoder", "a corpus"}


def test_derivatives_and_changes_of_base_are_counted(make_own: MakeOwn) -> None:
    found = one(make_own(), "downloads")
    counted = {row["base"]: row for row in rows(found, "derivatives")}
    assert counted["builtin/char-ngram"]["derivatives"] == 2
    assert counted["builtin/char-ngram"]["deployed now"] == 1
    assert counted["open-encoder"]["released"] == 0
    (again,) = rows(found, "rebasing")
    assert again["turns that tried another base"] == 2
    assert again["share re-based"] == 0


def test_the_price_spreads_labels_over_decisions(make_own: MakeOwn) -> None:
    found = one(make_own(), "price")
    mine, theirs = rows(found, "price")
    # 120 USD over 300 decisions; 72 CPU seconds at 0.05 USD an hour.
    assert mine["price"] == pytest.approx(400_000)
    assert mine["compute"] == pytest.approx(72 / 3600 * 0.05 / 300 * 1e6)
    assert mine["value ratio"] == pytest.approx(95 / 400, abs=1e-4)
    assert theirs["price"] == 400.0
    assert theirs["value ratio"] is None
    assert "the list price comes to that at 300,000 decisions" in said(found)


def test_currencies_are_not_converted(make_own: MakeOwn, make_task: MakeTask) -> None:
    found = one(make_own(make_task(currency="EUR")), "price")
    assert "no exchange rate is assumed" in said(found)
    (chart,) = found.charts
    assert "in the currency of the mark" in json.dumps(chart.spec)


def test_a_price_that_is_not_known_is_no_price(make_own: MakeOwn, make_task: MakeTask) -> None:
    task = make_task()
    gone = task.frontier._replace(per_million=None, as_of="", source="")
    found = one(make_own(make_task(frontier=gone, fitting=None)), "price")
    mine, theirs = rows(found, "price")
    assert theirs["price"] is None
    assert mine["compute"] is None
    assert "no list price is known" in said(found)
    assert "own compute was not recorded" in said(found)


def test_data_grows_by_turn_with_its_cost(make_own: MakeOwn) -> None:
    found = one(make_own(), "data-asset")
    growth = rows(found, "growth-orders")
    assert [row["cost to date"] for row in growth] == [40, 80, 120]
    assert [row["train"] for row in growth] == [10, 20, 30]
    assert raw(found, "growth-orders")[1].computed == "journal facts 11 to 20"
    assert "no valuation" in said(found)
    assert "nobody has said" not in said(found)


def test_costs_that_nobody_set_are_called_so(make_own: MakeOwn, make_task: MakeTask) -> None:
    unset = make_task(task=Task("orders", "text", ("leak", "ok"), costs=Costs()))
    assert "orders: nobody has said what a label costs" in said(one(make_own(unset), "data-asset"))


def test_labels_of_a_teacher_are_told_from_others(make_own: MakeOwn, make_task: MakeTask) -> None:
    plain = said(one(make_own(), "distillation"))
    assert plain.startswith("No label came from a teacher: nothing was distilled here.")
    assert "distilled from big-encoder (Microsoft)" in plain
    nothing = Money(make_task().task.costs.label.amount * 0, "USD")
    labellers = {"person:ann": (30, nothing), "teacher:large": (10, nothing)}
    found = one(make_own(make_task(labellers=labellers)), "distillation")
    assert said(found).startswith("10 labels came from a teacher")
    shares = {row["labeller"]: row["share"] for row in rows(found, "labellers")}
    assert shares == {"person:ann": 75, "teacher:large": 25}


def test_controls_show_findings_with_state_and_day_and_give_no_outcome(
    make_own: MakeOwn, coverage: Matrix
) -> None:
    found = controls(make_own(), coverage)
    shown = rows(found, "matrix")
    assert shown
    assert all(row["finding"] != "not found to touch" for row in shown)
    assert len(shown) + coverage.counts["not found to touch"] == coverage.counts["rows"]
    words = json.dumps(shown) + said(found)
    assert "edge-hardware: not said" in words
    (chart,) = found.charts
    drawn = json.dumps(chart.spec)
    assert "base-weights" in drawn
    assert "not found to touch" in drawn
    assert "no legal advice" in words
    assert "allowed" not in words.lower()
