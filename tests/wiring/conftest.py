"""Publishers on this machine."""

from collections.abc import Iterator
from typing import Any

import pytest
from publishing import serving


@pytest.fixture
def publishing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A local server that speaks each publisher's format."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        yield server
