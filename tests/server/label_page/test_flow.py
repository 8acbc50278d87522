"""Answers: by keyboard, by two people, through reloads and cut networks, taken back."""

import csv
import itertools
import time
from pathlib import Path
from typing import Any

from acting import LABELS, SHOWN, command, current, given, press, sent, waiting
from served import Served

WORDS = {
    "burnt": ("burnt", "smoke"),
    "crack": ("crack", "broken"),
    "leak": ("leak", "oil"),
    "ok": ("service", "grease"),
}


def test_fifty_items_by_keyboard_alone_and_a_new_label_is_in_the_next_model(
    enter: Any, served: Served, tmp_path: Path
) -> None:
    rows = [f"{WORDS[kind][n % 2]} pump {n}" for n in range(15) for kind in WORDS]
    source = tmp_path / "orders.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([row] for row in rows)])
    where = ("-w", served.folder, "--wait", 60)
    add = ("task", "add", "orders", "--kind", "text", "--labels", ",".join(LABELS))
    command(*add, "--normal", "ok", "--seed-labels", 50, *where)
    command("ingest", source, "--text", "text", "--task", "orders", *where)
    command("turn", "orders", *where)
    page = enter("orders")
    keys = {"crack": "1", "leak": "2", "ok": "3"}
    seen = []
    for _ in range(50):
        page.wait_for_selector(SHOWN)
        first = page.locator("#stage p").inner_text().split()[0]
        label = next(kind for kind, words in WORDS.items() if first in words)
        if label not in keys:
            before = current(page)
            page.keyboard.press("n")
            page.keyboard.type("burnt")
            page.keyboard.press("Enter")
            page.wait_for_selector("#spelled >> text=burnt")
            seen.append(press(page, "Enter"))
            keys[label] = "4"  # after those that were there: no key moves
            assert seen[-1] == before
        else:
            seen.append(press(page, keys[label]))
    sent(page)
    page.wait_for_selector("text=Every question is answered")
    assert len(set(seen)) == 50
    assert set(given(served, "orders")) == set(seen)
    command("turn", "orders", *where)
    with served.store() as store:
        release = store.releases.deployed("orders")
        assert release is not None
        assert store.models.find(release.model).card.labels == ("burnt", *LABELS)


def test_what_the_labels_bought_follows_the_answers_with_few_questions(
    enter: Any, asks: Any
) -> None:
    began = time.monotonic()
    page = enter(asks(4))
    questions: list[str] = []
    page.on("request", lambda one: one.url.endswith("/bought") and questions.append(one.url))
    page.wait_for_selector("#bought >> text=0 labels for")
    for _ in range(3):
        press(page, "1")
    sent(page)
    page.wait_for_selector("#bought >> text=3 labels for")
    assert len(questions) <= 2 + (time.monotonic() - began) / 4  # one in four seconds, not more


def test_two_people_never_get_the_same_item_and_finish_together(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(14)
    ann, bob = enter(task, "ann"), enter(task, "bob")
    assert current(ann) != current(bob)
    done: dict[Any, list[str]] = {ann: [], bob: []}
    for page in itertools.cycle((ann, bob)):
        if page.locator(SHOWN).count():
            done[page].append(press(page, "2"))
        elif page.locator("text=Every question is answered").count():
            break
    sent(ann)
    sent(bob)
    said = given(served, task)
    assert not set(done[ann]) & set(done[bob])
    assert {place for place, (_, who) in said.items() if who == "person:ann"} == set(done[ann])
    assert {place for place, (_, who) in said.items() if who == "person:bob"} == set(done[bob])
    assert len(said) == 14
    assert min(map(len, done.values())) > 0


def test_reload_lost_network_and_a_killed_server_lose_nothing(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(14)
    page = enter(task)
    done = [press(page, "1"), press(page, "2")]
    page.reload()
    done += [press(page, "3")]
    sent(page)
    page.wait_for_selector("#stage[data-ahead='4']")
    page.context.set_offline(True)
    done += [press(page, "1"), press(page, "1"), press(page, "2")]
    page.wait_for_selector("#state >> text=offline, 3 answers wait here")
    assert len(given(served, task)) == 3
    page.context.set_offline(False)
    sent(page)
    page.wait_for_selector("#stage[data-ahead='4']")
    served.kill()
    try:
        done += [press(page, "3"), press(page, "3")]
        page.wait_for_selector("#state >> text=2 answers wait here")
        assert waiting(page) == 2
    finally:
        served.start()
    page.reload()  # the outbox is sent before anything is asked for
    sent(page)
    while len(done) < 14:
        done.append(press(page, "2"))
    sent(page)
    page.wait_for_selector("text=Every question is answered")
    assert len(set(done)) == 14
    assert set(given(served, task)) == set(done)


def test_an_answer_taken_back_goes_back_to_its_item_several_steps(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(5)
    page = enter(task)
    first, second = press(page, "1"), press(page, "1")
    sent(page)
    third = press(page, "1")
    for key, expected in (("u", third), ("Backspace", second), ("u", first)):
        assert press(page, key) not in (expected, None)
        assert current(page) == expected
    sent(page)
    assert given(served, task) == {}
    for expected in (first, second, third):
        assert press(page, "2") == expected
    sent(page)
    assert {label for label, _ in given(served, task).values()} == {"leak"}
    page.reload()  # what was given before a reload can be taken back as well
    current(page)
    press(page, "u")
    assert current(page) == third
    sent(page)
    assert set(given(served, task)) == {first, second}


def test_who_cannot_tell_says_why_and_a_comment_stays_over_a_reload(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(3)
    page = enter(task)
    passed = current(page)
    page.keyboard.press("x")
    page.keyboard.type("blurred")
    press(page, "Enter")
    commented = current(page)
    page.keyboard.press("c")
    page.keyboard.type("u and x are letters here")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#comment >> text=letters here")
    page.reload()
    assert current(page) == commented
    page.wait_for_selector("#comment >> text=letters here")
    press(page, "3")
    assert page.locator("#comment").is_hidden()
    press(page, "3")
    sent(page)
    with served.store() as store:
        places = [one.place for one in store.observations.of_task(task)]
        (one,) = store.passes.find(places)
        assert (str(one.observation), one.why) == (passed, "blurred")
        notes = {str(place): note for (place, _), note in store.notes.find(places).items()}
    assert notes[commented].comment == "u and x are letters here"
    assert 0 < notes[commented].seconds < 60
    assert passed not in given(served, task)
