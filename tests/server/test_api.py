"""The routes for programs: observations, journal, tokens, releases, health."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from litestar.testing import TestClient
from serving_workspace import Served

from twoloops.records.digests import digest_record
from twoloops.records.journal import Fact
from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

ORDERS = "/api/v1/tasks/orders"


def send(client: TestClient, served: Served, text: str, who: str = "edge", **query: str):
    return client.post(
        f"{ORDERS}/observations",
        content=text.encode(),
        params=query,
        headers=served.bearer(who) | {"Content-Type": "text/plain"},
    )


def test_an_input_with_a_key_counts_once_and_one_without_each_time(
    client: TestClient, served: Served
) -> None:
    first = send(client, served, "oil leak", key="SN-1").json()
    assert (first["known"], first["decision"]) == (False, None)
    assert first["kept"] == {"reason": "novel", "probability": 1.0}
    again = send(client, served, "oil leak", key="SN-1").json()
    assert again == {
        "known": True,
        "decision": None,
        "place": None,
        "kept": None,
        "quarantined": None,
    }
    assert not send(client, served, "oil leak", who="admin", key="SN-1").json()["known"]
    for _ in range(2):
        assert send(client, served, "oil leak").json()["place"] is not None
    with Store.open(served.folder) as store:
        assert store.observations.count("orders") == 4
        assert [str(place) for place in store.keys.find("orders", ["SN-1"])["SN-1"]].count(
            first["place"]
        ) == 1  # fmt: skip
        assert store.marks.gaps() == []


def test_keys_are_known_after_a_restart(client: TestClient, served: Served) -> None:
    send(client, served, "oil leak", key="SN-1")
    client.app.state.deciders._doors.clear()
    assert send(client, served, "oil leak", key="SN-1").json()["known"]


def test_an_origin_is_kept(client: TestClient, served: Served) -> None:
    send(client, served, "oil leak", origin="part 7")
    with Store.open(served.folder) as store:
        assert [one.origin for one in store.observations.of_task("orders")] == ["part 7"]


@pytest.mark.parametrize("query", [{"key": ""}, {"key": "a\x07"}, {"origin": "a" * 201}])
def test_odd_keys_and_origins_are_refused(
    client: TestClient, served: Served, query: dict[str, str]
) -> None:
    assert send(client, served, "oil leak", **query).status_code == 400


def test_in_a_batch_one_bad_text_stops_none_of_the_others(
    client: TestClient, served: Served
) -> None:
    texts = [{"text": "oil leak", "key": "a"}, {"text": " "}, {"text": "fine", "key": "a"}]
    answer = client.post(
        f"{ORDERS}/observations/batch",
        json={"observations": texts},
        headers=served.bearer("edge"),
    )
    first, bad, twice = answer.json()["observations"]
    assert first["place"]
    assert "empty" in bad["quarantined"]
    assert twice["known"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("orders", {"observations": []}, 400),
        ("orders", {"observations": [{"text": "a"}] * 501}, 400),
        ("orders", {"observations": [{"text": "a" * 70_000}]}, 422),
        ("orders", {"observations": [{"text": 1}]}, 400),
        ("orders", {"observations": [{"text": "a" * 60_000}] * 100}, 413),
        ("pump", {"observations": [{"text": "a"}]}, 422),
        ("nothing", {"observations": [{"text": "a"}]}, 404),
    ],
)
def test_batches_have_limits(
    client: TestClient, served: Served, path: str, body: dict, status: int
) -> None:
    address = f"/api/v1/tasks/{path}/observations/batch"
    answer = client.post(address, json=body, headers=served.bearer("edge"))
    assert answer.status_code == status, answer.text


def test_while_another_command_holds_the_workspace_it_is_told_to_ask_again(
    client: TestClient, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twoloops.server.keeper.PATIENCE", 0.0)
    with workspace_lock(served.folder, "twoloops turn", now()):
        answer = send(client, served, "oil leak")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "twoloops turn" in answer.json()["detail"]
    assert send(client, served, "oil leak").status_code == 200


def test_the_journal_is_read_page_by_page(client: TestClient, served: Served) -> None:
    with Store.open(served.folder) as store:
        for i in range(7):
            task = "orders" if i % 2 else "pump"
            store.journal.append("noted", task=task, turn=0, key=f"k{i}", at=now())
    reader, after, found = served.bearer("reader"), 0, []
    while after is not None:
        page = client.get(f"/api/v1/journal?after={after}&limit=3", headers=reader).json()
        found += page["facts"]
        after = page["next"]
    assert [one["fact"]["sequence"] for one in found] == list(range(1, 8))
    assert (page["last"], page["head"]) == (7, found[-1]["digest"])
    for one in found:  # what is sent can be checked by who receives it
        assert digest_record(msgspec.convert(one["fact"], Fact)) == one["digest"]
    mine = client.get("/api/v1/journal?task=orders", headers=reader).json()
    assert [one["fact"]["key"] for one in mine["facts"]] == ["k1", "k3", "k5"]


@pytest.mark.parametrize(
    "query", ["after=-1", "limit=0", "limit=1001", "after=x", f"after={2**70}"]
)
def test_pages_have_limits(client: TestClient, served: Served, query: str) -> None:
    answer = client.get(f"/api/v1/journal?{query}", headers=served.bearer("reader"))
    assert answer.status_code == 400


def test_a_token_is_shown_once_used_and_revoked(client: TestClient, served: Served) -> None:
    admin = served.bearer("admin")
    body = {"name": "maria", "scope": "labeller", "days": 30}
    made = client.post("/api/v1/tokens", json=body, headers=admin).json()
    hers = {"Authorization": f"Bearer {made['secret']}"}
    assert client.get("/api/v1/tasks", headers=hers).status_code == 200
    listed = client.get("/api/v1/tokens", headers=admin)
    assert made["secret"] not in listed.text
    (one,) = [one for one in listed.json() if one["name"] == "maria"]
    assert one == made["token"]
    assert one["valid"]
    gone = client.delete(f"/api/v1/tokens/{one['id']}", headers=admin).json()
    assert not gone["valid"]
    assert client.delete(f"/api/v1/tokens/{one['id']}", headers=admin).json() == gone
    assert client.get("/api/v1/tasks", headers=hers).status_code == 401


def test_a_token_expires(
    client: TestClient, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"name": "maria", "scope": "reader", "days": 1}
    made = client.post("/api/v1/tokens", json=body, headers=served.bearer("admin")).json()
    hers = {"Authorization": f"Bearer {made['secret']}"}
    later = now() + timedelta(days=1, seconds=1)
    monkeypatch.setattr("twoloops.server.access.now", lambda: later)
    assert client.get("/api/v1/tasks", headers=hers).status_code == 401


def test_without_a_release_there_is_nothing_to_fetch(client: TestClient, served: Served) -> None:
    edge = served.bearer("edge")
    assert client.get(f"{ORDERS}/releases/deployed", headers=edge).status_code == 404
    for model in ("sha256:" + "0" * 64, "x", "%25"):
        path = f"{ORDERS}/releases/{model}/file"
        assert client.get(path, headers=edge).status_code == 404


def test_health_says_ok_and_no_more(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}


def test_what_comes_in_at_the_same_time_is_told_apart(client: TestClient, served: Served) -> None:
    texts = [f"oil leak {i}" if i % 7 else "  " for i in range(40)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda text: send(client, served, text), texts))
    for text, answer in zip(texts, answers, strict=True):
        assert answer.status_code == (200 if text.strip() else 422)
    places = {answer.json()["place"]: text for text, answer in zip(texts, answers, strict=True)
              if text.strip()}  # fmt: skip
    with Store.open(served.folder) as store:
        kept = store.observations.of_task("orders")
        assert len(kept) == len(places) == 34
        for one in kept:
            assert store.inputs.get(one.input).decode() == places[str(one.place)]
        epochs = {one.place.epoch for one in kept}
    assert len(epochs) < len(kept)  # some went through together


def test_when_a_group_cannot_pass_each_is_told(
    client: TestClient, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twoloops.server.keeper.PATIENCE", 0.0)
    with (
        workspace_lock(served.folder, "twoloops turn", now()),
        ThreadPoolExecutor(6) as pool,
    ):
        texts = [f"oil leak {i}" for i in range(6)]
        codes = set(pool.map(lambda text: send(client, served, text).status_code, texts))
    assert codes == {503}
    assert send(client, served, "oil leak").status_code == 200


NOWHERE = {"observation": "desk/e1/1"}


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "turns", {}),
        ("POST", "turn", {"json": {}}),
        ("POST", "label/next", {"json": {}}),
        ("POST", "label/answer", {"json": {**NOWHERE, "label": "leak"}}),
        ("POST", "label/pass", {"json": NOWHERE}),
        ("POST", "label/undo", {"json": NOWHERE}),
        ("POST", "label/give-back", {"json": {"observations": []}}),
        ("GET", "label/opinion", {"params": NOWHERE}),
        ("GET", "label/progress", {}),
        ("GET", "label/bought", {}),
        ("POST", "observations/batch", {"json": {"observations": [{"text": "a"}]}}),
        ("GET", "releases/deployed", {}),
        ("GET", "releases/sha256:00/file", {}),
    ],
)
def test_a_task_that_is_not_there_is_not_found_and_said(
    client: TestClient, served: Served, method: str, path: str, sent: dict
) -> None:
    address = f"/api/v1/tasks/nothing/{path}"
    answer = client.request(method, address, headers=served.bearer("admin"), **sent)
    assert answer.status_code == 404, answer.text
    assert answer.json()["detail"].startswith("no task 'nothing': choose one of ['cells', ")
