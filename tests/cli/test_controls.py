"""`twoloops controls`: on a workspace, a replay, a declaration, and with a base struck."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from twoloops.cli.main import SERVER
from twoloops.convergence.recipes import spent
from twoloops.wiring.workspace import loop, reading, writing

DAY = ("--as-of", "2026-11-23")


@pytest.fixture
def workspace(call, replayed, tmp_path) -> Path:
    folder = tmp_path / "ws"
    done = call("init", folder, "--from-replay", replayed / "replay")
    assert done.code == 0, done.err
    return folder


def rows_of(done):
    assert done.code == 0, done.err
    return {(row["item"], row["instrument_id"]): row for row in json.loads(done.out)["rows"]}


def test_a_workspace_is_read_from_its_lineage(call, workspace) -> None:
    found = json.loads(call("controls", "-w", workspace, *DAY, "--json").out)
    items = {item["name"]: item for item in found["items"]}
    base = items["builtin/char-ngram"]
    assert base["known_from"] == "lineage"
    assert base["licences"] == {"Apache-2.0": ["builtin/char-ngram"]}
    assert base["facts"]["publisher_origin"] == ["unknown"]
    observed = items["observations of 'history'"]["what"]
    assert observed.startswith("text: ")
    assert "labels" in observed
    assert set(found["gaps"]) == {"edge-hardware", "teacher-api", "cross-border-flow"}
    assert {rating["layer"] for rating in found["ratings"]} <= {
        "training-compute",
        "base-weights",
        "edge-hardware",
        "deployment-data",
        "teacher-api",
    }
    assert found["counts"]["rows"] == len(found["rows"])


def test_a_replay_s_recorded_operations_decide_what_a_workspace_leaves_open(
    call, replayed, workspace
) -> None:
    weights = ("--weights", "unpublished")
    there = rows_of(call("controls", "-w", replayed / "replay", *DAY, *weights, "--json"))
    here = rows_of(call("controls", "-w", workspace, *DAY, *weights, "--json"))
    key = ("models of 'history'", "us-4e091")
    assert there[key]["finding"] == "not found to touch"
    assert "training operations" in there[key]["how"]
    assert "below 1e+26" in there[key]["how"]
    with reading(workspace) as store:
        recorded = spent.all_turns(store, "history")
    assert here[key]["finding"] == ("not found to touch" if recorded else "cannot say")


def test_what_a_turn_took_is_read_back(call, workspace) -> None:
    with writing(workspace) as store:
        two = loop(store, store.tasks.get("history"))
        deployed = two.deployed()
        assert deployed is not None
        made = deployed[0]
        for _ in range(2):  # a stage that is performed again counts once
            spent.keep(store, "history", 1, made, 30)
    found = json.loads(call("controls", "-w", workspace, *DAY, "--json").out)
    (training,) = [item for item in found["items"] if item["subject"] == "training"]
    assert training["facts"]["training_operations"] >= made.fitted.operations
    words = ("--shock", "closed", "--base", "builtin/char-ngram")
    assert call("controls", "-w", workspace, *words).code == 0


def test_declared_hardware_teachers_and_flows(call, workspace) -> None:
    words = ("--hardware", "h200", "--teacher", "openai/gpt-6", "--to", "CN")
    rows = rows_of(call("controls", "-w", workspace, *words, *DAY, "--json"))
    assert rows["NVIDIA H200", "us-3a090-a"]["finding"] == "touches"
    assert rows["openai/gpt-6", "terms:OpenAI"]["finding"] == "names"
    assert rows["models to CN", "us-affiliates"]["finding"] == "cannot say"
    assert rows["models to CN", "us-affiliates"]["state"] == "unknown"
    assert rows["models to CN", "us-affiliates"]["stale"] is True
    earlier = rows_of(call("controls", "-w", workspace, *words, "--as-of", "2026-06-01", "--json"))
    assert earlier["models to CN", "us-affiliates"]["state"] == "suspended"
    assert earlier["models to CN", "us-affiliates"]["expires"] == "2026-11-09"
    assert earlier["models to CN", "us-affiliates"]["stale"] is False


def test_no_workspace_is_needed_for_what_is_declared(call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    figures = ("--tops", 300, "--bits", 16, "--die-area", 500, "--datacentre")
    rows = rows_of(call("controls", *figures, *DAY, "--json"))
    assert rows["declared hardware", "us-3a090-a"]["finding"] == "touches"
    bare = call("controls")
    assert bare.code == 2
    assert "declare a system with --declare FILE or --hardware NAME" in bare.err


def test_what_is_declared_needs_no_more_than_the_bare_install(environment, tmp_path) -> None:
    script = f"""
import sys

sys.modules |= dict.fromkeys({sorted(SERVER)!r})  # importing one of them fails
from twoloops.cli.main import run
run(["controls", "--hardware", "orin", "--teacher", "kimi-k3", "--to", "CN"])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Moonshot Kimi" in done.stdout


def test_the_terminal_has_80_columns_and_says_its_limits(call, workspace) -> None:
    done = call("controls", "-w", workspace, "--hardware", "orin", "--hardware", "thor", *DAY)
    assert done.code == 0, done.err
    words = " ".join(done.out.split())
    assert all(len(line) <= 80 for line in done.out.splitlines() if str(workspace) not in line)
    assert "TPP = 138 dense TOPS × 8 bits = 1,104" in words
    assert "not found to touch in this table: ECCN 3A090.a and 4A090.a;" in words
    assert "It is no legal advice and gives no legal outcome" in words
    assert "(the article's rating, 2026-03: SLM industrial deployment NOT COVERED" in words
    assert "nothing to look at: no label came from a teacher" in words
    assert "performance density = TPP / die area [ctl-88fr73458]" in words
    assert "[ctl-88fr73458] US Bureau of Industry and Security" in words
    assert "[ctl-hardware-quoted] the makers" in words
    lowered = words.lower()
    assert not [word for word in ("allowed", "permitted", "compliant") if word in lowered]
    every = call("controls", "-w", workspace, "--hardware", "orin", "--all", *DAY).out
    assert "a.1: TPP 1,104 is below 4,800" in " ".join(every.split())


def test_stale_rows_are_marked_and_counted(call, workspace) -> None:
    done = call("controls", "-w", workspace, "--to", "CN", *DAY)
    words = " ".join(done.out.split())
    assert "cannot say* Affiliates (50 %) rule (US): unknown" in words
    assert "was suspended until 2026-11-09; what followed was not seen" in words
    assert "rest on a stale row (*): look these up again" in words


def test_a_withdrawn_base_stops_the_task_that_stands_on_it(call, workspace, replayed) -> None:
    words = ("--shock", "withdrawn", "--base", "builtin/char-ngram")
    found = json.loads(call("controls", "-w", workspace, *words, "--json").out)
    (effect,) = found["effects"]
    assert (effect["outcome"], effect["deployed"]) == ("stops", "builtin/char-ngram")
    assert effect["labels_there"] > 0
    assert {one["base"] for one in effect["alternatives"]} == {"minilm"}
    told = call("controls", "-w", replayed / "replay", *words)
    text = " ".join(told.out.split())
    assert "Assumed: builtin/char-ngram is withdrawn: deployed models lose it." in text
    assert "1 of 1 tasks stop." in text
    assert "not measured" in text


def test_a_closed_base_goes_on(call, workspace) -> None:
    done = call("controls", "-w", workspace, "--shock", "closed", "--base", "builtin/char-ngram")
    text = " ".join(done.out.split())
    assert "0 of 1 tasks stop." in text
    assert "continues without a next generation" in text


def test_measuring_fits_what_can_be_had_and_keeps_nothing(call, workspace) -> None:
    before = {path: path.read_bytes() for path in workspace.glob("catalog.db")}
    words = ("--shock", "withdrawn", "--base", "builtin/char-ngram", "--measure", "--json")
    done = call("controls", "-w", workspace, *words)
    assert done.code == 0, done.err
    (effect,) = json.loads(done.out)["effects"]
    for one in effect["alternatives"]:
        had = one["cpu_seconds"] is not None  # MiniLM needs an extra
        assert had == (one["points"] is not None)
        assert one["how"].startswith("measured now on" if had else "points not measured")
    assert before == {path: path.read_bytes() for path in workspace.glob("catalog.db")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--shock", "closed", "--base", "gold"), "no base 'gold' in the lineage"),
        (("--shock", "closed"), "--shock closed strikes a base: name it with --base"),
        (("--base", "minilm"), "--base goes with  --shock withdrawn  or  --shock closed"),
        (("--measure",), "--measure goes with"),
        (("--hardware", "abacus"), "no hardware 'abacus' in the table"),
        (("--tops", 5), "--tops and --bits go together"),
        (("--tops", 5, "--bits", 0), "--bits is a number above 0: got 0"),
        (("--hardware", "orin", "--hardware", "thor", "--die-area", 3), "are about one device"),
        (("--as-of", "tomorrow"), "--as-of is a day, as 2026-11-23: got 'tomorrow'"),
        (("--declare", "nowhere.toml"), "cannot read nowhere.toml"),
        (("--seeds", 3), "--seeds goes with  --hold LAYER"),
        (("--hold", "compute", "--shock", "closed"), "--shock goes without  --hold"),
        (("--hold", "breath", "--source", "x"), "--hold 'breath': choose one of open-bases"),
        (("--hold", "compute"), "is not the folder of a replay, and a layer is held in a replay"),
        (("--hold", "compute", "--declare", "a.toml"), "--declare goes without  --hold"),
        (("--to", "China", "--hardware", "orin"), "is a country's two letters, as US: got 'China'"),
        (("--task", "x", "--shock", "closed", "--base", "y"), "x"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(call, workspace, words, said) -> None:
    done = call("controls", "-w", workspace, *words)
    assert done.code == 2, done.out
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_layer_is_held_in_the_replay_that_is_named(call, replayed, tmp_path) -> None:
    folder, out = replayed / "replay", tmp_path / "arms"
    words = ("--hold", "floor-data", "--out", out, "--quiet", "--json")
    done = call("controls", "-w", folder, *words)
    assert done.code == 0, done.err
    found = json.loads(done.out)["holding"]
    assert (found["task"], found["layers"]) == ("history", ["floor-data"])
    assert found["turns"] == 2
    assert list(out.iterdir())


def test_a_folder_that_is_neither_is_said_so(call, tmp_path) -> None:
    done = call("controls", "-w", tmp_path)
    assert done.code == 2
    assert "is neither a workspace nor the folder of a replay" in done.err


def test_an_unfinished_replay_is_read_without_its_result(call, replayed, tmp_path) -> None:
    folder = tmp_path / "replay"
    shutil.copytree(replayed / "replay", folder)
    (folder / "result.json").unlink()
    found = json.loads(call("controls", "-w", folder, *DAY, "--json").out)
    (training,) = [item for item in found["items"] if item["subject"] == "training"]
    assert training["known_from"] == "journal"


PAGE = Path(__file__).parents[2] / "docs" / "controls.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="needs a checkout")
def test_the_page_shows_what_the_command_prints(call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    (block,) = [one for one in page.split("```") if "[hardware table" in one]
    _, command, *shown = block.strip().splitlines()
    printed = call(*shlex.split(command.removeprefix("$ twoloops "))).out
    assert "\n".join(shown) in printed


@pytest.mark.skipif(not PAGE.is_file(), reason="needs a checkout")
def test_the_page_s_declaration_can_be_read(call, tmp_path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (block,) = [one for one in page.split("```") if one.startswith("toml\n")]
    path = tmp_path / "system.toml"
    path.write_text(block.removeprefix("toml\n"), encoding="utf-8")
    rows = rows_of(call("controls", "--declare", path, *DAY, "--json"))
    assert rows["images of line 4", "eu-data-act"]["finding"] == "touches"
    assert rows["Qwen/Qwen2.5-3B-Instruct", "licence:qwen-research"]["finding"] == "names"
