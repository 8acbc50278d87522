"""Take the screenshots of docs/overview.md, on a workspace that began from a replay.

    python benchmarks/overview_pictures.py [--replay FOLDER]

NIST's work orders are replayed with one seed, which takes three minutes (an earlier replay's folder
may be given); the workspace goes on from there, and its next turn waits for labels. What comes in
for that are made-up orders.
"""

import argparse
import io
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import launch
from playwright.sync_api import sync_playwright
from served import Served

FOLDER = ROOT / "docs" / "overview"
WIDE, TABLET = (1280, 900), (768, 1024)
PARTS = ("hydraulic hose", "track", "engine", "bucket tooth", "cab light", "grease line", "pump")
FAULTS = ("leaking", "broken", "noisy", "to be replaced", "loose", "cracked")
PLACES = ("left", "right", "at the boom", "on shovel 4", "again", "after start", "since Monday")


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--replay", type=Path, metavar="FOLDER")
    replay: Path | None = parser.parse_args().replay
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder, orders = Path(name) / "plant", Path(name) / "orders.csv"
        if replay is None:
            replay = Path(name) / "replay"
            twoloops("replay", "excavators", "--seeds", "1", "--quiet", "--out", str(replay))
        twoloops("init", str(folder), "--from-replay", str(replay))
        made = (" ".join(words) for words in itertools.product(PARTS, FAULTS, PLACES))
        orders.write_text("\n".join(("text", *made)) + "\n")
        twoloops("ingest", str(orders), "--workspace", str(folder))
        twoloops("turn", "--workspace", str(folder))
        browser, why = launch(driver)
        if browser is None:
            sys.exit(f"no browser could be started: {why}")
        with Served(folder) as served:
            token = served.token("maria", "admin")
            context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
            context.add_cookies([{"name": "twoloops", "value": token, "url": served.url}])
            page = context.new_page()
            page.goto(served.url)
            kept(page.locator("section", has=page.locator("svg")).first.screenshot(), "loops")
            page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})
            kept(page.screenshot(full_page=True), "tablet")
            page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
            page.goto(f"{served.url}{latest(page)}")
            kept(page.screenshot(), "why")
            context.close()
        browser.close()


def twoloops(*words: str) -> None:
    """Run a command; ends where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "twoloops", *words], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"twoloops {' '.join(words)}: {done.stdout}{done.stderr}")


def latest(page: Any) -> str:
    """Return the address that says why the latest release is one."""
    return str(page.locator("a[href^='/why/']").first.get_attribute("href"))


def kept(data: bytes, name: str) -> None:
    """Keep a picture in few colours."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.quantize(64).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
