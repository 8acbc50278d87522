"""A process that takes a topic's messages into a spool, and kills itself where it is told to.

    python mqtt_edge.py FOLDER URL [before:N|after:N]

It says `ready` once it is subscribed, then `stored N` after every call; SIGTERM ends it cleanly.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from twoloops.checks.line import CheckedLine, Crash, opened
from twoloops.checks.sources import TEXTS
from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.mqtt_source import source
from twoloops.edge.agent import Tally
from twoloops.edge.sources import Arrival


class Dying(CheckedLine):
    """Dies for real where a checked line only raises."""

    def observe(
        self, keys: list[str], arrivals: list[Arrival], marks: list[tuple[str, int]]
    ) -> Tally:
        try:
            tally = super().observe(keys, arrivals, marks)
        except Crash:
            os.kill(os.getpid(), signal.SIGKILL)
            raise
        say(f"stored {len(self.stored())}")
        return tally


def say(words: str) -> None:
    os.write(1, f"{words}\n".encode())  # whole lines, from any thread


def main() -> None:
    folder, url, *dies = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    one = source(Asked(words=url, edge="press-4", folder=Path(folder)))

    def tell() -> None:
        one.ready.wait()
        say("ready")

    threading.Thread(target=tell, daemon=True).start()
    with opened(Path(folder), TEXTS, line_type=Dying) as line:
        for when in dies:
            kind, _, call = when.partition(":")
            line.crash_at(int(call), durable=kind == "after")
        one.run(line, stop)


if __name__ == "__main__":
    main()
