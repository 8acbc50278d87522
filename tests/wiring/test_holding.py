from collections.abc import Callable
from pathlib import Path

import pytest

from twoloops.convergence.replays.held import ArmRun
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.wiring import holding
from twoloops.wiring.holding import Folder

MakeHistory = Callable[..., History]
RUN = ArmRun(arm="data without gate", seed=3, right=((True, False), ()), labels=40, escapes=2)


def test_an_arm_is_what_was_put(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "arms", {3: "sha256:a"})
    assert folder.get("data without gate", 3) is None
    folder.put(RUN)
    assert folder.get("data without gate", 3) == RUN
    assert folder.get("data", 3) is None


def test_an_arm_of_other_rows_settings_or_seeds_is_another_one(tmp_path: Path) -> None:
    Folder(tmp_path, {3: "sha256:a", 4: "sha256:a"}).put(RUN)
    assert Folder(tmp_path, {3: "sha256:b"}).get(RUN.arm, 3) is None
    assert Folder(tmp_path, {3: "sha256:a", 4: "sha256:a"}).get(RUN.arm, 4) is None


def test_run_anew_and_a_torn_file_are_as_good_as_none(tmp_path: Path) -> None:
    folder = Folder(tmp_path, {3: "sha256:a"})
    folder.put(RUN)
    assert Folder(tmp_path, {3: "sha256:a"}, again=True).get(RUN.arm, 3) is None
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert folder.get(RUN.arm, 3) is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*name another folder with --out"):
        Folder(tmp_path / "file" / "arms", {3: "sha256:a"}).put(RUN)


def test_a_file_is_no_folder(make_history: MakeHistory, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file: name a folder with --out"):
        holding.run(["teacher"], {0: make_history()}, tmp_path / "file")


def test_stopped_it_goes_on_after_the_last_whole_arm(
    make_history: MakeHistory, tmp_path: Path
) -> None:
    histories = {0: make_history(turns=2, per_turn=12)}
    said: list[str] = []

    def stop(arm: str, figures: object) -> None:
        said.append(arm)
        if arm != "both":
            raise KeyboardInterrupt

    assert holding.steps(["teacher"], histories, tmp_path) == 8
    with pytest.raises(KeyboardInterrupt):
        holding.run(["teacher"], histories, tmp_path, on_turn=stop)
    assert said == ["both", "both", "half the labels"]
    assert holding.steps(["teacher"], histories, tmp_path) == 6
    said.clear()
    found = holding.run(
        ["teacher"], histories, tmp_path, on_turn=lambda arm, figures: said.append(arm)
    )
    assert said[:2] == ["half the labels", "half the labels"]
    assert len(said) == 6
    assert holding.steps(["teacher"], histories, tmp_path) == 0
    assert found == holding.run(["teacher"], histories, tmp_path)
    assert not any(path.suffix == ".spool" for path in tmp_path.rglob("*"))
