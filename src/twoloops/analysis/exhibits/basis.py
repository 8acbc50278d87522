"""What the article's exhibits are made from: judged claims, dated tables, countries to compare."""

from typing import NamedTuple

from twoloops.analysis.exhibits.marks import Article
from twoloops.atlas.open_models import YearCount
from twoloops.atlas.vintages import View
from twoloops.records.errors import UserError

COUNTRIES = ("China", "United States of America")
"""Countries compared unless others are named, as Epoch AI writes them."""
MOST = 6
"""So many series can still be told apart in grey."""


class Basis(NamedTuple):
    """What exhibits are made from.

    Attributes:
        article: The claims with their verdicts.
        view: The tables as they stood at one time.
        countries: Whose open models are compared.
    """

    article: Article
    view: View
    countries: tuple[str, ...] = COUNTRIES


def named_countries(said: str, view: View) -> tuple[str, ...]:
    """Return the countries of a list with commas, as the table of open models writes them.

    Raises:
        UserError: One is not in the table, or there are none or too many.
    """
    from difflib import get_close_matches

    known = {row.country.casefold(): row.country for row in view.rows("open_models", YearCount)}
    wanted = list(dict.fromkeys(one.strip() for one in said.split(",") if one.strip()))
    if not 1 <= len(wanted) <= MOST:
        raise UserError(
            f"--countries names {len(wanted)} countries; name 1 to {MOST}, such as "
            f"--countries '{', '.join(COUNTRIES)}'"
        )
    for one in wanted:
        if one.casefold() not in known:
            near = get_close_matches(one.casefold(), known, n=3, cutoff=0.4)
            hint = ", ".join(repr(known[name]) for name in near) or repr(COUNTRIES[0])
            raise UserError(
                f"no open model of {one!r} is in Epoch AI's data; names are as there: {hint}"
            )
    return tuple(known[one.casefold()] for one in wanted)
