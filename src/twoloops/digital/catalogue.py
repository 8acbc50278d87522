"""Which bases there are: the first one of a task, and the dated offers from upstream."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from twoloops.digital.base import Base
from twoloops.digital.concatenate import concatenate
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.features.signals import signal_features
from twoloops.digital.features.texture import texture
from twoloops.digital.packaged.efficientnet import efficientnet
from twoloops.digital.packaged.minilm import minilm
from twoloops.records.errors import TransientError, UserError
from twoloops.records.task import Kind

UPSTREAM_TURN = 4
"""The turn from which a replay sees the open models, unless it says otherwise."""


@dataclass(frozen=True)
class Offer:
    """A base that becomes available in some turn.

    Args:
        name: The base's name, known before it is loaded.
        available_from_turn: The first turn that may try it.
        load: Build it; the argument is the folder for what has to be fetched or converted.
    """

    name: str
    available_from_turn: int
    load: Callable[[Path], Base]


def first_base(kind: Kind, shape: tuple[int, int] | None = None) -> Base:
    """Return the built-in features a task starts on; they need nothing but this package.

    Args:
        kind: The kind of input.
        shape: (channels, samples), for signals.
    """
    if kind == "text":
        return char_ngrams()
    if kind == "image":
        return texture()
    return signal_features(*_signal_shape(shape))


def upstream(
    kind: Kind, shape: tuple[int, int] | None = None, turn: int = UPSTREAM_TURN
) -> tuple[Offer, ...]:
    """Return what arrives from upstream, alone and beside the built-in features.

    Text and images have an open model. For signals none is packaged: a second, larger set of
    random kernels stands in, which is no open model and says so on its card.

    Args:
        kind: The kind of input.
        shape: (channels, samples), for signals.
        turn: The first turn that may try them.
    """
    if kind == "text":
        return (
            Offer("minilm", turn, minilm),
            Offer(
                "builtin/char-ngram+minilm",
                turn,
                lambda cache: concatenate([char_ngrams(), minilm(cache)]),
            ),
        )
    if kind == "image":
        return (
            Offer("efficientnet-lite0", turn, lambda _: efficientnet()),
            Offer(
                "builtin/texture+efficientnet-lite0",
                turn,
                lambda _: concatenate([texture(), efficientnet()]),
            ),
        )
    channels, samples = _signal_shape(shape)
    return (
        Offer(
            "builtin/statistics+builtin/minirocket-large",
            turn,
            lambda _: signal_features(channels, samples, large=True),
        ),
    )


def available(offers: tuple[Offer, ...], turn: int) -> tuple[Offer, ...]:
    """Return the offers that a turn may try.

    >>> [offer.name for offer in available(upstream("text"), 3)]
    []
    """
    return tuple(offer for offer in offers if offer.available_from_turn <= turn)


def try_load(offer: Offer, cache: Path) -> Base | str:
    """Load an offer, or return in one sentence why it cannot be had here."""
    try:
        return offer.load(cache)
    except (UserError, TransientError) as error:
        return f"{offer.name} is not available: {error}"


def _signal_shape(shape: tuple[int, int] | None) -> tuple[int, int]:
    if shape is None:
        raise UserError("signals have a shape: got none, expected (channels, samples)")
    return shape
