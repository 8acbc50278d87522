"""The page in a real headless browser, without network: charts come alive, nothing complains."""

import pytest
from browser import opened

from twoloops.analysis.exhibits.page import page

ALIVE = "[...document.querySelectorAll('[data-chart]')].every(one => one.dataset.state)"
STATES = "[...document.querySelectorAll('[data-chart]')].map(one => one.dataset.state)"


@pytest.fixture(scope="module")
def browser():
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def address(collection, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "exhibits.html"
    path.write_text(page(collection), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def watched(browser):
    """A page without network, and all that it said and asked for."""
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    tab = context.new_page()
    said, asked = [], []
    tab.on("console", lambda message: said.append((message.type, message.text)))
    tab.on("pageerror", lambda error: said.append(("pageerror", str(error))))
    tab.on("request", lambda request: asked.append(request.url))
    yield tab, said, asked
    context.close()


def test_all_charts_come_alive_without_network_and_without_a_word(watched, address, collection):
    tab, said, asked = watched
    tab.goto(address)
    tab.wait_for_function(ALIVE)
    charts = sum(len(one.charts) for one in collection.exhibits)
    assert tab.evaluate(STATES) == ["live"] * charts
    assert asked == [address]
    assert said == []


def test_a_mark_tells_its_figures(watched, address):
    tab, said, _ = watched
    tab.goto(address)
    tab.wait_for_function(ALIVE)
    mark = tab.locator("[data-chart=chart-downloads-top-ten] .mark-rect.role-mark path").first
    mark.scroll_into_view_if_needed()
    mark.hover()
    tip = tab.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert "Tarsier2-Recap-7b" in tip.inner_text()
    assert "10.85" in tip.inner_text()
    assert said == []


def test_the_page_fits_a_small_screen(watched, address):
    tab, _, _ = watched
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(address)
    tab.wait_for_function(ALIVE)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_the_charts_are_there_all_the_same(browser, address, collection):
    context = browser.new_context(java_script_enabled=False, offline=True)
    tab = context.new_page()
    tab.goto(address)
    charts = sum(len(one.charts) for one in collection.exhibits)
    assert tab.locator("[data-chart] > svg").count() == charts
    context.close()


def test_folded_tables_are_opened_for_print(watched, address):
    tab, _, _ = watched
    tab.goto(address)
    tab.wait_for_function(ALIVE)
    assert tab.locator("details:not([open])").count() > 0
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
