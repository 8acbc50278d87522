"""The packaged tables, and a way to judge them with one cell changed."""

from collections.abc import Callable

import msgspec
import pytest

from twoloops.analysis.claims.judging import ClaimVerdict, judge
from twoloops.atlas.claims import claims
from twoloops.atlas.facts import checks, facts

Judged = dict[str, ClaimVerdict]


def by_id(judged: list[ClaimVerdict]) -> Judged:
    return {one.id: one for one in judged}


@pytest.fixture(scope="session")
def judged() -> Judged:
    return by_id(judge())


@pytest.fixture(scope="session")
def changed() -> Callable[..., Judged]:
    """Judge with cells of one row changed: `changed("PR_K25", value="9")`.

    With `only` the checks of that claim alone are applied; with `silent` no claim says what it
    measures, so that figures decide whatever they are of.
    """

    def judging(row: str, only: str = "", silent: bool = False, **cells: str) -> Judged:
        def put(rows):
            return [msgspec.structs.replace(r, **cells) if r.id == row else r for r in rows]

        assert row in {one.id for one in (*claims(), *facts())}
        said = put(claims())
        if silent:
            said = [msgspec.structs.replace(one, definition="") for one in said]
        applied = [one for one in checks() if only in ("", one.claim)]
        return by_id(judge(said, put(facts()), applied))

    return judging


@pytest.fixture(scope="session")
def flipped(judged: Judged, changed: Callable[..., Judged]) -> Callable[..., dict[str, tuple]]:
    """The verdicts that are others once a cell is changed, by claim."""

    def comparing(row: str, **cells: str) -> dict[str, tuple]:
        now = changed(row, **cells)
        return {id_: now[id_].verdicts for id_ in now if now[id_].verdicts != judged[id_].verdicts}

    return comparing
