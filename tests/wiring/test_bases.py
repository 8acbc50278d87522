"""Bases are pulled, vetted, kept and offered; all of it or nothing."""

import pickle
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hub_server import Repo, serving
from tiny_encoders import WIDTH, text_encoder, text_onnx, window_onnx

from twoloops.digital.concatenate import joined_card
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.publish.model_card import base_models
from twoloops.edge.graph import Graph
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset
from twoloops.records.errors import TransientError, UserError
from twoloops.records.gate import Verdict
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring import bases
from twoloops.wiring.workspace import workbench

AT = datetime(2026, 11, 24, tzinfo=UTC)
TEXT = Task("orders", "text", ("leak", "ok"))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOLOOPS_CACHE", str(tmp_path / "cache"))
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    with Store.open(folder) as store:
        store.tasks.put(TEXT)
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write(tmp_path / "tiny", text_encoder())


def state(folder: Path) -> tuple[object, ...]:
    with Store.open(folder, create=False) as store:
        return (store.bases.all(), store.journal.head(), store.lineage.nodes())


def test_a_folder_becomes_an_offer_alone_and_beside_the_features(workspace, tiny):
    done = bases.add(workspace, str(tiny))
    name = done.base.name
    assert done.new
    assert name.startswith("tiny@")
    with Store.open(workspace, create=False) as store:
        bench = workbench(TEXT, store)
        own, both = bench.load(name), bench.load(f"builtin/char-ngram+{name}")
        assert (own.card, own.digest) == (done.base.card, done.base.digest)
        text = [b"hose leaking"]
        alone = Graph(own.graph).run(text)["embedding"]
        features = Graph(char_ngrams().graph).run(text)["embedding"]
        beside = Graph(both.graph).run(text)["embedding"]
        np.testing.assert_allclose(beside, np.hstack([features, alone]), atol=1e-6)
        assert name not in workbench(TEXT).offers
        assert name not in workbench(Task("v", "image", ("a", "b")), store).offers
        assert not store.journal.verify()
        assert [node.title for node in store.lineage.nodes()] == ["acme/mother", name]


def test_twice_is_once(workspace, tiny):
    first = bases.add(workspace, str(tiny))
    before = state(workspace)
    assert bases.add(workspace, f"folder:{tiny}") == bases.Added(first.base, new=False)
    assert state(workspace) == before


def test_signals_are_offered_to_tasks_of_their_shape(workspace, tmp_path):
    write(tmp_path / "windows", {"model.onnx": window_onnx(3, 32)})
    name = bases.add(workspace, str(tmp_path / "windows"), name="acme/windows").base.name
    assert name == "acme/windows"
    fits = Task("press", "signal", ("a", "b"), shape=(3, 32))
    other = Task("fan", "signal", ("a", "b"), shape=(3, 64))
    with Store.open(workspace, create=False) as store:
        bench = workbench(fits, store)
        both = bench.load(f"{bench.first(fits).card.name}+{name}")
        assert both.card.dimension == bench.first(fits).card.dimension + 8
        assert name not in workbench(other, store).offers


def test_from_the_hub_with_its_revision_publisher_and_past(workspace, monkeypatch):
    repo = Repo("acme/tiny", [text_encoder(0), text_encoder(1)])
    with serving(repo) as server:
        monkeypatch.setattr(bases, "upstream_of", through(server.url))
        old, new = repo.commits()
        first = bases.add(workspace, "hub:acme/tiny", revision=old).base
        second = bases.add(workspace, "hub:acme/tiny").base
    assert (first.name, second.name) == (f"acme/tiny@{old[:8]}", f"acme/tiny@{new[:8]}")
    assert first.digest != second.digest
    assert first.source == f"hub:acme/tiny@{old}"
    card = second.card
    assert (card.publisher, card.licence, card.revision) == ("acme", "MIT", new)
    assert [one.name for one in card.lineage] == ["acme/mother"]
    # A published model's card names what it stands on directly, and not that one's mother.
    assert base_models(card) == ["acme/tiny"]
    assert base_models(joined_card([char_ngrams().card, card])) == ["acme/tiny"]
    assert card.dimension == WIDTH


def through(url: str):
    """Name upstreams as ever, with the Hub at another address."""
    from twoloops.digital.upstream.hub import Hub
    from twoloops.store.fetch import default_cache

    return lambda word, tell: (Hub(default_cache(), url, tell), word)


def test_a_hostile_folder_is_refused_and_nothing_is_kept(workspace, tiny):
    (tiny / "extra.pkl").write_bytes(pickle.dumps(print))
    before = state(workspace)
    with pytest.raises(UserError, match="refused, nothing of it was run or kept: extra"):
        bases.add(workspace, str(tiny))
    assert state(workspace) == before


def test_another_one_of_the_same_name_is_refused(workspace, tiny, tmp_path):
    bases.add(workspace, str(tiny), name="mine")
    other = write(tmp_path / "other", text_encoder(**{"onnx/model.onnx": text_onnx(5)}))
    with pytest.raises(UserError, match="--name"):
        bases.add(workspace, str(other), name="mine")


@pytest.mark.parametrize("place", ["store.bases.Bases.add", "store.journal.Journal.append"])
def test_killed_while_keeping_it_nothing_is_there(workspace, tiny, monkeypatch, place):
    before = state(workspace)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"twoloops.{place}", killed)
        with pytest.raises(KeyboardInterrupt):
            bases.add(workspace, str(tiny))
    assert state(workspace) == before
    assert bases.add(workspace, str(tiny)).new


def deploy(folder: Path, base: str) -> None:
    card = ModelCard("orders", ("leak", "ok"), None, None, base, "sha256:b", "head", "sha256:d")
    with Store.open(folder, create=False) as store:
        store.datasets.put(Dataset.of("orders", []), 0)
        model = store.models.put(base.encode(), card, 0)
        store.releases.approve("orders", 0, model, Verdict(True, "first", "r", 1.0, 9, 0.1), AT)


@pytest.mark.parametrize("front", ["", "builtin/char-ngram+"])
def test_dropped_is_no_longer_offered_unless_a_deployed_model_stands_on_it(workspace, tiny, front):
    name = bases.add(workspace, str(tiny)).base.name
    deploy(workspace, front + name)
    with pytest.raises(UserError, match=r"re-base it first with .* rebase orders --to BASE"):
        bases.drop(workspace, name)
    deploy(workspace, "builtin/char-ngram")
    assert bases.drop(workspace, name).dropped_at is not None
    before = state(workspace)
    bases.drop(workspace, name)
    assert state(workspace) == before  # dropping twice is dropping once
    with Store.open(workspace, create=False) as store:
        bench = workbench(TEXT, store)
        assert name not in bench.offers
        assert bench.load(name).card.name == name  # models that stand on it can be made again
    assert bases.add(workspace, str(tiny)).new
    with Store.open(workspace, create=False) as store:
        assert name in workbench(TEXT, store).offers
        assert not store.journal.verify()


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("minilm", "comes with twoloops"),
        ("hub:not a name", "names no repository"),
        ("package:no-such-package", "pip install no-such-package"),
        ("no-such-thing", "base search"),
        ("folder:/no/such", "is not there"),
        (__file__, "is a file"),
    ],
)
def test_words_that_name_no_base(workspace, word, says):
    with pytest.raises(UserError, match=says):
        bases.add(workspace, word)


def test_a_page_that_was_copied_out_of_a_browser(workspace):
    with serving() as gone:
        url = gone.url
    with pytest.raises((TransientError, UserError), match="a/b"):
        through(url)("hub:a/b", print)[0].pull("a/b", None, None)
    place, name = bases.upstream_of("https://huggingface.co/a/b")
    assert (type(place).__name__, name) == ("Hub", "a/b")


@pytest.mark.parametrize("name", ["a+b", "", "-x", "ü b", "x" * 121])
def test_a_name_that_cannot_be_one(workspace, tiny, name):
    with pytest.raises(UserError, match="--name takes"):
        bases.add(workspace, str(tiny), name=name)


def test_no_workspace_no_pull(tmp_path):
    with pytest.raises(UserError, match="twoloops init"):
        bases.add(tmp_path / "nowhere", "hub:a/b")
