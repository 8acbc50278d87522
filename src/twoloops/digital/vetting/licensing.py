"""What a licence asks of whoever passes a base on, computed from the dated table.

The texts were read by people on a day that stands beside them. Nothing here says what a licence
lets one do: it says what was stated, what the table knows of it, and what is still open.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date

from twoloops.atlas import contracts
from twoloops.atlas.contracts import Licence
from twoloops.digital.vetting.book import Book, many, shown
from twoloops.digital.vetting.stated import UNKNOWN, Stated
from twoloops.records.finding import OUTWARD, PURPOSES, Origin, PinnedFile, Terms

CHECK = "licence"
ORIGIN = "origin"
TAGS = {
    "llama2": "Llama-2",
    "llama3": "Llama-3",
    "llama3.1": "Llama-3.1",
    "llama3.2": "Llama-3.1",
    "llama3.3": "Llama-3.1",
    "llama4": "Llama-3.1",
    "gemma": "Gemma-Terms",
    "deepseek": "DeepSeek-Model-Licence",
    "deepseek-license": "DeepSeek-Model-Licence",
    "tongyi-qianwen": "Tongyi-Qianwen",
    "tongyi-qianwen-research": "qwen-research",
}
"""How a hub's cards tag licences that have no SPDX id; one row of the table covers 3.1 to 4."""
RESEARCH = "research"
NON_COMMERCIAL = re.compile(r"(^|-)NC(-|$)|non-?commercial", re.IGNORECASE)
DATA = "trained on"
COPY = "licence copy"
TEXTS = ("license", "licence", "copying", "notice")


def inspect_licence(
    stated: Stated, files: Iterable[PinnedFile], today: date, book: Book
) -> tuple[Terms, ...]:
    """Compute the terms of a base and of what it was made from.

    Args:
        stated: What is stated of it.
        files: Its files: texts of licences among them are counted as at hand.
        today: The day; rows to be reviewed before it are stale.
        book: Where findings go.

    Returns:
        The terms, the base's own first.
    """
    known = contracts.licences()
    held = {one.path.rpartition("/")[2].casefold().partition(".")[0] for one in files}
    terms = []
    own = _terms("the base", stated.licence, stated.where, known)
    for one in own:
        terms.append(one)
        _judge(one, held, today, book)
    for ancestor in stated.lineage:
        for one in _terms(ancestor.name, ancestor.licence, ancestor.source, known):
            terms.append(one)
            _judge(one, held, today, book, data=ancestor.relation == DATA)
    if not stated.lineage and not stated.complete:
        book.needs(
            CHECK,
            "",
            "lineage",
            "nothing states what it was made from",
            "its publisher's word: a base_model on its card, or that there is none",
            OUTWARD,
        )
    book.looked(CHECK, f"{len(terms)} stated, against {len(known)} licences of the table")
    return tuple(terms)


def inspect_origin(stated: Stated, book: Book) -> tuple[Origin, ...]:
    """Return where its publisher and those of its ancestors have their base; a field, no more."""
    country = stated.origin if stated.origin != UNKNOWN else contracts.origin(stated.publisher)
    origins = [Origin("the base", stated.publisher, country)]
    for one in stated.lineage:
        origins.append(Origin(one.name, one.publisher, contracts.origin(one.publisher)))
    unknown = [one.whose for one in origins if one.country == UNKNOWN]
    if unknown and not (stated.complete and not stated.lineage):
        names = ", ".join(shown(one) for one in unknown[:5])
        book.note(ORIGIN, "", "publisher", f"the country is unknown for {names}")
    book.looked(ORIGIN, f"{many(len(origins), 'publisher')}, {len(unknown)} of unknown country")
    return tuple(origins)


def find_licence(name: str, known: Sequence[Licence]) -> Licence | None:
    """Return the table's row for a licence as a card or a package writes it.

    >>> find_licence("apache-2.0", contracts.licences()).id
    'Apache-2.0'
    >>> find_licence("llama3.2", contracts.licences()).id
    'Llama-3.1'
    """
    return contracts.licence(TAGS.get(name.strip().casefold(), name), known)


def _terms(whose: str, expression: str, where: str, known: Sequence[Licence]) -> list[Terms]:
    """Return the terms of every licence in an expression; of an alternative, all of them too."""
    words = re.split(r"\s+(?:AND|OR|WITH)\s+", expression.replace("(", "").replace(")", ""))
    return [_of(whose, word.strip() or UNKNOWN, where, known) for word in words]


def _of(whose: str, name: str, where: str, known: Sequence[Licence]) -> Terms:
    row = None if name == UNKNOWN else find_licence(name, known)
    if row is None:
        return Terms(whose, name, where)
    return Terms(
        whose,
        row.id,
        where if name.casefold() == row.id.casefold() else f"{where}, as {shown(name)}",
        tuple(part.strip() for part in row.must.split(",") if part.strip()),
        row.threshold,
        row.outputs,
        row.derivatives,
        row.as_of,
        row.review_by,
    )


def _judge(terms: Terms, held: set[str], today: date, book: Book, *, data: bool = False) -> None:
    whose = shown(terms.whose)[1:-1]
    place = f"licence of {whose}"
    if terms.licence == UNKNOWN:
        got = f"unknown: {shown(terms.stated)[1:-1]}"
        what = "data it was trained on" if data else "weights it was made from"
        own = (
            "a stated licence"
            if terms.whose == "the base"
            else f"the licence of {whose}, the {what}"
        )
        book.needs(CHECK, "", place, got, own, OUTWARD)
        return
    if NON_COMMERCIAL.search(terms.licence):
        book.needs(CHECK, "", place, f"{shown(terms.licence)}: no commercial use", "an agreement")
    if terms.as_of is None:
        got = f"{shown(terms.licence)}, of which the table knows nothing"
        book.needs(CHECK, "", place, got, "somebody who reads its text", OUTWARD)
        return
    if RESEARCH in terms.outputs and terms.outputs.startswith(RESEARCH):
        book.needs(CHECK, "", place, f"{terms.licence}: {terms.outputs}", terms.condition, PURPOSES)
    elif terms.condition:
        got = f"{terms.licence}: {terms.condition}"
        book.needs(CHECK, "", place, got, "an answer whether this holds", OUTWARD)
    missing = [one for one in terms.must if not _at_hand(one, held)]
    if missing and terms.whose == "the base":
        got = f"{terms.licence} goes with what is passed on"
        book.needs(CHECK, "", place, got, ", ".join(missing), OUTWARD)
    if terms.derivatives:
        book.note(CHECK, "", place, f"derivatives: {terms.derivatives}", "its terms go with them")
    if terms.review_by is not None and terms.review_by < today:
        got = f"the table's row is of {terms.as_of}, to be reviewed by {terms.review_by}"
        book.needs(CHECK, "", place, got, "a fresh reading of its text", OUTWARD)


def _at_hand(duty: str, held: set[str]) -> bool:
    """Whether a duty is met by a file that is there: the text of the licence, the notice."""
    words = duty.casefold()
    if COPY in words or "permission notice" in words:
        return bool(held & {"license", "licence", "copying"})
    return "notice file" in words and "notice" in held
