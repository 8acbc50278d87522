"""What others say: facts from outside the article, and which of them checks which claim."""

from typing import Literal

import msgspec

from twoloops.atlas.tables import table


class Fact(msgspec.Struct, frozen=True):
    """A figure, date or word from a source other than the article.

    Args:
        id: Short name, in small letters.
        fact: What it says, in a few words.
        value: The figure, date or text.
        unit: Of the value; `date` and `text` for values that are no numbers.
        as_of: What day, month or year it is of.
        definition: What exactly is measured, where that decides a comparison. Two definitions
            are the same if their texts are.
        source: Id of the source.
        note: What to know about it.
    """

    id: str
    fact: str
    value: str
    unit: str
    source: str
    as_of: str = ""
    definition: str = ""
    note: str = ""


class Check(msgspec.Struct, frozen=True):
    """A rule: which facts check which claim, and how.

    Args:
        claim: Id of the claim.
        relation: `equal` within the tolerance; `at_least`, `at_most` (of what was found,
            against the claim's value); `same_date` (one lies within the other);
            `same_text`; or `context`, which is told and decides nothing.
        against: An expression over facts and claims that gives what was found.
        tolerance: For `equal`, in the claim's unit; left out, the claim's own.
        any_of: Checks of one claim with the same word here are alternatives: agreeing with one
            of them is enough.
        says: What the comparison is, in a few words.
    """

    claim: str
    relation: Literal["equal", "at_least", "at_most", "same_date", "same_text", "context"]
    against: str
    says: str
    tolerance: float | None = None
    any_of: str = ""


def facts() -> tuple[Fact, ...]:
    """Return all facts."""
    return table("facts", Fact)


def checks() -> tuple[Check, ...]:
    """Return all rules."""
    return table("checks", Check)
