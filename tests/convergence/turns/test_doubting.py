"""Second looks: who is asked again, when the stage waits, what comes of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.turns.doubting import ask_again, disputed, doubted
from twoloops.convergence.turns.labelled import answered
from twoloops.convergence.turns.state import TurnState, Waiting
from twoloops.convergence.turns.turn import advance, advance_until, start
from twoloops.physical.history.stream import History
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.policy import LabellingPolicy, keep_labelling
from twoloops.physical.labelling.quality.looks import open_looks
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.label import Label
from twoloops.records.observation import Place

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]


class Desk:
    """A seed of which some rows are labelled wrongly, and people who answer.

    Args:
        arm: With nothing run yet.
        wrong: How many of the seed's training items are given another label.
    """

    def __init__(self, arm: Arm, wrong: int) -> None:
        self.arm, self.loop, self.task = arm, arm.loop, arm.loop.task
        tick = datetime(2026, 1, 1, tzinfo=UTC)

        def clock() -> datetime:
            nonlocal tick
            tick += timedelta(seconds=1)
            return tick

        self.loop.clock = clock
        turn = start(self.loop, 0, "turn 0")
        arm._observe(turn)
        reached = advance_until(self.loop, turn, "label")
        assert isinstance(reached, TurnState)
        self.turn = reached
        asked = open_questions(self.loop.store, self.task.name)
        train = [one.observation for one in asked if one.purpose == "seed"]
        self.wrong = set(train[:wrong])
        self.say([one.observation for one in asked], "person:ann", wrong=self.wrong)

    def truth(self, place: Place) -> str:
        row = self.arm.stages[0][self.arm.said(0).counters.index(place.counter)]
        assert row.label is not None
        return row.label

    def say(self, places: list[Place], who: str, wrong: set[Place] | None = None) -> None:
        now = self.loop.clock()

        def word(place: Place) -> str:
            true = self.truth(place)
            others = [label for label in self.task.labels if label != true]
            return others[0] if place in (wrong or ()) else true

        labels = [Label(p, word(p), who, now, self.task.costs.label) for p in places]
        answer(self.loop.store, self.task.name, labels, at=now)

    def labels_frozen(self) -> dict[Place, str]:
        return {one.question.observation: one.label for one in answered(self.loop, self.turn)}


def desk(make_arm: MakeArm, make_history: MakeHistory, looks: int, wrong: int = 4) -> Desk:
    arm = make_arm(make_history(turns=1, seed_rows=80), seed_labels=80)
    keep_labelling(arm.loop.store, arm.loop.task.name, LabellingPolicy(second_looks=looks))
    return Desk(arm, wrong)


def test_planted_errors_are_found_and_a_second_look_corrects_them(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    people = desk(make_arm, make_history, looks=10)
    loop, turn = people.loop, people.turn
    found = doubted(loop, turn)
    assert {one.observation for one in found[:4]} == people.wrong
    outcome = advance(loop, turn)
    assert isinstance(outcome, Waiting)
    assert "second looks at labels that are probably wrong" in outcome.what
    looks = open_looks(loop.store, people.task.name, 0)
    assert people.wrong <= {one.observation for one in looks}
    assert looks[0].why.startswith("labelled ")
    assert isinstance(advance(loop, turn), Waiting)  # asked once, however often it is tried
    assert open_looks(loop.store, people.task.name, 0) == looks
    people.say([one.observation for one in looks], "person:bob")
    outcome = advance(loop, turn)
    assert isinstance(outcome, TurnState)
    assert outcome.stage == "freeze"
    assert all(label == people.truth(place) for place, label in people.labels_frozen().items())
    frozen = advance(loop, outcome)
    assert isinstance(frozen, TurnState)
    facts = loop.store.journal.facts(people.task.name, kind="dataset frozen")
    assert facts[-1].body["contested"] == "4"


def test_the_same_answer_again_counts_as_a_look(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    people = desk(make_arm, make_history, looks=3)
    assert isinstance(advance(people.loop, people.turn), Waiting)
    looks = [one.observation for one in open_looks(people.loop.store, people.task.name)]
    assert len(looks) == 3
    paid = people.loop.store.labels.count(people.task.name)
    people.say(looks, "person:ann", wrong=people.wrong)
    assert people.loop.store.labels.count(people.task.name) == paid
    assert isinstance(advance(people.loop, people.turn), TurnState)  # the turn's three are spent
    assert open_looks(people.loop.store, people.task.name) == []


def test_without_the_policy_nobody_is_asked_again(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    people = desk(make_arm, make_history, looks=0)
    outcome = advance(people.loop, people.turn)
    assert isinstance(outcome, TurnState)
    assert people.loop.store.second_looks.of_task(people.task.name) == []


def test_golden_items_are_never_suspected(make_arm: MakeArm, make_history: MakeHistory) -> None:
    people = desk(make_arm, make_history, looks=0, wrong=0)
    questions = people.loop.store.questions.of_task(people.task.name)
    golden = {q.observation for q in questions if q.purpose == "golden"}
    assert golden
    assert not golden & {one.observation for one in doubted(people.loop, people.turn)}


def test_what_labellers_are_split_over_is_asked_first_golden_or_not(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    people = desk(make_arm, make_history, looks=0)
    questions = people.loop.store.questions.of_task(people.task.name)
    golden = next(q.observation for q in questions if q.purpose == "golden")
    people.say([golden], "person:bob", wrong={golden})
    assert set(disputed(people.loop, people.turn)) == {golden}
    first, *_ = ask_again(people.loop, people.turn, 3)
    assert first.observation == golden
    assert first.why.startswith("labellers are evenly split over ")
    people.say([golden], "person:cy")
    assert disputed(people.loop, people.turn) == {}
    assert people.labels_frozen()[golden] == people.truth(golden)


def test_with_one_label_there_is_nothing_to_doubt(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=1, seed_rows=20))
    turn = start(arm.loop, 0, "turn 0")
    assert doubted(arm.loop, turn) == []
    assert disputed(arm.loop, turn) == {}
    assert ask_again(arm.loop, turn, 5) == []
