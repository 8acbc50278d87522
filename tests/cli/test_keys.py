"""`twoloops keys`, as people call it."""

import json
from pathlib import Path

import pytest

from twoloops.cli.main import run
from twoloops.store.workspace import Store


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as stop:
        run(list(words))
    assert stop.value.code == code
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    Store.open(tmp_path / "ws").close()
    return str(tmp_path / "ws")


def test_keys_are_made_shown_taken_offline_and_replaced(capsys, workspace, tmp_path) -> None:
    assert "twoloops keys init" in said(capsys, "keys", "show", "-w", workspace, code=2)
    text = said(capsys, "keys", "init", "-w", workspace)
    shown = json.loads(said(capsys, "keys", "show", "-w", workspace, "--json"))
    assert shown["root_digest"] in text
    assert "keys offline FOLDER" in text
    assert "stick" in said(capsys, "keys", "offline", str(tmp_path / "stick"), "-w", workspace)
    (key,) = (tmp_path / "stick").iterdir()
    assert "keys offline" not in said(capsys, "keys", "show", "-w", workspace)
    wrong = said(capsys, "keys", "rotate", "targets", "-w", workspace, code=2)
    assert "--root-key FILE" in wrong
    words = ("keys", "rotate", "targets", "--root-key", str(key), "-w", workspace)
    assert "the key of targets is replaced" in said(capsys, *words)
    assert "signed again: nothing" in said(capsys, "keys", "refresh", "-w", workspace)
