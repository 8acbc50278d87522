"""The walk of docs/walk.md: a folder of photos, from the first question to decisions, for real.

    python benchmarks/walk.py [--small]

Draws photos of sheet metal (made up here; they show how the commands go together and measure
nothing), then runs every command of the walk in a temporary folder. The labels are given through
the label page's own HTTP interface, by somebody who knows what was drawn. What was printed goes to
benchmarks/results/walk.json, from which `readme.py` fills docs/walk.md. With --small fewer photos
are drawn and nothing is kept: that is what the tests run.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import numpy as np
from example import Example
from PIL import Image, ImageDraw, ImageFilter

RESULT = Path(__file__).parent / "results" / "walk.json"
LABELS, SHARES = ("ok", "scratch", "dent"), (0.7, 0.18, 0.12)
WIDTH, HEIGHT = 96, 72


def photo(label: str, draw: random.Random) -> Image.Image:
    """Draw one photo of sheet metal: brushed, unevenly lit, perhaps with a fault."""
    noise = np.random.default_rng(draw.randrange(1 << 30))
    base = draw.uniform(110, 170)
    brushed = noise.normal(0, 6, (HEIGHT, 1)) + noise.normal(0, 4, (HEIGHT, WIDTH))
    light = np.linspace(-12, 12, WIDTH) * draw.uniform(-1, 1)
    picture = Image.fromarray(np.clip(base + brushed + light, 0, 255).astype(np.uint8))
    if label == "scratch":
        x, y = draw.uniform(5, WIDTH - 50), draw.uniform(8, HEIGHT - 30)
        length, slope = draw.uniform(20, 50), draw.uniform(-0.6, 0.6)
        shade = int(base + draw.choice((-1, 1)) * draw.uniform(30, 80))
        line = [(x, y), (x + length, y + length * slope)]
        ImageDraw.Draw(picture).line(line, fill=shade, width=draw.choice((1, 2, 3)))
    elif label == "dent":
        x, y = draw.uniform(18, WIDTH - 18), draw.uniform(18, HEIGHT - 18)
        r = draw.uniform(6, 14)
        mask = Image.new("L", picture.size, 0)
        ImageDraw.Draw(mask).ellipse([x - r, y - r, x + r, y + r], fill=255)
        dark = Image.new("L", picture.size, int(base - draw.uniform(25, 60)))
        picture = Image.composite(dark, picture, mask.filter(ImageFilter.GaussianBlur(r / 3)))
    return picture


def fill(folder: Path, count: int, seed: int, *, sorted_: bool) -> dict[bytes, str]:
    """Fill a folder with photos, sorted into folders by label or not; returns what each shows."""
    draw = random.Random(seed)
    known = {}
    for number in range(count):
        label = draw.choices(LABELS, SHARES)[0]
        path = folder / (label if sorted_ else "") / f"{seed:02d}-{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(label, draw).save(path, quality=90)
        known[path.read_bytes()] = label
    return known


class Desk:
    """The label page's HTTP interface, as the browser uses it.

    Args:
        address: What `twoloops label --no-browser` printed: it carries a token.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        said = parse_qs(parts.fragment)
        self.client = httpx2.Client(
            base_url=f"{parts.scheme}://{parts.netloc}",
            headers={"Authorization": f"Bearer {said['token'][0]}"},
            timeout=60,
            trust_env=False,
        )

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Send JSON, return JSON.

        Raises:
            SystemExit: The server refused.
        """
        done = self.client.post(path, json=body)
        if done.status_code != 200:
            sys.exit(f"POST {path}: {done.status_code} {done.text}")
        return done.json()

    def work_through(self, task: str, label_of: Callable[[bytes], str]) -> int:
        """Answer until nothing is open; returns the number of answers."""
        answered = 0
        while items := self.post(f"/api/v1/tasks/{task}/label/next", ahead=1)["items"]:
            data = self.client.get(f"/api/v1/inputs/{items[0]['input']}").content
            self.post(
                f"/api/v1/tasks/{task}/label/answer",
                observation=items[0]["observation"],
                label=label_of(data),
                seconds=2.0,
            )
            answered += 1
        return answered


def at_the_page(walk: Example, arguments: str, label_of: Callable[[bytes], str]) -> int:
    """Run `twoloops label`, answer everything at the page, and end it; returns the answers."""
    print(f"$ twoloops {arguments} --no-browser", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "twoloops", *arguments.split(), "--no-browser"],
        cwd=walk.folder,
        env=os.environ | {"COLUMNS": "80", "TERM": "dumb"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said, address = [], ""
        while not address:
            line = process.stdout.readline()
            if not line:
                sys.exit(f"twoloops {arguments} ended: {said}")
            said.append(line.rstrip())
            found = re.search(r"http://\S+#token=\S+", line)
            address = found.group() if found else ""
        answered = Desk(address).work_through("photos", label_of)
    finally:
        process.terminate()
        process.wait(timeout=30)
    # The token is good for a day on a machine that is gone by then; still nobody needs it.
    shown = re.sub(r"token=[^&\s]+", "token=…", "\n".join(said))
    walk.steps["label"] = {"command": f"twoloops {arguments}", "output": shown}
    return answered


def play(walk: Example, history: int, new: int, size: str) -> None:
    """Walk from the folder of photos to a decision."""
    fill(walk.folder / "photos", history, 1, sorted_=True)
    known = fill(walk.folder / "new", new, 2, sorted_=False)
    costs = "--escape-cost 40 --false-reject-cost 2 --label-cost 0.50 --currency EUR"
    walk.run("dry run", f"replay photos --normal ok {size} {costs} --dry-run")
    walk.run("replay", f"replay photos --normal ok {size} {costs} --quiet")
    walk.run("init", "init line --from-replay twoloops-replay-photos")
    walk.run("ingest", "ingest new --task photos -w line")
    walk.run("turn", "turn -w line")
    answered = at_the_page(walk, "label -w line --as ann", known.__getitem__)
    closed = walk.run("turn again", "turn -w line")
    while "is closed" not in closed:  # a candidate may need labels where the two differ
        answered += at_the_page(walk, "label -w line --as ann", known.__getitem__)
        closed = walk.run("turn again", "turn -w line")
    print(f"{answered} answers at the page")
    walk.run("why", "why -w line")
    walk.run("worth", "worth -w line")
    fill(walk.folder / "today", 3, 3, sorted_=False)
    names = " ".join(f"today/03-{number:04d}.jpg" for number in range(3))
    walk.run("decide", f"decide {names} -w line")
    walk.run("status", "status -w line")


def main() -> None:
    """Run the walk and keep its output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few photos; keep nothing")
    small = parser.parse_args().small
    with tempfile.TemporaryDirectory(prefix="twoloops-walk-") as folder:
        walk = Example(Path(folder))
        if small:
            play(walk, 70, 12, "--seed-size 30 --turns 2 --labels-per-turn 8")
        else:
            play(walk, 300, 60, "--seed-size 40 --turns 5 --labels-per-turn 16")
    if not small:
        RESULT.write_text(json.dumps(walk.steps, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
