"""The floor's pages of a workspace in every state, and of one with nothing in it."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from floored import STATES, floored
from litestar.testing import TestClient
from serving_workspace import client_of

from twoloops.records.digests import short
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

PATHS = ("/floor", "/rollouts", "/drift", "/quarantine")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("floored")
    with floored(folder, now()) as store:
        secret = store.tokens.add("ann", "reader", now())[1]
    with client_of(folder) as found:
        found.headers.update({"Authorization": f"Bearer {secret}", "Accept": "text/html"})
        yield found


def main_of(text: str) -> str:
    """The page's own part, which must be well-formed."""
    inner = text.split("<main", 1)[1].split("</main>")[0]
    ET.fromstring(f"<main{inner}</main>")
    return inner


@pytest.mark.parametrize("path", PATHS)
def test_a_page_links_to_the_others_and_marks_itself(client: TestClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    main_of(page.text)
    assert f'<a href="{path}" aria-current="page">' in page.text
    assert page.text.count("aria-current") == 1
    for other in ("/", *PATHS):
        assert f'<a href="{other}"' in page.text


def test_the_floor_shows_every_edge(client: TestClient) -> None:
    inner = main_of(client.get("/floor").text)
    assert inner.count("<article") == len(STATES)
    assert "31 observations between 17 and 49: dropped, as the spool was full" in inner
    assert "2 observations between 59 and 62: nobody knows why" in inner
    assert "not heard for 4 h" in inner
    assert "never heard for 3 days" in inner
    assert "on trial" in inner
    one = main_of(client.get("/floor", params={"group": "hall-2"}).text)
    assert one.count("<article") == len(STATES) // 3


def test_an_edge_leads_to_why_its_model_was_released(client: TestClient) -> None:
    inner = main_of(client.get("/floor").text)
    in_force = client.get("/api/v1/tasks/strip/releases/deployed").json()["model"]
    assert f'<a href="/why/{short(in_force)}?task=strip">{short(in_force)}</a>' in inner


def test_roll_outs_show_stage_evidence_and_history(client: TestClient) -> None:
    inner = main_of(client.get("/rollouts").text)
    assert "Stage 1 of 3: shadow on hall-1, hall-2" in inner
    assert "1,200 inputs decided by both, 100 differently (8.3" in inner
    assert "of 13 audit labels it decides 1 wrong" in inner
    history = inner.split("History")[1]
    assert history.index("shadow on hall-1") < history.index("goes out after")
    assert "<form" not in inner


def test_drift_shows_the_verdict_and_what_it_opened(client: TestClient) -> None:
    inner = main_of(client.get("/drift").text)
    assert "It opened turn 3" in inner
    assert "<svg" in inner
    assert "changed, seen after 44" in inner


def test_the_quarantine_comes_in_pages_newest_first(client: TestClient) -> None:
    first = main_of(client.get("/quarantine").text)
    assert "71 inputs could not be used." in first
    assert first.index("row 7") < first.index("press-4/e1/3")
    second = main_of(client.get("/quarantine", params={"page": 2}).text)
    assert second.count('class="refused"') == 21
    chosen = main_of(client.get("/quarantine", params={"source": "week.csv"}).text)
    assert chosen.count('class="refused"') == 1
    assert "&lt;script&gt;" in chosen


@pytest.mark.parametrize("page", ["-3", "0", "999999999999999999999"])
@pytest.mark.parametrize("path", ["/floor", "/quarantine"])
def test_a_page_that_is_not_there_is_the_nearest_that_is(
    client: TestClient, path: str, page: str
) -> None:
    assert client.get(path, params={"page": page}).status_code == 200
    assert client.get(path, params={"page": "x"}).status_code == 400


def test_the_overview_says_first_what_is_wrong(client: TestClient) -> None:
    inner = main_of(client.get("/").text)
    told = inner.split("</section>")[0]
    assert told.count("<li>") == 4
    assert "Drift of strip" in told
    assert "2 edges silent: press-2 (not heard for 4 h), press-8 (never heard for 3 days)" in told
    assert "2 observations lost and unexplained: press-4" in told
    assert "2 edges with something wrong: press-3, press-7" in told


@pytest.mark.parametrize("tasks", [0, 1])
def test_pages_of_an_empty_workspace(tmp_path: Path, tasks: int) -> None:
    with Store.open(tmp_path) as store:
        secret = store.tokens.add("ann", "reader", now())[1]
        for number in range(tasks):
            store.tasks.put(Task(f"t{number}", "text", ("a", "b")))
    with client_of(tmp_path) as client:
        client.headers.update({"Authorization": f"Bearer {secret}", "Accept": "text/html"})
        for path in PATHS:
            page = client.get(path)
            assert page.status_code == 200, path
            main_of(page.text)
        assert "twoloops edge enrol" in client.get("/floor").text
        assert "Nothing is in quarantine" in client.get("/quarantine").text
        said = "Nothing is deployed yet" if tasks else "no task yet"
        assert said in client.get("/drift").text
        assert 'class="concerns"' not in client.get("/").text
