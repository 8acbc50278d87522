"""How an edge stands, in words: a table of states."""

from datetime import timedelta
from typing import Any

import pytest
from floored import AT, HOSTILE, NEW, OLD, edge, standing

from twoloops.edge.home import Paired
from twoloops.records.digests import short
from twoloops.server.views.edges import PER_PAGE, SILENT, edge_view, floor_view, paired
from twoloops.server.views.edges_page import body
from twoloops.store.edges import ExplainedGap


def test_an_edge_that_works_is_in_order() -> None:
    view = edge_view(edge(), AT)
    assert view.in_order
    assert (view.seen, view.model, view.follows) == ("5 s ago", short(OLD), "7 (full)")
    assert (view.waiting, view.clock, view.disk) == ("12 (3.4 kB)", "right", "31.0 GB")
    assert view.address == f"/why/{short(OLD)}?task=strip"
    assert view.known == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"standing": standing(release=None)}, "No model decides"),
        (
            {"standing": standing(went_back="it was late", left=NEW)},
            f"model {short(NEW)} that is assigned",
        ),
        ({"standing": standing(refused="it expired")}, "refused the last update: it expired"),
        (
            {"standing": standing(source_error="the folder /in: No such file or directory")},
            "No inputs come: the folder /in: No such file",
        ),
        ({"standing": standing(not_kept=2)}, "2 inputs of this run could be decided and not be"),
        ({"standing": standing(disk_free=5_000_000)}, "nearly full: 5.0 MB free"),
        ({"skew": -90.0}, "Its clock is 1 min behind."),
        (
            {"gaps": (ExplainedGap("press-4", "e", 3, 9, ""),), "unexplained": 7},
            "7 observations between 2 and 10: nobody knows why",
        ),
    ],
)
def test_what_is_wrong_is_said(more: dict[str, Any], said: str) -> None:
    view = edge_view(edge(**more), AT)
    assert [said in one for one in view.wrong] == [True]
    assert not view.in_order


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"standing": None, "last_seen": AT}, "has not reported yet"),
        ({"standing": standing(late=3)}, "Late: 3 of 1,200 decisions"),
        ({"standing": standing(dropped=1)}, "1 observation dropped"),
        ({"standing": standing(failures=1, last_error="no route")}, "1 failed try to reach"),
        (
            {"gaps": (ExplainedGap("press-4", "e", 3, 3, "power cut"),)},
            "1 observation between 2 and 4: power cut",
        ),
    ],
)
def test_what_is_known_is_said_and_is_no_alarm(more: dict[str, Any], said: str) -> None:
    view = edge_view(edge(**more), AT)
    assert [said in one for one in view.known] == [True]
    assert view.in_order


def test_an_edge_behind_its_groups_latest_assignment_is_shown_so() -> None:
    view = edge_view(edge(), AT, 9)
    assert (view.follows, view.behind) == ("7 (full)", 9)
    assert view.known == ("Assignment 9 is signed for its group; it follows 7.",)
    assert view.in_order  # it takes it in when it looks next
    fresh = edge_view(edge(standing=standing(counter=0, mode="")), AT, 2)
    assert fresh.known[-1] == "Assignment 2 is signed for its group; it follows none."
    assert edge_view(edge(), AT, 7).behind == edge_view(edge(standing=None), AT, 7).behind == 0
    one = edge()
    floor = floor_view([one], AT, latest={(one.task, one.group): 9})
    assert [group.behind for group in floor.groups] == [1]
    assert "7 (full), latest 9" in body(floor)
    assert [group.behind for group in floor_view([one], AT).groups] == [0]


def test_of_many_gaps_the_last_ones_are_listed_and_all_are_counted() -> None:
    gaps = tuple(ExplainedGap("press-4", "e", n, n, "power cut") for n in range(2, 40, 2))
    known = edge_view(edge(gaps=gaps), AT).known
    assert known[0] == "19 explained gaps in its numbers, the last 5:"
    assert len(known) == 6
    assert "between 37 and 39" in known[-1]


def test_an_edge_is_silent_from_a_quarter_of_an_hour_on() -> None:
    heard = AT - timedelta(seconds=SILENT)
    assert edge_view(edge(last_seen=heard), AT).silent == "not heard for 15 min"
    assert edge_view(edge(last_seen=heard + timedelta(seconds=1)), AT).silent == ""
    never = edge(last_seen=None, enrolled_at=heard, standing=None, skew=None)
    assert edge_view(never, AT).silent == "never heard for 15 min"
    # A clock that was set back makes nobody silent.
    assert edge_view(edge(last_seen=AT + timedelta(hours=1)), AT).seen == "0 s ago"


def test_a_second_model_beside_is_told_with_an_interval() -> None:
    pair = Paired(counting=OLD, beside=NEW, decided=1200, differed=36, failed=2, skipped=4)
    told = paired(pair)
    assert f"{short(NEW)} decides beside {short(OLD)}, which counts" in told
    assert "differed on 36, 3.0 % (95 %: 2.2 to 4.1)" in told
    assert "2 it could not decide; 4 not asked" in told
    for strange in (Paired(counting=OLD, beside=NEW), Paired(
        counting=OLD, beside=NEW, decided=1, differed=9
    )):  # fmt: skip
        assert "no input was decided by both yet" in paired(strange)


def test_groups_are_summed_and_what_is_wrong_stands_first() -> None:
    edges = [
        edge("a"),
        edge("b", last_seen=None),
        edge("c", standing=standing(release=NEW, refused="expired")),
        edge("d", group="hall-2", unexplained=3),
    ]
    view = floor_view(edges, AT)
    first, second = view.groups
    assert (first.group, first.edges, first.silent, first.wrong) == ("hall-1", 3, 1, 1)
    assert dict(first.models) == {short(OLD): 2, short(NEW): 1}
    assert (first.waiting, second.lost) == (36, 3)
    assert [one.edge for one in view.edges] == ["b", "c", "a", "d"]
    assert [one.edge for one in floor_view(edges, AT, "hall-2").edges] == ["d"]
    assert floor_view(edges, AT, "no such").edges == ()


def test_many_edges_come_in_pages() -> None:
    edges = [edge(f"e{number:04}") for number in range(2 * PER_PAGE + 1)]
    sizes = [len(floor_view(edges, AT, page=page).edges) for page in (1, 2, 3)]
    assert sizes == [PER_PAGE, PER_PAGE, 1]
    assert floor_view(edges, AT, page=99).page == 3
    assert floor_view(edges, AT, page=-1).page == 1
    assert 'href="/floor?group=hall-1&amp;page=2"' in body(floor_view(edges, AT, "hall-1"))


def test_what_an_edge_says_is_never_markup() -> None:
    strange = edge(
        HOSTILE, task=HOSTILE, group=HOSTILE, standing=standing(refused=HOSTILE, mode=HOSTILE)
    )
    page = body(floor_view([strange], AT))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_without_edges_the_commands_that_enrol_one_are_shown() -> None:
    page = body(floor_view([], AT))
    assert "twoloops token add EDGE --scope edge" in page
    assert "twoloops edge enrol SERVER --token TOKEN --task TASK" in page
