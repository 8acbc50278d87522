"""A release goes out by itself where edges are enrolled, and comes back by itself, on evidence."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from rolling import TASK, Plant, release

from twoloops.convergence.rollouts.plan import Least, Plan, Stage
from twoloops.convergence.rollouts.state import State
from twoloops.convergence.turns.anchor import BEST
from twoloops.convergence.turns.differing import DIFFERENCES, Differences, Weighed
from twoloops.edge.home import Paired
from twoloops.records.assignment import EVERYONE
from twoloops.records.errors import UserError
from twoloops.wiring import rollouts, trust
from twoloops.wiring.history import History
from twoloops.wiring.revoking import revoke
from twoloops.wiring.rollout_plan import keep_plan, plan_of, read_plan

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAST = Least(hours=1, decisions=10, labels=3)
PLAN = Plan(
    stages=(
        Stage(kind="shadow", least=LEAST),
        Stage(kind="canary", groups=("a",), least=LEAST),
        Stage(kind="wave", least=LEAST),
    )
)


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path / "ws", AT)
    keep_plan(made.store, TASK, PLAN)
    yield made
    made.store.close()


def whats(plant: Plant) -> list[str]:
    return [one.what for one in rollouts.standing(plant.store)[0].moves]


def marks(plant: Plant) -> list[str]:
    """What an overview says of releases that count no longer."""
    history = History(plant.store, plant.store.tasks.get(TASK))
    said = history.judgements()
    assert said
    return [one.taken_back.told for one in said if one.taken_back is not None]


def in_shadow(plant: Plant, scale: float = 2.0) -> tuple[str, str]:
    """The first model in force everywhere, a second one in shadow."""
    old = release(plant.store, 1, plant.at)
    trust.publish(plant.folder, plant.store, plant.at)
    new = release(plant.store, 2, plant.at, scale)
    assert plant.look(1)
    return old, new


def in_canary(plant: Plant) -> tuple[str, str]:
    """A second model that passed its shadow stage."""
    old, new = in_shadow(plant)
    plant.labelled("a", 3, "ggg")
    plant.look(2)
    for group in ("a", "b"):
        plant.heard(group, old, Paired(counting=old, beside=new, decided=30, differed=1))
    assert plant.look()
    return old, new


def test_the_first_release_goes_to_everyone_and_one_without_edges_too(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "ws", AT, groups=())
    first = release(plant.store, 1, AT)
    trust.publish(plant.folder, plant.store, AT)
    second = release(plant.store, 2, AT)
    assert not plant.look()
    trust.publish(plant.folder, plant.store, AT)
    assert plant.assigned() == {EVERYONE: (second, "full")}
    assert first != second
    assert rollouts.standing(plant.store) == []
    plant.store.close()


def test_a_release_is_not_assigned_before_its_roll_out_opens(plant) -> None:
    old = release(plant.store, 1, AT)
    trust.publish(plant.folder, plant.store, AT)
    release(plant.store, 2, AT)
    assert trust.publish(plant.folder, plant.store, AT).assigned == ()
    assert set(plant.assigned().values()) == {(old, "full")}


def test_a_good_release_goes_out_stage_by_stage_and_is_in_force(plant) -> None:
    old, new = in_canary(plant)
    assert plant.assigned() == {
        "a": (new, "canary"),
        "b": (new, "shadow"),
        EVERYONE: (old, "full"),
    }
    standing = rollouts.standing(plant.store)[0]
    assert (standing.stage, standing.stages, standing.kind) == (2, 3, "canary")
    for turn, group in ((4, "a"), (5, "b")):
        plant.look(1)
        plant.labelled(group, turn, "ggg")
        plant.heard("a", new, Paired(counting=new, beside=old, decided=50 * turn), 60 * turn)
        plant.heard("b", new, Paired(counting=new, beside=old, decided=50 * turn), 60 * turn)
        assert plant.look(0.5)
    assert set(plant.assigned().values()) == {(new, "full")}
    assert whats(plant)[-1] == "done"
    assert not plant.look(1)
    assert trust.publish(plant.folder, plant.store, plant.at).assigned == ()
    facts = [one.kind for one in plant.store.journal.facts() if one.kind.startswith("rollout")]
    assert facts == [f"rollout {what}" for what in whats(plant)]
    assert plant.store.journal.verify() == []
    following = release(plant.store, 6, plant.at)
    assert plant.look()
    assert plant.assigned()["a"] == (following, "shadow")


def test_audit_labels_against_a_release_roll_it_back_and_withdraw_it(plant) -> None:
    old, new = in_shadow(plant, scale=-1.0)
    plant.store.evidence.put(TASK, BEST, 2, new)
    plant.heard("a", old)
    plant.heard("b", old)
    plant.labelled("a", 3, "g" * 10)
    plant.labelled("b", 4, "g" * 10)
    assert plant.look(0.1)
    standing = rollouts.standing(plant.store)[0]
    assert standing.status == "rolled back"
    assert "20 wrong that the model before decides right" in standing.why
    assert (standing.judged.lost, standing.judged.won) == (20, 0)
    assert set(plant.assigned().values()) == {(old, "full")}
    assert plant.store.releases.deployed(TASK).model == old
    (fact,) = plant.store.journal.facts(kind="rollout rolled back")
    assert '"lost":20' in fact.body["evidence"]
    assert not plant.look(5)
    newer = release(plant.store, 5, plant.at)
    assert plant.look()
    assert plant.assigned()["a"] == (newer, "shadow")
    assert rollouts.standing(plant.store)[0].before == old


def test_only_labels_drawn_at_random_that_arrived_since_count(plant) -> None:
    plant.labelled("a", 1, "g" * 20)
    old, _ = in_shadow(plant, scale=-1.0)
    plant.labelled("a", 3, "g" * 20, "selected")
    plant.heard("a", old)
    assert not plant.look(0.1)
    assert rollouts.standing(plant.store)[0].judged.labels == 0
    plant.labelled("a", 3, "gg")
    plant.look(0.1)
    assert rollouts.standing(plant.store)[0].judged.labels == 2


def test_disagreement_and_edges_that_leave_roll_back(plant) -> None:
    old, new = in_shadow(plant)
    plant.heard("a", old, Paired(counting=old, beside=new, decided=60, differed=40))
    assert plant.look(0.1)
    assert "decided otherwise than before" in rollouts.standing(plant.store)[0].why
    assert plant.store.releases.deployed(TASK).model == old
    third = release(plant.store, 5, plant.at)
    assert plant.look(0.1)
    plant.look(0.1)
    plant.heard("b", old, left=third)
    assert plant.look()
    assert "edge-b: failed on an input" in rollouts.standing(plant.store)[0].why


def test_what_speaks_against_the_network_does_not_speak_against_the_release(plant) -> None:
    old, _ = in_shadow(plant)
    plant.look(0.1)
    for group in ("a", "b"):
        plant.heard(group, old, refused="unreachable: the server did not answer")
    assert not plant.look(0.1)
    for group in ("a", "b"):
        plant.heard(group, old, refused="self-test: 3 of 20 inputs are decided otherwise")
    assert plant.look(0.1)
    assert "2 of 2 edges refused it" in rollouts.standing(plant.store)[0].why


def test_counts_of_another_pair_or_mode_say_nothing(plant) -> None:
    old, new = in_shadow(plant)
    plant.heard("a", old, Paired(counting=new, beside=old, decided=60, differed=60))
    plant.heard("b", old, Paired(counting=old, beside="sha256:other", decided=60, differed=60))
    assert not plant.look(0.1)
    assert rollouts.standing(plant.store)[0].judged.paired == 0


def test_killed_between_writing_and_signing_it_ends_in_the_same_place(plant, monkeypatch) -> None:
    old, new = in_shadow(plant)
    plant.heard("a", old, Paired(counting=old, beside=new, decided=60, differed=40))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(trust, "publish", dies)
        with pytest.raises(KeyboardInterrupt):
            plant.look(0.1)
    assert plant.assigned()["a"] == (new, "shadow")
    assert rollouts.standing(plant.store)[0].status == "rolled back"
    trust.publish(plant.folder, plant.store, plant.at)
    assert set(plant.assigned().values()) == {(old, "full")}
    assert not plant.look()


def test_killed_while_writing_nothing_was_written(plant, monkeypatch) -> None:
    old = release(plant.store, 1, AT)
    trust.publish(plant.folder, plant.store, AT)
    new = release(plant.store, 2, AT)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(plant.store.journal, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            plant.look()
    assert rollouts.standing(plant.store) == []
    assert set(plant.assigned().values()) == {(old, "full")}
    assert plant.look()
    assert plant.assigned()["a"] == (new, "shadow")


def test_a_newer_release_waits_until_the_one_before_is_out(plant) -> None:
    old, new = in_canary(plant)
    newest = release(plant.store, 4, plant.at)
    assert not plant.look(0.5)
    assert plant.assigned()["a"] == (new, "canary")
    for _ in range(2):
        plant.look(1)
        plant.heard("a", new, Paired(counting=new, beside=old, decided=300), 400)
        plant.heard("b", new, Paired(counting=new, beside=old, decided=300), 400)
        plant.look(0.5)
    assert next(iter(plant.store.rollouts.all(TASK))).status == "done"
    # Nobody goes back to the oldest one in between, and the next one goes out after this one.
    assert old not in {model for model, _ in plant.assigned().values()}
    plant.look()
    second = rollouts.standing(plant.store)[0]
    assert (second.model, second.before, second.status) == (newest, new, "running")
    assert plant.assigned()["a"] == (newest, "shadow")
    assert plant.assigned()[EVERYONE] == (new, "full")


def test_a_release_that_waited_goes_out_after_a_roll_back_too(plant) -> None:
    old, new = in_canary(plant)
    newest = release(plant.store, 4, plant.at)
    plant.heard("a", new, Paired(counting=new, beside=old, decided=300, differed=290), 300)
    assert plant.look(0.5)
    assert rollouts.standing(plant.store)[0].status == "rolled back"
    assert new not in {one.model for one in plant.store.releases.holding(TASK)}
    assert plant.look()
    second = rollouts.standing(plant.store)[0]
    assert (second.model, second.before, second.status) == (newest, old, "running")


def test_one_that_waited_too_long_takes_its_place_and_a_roll_back_takes_both_back(plant) -> None:
    keep_plan(plant.store, TASK, replace(PLAN, patience_hours=0.1))
    old, new = in_shadow(plant)
    newest = release(plant.store, 3, plant.at)
    assert plant.look(0.1)
    assert [one.status for one in plant.store.rollouts.all(TASK)] == ["superseded", "running"]
    assert plant.assigned()["a"] == (newest, "shadow")
    rollouts.abort(plant.folder, plant.store, TASK, "line stands still", plant.at)
    assert plant.store.releases.deployed(TASK).model == old
    assert set(plant.assigned().values()) == {(old, "full")}
    assert not plant.look(0.1)
    assert new not in {one.model for one in plant.store.releases.holding(TASK)}


def test_a_person_pauses_resumes_aborts_and_starts_again(plant) -> None:
    old, new = in_shadow(plant)
    with pytest.raises(UserError, match="--why TEXT"):
        rollouts.pause(plant.store, TASK, " ", plant.at)
    rollouts.pause(plant.store, TASK, "holiday", plant.at, "kim")
    (fact,) = plant.store.journal.facts(TASK, kind="rollout paused")
    assert (fact.body["why"], fact.body["by"]) == ("holiday", "kim")
    (stands,) = rollouts.standing(plant.store)
    assert (stands.why, stands.by) == ("holiday", "kim")
    with pytest.raises(UserError, match="paused already \\(holiday\\)"):
        rollouts.pause(plant.store, TASK, "holiday", plant.at)
    assert not plant.look(5)
    rollouts.resume(plant.store, TASK, "back", plant.at)
    with pytest.raises(UserError, match="is not paused"):
        rollouts.resume(plant.store, TASK, "back", plant.at)
    rollouts.abort(plant.folder, plant.store, TASK, "line 4 is rebuilt", plant.at, "kim")
    with pytest.raises(UserError, match="twoloops rollout start MODEL"):
        rollouts.abort(plant.folder, plant.store, TASK, "again", plant.at)
    (marked,) = marks(plant)
    assert marked.startswith("withdrawn 2026-03-0")
    assert marked.endswith("UTC: roll-out 1 was aborted by kim: line 4 is rebuilt")
    with pytest.raises(UserError, match="in force in every group"):
        rollouts.start(plant.folder, plant.store, TASK, old, "x", plant.at)
    rollouts.start(plant.folder, plant.store, TASK, new, "line 4 is back", plant.at)
    assert marks(plant) == []
    assert plant.store.releases.deployed(TASK).model == new
    with pytest.raises(UserError, match="being rolled out already"):
        rollouts.start(plant.folder, plant.store, TASK, new, "x", plant.at)
    assert plant.look(0.1)
    assert plant.assigned()["a"] == (new, "shadow")
    assert [one.status for one in plant.store.rollouts.all(TASK)] == ["aborted", "running"]


def test_what_cannot_be_rolled_out_is_refused_in_words(plant) -> None:
    old = release(plant.store, 1, AT)
    with pytest.raises(UserError, match="no group follows"):
        rollouts.start(plant.folder, plant.store, TASK, old, "x", AT)
    with pytest.raises(UserError, match="is no release of task 'fan'"):
        rollouts.start(plant.folder, plant.store, TASK, "sha256:" + "0" * 64, "x", AT)
    keep_plan(plant.store, TASK, Plan())
    with pytest.raises(UserError, match="in force at once"):
        rollouts.start(plant.folder, plant.store, TASK, old, "x", AT)
    with pytest.raises(UserError, match="this is no plan"):
        read_plan(b'{"stages": [{"kind": "shadow", "groups": []}]}')


def test_without_stages_a_release_goes_to_every_edge_at_once(plant) -> None:
    keep_plan(plant.store, TASK, Plan())
    release(plant.store, 1, AT)
    trust.publish(plant.folder, plant.store, AT)
    new = release(plant.store, 2, AT)
    assert not plant.look()
    trust.publish(plant.folder, plant.store, AT)
    assert set(plant.assigned().values()) == {(new, "full")}


def test_the_plan_nobody_made_follows_the_groups(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "ws", AT, groups=("b", "a", "c"))
    stages = plan_of(plant.store, TASK).stages
    assert [(one.kind, one.groups) for one in stages] == [
        ("shadow", ("*",)),
        ("canary", ("a",)),
        ("wave", ("*",)),
    ]
    # Labels come with turns, and the floor need not wait for them: the last stage asks alone.
    assert [one.least.labels for one in stages] == [0, 0, 8]
    plant.store.close()


def test_a_group_that_a_person_assigned_to_takes_no_part(plant) -> None:
    old = release(plant.store, 1, AT)
    trust.publish(plant.folder, plant.store, AT)
    trust.assign(plant.folder, plant.store, TASK, "b", old, "full", AT)
    new = release(plant.store, 2, AT)
    assert plant.look()
    assert plant.assigned()["a"] == (new, "shadow")
    assert plant.assigned()["b"] == (old, "full")
    assert rollouts.standing(plant.store)[0].groups == ("a",)


def test_revoking_replaces_what_was_made_from_it_at_once(plant) -> None:
    store = plant.store
    first, second = release(store, 1, AT), None
    trust.publish(plant.folder, store, AT)
    second = release(store, 2, AT)
    for model in (first, second):
        store.lineage.node(model, "model", model[:12])
    store.lineage.edge(second, first, "distilled from")
    assert plant.look()
    assert plant.assigned()["a"] == (second, "shadow")
    done = revoke(store, store.models.find(first), "wrong labels", plant.folder)
    assert done.also == (second,)
    assert done.signed
    assert [(one.was, one.instead) for one in done.replaced] == [(second, None)]
    assert plant.assigned() == {}
    assert rollouts.standing(store)[0].status == "rolled back"
    assert store.releases.deployed(TASK) is None


def test_revoking_does_not_go_back_to_what_was_made_from_it(plant) -> None:
    store = plant.store
    keep_plan(store, TASK, Plan())
    models = [release(store, turn, AT) for turn in (1, 2, 3)]
    trust.publish(plant.folder, store, AT)
    for model in (*models, "base"):
        store.lineage.node(model, "model", model[:12])
    for model in models[1:]:
        store.lineage.edge(model, "base", "distilled from")
    teacher = replace(store.models.find(models[0]), digest="base")
    done = revoke(store, teacher, "wrong labels", plant.folder)
    assert done.also == (models[2],)
    assert [one.model for one in done.withdrawn] == [models[1]]
    assert [(one.was, one.instead) for one in done.replaced] == [(models[2], models[0])]
    assert set(plant.assigned().values()) == {(models[0], "full")}


def test_against_another_model_than_the_gates_its_difference_is_measured(plant) -> None:
    """The gate compared with a best release that the floor never got."""
    old = release(plant.store, 1, plant.at)
    trust.publish(plant.folder, plant.store, plant.at)
    best = release(plant.store, 2, plant.at, -1.0)  # decides all of these inputs otherwise
    plant.labelled("a", 3, "g" * 30)
    plant.labelled("b", 4, "g" * 30)
    seen = {"edge-a": Weighed(1.0, 30.0, 30.0), "edge-b": Weighed(0.0, 30.0, 30.0)}
    new = release(plant.store, 5, plant.at, -2.0)
    plant.store.evidence.put(TASK, DIFFERENCES, 5, Differences(best, seen))
    assert plant.look()
    (standing,) = rollouts.standing(plant.store)
    assert (standing.model, standing.before) == (new, old)
    state = plant.store.rollouts.open(TASK).read(State)
    assert state.gate == seen
    assert {edge: one.share for edge, one in state.between.items()} == {"edge-a": 1, "edge-b": 1}
    # So a floor that decides everything otherwise is what was expected.
    for group in ("a", "b"):
        plant.heard(group, old, Paired(counting=old, beside=new, decided=90, differed=90))
    plant.look(0.2)
    assert rollouts.standing(plant.store)[0].status == "running"


def test_against_the_gates_own_model_what_it_saw_is_all(plant) -> None:
    old = release(plant.store, 1, plant.at)
    trust.publish(plant.folder, plant.store, plant.at)
    new = release(plant.store, 2, plant.at, -1.0)
    seen = {"edge-a": Weighed(1.0, 30.0, 30.0)}
    plant.store.evidence.put(TASK, DIFFERENCES, 2, Differences(old, seen))
    assert plant.look()
    state = plant.store.rollouts.open(TASK).read(State)
    assert (state.gate, state.between) == (seen, {})
    for group in ("a", "b"):
        plant.heard(group, old, Paired(counting=old, beside=new, decided=90, differed=90))
    plant.look(0.2)
    assert rollouts.standing(plant.store)[0].status == "rolled back"
