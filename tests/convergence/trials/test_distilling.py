"""A student on its way through a task: terms, gate, release, later turns."""

from datetime import UTC, datetime

import numpy as np
import pytest

from twoloops.convergence.recipes import distil as recipe
from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.trials.distilling import distil_task, unlabelled
from twoloops.convergence.trials.rebase import rebase
from twoloops.convergence.trials.trial import last_turn
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.digital.catalogue import Offer
from twoloops.store.workspace import Store

TASK = "orders"


def free(*_: object) -> list[str]:
    return []


def run(loop: Loop, **options: object):
    return distil_task(loop, "weak", "strong", free, free, **options)


@pytest.fixture
def arm(make_arm, make_history, base, first, tmp_path, monkeypatch) -> Arm:
    """Three turns on a weak base; a strong one is offered too late for any turn.

    A weak base has too few buckets to gain much, so the teacher's weight is not left to chance.
    """
    monkeypatch.setattr(recipe, "SETTINGS", (recipe.Setting(1, 1),))
    first(base("weak"))
    offers = tuple(Offer(name, 99, lambda _, n=name: base(n)) for name in ("constant", "strong"))
    bench = Workbench(offers, tmp_path / "cache")
    made = make_arm(make_history(turns=3, per_turn=80), workbench=bench, labels_per_turn=40)
    made.run()
    return made


@pytest.fixture
def lenient(monkeypatch) -> None:
    """A gate that lets any student pass: what comes after a release is looked at."""
    from twoloops.convergence.turns import evidence

    judge = evidence.judge

    def passing(comparison, settings):
        verdict, bets = judge(comparison, settings)
        if comparison.claim != "better":
            return verdict, bets
        return type(verdict)(True, "better", "released: let pass by a test", 20.0, 1, 0.0), bets

    monkeypatch.setattr(evidence, "judge", passing)


def fresh(arm: Arm) -> Loop:
    """The same store, as another process sees it."""
    old = arm.loop
    bench = Workbench(tuple(old.bench.offers.values()), arm.folder / "cache")
    return Loop(old.store, TASK, old.policy, bench, old.clock)


def content(store: Store):
    return (
        store.journal.head(),
        store.releases.all(TASK),
        [one.digest for one in store.models.of_task(TASK)],
        store.lineage.edges(),
        store.datasets.of_task(TASK),
    )


def test_a_student_is_judged_on_the_labels_of_the_last_turn(arm) -> None:
    store = arm.loop.store
    old = store.releases.deployed(TASK).model
    tried = run(arm.loop)
    assert (tried.outcome, tried.before, tried.teacher) == ("refused", "weak", "strong")
    assert tried.interval[0] <= tried.gain <= tried.interval[1]
    assert tried.reason
    assert store.releases.deployed(TASK).model == old
    card = store.models.find(tried.model).card
    assert card.recipe.startswith("distil/1 teacher=strong weight=1 temperature=1 strength=30 ")
    assert card.recipe.endswith(f" unlabelled={tried.unlabelled}")
    assert tried.cost.mb == pytest.approx(tried.cost_before.mb, rel=0.1)
    assert not store.journal.verify()


def test_its_lineage_names_teacher_and_unlabelled_observations(arm, base) -> None:
    store = arm.loop.store
    tried = run(arm.loop)
    above = {
        (edge.relation, store.lineage.find(edge.parent).title)
        for edge in store.lineage.edges()
        if edge.child == tried.model
    }
    assert above == {
        ("specialised from", "weak"),
        ("learned from", "orders dataset of turn 3"),
        ("distilled from", "strong"),
        ("learned from", f"orders {tried.unlabelled} unlabelled observations, turn 3"),
    }
    assert store.datasets.latest(TASK).split("train")  # a list is never taken for a dataset


def test_a_teacher_that_is_a_model_here_is_named_as_that(arm) -> None:
    taught_by = rebase(arm.loop, "strong", free)
    assert taught_by.outcome == "released"
    tried = distil_task(arm.loop, None, "strong", free, free)
    assert tried.base == "weak"  # the deployed base teaches, so the first one learns
    edges = arm.loop.store.lineage.edges()
    assert [
        e.parent for e in edges if (e.child, e.relation) == (tried.model, "distilled from")
    ] == [taught_by.model]


@pytest.mark.usefixtures("lenient")
def test_another_process_makes_the_very_same_student_again(arm) -> None:
    tried = run(arm.loop)
    assert tried.outcome == "released"
    store = arm.loop.store
    again = fresh(arm)
    made, threshold = again.deployed()
    assert made.recipe.weight == 1
    assert made.model(threshold) == store.models.get(tried.model)


@pytest.mark.usefixtures("lenient")
def test_twice_is_once_and_a_dry_run_keeps_nothing(arm) -> None:
    store = arm.loop.store
    before = content(store)
    said = run(arm.loop, dry_run=True)
    assert content(store) == before
    real = run(fresh(arm))
    assert (real.outcome, real.model, real.gain) == (said.outcome, said.model, said.gain)
    after = content(store)
    assert run(fresh(arm)).outcome == "same already"
    assert content(store) == after


def test_a_refused_student_refused_again_adds_nothing(arm) -> None:
    first = run(arm.loop)
    after = content(arm.loop.store)
    second = run(fresh(arm))
    assert (second.outcome, second.model) == (first.outcome, first.model)
    assert content(arm.loop.store) == after


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("where", ["keep_distilled", "judged", "self_test"])
def test_killed_in_the_middle_nothing_of_it_is_there(arm, monkeypatch, where) -> None:
    from twoloops.convergence.trials import distilling
    from twoloops.convergence.trials import trial as trying
    from twoloops.convergence.turns import stages

    place = {"keep_distilled": stages, "judged": distilling, "self_test": trying}[where]
    store, before = arm.loop.store, content(arm.loop.store)
    with monkeypatch.context() as patch:

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(place, where, killed)
        with pytest.raises(KeyboardInterrupt):
            run(arm.loop)
    assert content(store) == before
    assert run(fresh(arm)).outcome == "released"


@pytest.mark.usefixtures("lenient")
def test_later_turns_teach_it_again_from_their_labels(arm, make_history) -> None:
    tried = run(arm.loop)
    going_on = Arm(arm.loop, make_history(turns=4, per_turn=80), arm.folder, real_edge=True)
    last = going_on.run()[-1]
    store = arm.loop.store
    assert (last.number, last.bases[0]) == (4, "weak")
    (model,) = [one.digest for one in store.models.of_task(TASK) if one.turn == 4]
    before, after = (arm.loop.recipe_of(one) for one in (tried.model, model))
    assert (after.teacher, after.unlabelled) == (before.teacher, before.unlabelled)
    card = store.models.find(model).card
    assert card.recipe.startswith("distil/1 teacher=strong ")
    assert card.dataset == last.dataset
    # What has a label by now is not learned from a second time.
    labelled = {item.input for item in store.datasets.get(last.dataset).items}
    left = arm.loop.unlabelled(after, store.datasets.get(last.dataset))
    assert not labelled & {one.input for one in left}


@pytest.mark.usefixtures("lenient")
def test_what_was_forgotten_is_learned_from_no_more(arm) -> None:
    tried = run(arm.loop)
    store, dataset = arm.loop.store, arm.loop.store.datasets.get(last_turn(arm.loop).dataset)
    made = arm.loop.recipe_of(tried.model)
    gone = arm.loop.unlabelled(made, dataset)[0].input
    done = store.forget(gone, datetime(2024, 6, 2, tzinfo=UTC))
    assert tried.model in done.models
    again = fresh(arm)
    assert gone not in {one.input for one in again.unlabelled(made, dataset)}
    assert again.deployed()[0].unlabelled == tried.unlabelled - 1


def test_the_list_holds_what_nobody_labelled_and_nothing_apart_is_learned_from(arm) -> None:
    loop, turn = arm.loop, last_turn(arm.loop)
    listed = unlabelled(loop, turn, 1000)
    labelled = {item.input for item in loop.store.datasets.get(turn.dataset).items}
    inputs = [item.input for item in listed.items]
    assert len(inputs) == len(set(inputs)) > 50
    assert not labelled & set(inputs)
    assert all(item.label == "" and not item.judges for item in listed.items)
    assert len(unlabelled(loop, turn, 10).items) == 10
    assert unlabelled(loop, turn, 10) == unlabelled(fresh(arm), turn, 10)


def test_terms_are_asked_before_anything_is_fitted(arm, monkeypatch) -> None:
    before = content(arm.loop.store)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("fitted")

    monkeypatch.setattr("twoloops.convergence.turns.loop.distil", never)
    said = []

    def planned(student, teacher, dataset) -> list[str]:
        said.append((student.card.name, teacher.card.name, dataset))
        return ["no training on outputs"]

    tried = distil_task(arm.loop, "weak", "strong", planned, free)
    assert (tried.outcome, tried.reason) == ("terms", "no training on outputs")
    assert said == [("weak", "strong", last_turn(arm.loop).dataset)]
    assert content(arm.loop.store) == before


def test_a_teacher_without_weight_is_said_and_nothing_kept(arm, monkeypatch) -> None:
    monkeypatch.setattr(recipe, "SETTINGS", (recipe.Setting(0, 1),))
    before = content(arm.loop.store)
    tried = run(arm.loop)
    assert (tried.outcome, tried.weight) == ("no weight", 0)
    assert "gives strong no weight" in tried.reason
    assert content(arm.loop.store) == before


def test_what_cannot_be_tried_says_why(arm, make_arm, make_history) -> None:
    def reason(*names: str) -> str:
        return distil_task(arm.loop, *names, free, free).reason

    assert "nothing of that name" in reason("weak", "nonsense")
    assert "nothing of that name" in reason("nonsense", "strong")
    assert "cannot teach itself" in reason("strong", "strong")
    waits = run(make_arm(make_history()).loop)
    assert waits.outcome == "waits"
    assert "twoloops turn orders" in waits.reason


def test_the_gate_asks_for_heads_that_learned_neither_label_nor_look(arm) -> None:
    """Honest probabilities of the turn's own observations come from folds without them."""
    tried = run(arm.loop)
    made = arm.loop.made(tried.model)
    listed = arm.loop.store.datasets.get(made.recipe.unlabelled).items
    assert {one.group for one in listed} <= made.fitted.known
    x = arm.loop.bench.encoder.embed(made.base, [one.input for one in listed], arm.loop.read)
    honest = made.honest(x, [one.group for one in listed])
    full = made.fitted.full.probabilities(x, len(made.labels))
    assert np.isfinite(honest).all()
    assert (honest != full).any()
