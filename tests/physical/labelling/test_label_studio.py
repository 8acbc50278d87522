"""Label Studio: tasks out, exports in. The files in `exports/` are those of version 1.23.2."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.files import import_answers
from twoloops.physical.labelling.label_studio import config_of, export_tasks
from twoloops.physical.labelling.label_studio_answers import import_tasks
from twoloops.physical.labelling.policy import LabellingPolicy, keep_labelling
from twoloops.physical.labelling.questions import ask, open_questions
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Costs, Kind, Task
from twoloops.store.workspace import Store

EXPORTS = Path(__file__).parent / "exports"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
PRICE = Money(Decimal("1.50"), "EUR")
LABELS = ("leak & drip", "none")
MODEL = "sha256:" + "ab" * 32


def place(counter: int) -> Place:
    return Place("desk", "orders", counter)


def fill(
    store: Store, kind: Kind, inputs: list[bytes], shape: tuple[int, int] | None = None
) -> None:
    store.tasks.put(Task("orders", kind, LABELS, costs=Costs(label=PRICE), shape=shape))
    said = Decision("none", (0.25, 0.75), MODEL, None, 0.1)
    ingest(
        store,
        [
            Spooled(
                Observation(
                    place(n), "orders", digest_bytes(data), NOW - timedelta(days=1), "2026", said,
                    Kept("routine", 1.0),
                ),
                data,
            )
            for n, data in enumerate(inputs)
        ],
    )  # fmt: skip
    ask(store, "orders", [Question(place(n), 1, "selected", None, n) for n in range(len(inputs))])


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as store:
        fill(store, "text", [f'hose {n} "leaks" <b>&amp;\n'.encode() for n in range(6)])
        yield store


def tasks_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def annotation(label: str | None = None, who: Any = 1, **more: Any) -> dict[str, Any]:
    results = [] if label is None else [chosen(label)]
    return {
        "completed_by": who, "result": results, "was_cancelled": False, "lead_time": 1.0,
        "updated_at": "2026-11-30T10:00:00Z", **more,
    }  # fmt: skip


def chosen(label: str) -> dict[str, Any]:
    value = {"choices": [label]}
    return {"from_name": "label", "to_name": "input", "type": "choices", "value": value}


def written(name: str, text: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "input", "type": "textarea", "value": {"text": [text]}}


def task(counter: int, *annotations: Any, **more: Any) -> dict[str, Any]:
    data = {"observation": f"desk/orders/{counter}", "text": "…"}
    return {"id": 100 + counter, "data": data, "annotations": list(annotations), **more}


def save(path: Path, tasks: Any) -> Path:
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def said(store: Store) -> list[tuple[int, str, str]]:
    return [
        (one.observation.counter, one.label, one.labeller) for one in store.labels.of_task("orders")
    ]


def test_tasks_carry_the_place_and_nothing_the_model_said(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "ask.json"
    assert export_tasks(store, "orders", path) == 6
    first, *_ = tasks_of(path)
    assert first == {
        "data": {"observation": "desk/orders/0", "text": 'hose 0 "leaks" <b>&amp;\n'},
        "meta": {
            "observation": "desk/orders/0",
            "task": "orders",
            "input": digest_bytes(b'hose 0 "leaks" <b>&amp;\n'),
        },
    }
    export_tasks(store, "orders", path, predictions=True)
    assert tasks_of(path)[0]["predictions"] == [
        {"model_version": "abababababab", "score": 0.75, "result": [chosen("none")]}
    ]


def test_the_config_offers_the_labels_a_new_one_and_a_comment(store: Store, tmp_path: Path) -> None:
    export_tasks(store, "orders", tmp_path / "ask.json")
    view = ElementTree.parse(tmp_path / "ask.xml").getroot()
    assert [one.get("value") for one in view.iter("Choice")] == list(LABELS)
    assert [(one.tag, one.get("name")) for one in view if one.get("name")] == [
        ("Text", "input"),
        ("Choices", "label"),
        ("TextArea", "new_label"),
        ("TextArea", "comment"),
    ]
    assert view.find("Text").get("value") == "$text"  # type: ignore[union-attr]


@given(st.sets(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1)))
def test_every_label_xml_can_carry_comes_back_from_the_config(labels: set[str]) -> None:
    made = config_of(Task("t\x00", "text", tuple(sorted(labels))))
    found = [one.get("value") for one in ElementTree.fromstring(made).iter("Choice")]
    assert found == sorted(labels)


def test_a_label_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(UserError, match=r"'\\x07' holds a control character.*export as CSV"):
        config_of(Task("orders", "text", ("\x07",)))


def image(form: str) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (4, 3), (200, 30, 30)).save(made, form)
    return made.getvalue()


def test_images_travel_inside_as_browsers_show_them(tmp_path: Path) -> None:
    with Store.in_memory() as store:
        fill(store, "image", [image("PNG"), image("TIFF"), image("JPEG")])
        export_tasks(store, "orders", tmp_path / "ask.json")
        urls = [one["data"]["image"] for one in tasks_of(tmp_path / "ask.json")]
        assert [one.partition(",")[0] for one in urls] == [
            "data:image/png;base64",
            "data:image/png;base64",  # no browser shows TIFF
            "data:image/jpeg;base64",
        ]
        assert base64.b64decode(urls[0].partition(",")[2]) == image("PNG")
        shown = Image.open(io.BytesIO(base64.b64decode(urls[1].partition(",")[2])))
        assert shown.getpixel((0, 0)) == (200, 30, 30)
        export_tasks(store, "orders", tmp_path / "ask.json", beside=True)
        names = [one["data"]["image"] for one in tasks_of(tmp_path / "ask.json")]
    assert all(name.startswith("/data/local-files/?d=ask/") for name in names)
    assert sorted(name.rpartition("/")[2] for name in names) == sorted(
        one.name for one in (tmp_path / "ask").iterdir()
    )


def test_signals_travel_as_time_series(tmp_path: Path) -> None:
    made = io.BytesIO()
    np.save(made, np.array([[0.1, 0.2, 1e-9], [4, 5, 6]], np.float32))
    with Store.in_memory() as store:
        fill(store, "signal", [made.getvalue()], (2, 3))
        export_tasks(store, "orders", tmp_path / "ask.json")
    (only,) = tasks_of(tmp_path / "ask.json")
    assert only["data"]["signal"] == {
        "sample": [0, 1, 2],
        "channel 1": [0.1, 0.2, 1e-9],
        "channel 2": [4, 5, 6],
    }
    series = ElementTree.parse(tmp_path / "ask.xml").getroot().find("TimeSeries")
    assert series is not None
    assert [one.get("column") for one in series] == ["channel 1", "channel 2"]


def test_an_input_that_cannot_be_shown_is_named(tmp_path: Path) -> None:
    with Store.in_memory() as store:
        fill(store, "image", [b"no image"])
        with pytest.raises(UserError, match=r"^desk/orders/0 cannot be shown: .*no image that can"):
            export_tasks(store, "orders", tmp_path / "ask.json")


def test_what_was_forgotten_is_not_exported(store: Store, tmp_path: Path) -> None:
    answer(store, "orders", [Label(place(1), "none", "person:bob", NOW, PRICE)], at=NOW)
    for n in (0, 1):
        store.forget(digest_bytes(f'hose {n} "leaks" <b>&amp;\n'.encode()), NOW)
    assert export_tasks(store, "orders", tmp_path / "ask.json") == 4
    assert export_tasks(store, "orders", tmp_path / "all.json", labelled=True) == 0
    assert tasks_of(tmp_path / "all.json") == []


@pytest.mark.parametrize("form", ["json", "json_min"])
def test_real_exports_are_read(store: Store, form: str) -> None:
    keep_labelling(store, "orders", LabellingPolicy(hourly_rate=Money(Decimal(36), "EUR")))
    path = EXPORTS / f"label_studio_1_23_{form}.json"
    with pytest.raises(UserError, match="'rust' is no label of task 'orders'"):
        import_answers(store, "orders", path, at=NOW)
    assert said(store) == []
    done = import_answers(store, "orders", path, at=NOW, new_labels=True)
    # 4.5 + 7.25 + 3 + 3 seconds at 0.01 EUR; JSON-MIN leaves out who skipped
    passed = 1 if form == "json" else 0
    assert done == (4, 0, ("rust",), Money(Decimal("0.1770"), "EUR"), 1, passed)
    who = "person:label-studio-1"
    assert said(store) == [
        (0, "leak & drip", who),
        (1, "rust", who),
        (4, "none", who),
        (5, "none", who),
    ]
    notes = store.notes.find([place(1)])
    assert (notes[place(1), who].seconds, notes[place(1), who].comment) == (7.25, "odd one")
    assert [(p.observation, p.labeller, p.seconds) for p in store.passes.of_task("orders")] == [
        (place(2), who, 2.0)
    ][:passed]
    before = store.journal.head()
    again = import_answers(store, "orders", path, at=NOW + timedelta(days=1))
    assert again == (0, 4, (), None, 1, 0)
    assert store.journal.head() == before


def test_several_annotators_are_several_labellers(store: Store, tmp_path: Path) -> None:
    path = save(
        tmp_path / "in.json",
        [
            task(
                0,
                annotation("none", {"id": 3, "email": "ann@plant"}),
                annotation("leak & drip", {"id": 4}),
                annotation("none", None),
                drafts=[{"result": [chosen("leak & drip")]}],
            ),
            task(1, annotation("none", 4), predictions=[7]),
            task(2),
        ],
    )
    done = import_tasks(store, "orders", path, at=NOW, labeller="person:zoe")
    assert done == (4, 0, (), Money(Decimal("6.00"), "EUR"), 1, 0)
    assert said(store) == [
        (0, "none", "person:ann@plant"),
        (0, "leak & drip", "person:label-studio-4"),
        (0, "none", "person:zoe"),
        (1, "none", "person:label-studio-4"),
    ]
    notes = store.notes.find([place(0), place(1)])
    assert [one.opinion_shown for one in notes.values()] == [False, False, False, True]


def test_who_skipped_and_then_answered_has_answered(store: Store, tmp_path: Path) -> None:
    skip = annotation(was_cancelled=True)
    first = save(tmp_path / "1.json", [task(0, skip), task(1, skip, annotation("none"))])
    assert import_tasks(store, "orders", first, at=NOW).passed == 1
    assert [one.observation for one in store.passes.of_task("orders")] == [place(0)]
    second = save(tmp_path / "2.json", [task(0, annotation("none")), task(1, skip)])
    assert import_tasks(store, "orders", second, at=NOW)[:2] == (1, 0)
    assert store.passes.of_task("orders") == []


def test_labels_that_went_out_come_back_as_known(store: Store, tmp_path: Path) -> None:
    answer(store, "orders", [Label(place(5), "none", "person:bob", NOW, PRICE)], at=NOW)
    path = tmp_path / "all.json"
    assert export_tasks(store, "orders", path, labelled=True) == 1
    (only,) = tasks_of(path)
    (ours,) = only.pop("annotations")
    assert only["data"]["labelled"] == "person:bob"
    # As Label Studio 1.23 returns it: under a new id, given by who imported the file.
    back = annotation("none", 1, id=31, import_id=ours["id"], updated_by=None, lead_time=None)
    save(path, [only | {"annotations": [back]}])
    assert import_tasks(store, "orders", path, at=NOW) == (0, 1, (), None, 0, 0)
    changed = back | {"result": [chosen("leak & drip")], "updated_by": 2}
    save(path, [only | {"annotations": [changed]}])
    assert import_tasks(store, "orders", path, at=NOW).new == 1
    assert said(store)[1] == (5, "leak & drip", "person:label-studio-2")
    save(path, [only["data"] | {"id": 1, "label": "none", "annotator": 1}])
    with pytest.raises(UserError, match="task 1: it went out with labels, and JSON-MIN does not"):
        import_tasks(store, "orders", path, at=NOW)


def test_every_problem_is_told_with_its_task(store: Store, tmp_path: Path) -> None:
    answer(store, "orders", [Label(place(0), "none", "person:ann", NOW, PRICE)], at=NOW)
    two = annotation()
    two["result"] = [chosen("none"), written("new_label", "rust")]
    path = save(
        tmp_path / "in.json",
        [
            task(0, annotation("leak & drip", {"email": "ann"})),
            task(1, annotation("none"), annotation("leak & drip")),
            task(2, two),
            task(3, annotation("rust")),
            task(77, annotation("none")),
            task(4, annotation("none", updated_at="yesterday")),
            task(5, annotation("none", lead_time=-1), annotation(was_cancelled=True, lead_time="")),
            {"id": 9, "data": {"text": "not ours"}, "annotations": [annotation("none")]},
            {"id": 10, "data": {"observation": 4}, "annotations": [annotation("none")]},
            {"id": 11, "data": {}, "annotations": 5},
            {"id": 12, "data": {}, "annotations": [5, {"result": [3]}]},
            "no task",
            task(88, annotation(was_cancelled=True)),
            task(2, annotation("none")),
        ],
    )
    with pytest.raises(UserError) as caught:
        import_tasks(store, "orders", path, at=NOW)
    again = "give a second opinion under another labeller's name"
    assert str(caught.value).splitlines() == [
        f"{path} was not imported, 15 problems:",
        "  task 100, annotation 1: desk/orders/0: person:ann already said 'none' and now says "
        f"'leak & drip'; {again}",
        "  task 101, annotation 2: desk/orders/1: person:label-studio-1 already said 'none' and "
        f"now says 'leak & drip'; {again}",
        "  task 102, annotation 1: it has 2 labels, ['none', 'rust']: one is allowed",
        "  task 103, annotation 1: desk/orders/3: 'rust' is no label of task 'orders': choose one "
        "of ['leak & drip', 'none'], or allow new labels",
        "  task 177, annotation 1: desk/orders/77: no such observation in this workspace",
        "  task 104, annotation 1: 'yesterday' is no time with a zone, as 2026-03-01T12:00:00Z",
        "  task 105, annotation 1: lead_time -1 is no number of seconds from 0 on",
        "  task 105, annotation 2: lead_time '' is no number of seconds",
        "  task 9, annotation 1: its data have no 'observation': only tasks that  twoloops label "
        "export  wrote can be joined",
        "  task 10, annotation 1: 4 is no observation: EDGE/EPOCH/COUNTER joins it",
        "  task 11: its annotations are no list",
        "  task 12, annotation 1: it is no JSON object",
        "  task 12, annotation 2: its result cannot be read",
        "  task 12 of the file: it is no JSON object",
        "  task 188, annotation 1: desk/orders/88: no such observation in this workspace",
    ]
    assert said(store) == [(0, "none", "person:ann")]
    assert store.passes.of_task("orders") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read {path}: No such file or directory; check the path"),
        (b"[{", "{path} is no JSON (Input data was truncated): export the project"),
        (b"[" * 100_000, "{path} is no JSON (maximum recursion depth"),
        (b'["\xff"]', "{path} is no JSON ('utf-8' codec"),
        (b'{"id": 1}', "{path} is no list of tasks: export the project from Label Studio as JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(
    store: Store, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "in.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        import_answers(store, "orders", path, at=NOW)
    assert str(caught.value).startswith(message.format(path=path))


def test_the_reader_is_chosen_by_content(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_text("observation,label\ndesk/orders/0,none\n", encoding="utf-8")
    assert import_answers(store, "orders", path, at=NOW).new == 1
    path.write_bytes(b"\xef\xbb\xbf \n" + json.dumps([task(1, annotation("none"))]).encode())
    assert import_answers(store, "orders", path, at=NOW).new == 1


# What an annotator does with one task.
Done = tuple[str, str, float, int]
DONE = st.tuples(
    st.sampled_from(["choose", "name", "skip", "nothing"]),
    st.sampled_from([*LABELS, "rust", "burst "]),
    st.floats(0, 500),
    st.integers(1, 3),
)


def as_json(tasks: list[dict[str, Any]], done: list[Done]) -> list[dict[str, Any]]:
    """What JSON export returns of tasks that were imported and done."""
    out = []
    for number, (one, (act, label, seconds, who)) in enumerate(zip(tasks, done, strict=True)):
        results = {"choose": [chosen(label)], "name": [written("new_label", label)]}
        made = annotation(None, who, lead_time=seconds, was_cancelled=act == "skip")
        made["result"] = results.get(act, [])
        out.append(one | {"id": number, "annotations": [made], "drafts": []})
    return out


def as_min(tasks: list[dict[str, Any]], done: list[Done]) -> list[dict[str, Any]]:
    """What JSON-MIN export returns of them."""
    out = []
    for number, (one, (act, label, seconds, who)) in enumerate(zip(tasks, done, strict=True)):
        row = one["data"] | {"id": number, "annotator": who, "lead_time": seconds}
        if act != "skip":
            out.append(
                row | {"choose": {"label": label}, "name": {"new_label": label}}.get(act, {})
            )
    return out


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(DONE, min_size=6, max_size=6), st.booleans(), st.sampled_from([as_json, as_min]))
def test_export_filled_in_and_imported_is_answering_directly(
    tmp_path: Path, done: list[Done], timed: bool, form: Callable[..., Any]
) -> None:
    policy = LabellingPolicy(hourly_rate=Money(Decimal(36), "EUR") if timed else None)
    with Store.in_memory() as one, Store.in_memory() as other:
        for store in (one, other):
            fill(store, "text", [f"hose {n}".encode() for n in range(6)])
            keep_labelling(store, "orders", policy)
        export_tasks(one, "orders", tmp_path / "ask.json")
        save(tmp_path / "in.json", form(tasks_of(tmp_path / "ask.json"), done))
        directly = [
            Label(
                place(n), label.strip() if act == "name" else label,
                f"person:label-studio-{who}", NOW, policy.price(PRICE, seconds),
            )
            for n, (act, label, seconds, who) in enumerate(done)
            if act in ("choose", "name")
        ]  # fmt: skip
        answer(other, "orders", directly, at=NOW, new_labels=True)
        import_answers(one, "orders", tmp_path / "in.json", at=NOW, new_labels=True)
        for _ in range(2):
            assert [(x.observation, x.label, x.labeller, x.cost) for x in labels(one)] == [
                (x.observation, x.label, x.labeller, x.cost) for x in labels(other)
            ]
            assert one.tasks.get("orders") == other.tasks.get("orders")
            assert one.journal.costs("orders", "labels paid") == other.journal.costs(
                "orders", "labels paid"
            )
            skipped = [n for n, (act, *_) in enumerate(done) if act == "skip"]
            passes = [p.observation.counter for p in one.passes.of_task("orders")]
            assert passes == (skipped if form is as_json else [])
            import_answers(one, "orders", tmp_path / "in.json", at=NOW, new_labels=True)
        wanted = {n for n, (act, *_) in enumerate(done) if act == "nothing"}
        wanted |= set(skipped) - set(passes)
        assert {q.observation.counter for q in open_questions(one, "orders")} == wanted


def labels(store: Store) -> list[Label]:
    return store.labels.of_task("orders")
