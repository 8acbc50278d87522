"""Contract terms: licences of weights, and what providers of teachers say of their outputs."""

from collections.abc import Sequence
from datetime import date

import msgspec

from twoloops.atlas.tables import table


class Licence(msgspec.Struct, frozen=True):
    """What a licence of weights says, in short.

    Args:
        id: SPDX id, or a short name where there is none.
        title: As it calls itself.
        outputs: Of training other models on outputs.
        as_of: When the text was looked at.
        review_by: After this day the row is stale.
        source: Id of the source.
        derivatives: What else counts as a derivative.
        must: What it asks for.
        threshold: From which size on it asks for more.
        students: What it says of a model trained on outputs: `free`, `derivative`, `named`,
            `no language models`, `not said` or `unknown`.
        duties: What follows for whatever is made from it: `KIND: TEXT`, separated by `|`.
    """

    id: str
    title: str
    outputs: str
    as_of: date
    review_by: date
    source: str
    derivatives: str = ""
    must: str = ""
    threshold: str = ""
    students: str = "unknown"
    duties: str = ""


class TeacherTerms(msgspec.Struct, frozen=True):
    """What a provider's terms say of training on outputs.

    Args:
        provider: Who provides the teacher.
        aliases: Words of a teacher's name by which the provider is known, separated by `|`.
        origin: The provider's country.
        document: Which document and clause.
        stance: `against`, `conditions`, `names it as a use`, `silent` or `passes on`.
        says: The clause in short, as it was quoted.
        as_of: When the quotation was read.
        review_by: After this day the row is stale.
        source: Id of the source.
        published: Date of the document; empty where it was not seen.
        outward: The stance where the model made is passed on to others; empty for the same.
    """

    provider: str
    aliases: str
    origin: str
    document: str
    stance: str
    says: str
    as_of: date
    review_by: date
    source: str
    published: str = ""
    outward: str = ""


class Region(msgspec.Struct, frozen=True):
    """Where an organisation that publishes models has its base.

    Args:
        organisation: Its name on a hub.
        region: `us`, `china`, `eu`, `other` or `unknown`.
        source: Id of the source.
    """

    organisation: str
    region: str
    source: str


ORIGINS = {"us": "US", "china": "CN", "eu": "EU"}
UNKNOWN = "unknown"


def licences() -> tuple[Licence, ...]:
    """Return the packaged table of licences."""
    return table("licences", Licence)


def teacher_terms() -> tuple[TeacherTerms, ...]:
    """Return the packaged table of teacher terms."""
    return table("teacher_terms", TeacherTerms)


def licence(name: str, known: Sequence[Licence]) -> Licence | None:
    """Return a licence by its id, whatever its case, or `None`."""
    wanted = name.strip().casefold()
    return next((one for one in known if one.id.casefold() == wanted), None)


def known_as(teacher: str, one: TeacherTerms) -> bool:
    """Whether a provider is known by a word of a teacher's name."""
    words = teacher.casefold().replace(":", "/").replace(" ", "/").split("/")
    return any(
        alias == teacher.casefold()
        or any(word == alias or word.startswith(f"{alias}-") for word in words)
        for alias in (one.provider.casefold(), *one.aliases.casefold().split("|"))
    )


def terms(teacher: str, known: Sequence[TeacherTerms]) -> TeacherTerms | None:
    """Return the terms of a teacher by a word of its name; the first row that fits, or `None`.

    >>> from datetime import date
    >>> day = date(2026, 1, 1)
    >>> row = TeacherTerms("A", "a|aa", "US", "terms", "silent", "nothing", day, day, "article")
    >>> [found.provider for found in (terms("AA/small-2", (row,)),) if found], terms("b", (row,))
    (['A'], None)
    """
    return next((one for one in known if known_as(teacher, one)), None)


def origin(publisher: str) -> str:
    """Return the origin of a publisher by its name: `US`, `CN`, `EU`, …, or `unknown`.

    >>> origin("Microsoft"), origin("nobody in particular")
    ('US', 'unknown')
    """
    wanted = publisher.strip().casefold()
    for one in table("regions", Region):
        if one.organisation.casefold() == wanted:
            found: str = one.region
            return ORIGINS.get(found, found)
    return UNKNOWN
