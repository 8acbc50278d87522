from pathlib import Path

import pytest

from twoloops.digital import catalogue
from twoloops.digital.catalogue import Offer, available, first_base, try_load, upstream
from twoloops.records.errors import MissingExtraError, TransientError, UserError


@pytest.mark.parametrize(
    ("kind", "shape", "name"),
    [
        ("text", None, "builtin/char-ngram"),
        ("image", None, "builtin/texture"),
        ("signal", (2, 20), "builtin/statistics+builtin/minirocket"),
    ],
)
def test_every_kind_starts_on_built_in_features(kind, shape, name):
    base = first_base(kind, shape)
    assert base.card.name == name
    assert base.card.input == kind


def test_offers_arrive_with_their_turn():
    offers = upstream("text", turn=3)
    assert available(offers, 2) == ()
    assert [offer.name for offer in available(offers, 3)] == ["minilm", "builtin/char-ngram+minilm"]
    assert [offer.name for offer in upstream("image")] == [
        "efficientnet-lite0",
        "builtin/texture+efficientnet-lite0",
    ]


def test_a_loaded_offer_has_the_name_it_was_offered_under(tmp_path):
    (offer,) = upstream("signal", (2, 20))
    base = try_load(offer, tmp_path)
    assert not isinstance(base, str)
    assert base.card.name == offer.name


def test_a_signal_needs_a_shape():
    with pytest.raises(UserError, match=r"got none, expected \(channels, samples\)"):
        first_base("signal")


@pytest.mark.parametrize(
    "error",
    [MissingExtraError("MiniLM", "minilm"), UserError("no network"), TransientError("busy")],
)
def test_an_offer_that_cannot_be_had_gives_a_sentence(error, tmp_path):
    def fail(cache: Path):
        raise error

    said = try_load(Offer("minilm", 4, fail), tmp_path)
    assert said == f"minilm is not available: {error}"


def test_a_missing_extra_names_the_line_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = [try_load(offer, tmp_path) for offer in upstream("text") + catalogue.upstream("image")]
    assert all(isinstance(reason, str) for reason in said)
    assert "pip install 'twoloops[minilm]'" in said[0]
    assert "pip install 'twoloops[vision]'" in said[2]
