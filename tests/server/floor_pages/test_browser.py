"""The floor's pages in a real headless browser: on a phone, on a tablet, without a script."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import browser as browsers
import pytest
from floored import STATES, floored
from served import Served

from twoloops.records.token import Scope
from twoloops.wiring.workspace import now

WIDTH = "document.documentElement.scrollWidth"
SIZES = ((390, 844), (1024, 768))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.opened() as found:
        yield found


@pytest.fixture(scope="module")
def served(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("floored") / "w"
    floored(folder, now()).close()
    with Served(folder) as found:
        yield found


@pytest.fixture(scope="module")
def enter(browser: Any, served: Served) -> Iterator[Callable[[Scope], Any]]:
    """Return a function that opens a page of somebody with a scope.

    Nothing may go wrong in it, and nothing be fetched from elsewhere.
    """
    wrong: list[str] = []
    contexts = []

    def asked(request: Any) -> None:
        if not request.url.startswith((served.url, "data:")):
            wrong.append(request.url)

    def open_(scope: Scope) -> Any:
        context = browser.new_context()
        contexts.append(context)
        token = served.token("ann", scope)
        context.add_cookies([{"name": "twoloops", "value": token, "url": served.url}])
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text))
        page.on("request", asked)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def page(enter: Callable[[Scope], Any]) -> Any:
    """A reader's page."""
    return enter("reader")


def fits(page: Any, address: str, tmp_path: Path) -> str:
    """Check a page on a phone and on a tablet; return its words."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.goto(address)
        assert page.evaluate(WIDTH) <= width
        assert page.locator("main h1").count() == 1
        picture = tmp_path / f"{width}.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 10_000
    return page.inner_text("main")


def test_the_floor(page: Any, served: Served, tmp_path: Path) -> None:
    told = fits(page, f"{served.url}/floor", tmp_path)
    assert page.locator("article").count() == len(STATES)
    assert "not heard for 4 h" in told
    page.get_by_role("link", name="hall-2").click()
    page.wait_for_url("**/floor?group=hall-2")
    assert page.locator("article").count() == len(STATES) // 3
    assert page.locator("nav [aria-current=page]").inner_text() == "Floor"


def test_roll_outs(page: Any, served: Served, tmp_path: Path) -> None:
    told = fits(page, f"{served.url}/rollouts", tmp_path)
    assert "Stage 1 of 3: shadow" in told
    assert page.locator("tbody tr").count() == 7 + 2  # limits and history
    assert page.locator("main form").count() == 0


def test_an_admin_pauses_a_roll_out(
    enter: Callable[[Scope], Any], served: Served, tmp_path: Path
) -> None:
    page = enter("admin")
    fits(page, f"{served.url}/rollouts", tmp_path)
    page.get_by_text("Pause …").click()
    page.get_by_label("Why?").first.fill("oil on the lens")
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused: oil on the lens (ann).").wait_for()
    assert page.get_by_text("Resume …").is_visible()
    assert page.evaluate(WIDTH) <= SIZES[-1][0]


def test_drift(page: Any, served: Served, tmp_path: Path) -> None:
    told = fits(page, f"{served.url}/drift", tmp_path)
    assert "It opened turn 3" in told
    assert page.locator("figure svg rect").count() == 5


def test_the_quarantine(page: Any, served: Served, tmp_path: Path) -> None:
    told = fits(page, f"{served.url}/quarantine", tmp_path)
    assert "71 inputs could not be used." in told
    page.get_by_role("link", name="older").click()
    page.wait_for_url("**/quarantine?page=2")
    assert page.locator(".refused").count() == 21


def test_the_overview_leads_to_what_is_wrong(page: Any, served: Served, tmp_path: Path) -> None:
    fits(page, f"{served.url}/", tmp_path)
    page.get_by_role("link", name="2 edges silent").click()
    page.wait_for_url("**/floor")
    page.locator("article").first.wait_for()
