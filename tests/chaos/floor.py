"""`make chaos`: the floor, disturbed for longer; prints `N faults, 0 lost, 0 duplicated`.

    python tests/chaos/floor.py [--lives 205] [--size 1500] [--minutes 18] [--result FILE]

A life of the edge ends by SIGKILL; every third time the server is killed too. In between the
network drops, delays, slows, cuts and repeats requests, the disk is full, the clock is a day off.
Exits 1 where anything was lost, duplicated, out of order or unexplained. `--minutes` bounds it.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from floor_chaos import Floor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lives", type=int, default=205, help="of the edge")
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--size", type=int, default=1500, help="characters of an input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=18.0)
    parser.add_argument("--result", type=Path, metavar="FILE", help="figures in JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.monotonic()
        floor = Floor(
            folder, lines=given.lines, share=0.4, seed=given.seed, every=0.002, size=given.size
        )
        try:
            left = given.lives
            while left > 0 and time.monotonic() - began < 60 * given.minutes:
                floor.disturb(min(3, left), 4.0)
                left -= 3
            outcome = floor.finish(300)
        finally:
            floor.close()
    took = time.monotonic() - began
    for kind, count in sorted(outcome.faults.items()):
        print(f"{count:6d}  {kind}")
    print(
        f"{outcome.sent:,} inputs in {took:.0f} s; {outcome.disordered} out of order, "
        f"{outcome.unexplained} unexplained, at most {outcome.unknown} verdicts lost in power cuts"
    )
    print(outcome)
    if given.result is not None:
        figures = {**outcome._asdict(), "faults": dict(outcome.faults), "seconds": round(took)}
        given.result.write_text(json.dumps(figures, indent=1) + "\n")
    bad = (outcome.lost, outcome.duplicated, outcome.disordered, outcome.unexplained)
    sys.exit(1 if any(bad) else 0)


if __name__ == "__main__":
    main()
