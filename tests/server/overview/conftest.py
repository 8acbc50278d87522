"""A server on a copy of the plant, in this process."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from litestar.testing import TestClient
from plant import Plant

from twoloops.records.token import Scope
from twoloops.server.app import application
from twoloops.wiring.workspace import now, writing

Opened = Callable[..., TestClient]


def enter(folder: Path, scope: Scope) -> str:
    """Return a new token."""
    with writing(folder) as store:
        return store.tokens.add(f"a {scope}", scope, now())[1]


@pytest.fixture
def copied(plant: Plant, tmp_path: Path) -> Path:
    """A copy of the plant, to do with as one likes."""
    shutil.copytree(plant.folder, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Return a function that opens a server on a folder, for a token's scope."""
    with ExitStack() as stack:

        def open_(folder: Path, scope: Scope = "reader") -> TestClient:
            client = stack.enter_context(TestClient(application(folder)))
            client.headers["Authorization"] = f"Bearer {enter(folder, scope)}"
            client.headers["Accept"] = "text/html"
            return client

        yield open_
