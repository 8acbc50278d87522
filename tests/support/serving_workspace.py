"""A small workspace with a token of every scope, and its server inside the process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import uvicorn
from litestar.testing import TestClient

from twoloops.records.task import Task
from twoloops.server.app import Options, application
from twoloops.server.serving import bind, config_of
from twoloops.store.workspace import Store
from twoloops.wiring import trust
from twoloops.wiring.workspace import now

SCOPES = ("admin", "labeller", "edge", "reader")
URL = "http://testserver.local"


class Served(NamedTuple):
    """A workspace, and the secret of each token by its name."""

    folder: Path
    secrets: dict[str, str]

    def bearer(self, name: str) -> dict[str, str]:
        """The header that shows a token; none for `none`."""
        if name == "none":
            return {}
        return {"Authorization": f"Bearer {self.secrets[name]}"}


def make_workspace(folder: Path) -> Served:
    """A task of each kind without observations, and tokens: every scope, expired, revoked."""
    at = now()
    with Store.open(folder) as store, store.transaction():
        store.tasks.put(Task("orders", "text", ("leak", "ok"), normal="ok"))
        store.tasks.put(Task("pump", "signal", ("bad", "ok"), normal="ok", shape=(2, 16)))
        store.tasks.put(Task("cells", "image", ("crack", "ok"), normal="ok"))
        secrets = {scope: store.tokens.add(scope, scope, at)[1] for scope in SCOPES}
        late = at - timedelta(days=1)
        secrets["expired"] = store.tokens.add("late", "admin", late, at - timedelta(hours=1))[1]
        gone, secrets["revoked"] = store.tokens.add("gone", "admin", at)
        store.tokens.revoke(gone.id, at)
        secrets["forged"] = secrets["admin"][:-4] + "AAAA"
    trust.begin(folder, at)
    return Served(folder, secrets)


@contextmanager
def client_of(folder: Path, options: Options | None = None) -> Iterator[TestClient]:
    """The server of a workspace, inside this process."""
    with TestClient(application(folder, options), base_url=URL) as client:
        yield client


@contextmanager
def on_a_thread(folder: Path) -> Iterator[str]:
    """The server of a workspace at a port, on a thread, without its scheduler; yields its URL."""
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(config_of(application(folder, Options(rate=0))))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
