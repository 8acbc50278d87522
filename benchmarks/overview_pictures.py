"""Take the screenshots of docs/overview.md, on a workspace that began from a replay.

    python benchmarks/overview_pictures.py

NIST's work orders are replayed with one seed, which takes two minutes; the workspace goes on from
there and waits for the labels of its next turn.
"""

import io
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


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        replay, folder = Path(name) / "replay", Path(name) / "plant"
        twoloops("replay", "excavators", "--seeds", "1", "--quiet", "--out", str(replay))
        twoloops("init", str(folder), "--from-replay", str(replay))
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
