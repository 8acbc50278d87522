"""Write docs/commands.md: every command with its help text and its options.

Run it after a command has changed; a test fails while the page is stale.
"""

import inspect
from pathlib import Path
from typing import Any

import typer

from twoloops.cli.main import application

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
HEAD = """# Commands

Generated from the commands' own help by `python benchmarks/commands.py`. `twoloops COMMAND --help`
says the same.

Exit codes: 0 done; 1 a bug, or `doctor` found something; 2 the user's situation, in one sentence;
75 a passing fault, try again; 130 interrupted, the same command goes on. Results go to stdout,
everything told on the way to stderr; `--json` prints one object. The workspace is the current
folder, `--workspace FOLDER` or `TWOLOOPS_WORKSPACE`. `demo`, `replay` and the workspace need the
extra `server`; `decide --model`, `doctor` and every `--help` work in the bare install.
"""


def page() -> str:
    """Return the whole page."""
    root: Any = typer.main.get_command(application())
    parts = [HEAD]
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        if inner:
            if command.invoke_without_command:  # the group is a command of its own too
                parts.append(section(name, command))
            parts += [section(f"{name} {one}", sub) for one, sub in inner.items()]
        else:
            parts.append(section(name, command))
    return "\n".join(parts)


def section(name: str, command: Any) -> str:
    """Return one command's part of the page."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join(["twoloops", name, *(_word(one) for one in arguments)])
    rows = [(f"`{_word(one)}`", one.help) for one in arguments]
    rows += [(f"`{', '.join(one.opts)}`", one.help) for one in options]
    table = [f"| {what} | {' '.join((text or '').split())} |" for what, text in rows]
    help_ = inspect.cleandoc(command.help or "")
    return "\n".join([f"## `{usage}`", "", help_, "", "| | |", "| --- | --- |", *table, ""])


def _word(argument: Any) -> str:
    word = (argument.metavar or argument.name).upper().rstrip("_")
    word += "…" if argument.nargs == -1 else ""
    return word if argument.required else f"[{word}]"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
