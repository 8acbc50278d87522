"""The server of a small workspace, inside the process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient
from serving_workspace import Served, client_of, make_workspace

from twoloops.server.app import Options


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return make_workspace(tmp_path)


@pytest.fixture
def client(served: Served) -> Iterator[TestClient]:
    with client_of(served.folder, Options(rate=0)) as client:
        yield client
