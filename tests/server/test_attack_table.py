"""Who may do what: every route against every kind of token, and the same table in the docs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient
from serving_workspace import Served, client_of, make_workspace

from twoloops.server.app import Options, application
from twoloops.server.rate import Rate
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

DOCS = Path(__file__).parents[2] / "docs" / "server.md"

OPEN = frozenset({"none", "reader", "labeller", "edge", "admin"})
READ = frozenset({"reader", "labeller", "admin"})
LABEL = frozenset({"labeller", "admin"})
EDGE = frozenset({"edge", "admin"})
ADMIN = frozenset({"admin"})
API = "/api/v1"
TASK = f"{API}/tasks/{{task}}"

ROWS: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/health"): OPEN,
    ("GET", "/login"): OPEN,
    ("POST", "/login"): OPEN,
    ("POST", "/logout"): OPEN,
    ("GET", "/static/{file_path}"): OPEN,
    ("HEAD", "/static/{file_path}"): OPEN,
    ("GET", "/"): READ,
    ("GET", "/why/{release}"): READ,
    ("GET", "/floor"): READ,
    ("GET", "/rollouts"): READ,
    ("POST", "/rollouts/{task}/{act}"): ADMIN,
    ("GET", "/drift"): READ,
    ("GET", "/quarantine"): READ,
    ("GET", "/label"): LABEL,
    ("GET", "/label/{task}"): LABEL,
    ("GET", "/api/schema"): READ,
    ("GET", "/api/schema/openapi.json"): READ,
    ("GET", "/api/schema/{path}"): READ,
    ("GET", f"{API}/status"): READ,
    ("GET", f"{API}/overview"): READ,
    ("GET", f"{API}/overview/counts"): READ,
    ("GET", f"{API}/why/{{release}}"): READ,
    ("GET", f"{API}/tasks"): READ,
    ("GET", f"{TASK}/turns"): READ,
    ("POST", f"{TASK}/turn"): ADMIN,
    ("POST", f"{TASK}/label/next"): LABEL,
    ("POST", f"{TASK}/label/answer"): LABEL,
    ("POST", f"{TASK}/label/pass"): LABEL,
    ("POST", f"{TASK}/label/undo"): LABEL,
    ("POST", f"{TASK}/label/give-back"): LABEL,
    ("GET", f"{TASK}/label/opinion"): LABEL,
    ("GET", f"{TASK}/label/progress"): LABEL,
    ("GET", f"{TASK}/label/bought"): READ,
    ("GET", f"{API}/inputs/{{digest}}"): READ,
    ("GET", f"{API}/inputs/{{digest}}/picture"): READ,
    ("POST", f"{TASK}/observations"): EDGE,
    ("POST", f"{TASK}/observations/batch"): EDGE,
    ("GET", f"{TASK}/releases/deployed"): READ | EDGE,
    ("GET", f"{TASK}/releases/{{model}}/file"): EDGE,
    ("POST", f"{API}/edges"): EDGE,
    ("GET", f"{API}/edges"): READ,
    ("POST", f"{API}/edges/{{edge}}/heartbeat"): EDGE,
    ("POST", f"{API}/edges/{{edge}}/batches"): EDGE,
    ("GET", f"{API}/edges/{{edge}}/uploads/{{digest}}"): EDGE,
    ("PUT", f"{API}/edges/{{edge}}/uploads/{{digest}}"): EDGE,
    ("GET", "/trust/metadata/{name}"): EDGE,
    ("GET", "/trust/targets/{path}"): EDGE,
    ("GET", f"{API}/journal"): READ,
    ("GET", f"{API}/tokens"): ADMIN,
    ("POST", f"{API}/tokens"): ADMIN,
    ("DELETE", f"{API}/tokens/{{id}}"): ADMIN,
}
FORMS = ("/login", "/logout", "/rollouts/{task}/{act}")
WHO = ("none", "reader", "labeller", "edge", "admin", "expired", "revoked", "forged")
NOBODY = ("none", "expired", "revoked", "forged")
PARTS = {"task": "orders", "file_path": "style.css", "digest": "sha256:00", "path": "x",
         "act": "pause"}  # fmt: skip


def plain(path: str) -> str:
    """A route's path without the types of its parameters."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


def routes(folder: Path) -> set[tuple[str, str]]:
    """Every method of every route of the application, OPTIONS apart."""
    app = application(folder)
    return {
        (method, plain(route.path))
        for route in app.routes
        for method in route.methods
        if method != "OPTIONS"
    }


def table() -> str:
    """The rows as they stand in the docs."""
    lines = [f"| route | {' | '.join(WHO)} |", "|---" * (len(WHO) + 1) + "|"]
    for (method, path), allowed in sorted(ROWS.items(), key=lambda row: (row[0][1], row[0][0])):
        cells = [_said(who, allowed) for who in WHO]
        lines.append(f"| `{method} {path}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _said(who: str, allowed: frozenset[str]) -> str:
    if allowed == OPEN or who in allowed:
        return "yes"
    return "401" if who in NOBODY else "403"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return make_workspace(tmp_path_factory.mktemp("attacked"))


@pytest.fixture(scope="module")
def client(workspace: Served) -> Iterator[TestClient]:
    with client_of(workspace.folder, Options(rate=0)) as client:
        client.app.state.limits.failures = Rate(0, 1)  # forged tokens are sent by the dozen here
        yield client


def ask(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    address = re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], "nobody"), path)
    form = path in FORMS
    body = {"data": {"token": "x", "why": "x", "number": "1"}} if form else {"json": {}}
    sent = {} if method in ("GET", "HEAD", "DELETE") else body
    answer = client.request(method, address, headers=headers, follow_redirects=False, **sent)
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.status_code


def test_every_route_has_a_row_and_every_row_a_route(workspace: Served) -> None:
    assert routes(workspace.folder) == set(ROWS)


@pytest.mark.parametrize(("method", "path"), sorted(ROWS), ids=" ".join)
def test_a_route_is_for_its_scopes_and_for_nobody_else(
    client: TestClient, workspace: Served, method: str, path: str
) -> None:
    allowed = ROWS[method, path]
    for who in WHO:
        status = ask(client, method, path, workspace.bearer(who))
        cookies = {"Cookie": f"twoloops={workspace.secrets.get(who, '')}"}
        by_cookie = ask(client, method, path, {} if who == "none" else cookies)
        want = _said(who, allowed)
        for got in (status, by_cookie):
            if want != "yes":
                assert got == int(want), who
            elif path != "/login" or method != "POST":  # its own 401 is of the token in the form
                assert got not in (401, 403), who
            assert got < 500, who


def test_options_ask_for_a_token_too(client: TestClient, workspace: Served) -> None:
    assert ask(client, "OPTIONS", f"{API}/tokens", {}) == 401
    assert ask(client, "OPTIONS", f"{API}/tokens", workspace.bearer("admin")) == 403


def test_a_token_of_another_workspace_is_unknown(client: TestClient, tmp_path: Path) -> None:
    other = make_workspace(tmp_path)
    assert ask(client, "GET", f"{API}/tasks", other.bearer("admin")) == 401


def test_a_token_revoked_by_another_process_is_refused_at_once(
    client: TestClient, workspace: Served
) -> None:
    with Store.open(workspace.folder) as store:
        token, secret = store.tokens.add("soon gone", "reader", now())
    headers = {"Authorization": f"Bearer {secret}"}
    assert ask(client, "GET", f"{API}/tasks", headers) == 200
    with Store.open(workspace.folder) as store:
        store.tokens.revoke(token.id, now())
    assert ask(client, "GET", f"{API}/tasks", headers) == 401


def test_the_docs_hold_the_table() -> None:
    assert table() in DOCS.read_text()
