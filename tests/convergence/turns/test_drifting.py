"""Drift in a workspace: from kept observations to a finding, a fact and an opened turn."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from drifting import NAME, STRANGE, bring, released, same_places, texts, turn
from msgspec.structs import replace

from twoloops.convergence.turns.drift_windows import FIRST, windows
from twoloops.convergence.turns.drifted import drift_asks, last_finding
from twoloops.convergence.turns.drifting import (
    FOUND,
    OPENED,
    keep_finding,
    look_for_drift,
    open_turn,
)
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.stages import choose_base
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import keep_policy
from twoloops.physical.drift.finding import Finding
from twoloops.records.errors import UserError
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import loop

POLICY = Policy(models=False, seed_labels=40, golden=6, labels_per_turn=10, audit_share=0.5)
SURE = replace(POLICY, drift_budget=1e-4)
"""Nothing that is not there is found: the same whatever places are drawn."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a release, to be copied: training takes a second."""
    folder = tmp_path_factory.mktemp("released")
    with same_places(0), Store.open(folder) as store:
        released(store, folder, POLICY)
    return folder


@pytest.fixture(autouse=True)
def named() -> Iterator[None]:
    with same_places(1000):
        yield


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    with Store.open(tmp_path) as store:
        yield store


def two(store: Store, policy: Policy = POLICY) -> Loop:
    keep_policy(store, NAME, policy)
    return loop(store, store.tasks.get(NAME))


def looked(loop: Loop) -> Finding:
    found = look_for_drift(loop)
    assert found is not None
    return found


def test_the_same_again_is_no_drift_and_what_is_strange_is(store: Store, tmp_path: Path) -> None:
    loops = two(store, SURE)
    bring(store, tmp_path, texts(300, 2))
    same = looked(loops)
    assert same.verdict == "none seen", same.reason
    assert {one.kind for one in same.features} == {"inputs", "decisions"}
    assert open_turn(loops, same) is None

    bring(store, tmp_path, texts(200, 3, STRANGE))
    strange = looked(loops)
    assert strange.verdict == "drift"
    assert any(one.kind == "inputs" for one in strange.alarms), strange.reason
    # What was seen before is judged as before: a longer stream only adds.
    before = {(one.kind, one.name): one.evidence for one in same.features}
    assert all(one.evidence >= before[one.kind, one.name] - 1e-9 for one in strange.features)


def test_more_faults_of_the_known_kind_show_in_the_decisions(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, texts(FIRST * 3, 2))
    bring(store, tmp_path, texts(300, 3, leaks=0.95))
    found = looked(two(store))
    assert "share of leak" in {one.name for one in found.alarms}, found.reason


def test_an_alarm_opens_a_turn_once_and_says_why(store: Store, tmp_path: Path) -> None:
    opens = Policy(models=False, drift_opens="turn")
    bring(store, tmp_path, texts(200, 3, STRANGE))
    loops = two(store)
    found = looked(loops)
    keep_finding(loops, found)
    assert open_turn(loops, found) is None  # the policy says never

    loops = two(store, opens)
    state = open_turn(loops, found)
    assert state is not None
    assert (state.number, state.stage) == (1, "observe")
    (fact,) = [one for one in store.journal.facts(NAME) if one.kind == OPENED]
    assert fact.body["model"] == found.model
    assert fact.body["changed"].startswith(str(found.alarms[0]))
    keep_finding(loops, replace(found, observations=found.observations + 1))  # a later look
    keep_finding(loops, found)
    assert len([one for one in store.journal.facts(NAME) if one.kind == FOUND]) == 1
    assert last_finding(store, NAME) == found
    assert open_turn(loops, found) is None  # it is open
    turn(store)
    bring(store, tmp_path, texts(10, 4, STRANGE))
    assert open_turn(loops, found) is None  # once for a release, whatever the gate said


def test_a_rebase_turn_tries_other_bases_though_no_slice_fails(
    store: Store, tmp_path: Path
) -> None:
    bring(store, tmp_path, texts(200, 3, STRANGE))
    loops = two(store, Policy(rebase="failures", drift_opens="rebase", labels_per_turn=10))
    found = looked(loops)
    state = open_turn(loops, found)
    assert state is not None
    assert drift_asks(loops, state)[0] == str(found.alarms[0])
    chosen = choose_base(loops, state)
    assert isinstance(chosen, TurnState)
    assert chosen.opened_by == drift_asks(loops, state)


def test_errors_are_bet_on_by_audit_labels(store: Store, tmp_path: Path) -> None:
    for number in (2, 3):
        bring(store, tmp_path, texts(60, number))
    loops = two(store)
    part = {one.kind: one for one in looked(loops).parts}["audit error"]
    assert part.unknown == "no audit label of what it has decided yet"
    release = store.releases.deployed(NAME)
    assert release is not None
    # Labels say the opposite of what they said, and the loop over data is off: nothing is learned.
    loops = two(store, replace(POLICY, data=False))
    turn(store, wrong=True)
    again = store.releases.deployed(NAME)
    assert again is not None
    assert again.model == release.model
    found = looked(loops)
    (error,) = [one for one in found.features if one.kind == "audit error"]
    assert error.after == 1.0
    assert error.before < 0.2
    assert error.evidence > 3


def test_windows_are_thinned_to_one_chance(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, texts(200, 2))
    loops = two(store)
    release = store.releases.deployed(NAME)
    assert release is not None
    seen = windows(loops, release)
    assert all(one.place.epoch for one in seen.since)
    assert 0 < len(seen.since) <= 200
    assert seen.arrived == len(store.observations.after_turn(NAME, release.turn))


def test_nothing_deployed_is_nothing_to_look_at() -> None:
    with Store.in_memory() as store:
        store.tasks.put(Task(NAME, "text", ("leak", "ok"), normal="ok"))
        assert look_for_drift(loop(store, store.tasks.get(NAME))) is None


def test_a_budget_is_a_chance() -> None:
    with pytest.raises(UserError, match=r"a chance in \(0, 1\): got 0"):
        Policy(drift_budget=0)
