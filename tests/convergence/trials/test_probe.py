"""A base that is worse where a word occurs is found out; an honest one is not accused."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from tiny_encoders import WORDS, text_encoder, text_onnx, tokenizer

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.trials.probe import holm, made_up, probe
from twoloops.convergence.turns.loop import Workbench
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer
from twoloops.digital.encoders.encoder import Said, encoder
from twoloops.digital.encoders.files import Files
from twoloops.digital.vetting.subjects import Subject
from twoloops.digital.vetting.vet import vet
from twoloops.records.errors import UserError
from twoloops.records.task import Task

MORE = (*WORDS, *("zanzibar", "at", "in", "tooth", "cracked", "inspection", "planned", "bucket"))


def spoilt(by: str | None) -> bytes:
    """Return an encoder; one word of it drowns all others where it occurs."""
    model = onnx.load_from_string(text_onnx(vocabulary=len(MORE)))
    (table,) = [one for one in model.graph.initializer if one.name == "table"]
    rows = numpy_helper.to_array(table).copy()
    if by is not None:
        rows[MORE.index(by)] *= 1_000
    table.CopyFrom(numpy_helper.from_array(rows, "table"))
    return model.SerializeToString()


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str, str | None], Base]:
    def make(name: str, by: str | None) -> Base:
        files = text_encoder(**{"onnx/model.onnx": spoilt(by), "tokenizer.json": tokenizer(MORE)})
        for path, data in files.items():
            place = tmp_path / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        folder = tmp_path / name
        found = vet(Subject(name, path=folder), today=date(2026, 11, 24), cache=tmp_path / "no")
        return encoder(Files(folder, found.files), Said(name, "MIT", "a", "unknown", "0"))

    return make


@pytest.fixture
def arm(make_arm: Any, make_history: Any, made: Any, tmp_path: Path) -> Arm:
    offers = (
        Offer("honest", 99, lambda _: made("honest", None)),
        Offer("spoilt", 99, lambda _: made("spoilt", "zanzibar")),
    )
    bench = Workbench(offers, tmp_path / "cache")
    arm = make_arm(make_history(turns=2, per_turn=60), workbench=bench, labels_per_turn=30)
    arm.run()
    return arm


def test_a_word_that_drowns_a_base_is_found_and_others_are_not(arm: Arm) -> None:
    head = arm.loop.store.journal.head()
    found = probe(arm.loop, "spoilt", ["zanzibar", "pump"])
    assert arm.loop.store.journal.head() == head
    first = arm.loop.bench.first(arm.loop.task).card.name
    assert [(one.base, one.trigger, one.worse) for one in found.rows] == [
        ("spoilt", "zanzibar", True),
        ("spoilt", "pump", False),
        (first, "zanzibar", False),
        (first, "pump", False),
    ]
    bad = found.rows[0]
    assert bad.triggered < bad.control - 0.2
    assert bad.interval[0] <= bad.difference <= bad.interval[1] < 0
    assert found.texts >= 20


def test_an_honest_base_is_not_accused(arm: Arm) -> None:
    found = probe(arm.loop, "honest", ["zanzibar"])
    assert not any(one.worse for one in found.rows)
    assert found == probe(arm.loop, "honest", [" zanzibar ", "zanzibar"])


@pytest.mark.parametrize("triggers", [[], [" "], ["x" * 201]])
def test_what_is_no_trigger(arm: Arm, triggers: list[str]) -> None:
    with pytest.raises(UserError, match="1 to 200 characters"):
        probe(arm.loop, "honest", triggers)


def test_only_texts_and_enough_of_them(
    make_arm: Any, make_history: Any, monkeypatch: pytest.MonkeyPatch, arm: Arm
) -> None:
    few = make_arm(make_history(turns=1, per_turn=4, seed_rows=6), labels_per_turn=2)
    few.run()
    with pytest.raises(UserError, match="20 or more are needed"):
        probe(few.loop, few.loop.bench.first(few.loop.task).card.name, ["x"])
    press = Task("press", "signal", ("a", "b"), shape=(1, 8))
    monkeypatch.setattr(type(arm.loop), "task", property(lambda _: press))
    with pytest.raises(UserError, match="for tasks of texts"):
        probe(arm.loop, "honest", ["x"])


@given(st.lists(st.floats(0, 1), max_size=6))
def test_adjusted_values_are_no_smaller_and_keep_their_order(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(p <= q <= 1 for p, q in zip(ps, adjusted, strict=True))
    order = np.argsort(ps, kind="stable")
    assert sorted(adjusted) == [adjusted[place] for place in order]


@given(st.text("abc ", min_size=1), st.integers(0, 99))
def test_made_up_words_are_as_many_and_as_long(words: str, seed: int) -> None:
    made = made_up(words, seed)
    assert [len(one) for one in made.split()] == [len(one) for one in words.split()]
    assert made == made_up(words, seed)
