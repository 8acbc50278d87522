from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as altered

from twoloops.convergence.recipes.head import fold_of
from twoloops.convergence.recipes.specialise import Specialised
from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.edge.runtime import Outputs, decisions
from twoloops.physical.history.stream import History
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.observation import Kept

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]
TASK_LABELS = ("broken", "leak", "ok", "overheat")


@pytest.fixture
def arm(make_arm: MakeArm, make_history: MakeHistory) -> Arm:
    """An arm that has run two turns."""
    arm = make_arm(make_history(turns=2, per_turn=40, seed_rows=30))
    arm.run()
    return arm


def evidence(arm: Arm, number: int = 2) -> Evidence:
    turn = arm.loop.state(number)
    assert turn is not None
    return evidence_of(arm.loop, turn)


def specialised(labels: tuple[str, ...], normal: str | None) -> Specialised:
    return Specialised(None, "", labels, normal, "orders", None, 0.0)  # type: ignore[arg-type]


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=3, max_size=3),
    st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]),
    st.sampled_from(["ok", "hot", None]),
)
@settings(deadline=None, max_examples=100)
def test_it_decides_as_the_edge_does(
    raw: list[float], threshold: float | None, normal: str | None
) -> None:
    labels = ("broken", "leak", "ok")
    probabilities = np.array([raw]) if sum(raw) else np.full((1, 3), 1 / 3)
    made = specialised(labels, normal)
    card = ModelCard(
        "orders",
        labels,
        normal if normal in labels else None,
        threshold if normal in labels else None,
        "",
        "",
        "",
        "",
    )
    outputs = Outputs(probabilities, np.zeros((1, 1)), np.zeros(1))  # type: ignore[arg-type]
    (decision,) = decisions(card, "", outputs)
    index = Contender(made, threshold).decide(probabilities, TASK_LABELS)[0]
    assert TASK_LABELS[index] == decision.label


def test_only_items_with_a_known_chance_judge(arm: Arm) -> None:
    found = evidence(arm)
    assert {item.split for item in found.items} == {"train", "audit"}
    assert all(0 < item.probability <= 1 for item in found.items)
    purposes = {q.purpose for q in arm.loop.store.questions.of_task("orders")}
    assert purposes >= {"seed", "golden", "audit", "selected"}
    counts = {
        purpose: sum(q.purpose == purpose for q in arm.loop.store.questions.of_task("orders"))
        for purpose in purposes
    }
    assert len(found.items) == counts["seed"] + counts["audit"]
    assert len(found.golden) == counts["golden"]


def test_a_model_is_never_asked_in_sample(arm: Arm) -> None:
    """Each training item is answered by the head of its fold, fresh items by the full one."""
    found = evidence(arm)
    deployed = arm.loop.deployed()
    assert deployed is not None
    made = deployed[0]
    train = [item for item in found.items if item.group in made.fitted.known]
    fresh = [item for item in found.items if item.group not in made.fitted.known]
    assert train
    assert fresh
    said = found.of_items(made, [*train, *fresh])
    x = arm.loop.bench.encoder.embed(
        made.base, [item.input for item in (*train, *fresh)], arm.loop.read
    )
    count = len(made.labels)
    for i, item in enumerate(train):
        part = made.fitted.parts[fold_of(item.group)]
        np.testing.assert_allclose(said[i], part.probabilities(x[i : i + 1], count)[0])
    full = made.fitted.full.probabilities(x[len(train) :], count)
    np.testing.assert_allclose(said[len(train) :], full)


def test_groups_that_became_one_are_asked_by_the_names_a_model_learned_under(arm: Arm) -> None:
    """A later input like two earlier ones joins their groups; one of the names is then gone."""
    deployed = arm.loop.deployed()
    assert deployed is not None
    made = deployed[0]
    found = evidence(arm)
    before = found.of_items(made, found.items)
    merged = Dataset.of(
        "orders", [altered(item, group="one for all") for item in found.dataset.items]
    )
    later = Evidence(arm.loop, merged, [], [], {})
    asked = [altered(item, group="one for all") for item in found.items]
    train = [i for i, item in enumerate(found.items) if item.group in made.fitted.known]
    np.testing.assert_allclose(later.of_items(made, asked)[train], before[train])


def test_unequal_chances_tell_less_than_equal_ones(arm: Arm) -> None:
    found = evidence(arm)
    seen = arm.loop.seen(2)
    equal = [altered(one, kept=Kept("routine", 0.5)) for one in seen]
    uneven = [altered(one, kept=Kept("routine", 0.01 if i < 3 else 1.0)) for i, one in
              enumerate(seen)]  # fmt: skip
    groups = arm.loop.groups(seen)

    def effective(observations: list) -> int:
        return Evidence(arm.loop, found.dataset, observations, groups, {})._effective()

    assert effective(equal) == len(seen)
    assert 3 <= effective(uneven) < len(seen) / 3
    assert effective([]) == 0


def test_a_candidate_against_itself_is_not_better_and_not_worse_by_nothing(arm: Arm) -> None:
    found = evidence(arm)
    deployed = arm.loop.deployed()
    assert deployed is not None
    same = Contender(*deployed)
    better, bets = found.compare("better", same, same)
    assert not better.released
    assert better.wealth == pytest.approx(1.0)
    assert bets.count == len(found.items) + len(found.verified.get(same.made.base.card.name, ()))
    not_worse, _ = found.compare("not worse", same, same)
    assert not_worse.disagreement == 0.0
    assert not_worse.wealth > 1.0


def test_carried_bets_see_each_item_once(arm: Arm) -> None:
    found = evidence(arm)
    deployed = arm.loop.deployed()
    assert deployed is not None
    same = Contender(*deployed)
    bets = found.compare("better", same, same)[1]
    later = found.compare("better", same, same, bets, since=1)[1]
    fresh = sum(item.turn > 1 for item in found.items)
    assert fresh > 0
    fresh += len(found.verified.get(same.made.base.card.name, ()))
    assert later.count == bets.count + fresh


def test_without_observations_and_items_nothing_is_released(arm: Arm) -> None:
    empty = Evidence(arm.loop, Dataset("orders", ()), [], [], {})
    deployed = arm.loop.deployed()
    assert deployed is not None
    same = Contender(*deployed)
    verdict, _ = empty.compare("not worse", same, same)
    assert not verdict.released
    assert "there is no evidence" in verdict.reason
    assert empty.contender(deployed[0]).threshold == 0.5


def test_an_answered_verifying_question_is_evidence_for_its_pair_only(arm: Arm) -> None:
    found = evidence(arm)
    deployed = arm.loop.deployed()
    assert deployed is not None
    same = Contender(*deployed)
    one: Item = found.items[0]
    asked = [altered(one, split="audit", probability=0.5)]
    name = deployed[0].base.card.name
    for base, more in ((name, 1), ("another", 0)):
        with_it = Evidence(arm.loop, found.dataset, found.observations, found.groups, {base: asked})
        assert with_it.compare("not worse", same, same)[0].labels == len(found.items) + more


def test_the_census_of_two_equal_models_needs_no_label(arm: Arm) -> None:
    found = evidence(arm)
    deployed = arm.loop.deployed()
    assert deployed is not None
    same = Contender(*deployed)
    name = deployed[0].base.card.name
    known = Evidence(arm.loop, found.dataset, found.observations, found.groups, {}, {name: {}})
    census = known._census(same, same)
    assert census is not None
    assert not census.x.any()
    assert (census.most == 1).all()
    assert census.weights.max() == 1.0
    assert found._census(same, None) is None


def test_a_difference_that_had_no_chance_to_be_labelled_leaves_no_census(
    arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known labels count as they are, drawn ones by 1 / chance, the rest of the draw as 0."""
    found = evidence(arm)
    deployed = arm.loop.deployed()
    assert deployed is not None
    one, other = Contender(*deployed), Contender(deployed[0], deployed[1])
    count = len(found.observations)
    mine, theirs = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    theirs[:4] = 1
    monkeypatch.setattr(Contender, "decide", lambda self, *_: mine if self is one else theirs)
    labels = arm.loop.task.labels
    places = [seen.place for seen in found.observations]
    name = deployed[0].base.card.name

    def census(known: dict[object, tuple[str, float]]) -> object:
        asked = Evidence(
            arm.loop,
            found.dataset,
            found.observations,
            found.groups,
            {},
            {name: known},  # type: ignore[dict-item]
        )
        return asked._census(one, other)

    assert census({places[0]: (labels[0], 1.0)}) is None
    drawn = census({places[0]: (labels[1], 1.0), places[1]: (labels[0], 0.25)})
    assert drawn.x[:5].tolist() == [1.0, -4.0, 0.0, 0.0, 0.0]  # type: ignore[attr-defined]
    assert drawn.most[:5].tolist() == [1.0, 4.0, 4.0, 4.0, 1.0]  # type: ignore[attr-defined]
