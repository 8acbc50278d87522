import sys

import numpy as np
import pytest

from twoloops.physical.labelling.quality.suspects import suspects
from twoloops.records.errors import MissingExtraError


def honest(truth: np.ndarray, labels: int, sure: float = 0.9) -> np.ndarray:
    out = np.full((len(truth), labels), (1 - sure) / (labels - 1))
    out[np.arange(len(truth)), truth] = sure
    return out


def test_planted_errors_are_found_the_worst_first() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    given = truth.copy()
    planted = rng.choice(200, 20, replace=False)
    given[planted] = (given[planted] + 1) % 3
    p = honest(truth, 3)
    p[planted[0]] = [0.0, 0.0, 0.0]
    p[planted[0], truth[planted[0]]] = 1.0
    found = suspects(p, given)
    assert {one.row for one in found} == set(planted.tolist())
    assert found[0].row == planted[0]
    assert all(one.suggested == truth[one.row] for one in found)
    assert all(one.confidence <= one.suggested_confidence for one in found)


def test_a_label_of_few_items_is_not_suspected() -> None:
    truth = np.array([0] * 20 + [1] * 20 + [2, 2])
    p = honest(truth, 3)
    p[-2:] = [0.99, 0.005, 0.005]  # nobody can tell a new fault yet
    assert suspects(p, truth) == []


def test_one_label_leaves_nothing_to_suspect() -> None:
    assert suspects(np.ones((5, 1)), np.zeros(5, dtype=np.intp)) == []
    assert suspects(np.zeros((0, 2)), np.zeros(0, dtype=np.intp)) == []


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == "cleanlab":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'twoloops\[quality\]'"):
        suspects(np.ones((5, 2)) / 2, np.array([0, 0, 0, 1, 1]))
