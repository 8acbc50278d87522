"""What tests do to the label page, as a person does it."""

from typing import Any

import pytest
from served import Served

from twoloops.cli.main import run

LABELS = ("crack", "leak", "ok")
SHOWN = "#stage[data-observation]"


def current(page: Any) -> str:
    """Return the observation on the screen, once there is one."""
    page.wait_for_selector(SHOWN)
    return str(page.get_attribute("#stage", "data-observation"))


def press(page: Any, key: str) -> str:
    """Press a key that leaves an item, wait until another one or none is shown; returns it."""
    before = current(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.getElementById('stage').dataset.observation !== before", arg=before
    )
    return before


def sent(page: Any) -> None:
    """Wait until the server has everything."""
    page.wait_for_function("() => !Object.keys(localStorage).some(key => key.includes('/outbox/'))")


def waiting(page: Any) -> int:
    found = "() => Object.keys(localStorage).filter(key => key.includes('/outbox/')).length"
    return int(page.evaluate(found))


def given(served: Served, task: str) -> dict[str, tuple[str, str]]:
    """Return label and labeller by observation; each has one at most."""
    with served.store() as store:
        said = store.labels.of_task(task)
    assert len({one.observation for one in said}) == len(said)
    return {str(one.observation): (one.label, one.labeller) for one in said}


def command(*words: object) -> None:
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    assert stop.value.code == 0
