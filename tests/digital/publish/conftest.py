"""A small published folder made without a workspace, and a key that signed it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest

from twoloops.convergence.recipes.export import export
from twoloops.convergence.recipes.head import Head, Scaling
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.publish import signing
from twoloops.digital.publish.folder import write_whole
from twoloops.digital.publish.model_card import readme
from twoloops.digital.publish.notice import notice
from twoloops.digital.publish.sidecar import PublishedFile, Rate, Sidecar, text
from twoloops.records.base import ModelCard
from twoloops.records.digests import digest_bytes
from twoloops.records.gate import Verdict
from twoloops.records.obligations import Carried, Obligation
from twoloops.records.task import Task

LABELS = ("crack", "ok")


@pytest.fixture(scope="session")
def model() -> bytes:
    base = char_ngrams(64)
    rng = np.random.default_rng(0)
    head = Head(
        Scaling(np.ones(64), np.zeros(0), np.zeros(0)),
        np.arange(2),
        rng.normal(size=(64, 2)),
        np.zeros(2),
        1.0,
        np.ones((2, 64)) / 8,
        0.5,
    )
    card = ModelCard(
        "press",
        LABELS,
        "ok",
        0.4,
        base.card.name,
        base.digest,
        "head/1 strength=1",
        digest_bytes(b"rows"),
    )
    return export(base, head, card)


@pytest.fixture(scope="session")
def sidecar(model: bytes) -> Sidecar:
    base = char_ngrams(64)
    from twoloops.edge.runtime import Runtime

    return Sidecar(
        model=digest_bytes(model),
        card=Runtime(model).card,
        task=Task("press", "text", LABELS, "ok"),
        relation="a logistic head on the frozen encoder builtin/char-ngram",
        base=base.card,
        turn=3,
        gate=Verdict(True, "better", "released: better", 25.0, 40, 0.1),
        accuracy=Rate(0.9, (0.8, 0.95), 40),
        licence="Apache-2.0",
        purpose="publish",
        obligations=(
            Carried(Obligation("notice", "licence copy", "apache-2.0"), ("press", "base")),
        ),
        published=date(2026, 1, 2),
        publisher="Acme",
        tool="twoloops 0",
    )


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "acme"
    signing.new_key(path)
    return path


@pytest.fixture(scope="session")
def make(model: bytes, sidecar: Sidecar, key: Path) -> Callable[..., Path]:
    """Return a function that writes the folder, signed or not."""

    def making(
        folder: Path, *, signed: bool = True, data: bytes = model, **changes: object
    ) -> Path:
        said = msgspec.structs.replace(sidecar, **changes)
        files = {
            "model.onnx": data,
            "card.json": msgspec.json.encode({"model": said.model}),
            "README.md": readme(said, published=True).encode(),
            "NOTICE": notice(said).encode(),
        }
        listed = tuple(
            PublishedFile(name, len(one), digest_bytes(one)) for name, one in sorted(files.items())
        )
        files["twoloops.json"] = text(msgspec.structs.replace(said, files=listed))
        finish = (lambda made: signing.sign(made, key)) if signed else None
        write_whole(folder, files, finish=finish)
        return folder

    return making


@pytest.fixture(scope="session")
def published(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed folder; look, don't touch."""
    return make(tmp_path_factory.mktemp("published") / "press")
