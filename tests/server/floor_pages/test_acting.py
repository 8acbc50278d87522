"""Pausing, resuming and aborting a roll-out on its page: by an admin, from this site, as shown."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from floored import floored
from litestar.testing import TestClient
from serving_workspace import URL, client_of

from twoloops.records.token import Scope
from twoloops.store.workspace import Store
from twoloops.wiring.rollout_standing import RolloutStanding, standing
from twoloops.wiring.workspace import now

HERE = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
Entered = Callable[..., TestClient]


@pytest.fixture
def entered(tmp_path: Path) -> Iterator[Entered]:
    """Return a function that opens the server as somebody's browser does, by the cookie."""
    floored(tmp_path, now()).close()
    with ExitStack() as stack:

        def enter(scope: Scope = "admin") -> TestClient:
            with Store.open(tmp_path) as store:
                secret = store.tokens.add("maria", scope, now())[1]
            client = stack.enter_context(client_of(tmp_path))
            client.headers.update({"Accept": "text/html", "Cookie": f"twoloops={secret}"})
            return client

        yield enter


def send(client: TestClient, act: str, why: str = "oil on the lens", **more: Any) -> Any:
    data = {"why": why, "number": "1"} | more.pop("data", {})
    headers = more.pop("headers", HERE)
    address = f"/rollouts/{more.pop('task', 'strip')}/{act}"
    return client.post(address, data=data, headers=headers, follow_redirects=False)


def state(folder: Path) -> RolloutStanding:
    with Store.open(folder, create=False) as store:
        (one,) = standing(store)
        return one


def test_an_admin_pauses_resumes_and_aborts_with_a_reason(entered: Entered, tmp_path: Path) -> None:
    admin = entered()
    assert 'action="/rollouts/strip/pause"' in admin.get("/rollouts").text
    for act, status in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        answer = send(admin, act)
        assert (answer.status_code, answer.headers["location"]) == (303, "/rollouts")
        assert state(tmp_path).status == status
    move = state(tmp_path).moves[-1]
    assert (move.why, move.by) == ("oil on the lens", "maria")
    with Store.open(tmp_path, create=False) as store:
        (fact,) = store.journal.facts(kind="rollout aborted")
    assert (fact.body["why"], fact.body["by"]) == ("oil on the lens", "maria")
    page = admin.get("/rollouts").text
    assert "Aborted: oil on the lens (maria)." in page
    assert 'action="/rollouts' not in page


@pytest.mark.parametrize("scope", ["reader", "labeller", "edge"])
def test_nobody_else_may(entered: Entered, tmp_path: Path, scope: Scope) -> None:
    client = entered(scope)
    assert send(client, "abort").status_code == 403
    assert state(tmp_path).status == "running"
    assert 'action="/rollouts' not in client.get("/rollouts").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": URL + ":99"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {**HERE, "Content-Type": "text/plain"},
        {**HERE, "Content-Type": "multipart/form-data; boundary=x"},
    ],
)
def test_a_form_of_another_site_does_nothing(
    entered: Entered, tmp_path: Path, headers: dict[str, str]
) -> None:
    assert send(entered(), "abort", headers=headers).status_code in (403, 415)
    assert state(tmp_path).status == "running"


@pytest.mark.parametrize(
    ("act", "more", "status", "said"),
    [
        ("abort", {"data": {"number": "7"}}, 422, "roll-out 1 of task"),
        ("abort", {"why": "  "}, 422, "say why"),
        ("abort", {"why": "x" * 501}, 400, ""),
        ("abort", {"data": {"number": "one"}}, 400, ""),
        ("abort", {"task": "none"}, 404, "no task"),
        ("resume", {}, 422, "is not paused"),
        ("burn", {}, 400, ""),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    entered: Entered, tmp_path: Path, act: str, more: dict[str, Any], status: int, said: str
) -> None:
    answer = send(entered(), act, **more)
    assert answer.status_code == status
    assert said in answer.text
    assert state(tmp_path).status == "running"


def test_it_cannot_be_asked_for_by_a_link(entered: Entered, tmp_path: Path) -> None:
    assert entered().get("/rollouts/strip/abort").status_code == 405
    assert state(tmp_path).status == "running"
