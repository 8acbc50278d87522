"""Small sources, and two ways to call the command line: in this process, and in a real one."""

import csv
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import twoloops
from twoloops.cli.main import run

WORDS = {
    "leak": ("leak", "oil", "drip", "hose"),
    "crack": ("crack", "broken", "split", "bent"),
    "ok": ("service", "inspect", "swap", "grease"),
}
PARTS = ("bucket", "arm", "engine", "left", "right", "pump", "track")


class Done(NamedTuple):
    code: int
    out: str
    err: str


Call = Callable[..., Done]


def rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    made = []
    for number in range(count):
        label = draw.choices(list(WORDS), [1, 1, 2])[0]
        words = [*draw.choices(WORDS[label], k=2), *draw.choices(PARTS, k=2)]
        made.append((f"{' '.join(words)} {number}", label))
    return made


def write_csv(path: Path, made: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *made])
    return path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line in this process; returns exit code, stdout and stderr."""

    def calling(*words: object) -> Done:
        capsys.readouterr()
        code = 0
        try:
            run([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return calling


@pytest.fixture
def environment() -> dict[str, str]:
    """Environment of a real process that finds this very package."""
    source = str(Path(twoloops.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source}


@pytest.fixture
def real(environment: dict[str, str], tmp_path: Path) -> Call:
    """Call `python -m twoloops` in a real process, with every warning an error."""

    def calling(*words: object, stdin: str | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "twoloops", *map(str, words)],
            capture_output=True,
            text=True,
            input=stdin,
            cwd=tmp_path,
            env=environment,
            timeout=240,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return calling


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `history.csv` and its complete replay in `replay/`; look, don't touch."""
    folder = tmp_path_factory.mktemp("replayed")
    write_csv(folder / "history.csv", rows(150))
    words = ["replay", folder / "history.csv", "--normal", "ok", "--turns", 2]
    words += ["--seed-size", 30, "--labels-per-turn", 8, "--out", folder / "replay", "--quiet"]
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    assert stop.value.code == 0
    return folder
