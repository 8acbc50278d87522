"""docs/claims.md says what the tables say, and no number on it is typed."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from twoloops.analysis.claims.judging import judge

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "claims.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs a checkout")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("claims_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_stale(script):
    written = script.PAGE.read_text(encoding="utf-8")
    assert written == script.page(), "run  python benchmarks/claims.py"


def test_check_fails_on_a_page_that_is_not_what_the_tables_say(
    script, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(script, "PAGE", tmp_path / "claims.md")
    monkeypatch.setattr(sys, "argv", ["claims.py", "--check"])
    assert script.main() == 1
    assert "run  python benchmarks/claims.py" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["claims.py"])
    assert script.main() == 0
    monkeypatch.setattr(sys, "argv", ["claims.py", "--check"])
    assert script.main() == 0
    text = script.PAGE.read_text(encoding="utf-8")
    script.PAGE.write_text(re.sub(r"contradicts \| \d+", "contradicts | 1", text))
    assert script.main() == 1


def test_the_counts_follow_the_verdicts(script):
    judged = judge()
    fewer = [one for one in judged if one.source_verdict != "contradicts"]
    assert "| source: contradicts | 0 | 0 | 0 |" in script.page(fewer)
    assert f"| n | {sum(one.role == 'article' for one in fewer)} |" in script.page(fewer)


def test_every_correction_is_there_with_a_source(script):
    page = script.page()
    corrections = page.split("## Corrections")[1].split("## Differs")[0]
    for one in judge():
        if one.source_verdict == "contradicts":
            block = corrections.split(f"**`{one.id}`**")[1].split("**`")[0]
            assert re.search(r"- contradicts: .+ \(\[.+\]\(https?://", block), one.id
        assert f"| `{one.id}` |" in page


def test_it_says_that_the_paper_was_not_available(script):
    assert "The paper itself was not available" in " ".join(script.page().split())
