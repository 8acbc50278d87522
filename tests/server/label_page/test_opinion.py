"""What the model said: hidden until asked for, or shown at once; who saw it is kept."""

from typing import Any

from acting import LABELS, current, press, sent
from served import Served

from twoloops.physical.labelling.policy import LabellingPolicy, keep_labelling
from twoloops.records.base import ModelCard
from twoloops.records.observation import Decision


def decision(served: Served, task: str) -> Decision:
    """Keep a model that said of everything that it leaks."""
    card = ModelCard(task, LABELS, "ok", None, "base", "0" * 64, "head", "0" * 64)
    with served.store() as store:
        digest = store.models.put(b"no model, for the card alone", card, 0)
    return Decision("leak", (0.2, 0.7, 0.1), digest, None, 0.0)


def shown(served: Served, task: str) -> dict[str, bool]:
    with served.store() as store:
        places = [one.place for one in store.observations.of_task(task)]
        return {str(key[0]): note.opinion_shown for key, note in store.notes.find(places).items()}


def test_it_is_hidden_until_asked_for_and_then_kept_with_the_answer(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(3, decision=decision(served, "first"))
    page = enter(task)
    plain = press(page, "1")
    asked = current(page)
    assert "leak 70 %" not in page.content()
    page.keyboard.press("o")
    page.wait_for_selector("#said >> text=The model said leak (leak 70 %, crack 20 %, ok 10 %)")
    page.reload()
    assert current(page) == asked
    assert page.locator("#said").is_hidden()
    press(page, "1")  # it was seen, though not since the reload
    last = press(page, "1")
    sent(page)
    assert shown(served, task) == {plain: False, asked: True, last: False}


def test_it_is_shown_at_once_where_the_task_says_so(enter: Any, asks: Any, served: Served) -> None:
    task = asks(1, decision=decision(served, "first"))
    with served.store() as store:
        keep_labelling(store, task, LabellingPolicy(opinion="shown"))
    page = enter(task)
    page.wait_for_selector("#said >> text=The model said leak")
    place = press(page, "2")
    sent(page)
    assert shown(served, task) == {place: True}


def test_where_no_model_decided_none_is_said_to_have_been_seen(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(1)
    page = enter(task)
    current(page)
    page.keyboard.press("o")
    page.wait_for_selector("#said >> text=No model had decided")
    place = press(page, "2")
    sent(page)
    assert shown(served, task) == {place: False}
