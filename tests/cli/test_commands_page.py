"""docs/commands.md says what the commands say."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "commands.py"


@pytest.mark.skipif(not SCRIPT.is_file(), reason="needs a checkout")
def test_the_page_of_commands_is_not_stale() -> None:
    spec = importlib.util.spec_from_file_location("commands_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.PAGE.read_text(encoding="utf-8")
    assert written == module.page(), "run  python benchmarks/commands.py"
