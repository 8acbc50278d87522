"""`twoloops label quality` and `label study` on a workspace of texts and several labellers."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twoloops.cli.main import run

Call = Callable[..., Any]
WORDS = {
    "leak": ("leak", "oil", "drip", "hose"),
    "crack": ("crack", "broken", "split", "bent"),
    "ok": ("service", "inspect", "swap", "grease"),
}

ERRS = {"person:ann": 0.0, "person:bob": 0.0, "person:cy": 0.4, "person:ann#2": 0.0}


def label_file(questions: Path, answers: Path, truth: dict[str, str]) -> None:
    """Answer a file of questions: ann all of it, the others 40; cy errs often."""
    with questions.open(encoding="utf-8-sig", newline="") as file:
        asked = list(csv.DictReader(file))
    with answers.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["observation", "label", "labeller"])
        for who, rate in ERRS.items():
            draw = random.Random(who)
            for number, row in enumerate(asked if who == "person:ann" else asked[:40]):
                true = truth[row["input"]]
                others = [one for one in WORDS if one != true]
                slip = 60 <= number < 68  # what ann gets wrong nobody else has seen
                said = draw.choice(others) if slip or draw.random() < rate else true
                out.writerow([row["observation"], said, who])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose first turn is labelled and not yet closed."""
    folder = tmp_path_factory.mktemp("quality")
    draw = random.Random(5)
    made = []
    for number in range(90):
        label = draw.choices(list(WORDS), [1, 1, 2])[0]
        made.append((f"{' '.join(draw.choices(WORDS[label], k=3))} {number}", label))
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text",), *((text,) for text, _ in made)])
    home = folder / "w"

    def call(*words: object) -> None:
        with pytest.raises(SystemExit) as stop:
            run([str(word) for word in words])
        assert stop.value.code == 0

    call("init", home)
    call("task", "add", "orders", "--kind", "text", "--labels", ",".join(WORDS),
         "--normal", "ok", "-w", home)  # fmt: skip
    call("ingest", folder / "in.csv", "--task", "orders", "--text", "text", "-w", home)
    call("turn", "-w", home)
    call("label", "export", folder / "q.csv", "-w", home)
    label_file(folder / "q.csv", folder / "a.csv", dict(made))
    call("label", "import", folder / "a.csv", "-w", home)
    return home


def test_the_careless_labeller_shows(call: Call, workspace: Path) -> None:
    done = call("label", "quality", "-w", workspace)
    assert done.code == 0, done.err
    assert "40 of them by several people" in done.out
    assert "Agreement (Krippendorff's α, 95 % interval): 0." in done.out
    assert "Labellers differ over" in done.out
    found = json.loads(call("label", "quality", "-w", workspace, "--json").out)
    by = {one["labeller"]: one for one in found["labellers"]}
    assert by["person:cy"]["error_rate"] > 0.25
    assert by["person:ann"]["error_rate"] < 0.05
    assert by["person:ann"]["answers"] == 90 + 40
    assert found["alpha"]["interval"][0] < found["alpha"]["value"] < 0.9
    assert found["fleiss"]["value"] is not None
    assert {(one["one"], one["other"]) for one in found["pairs"]} == {
        ("person:ann", "person:bob"), ("person:ann", "person:cy"), ("person:bob", "person:cy"),
    }  # fmt: skip
    assert all(one["consensus"] == one["said"]["person:ann"] for one in found["contested"])


def test_the_study_has_the_model_beside_the_people(call: Call, workspace: Path) -> None:
    call("turn", "-w", workspace)
    done = call("label", "study", "--reference", "ann", "-w", workspace)
    assert done.code == 0, done.err
    assert "Reference: what person:ann said." in done.out
    assert "40 parts are few" in done.out
    found = json.loads(call("label", "study", "-w", workspace, "--json").out)
    names = [one["name"] for one in found["appraisers"]]
    assert names == ["person:ann", "person:bob", "person:cy", "model"]
    ann, _, cy, model = found["appraisers"]
    assert (ann["trials"], ann["within"]["value"]) == (2, 1.0)
    assert (model["within"], model["parts"]) == (None, 40)
    assert cy["verdicts"]["effectiveness"] == "unacceptable"
    assert any("consensus of these same appraisers" in one for one in found["warnings"])
    assert any("by construction" in one for one in found["warnings"])


def test_labels_are_sent_back_by_hand_and_the_next_turn_waits(
    call: Call, workspace: Path, tmp_path: Path
) -> None:
    done = call("label", "quality", "--second-look", 3, "-w", workspace)
    assert done.code == 0, done.err
    found = json.loads(call("label", "quality", "-w", workspace, "--json").out)
    sent = [one["observation"] for one in found["suspects"] if one["looked_at"]]
    assert 0 < found["open_looks"] <= 3
    file = tmp_path / "again.csv"
    assert call("label", "export", file, "-w", workspace).code == 0
    with file.open(encoding="utf-8-sig", newline="") as asked:
        exported = [row["observation"] for row in csv.DictReader(asked)]
    assert set(sent) <= set(exported)
    assert len(exported) == found["open_looks"]
    answers = tmp_path / "answers.csv"
    lines = [f"{one},ok,person:dee" for one in exported]
    answers.write_text("\n".join(["observation,label,labeller", *lines]), encoding="utf-8")
    assert call("label", "import", answers, "-w", workspace).code == 0
    found = json.loads(call("label", "quality", "-w", workspace, "--json").out)
    assert found["open_looks"] == 0


def test_who_is_not_there_cannot_be_the_reference(call: Call, workspace: Path) -> None:
    done = call("label", "study", "--reference", "eve", "-w", workspace)
    assert done.code == 2
    assert "nobody called 'person:eve' has labelled anything: choose one of" in done.err


def test_without_labels_it_says_what_to_do(call: Call, tmp_path: Path) -> None:
    home = tmp_path / "w"
    call("init", home)
    call("task", "add", "orders", "--kind", "text", "--labels", "a,b", "-w", home)
    done = call("label", "quality", "-w", home)
    assert done.code == 2
    assert "task 'orders' has no labels yet" in done.err
    done = call("label", "study", "-w", home)
    assert done.code == 2
    assert "nothing to study" in done.err
