"""What is watched: repeatable, finite, and blind to nothing that moves."""

import numpy as np
import pytest

from twoloops.physical.drift.features import COMPONENTS, decision_names, of_decisions, view
from twoloops.records.observation import Decision


def test_what_never_varied_is_seen_when_it_does() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(50, 3)), np.full(50, 150.0)])
    seen = view(x)
    moved = x.copy()
    moved[:, 3] += 5
    assert seen.of(moved)[:, -1].min() > seen.of(x)[:, -1].max()


def test_a_view_has_at_most_so_many_directions_and_a_distance() -> None:
    rng = np.random.default_rng(0)
    seen = view(rng.normal(size=(60, 30)))
    assert len(seen.names) == COMPONENTS + 1
    assert seen.of(rng.normal(size=(5, 30))).shape == (5, COMPONENTS + 1)
    assert seen.directions @ seen.directions.T == pytest.approx(np.eye(COMPONENTS), abs=1e-9)


def test_broken_readings_stay_finite() -> None:
    seen = view(np.random.default_rng(0).normal(size=(20, 4)))
    assert np.isfinite(seen.of(np.full((1, 4), 1e30))).all()


def test_the_same_again_gives_the_same_view() -> None:
    x = np.random.default_rng(0).normal(size=(40, 6))
    assert (view(x).of(x) == view(x.copy()).of(x)).all()
    assert view(np.zeros((4, 3))).of(np.zeros((2, 3))).tolist() == [[0.0], [0.0]]


def test_decisions_are_shares_confidence_and_novelty() -> None:
    made = [
        Decision("ok", (0.1, 0.9), "m", 0.5, 0.2),
        Decision("gone", (0.6, 0.4), "m", 0.5, 0.7),
    ]
    assert decision_names(("crack", "ok"))[-2:] == ("confidence", "novelty")
    assert of_decisions(made, ("crack", "ok")).tolist() == [
        [0.0, 1.0, 0.9, 0.2],
        [0.0, 0.0, 0.6, 0.7],  # a label the model no longer has
    ]
    assert of_decisions([], ("ok",)).shape == (0, 3)
