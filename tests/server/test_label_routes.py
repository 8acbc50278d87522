"""What the label page asks of the server, beside what the browser tests go through."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from PIL import Image
from served import questions
from serving_workspace import client_of

from twoloops.records.digests import digest_bytes
from twoloops.records.observation import Place
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

LABELS = ("leak", "ok")
BASE = "/api/v1/tasks/orders/label"


def tiff() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (6, 4), (200, 10, 10)).save(buffer, "TIFF")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    questions(tmp_path, Task("orders", "text", LABELS), [b"oil & <b>dirt</b>", b"hose"])
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Any:
    with client_of(folder) as client:
        yield client


def bearer(folder: Path, name: str = "ann", scope: Any = "labeller") -> dict[str, str]:
    with Store.open(folder, create=False) as store:
        return {"Authorization": f"Bearer {store.tokens.add(name, scope, now())[1]}"}


def test_an_answer_is_taken_back_once_however_often_that_is_asked(
    client: TestClient, folder: Path
) -> None:
    who = bearer(folder)
    place = client.post(f"{BASE}/next", json={}, headers=who).json()["items"][0]["observation"]
    said = {"observation": place, "label": "leak"}
    assert client.post(f"{BASE}/answer", json=said, headers=who).json()["new"]
    body = {"observation": place}
    undone = [client.post(f"{BASE}/undo", json=body, headers=who).json() for _ in range(2)]
    assert [one["label"] for one in undone] == ["leak", None]
    client.post(f"{BASE}/pass", json=body, headers=who)
    undone = [client.post(f"{BASE}/undo", json=body, headers=who).json() for _ in range(2)]
    assert [one["label"] for one in undone] == ["", None]
    with Store.open(folder, create=False) as store:
        assert len(store.withdrawn.find([Place("orders", "e1", 1)])) == 1


def test_a_page_of_another_labeller_gives_no_answers(client: TestClient, folder: Path) -> None:
    who = bearer(folder, "Jürgen")
    mine = {**who, "X-Labeller": "person%3AJ%C3%BCrgen"}
    assert client.post(f"{BASE}/next", json={}, headers=mine).status_code == 200
    other = client.post(f"{BASE}/next", json={}, headers={**who, "X-Labeller": "person%3Akim"})
    assert other.status_code == 403
    assert "this page labels as kim" in other.json()["detail"]


def test_what_browsers_do_not_show_is_handed_out_as_png(folder: Path) -> None:
    data = [tiff(), b"no picture at all"]
    with Store.open(folder, create=False) as store:
        store.tasks.put(Task("cells", "image", LABELS))
    questions(folder, Task("cells", "image", LABELS), data)
    with client_of(folder) as client:
        who = bearer(folder, scope="reader")
        first, second = (
            client.get(f"/api/v1/inputs/{digest_bytes(one)}/picture", headers=who) for one in data
        )
    assert first.headers["content-type"] == "image/png"
    assert first.headers["cache-control"].startswith("private")
    assert Image.open(io.BytesIO(first.content)).getpixel((0, 0)) == (200, 10, 10)
    assert second.status_code == 422
    assert "no image that can be read" in second.json()["detail"]


def test_no_model_is_handed_out_as_a_picture(client: TestClient, folder: Path) -> None:
    with Store.open(folder, create=False) as store, store.transaction():
        digest = store.inputs.put(b"a model's bytes", "model")
    found = client.get(f"/api/v1/inputs/{digest}/picture", headers=bearer(folder))
    assert found.status_code == 404


def test_what_labels_bought_is_one_line(client: TestClient, folder: Path) -> None:
    found = client.get(f"{BASE}/bought", headers=bearer(folder))
    assert found.json() == {"told": "0 labels for 0.00 USD; no model is released yet"}


def test_the_only_task_is_opened_and_several_are_listed(client: TestClient, folder: Path) -> None:
    who = bearer(folder)
    only = client.get("/label", headers=who, follow_redirects=False)
    assert (only.status_code, only.headers["location"]) == (303, "/label/orders")
    with Store.open(folder, create=False) as store:
        store.tasks.put(Task("parts", "text", LABELS))
    page = client.get("/label", headers=who).text
    assert 'href="/label/orders"' in page
    assert "text, 2 questions open" in page
    assert "text, 0 questions open" in page


def test_the_page_holds_what_its_script_needs_and_no_script_of_its_own(
    client: TestClient, folder: Path
) -> None:
    found = client.get("/label/orders", headers={**bearer(folder), "Accept": "text/html"})
    assert "script-src 'self'" in found.headers["content-security-policy"]
    page = found.text
    setup = page.partition('data-setup="')[2].partition('"')[0].replace("&#34;", '"')
    said = json.loads(setup)
    assert (said["task"], said["who"], said["labels"]) == ("orders", "person:ann", ["leak", "ok"])
    scripts = [part.partition("</script>")[0] for part in page.split("<script")[1:]]
    assert all(script.endswith(">") for script in scripts)
    assert " onclick" not in page


def test_an_unknown_task_is_said(client: TestClient, folder: Path) -> None:
    found = client.get("/label/parts", headers={**bearer(folder), "Accept": "text/html"})
    assert found.status_code == 404
    assert "parts" in found.text
