"""What the page of roll-outs says: stage, evidence, conditions, history, and who may act."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from floored import AT, HOSTILE, NEW, OLD, rollout
from msgspec.structs import replace

from twoloops.convergence.rollouts.evidence import Finding, Judged
from twoloops.records.digests import short
from twoloops.server.views.rollouts import rollout_view, stopped
from twoloops.server.views.rollouts_page import body


def test_a_running_one_says_where_it_is_and_what_it_waits_for() -> None:
    view = rollout_view(rollout(), AT)
    assert (view.status, view.mood, view.acts) == ("running", "open", ("pause", "abort"))
    assert view.stage == "stage 2 of 3: canary on hall-1"
    assert view.since == "opened 2026-02-27 12:00 UTC, in this stage for 1 day"
    assert view.waits == "It waits for 10 more audit labels."
    assert view.address == f"/why/{short(NEW)}?task=strip"
    assert view.before == short(OLD)


def test_figures_say_what_the_stage_has_seen() -> None:
    told = rollout_view(rollout(), AT).figures
    assert told == (
        "40 audit labels: the release alone was wrong on 3, the model before alone on 2",
        "5,000 decisions of the release, 1 late",
        "5,000 inputs decided by both, 150 differently (3.0 %)",
        "evidence 9.5 that the release is not worse by the margin: not enough to pass without the "
        "least amounts",
    )
    shown = rollout_view(rollout(judged=Judged(proved=True, proof=24.0, silent=2)), AT).figures
    assert "enough to pass" in shown[-2]
    assert shown[-1] == "2 edges not heard"
    assert rollout_view(rollout(stage=0, kind=None, began=None), AT).figures == ()


def test_the_history_has_times_reasons_and_figures_the_last_first() -> None:
    passed, opened = rollout_view(rollout(), AT).moves
    assert (opened.at, opened.what, opened.why) == ("2026-02-27 12:00 UTC", "opened", "in 3 stages")
    assert passed.what == "stage passed, stage 1"
    assert passed.why == "the least amounts were seen (hall-1, hall-2)"
    assert "40 audit labels" in passed.figures


@pytest.mark.parametrize(
    ("more", "mood", "said", "acts"),
    [
        ({"status": "paused", "why": "night shift"}, "bad", "night shift. No further stage opens",
         ("resume", "abort")),
        ({"status": "rolled back", "open": False, "why": "worse"}, "bad",
         "Rolled back: worse. Every group it had touched was given the model before.", ()),
        ({"status": "aborted", "open": False, "why": "no"}, "bad", "Aborted: no.", ()),
        ({"status": "superseded", "open": False, "why": "newer"}, "open", "Superseded: newer.", ()),
        ({"status": "done", "open": False, "why": "all passed"}, "good", "Done: all passed.", ()),
    ],
)  # fmt: skip
def test_each_status_says_what_came_of_it(
    more: dict[str, Any], mood: str, said: str, acts: tuple[str, ...]
) -> None:
    view = rollout_view(rollout(**more), AT)
    assert (view.mood, view.acts) == (mood, acts)
    assert said in view.waits
    assert [one.status for one in stopped([rollout(**more)])] == (
        [more["status"]] if more["status"] in ("paused", "rolled back") else []
    )


def test_a_breach_is_marked() -> None:
    breach = Finding("errors", True, "of 40 labels 30 wrong", 500.0)
    view = rollout_view(rollout(judged=Judged(findings=(breach,))), AT)
    assert [one.kept for one in view.conditions] == [False]
    assert "BREACHED" in body([view], may_act=False)


def test_only_who_may_act_gets_forms_and_the_others_the_commands() -> None:
    view = rollout_view(rollout(), AT)
    mine, theirs = body([view], may_act=True), body([view], may_act=False)
    assert 'action="/rollouts/strip/pause"' in mine
    assert 'action="/rollouts/strip/abort"' in mine
    assert 'name="number" value="3"' in mine
    assert "<form" not in theirs
    assert "twoloops rollout pause --task strip --why TEXT" in theirs
    closed = rollout_view(rollout(status="done", open=False), AT)
    assert "<form" not in body([closed], may_act=True)


def test_what_comes_from_outside_is_never_markup() -> None:
    strange = rollout(task=HOSTILE, groups=(HOSTILE,), waits=HOSTILE)
    strange = replace(
        strange, moves=tuple(replace(one, why=HOSTILE, groups=(HOSTILE,)) for one in strange.moves)
    )
    page = body([rollout_view(strange, AT)], may_act=True)
    assert "<script" not in page
    ET.fromstring(f"<main>{page}</main>")


def test_without_one_the_page_says_how_one_begins() -> None:
    page = body([], may_act=True)
    assert "opened by itself" in page
    assert "twoloops rollout start MODEL --why TEXT" in page
