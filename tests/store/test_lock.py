import errno
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twoloops.records.errors import UserError
from twoloops.store.lock import Holder, free, holder, workspace_lock

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from twoloops.store.lock import workspace_lock
with workspace_lock(Path(sys.argv[1]), "twoloops turn", datetime(2026, 3, 1, tzinfo=UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_and_then_says_who_holds_it(tmp_path: Path) -> None:
    told: list[Holder | None] = []
    with hold(tmp_path) as process:
        with (
            pytest.raises(UserError) as caught,
            workspace_lock(tmp_path, "second", SINCE, wait=0.12, on_wait=told.append),
        ):
            pass
        (first,) = told
        assert first is not None
        assert (first.pid, first.command) == (process.pid, "twoloops turn")
        process.communicate("")
    assert str(caught.value) == (
        f"{tmp_path} is in use by 'twoloops turn' (process {first.pid} on {first.host}, since "
        "2026-03-01 00:00:00+00:00); waited 0.12 s: try again when it has ended, or end it "
        "(nothing is lost, it goes on where it was)"
    )


def test_the_second_goes_on_when_the_first_lets_go(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        assert process.stdin is not None

        def end(_: Holder | None) -> None:
            process.stdin.close()  # type: ignore[union-attr]

        with workspace_lock(tmp_path, "second", SINCE, wait=30, on_wait=end):
            found = holder(tmp_path)
            assert found is not None
            assert found.command == "second"
    assert holder(tmp_path) is None


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        process.kill()
        process.wait()
    with workspace_lock(tmp_path, "second", SINCE, wait=0):
        pass


def test_it_is_let_go_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), workspace_lock(tmp_path, "c", SINCE, wait=0):
            raise ZeroDivisionError


def test_one_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with (
        workspace_lock(tmp_path, "first", SINCE, wait=0),
        pytest.raises(UserError, match="is in use by 'first'"),
        workspace_lock(tmp_path, "second", SINCE, wait=0),
    ):
        pass


def test_a_full_disk_takes_nothing_but_the_holders_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("twoloops.store.lock.os.write", full)
        with workspace_lock(tmp_path, "c", SINCE):
            assert holder(tmp_path) is None
            assert not free(tmp_path)
    assert free(tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"cannot lock .*: No such file or directory; choose"),
        workspace_lock(tmp_path / "absent", "c", SINCE),
    ):
        pass
