"""The overview's figures are those of the records, recomputed here the long way."""

import itertools
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from plant import Plant

from twoloops.analysis.overview.change import difference
from twoloops.convergence.judging.evaluate import estimate, estimates
from twoloops.convergence.recipes import spent
from twoloops.digital.price import CPU_HOUR
from twoloops.edge.runtime import Runtime
from twoloops.records.money import Money
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store
from twoloops.wiring.beginning import begin
from twoloops.wiring.history import sums
from twoloops.wiring.overview import Remembered, counts_of, key_of, overview_of
from twoloops.wiring.workspace import reading


@pytest.fixture
def store(plant):
    with reading(plant.folder) as found:
        yield found


@pytest.fixture
def task(store):
    (found,) = overview_of(store).tasks
    return found


def audits(store: Store):
    """Every audit question of a turn that has all its labels, with what was said and decided."""
    out = []
    for question in store.questions.of_task("orders"):
        if question.turn == 3:  # still waits for labels: those at hand are no random sample
            continue
        seen = store.observations.get(question.observation)
        labels = store.labels.find([question.observation]).get(question.observation)
        if question.purpose == "audit" and labels and seen.decision is not None:
            out.append((question, labels[0].label, seen))
    return out


def test_counts_are_those_of_the_catalog(plant, store):
    found = counts_of(store)
    models = store.models.of_task("orders")
    assert found.models == len(models)
    assert found.releases == len(store.releases.all("orders"))
    assert found.observations == store.observations.count("orders")
    assert found.labels == len(store.labels.of_task("orders"))
    assert found.questions == len(store.questions.open("orders"))
    assert found.datasets == len(store.datasets.of_task("orders"))
    assert (found.bases_tried, found.bases_adopted, found.deployed) == (1, 1, 1)
    assert found.bases_offered == 3  # the next turn may try the open model, alone and beside
    (opened,) = found.open_turns
    assert (opened.turn, opened.stage, opened.questions) == (3, "label", found.questions)


def test_what_a_turn_cost_is_what_was_paid(store, task):
    paid = store.journal.costs("orders", "labels paid")
    for turn in task.turns:
        labels = store.labels.of_turn("orders", turn.number)
        assert turn.spend.labels == len(labels)
        assert turn.spend.people == (paid[turn.number] if labels else ())
        assert turn.spend.minutes == pytest.approx(len(labels) * 6 / 60)
        assert (turn.spend.taught, turn.spend.teachers) == (0, ())
        made = spent.of_turn(store, "orders", turn.number)
        expected = sum(one.cpu_seconds for one in made) if made else None
        assert turn.spend.cpu_seconds == expected
    assert sum(turn.spend.labels for turn in task.turns) == store.labels.count("orders")
    assert task.turns[-1].stage == "label"
    assert task.turns[-1].spend.labels == 4
    assert task.turns[-1].right.labels == 0


def test_each_turn_is_scored_by_its_own_audit_labels(store, task):
    by_turn = Counter(question.turn for question, _, _ in audits(store))
    for turn in task.turns:
        mine = [(q, label, seen) for q, label, seen in audits(store) if q.turn == turn.number]
        right = [label == seen.decision.label for _, label, seen in mine]
        assert turn.right == estimate(right, [q.probability for q, _, _ in mine])
        assert turn.right.labels == by_turn[turn.number]
    assert by_turn[2] >= 5


def test_a_release_is_compared_with_the_one_before_it(store, task):
    releases = store.releases.all("orders")
    assert len(releases) >= 2, "the plant is to release again"
    index = {label: number for number, label in enumerate(task.task.labels)}

    def rates(model):
        mine = [one for one in audits(store) if one[2].decision.model == model]
        return estimates(
            [index[label] for _, label, _ in mine],
            [index[seen.decision.label] for _, _, seen in mine],
            index["ok"],
            [q.probability for q, _, _ in mine],
        )

    for before, after in itertools.pairwise(releases):
        turn = task.turns[after.turn]
        assert turn.released == after.model
        old, new = rates(before.model), rates(after.model)
        assert turn.changes.accuracy == difference(old.accuracy, new.accuracy)
        assert turn.changes.escape_rate == difference(old.escape_rate, new.escape_rate)
        expected = difference(old.false_reject_rate, new.false_reject_rate)
        assert turn.changes.false_reject_rate == expected
    assert task.turns[releases[0].turn].changes is None


def test_trivial_baselines_stand_on_the_same_labels(store, task):
    first = store.releases.all("orders")[0]
    later = [one for one in audits(store) if one[0].turn > first.turn]
    runtime = Runtime(store.models.get(first.model))
    said = [runtime.decide([store.inputs.get(seen.input)])[0].label for _, _, seen in later]
    truth = [label for _, label, _ in later]
    chances = [q.probability for q, _, _ in later]
    found = task.baselines
    assert found.first == estimate([a == b for a, b in zip(said, truth, strict=True)], chances)
    deployed = [seen.decision.label == label for _, label, seen in later]
    assert found.deployed == estimate(deployed, chances)
    weights = Counter()
    for label, chance in zip(truth, chances, strict=True):
        weights[label] += 1 / chance
    assert found.majority_label == max(weights, key=weights.get)
    hits = [label == found.majority_label for label in truth]
    assert found.majority == estimate(hits, chances)
    assert found.gain.value == pytest.approx(found.deployed.value - found.first.value)
    assert found.left_out == 0


def test_the_return_is_what_errors_cost_times_decisions_less_what_was_spent(store, task):
    first = store.releases.all("orders")[0]
    runtime = Runtime(store.models.get(first.model))
    rows = []
    for question, label, seen in audits(store):
        if question.turn > first.turn:
            kept = runtime.decide([store.inputs.get(seen.input)])[0].label

            def cost(said, label=label):
                return float((label != "ok") != (said != "ok"))  # escape and false reject cost 1

            rows.append((question.turn, cost(kept) - cost(seen.decision.label), question))
    decisions = spending = 0.0
    for turn, point in zip(task.turns[first.turn + 1 :], task.returns.points, strict=True):
        seen = store.observations.of_turn("orders", turn.number)
        decisions += sum(1 / one.kept.probability for one in seen if one.decision is not None)
        hours = (turn.spend.cpu_seconds or 0) / 3600
        spending += float(sum(one.amount for one in turn.spend.people)) + hours * CPU_HOUR
        mine = [(saved, q.probability) for number, saved, q in rows if number <= turn.number]
        assert (point.turn, point.audits) == (turn.number, len(mine))
        assert point.spent == pytest.approx(spending)
        assert point.decisions == pytest.approx(decisions)
        if len(mine) < 5:
            assert point.saved is None
            continue
        weights = np.array([1 / chance for _, chance in mine])
        each = float(np.average([saved for saved, _ in mine], weights=weights))
        assert point.saved == pytest.approx(decisions * each)
        assert point.interval[0] <= point.saved <= point.interval[1]
    assert task.returns.default_costs
    assert task.returns.last is not None
    before = [turn for turn in task.turns if turn.number <= first.turn]
    price = sum(float(m.amount) for turn in before for m in turn.spend.people)
    assert task.returns.first == pytest.approx(price, abs=0.01)


def test_the_learning_curve_has_a_point_a_deployed_model(store, task):
    for point in task.curve:
        made = store.models.find(point.model)
        until = [fact for fact in store.journal.facts("orders", kind="labels paid")]
        bought = sum(int(f.body["labels"]) for f in until if f.turn <= made.turn)
        assert (point.labels, point.turn) == (bought, made.turn)
    assert len(task.curve) == len({one.model for one in store.releases.all("orders")})


def test_every_candidate_was_judged_and_is_listed_latest_first(store, task):
    states = [turn for turn in task.turns if turn.judgements]
    assert [one.turn for one in task.judgements] == sorted(
        (one.turn for one in task.judgements), reverse=True
    )
    released = {(one.turn, one.model) for one in task.judgements if one.released}
    assert released == {(one.turn, one.model) for one in store.releases.all("orders")}
    assert sum(len(turn.judgements) for turn in states) == len(task.judgements)


def test_an_empty_workspace_and_a_task_without_a_turn_have_an_overview(tmp_path):
    begin(tmp_path / "w")
    with Store.open(tmp_path / "w") as store:
        assert overview_of(store).tasks == ()
        assert counts_of(store).open_turns == ()
        store.tasks.put(Task("t", "signal", ("a", "b")))
        (one,) = overview_of(store).tasks
        assert (one.turns, one.deployed, one.baselines, one.curve) == ((), None, None, ())
        assert one.returns.why_not == "nothing was released yet, so nothing was saved yet"
        assert counts_of(store).bases_offered == 1


def test_money_of_several_currencies_is_not_added(plant, tmp_path):
    euro, dollar = Money(Decimal(2), "EUR"), Money(Decimal(3), "USD")
    assert sums([euro, dollar, None, euro]) == (Money(Decimal(4), "EUR"), dollar)
    assert sums([euro, dollar], minus=[euro]) == (dollar,)
    copy = copied(plant, tmp_path)
    with Store.open(copy) as store:
        task = store.tasks.get("orders")
        store.tasks.put(replace(task, costs=Costs(euro, euro, euro)))
        (one,) = overview_of(store).tasks
        assert one.returns.why_not.startswith("money is in several currencies (EUR, USD)")
        assert not one.returns.default_costs


def copied(plant: Plant, place: Path) -> Path:
    import shutil

    shutil.copytree(plant.folder, place / "copy")
    return place / "copy"


def test_what_was_forgotten_is_left_out_of_the_first_models_figures(plant, tmp_path):
    copy = copied(plant, tmp_path)
    with Store.open(copy) as store:
        first = store.releases.all("orders")[0]
        later = [one for one in audits(store) if one[0].turn > first.turn]
        # What the first model decided itself is known without the input.
        gone = next(seen for _, _, seen in later if seen.decision.model != first.model)
        store.forget(gone.input, gone.observed_at)
        (one,) = overview_of(store).tasks
        assert one.baselines.left_out == 1
        assert one.baselines.first.labels == len(later) - 1
        assert one.baselines.deployed.labels == len(later) - 1


def test_answers_are_remembered_until_something_is_decided(plant, tmp_path):
    copy = copied(plant, tmp_path)
    remembered = Remembered()
    with Store.open(copy) as store:
        before = key_of(store)
        one = remembered.overview(store)
        assert remembered.overview(store) is one
        store.journal.append(
            "labels paid",
            task="orders",
            turn=3,
            key="made in a test",
            at=one.tasks[0].turns[0].at,
            body={"labels": "1", "labellers": "person:bob", "content": ""},
            cost=Money(Decimal(1)),
        )
        assert key_of(store) != before
        after = remembered.overview(store)
        assert after.tasks[0].turns[3].spend.labels == one.tasks[0].turns[3].spend.labels + 1


def test_a_broken_journal_is_named(plant, tmp_path):
    import contextlib
    import sqlite3

    copy = copied(plant, tmp_path)
    with contextlib.closing(sqlite3.connect(copy / "catalog.db")) as catalog:
        catalog.execute("UPDATE journal SET kind = 'other' WHERE sequence = 3")
        catalog.commit()
    with reading(copy) as store:
        assert overview_of(store).broken == ("fact 3 was changed: it has not the digest it had",)
