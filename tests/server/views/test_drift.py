"""What the page about drift says: verdict, evidence against what is needed, what is open."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from floored import AT, HOSTILE, OLD, finding
from msgspec.structs import replace

from twoloops.physical.drift.finding import CEILING, Finding
from twoloops.server.views.drift import STRONGEST, drift_view
from twoloops.server.views.drift_page import body
from twoloops.wiring.drift import LastLook


def look(found: Finding | None, **more: Any) -> LastLook:
    known: dict[str, Any] = {"task": "strip", "deployed": OLD, "finding": found, "opens": "turn"}
    return LastLook(**(known | more))


@pytest.mark.parametrize(
    ("found", "verdict", "meaning"),
    [
        (finding([1e-6, 0.4]), "drift", "a chance of 5 % at most"),
        (finding([0.2, 0.4]), "none seen", "it does not show that nothing has changed"),
        (finding([]), "unknown", "Unknown is not the same as no drift"),
        (None, "unknown", ""),
    ],
)
def test_a_verdict_says_what_it_means(found: Finding | None, verdict: str, meaning: str) -> None:
    view = drift_view(look(found), AT)
    assert view.verdict == verdict
    assert meaning in view.meaning
    assert bool(view.meaning) == bool(meaning)


def test_a_bar_is_an_alarm_just_where_it_reaches_what_it_needs() -> None:
    found = finding([0.4, 1e-6, 0.013, 0.012, 0.6])
    view = drift_view(look(found), AT)
    assert [one.alarm for one in view.bars] == [True, True, True, False, False]
    for one in view.bars:
        # 0.012 needs 4 / 0.05, 0.013 needs 3 / 0.05: Holm's steps.
        assert one.alarm == (one.evidence >= one.needed)
    assert [one.needed for one in view.bars] == pytest.approx([100, 80, 60, 40, 20])


def test_evidence_beyond_any_decision_is_not_drawn_further() -> None:
    view = drift_view(look(finding([0.0, 1e-300])), AT)
    assert [one.evidence for one in view.bars] == [CEILING, CEILING]
    ET.fromstring(f"<main>{body([view])}</main>")


def test_the_strongest_are_drawn_and_the_others_counted() -> None:
    view = drift_view(look(finding([0.5] * 30)), AT)
    assert (len(view.bars), view.more) == (STRONGEST, 30 - STRONGEST)
    assert "20 other features" in body([view])


def test_what_was_not_tested_is_said() -> None:
    view = drift_view(look(finding([0.2])), AT)
    assert any("no audit labels" in one for one in view.unknown)
    assert any("1 feature not tested" in one for one in view.unknown)
    assert any("press-9" in one for one in view.unknown)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"opened": 5, "opened_at": AT}, "It opened turn 5 at 2026-03-01 12:00 UTC."),
        ({}, "It has opened nothing yet"),
        ({"opens": "never"}, "An alarm opens nothing here"),
    ],
)
def test_what_an_alarm_opened_or_may_open(more: dict[str, Any], said: str) -> None:
    assert said in drift_view(look(finding([1e-6]), **more), AT).opened
    quiet = drift_view(look(finding([0.3]), opens="rebase"), AT)
    assert "tries other bases too" in quiet.opened


def test_without_a_release_or_a_look_the_page_says_what_to_do() -> None:
    assert "Nothing is deployed" in drift_view(look(None, deployed=None), AT).reason
    assert "twoloops drift" in drift_view(look(None), AT).reason
    assert "no task yet" in body([])


def test_names_from_outside_are_never_markup() -> None:
    found = finding([1e-6])
    found = replace(found, features=(replace(found.features[0], name=HOSTILE, edge=HOSTILE),))
    page = body([drift_view(look(found, task=HOSTILE), AT)])
    assert "<script" not in page
    ET.fromstring(f"<main>{page}</main>")
