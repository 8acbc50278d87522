"""What was asked of `twoloops edge run`, as a source's or a sink's factory gets it."""

from pathlib import Path

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """The words of `--source` or `--sink`, and the options beside them.

    A factory takes one and returns the source or sink; `UserError` where the words name none.
    New fields get defaults, so that a plug-in made for an earlier version goes on.

    Args:
        words: All of it: `folder:/var/spool/camera`, `mqtt://broker/line/7`.
        edge: The edge's name.
        folder: The edge's folder: what a source cannot use may be put below `quarantine`.
        every: Seconds between two inputs; 0: as they come.
        nth: Of frames, take every n-th.
        fail_safe: The label the line is told without a verdict; `None`: the task's first fault.
    """

    words: str
    edge: str = "edge"
    folder: Path = Path("twoloops-edge")
    every: float = 0.0
    nth: int = 1
    fail_safe: str | None = None

    @property
    def scheme(self) -> str:
        """What stands before the first colon."""
        return self.words.partition(":")[0]

    @property
    def rest(self) -> str:
        """What stands behind the first colon."""
        return self.words.partition(":")[2]
