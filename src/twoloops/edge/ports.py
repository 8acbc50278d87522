"""What a source of inputs and a sink of verdicts must do; each adapter is a small module beside."""

import threading
from datetime import datetime
from typing import Protocol

import msgspec

from twoloops.edge.agent import Tally
from twoloops.edge.sources import Arrival
from twoloops.records.observation import Decision
from twoloops.records.task import Task


class Verdict(msgspec.Struct, frozen=True):
    """What is told of one input.

    Args:
        key: What the source calls it.
        at: When it was decided, UTC.
        label: The decided label; `None` where no model is deployed, or it cannot be used.
        decision: All that the model said.
        place: Its durable place; `None` where it is not kept.
        refused: Why it cannot be used; empty otherwise.
    """

    key: str
    at: datetime
    label: str | None
    decision: Decision | None
    place: str | None
    refused: str = ""


class Line(Protocol):
    """Where sources hand their inputs to; `edge.station.Station` is it."""

    @property
    def task(self) -> Task:
        """The task as it is now."""

    def observe(
        self, keys: list[str], arrivals: list[Arrival], marks: list[tuple[str, int]]
    ) -> Tally:
        """Decide on inputs, keep some, make that durable and tell the sinks.

        Args:
            keys: What the source calls each input.
            arrivals: The inputs.
            marks: The source's own note for each: a name, and how far it is taken with it.

        Raises:
            TransientError: They cannot be kept now: hand in the same ones again.
        """

    def taken(self, name: str) -> int | None:
        """Return how far a source was taken, or `None`; `TransientError` while nobody knows."""

    def forget_taken(self, name: str) -> None:
        """Drop the note of a source that cannot come again."""


class Source(Protocol):
    """Where inputs come from.

    Laws, which `twoloops.checks` tries: what it hands in is handed in again after a crash, unless
    `taken` says by its mark that it is durable; a mark stands for one input; one bad input stops
    none of the others.

    One whose inputs can stay away without an end (a folder, a broker, a camera) may say so by an
    attribute `trouble`: why nothing comes now, in a few words; empty where it does. The edge tells
    it on, and goes on.
    """

    def run(self, line: Line, stop: threading.Event) -> None:
        """Hand in inputs until there are no more, or `stop` is set."""


class Sink(Protocol):
    """Where verdicts go. It may raise: the edge counts that and goes on."""

    def put(self, verdict: Verdict) -> None:
        """Tell one verdict."""

    def close(self) -> None:
        """Let go."""
