"""The Hub's adapter against a server on loopback that speaks the Hub's endpoints."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer, Repo, serving

from twoloops.digital.upstream import kept
from twoloops.digital.upstream.hub import Hub
from twoloops.digital.upstream.port import Query
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import TransientError, UserError

ONNX = bytes(range(256)) * 400
SMALL = {
    "onnx/model.onnx": ONNX,
    "onnx/model_quantized.onnx": b"q" * 100,
    "onnx/model.onnx_data": b"d" * 3000,
    "pytorch_model.bin": b"never fetched",
    "modeling_tiny.py": b"raise SystemExit",
    "config.json": b"{}",
    "tokenizer.json": b'{"model": {}}',
    "1_Pooling/config.json": b"{}",
    "README.md": b"---\nlicense: apache-2.0\n---\n",
    "LICENSE": b"text",
}


def repos() -> list[Repo]:
    return [
        Repo("acme/tiny", [SMALL, {**SMALL, "config.json": b'{"v": 2}'}], downloads=50),
        Repo("acme/tiny-large", [SMALL], downloads=70, parameters=400_000_000),
        Repo("acme/tiny-mit", [SMALL], downloads=20, tags=("onnx", "license:mit")),
        Repo("acme/tiny-b", [SMALL], task="feature-extraction", downloads=60),
        Repo("acme/tiny-torch", [SMALL], tags=("license:apache-2.0",), downloads=90),
        Repo("acme/view", [SMALL], task="image-feature-extraction", downloads=5),
        Repo("acme/gated", [SMALL], gated=True, downloads=1),
        Repo("acme/secret", [SMALL], private=True),
        Repo("acme/several", [{"a.onnx": ONNX, "b.onnx": ONNX}], downloads=1),
        Repo("acme/none", [{"model.safetensors": ONNX}], downloads=1),
    ]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token of this machine's user, and no pause between tries."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with serving(*repos()) as running:
        yield running


@pytest.fixture
def hub(server: HubServer, tmp_path: Path) -> Hub:
    return Hub(tmp_path / "cache", server.url)


def names(hub: Hub, query: Query) -> list[str]:
    return [one.source.removeprefix("hub:acme/") for one in hub.search(query)]


class TestSearch:
    def test_the_most_downloaded_first_over_all_pages(self, hub, server):
        found = names(hub, Query(kind="text"))
        assert found[:4] == ["tiny-large", "tiny-b", "tiny", "tiny-mit"]
        assert server.faults.seen["GET /api/models"] == 4  # pages of two, for two of its tasks

    def test_by_licence_size_words_and_kind(self, hub):
        assert names(hub, Query("tiny", "text", "mit")) == ["tiny-mit"]
        assert "tiny-large" not in names(hub, Query("tiny", max_parameters=2_000_000))
        assert names(hub, Query(kind="image")) == ["view"]
        assert names(hub, Query("tiny-torch")) == []  # carries no ONNX
        assert names(hub, Query(limit=2)) == ["tiny-large", "tiny-b"]
        assert names(hub, Query("nothing like it")) == []

    def test_says_what_is_stated(self, hub, server):
        (found,) = hub.search(Query("tiny-mit"))
        assert found.licence == "mit"
        assert found.publisher == "acme"
        assert found.kind == "text"
        assert found.revision == server.repos["acme/tiny-mit"].commit()
        assert (found.downloads, found.parameters, found.updated) == (20, 1_000_000, "2026-05-04")
        assert not found.gated

    def test_too_many_requests_pass(self, hub, server):
        server.faults.busy = 50
        with pytest.raises(TransientError, match="429"):
            hub.search(Query())
        server.faults.busy = 0
        assert hub.search(Query())

    @pytest.mark.parametrize("limit", [0, 1_001, -3])
    def test_a_limit_out_of_range(self, hub, limit):
        with pytest.raises(UserError, match="1 to 1,000"):
            hub.search(Query(limit=limit))


class TestPull:
    def test_what_an_encoder_needs_and_nothing_else(self, hub, server):
        pull = hub.pull("acme/tiny", None, None)
        there = {
            p.relative_to(pull.folder).as_posix() for p in pull.folder.rglob("*") if p.is_file()
        }
        assert there == set(SMALL) - {
            "pytorch_model.bin",
            "modeling_tiny.py",
            "onnx/model_quantized.onnx",
        }
        commit = server.repos["acme/tiny"].commit()
        assert pull.said.source == f"hub:acme/tiny@{commit}"
        assert pull.said.revision == commit
        assert (pull.said.publisher, pull.said.licence) == ("acme", "apache-2.0")
        assert {one.path for one in pull.said.files} == there
        for one in pull.said.files:
            assert one.digest == digest_bytes((pull.folder / one.path).read_bytes())
        assert not any("pytorch" in key or ".py" in key for key in server.faults.seen)

    def test_a_revision_and_the_newest(self, hub, server):
        first, newest = server.repos["acme/tiny"].commits()
        assert (hub.pull("acme/tiny", first, None).folder / "config.json").read_bytes() == b"{}"
        assert hub.newest("acme/tiny") == newest
        pull = hub.pull("hub:acme/tiny", None, None)
        assert (pull.folder / "config.json").read_bytes() == b'{"v": 2}'

    def test_a_file_that_is_chosen_joins_what_is_there(self, hub):
        before = hub.pull("acme/tiny", None, None)
        after = hub.pull("acme/tiny", None, "onnx/model_quantized.onnx")
        assert after.folder == before.folder
        assert {one.path for one in before.said.files} < {one.path for one in after.said.files}

    def test_what_is_here_needs_no_network(self, hub, server):
        commit = server.repos["acme/tiny"].commit()
        whole = hub.pull("acme/tiny", commit, None)
        server.faults.seen.clear()
        assert hub.pull("acme/tiny", commit, None) == whole
        assert hub.pull("acme/tiny", commit[:8], None) == whole
        assert not server.faults.seen

    def test_twice_fetches_once(self, hub, server):
        hub.pull("acme/tiny", None, None)
        server.faults.seen.clear()
        hub.pull("acme/tiny", None, None)
        assert set(server.faults.seen) == {"GET /api/models/acme/tiny"}

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("acme/absent", "no such repository"),
            ("acme/secret", "HF_TOKEN"),
            ("acme/gated", "agreement"),
            ("acme/none", "no ONNX file"),
            ("acme/several", "several ONNX files"),
            ("acme/../up", "names no repository"),
            ("", "names no repository"),
        ],
    )
    def test_refused(self, hub, name, says, tmp_path):
        with pytest.raises(UserError, match=says):
            hub.pull(name, None, None)
        assert not list(tmp_path.rglob("*.json"))

    def test_an_unknown_revision_and_file(self, hub):
        with pytest.raises(UserError, match="no such revision"):
            hub.pull("acme/tiny", "nope", None)
        with pytest.raises(UserError, match="no ONNX file"):
            hub.pull("acme/tiny", None, "x.onnx")

    def test_a_private_one_with_a_token(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_mine")
        assert Hub(tmp_path / "cache", server.url).pull("acme/secret", None, None)
        assert set(server.faults.tokens) == {"Bearer hf_mine"}

    def test_busy_for_a_moment_is_waited_out(self, hub, server):
        commit = server.repos["acme/tiny"].commit()
        hub.newest("acme/tiny")
        server.faults.status, server.faults.busy = 503, 1
        with pytest.raises(TransientError, match="503"):
            hub.pull("acme/tiny", commit, None)
        assert hub.pull("acme/tiny", commit, None)


class TestWhole:
    def test_every_file_but_git_s_own(self, hub, server):
        server.repos["acme/tiny"].trees.append({**SMALL, ".gitattributes": b"x"})
        pull = hub.pull_whole("acme/tiny")
        assert {one.path for one in pull.said.files} == set(SMALL)
        assert pull.folder != hub.pull("acme/tiny").folder  # what an encoder needs lies elsewhere

    @pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../b", ".cache/x", "a//b", "C:\\x"])
    def test_names_that_lead_elsewhere(self, hub, server, name, tmp_path):
        server.repos["acme/tiny"].trees.append({**SMALL, name: b"x"})
        with pytest.raises(UserError, match="not plain file names"):
            hub.pull_whole("acme/tiny")
        assert not list(tmp_path.rglob("*.onnx"))


class TestTransfers:
    def test_a_broken_transfer_is_resumed_where_it_broke(self, hub, server, monkeypatch):
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 8_192)
        server.faults.cut["onnx/model.onnx"] = 50_000
        pull = hub.pull("acme/tiny", None, None)
        assert (pull.folder / "onnx/model.onnx").read_bytes() == ONNX
        (resumed,) = server.faults.ranges
        path, _, start = resumed.partition(" from ")
        assert path == "onnx/model.onnx"
        assert 0 < int(start) <= 50_000

    def test_after_a_kill_whole_files_are_kept(self, hub, server):
        server.faults.served["tokenizer.json"] = b'{"model": 1 }'
        with pytest.raises((UserError, TransientError)):
            hub.pull("acme/tiny", None, None)
        folder = next((hub._folder / "acme--tiny").iterdir())
        assert not kept.is_whole(folder)
        del server.faults.served["tokenizer.json"]
        server.faults.seen.clear()
        hub.pull("acme/tiny", None, None)
        assert not any(key.startswith("GET /lfs") for key in server.faults.seen)

    def test_other_bytes_than_stated_are_thrown_away(self, hub, server):
        server.faults.served["onnx/model.onnx"] = bytes(len(ONNX))
        with pytest.raises(UserError, match="not what was published"):
            hub.pull("acme/tiny", None, None)
        assert not list(hub._folder.rglob("model.onnx"))

    def test_a_small_file_is_held_against_its_git_id(self, hub, server):
        server.faults.served["config.json"] = b'{"v": 3}'
        with pytest.raises(UserError, match="git blob"):
            hub.pull("acme/tiny", None, None)

    def test_a_file_changed_under_the_same_name_is_refused(self, hub, server):
        before = hub.pull("acme/tiny", None, None)
        server.repos["acme/tiny"].trees[-1]["onnx/model.onnx"] = b"x" * len(ONNX)
        with pytest.raises(UserError, match="changed under the same revision"):
            hub.pull("acme/tiny", None, None)
        assert kept.read(before.folder) == before.said

    def test_a_file_changed_here_is_refused(self, hub, server):
        pull = hub.pull("acme/tiny", None, None)
        (pull.folder / "config.json").write_bytes(b"changed")
        with pytest.raises(UserError, match="changed since it was pulled"):
            hub.pull("acme/tiny", server.repos["acme/tiny"].commit(), None)

    def test_nobody_answers(self, tmp_path):
        with serving() as gone:
            url = gone.url
        with pytest.raises(TransientError, match="HF_ENDPOINT"):
            Hub(tmp_path, url).search(Query())

    def test_offline_mode_needs_what_is_here(self, hub, server, monkeypatch):
        from huggingface_hub import constants

        commit = server.repos["acme/tiny"].commit()
        whole = hub.pull("acme/tiny", commit, None)
        server.faults.seen.clear()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(UserError, match=f"HF_HUB_OFFLINE.*{commit}"):
            hub.pull("acme/tiny", None, None)
        with pytest.raises(UserError, match="HF_HUB_OFFLINE"):
            hub.search(Query())
        assert hub.pull("acme/tiny", commit, None) == whole
        assert not server.faults.seen
