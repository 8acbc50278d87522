import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from twoloops.convergence.replays.arm import Arm, FittedRuntime
from twoloops.convergence.replays.figures import turn_figures
from twoloops.edge.runtime import Runtime
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.store.turns import Evidence
from twoloops.store.workspace import Store

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]


def with_row(history: History, number: int, index: int, **changed: object) -> History:
    """Change one row of a turn (0 is the seed)."""
    parts = [list(rows) for rows in (history.seed, *history.turns)]
    parts[number][index] = replace(parts[number][index], **changed)
    seed, *turns = [tuple(rows) for rows in parts]
    return dataclasses.replace(history, seed=seed, turns=tuple(turns))


def test_a_fitted_head_decides_as_the_deployed_file_does(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=1, per_turn=60, seed_rows=30)
    arm = make_arm(history)
    arm.run()
    release = arm.loop.store.releases.deployed("orders")
    deployed = arm.loop.deployed()
    assert release is not None
    assert deployed is not None
    inputs = [row.input for row in history.turns[0]]
    by_file = Runtime(arm.loop.store.models.get(release.model)).decide(inputs)
    by_head = FittedRuntime(arm.loop, *deployed, release.model).decide(inputs)
    for one, other in zip(by_file, by_head, strict=True):
        assert (one.label, one.model, one.threshold) == (other.label, other.model, other.threshold)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
        assert one.novelty == pytest.approx(other.novelty, abs=1e-5)
    assert {decision.label for decision in by_file} == {"broken", "leak", "ok"}


def test_the_file_and_the_fitted_head_run_the_same_turns(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=2, per_turn=24, seed_rows=30)
    arms = [make_arm(history, real_edge=real) for real in (True, False)]
    states = [arm.run() for arm in arms]
    by_file, by_head = [
        [(one.dataset, one.released, one.reason, one.base_note) for one in run] for run in states
    ]
    assert by_file == by_head
    assert arms[0].said(2).decided == arms[1].said(2).decided


def test_what_cannot_be_read_is_quarantined_and_stops_nothing(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=2, per_turn=24, seed_rows=30)
    history = with_row(with_row(history, 0, 2, input=b"\xff"), 2, 7, input=b"  ")
    arm = make_arm(history)
    states = arm.run()
    assert states[0].released is not None
    ((index, reason),) = arm.said(2).quarantined
    assert (index, arm.said(2).decided[7], arm.said(2).counters[7]) == (7, None, None)
    assert reason.startswith("the text is empty")
    figures = turn_figures(arm, states[2])
    assert (figures.observations, figures.scored) == (24, 24)
    assert figures.accuracy is not None
    assert figures.accuracy <= 23 / 24
    assert arm.loop.store.observations.count("orders", turn=0) == 29


def test_a_fault_that_cannot_be_read_escapes_and_a_normal_item_is_not_rejected(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=1, per_turn=24, seed_rows=30)
    at = {label: [r.label for r in history.turns[0]].index(label) for label in ("ok", "leak")}
    clean, escaped, passed = [
        turn_figures(arm, arm.run()[1])
        for arm in (
            make_arm(history),
            make_arm(with_row(history, 1, at["leak"], input=b"\xff")),
            make_arm(with_row(history, 1, at["ok"], input=b"\xff")),
        )
    ]
    assert None not in (clean.escapes, clean.false_rejects)
    assert (escaped.escapes, escaped.false_rejects) == (clean.escapes + 1, clean.false_rejects)  # type: ignore[operator]
    assert (passed.escapes, passed.false_rejects) == (clean.escapes, clean.false_rejects)
    assert escaped.accuracy == passed.accuracy == clean.accuracy - 1 / 24  # type: ignore[operator]


def test_the_seed_is_kept_whole_and_later_turns_with_known_chances(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=2, per_turn=60, seed_rows=30))
    arm.run()
    store = arm.loop.store
    assert {one.kept.probability for one in store.observations.of_turn("orders", 0)} == {1.0}
    later = store.observations.of_turn("orders", 2)
    assert 0 < len(later) < 60
    assert {one.kept.probability for one in later} <= {0.5, 1.0}
    assert sum(counter is not None for counter in arm.said(2).counters) == len(later)


def test_rows_that_nobody_knows_are_never_asked_about(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=1, per_turn=30, seed_rows=30)
    for index in range(0, 30, 2):
        history = with_row(history, 1, index, label=None)
    arm = make_arm(history, labels_per_turn=25)
    arm.run()
    rows = dict(zip(arm.said(1).counters, history.turns[0], strict=True))
    asked = arm.loop.store.questions.of_turn("orders", 1)
    assert asked
    assert all(rows[one.observation.counter].label is not None for one in asked)


def test_killed_between_taking_in_and_noting_what_was_said(
    make_arm: MakeArm, make_history: MakeHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool of the dead run is thrown away, and nothing is counted twice."""
    history = make_history(turns=1, per_turn=24, seed_rows=20)
    undisturbed = make_arm(history)
    undisturbed.run()
    put = Evidence.put

    def dying(*given: object) -> None:
        monkeypatch.setattr(Evidence, "put", put)
        raise KeyboardInterrupt

    store = Store.in_memory()
    monkeypatch.setattr(Evidence, "put", dying)
    dead = make_arm(history, store=store)
    with pytest.raises(KeyboardInterrupt):
        dead.run()
    assert store.observations.count("orders") == 20
    arm = make_arm(history, store=store)
    arm.run()
    assert store.observations.count("orders") == undisturbed.loop.store.observations.count("orders")
    assert store.datasets.of_task("orders") == undisturbed.loop.store.datasets.of_task("orders")
    assert arm.said(1) == undisturbed.said(1)
    assert not list(arm.folder.glob("*"))


def test_without_a_normal_label_there_is_no_threshold_and_no_detection(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=1, per_turn=24, seed_rows=30, normal=None))
    states = arm.run()
    figures = turn_figures(arm, states[1])
    assert figures.accuracy is not None
    assert (figures.detection_rate, figures.false_reject_rate, figures.escapes) == (None,) * 3
    assert {one.card.threshold for one in arm.loop.store.models.of_task("orders")} == {None}
    assert arm.said(1).p_fault == ()


def test_a_seed_without_a_row_is_the_histories_fault(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = dataclasses.replace(make_history(turns=1, per_turn=5), seed=())
    with pytest.raises((UserError, AssertionError), match="the first observations"):
        make_arm(history).run()
