"""The lines above the overview: one for each concern, none where nothing is wrong."""

from floored import AT, HOSTILE, OLD, edge, finding, rollout, standing

from twoloops.server.views.concerns import box, concerns
from twoloops.wiring.drift import LastLook


def look(p: float) -> LastLook:
    return LastLook(task="strip", deployed=OLD, finding=finding([p]), opens="never")


def test_nothing_is_said_where_nothing_is_wrong() -> None:
    found = concerns([edge()], [look(0.5)], [], AT)
    assert found == ()
    assert box(found) == ""


def test_each_concern_has_a_line_that_leads_to_its_page() -> None:
    edges = [
        edge("a", last_seen=None),
        edge("b", unexplained=31),
        edge("c", standing=standing(refused="it expired")),
    ]
    found = concerns(edges, [look(1e-6)], [rollout(status="rolled back", why="it is worse")], AT)
    assert [one.address for one in found] == ["/rollouts", "/drift", "/floor", "/floor", "/floor"]
    stopped, drift, silent, lost, wrong = (one.said for one in found)
    assert stopped == "Roll-out of strip rolled back in stage 2 of 3: it is worse"
    assert drift.startswith("Drift of strip: inputs, distance")
    assert silent == "1 edge silent: a (never heard for 30 days)"
    assert lost == "31 observations lost and unexplained: b"
    assert wrong == "c: It refused the last update: it expired"


def test_many_edges_take_one_line() -> None:
    edges = [edge(f"e{number:02}", last_seen=None) for number in range(40)]
    (one,) = concerns(edges, [], [], AT)
    assert one.said.startswith("40 edges silent: e00 (never heard for 30 days), ")
    assert one.said.endswith("and 36 more")


def test_a_name_is_never_markup() -> None:
    page = box(concerns([edge(HOSTILE, last_seen=None)], [], [], AT))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
