import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.csv_file import export_questions, import_labels
from twoloops.physical.labelling.questions import ask, open_questions
from twoloops.records.digests import digest_bytes, short
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Kept, Observation, Place, parse_place
from twoloops.records.task import Costs, Kind, Task
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRICE = Money(Decimal("1.50"), "EUR")


def place(counter: int) -> Place:
    return Place("desk", "e1", counter)


def label(counter: int, text: str = "leak", labeller: str = "person:ann") -> Label:
    return Label(place(counter), text, labeller, NOW, PRICE)


def fill(store: Store, task: str, kind: Kind, data: dict[int, bytes]) -> None:
    store.tasks.put(Task(task, kind, ("leak", "none"), costs=Costs(label=PRICE)))
    ingest(
        store,
        [
            Spooled(
                Observation(
                    place(counter), task, digest_bytes(one), NOW + timedelta(minutes=counter),
                    "2001", None, Kept("routine", 1.0),
                ),
                one,
            )
            for counter, one in data.items()
        ],
    )  # fmt: skip


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as store:
        fill(
            store,
            "orders",
            "text",
            {n: f'hose "{n}";\nschließt, nicht'.encode() for n in (1, 2, 3, 4)},
        )
        fill(store, "other", "text", {9: b"belongs to another task"})
        yield store


@given(st.builds(Place, st.text(min_size=1), st.from_regex(r"\A[a-f0-9]+\Z"), st.integers(0)))
def test_a_place_is_read_as_it_is_written(one: Place) -> None:
    assert parse_place(str(one)) == one


@pytest.mark.parametrize("text", ["", "desk", "desk/1", "/e1/1", "desk//1", "desk/e1/-1"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_place(text)


def test_questions_are_asked_once_and_open_until_answered(store: Store) -> None:
    asked = [Question(place(2), 1, "audit", 0.1, 0), Question(place(1), 1, "selected", None, 1)]
    for _ in range(2):
        ask(store, "orders", asked)
    assert open_questions(store, "orders") == asked
    answer(store, "orders", [label(2)], at=NOW)
    assert open_questions(store, "orders", 1) == asked[1:]


def test_questions_about_strangers_are_refused_together(store: Store) -> None:
    with pytest.raises(UserError) as caught:
        ask(store, "orders", [Question(place(n), 1, "selected", None) for n in (1, 7, 9)])
    assert str(caught.value) == (
        "these questions cannot be asked, 2 problems:\n"
        "  desk/e1/7: no such observation in this workspace\n"
        "  desk/e1/9: the observation belongs to task 'other', not 'orders'"
    )
    assert open_questions(store, "orders") == []


def test_each_label_is_paid_once_by_the_turn_that_asked(store: Store) -> None:
    ask(store, "orders", [Question(place(n), n, "selected", None) for n in (1, 2)])
    first = [label(1), label(2), label(3)]
    assert answer(store, "orders", first, at=NOW) == (
        3, 0, (), Money(Decimal("4.50"), "EUR"), 0,
    )  # fmt: skip
    again = answer(store, "orders", [*first, label(4)], at=NOW + timedelta(days=1))
    assert again == (1, 3, (), PRICE, 0)
    assert answer(store, "orders", first, at=NOW).cost is None
    assert store.journal.costs("orders", kind="labels paid") == {
        -1: (Money(Decimal("3.00"), "EUR"),),
        1: (PRICE,),
        2: (PRICE,),
    }
    assert store.labels.count("orders") == 4
    assert store.journal.verify() == []


def test_answers_that_cannot_be_are_refused_together(store: Store) -> None:
    answer(store, "orders", [label(1)], at=NOW)
    wrong = [
        label(2),
        label(7),
        label(3, "rust"),
        label(1, "none"),
        label(4, " "),
        label(4, labeller="ann"),
        label(2, "none"),
    ]
    with pytest.raises(UserError) as caught:
        answer(store, "orders", wrong, at=NOW)
    again = "give a second opinion under another labeller's name"
    assert str(caught.value).splitlines() == [
        "these labels cannot be taken in, 6 problems:",
        "  desk/e1/7: no such observation in this workspace",
        "  desk/e1/3: 'rust' is no label of task 'orders': choose one of ['leak', 'none'], or "
        "allow new labels",
        f"  desk/e1/1: person:ann already said 'leak' and now says 'none'; {again}",
        "  desk/e1/4: the label is empty",
        "  desk/e1/4: labeller 'ann' is not  history, person:NAME, teacher:NAME or outcome:SOURCE",
        f"  desk/e1/2: person:ann already said 'leak' and now says 'none'; {again}",
    ]
    assert store.labels.count("orders") == 1


def test_a_new_label_grows_the_task_when_allowed(store: Store) -> None:
    found = answer(
        store, "orders", [label(1, "rust"), label(2, "burst"), label(3)], at=NOW, new_labels=True
    )
    assert found.added == ("burst", "rust")
    assert store.tasks.get("orders").labels == ("burst", "leak", "none", "rust")
    (fact,) = store.journal.facts("orders", kind="labels added")
    assert fact.body == {"added": "burst, rust", "labels": "burst, leak, none, rust"}
    assert answer(store, "orders", [label(4, "rust")], at=NOW).added == ()


def test_an_exported_file_filled_in_is_imported(store: Store, tmp_path: Path) -> None:
    ask(store, "orders", [Question(place(n), 1, "selected", None, n) for n in (1, 2, 3)])
    path = tmp_path / "questions.csv"
    assert export_questions(store, "orders", path) == 3
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["observation", "label", "labeller", "input"]
    assert rows[1] == ["desk/e1/1", "", "", 'hose "1";\nschließt, nicht']
    rows[1][1], rows[3][1], rows[3][2] = "leak", " none ", "person:bob"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    found = import_labels(store, "orders", path, at=NOW, labeller="person:ann")
    assert found == (2, 0, (), Money(Decimal("3.00"), "EUR"), 1)
    assert import_labels(store, "orders", path, at=NOW, labeller="person:ann").repeated
    assert [(one.label, one.labeller) for one in store.labels.of_task("orders")] == [
        ("leak", "person:ann"),
        ("none", "person:bob"),
    ]
    assert store.journal.costs("orders") == {1: (Money(Decimal("3.00"), "EUR"),)}


def test_an_import_names_every_problem_with_its_line(store: Store, tmp_path: Path) -> None:
    answer(store, "orders", [label(4)], at=NOW)
    path = tmp_path / "labels.csv"
    path.write_text(
        "Observation,Label,note\n"
        "desk/e1/1,leak,fine\n"
        'desk/e1/2,rust,"a note\nof two lines"\n'
        "desk/e1/3,\n"
        "\n"
        "number 3,leak\n"
        "desk/e1/8,leak\n"
        "desk/e1/4,none\n"
        "desk/e1/1,none\n",
        encoding="utf-8",
    )
    with pytest.raises(UserError) as caught:
        import_labels(store, "orders", path, at=NOW, labeller="person:ann")
    again = "give a second opinion under another labeller's name"
    assert str(caught.value).splitlines() == [
        f"{path} was not imported, 5 problems:",
        "  line 3: desk/e1/2: 'rust' is no label of task 'orders': choose one of ['leak', "
        "'none'], or allow new labels",
        "  line 7: 'number 3' is no observation: write EDGE/EPOCH/COUNTER",
        "  line 8: desk/e1/8: no such observation in this workspace",
        f"  line 9: desk/e1/4: person:ann already said 'leak' and now says 'none'; {again}",
        f"  line 10: desk/e1/1: person:ann already said 'leak' and now says 'none'; {again}",
    ]
    assert store.labels.count("orders") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read {path}: No such file or directory; check the path"),
        (
            b"observation,label\nd/e/1,\xff\n",
            "{path} is not UTF-8 (byte 24): save it as CSV in UTF-8",
        ),
        (
            b"id,answer\n",
            "{path} needs the columns observation,label[,labeller]: got ['id', 'answer']; "
            "twoloops label export  writes such a file",
        ),
        (
            b"",
            "{path} needs the columns observation,label[,labeller]: got []; "
            "twoloops label export  writes such a file",
        ),
        (
            b"observation,label\nd/e/1," + b"x" * 200_000 + b"\n",
            "{path}, line 2: field larger than field limit (131072); save it as CSV again",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_said(
    store: Store, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "labels.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        import_labels(store, "orders", path, at=NOW)
    assert str(caught.value) == message.format(path=path)


def test_an_empty_import_changes_nothing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("observation,label\n", encoding="utf-8")
    assert import_labels(store, "orders", path, at=NOW) == (0, 0, (), None, 0)
    assert store.journal.facts() == []


@pytest.mark.parametrize(
    ("kind", "data", "suffix"),
    [
        ("image", b"\xff\xd8\xff\xe0 a photograph", ".jpg"),
        ("image", b"\x89PNG\r\n a drawing", ".png"),
        ("image", b"something newer", ".image"),
        ("signal", b"\x93NUMPY", ".npy"),
    ],
)
def test_pictures_and_signals_are_written_beside_the_file(
    tmp_path: Path, kind: Kind, data: bytes, suffix: str
) -> None:
    with Store.in_memory() as store:
        fill(store, "strip", kind, {1: data, 2: b"gone"})
        store.forget(digest_bytes(b"gone"), NOW)
        ask(store, "strip", [Question(place(n), 1, "selected", None, n) for n in (1, 2)])
        export_questions(store, "strip", tmp_path / "ask.csv")
    name = f"ask/{short(digest_bytes(data))}{suffix}"
    lines = (tmp_path / "ask.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[1:] == [f"desk/e1/1,,,{name}"]  # what was forgotten is not asked about
    assert (tmp_path / name).read_bytes() == data
