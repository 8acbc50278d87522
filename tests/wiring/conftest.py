"""Publishers on this machine."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def load(path: Path) -> Any:
    """Import a helper that lies beside the tests."""
    if path.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[path.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[path.stem])
    return sys.modules[path.stem]


@pytest.fixture
def publishing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A local server that speaks each publisher's format."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with load(Path(__file__).with_name("publishing.py")).serving() as server:
        yield server
