"""`twoloops label export` and `import` with Label Studio's files."""

import json

import pytest


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    """A workspace whose first turn asks about eight orders; copy, don't touch."""
    from twoloops.cli.main import run

    folder = tmp_path_factory.mktemp("asking")
    source = folder / "orders.csv"
    source.write_text("text\n" + "".join(f"order number {n}\n" for n in range(8)))
    at = ["--workspace", str(folder / "ws")]
    for words in (
        ["init", str(folder / "ws")],
        ["task", "add", "orders", "--kind", "text", "--labels", "leak,ok", "--seed-labels", "8"],
        ["ingest", str(source)],
        ["turn"],
    ):
        with pytest.raises(SystemExit) as stop:
            run(words if words[0] == "init" else [*words, *at])
        assert stop.value.code == 0, words
    return folder / "ws"


@pytest.fixture
def at(asking, tmp_path):
    import shutil

    shutil.copytree(asking, tmp_path / "ws")
    return ("--workspace", tmp_path / "ws")


def done(task, number, label):
    choice = {"from_name": "label", "to_name": "input", "type": "choices"}
    return task | {
        "id": number,
        "annotations": [
            {
                "completed_by": {"email": "ann@plant"},
                "result": [choice | {"value": {"choices": [label]}}],
                "was_cancelled": False,
            }
        ],
    }


def test_questions_go_to_label_studio_and_answers_come_back(call, at, tmp_path) -> None:
    ask = tmp_path / "ask.json"
    told = call("label", "export", ask, *at)
    assert told.code == 0, told.err
    assert "Wrote 8 tasks" in told.out
    assert '<Choice value="leak"/>' in (tmp_path / "ask.xml").read_text()
    refused = call("label", "export", ask, *at)
    assert (refused.code, "is there already" in refused.err) == (2, True)
    tasks = json.loads(ask.read_bytes())
    assert "predictions" not in tasks[0]
    back = tmp_path / "project-1.json"
    back.write_text(json.dumps([done(one, n, "ok") for n, one in enumerate(tasks[:5])]))
    taken = json.loads(call("label", "import", back, *at, "--json").out)
    assert (taken["new"], taken["passed"], taken["open"]) == (5, 0, 3)
    again = call("label", "import", back, *at)
    assert "0 new labels; 5 were known." in again.out

    wrong = [done(one, n, "rust") for n, one in enumerate(tasks[5:7])]
    skip = tasks[7] | {"annotations": [{"was_cancelled": True, "result": []}]}
    back.write_text(json.dumps([*wrong, skip]))
    refused = call("label", "import", back, *at)
    assert (refused.code, refused.err.count("'rust' is no label of task 'orders'")) == (2, 2)
    grown = call("label", "import", back, "--new-labels", "--labeller", "bob", *at)
    assert "Skipped, because somebody could not tell: 1." in grown.out
    assert "New labels of task 'orders': rust." in grown.out


def test_what_has_labels_is_exported_with_them(call, at, tmp_path) -> None:
    none = call("label", "export", tmp_path / "all.json", "--labelled", *at)
    assert (none.code, "has no labels yet: leave out --labelled" in none.err) == (2, True)
    call("label", "export", tmp_path / "ask.csv", *at)
    lines = (tmp_path / "ask.csv").read_text(encoding="utf-8-sig").splitlines()
    lines[1] = lines[1].replace(",,,", ",ok,bob,").replace("bob", "person:bob")
    (tmp_path / "ask.csv").write_text("\n".join(lines[:2]))
    assert call("label", "import", tmp_path / "ask.csv", *at).code == 0
    told = json.loads(
        call("label", "export", tmp_path / "all.json", "--labelled", *at, "--json").out
    )
    assert told["questions"] == 1
    assert told["config"] == str(tmp_path / "all.xml")
    (only,) = json.loads((tmp_path / "all.json").read_bytes())
    assert only["data"]["labelled"] == "person:bob"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("ask.csv", "--labelled"), "are for Label Studio: add  --format label-studio"),
        (("ask.csv", "--format", "xls"), "--format 'xls' is not  csv or label-studio"),
        (("ask.xml", "--format", "label-studio"), "is where the labeling config goes"),
        (("no/where.json",), "cannot write no/where.json: No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_said(call, at, words, sentence) -> None:
    told = call("label", "export", *words, *at)
    assert (told.code, sentence in told.err) == (2, True), told.err
