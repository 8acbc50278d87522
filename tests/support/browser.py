"""A real headless Chromium for tests: found, or fetched where that can be done.

Looked for in this order: the system's Chromium or Chrome; what Playwright has; what
`playwright install chromium` can fetch; Debian's package, where this is root and apt is there.
Without any the tests are skipped with the reason.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLAYWRIGHT = [sys.executable, "-m", "playwright", "install", "chromium"]
# Two test processes may come here at once: the second one waits for the first one's lock.
APT = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq"]


@contextmanager
def opened() -> Iterator[Any]:
    """Yield a browser, or skip the test with the reason why there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        found, why = launch(driver)
        if found is None:
            pytest.skip(f"no browser could be started: {why}")
        yield found
        found.close()


def launch(driver: Any) -> tuple[Any, str]:
    """Return a browser, or `None` and the reason why there is none."""
    reasons = []
    for get in (lambda: "", lambda: told(PLAYWRIGHT), debian):
        reason = get()
        reasons += [reason] if reason else []
        for path in dict.fromkeys((system(), None)):
            try:
                return driver.chromium.launch(executable_path=path, timeout=60_000), ""
            except Exception as error:
                reasons.append(str(error).split("\n")[0][:200])
    return None, "; ".join(dict.fromkeys(reasons))


def system() -> str | None:
    """Return the path of the system's browser."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def debian() -> str:
    """Install Debian's Chromium where that is allowed; returns what went wrong."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "Debian's package needs root and apt-get"
    return told([*APT, "update"]) or told([*APT, "install", "-y", "chromium"])


def told(command: list[str]) -> str:
    """Run a command; returns its last words where it failed."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False, env=quiet
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)[:200]
    words = (done.stderr or done.stdout).strip().split("\n")[-1][:200]
    return "" if done.returncode == 0 else words


def log_in(page: Any, url: str, token: str, to: str) -> None:
    """Follow a link that holds a token, and press the button, as a person does."""
    page.goto(f"{url}/login#token={token}&to={to}")
    page.wait_for_selector("#filled")  # by then the script has filled it in
    page.click("form button")
