import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import twoloops

ROOT = Path(__file__).parents[2]
ALL = 9


@pytest.fixture(autouse=True)
def no_vintages(monkeypatch, tmp_path):
    monkeypatch.setenv("TWOLOOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_page_is_written_whole_and_told_of(call, tmp_path):
    done = call("exhibits", "--only", "applications", "--out", tmp_path / "made" / "page.html")
    assert done.code == 0, done.err
    text = (tmp_path / "made" / "page.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    assert "applications" in done.out
    assert "Tables: packaged: the tables that come with this release." in done.out
    assert "page.html" in done.out
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["page.html"]


def test_without_a_place_the_page_goes_to_this_folder(call, tmp_path):
    done = call("exhibits", "--only", "controls")
    assert done.code == 0, done.err
    assert (tmp_path / "exhibits.html").is_file()


def test_json_has_every_exhibit_with_figures_sources_and_corrections(call):
    done = call("exhibits", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert len(found["exhibits"]) == ALL
    price = next(one for one in found["exhibits"] if one["id"] == "price")
    row = next(row for row in price["tables"][0]["rows"] if row["cells"][0] == "GPT-4.5")
    assert row["cells"][3:5] == [6.0, 93.75]
    assert row["computed"].startswith("(3 × 75 + 150) / 4 = 93.75")
    assert {one["verdict"] for one in row["remarks"]} >= {"contradicts"}
    assert found["corrections"]["rows"]
    assert {"id", "publisher", "published", "licence", "seen"} <= set(found["sources"][0])


def test_markdown_goes_to_stdout_or_a_file(call, tmp_path):
    done = call("exhibits", "--format", "md", "--only", "open-models")
    assert done.out.startswith("# The article's exhibits, recomputed")
    assert "## Growth of open models by country" in done.out
    call("exhibits", "--format", "md", "--only", "open-models", "--out", tmp_path / "one.md")
    assert (tmp_path / "one.md").read_text(encoding="utf-8") == done.out


def test_pictures_are_one_a_chart(call, tmp_path):
    done = call("exhibits", "-f", "png", "--only", "controls", "--out", tmp_path / "p")
    assert done.code == 0, done.err
    names = sorted(path.name for path in (tmp_path / "p").iterdir())
    assert names == ["controls-instruments.png", "controls-ratings.png"]
    assert "Wrote 2 pictures" in done.out


def test_countries_are_a_parameter(call):
    done = call("exhibits", "--json", "--only", "open-models", "--countries", "france,japan")
    rows = json.loads(done.out)["exhibits"][0]["tables"][0]["rows"]
    assert {row["cells"][0] for row in rows} == {"France", "Japan"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "prices"], "there is no exhibit 'prices'; there are landscape, open-models"),
        (["--tables", "yesterday"], "'yesterday' is no vintage: name a date such as"),
        (["--replay", "x"], "--replay x shows exhibits of your own: add --mine"),
        (["--mine", "--countries", "China"], "leave it out with --mine"),
        (["-f", "png", "--out", "-"], "pictures are several files: name a folder with --out"),
        (["--countries", "Chnia"], "names are as there: 'China'"),
        (["--mine", "--workspace", "/nowhere"], "/nowhere"),
    ],
)
def test_nonsense_is_answered_in_a_sentence(call, words, said):
    done = call("exhibits", *words)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_place_that_cannot_be_written_is_said(call, tmp_path):
    (tmp_path / "file").write_text("")
    done = call("exhibits", "--only", "controls", "--out", tmp_path / "file" / "page.html")
    assert done.code == 2
    assert "cannot be written" in done.err
    assert "give another place with --out" in done.err


def test_the_bare_install_says_what_is_missing(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    done = call("exhibits", "--only", "applications")
    assert done.code == 2
    assert "pip install 'twoloops[server]'" in done.err


def test_exhibits_of_ones_own_are_written_from_a_replay(call, replayed, tmp_path):
    done = call("exhibits", "--mine", "--replay", replayed / "replay", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert {one["id"] for one in found["exhibits"]} >= {"landscape", "price", "controls"}
    assert found["corrections"] is None
    page = tmp_path / "mine.html"
    done = call("exhibits", "--mine", "--replay", replayed / "replay", "--out", page)
    assert done.code == 0, done.err
    assert "Your loops, as exhibits" in page.read_text(encoding="utf-8")


def test_what_stands_below_the_command_is_there(call):
    told = call("exhibits", "--help").out
    assert "refresh" in told
    assert "changes" in told


def test_the_committed_page_and_pictures_are_current():
    """Run  python tools/exhibits_docs.py  after a table or an exhibit has changed."""
    source = str(Path(twoloops.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "exhibits_docs.py"), "--check"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        timeout=240,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    size = sum(path.stat().st_size for path in (ROOT / "docs" / "exhibits").glob("*.png"))
    assert size < 1_500_000
