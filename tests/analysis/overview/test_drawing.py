"""Drawings and sections: names that come from people are text, unknown figures say so."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from twoloops.analysis.overview import lift, loops, plot, words
from twoloops.analysis.overview.facts import (
    Baselines,
    Change,
    Changes,
    Counts,
    CurvePoint,
    DeployedModel,
    Judgement,
    Measured,
    OpenTurn,
    Overview,
    ReturnPoint,
    Returns,
    Spend,
    TaskOverview,
    TurnLift,
)
from twoloops.analysis.overview.page import body
from twoloops.convergence.judging.evaluate import Estimates, estimate
from twoloops.convergence.judging.stopping import Advice
from twoloops.convergence.replays.outcome import Loops
from twoloops.records.money import Money
from twoloops.records.task import Task

HOSTILE = '"><script>alert(1)</script><img src=x onerror=a>\u202e'
DIGEST = "sha256:" + "ab" * 32
AT = datetime(2026, 3, 1, tzinfo=UTC)


def counts(**more):
    fields = {
        "bases_offered": 3, "bases_tried": 2, "bases_adopted": 1, "models": 12, "releases": 7,
        "published": 0, "deployed": 1, "observations": 5485, "questions": 7, "labels": 489,
        "datasets": 11, "open_turns": (),
    }  # fmt: skip
    return Counts(**(fields | more))


def spend(**more):
    fields = {
        "labels": 40, "people": (Money(Decimal("12.50"), "EUR"),), "minutes": 6.0, "taught": 0,
        "teachers": (), "cpu_seconds": 1.25, "flop": 3e9,
    }  # fmt: skip
    return Spend(**(fields | more))


def turn(number, name="base", *, released=True, audits=10):
    rates = Estimates(*(estimate([True] * 9 + [False]),) * 4)
    said = Judgement(
        turn=number, model=DIGEST, base=name, released=released, person=False, claim="not worse",
        reason=f"refused: {name}", wealth=3.0, labels=30,
    )  # fmt: skip
    change = Change(0.02, (-0.01, 0.05), 20, 20)
    return TurnLift(
        number=number, at=AT, stage="closed", observations=80, decisions=100.0, spend=spend(),
        released=DIGEST if released else None, judgements=(said,), reason=name, base_note=name,
        before=rates, after=rates, majority=estimate([True] * audits),
        changes=Changes(change, change, change) if released else None,
        right=estimate([True] * audits),
    )  # fmt: skip


def task(name="orders", turns=3, **more):
    right = estimate([True] * 18 + [False] * 2)
    fields = {
        "task": Task(name, "text", tuple(sorted({name, "ok"})), normal="ok"),
        "deployed": DeployedModel(DIGEST, name, 2, AT, False),
        "estimates": Estimates(right, right, right, right),
        "turns": tuple(turn(number, name) for number in range(turns)),
        "baselines": Baselines(
            deployed=right, first=right, gain=Change(0.0, (-0.1, 0.1), 20, 20), majority=right,
            majority_label=name,
        ),
        "returns": Returns(
            currency="EUR",
            points=(
                ReturnPoint(1, 40.0, None, None, 80.0, 3),
                ReturnPoint(2, 80.0, 120.0, (90.0, 150.0), 160.0, 12),
            ),
            first=30.0, compute=False, default_costs=True,
        ),
        "curve": (CurvePoint(30, 0, DIGEST, right), CurvePoint(70, 1, DIGEST, right)),
        "batch": 40,
        "worth": Advice(verdict="stop", reason=f"less than {name}", labels=40, horizon=320.0),
        "measured": None,
        "judgements": tuple(turn(n, name).judgements[0] for n in range(turns))[::-1],
    }  # fmt: skip
    return TaskOverview(**(fields | more))


def page(*tasks, broken=(), **more):
    return body(Overview(tasks=tasks, facts=9, head=DIGEST, broken=broken), counts(**more))


def whole(html):
    """The page is well-formed: every element that was opened is closed."""
    return ET.fromstring(f"<main>{html.replace('&nbsp;', ' ')}</main>")


def test_the_figure_shows_every_count_under_its_name():
    said = counts(open_turns=(OpenTurn("orders", 6, "label", 7),))
    drawn = loops.draw(said)
    shown = loops.shown(said)
    assert sorted(re.findall(r'data-count="(\w+)"', drawn)) == sorted(shown)
    assert shown["observations"] == "5,485"
    assert shown["bases_adopted"] == "bases tried, 1 adopted"
    assert loops.meeting(said) == ("turn 6 of orders", "next: label", "waits for 7")
    whole(drawn)


def test_the_meeting_point_says_when_no_turn_or_several_are_open():
    assert loops.meeting(counts())[0] == "no turn is open"
    several = (OpenTurn("a", 1, "label", 3), OpenTurn("b", 2, "judge", 0))
    assert loops.meeting(counts(open_turns=several)) == ("2 turns open", "7 labels wanted", "")


def test_stations_lie_inside_the_drawing_and_do_not_cover_one_another():
    boxes = [
        tuple(map(float, found))
        for found in re.findall(
            r'<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"',
            loops.draw(counts()),
        )
    ]
    assert len(boxes) == len(loops.STATIONS) + 1
    for x, y, wide, tall in boxes:
        assert x >= 0
        assert y >= 0
        assert x + wide <= loops.WIDTH
        assert y + tall <= loops.HEIGHT
    for i, (x, y, wide, tall) in enumerate(boxes):
        for other_x, other_y, other_wide, other_tall in boxes[:i]:
            apart = x >= other_x + other_wide or other_x >= x + wide
            assert apart or y >= other_y + other_tall or other_y >= y + tall


@pytest.mark.parametrize("name", [HOSTILE, "a&b", "\x00\x1b[31m", "ok " * 200])
def test_names_are_text_wherever_they_stand(name):
    html = page(task(name), task(f"{name} 2"), open_turns=(OpenTurn(name, 1, "label", 3),))
    whole(html)
    for bad in ("<script", "<img", "\u202e", "\x00", "\x1b", "onerror=a>"):
        assert bad not in html


def test_many_turns_and_verdicts_are_folded_away_but_for_the_last():
    html = page(task(turns=30))
    tree = whole(html)
    folded = ["".join(one.itertext()) for one in tree.iter("summary")]
    assert folded == ["turns 0 to 21", "22 earlier ones"]
    shown = html.split("<details>")[0]
    assert shown.count('<tbody class="turn">') == lift.SHOWN


def test_what_is_weak_is_said_before_any_figure():
    html = page(task())
    told = ["".join(one.itertext()) for one in whole(html).iter("h3")]
    assert told[0] == "What a sceptic would say first"
    assert "All of this stands on 20 audit labels, worth 20 drawn" in html
    assert "It may be nothing." in html
    none = page(task(baselines=None))
    assert "No audit label has come after a first release yet" in none


def test_unknown_figures_say_so_with_the_labels_they_lack():
    assert words.changed(None) == "—"
    assert words.changed(Change(None, None, 3, 4)) == "unknown<small>3 and 4 labels</small>"
    better = words.changed(Change(-0.1, (-0.2, -0.05), 30, 30), better=-1)
    assert 'class="better"' in better
    assert 'class="worse"' in words.changed(Change(-0.1, (-0.2, -0.05), 30, 30))
    assert 'class="open"' in words.changed(Change(0.1, (-0.2, 0.4), 30, 30))
    nothing = replace(task().returns, points=(), why_not="nothing was released yet")
    few = task(returns=nothing)
    assert "Not known: nothing was released yet." in page(few)


def test_the_return_says_whether_it_paid_and_what_the_costs_are():
    html = page(task())
    assert "+40 EUR since the first model (95\xa0%: +10 to +70)" in html
    assert "Paid off." in html
    assert "Nobody set these costs" in html
    assert "Compute is not priced" in html


def test_the_worth_of_the_next_labels_stands_by_the_curve():
    assert "Worth of the next 40 labels: </strong>stop: less than orders" in page(task())
    few = replace(task().worth, verdict="unknown", reason="1 turn has audit labels")
    html = page(task(curve=(), worth=few))
    assert "unknown: 1 turn has audit labels (nobody set costs: they are 1 each)." in html


def test_loops_apart_are_a_replays_figures_or_the_command_that_measures_them():
    assert "twoloops replay SOURCE" in page(task())
    four = Loops(
        neither=0.79, models=0.79, data=0.91, both=0.913, everything=0.95, interaction=0.002,
        interval=(0.0, 0.004), interaction_log_odds=0.02, interval_log_odds=(-0.01, 0.05),
    )  # fmt: skip
    said = Measured(
        source=HOSTILE, seeds=1, turns=10, loops=four, loops_without_gate=four, version="0.1"
    )
    html = page(task(measured=said))
    whole(html)
    assert "91.3\xa0%" in html
    assert "+0.2 (95\xa0% 0.0 … +0.4)" in html
    assert "<script" not in html


def test_a_broken_journal_stands_above_everything():
    html = page(task(), broken=("fact 3 was changed <b>",))
    assert html.startswith('<div class="alarm" role="alert">')
    assert "fact 3 was changed &lt;b&gt;" in html
    assert "The journal&#x27;s chain is NOT whole" in html


def test_no_task_says_how_to_add_one():
    assert "twoloops task add NAME" in page()
    assert "No turn yet" in page(task(turns=0, judgements=(), curve=()))


def test_teachers_and_minutes_have_columns_only_where_there_are_any():
    html = lift.table(task())
    assert "teacher" not in html
    assert "minutes" in html
    paid = spend(taught=4, teachers=(Money(Decimal("0.02")),), minutes=None)
    html = lift.table(replace(task(), turns=(replace(turn(1), spend=paid),)))
    assert "teacher" in html
    assert "minutes" not in html
    assert "0.02 USD" in html


@given(st.floats(-1e6, 1e6), st.floats(1e-2, 1e6))
def test_ticks_span_the_values_with_few_round_steps(low, size):
    marks = plot.ticks(low, low + size)
    assert marks[0] <= low + 1e-6 * size
    assert marks[-1] >= low + size - 1e-6 * size
    assert 2 <= len(marks) <= 8


def test_ticks_of_a_single_value_have_room():
    assert plot.ticks(3, 3)[0] < 3 < plot.ticks(3, 3)[-1]
