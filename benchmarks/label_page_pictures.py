"""Take the screenshots of docs/label-page.md, on workspaces made here.

    python benchmarks/label_page_pictures.py

The pictures are X-SDD's (Apache-2.0, Feng et al., Symmetry 2021) where TWOLOOPS_DATA names the
folder that has them, else drawn here; texts and signals are made here. The text task goes through
two real turns first, so that the page has something to say of what the labels bought.
"""

import csv
import io
import os
import random
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import launch, log_in
from playwright.sync_api import sync_playwright
from served import Served, questions

from twoloops.cli.main import run
from twoloops.records.task import Task
from twoloops.store.workspace import Store

FOLDER = ROOT / "docs" / "label-page"
WORDS = {
    "crack": ("bracket cracked", "tooth broken off", "weld crack in bucket", "pin broken"),
    "leak": ("hose leaking oil", "seal leaks", "oil leak at pump", "leaking cylinder"),
    "ok": ("routine service done", "inspected and greased", "levels checked", "filters swapped"),
}
STEEL = (
    "finishing roll printing", "iron sheet ash", "oxide scale, plate", "oxide scale, temperature",
    "red iron sheet", "slag inclusion", "surface scratch",
)  # fmt: skip
FAULTS = ("bearing", "cavitation", "ok")
SHIFTS = ("day shift", "night shift", "reported by driver", "again", "urgent", "found at check")


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name) / "plant"
        turns(folder, Path(name))
        image = Task("strip", "image", STEEL)
        questions(folder, image, pictures(12))
        vibration = Task(
            "pump", "signal", ("bearing", "cavitation", "ok"), normal="ok", shape=(2, 2000)
        )
        questions(folder, vibration, [signal(n) for n in range(6)])
        browser, why = launch(driver)
        if browser is None:
            sys.exit(f"no browser could be started: {why}")
        with Served(folder) as served:
            for take in (text, picture, dark_signal, tablet, dialog):
                take(browser, served)
        browser.close()


def opened(browser: Any, served: Served, task: str, size: Sequence[int], **more: Any) -> Any:
    """Open a task's page as Ann."""
    viewport = {"width": size[0], "height": size[1]}
    page = browser.new_context(viewport=viewport, **more).new_page()
    log_in(page, served.url, served.token("ann"), f"/label/{task}")
    page.wait_for_selector("#stage[data-observation]")
    return page


def answered(page: Any, keys: str) -> None:
    """Press keys as a person does, with a moment to look."""
    for key in keys:
        page.wait_for_selector("#stage[data-observation]")
        page.wait_for_timeout(900)
        page.keyboard.press(key)
    page.wait_for_selector("#stage[data-ahead='4']")


def taken(page: Any, name: str) -> None:
    """Take one."""
    page.wait_for_timeout(700)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.save(FOLDER / f"{name}.png", optimize=True)
    page.context.close()


def text(browser: Any, served: Served) -> None:
    """A text, after a few answers, with the model's opinion asked for."""
    page = opened(browser, served, "orders", (1180, 720))
    answered(page, "1232")
    page.keyboard.press("o")
    page.wait_for_selector("#said >> text=The model said")
    taken(page, "text")


def picture(browser: Any, served: Served) -> None:
    """A picture, magnified and with more contrast."""
    page = opened(browser, served, "strip", (1180, 720))
    for key in ("+", "+", "+", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    taken(page, "picture")


def dark_signal(browser: Any, served: Served) -> None:
    """A signal with its spectrogram, at night."""
    page = opened(browser, served, "pump", (1180, 720), color_scheme="dark")
    answered(page, "1")
    taken(page, "signal-dark")


def tablet(browser: Any, served: Served) -> None:
    """A tablet held upright, without network, with an answer that waits."""
    page = opened(browser, served, "strip", (820, 1100), has_touch=True, device_scale_factor=1)
    page.wait_for_selector("#stage[data-ahead='4']")
    page.context.set_offline(True)
    page.click("#labels button >> nth=3")
    page.wait_for_selector("#state >> text=1 answer waits here")
    taken(page, "tablet-offline")


def dialog(browser: Any, served: Served) -> None:
    """A new label that is nearly one there is."""
    page = opened(browser, served, "orders", (1180, 720))
    page.keyboard.press("n")
    page.keyboard.type("Leaks")
    page.keyboard.press("Enter")
    page.wait_for_selector("#near button")
    taken(page, "new-label")


def turns(folder: Path, place: Path) -> None:
    """Make a workspace whose task `orders` has two turns behind it and asks in the third."""
    draw = random.Random(4)
    where = ("-w", folder)
    command("init", folder)
    add = ("task", "add", "orders", "--kind", "text", "--labels", ",".join(WORDS))
    command(*add, "--normal", "ok", "--seed-labels", 60, "--labels-per-turn", 40, *where)
    command("task", "labelling", "orders", "--hourly-rate", 36, *where)
    for number in range(4):
        source = place / f"week{number}.csv"
        with source.open("w", encoding="utf-8", newline="") as file:
            rows = [
                [f"{draw.choice(WORDS[draw.choice(list(WORDS))])}, unit {draw.randrange(90)}, "
                 f"{draw.choice(SHIFTS)}"]
                for _ in range(120)
            ]  # fmt: skip
            csv.writer(file).writerows([["text"], *rows])
        command("ingest", source, "--text", "text", *where)
        command("turn", *where)
        while number < 3 and label(folder, place / "ask.csv"):
            command("turn", *where)


def label(folder: Path, file: Path) -> bool:
    """Answer what is asked by the words that stand in it; returns whether anything was."""
    with Store.open(folder, create=False) as store:
        row = store.turns.open("orders")
    if row is None:
        return False
    where = ("-w", folder)
    command("label", "export", file, "--force", *where)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for one in rows:
        one["label"] = next(kind for kind, words in WORDS.items() if one["input"].startswith(words))
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    command("label", "import", file, *where)
    return True


def command(*words: object) -> None:
    """Run a command of twoloops here."""
    try:
        run([str(word) for word in words])
    except SystemExit as stop:
        if stop.code:
            sys.exit(f"twoloops {' '.join(map(str, words))} ended with {stop.code}")


def pictures(count: int) -> list[bytes]:
    """Return steel surfaces where they are at hand, or drawn ones."""
    data = Path(os.environ.get("TWOLOOPS_DATA", "")) / "xsdd" / "xsdd.tar.gz"
    if not data.is_file():
        return [drawn(number) for number in range(count)]
    with tarfile.open(data) as archive:
        found = [one for one in archive.getmembers() if one.name.endswith(".jpg")]
        chosen = random.Random(5).sample(sorted(found, key=lambda one: one.name), count)
        return [file.read() for one in chosen if (file := archive.extractfile(one)) is not None]


def drawn(number: int) -> bytes:
    """Return a drawn surface with scratches."""
    rng = np.random.default_rng(number)
    image = Image.fromarray(rng.normal(120, 12, (480, 640)).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(4):
        pen.line([*rng.integers(0, 480, 4).tolist()], fill=220, width=2)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def signal(number: int) -> bytes:
    """Return two channels: a machine that runs up, and shocks that ring."""
    rng = np.random.default_rng(number)
    time = np.arange(2000)
    run_up = np.sin(2 * np.pi * (0.015 + 0.00004 * time) * time)
    shocks = np.zeros(2000)
    for start in range(150 + 10 * number, 2000, 260):
        after = time[: 2000 - start]
        shocks[start:] += np.sin(2 * np.pi * 0.31 * after) * np.exp(-after / 45)
    waves = np.stack([run_up, shocks]) + rng.normal(0, 0.12, (2, 2000))
    buffer = io.BytesIO()
    np.save(buffer, waves.astype("<f4"))
    return buffer.getvalue()


if __name__ == "__main__":
    main()
