"""A refresh against a server that speaks each publisher's format, well and in every broken way."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import twoloops
from twoloops.atlas.comparing import changes
from twoloops.atlas.hub import HubFamily, HubModel
from twoloops.atlas.list_prices import ListPrice
from twoloops.atlas.prices import Price, price_on
from twoloops.atlas.regions import LabWeights, catalogue
from twoloops.atlas.vintages import View, vintages
from twoloops.records.errors import UserError
from twoloops.wiring import fetching, refreshing
from twoloops.wiring.fetching import Web

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
ALL = list(refreshing.ENDPOINTS)


def refresh(publishing, folder, only=(), now=NOW, at=None, **limits):
    wanted = refreshing.publishers(at or publishing.endpoints(), only)
    with Web(pause=lambda: None, **limits) as get:
        return refreshing.refresh(wanted, get, folder, clock=lambda: now)


def states(outcomes):
    return {one.publisher: one.state for one in outcomes}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def folder(cache: Path) -> Path:
    return refreshing.shelf(cache)


def test_all_publishers_are_read_into_the_packaged_tables_types(publishing, cache, folder) -> None:
    outcomes = refresh(publishing, folder)
    assert states(outcomes) == dict.fromkeys(ALL, "new")
    assert all(one.day == "2027-01-10" and not one.why for one in outcomes)
    view = refreshing.tables(cache=cache)
    assert price_on(view.rows("prices", Price), "openai", "gpt-5.2", "2027-01-01").input == 1.75
    assert {row.source for row in view.rows("list_prices", ListPrice)} >= {
        "models-dev-2027-01-10",
        "genai-prices-2027-01-10",
    }
    labs = {row.lab: row for row in view.rows("catalogue_labs", LabWeights)}
    assert (labs["openai"].open, labs["openai"].closed) == (3, 57)
    models = {row.model: row for row in view.rows("hub_models", HubModel)}
    assert models["meta-llama/Llama-3.1-8B-Instruct"].licence == "llama3.1"
    assert models["Qwen/Qwen3-8B"].derivatives == 92
    families = {row.family: row for row in view.rows("hub_families", HubFamily)}
    assert (families["Qwen"].models, families["Qwen"].downloads) == (4, 307)
    assert {row.source for row in models.values()} <= view.sources().keys()


def test_a_second_refresh_keeps_what_changed_and_nothing_else(publishing, folder) -> None:
    refresh(publishing, folder)
    module = sys.modules["publishing"]
    publishing.publish(module.price_snapshot(gpt=2.0))
    publishing.downloads = 2000
    outcomes = refresh(publishing, folder, now=NOW + timedelta(days=30))
    new = {name for name, state in states(outcomes).items() if state == "new"}
    assert new == {"hugging-face", "model-prices"}
    old = next(one for one in outcomes if one.publisher == "epoch-all")
    assert (old.state, old.day, old.age) == ("unchanged", "2027-01-10", "30 days")
    assert len(vintages(folder, "model-prices")) == 2
    assert len(vintages(folder, "epoch-all")) == 1


def html(publishing):
    publishing.change("/data/notable_ai_models.csv", body=b"<html>Sorry</html>")


def truncated(publishing):
    publishing.change("/data/notable_ai_models.csv", cut=5000)


def cut_within_a_row(publishing):
    body = publishing.replies["/data/notable_ai_models.csv"].body
    publishing.change("/data/notable_ai_models.csv", body=body[:-30])


def another_schema(publishing):
    body = publishing.replies["/data/notable_ai_models.csv"].body
    publishing.change(
        "/data/notable_ai_models.csv", body=body.replace(b"Model accessibility", b"Access", 1)
    )


def other_words(publishing):
    body = publishing.replies["/data/notable_ai_models.csv"].body
    publishing.change("/data/notable_ai_models.csv", body=body.replace(b"Open weights", b"Weights"))


def gone(publishing):
    publishing.change("/data/notable_ai_models.csv", status=404, body=b"no")


def stump(publishing):
    module = sys.modules["publishing"]
    publishing.change("/data/notable_ai_models.csv", body=module.epoch_csv(20))


def silent(publishing):
    publishing.change("/data/notable_ai_models.csv", stall=1.0)


def no_text(publishing):
    publishing.change("/data/notable_ai_models.csv", body=os.urandom(5000))


def larger(publishing):
    publishing.change("/data/notable_ai_models.csv", body=b"x" * 9_000_000)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (html, "the answer is a web page, not CSV"),
        (truncated, "the answer broke off"),
        (cut_within_a_row, "the file is broken or cut off"),
        (another_schema, "has no column 'Model accessibility'; it has Model, Organization"),
        (other_words, "only 0 open models with country and date were found"),
        (gone, "127.0.0.1 answered 404 Not Found"),
        (stump, "only 20 models were found, at least 500 are expected"),
        (silent, "stopped answering"),
        (no_text, "the file is not UTF-8 text"),
        (larger, "the answer is larger than 8 MB, which is the limit"),
    ],
)
def test_a_source_that_fails_leaves_its_vintage_and_the_others_go_on(
    publishing, folder, fault, says
) -> None:
    only = ["epoch-notable", "model-prices"]
    refresh(publishing, folder, only)
    before = vintages(folder, "epoch-notable")
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    publishing.publish(sys.modules["publishing"].price_snapshot(gpt=2.0))
    fault(publishing)
    outcomes = refresh(
        publishing, folder, only, NOW + timedelta(days=9), silence=0.3, most_bytes=8_000_000
    )
    assert states(outcomes) == {"epoch-notable": "failed", "model-prices": "new"}
    failed = outcomes[0]
    assert says in failed.why
    assert (failed.day, failed.age, failed.unreachable) == ("2027-01-10", "9 days", False)
    assert vintages(folder, "epoch-notable") == before
    assert all(path.read_bytes() == data for path, data in files.items())
    assert not list(folder.glob("*/.partial-*"))


def test_a_table_that_lost_most_of_its_rows_is_not_kept(publishing, folder) -> None:
    module = sys.modules["publishing"]
    # Enough models for a file, but far fewer than this release knows.
    publishing.publish(module.price_snapshot(models=230))
    (outcome,) = refresh(publishing, folder, ["model-prices"])
    assert outcome.state == "failed"
    assert outcome.why.startswith("the table prices would shrink from ")
    assert outcome.day is None
    publishing.publish(module.price_snapshot(models=900))
    assert states(refresh(publishing, folder, ["model-prices"])) == {"model-prices": "new"}
    publishing.publish(module.price_snapshot(models=400))
    (outcome,) = refresh(publishing, folder, ["model-prices"])
    assert outcome.why == (
        "the table prices would shrink from 904 rows to 404: the data looks broken"
    )
    assert outcome.day == "2027-01-10"


def test_without_a_network_every_source_says_so_and_the_packaged_tables_stay(cache, folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    at = {name: f"http://127.0.0.1:{port}/" for name in ALL}
    outcomes = refresh(None, folder, at=at)
    assert states(outcomes) == dict.fromkeys(ALL, "failed")
    assert all(one.unreachable for one in outcomes)
    assert {one.why.partition(" (")[0] for one in outcomes} == {
        f"127.0.0.1:{port} cannot be reached"
    }
    assert refreshing.tables(cache=cache).rows("catalogue_labs", LabWeights) == catalogue()


def test_a_folder_that_cannot_be_written_is_told(publishing, tmp_path) -> None:
    place = tmp_path / "atlas"
    place.write_text("a file where the folder should be")
    (outcome,) = refresh(publishing, place, ["model-prices"])
    assert outcome.state == "failed"
    assert outcome.why.startswith("cannot write: ")


def test_a_damaged_vintage_fails_its_own_source_only(publishing, folder) -> None:
    only = ["model-prices", "genai-prices"]
    refresh(publishing, folder, only)
    record = vintages(folder, "model-prices")[0].folder / "vintage.json"
    record.chmod(0o644)
    record.write_bytes(b"{}")
    outcomes = refresh(publishing, folder, only)
    assert states(outcomes) == {"model-prices": "failed", "genai-prices": "unchanged"}
    assert "is damaged (vintage.json: " in outcomes[0].why


def test_two_refreshes_at_once_do_no_harm(publishing, cache, folder) -> None:
    outcomes = []

    def work() -> None:
        outcomes.append(states(refresh(publishing, folder)))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {state for one in outcomes for state in one.values()} <= {"new", "unchanged"}
    assert {one.vintage.publisher for one in vintages(folder)} == set(ALL)
    view = refreshing.tables(cache=cache)
    assert len(view.kept) == len(ALL)
    assert price_on(view.rows("prices", Price), "openai", "gpt-5.2", "2027-01-01").input == 1.75


LIFE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from twoloops.atlas import shelving
from twoloops.wiring import fetching, refreshing
from twoloops.wiring.fetching import Web

last, real = int(sys.argv[3]), os.fsync

def sync(handle):
    global last
    last -= 1
    if last == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(handle)

os.fsync = sync
at = dict(refreshing.ENDPOINTS) | {"model-prices": sys.argv[1]}
wanted = refreshing.publishers(at, ["model-prices"])
with Web() as get:
    now = datetime(2027, 2, 1, tzinfo=UTC)
    (outcome,) = refreshing.refresh(wanted, get, Path(sys.argv[2]), lambda: now)
print(outcome.state)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_at_any_write_the_old_vintages_stay_whole(publishing, cache, folder) -> None:
    refresh(publishing, folder, ["model-prices"])
    publishing.publish(sys.modules["publishing"].price_snapshot(gpt=2.0))
    source = str(Path(twoloops.__file__).parents[1])
    killed = 0
    for write in range(1, 30):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                LIFE,
                publishing.endpoints()["model-prices"],
                folder,
                str(write),
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": source},
            timeout=60,
            check=False,
        )
        rows = refreshing.tables(cache=cache).rows("prices", Price)
        price = price_on(rows, "openai", "gpt-5.2", "2027-03-01").input
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        # Killed before the rename, the old one is read; after it, the new one, whole.
        assert price in (1.75, 2.0)
    assert killed >= 6
    assert price == 2.0
    assert vintages(folder)[0].rows("prices", Price)[0].source == "model-prices-2027-01-10"


def test_endpoints_may_be_replaced() -> None:
    at = refreshing.endpoints(["models-dev=http://mirror:8/x"], {"HF_ENDPOINT": "https://hf.mine"})
    assert at["models-dev"] == "http://mirror:8/x/"
    assert at["hugging-face"] == "https://hf.mine"
    assert at["epoch-all"] == refreshing.ENDPOINTS["epoch-all"]
    said = ["hugging-face=http://here"]
    assert refreshing.endpoints(said, {"HF_ENDPOINT": "x"})["hugging-face"] == "http://here"
    assert refreshing.endpoints([], {"HF_ENDPOINT": " "}) == refreshing.ENDPOINTS


@pytest.mark.parametrize("text", ["nobody=http://x", "models-dev", "models-dev=ftp://x", ""])
def test_an_endpoint_that_is_none_is_refused(text) -> None:
    with pytest.raises(UserError) as caught:
        refreshing.endpoints([text], {})
    assert str(caught.value) == (
        f"cannot read --endpoint {text!r}: write NAME=URL with a URL of http or https and one of "
        f"the names {', '.join(ALL)}"
    )


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(UserError, match=r"^no source is called 'epoch': name some of epoch-all, e"):
        refreshing.publishers(refreshing.ENDPOINTS, ["epoch"])


def test_every_endpoint_has_a_publisher_of_its_name() -> None:
    made = refreshing.publishers(refreshing.ENDPOINTS)
    assert [one.name for one in made] == ALL
    assert all(url.startswith("https://") for url in refreshing.ENDPOINTS.values())


def test_what_is_kept_is_shown_without_asking_anybody(publishing, folder) -> None:
    refresh(publishing, folder, ["model-prices"])
    asked = len(publishing.asked)
    wanted = refreshing.publishers(publishing.endpoints(), ["model-prices", "genai-prices"])
    kept, none = refreshing.standing(wanted, folder, NOW + timedelta(days=4))
    assert (kept.day, kept.age, kept.rows) == ("2027-01-10", "4 days", {"prices": 604})
    assert (none.day, none.age) == (None, "")
    assert len(publishing.asked) == asked


@pytest.mark.data
def test_the_files_that_the_packaged_tables_were_written_from_change_nothing(
    publishing, cache, folder
) -> None:
    atlas = Path(os.environ.get("TWOLOOPS_DATA", "")) / "atlas"
    if not atlas.is_dir():
        pytest.skip("the published files are not here: TWOLOOPS_DATA names their folder")
    snapshot = (atlas / "prices" / "model_prices_history_2026-10-26.json").read_bytes()
    publishing.publish(snapshot)
    for path, file in (
        ("/data/all_ai_models.csv", "epoch/all_ai_models_2025-04.csv"),
        ("/data/notable_ai_models.csv", "epoch/notable_ai_models_2026-07.csv"),
        ("/data/large_scale_ai_models.csv", "epoch/large_scale_ai_models_2025-12.csv"),
        ("/genai/data.json", "prices/genai_prices_2026-08-21.json"),
    ):
        publishing.change(path, body=(atlas / file).read_bytes())
    only = ["epoch-all", "epoch-notable", "epoch-large", "model-prices", "genai-prices"]
    outcomes = refresh(publishing, folder, only, datetime(2026, 10, 26, 20, tzinfo=UTC))
    assert states(outcomes) == dict.fromkeys(only, "new"), outcomes
    found = changes(View(), refreshing.tables(cache=cache))
    compared = {one.table: one for one in found}
    for name in ("open_models", "open_model_snapshots", "prices"):
        assert compared[name].after == "2026-10-26"
        assert compared[name].changes == ()
    # Prices announced for a later day have come into force since.
    assert 0 < len(compared["list_prices"].changes) < 10
    assert compared["list_prices"].count("changed") == len(compared["list_prices"].changes)


def test_the_page_on_refreshing_names_every_source() -> None:
    page = (Path(__file__).parents[2] / "docs" / "refresh.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)
    assert named == ALL
    assert f"no larger than {fetching.MOST_BYTES >> 20} MB" in " ".join(page.split())
    assert fetching.SECONDS == 120
    assert "within two minutes" in " ".join(page.split())
