"""`twoloops controls --hold`: a layer of a replay held beside the article's rating."""

import json
import shutil
from pathlib import Path

import pytest

from twoloops.cli.holding import layers_of, request_of
from twoloops.convergence.replays.held import LAYERS
from twoloops.records.errors import UserError


@pytest.fixture
def replay_folder(replayed, tmp_path) -> Path:
    """A complete replay's folder to write into."""
    shutil.copytree(replayed / "replay", tmp_path / "replay")
    return tmp_path / "replay"


def test_a_replays_own_options_hold_again_and_its_arms_are_kept(call, replay_folder) -> None:
    words = ("controls", "--hold", "teacher", "--source", replay_folder)
    done = call(*words)
    assert done.code == 0, done.err
    flat = " ".join(done.out.split())
    assert "The article (section 6.1): Distillation / knowledge extraction, NOT COVERED" in flat
    assert "This system has no teacher; nothing is held." in flat
    assert "One task, not a nation" in flat
    assert "2 turns" in flat
    # A command to copy is never wrapped, however long the folder it names.
    lines = [line for line in done.out.splitlines() if str(replay_folder) not in line]
    assert max(map(len, lines)) <= 80
    assert "running the arm 'both'" in done.err
    kept = sorted(path.name for path in (replay_folder / "hold").iterdir())
    assert len(kept) == 4
    again = call(*words)
    assert again.out == done.out
    assert "running" not in again.err


def test_json_is_one_object_with_the_rating_beside_the_figures(call, replay_folder) -> None:
    done = call("controls", "--hold", "small-models", "--source", replay_folder, "--json")
    found = json.loads(done.out)
    assert found["article"]["small-models"]["risk"] == "Critical"
    assert found["scope"].startswith("One task, not a nation")
    (effect,) = found["holding"]["effects"]
    assert effect["way"] == "majority class"
    assert effect["points"] < 0
    assert found["holding"]["bill"]["decisions"] == 120


def test_another_folder_and_more_seeds(call, replay_folder, tmp_path) -> None:
    out = tmp_path / "arms"
    words = ("--source", replay_folder, "--seeds", 2, "--out", out, "--quiet", "--json")
    done = call("controls", "--hold", "small-models", *words)
    assert json.loads(done.out)["holding"]["seeds"] == [0, 1]
    assert done.err == ""
    assert len(list(out.iterdir())) == 2
    assert not (replay_folder / "hold").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--hold", "chips"),
            "--hold 'chips': choose one of open-bases, floor-data, teacher, small-models, "
            "compute, or all",
        ),
        (("--hold", "compute", "--seeds", 0), "--seeds is at least 1: got 0"),
        (("--hold", "compute", "--source", "none.csv"), "there is no source 'none.csv'"),
        (
            ("--hold", "compute", "--source", "solar-cells"),
            "its licence is asked about by  twoloops replay solar-cells",
        ),
    ],
)
def test_what_cannot_be_held_is_said(call, words, said) -> None:
    done = call("controls", *words)
    assert done.code == 2
    assert said in done.err


def test_all_names_every_layer() -> None:
    assert layers_of("all") == LAYERS


def test_a_replay_is_read_as_it_was_asked_for(replayed) -> None:
    request = request_of(str(replayed / "replay"))
    assert request.source == str(replayed / "history.csv")
    assert (request.turns, request.seed_size, request.labels_per_turn) == (2, 30, 8)
    assert request.normal == "ok"
    assert request_of("excavators").source == "excavators"


def test_a_replay_that_cannot_be_read_is_said(tmp_path) -> None:
    (tmp_path / "replay.json").write_text("{")
    with pytest.raises(UserError, match=r"cannot be read .*: name the source itself instead"):
        request_of(str(tmp_path))
