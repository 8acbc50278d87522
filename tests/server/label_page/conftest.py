"""The label page in a real headless browser, on a server that is a process of its own."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import browser as browsers
import pytest
from acting import LABELS
from browser import log_in
from served import Served, questions

from twoloops.records.task import Task

numbers = itertools.count()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # Not longer: while Playwright runs, no other test of this process can run an event loop.
    with browsers.opened() as found:
        yield found


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of a workspace to which each test adds a task of its own."""
    folder = tmp_path_factory.mktemp("served") / "ws"
    questions(folder, Task("first", "text", LABELS), [])
    with Served(folder) as found:
        yield found


@pytest.fixture
def enter(browser: Any, served: Served) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a task's page as somebody; nothing may go wrong in it."""
    wrong: list[str] = []
    contexts = []

    def entering(task: str, name: str = "ann", **more: Any) -> Any:
        context = browser.new_context(viewport={"width": 1100, "height": 760}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        log_in(page, served.url, served.token(name), f"/label/{task}")
        page.wait_for_selector("#stage > *")
        return page

    yield entering
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def asks(served: Served) -> Callable[..., str]:
    """Return a function that makes a task whose turn asks about some inputs; returns its name."""

    def asking(count: int = 8, **more: Any) -> str:
        name = f"task{next(numbers)}"
        labels = more.pop("labels", LABELS)
        decision = more.pop("decision", None)
        inputs = more.pop("inputs", [f"{name} order {n}".encode() for n in range(1, count + 1)])
        kind = more.pop("kind", "text")
        task = Task(name, kind, labels, **more)
        questions(served.folder, task, inputs, decision)
        return name

    return asking
