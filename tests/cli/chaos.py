"""A replay that is killed again and again: run by test_kill.py in a process of its own.

Everything heavy is imported once; each life is a fork, so that a kill falls into the work itself.
"""

import os
import random
import signal
import sys
import time

from twoloops.cli import main, replaying  # noqa: F401 - imported before the forks
from twoloops.convergence.recipes import head
from twoloops.convergence.replays import replay  # noqa: F401 - imported before the forks


def live(words: list[str]) -> int:
    """Fork a life of the command; returns its process id."""
    child = os.fork()
    if child == 0:
        try:
            main.run(words)
        except SystemExit as stop:
            sys.stdout.flush()
            os._exit(stop.code if isinstance(stop.code, int) else 1)
        os._exit(1)
    return child


def kill_within(words: list[str], seconds: float) -> bool:
    """Kill a life after a random time; says whether it was still alive."""
    child = live(words)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def chaos(kills: int, seconds: float, words: list[str]) -> None:
    """Run with kills at random points within some seconds, and let the last life finish."""
    draw = random.Random(os.environ.get("CHAOS_SEED"))
    struck = sum(kill_within(words, draw.uniform(0, seconds)) for _ in range(kills))
    _, status = os.waitpid(live(words), 0)
    assert os.waitstatus_to_exitcode(status) == 0, status
    sys.stdout.write(f"killed {struck}\n")


if __name__ == "__main__":
    head.STRENGTHS = (30.0,)  # as in the process of the tests, where the undisturbed one ran
    chaos(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
