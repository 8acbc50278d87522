"""What the article says: one row a statement, with the words it was found by.

`data/claims.csv` holds three kinds of rows, marked by `role`:

    article   stated in the article's text; `quote` is how to find it there
    derived   worked out from the article's own figures, or a card whose number the text lost
    input     a list price that the article does not print, needed to recompute what it prints
"""

from typing import Literal

import msgspec

from twoloops.atlas.tables import table

Role = Literal["article", "derived", "input"]
Value = float | str
WORDS = ("date", "text")
"""Units of values that are no numbers."""


class Claim(msgspec.Struct, frozen=True):
    """A statement that can be checked.

    Args:
        id: Short name, in capitals.
        section: Of the article: `header`, `I` to `VI`, `2.1`, …; `input` for list prices.
        exhibit: `E1` to `E8` where it stands in one of the article's exhibits (the text does not
            number them), `E0` for the cards of its head; else empty.
        role: The article's own, derived from it, or an input.
        claim: The statement in a few words.
        value: As the article gives it; empty where it prints none.
        unit: Of the value; `date` and `text` for values that are no numbers.
        as_of: What day, month or year the value is of, as far as the article says.
        quote: Some words of the article by which the statement is found.
        definition: What exactly is measured, where that decides the comparison.
        formula: An expression over other claims that should give the value.
        relation: How the formula's result should stand to the value.
        tolerance: Largest difference that still counts as the same, in the value's unit; half of
            the last printed digit unless `note` says otherwise.
        source: Id of the source that states it.
        note: What to know about how it is read.
    """

    id: str
    section: str
    role: Role
    claim: str
    unit: str
    exhibit: str = ""
    value: str = ""
    as_of: str = ""
    quote: str = ""
    definition: str = ""
    formula: str = ""
    relation: Literal["approx", "above", "below"] = "approx"
    tolerance: float = 0.0
    source: str = "article"
    note: str = ""


def reading(value: str, unit: str) -> Value | None:
    """Return a cell's value: a number, or text for the units of `WORDS`; `None` for no value.

    >>> reading("4.81", "USD/M tok"), reading("2026-02-13", "date"), reading("", "models")
    (4.81, '2026-02-13', None)
    """
    if not value:
        return None
    return value if unit in WORDS else float(value)


def claims() -> tuple[Claim, ...]:
    """Return all claims in the article's order."""
    return table("claims", Claim)
