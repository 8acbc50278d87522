"""What the quarantine's page says: counts by source and kind of reason, then one by one."""

from datetime import timedelta

from floored import AT, HOSTILE

from twoloops.server.views.quarantine import MOST, PER_PAGE, quarantine_view
from twoloops.server.views.quarantine_page import body
from twoloops.store.rows import Quarantined, Reason


def test_reasons_that_differ_in_a_figure_count_together() -> None:
    reasons = [
        Reason("press-4", "its input has 70,001 bytes", 2, AT - timedelta(days=1)),
        Reason("press-4", "its input has 80,000 bytes", 3, AT),
        Reason("press-5", "its input has 80,000 bytes", 1, AT),
        Reason("press-4", "its time has no zone", 1, AT),
    ]
    view = quarantine_view(reasons, [])
    told = [(one.source, one.kind, one.count) for one in view.counts]
    assert told == [
        ("press-4", "its input has … bytes", 5),
        ("press-4", "its time has no zone", 1),
        # Alone, it is told as it is.
        ("press-5", "its input has 80,000 bytes", 1),
    ]
    assert view.counts[0].last == "2026-03-01 12:00 UTC"
    assert (view.total, view.others) == (7, 0)
    assert quarantine_view(reasons, [], chosen="press-4").total == 6


def test_many_kinds_of_reason_end_in_a_count() -> None:
    reasons = [Reason(f"s{n:03}", "x", 2, AT) for n in range(MOST + 3)]
    view = quarantine_view(reasons, [])
    assert (len(view.counts), view.others) == (MOST, 6)
    assert "rarer reasons" in body(view)


def test_a_reason_is_told_in_full_and_never_as_markup() -> None:
    long = f"{HOSTILE} " + "because " * 60
    view = quarantine_view(
        [Reason(HOSTILE, long, 1, AT)], [Quarantined(HOSTILE, "row 7", long, AT)]
    )
    page = body(view)
    assert "because " * 59 in page
    assert "<script" not in page
    assert "\u202e" not in page
    assert "row 7" in page


def test_pages_keep_the_chosen_source() -> None:
    reasons = [Reason("a&b", "x", 2 * PER_PAGE, AT)]
    page = body(quarantine_view(reasons, [], page=2, chosen="a&b"))
    assert 'href="/quarantine?source=a%26b&amp;page=1"' in page
    assert "page 2 of 2" in page


def test_an_empty_one_says_so() -> None:
    assert "Nothing is in quarantine" in body(quarantine_view([], []))
