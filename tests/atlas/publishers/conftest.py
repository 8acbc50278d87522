"""A network that is a dictionary."""

from collections.abc import Callable

import pytest

from twoloops.atlas.publishers.port import Answer, NotThereError

Offline = Callable[[dict[str, bytes | Answer]], Callable[[str, str], Answer]]


@pytest.fixture
def offline() -> Offline:
    """Return a function that makes a `Get` out of answers by address."""

    def make(answers: dict[str, bytes | Answer]) -> Callable[[str, str], Answer]:
        def get(url: str, kind: str) -> Answer:
            assert kind in ("csv", "json")
            if url not in answers:
                raise NotThereError(f"{url} answered 404 Not Found")
            found = answers[url]
            return found if isinstance(found, Answer) else Answer(found, {})

        return get

    return make
