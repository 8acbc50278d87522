"""Take the screenshots of docs/floor-pages.md, on a made-up floor.

    python benchmarks/floor_pages_pictures.py

Edges, drift and roll-out are written into a workspace as they might stand; no edge ran.
"""

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import launch
from floored import floored
from playwright.sync_api import sync_playwright
from served import Served

from twoloops.wiring.workspace import now

FOLDER = ROOT / "docs" / "floor-pages"
TABLET, PHONE = (1024, 768), (390, 844)
TAKEN = (
    ("floor", "/floor", TABLET),
    ("floor-phone", "/floor", PHONE),
    ("rollouts", "/rollouts", TABLET),
    ("drift", "/drift", TABLET),
    ("quarantine", "/quarantine", TABLET),
    ("concerns", "/", TABLET),
)
"""Name, address, and the size of the screen; what is below it is left out."""


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name) / "plant"
        floored(folder, now(), strange="crakc").close()
        browser, why = launch(driver)
        if browser is None:
            sys.exit(f"no browser could be started: {why}")
        with Served(folder) as served:
            token = served.token("maria", "admin")
            for name, address, size in TAKEN:
                take(browser, served, token, name, address, size)
        browser.close()


def take(
    browser: Any, served: Served, token: str, name: str, address: str, size: tuple[int, int]
) -> None:
    """Take one."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.add_cookies([{"name": "twoloops", "value": token, "url": served.url}])
    page = context.new_page()
    page.goto(f"{served.url}{address}")
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(64).save(FOLDER / f"{name}.png", optimize=True)
    context.close()


if __name__ == "__main__":
    main()
