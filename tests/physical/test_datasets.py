from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.physical.datasets import Answered, consensus, freeze
from twoloops.records.label import Label, Purpose, Question
from twoloops.records.money import Money
from twoloops.records.observation import Place

PURPOSES: tuple[Purpose, ...] = ("seed", "golden", "audit", "selected", "verify")


def answered(
    counter: int, purpose: Purpose, turn: int, group: str | None = None, epoch: str = "e"
) -> Answered:
    chance = None if purpose == "selected" else 0.25
    question = Question(Place("edge", epoch, counter), turn, purpose, chance)
    return Answered(question, "ok", f"input {counter}", group or f"group {counter}")


rows = st.lists(
    st.builds(
        answered,
        st.integers(0, 50),
        st.sampled_from(PURPOSES),
        st.integers(0, 3),
        st.sampled_from(["a", "b", "c", None]),
    ),
    max_size=25,
)


def test_a_golden_item_never_trains_nor_does_what_resembles_it() -> None:
    dataset = freeze("t", 2, [answered(1, "golden", 0, "same"), answered(2, "selected", 1, "same")])
    assert [item.split for item in dataset.items] == ["golden"]


def test_an_audit_label_judges_first_and_trains_from_the_next_turn_on() -> None:
    rows = [answered(1, "audit", 2)]
    assert [item.split for item in freeze("t", 2, rows).items] == ["audit"]
    (later,) = freeze("t", 3, rows).items
    assert (later.split, later.judges, later.probability) == ("train", True, 0.25)


def test_without_the_data_loop_neither_audit_nor_verifying_labels_train() -> None:
    rows = [answered(1, "audit", 1), answered(2, "verify", 1), answered(3, "seed", 0)]
    dataset = freeze("t", 3, rows, audits_train=False)
    assert [item.input for item in dataset.split("train")] == ["input 3"]


def test_what_resembles_this_turns_audit_is_held_back_for_the_turn() -> None:
    rows = [answered(1, "audit", 2, "same"), answered(2, "selected", 1, "same")]
    held = freeze("t", 2, rows)
    assert held.split("train") == []
    assert [item.judges for item in held.items] == [False, True]
    assert len(freeze("t", 3, rows).split("train")) == 2


def test_a_selected_label_trains_and_never_judges() -> None:
    (item,) = freeze("t", 2, [answered(1, "selected", 1)]).items
    assert (item.split, item.judges, item.probability) == ("train", False, -1.0)


def test_a_verifying_label_trains_from_the_next_turn_on_and_never_judges_another_pair() -> None:
    rows = [answered(1, "verify", 2)]
    assert freeze("t", 2, rows).items == ()
    (item,) = freeze("t", 3, rows).items
    assert (item.split, item.judges) == ("train", False)


@given(rows, st.randoms())
@settings(deadline=None, max_examples=50)
def test_the_digest_depends_on_content_not_on_order_or_ids(rows: list, random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    renamed = [
        row._replace(
            question=Question(
                Place("other", "epoch", row.question.observation.counter),
                row.question.turn,
                row.question.purpose,
                row.question.probability,
            )
        )
        for row in shuffled
    ]
    assert freeze("t", 3, rows).digest == freeze("t", 3, renamed).digest


@given(rows, st.integers(0, 4))
@settings(deadline=None, max_examples=50)
def test_no_group_straddles_training_and_golden_or_this_turns_audit(rows: list, turn: int) -> None:
    dataset = freeze("t", turn, rows)
    training = {i.group for i in dataset.split("train") if i.turn > 0}
    assert not training & {i.group for i in dataset.split("golden")}
    fresh = {i.group for i in dataset.split("audit") if i.turn == turn and i.judges}
    assert not {i.group for i in dataset.split("train") if i.probability == -1.0} & fresh


def test_most_labellers_decide_and_the_last_of_equals() -> None:
    place = Place("edge", "e", 1)

    def label(text: str, who: str, day: int) -> Label:
        at = datetime(2024, 1, day, tzinfo=UTC)
        return Label(place, text, who, at, Money(Decimal(0)))

    assert consensus([label("a", "x", 1), label("b", "y", 2), label("a", "z", 3)]) == "a"
    assert consensus([label("a", "x", 1), label("b", "y", 2)]) == "b"
