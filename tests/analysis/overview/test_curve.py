"""The learning curve: what it recovers, where it is flat, when there is none."""

import numpy as np
import pytest

from twoloops.analysis.overview import curve
from twoloops.analysis.overview.facts import CurvePoint
from twoloops.convergence.judging.evaluate import Estimate, estimate


def point(labels, wrong, audits=400):
    mistakes = round(wrong * audits)
    return CurvePoint(
        labels, 0, "sha256:0", estimate([True] * mistakes + [False] * (audits - mistakes))
    )


def test_a_power_law_is_found_again():
    points = [point(n, 0.4 * (n / 50) ** -0.5, 4000) for n in (50, 100, 200, 400)]
    found = curve.fit(points, 400, 100)
    at = {round(one.labels): one for one in found.course}
    first = at[50]
    assert first.wrong == pytest.approx(0.4, abs=0.02)
    truth = 0.4 * (400 / 50) ** -0.5 - 0.4 * (500 / 50) ** -0.5
    assert found.gain == pytest.approx(truth, abs=0.004)
    assert found.interval[0] <= truth <= found.interval[1]
    # 0.5 points a hundred labels: 0.4 √50 / (2 n^1.5) · 100 = 0.005, a little later than that.
    assert 800 < found.flat_at < 1100


def test_a_flat_course_is_flat_at_once_and_the_band_holds_it():
    points = [point(n, 0.1, 1000) for n in (50, 100, 200, 400)]
    found = curve.fit(points, 400, 40)
    assert found.gain < 0.005
    assert found.flat_at < 400
    assert all(one.low <= 0.1 <= one.high for one in found.course)


def test_no_mistake_yet_is_not_none_for_ever():
    found = curve.fit([point(50, 0.0, 20), point(100, 0.0, 20)], 100, 40)
    assert 0 < found.course[0].wrong < found.course[0].high
    assert found.course[0].high < 0.3


def test_the_same_points_give_the_same_curve():
    points = [point(50, 0.3, 20), point(90, 0.2, 20)]
    assert curve.fit(points, 90, 40) == curve.fit(points, 90, 40)


def test_few_audit_labels_leave_more_open():
    def width(audits):
        found = curve.fit([point(50, 0.3, audits), point(100, 0.2, audits)], 100, 40)
        return found.interval[1] - found.interval[0]

    assert width(20) > 1.5 * width(2000)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [point(50, 0.2)],
        [point(50, 0.2), point(50, 0.1)],
        [point(50, 0.2), CurvePoint(90, 1, "sha256:1", Estimate(None, None, 3, 3.0))],
    ],
)
def test_one_number_of_labels_makes_no_curve(points):
    found = curve.fit(points, 90, 40)
    assert "a curve needs two" in found.why_not
    assert found.course == ()


def test_the_curve_never_rises():
    rng = np.random.default_rng(1)
    for _ in range(20):
        points = [point(n, float(rng.random() * 0.5), 15) for n in (30, 60, 120)]
        shares = [one.wrong for one in curve.fit(points, 120, 20).course]
        assert shares == sorted(shares, reverse=True)
