"""The entry point: help in a bare install, exit codes, sentences instead of tracebacks."""

import errno
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from sqlalchemy.exc import OperationalError

from twoloops.cli import main, terminal
from twoloops.cli.main import SERVER, application
from twoloops.records.errors import TransientError

COMMANDS = (
    (),
    ("demo",),
    ("replay",),
    ("init",),
    ("status",),
    ("doctor",),
    ("task",),
    ("task", "add"),
    ("task", "show"),
    ("ingest",),
    ("label",),
    ("label", "export"),
    ("label", "import"),
    ("turn",),
    ("edge",),
    ("edge", "enrol"),
    ("edge", "run"),
    ("edge", "status"),
    ("decide",),
    ("export",),
    ("forget",),
    ("base",),
    ("base", "search"),
    ("base", "vet"),
    ("base", "add"),
    ("base", "show"),
    ("base", "drop"),
    ("base", "compare"),
    ("base", "probe"),
    ("lineage",),
    ("rebase",),
    ("watch",),
    ("distil",),
    ("publish",),
    ("verify",),
    ("adopt",),
    ("revoke",),
    ("claims",),
    ("controls",),
    ("exhibits",),
    ("exhibits", "changes"),
    ("exhibits", "refresh"),
    ("dataset",),
    ("dataset", "export"),
    ("dataset", "list"),
    ("dataset", "show"),
    ("drift",),
    ("edge", "rollback"),
    ("edge", "update"),
    ("keys",),
    ("keys", "init"),
    ("keys", "offline"),
    ("keys", "refresh"),
    ("keys", "rotate"),
    ("keys", "show"),
    ("label", "quality"),
    ("label", "study"),
    ("outcome",),
    ("outcome", "import"),
    ("rollout",),
    ("rollout", "abort"),
    ("rollout", "pause"),
    ("rollout", "plan"),
    ("rollout", "resume"),
    ("rollout", "start"),
    ("rollout", "status"),
    ("serve",),
    ("task", "labelling"),
    ("task", "set"),
    ("teacher",),
    ("teacher", "add"),
    ("teacher", "ask"),
    ("teacher", "confirm"),
    ("teacher", "drop"),
    ("teacher", "list"),
    ("teacher", "settle"),
    ("teacher", "show"),
    ("token",),
    ("token", "add"),
    ("token", "list"),
    ("token", "revoke"),
    ("why",),
    ("worth",),
)

BARE = f"""
import sys

sys.modules |= dict.fromkeys({sorted(SERVER)!r})  # importing one of them fails
from twoloops.cli.main import run
"""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(call, command) -> None:
    done = call(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: twoloops")


def test_every_command_is_tried_here() -> None:
    root = typer.main.get_command(application())
    found = {()}
    for name, command in root.commands.items():
        found.add((name,))
        found |= {(name, one) for one in getattr(command, "commands", ())}
    assert found == set(COMMANDS)


def leaves(command, words=()):
    """Every command with its parameters, by its words."""
    for name, one in getattr(command, "commands", {}).items():
        yield from leaves(one, (*words, name))
    if not getattr(command, "commands", {}):
        yield " ".join(words), {one.name for one in command.params}


def test_next_commands_name_the_workspace_where_they_take_one() -> None:
    terminal.in_workspace(Path("plant"))
    try:
        for words, takes in leaves(typer.main.get_command(application())):
            said = terminal.placed(f"go on with  twoloops {words} , or not")
            assert ("--workspace plant , or" in said) == ("workspace" in takes), said
            assert terminal.placed(said) == said
    finally:
        terminal.in_workspace(Path())


def test_help_works_in_the_bare_install_and_imports_nothing_heavy(environment) -> None:
    script = f"""{BARE}
for command in {COMMANDS!r}:
    try:
        run([*command, "--help"])
    except SystemExit as stop:
        assert stop.code == 0, command
assert not {{"numpy", "onnxruntime", "rich", "msgspec"}} & set(sys.modules), "imported too early"
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [("status",), ("replay", "x.csv"), ("turn",), ("init", "ws")])
def test_a_command_whose_extra_is_missing_says_the_line(environment, tmp_path, words) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{BARE}\nrun({list(words)!r})"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "pip install 'twoloops[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_decide_with_an_exported_model_and_doctor_need_the_bare_install_only(
    call, replayed, environment, tmp_path
) -> None:
    model = tmp_path / "model"
    done = call("export", "deployed", model, "--workspace", replayed / "replay" / "store")
    assert done.code == 0, done.err
    for words, begins in (
        (("decide", "oil hose", "--model", str(model)), "leak"),
        (("doctor", "--json", "--workspace", str(tmp_path)), '{"findings"'),
    ):
        bare = subprocess.run(
            [sys.executable, "-c", f"{BARE}\nrun({list(words)!r})"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=120,
        )
        assert (bare.stdout[: len(begins)], bare.stderr) == (begins, "")


def test_a_passing_fault_and_a_bug_are_told_apart(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main._explain(TransientError("the disk is full"))
    assert stop.value.code == 75
    assert "run the same command again" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        main._explain(ZeroDivisionError("a bug"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk cannot be written (No space"),
        (OSError(errno.EROFS, "Read-only file system", "/ws/x"), "/ws/x cannot be written (Read-"),
        (
            OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
            "the catalog cannot be used now (database or disk is full): see that its disk",
        ),
    ],
)
def test_a_full_disk_is_no_bug(capsys, error, words) -> None:
    with pytest.raises(SystemExit) as stop:
        main._explain(error)
    assert stop.value.code == 75
    assert words in capsys.readouterr().err


def test_another_fault_of_the_system_is_a_bug() -> None:
    with pytest.raises(IsADirectoryError):
        main._explain(IsADirectoryError(errno.EISDIR, "Is a directory", "x"))


def test_wrong_usage_exits_2(call) -> None:
    done = call("replay")
    assert (done.code, "Missing argument" in done.err) == (2, True)
    assert call("replai").code == 2


def test_an_interrupt_says_that_the_work_goes_on(environment, replayed, tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "twoloops", "replay", replayed / "history.csv", "--turns", "3"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=tmp_path,
        # A shell's background job ignores the signal, and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    folder = tmp_path / "twoloops-replay-history" / "replay.json"
    while not folder.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command goes on where it was" in err
    assert "Traceback" not in err


def test_a_closed_pipe_is_quiet(environment, replayed) -> None:
    command = f"{sys.executable} -m twoloops task show -w {replayed / 'replay' / 'store'} | true"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stderr == ""
