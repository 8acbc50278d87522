"""The overview in a real headless browser, on a server that is a process of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser as browsers
import pytest
from plant import Plant
from served import Served

from twoloops.wiring.workspace import now, writing

WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.opened() as found:
        yield found


@pytest.fixture(scope="module")
def served(
    browser: Any, plant: Plant, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "w"
    shutil.copytree(plant.folder, folder)
    with Served(folder) as found:
        yield found


@pytest.fixture
def entered(browser: Any, served: Served) -> Iterator[Any]:
    """Return a function that opens a page, logged in; nothing may go wrong in it."""
    contexts, wrong = [], []
    with writing(served.folder) as store:
        token = store.tokens.add("ann", "labeller", now())[1]

    def enter(path: str, **more: Any) -> Any:
        context = browser.new_context(**more)
        contexts.append(context)
        context.add_cookies([{"name": "twoloops", "value": token, "url": served.url}])
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((served.url, "data:")) else wrong.append(
                asked.url
            ),
        )  # fmt: skip
        page.goto(f"{served.url}{path}")
        return page

    yield enter
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("path", ["/", "/why/deployed", "/why/turn-3"])
def test_pages_fit_a_phone_a_tablet_and_a_desk(
    entered: Any, tmp_path: Path, width: int, path: str
) -> None:
    page = entered(path, viewport={"width": width, "height": 900})
    assert page.evaluate(WIDTH) <= width
    assert page.locator("main h1").count() == 1
    picture = tmp_path / "page.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000


def test_counts_move_without_a_reload(entered: Any, served: Served) -> None:
    page = entered("/", viewport={"width": 1280, "height": 900})
    before = page.text_content("[data-count=observations]")
    questions = int(page.text_content("[data-count=questions]"))
    plant = Plant.again(served.folder)
    plant.turn(answers=1)
    page.wait_for_function(
        "n => document.querySelector('[data-count=questions]').textContent === String(n)",
        arg=questions - 1,
    )
    assert f"waits for {questions - 1}" in page.text_content("main svg")
    assert page.text_content("[data-count=observations]") == before


def test_the_page_says_everything_without_a_script_and_for_print(entered: Any) -> None:
    page = entered("/", java_script_enabled=False)
    assert "What a sceptic would say first" in page.inner_text("main")
    assert page.locator("[data-count]").count() == 14
    page.emulate_media(media="print")
    assert page.locator("header.nav").is_hidden()


def test_it_is_dark_where_the_reader_wants_it_dark(entered: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (entered("/", color_scheme=one).evaluate(ground) for one in ("light", "dark"))
    assert light == "rgb(255, 255, 255)"
    assert dark != light


def test_a_verdict_leads_to_its_reasons_and_back(entered: Any) -> None:
    page = entered("/")
    page.locator("a", has_text="why").first.click()
    page.wait_for_selector("dl.parts")
    assert "Why was this" in page.inner_text("main")
    page.get_by_role("link", name="Overview").click()
    page.wait_for_selector("#loops")
