"""The documents say what is there: commands, benchmarks, links, modules, figures."""

import ast
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from twoloops.cli.main import application

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
PACKAGE = ROOT / "src" / "twoloops"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def text_of(path):
    return path.read_text(encoding="utf-8")


def tracked():
    """The files of the repository; those of the tree where git is not at hand."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("git is not at hand")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def commands():
    """Every command's words, with the options it has."""

    def walk(command, words):
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, (*words, name))
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        yield words, options | {"--help"}

    return dict(walk(typer.main.get_command(application()), ()))


COMMANDS = commands()


def called(text):
    """Every `twoloops …` in code: inline, or a line of a block, without prompt and comment."""
    inline = re.findall(r"`twoloops ([^`\n]+)`", text)
    blocks = "\n".join(body for _, body in FENCE.findall(text))
    blocks = re.sub(r"\\\n\s*", " ", blocks)
    return inline + re.findall(r"^(?:\$ )?twoloops (.+)$", blocks, re.MULTILINE)


def unknown(call):
    """What of a call no command knows, or `None`."""
    words = shlex.split(call.replace("…", ""), comments=True)
    if not words:
        return None
    depth = max((n for n in (0, 1, 2) if tuple(words[:n]) in COMMANDS), default=0)
    command = tuple(words[:depth])
    if depth == 0 and not words[0].startswith("-") and words[0] != "COMMAND":
        return words[0]
    said = {word.partition("=")[0] for word in words[depth:] if re.match(r"--?[a-z]", word)}
    below = [one for one in COMMANDS if one[: len(command)] == command]
    known = set().union(*(COMMANDS[one] for one in below))
    return ", ".join(sorted(said - known)) or None


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_command_named_exists_with_its_options(path):
    wrong = {call: unknown(call) for call in called(text_of(path)) if unknown(call)}
    assert not wrong, f"{path.name} names what the command line does not have: {wrong}"


def test_a_command_that_is_not_there_would_be_found():
    assert unknown("replay SOURCE --dry-run") is None
    assert unknown("fly SOURCE") == "fly"
    assert unknown("label export FILE --rose") == "--rose"


def test_the_readme_names_every_command():
    said = {tuple(call.split()[:n]) for call in called(text_of(ROOT / "README.md")) for n in (1, 2)}
    readme = text_of(ROOT / "README.md")
    leaves = [one for one in COMMANDS if one and not any(c[:-1] == one for c in COMMANDS if c)]
    missing = [" ".join(one) for one in leaves if one not in said]
    assert [one for one in missing if f"twoloops {one}" not in readme] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_benchmark_named_exists(path):
    named = set(re.findall(r"benchmarks/[\w/.]*\w\.py", text_of(path)))
    # A block that waits for its benchmark says so; what is planned is not there yet.
    waiting = set(re.findall(r"not measured yet: `python (benchmarks/\S+\.py)`", text_of(path)))
    assert [one for one in sorted(named - waiting) if not (ROOT / one).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_relative_link_resolves(path):
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", FENCE.sub("", text_of(path)))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_source_file_named_exists(path):
    named = re.findall(r"`((?:src/twoloops/)?[a-z_]+(?:/[a-z_]+)*/[a-z_]+\.py)`", text_of(path))
    places = (ROOT, PACKAGE)
    wrong = [one for one in named if not any((place / one).exists() for place in places)]
    assert [one for one in wrong if not one.startswith("benchmarks/")] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_python_blocks_compile_and_what_they_import_exists(path):
    for language, body in FENCE.findall(text_of(path)):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("twoloops"):
                module = importlib.import_module(str(node.module))
                assert [a.name for a in node.names if not hasattr(module, a.name)] == []


def test_the_make_targets_named_exist():
    targets = set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for path in DOCUMENTS:
        named = set(re.findall(r"(?:^\$ |`)make ([\w-]+)", text_of(path), re.MULTILINE))
        assert named <= targets, path.name


def test_the_extras_named_exist():
    import tomllib

    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    for path in DOCUMENTS:
        named = ",".join(re.findall(r"twoloops\[([\w,-]+)\]", text_of(path)))
        assert set(filter(None, named.split(","))) <= set(project["optional-dependencies"])


def packages():
    return sorted(one.name for one in PACKAGE.iterdir() if (one / "__init__.py").exists())


def is_module(name):
    place = PACKAGE.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def test_the_architecture_names_every_package_and_only_modules_that_exist():
    page = text_of(ROOT / "ARCHITECTURE.md")
    tree, contract = (body for _, body in FENCE.findall(page))
    listed = re.findall(r"^  (\w+)/ ", tree, re.MULTILINE)
    assert sorted(listed) == packages()
    assert sorted(re.findall(r"\w+", contract)) == packages()
    named = re.findall(rf"`((?:{'|'.join(packages())})(?:\.\w+)+)`", page)
    assert named
    assert [one for one in named if not is_module(one)] == []


def test_the_architecture_states_the_layers_of_the_import_contract():
    import tomllib

    tool = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]
    layers = next(c["layers"] for c in tool["importlinter"]["contracts"] if c["type"] == "layers")
    _, contract = (body for _, body in FENCE.findall(text_of(ROOT / "ARCHITECTURE.md")))
    assert contract.split("\n")[:-1] == layers


def test_the_stages_are_named_as_the_code_has_them():
    from twoloops.convergence.turns.state import STAGES

    stages = STAGES[:-1]
    section = text_of(ROOT / "docs" / "concepts.md").split("\n## A turn\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-z ]+) \| ", section, re.MULTILINE)
    assert rows == ["stage", *stages]
    page = " ".join(text_of(ROOT / "ARCHITECTURE.md").split())
    assert ", ".join(stages) in page


def test_the_purposes_are_named_as_the_code_has_them():
    from typing import get_args

    from twoloops.records.label import Purpose

    page = text_of(ROOT / "docs" / "concepts.md")
    assert sorted(re.findall(r"^\| `(\w+)` \| ", page, re.MULTILINE)) == sorted(get_args(Purpose))


def test_the_figures_in_the_documents_are_those_of_the_benchmarks():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "readme.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_file_names_a_folder_of_somebodys_machine():
    # Put together here, so that this file does not name them either.
    places = [f"/{top}/" for top in ("work", "home", "root", "Users")] + ["/tmp/" + "spike"]
    pattern = re.compile("|".join(rf"(?<![\w.~}}-]){re.escape(place)}" for place in places))
    found = []
    for path in tracked():
        try:
            text = text_of(path)
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit}" for hit in pattern.findall(text)]
    assert found == []
