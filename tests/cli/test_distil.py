"""`twoloops distil` from ingest to release, and refused where a teacher's teacher forbids it."""

import csv
import json
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.store.workspace import Store

WORDS = {
    "leak": ("leak", "oil", "drip", "hose", "seal", "wet"),
    "crack": ("crack", "broken", "split", "bent", "torn", "snapped"),
    "ok": ("service", "inspect", "swap", "grease", "check", "adjust"),
}
PARTS = ("bucket", "arm", "engine", "left", "right", "pump", "track")


def named(base: Base, name: str) -> Base:
    return replace(base, card=msgspec.structs.replace(base.card, name=name))


BASES = {
    "weak": lambda: named(char_ngrams(12, 1, 1, words=False), "weak"),
    "small": lambda: named(char_ngrams(96), "small"),
    "large": lambda: named(char_ngrams(2048), "large"),
}


def offers(first: str) -> tuple[Offer, ...]:
    return tuple(Offer(name, 99, lambda _, n=name: BASES[n]()) for name in BASES if name != first)


@pytest.fixture
def stands_on(monkeypatch):
    """Say on which base tasks start; the others are on offer, but too late for any turn."""

    def start(first: str) -> None:
        monkeypatch.setattr(
            "twoloops.convergence.turns.loop.first_base", lambda kind, shape=None: BASES[first]()
        )
        monkeypatch.setattr(
            "twoloops.wiring.workspace.upstream", lambda kind, shape=None: offers(first)
        )

    return start


def source(path: Path, count: int) -> Path:
    draw = random.Random(3)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for number in range(count):
            label = draw.choice(sorted(WORDS))
            words = [*draw.choices(WORDS[label], k=1), *draw.choices(PARTS, k=3)]
            draw.shuffle(words)
            writer.writerow((f"{' '.join(words)} {number}", label))
    return path


def workspace(call, folder: Path, labeller: str) -> Path:
    """A workspace whose first turn is closed: 150 labels, 450 observations without one."""
    at = ("-w", folder)
    call("init", folder)
    words = ("--kind", "text", "--labels", "crack,leak,ok", "--normal", "ok")
    done = call("task", "add", "orders", *words, "--seed-labels", 150, *at)
    assert done.code == 0, done.err
    history = source(folder.parent / "orders.csv", 600)
    done = call("ingest", history, "--task", "orders", *at)
    assert done.code == 0, done.err
    call("turn", *at)
    ask = folder.parent / "ask.csv"
    assert call("label", "export", ask, *at).code == 0
    with ask.open(encoding="utf-8-sig", newline="") as file:
        header, *lines = csv.reader(file)
    for line in lines:
        line[1] = next(name for name, own in WORDS.items() if set(own) & set(line[3].split()))
    with ask.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *lines])
    assert call("label", "import", ask, "--labeller", labeller, *at).code == 0
    closed = call("turn", *at)
    assert "is closed" in closed.out, closed.err
    return folder


def test_a_student_is_tried_released_and_tried_no_more(call, tmp_path, stands_on) -> None:
    stands_on("weak")
    folder = workspace(call, tmp_path / "ws", "person:Ada")
    at = ("-w", folder)
    words = ("distil", "orders", "--teacher", "large", "--student", "small", *at)

    dry = json.loads(call(*words, "--dry-run", "--json").out)
    (said,) = dry["tasks"]
    assert (dry["dry_run"], said["outcome"], said["before"]) == (True, "released", "weak")
    with Store.open(folder, create=False) as store:
        weak = store.releases.deployed("orders").model
        assert store.models.find(weak).card.base == "weak"

    done = call(*words)
    assert done.code == 0, done.err
    told = " ".join(done.out.split())
    assert "better than the deployed model" in told
    assert "the student takes" in told
    with Store.open(folder, create=False) as store:
        release = store.releases.deployed("orders")
        assert release.model == said["model"]
        card = store.models.find(release.model).card
    assert card.base == "small"
    assert card.recipe.startswith("distil/1 teacher=large weight=")
    assert card.recipe.endswith(f"unlabelled={said['unlabelled']}")
    assert said["unlabelled"] == 450

    again = json.loads(call(*words, "--json").out)["tasks"][0]
    assert again["outcome"] == "same already"
    assert call("status", *at).code == 0
    (decision,) = json.loads(call("decide", "oil hose arm", *at, "--json").out)["decisions"]
    assert decision["label"] == "leak"
    shown = call("lineage", *at).out
    assert "distilled from" in shown
    assert "450 unlabelled observations" in " ".join(shown.split())
    assert call("publish", "deployed", tmp_path / "out", "--no-sign", *at).code == 0
    assert call("verify", tmp_path / "out").code == 0


DYING = """
import importlib.util, os, signal, sys

spec = importlib.util.spec_from_file_location("bases", sys.argv[1])
bases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bases)

from twoloops.cli.main import run
from twoloops.convergence.trials import trial as trying
from twoloops.convergence.turns import loop
from twoloops.wiring import workspace

loop.first_base = lambda kind, shape=None: bases.BASES["weak"]()
workspace.upstream = lambda kind, shape=None: bases.offers("weak")
trying.self_test = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run(sys.argv[2:])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing can be killed here")
def test_a_process_killed_before_its_commit_leaves_nothing(
    call, tmp_path, stands_on, environment
) -> None:
    """The release is written when it dies; the same command then ends as if nothing had been."""
    stands_on("weak")
    folder = workspace(call, tmp_path / "ws", "person:Ada")
    words = ["distil", "--teacher", "large", "--student", "small", "-w", str(folder)]
    dry = json.loads(call(*words, "--dry-run", "--json").out)["tasks"][0]

    def content() -> tuple[object, ...]:
        with Store.open(folder, create=False) as store:
            assert store.journal.verify() == []
            models = [one.digest for one in store.models.of_task("orders")]
            return store.journal.head(), models, store.lineage.edges(), store.releases.all("orders")

    before = content()
    died = subprocess.run(
        [sys.executable, "-c", DYING, __file__, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert content() == before
    (done,) = json.loads(call(*words, "--json").out)["tasks"]
    assert (done["outcome"], done["model"]) == ("released", dry["model"])


def test_a_cheaper_student_is_said_to_be_cheaper(call, tmp_path, stands_on) -> None:
    stands_on("large")
    folder = workspace(call, tmp_path / "ws", "person:Ada")
    done = call("distil", "--student", "small", "--teacher", "large", "-w", folder, "--dry-run")
    assert done.code == 0, done.err
    assert "the student is cheaper: it takes" in " ".join(done.out.split())
    assert "Nothing was kept" in done.out


def test_refused_through_two_generations_with_the_path(
    call, tmp_path, stands_on, monkeypatch
) -> None:
    """A forbidding teacher labelled the dataset of model A; A may not teach B."""
    stands_on("large")
    with monkeypatch.context() as before:
        # Model A was made when nobody had looked at the terms yet: a turn would wait for that now.
        before.setattr("twoloops.convergence.turns.stages.wait_for_terms", lambda loop, turn: None)
        folder = workspace(call, tmp_path / "ws", "teacher:zhipu/glm-5")
    with Store.open(folder, create=False) as store:
        before = (store.journal.head(), store.lineage.edges(), store.models.of_task("orders"))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("fitted although the terms forbid it")

    monkeypatch.setattr("twoloops.convergence.turns.loop.specialise", never)
    done = call("distil", "--student", "small", "--teacher", "large", "-w", folder)
    assert done.code == 0, done.err
    told = " ".join(done.out.split())
    assert "terms" in told
    assert "no-train-on-outputs: Z.ai" in told
    assert (
        "path: orders on small distilled from large → orders turn 0 on large → orders dataset of "
        "turn 0 → teacher:zhipu/glm-5 → Z.ai"
    ) in told
    with Store.open(folder, create=False) as store:
        assert before == (
            store.journal.head(),
            store.lineage.edges(),
            store.models.of_task("orders"),
        )


def test_a_base_whose_ancestor_forbids_it_does_not_teach(
    call, tmp_path, stands_on, monkeypatch
) -> None:
    """Nothing of the teacher is in the workspace yet: its card alone speaks for it."""
    from twoloops.records.base import Ancestor

    def tainted() -> Base:
        base = BASES["small"]()
        above = (
            Ancestor("some/student", "fine-tuned from", "somebody", "MIT", "its card"),
            Ancestor("meta/llama-2", "distilled from", "Meta", "Llama-2", "its card"),
        )
        return replace(base, card=msgspec.structs.replace(base.card, name="large", lineage=above))

    monkeypatch.setitem(BASES, "large", tainted)
    stands_on("weak")
    folder = workspace(call, tmp_path / "ws", "person:Ada")
    (tried,) = json.loads(call("distil", "--teacher", "large", "-w", folder, "--json").out)["tasks"]
    assert tried["outcome"] == "terms"
    assert "orders on large → large → some/student → meta/llama-2" in tried["reason"]


def test_nonsense_is_said(call, tmp_path, stands_on) -> None:
    stands_on("weak")
    folder = tmp_path / "ws"
    call("init", folder)
    assert "no task yet" in call("distil", "-w", folder).out
    unknown = call("distil", "nothing", "-w", folder)
    assert unknown.code == 2
    assert call("distil", "--unlabelled", 0, "-w", folder).code == 2
