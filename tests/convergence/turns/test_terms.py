"""Terms of teachers at each of the three moments, and through generations."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from teaching import NOW, questions, teacher

from twoloops.atlas.contracts import teacher_terms
from twoloops.convergence.turns import terms
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import Waiting
from twoloops.convergence.turns.turn import advance, advance_until, start
from twoloops.digital.obligations import blocking, flow, student_of
from twoloops.physical.labelling.answers import answer
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.obligations import Confirmation
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring import teachers
from twoloops.wiring.lineage import confirm as keep_word
from twoloops.wiring.lineage import graph_of

TODAY = NOW.date()
WORDS = {"broken": "bracket cracked weld", "leak": "hose leaking oil", "ok": "routine service"}
TASK = Task("orders", "text", ("broken", "leak", "ok"), normal="ok")
ALLOWED, FORBIDDEN = "deepseek", "zhipu"
ASKING = "openai"
UNKNOWN = "somebody"


def standing(said: str, purpose="internal", today: date = TODAY, **more):
    with Store.in_memory() as store:
        store.teachers.attach(teacher(terms=said, **more), NOW)
        return terms.standing(terms.thing_of(store, "big"), purpose, today)


@pytest.mark.parametrize(
    ("said", "blocked", "forbidden"),
    [
        (ALLOWED, False, False),
        (ASKING, True, False),
        (UNKNOWN, True, False),
        (FORBIDDEN, True, True),
        ("minimax", False, False),
        ("openrouter/auto", True, False),
        (f"openrouter/{ALLOWED}/x", False, False),
        (f"openrouter/{FORBIDDEN}/x", True, True),
        ("", True, False),  # then its own name is looked up: `big` is nobody's
    ],
)
def test_standing_by_the_table(said, blocked, forbidden) -> None:
    found = standing(said)
    assert (bool(found.blocked), found.is_forbidden) == (blocked, forbidden)


def test_a_classifier_that_stays_inside_may_be_settled_and_one_that_goes_out_may_not() -> None:
    assert not standing(ASKING).is_forbidden
    assert standing(ASKING, "publish").is_forbidden


@pytest.mark.parametrize(
    ("licence", "blocked"),
    [("Apache-2.0", False), ("qwen-research", True), ("Beerware", True), ("Llama-3.1", False)],
)
def test_a_local_model_has_a_licence_instead(licence, blocked) -> None:
    found = standing("", licence=licence, price=None, limit=None)
    assert bool(found.blocked) is blocked


def test_a_stale_row_warns_and_stops_nothing_inside() -> None:
    row = next(one for one in teacher_terms() if ALLOWED in one.aliases)
    late = row.review_by + timedelta(1)
    assert standing(ALLOWED, today=row.review_by).others == ()
    found = standing(ALLOWED, today=late)
    assert found.blocked == ()
    (warned,) = found.others
    assert "were to be read again by" in terms.said(warned)
    assert standing(ALLOWED, "publish", late).blocked != ()


def test_attaching_looks_at_the_terms() -> None:
    word = Confirmation("Ada", TODAY, "a letter", ("internal",))
    with Store.in_memory() as store:
        with pytest.raises(UserError, match=r"'big' is not attached: .*; nobody's word settles"):
            teachers.attach(store, teacher(terms=FORBIDDEN), word, NOW)
        assert store.teachers.all() == []
        assert store.journal.facts() == []
        assert teachers.attach(store, teacher(terms=UNKNOWN), None, NOW).blocked
        assert not teachers.attach(store, teacher(terms=UNKNOWN), word, NOW).blocked
        kinds = [fact.kind for fact in store.journal.facts()]
        assert kinds == ["teacher attached", "terms confirmed", "teacher attached"]


def test_asking_looks_at_the_terms_of_that_day() -> None:
    with Store.in_memory() as store:
        asked = questions(store, 1)
        own = teacher(terms=UNKNOWN)
        teachers.attach(store, own, None, NOW)
        with pytest.raises(UserError, match="the table has no such row") as caught:
            teachers.ask(store, store.tasks.get("orders"), own, asked)
        assert "twoloops teacher confirm big --by WHO --says WHAT --for internal" in str(
            caught.value
        )
        assert store.calls.of_teacher("big") == []
        # A word given before the terms were read anew is none.
        old = Confirmation("Ada", date(2026, 1, 1), "a letter", ("internal",))
        own = teacher(terms=ASKING)
        assert teachers.attach(store, own, old, NOW).blocked


def test_a_person_has_to_say_something_of_somebody_known() -> None:
    with Store.in_memory() as store:
        word = Confirmation("Ada", TODAY, "a letter", ("internal",))
        with pytest.raises(UserError, match="no teacher 'big' is attached"):
            teachers.confirm(store, "big", word, NOW)
        teachers.attach(store, teacher(terms=UNKNOWN), None, NOW)
        with pytest.raises(UserError, match="needs who says it"):
            teachers.confirm(store, "big", replace(word, says=" "), NOW)


class Taught:
    """A workspace whose first turn was labelled by a teacher, up to its last stage before it."""

    def __init__(self, store: Store, bench, said: str, *, person: bool = False) -> None:
        self.store = store
        store.tasks.put(TASK)
        store.teachers.attach(teacher(terms=said), NOW)
        labels = []
        for number in range(30):
            label = TASK.labels[number % 3]
            data = f"{WORDS[label]} unit {number}".encode()
            store.inputs.put(data, "text")
            place = Place("press", "e", number)
            store.observations.add_many(
                [
                    Observation(
                        place, "orders", digest_bytes(data), NOW, "turn 0", None,
                        Kept("routine", 1.0),
                    )
                ]
            )  # fmt: skip
            who = "person:ada" if person and number % 2 else "teacher:big"
            labels.append(Label(place, label, who, NOW, Money(Decimal("0.01"))))
        self.loop = Loop(store, "orders", Policy(seed_labels=30), bench, lambda: NOW)
        turn = start(self.loop, 0, "turn 0")
        turn = advance_until(self.loop, turn, "label")
        answer(store, "orders", labels, at=NOW)
        self.turn = advance_until(self.loop, turn, "specialise")
        assert not isinstance(self.turn, Waiting)


@pytest.mark.parametrize("said", [ASKING, UNKNOWN, FORBIDDEN])
def test_nothing_is_specialised_on_labels_whose_terms_stand_against_it(bench, said) -> None:
    with Store.in_memory() as store:
        taught = Taught(store, bench, said)
        waits = advance(taught.loop, taught.turn)
        assert isinstance(waits, Waiting)
        assert "path: orders turn 0 → orders dataset of turn 0 → teacher:big" in waits.what
        assert "twoloops teacher confirm big --by WHO --says WHAT" in waits.what
        assert "twoloops teacher drop big --without-labels" in waits.what
        assert store.models.of_task("orders") == []
        word = Confirmation("Ada", TODAY, "a letter", ("internal",))
        teachers.confirm(store, "big", word, NOW)
        assert isinstance(advance(taught.loop, taught.turn), Waiting) is (said == FORBIDDEN)


def test_what_is_allowed_trains(bench) -> None:
    with Store.in_memory() as store:
        taught = Taught(store, bench, ALLOWED)
        assert not isinstance(advance(taught.loop, taught.turn), Waiting)
        assert len(store.models.of_task("orders")) == 1


def test_left_out_labels_are_frozen_out_and_the_turn_goes_on(bench) -> None:
    with Store.in_memory() as store:
        taught = Taught(store, bench, FORBIDDEN, person=True)
        assert isinstance(advance(taught.loop, taught.turn), Waiting)
        assert teachers.drop(store, "big", NOW, without_labels=True) == 15
        turn = advance(taught.loop, taught.turn)
        assert not isinstance(turn, Waiting)
        assert turn.dataset != taught.turn.dataset
        assert len(store.datasets.get(turn.dataset).items) == 15
        (model,) = store.models.of_task("orders")
        assert model.card.dataset == turn.dataset
        # Its labels stay on record, and nothing that was made since rests on it.
        assert len(store.labels.of_task("orders")) == 30
        carried = flow(graph_of(store), model.digest, "internal", TODAY)
        assert blocking(carried, "internal") == ()
        assert "dataset frozen again" in [fact.kind for fact in store.journal.facts()]


def test_what_was_made_before_keeps_its_obligations(bench) -> None:
    with Store.in_memory() as store:
        taught = Taught(store, bench, ALLOWED, person=True)
        advance(taught.loop, taught.turn)
        (model,) = store.models.of_task("orders")
        before = flow(graph_of(store), model.digest, "internal", TODAY)
        # The terms are found to be others than was thought.
        store.teachers.attach(teacher(terms=FORBIDDEN), NOW)
        teachers.drop(store, "big", NOW, without_labels=True)
        after = flow(graph_of(store), model.digest, "internal", TODAY)
        assert [one.obligation.kind for one in before] == []
        assert [one.obligation.kind for one in blocking(after, "internal")] == [
            "no-train-on-outputs"
        ]


def test_a_student_of_a_student_carries_the_teachers_terms(bench) -> None:
    with Store.in_memory() as store:
        taught = Taught(store, bench, ALLOWED)
        advance(taught.loop, taught.turn)
        (model,) = store.models.of_task("orders")
        graph, first = student_of(graph_of(store), [model.digest], "student")
        graph, second = student_of(graph, [first], "student of the student")
        assert blocking(flow(graph, second, "internal", TODAY), "internal") == ()
        for said, blocks in ((FORBIDDEN, True), (UNKNOWN, True), (ASKING, True)):
            store.teachers.attach(teacher(terms=said), NOW)
            graph, first = student_of(graph_of(store), [model.digest], "student")
            graph, second = student_of(graph, [first], "student of the student")
            stands = blocking(flow(graph, second, "internal", TODAY), "internal")
            assert bool(stands) is blocks
            assert stands[0].path[:2] == ("student of the student", "student")
            assert "teacher:big" in stands[0].path
        word = Confirmation("Ada", TODAY, "a letter", ("internal",))
        keep_word(store, terms.thing_of(store, "big"), word, NOW)
        graph, first = student_of(graph_of(store), [model.digest], "student")
        graph, second = student_of(graph, [first], "student of the student")
        assert blocking(flow(graph, second, "internal", TODAY), "internal") == ()
        assert blocking(flow(graph, second, "publish", TODAY), "publish") != ()


def test_a_turn_that_distils_from_what_a_teacher_taught_waits_too(bench, monkeypatch) -> None:
    """The dataset is people's, and the student's teacher learned from a teacher's labels."""
    with Store.in_memory() as store:
        taught = Taught(store, bench, FORBIDDEN, person=True)
        teachers.drop(store, "big", NOW, without_labels=True)
        turn = advance(taught.loop, taught.turn)
        assert not isinstance(turn, Waiting)
        store.lineage.node("sha256:old", "dataset", "an older dataset")
        store.lineage.node("teacher:big", "teacher", "teacher:big")
        store.lineage.edge("sha256:old", "teacher:big", "labelled by")
        assert terms.wait_for_terms(taught.loop, turn) is None
        monkeypatch.setattr(terms, "_also", lambda *_: ["sha256:old"])
        waits = terms.wait_for_terms(taught.loop, turn)
        assert waits is not None
        assert "an older dataset → teacher:big" in waits.what


def test_a_teacher_known_by_its_labels_only_is_looked_up_by_its_name(bench) -> None:
    with Store.in_memory() as store:
        taught = Taught(store, bench, ALLOWED)
        with store.transaction():
            free = Money(Decimal(0))
            extra = Label(Place("press", "e", 0), "broken", "teacher:zhipu/glm", NOW, free)
            answer(store, "orders", [extra], at=NOW)
        waits = advance(taught.loop, taught.turn)
        assert isinstance(waits, Waiting)
        assert "twoloops teacher drop zhipu/glm --without-labels" in waits.what
        assert teachers.drop(store, "zhipu/glm", NOW, without_labels=True) == 1
        assert not isinstance(advance(taught.loop, taught.turn), Waiting)
