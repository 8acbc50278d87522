"""The overview and why pages of workspaces in every state: never an error of their own."""

import contextlib
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from twoloops.records.digests import short
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.adopting import deploy
from twoloops.wiring.beginning import begin
from twoloops.wiring.revoking import revoke
from twoloops.wiring.workspace import writing

Opened = Callable[..., Any]
HOSTILE = "<script>alert(1)</script>"


def main_of(text: str) -> str:
    """The page's own part, which must be well-formed."""
    inner = text.split("<main", 1)[1].split("</main>")[0]
    ET.fromstring(f"<main{inner}</main>")
    return inner


def test_the_page_shows_loops_turns_and_verdicts(opened: Opened, copied: Path) -> None:
    client = opened(copied)
    page = client.get("/")
    assert page.status_code == 200
    inner = main_of(page.text)
    for told in (
        "digital loop",
        "What a sceptic would say first",
        "Lift per turn",
        "Gate verdicts",
    ):
        assert told in inner
    assert 'href="/why/turn-2?task=orders"' in inner
    assert "a reader <small>reader</small>" in page.text
    assert 'href="/label"' not in page.text  # a reader does not label


def test_its_counts_are_asked_for_again_by_the_names_it_shows(opened: Opened, copied: Path) -> None:
    client = opened(copied, "labeller")
    page = client.get("/").text
    live = client.get("/api/v1/overview/counts").json()
    for name, text in live["shown"].items():
        assert f'data-count="{name}">{text}<' in page
    with Store.open(copied) as store:
        assert live["counts"]["labels"] == store.labels.count("orders")
    assert 'href="/label"' in page
    figures = client.get("/api/v1/overview").json()
    assert [turn["number"] for turn in figures["tasks"][0]["turns"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("path", ["/", "/why/deployed", "/api/v1/overview", "/api/v1/why/deployed"])
def test_who_may_not_read_sees_nothing(opened: Opened, copied: Path, path: str) -> None:
    assert opened(copied, "edge").get(path).status_code == 403
    stranger = opened(copied)
    del stranger.headers["Authorization"]
    answer = stranger.get(path, follow_redirects=False)
    assert answer.status_code == (401 if path.startswith("/api") else 303)


def test_an_empty_workspace_and_a_task_without_a_turn(opened: Opened, tmp_path: Path) -> None:
    begin(tmp_path / "w")
    client = opened(tmp_path / "w")
    assert "no task yet" in main_of(client.get("/").text)
    refused = client.get("/why/deployed")
    assert (refused.status_code, "has no task yet" in refused.text) == (404, True)
    with writing(tmp_path / "w") as store:
        store.tasks.put(Task("t", "text", ("a", "b")))
    page = client.get("/")
    assert page.status_code == 200
    assert "Nothing is deployed yet" in main_of(page.text)
    refused = client.get("/why/deployed")
    assert (refused.status_code, "no model of task" in refused.text) == (404, True)
    refused = client.get("/api/v1/why/deployed")
    assert refused.status_code == 404
    assert "no model of task 't' is released yet" in refused.json()["detail"]


@pytest.mark.parametrize("asked", ["deployed", "turn-0", "turn-1", "turn-2", "turn 3", "turn-3"])
def test_why_tells_of_every_turn(opened: Opened, copied: Path, asked: str) -> None:
    client = opened(copied)
    page = client.get(f"/why/{asked}", params={"task": "orders"})
    assert page.status_code == 200
    inner = main_of(page.text)
    assert "twoloops why" in inner
    if asked.endswith("3"):
        assert "is open: nothing was judged yet" in inner
    else:
        assert "was released for task &#x27;orders&#x27;" in inner
        assert 'class="passed">passed' in inner


def test_why_a_model_by_the_first_digits_of_its_digest(opened: Opened, copied: Path) -> None:
    with Store.open(copied) as store:
        release = store.releases.all("orders")[0]
    client = opened(copied)
    found = client.get(f"/api/v1/why/{short(release.model)}").json()
    assert found["candidate"]["model"] == release.model
    assert found["turn"] == 0
    assert found["candidate"]["verdict"]["claim"] == "first"
    nothing = client.get("/why/0000")
    assert (nothing.status_code, "names no model" in nothing.text) == (404, True)
    assert client.get("/why/turn-99").status_code == 404
    assert client.get("/why/deployed", params={"task": HOSTILE}).status_code == 404


def test_a_person_deployed_it_and_a_revoked_one_say_so(opened: Opened, copied: Path) -> None:
    with writing(copied) as store:
        first, *_, last = store.releases.all("orders")
        deploy(store, "orders", first.model, f"because {HOSTILE}")
        revoke(store, store.models.find(last.model), "wrong labels")
    client = opened(copied)
    page = client.get("/")
    assert page.status_code == 200
    assert "deployed by a person" in main_of(page.text)
    assert "revoked since" in main_of(page.text)
    assert "UTC: wrong labels. Released: " in main_of(page.text)
    why = client.get("/why/deployed").text
    assert "A person deployed model" in main_of(why)
    assert "because &lt;script&gt;" in why
    page = client.get(f"/why/{short(last.model)}").text
    assert "and revoked since." in page
    assert "UTC: wrong labels" in page


def test_a_task_stays_readable_whatever_it_is_called(opened: Opened, copied: Path) -> None:
    with writing(copied) as store:
        orders = store.tasks.get("orders")
        store.tasks.put(replace(orders, name=f'{HOSTILE}"/..', labels=("a", HOSTILE)[::-1],
                                normal=HOSTILE))  # fmt: skip
    page = opened(copied).get("/")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    main_of(page.text)


def test_forgotten_inputs_and_a_damaged_first_model_are_no_error(
    opened: Opened, copied: Path
) -> None:
    with writing(copied) as store:
        first, second = (one.model for one in store.releases.all("orders")[:2])
        asked = [one.observation for one in store.questions.of_turn("orders", 2)
                 if one.purpose == "audit"]  # fmt: skip
        seen = next(
            one
            for one in store.observations.find(asked).values()
            if one.decision is not None and one.decision.model == second
        )
        store.forget(seen.input, seen.observed_at)
    page = opened(copied).get("/")
    assert page.status_code == 200
    assert "1 audit label could not be put to the first model" in main_of(page.text)
    with contextlib.closing(sqlite3.connect(copied / "catalog.db")) as catalog:
        catalog.execute("UPDATE inputs SET data = x'00' WHERE digest = ?", (first,))
        catalog.commit()
    for blob in (copied / "blobs").rglob("*"):
        if blob.is_file() and first[7:] in blob.name:
            blob.write_bytes(b"\x00")
    page = opened(copied).get("/")
    assert page.status_code == 200
    assert "10 audit labels could not be put to the first model" in main_of(page.text)


def test_a_broken_journal_is_marked_on_both_pages(opened: Opened, copied: Path) -> None:
    with contextlib.closing(sqlite3.connect(copied / "catalog.db")) as catalog:
        catalog.execute("UPDATE journal SET turn = 1 WHERE sequence = 4")
        catalog.commit()
    client = opened(copied)
    assert "The journal is not whole." in main_of(client.get("/").text)
    assert "The journal is NOT whole" in main_of(client.get("/why/deployed").text)


def test_a_page_asked_for_twice_is_computed_once(
    opened: Opened, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twoloops.wiring import overview

    times = []
    real = overview.overview_of
    monkeypatch.setattr(overview, "overview_of", lambda *more: (times.append(1), real(*more))[1])
    client = opened(copied)
    assert client.get("/").text == client.get("/").text
    assert len(times) == 1


def test_nothing_is_fetched_from_elsewhere(opened: Opened, copied: Path) -> None:
    client = opened(copied)
    page = client.get("/").text
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    for name in ("nav.css", "overview.css", "overview.js"):
        assert client.get(f"/static/{name}").status_code == 200
