"""How long from pressing a key until the next item is on the screen, in a real browser.

    python benchmarks/label_page.py [--keys 200]

A server of its own on this machine, headless Chromium, one labeller who presses a key a quarter of
a second after each item came: faster than anybody reads. Time runs from the key event's own stamp;
the item counts as shown at the second animation frame after it was put into the document: the
first one begins after the change, and when the second one begins the first has been painted. So up
to one frame (16.7 ms) of waiting for the screen is in every figure. Texts, and pictures of 1 to 2
million pixels, each once as it is and once with 100 ms added to every request by the browser
itself. `not_at_hand` counts the keys whose next item was still being fetched or decoded. Writes
benchmarks/results/label_page.json.
"""

import argparse
import io
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import launch, log_in
from playwright.sync_api import sync_playwright
from served import Served, questions

from twoloops.records.task import Task

RESULT = ROOT / "benchmarks" / "results" / "label_page.json"
LABELS = ("dent", "ok", "scratch")
DELAY = 100
"""Milliseconds added to every request in the second run."""
PACE = 250
"""Milliseconds between an item and the key that answers it."""

WATCH = """() => {
  const times = [], late = [], stage = document.getElementById("stage");
  let pressed = null;
  document.addEventListener("keydown", (event) => (pressed = event.timeStamp), { capture: true });
  new MutationObserver(() => {
    if (pressed === null) return;
    if (stage.dataset.observation === undefined) {
      late.push(times.length);
      return;
    }
    const start = pressed;
    pressed = null;
    requestAnimationFrame(() => requestAnimationFrame(() => times.push(performance.now() - start)));
  }).observe(stage, { attributes: true, attributeFilter: ["data-observation"] });
  [window.times, window.late] = [times, late];
}"""


def photo(number: int) -> bytes:
    """Return a picture of 1 to 2 million pixels with structure of every size, as JPEG."""
    rng = np.random.default_rng(number)
    width, height = (1280, 960) if number % 2 else (1600, 1200)
    coarse = Image.fromarray(rng.integers(60, 200, (height // 20, width // 20), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC).convert("RGB")
    noise = rng.normal(0, 9, (height, width, 1)) + np.asarray(image, dtype=np.float32)
    image = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(3):
        start, end = rng.integers(0, (width, height)), rng.integers(0, (width, height))
        pen.line([*start.tolist(), *end.tolist()], fill=(230, 230, 230), width=3)
    buffer = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(0.6)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def text(number: int) -> bytes:
    """Return a work order."""
    return f"Hose at boom cylinder leaking oil, replaced seal, unit {number}".encode()


def measure(driver: Any, served: Served, task: str, keys: int, delay: int) -> dict[str, Any]:
    """Press keys on a task's items; returns times in milliseconds."""
    browser, why = launch(driver)
    if browser is None:
        sys.exit(f"no browser could be started: {why}")
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(60_000)
    log_in(page, served.url, served.token("ann"), f"/label/{task}")
    page.wait_for_selector("#stage[data-observation]")
    if delay:
        slow = {"offline": False, "latency": delay, "downloadThroughput": -1}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    page.evaluate(WATCH)
    for pressed in range(keys):
        page.wait_for_function(
            "count => window.times.length === count && "
            "document.getElementById('stage').dataset.observation !== undefined",
            arg=pressed,
        )
        page.wait_for_timeout(PACE)
        page.keyboard.press(str(1 + pressed % 3))
    page.wait_for_function("count => window.times.length === count", arg=keys)
    times = np.array(page.evaluate("window.times"))
    late = len(set(page.evaluate("window.late")))
    version = browser.version
    browser.close()
    return {
        "keys": keys,
        "added_ms": delay,
        "p50_ms": round(float(np.percentile(times, 50)), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
        "max_ms": round(float(times.max()), 1),
        "not_at_hand": late,
        "browser": version,
    }


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=200)
    options = parser.parse_args()
    count = options.keys + 5
    makers = {"text": text, "image": photo}
    rows = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name) / "ws"
        for kind, make in makers.items():
            inputs = [make(number) for number in range(count)]
            for delay in (0, DELAY):
                questions(folder, Task(f"{kind}{delay}", kind, LABELS), inputs)
        with Served(folder) as served:
            for kind in makers:
                for delay in (0, DELAY):
                    row = measure(driver, served, f"{kind}{delay}", options.keys, delay)
                    rows.append({"kind": kind, **row})
                    print(rows[-1])
    found = {
        "rows": rows,
        "pace_ms": PACE,
        "megapixels": [1.2, 1.9],
        "cores": os.cpu_count(),
        "load_5_min": round(os.getloadavg()[1], 1),
        "platform": platform.platform(terse=True),
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
