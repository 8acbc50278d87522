"""The second verdict: what do sources other than the article say?"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from twoloops.analysis.claims import spans
from twoloops.analysis.claims.arithmetic import SAYS, close, margin, quantity
from twoloops.analysis.claims.expression import Value, evaluate, names, working
from twoloops.atlas.claims import Claim, reading
from twoloops.atlas.facts import Check, Fact
from twoloops.atlas.tables import Source
from twoloops.records.errors import UserError

Verdict = Literal["confirms", "contradicts", "differs_by_definition", "not_found"]
Outcome = Literal["confirms", "contradicts", "differs_by_definition", "told"]
SEEN = {
    "file": "the data itself was read",
    "page": "the page was read",
    "excerpt": "seen only in excerpt or as others quote it",
    "memory": "from memory, not looked up",
}
ARTICLE = "article"
_GRAVE: tuple[Verdict, ...] = ("contradicts", "differs_by_definition", "confirms")


class World(NamedTuple):
    """All tables, by id.

    Attributes:
        claims: What the article says.
        facts: What others say.
        sources: Who they are.
        values: The value of every claim and fact that has one.
    """

    claims: Mapping[str, Claim]
    facts: Mapping[str, Fact]
    sources: Mapping[str, Source]
    values: Mapping[str, Value]


class Ruling(NamedTuple):
    """What one check found.

    Attributes:
        outcome: `told` where it decides nothing.
        words: The comparison in words, with its figures.
        sources: Where the figures come from; the article itself only if nothing else was used.
        any_of: Alternatives share this word.
    """

    outcome: Outcome
    words: str
    sources: tuple[Source, ...]
    any_of: str = ""


def rule(claim: Claim, check: Check, world: World) -> Ruling:
    """Apply one check to a claim.

    Where the definitions of the facts used differ from the claim's, the figures may not be
    compared, and the outcome is `differs_by_definition` whatever they are. The article is no
    witness for itself: a check that uses its own figures only can contradict, never confirm.

    Raises:
        UserError: The check does not fit its claim.
    """
    found = evaluate(check.against, world.values)
    used = names(check.against)
    facts = [world.facts[name] for name in used if name in world.facts]
    inputs = [world.claims[name] for name in used if name in world.claims]
    outside: list[Fact | Claim] = [*facts, *(one for one in inputs if one.role == "input")]
    sources = _sources(outside or [claim], world)
    words = (
        f"{check.says[:1].upper()}{check.says[1:]}: {_working(check, found, claim, facts, world)}"
    )
    if check.relation == "context":
        return Ruling("told", words, sources)
    stated = reading(claim.value, claim.unit)
    if stated is None:
        raise UserError(f"checks.csv: {claim.id} has no value that {check.against!r} could check")
    differing = _differing(claim, facts)
    agrees = _agrees(check, claim, found, stated)
    words += f"; {_versus(check, claim, stated, agrees)}"
    if differing:
        words += (
            f". Not the same measure: {' and '.join(differing)}. The claim's: {claim.definition}"
        )
        return Ruling("differs_by_definition", words, sources, check.any_of)
    if agrees and not outside:
        return Ruling("told", words, sources)
    return Ruling("confirms" if agrees else "contradicts", words, sources, check.any_of)


def verdict(rulings: Sequence[Ruling]) -> Verdict:
    """Return the verdict of all checks of a claim.

    Of alternatives one agreement is enough; else a contradiction weighs more than a difference
    of definition, and that more than an agreement. Without a deciding check: `not_found`.

    >>> verdict([Ruling("confirms", "", ()), Ruling("contradicts", "", ())])
    'contradicts'
    >>> verdict([Ruling("confirms", "", (), "price"), Ruling("contradicts", "", (), "price")])
    'confirms'
    """
    agreed = {one.any_of for one in rulings if one.any_of and one.outcome == "confirms"}
    decided = {
        one.outcome
        for one in rulings
        if one.outcome != "told" and (one.outcome == "confirms" or one.any_of not in agreed)
    }
    return next((one for one in _GRAVE if one in decided), "not_found")


def cited(source: Source) -> str:
    """Print a source in a few words, and how it was seen."""
    return f"{source.publisher}, {source.published}; {SEEN[source.seen]}"


def _working(check: Check, found: Value, claim: Claim, facts: Sequence[Fact], world: World) -> str:
    """Print what was found: with its arithmetic, or with its own unit if it is a single fact."""
    if len(facts) == 1 and check.against == facts[0].id:
        dated = f" ({facts[0].as_of})" if facts[0].as_of and facts[0].unit != "date" else ""
        return quantity(found, facts[0].unit) + dated
    text = working(check.against, world.values)
    return text if isinstance(found, str) or check.relation == "context" else f"{text} {claim.unit}"


def _versus(check: Check, claim: Claim, stated: Value, agrees: bool) -> str:
    said = f"{SAYS[claim.role]} {quantity(stated, claim.unit)}"
    if check.relation == "equal":
        return said + margin(agrees, _tolerance(check, claim))
    return said + {"at_least": " or more", "at_most": " or less"}.get(check.relation, "")


def _agrees(check: Check, claim: Claim, found: Value, stated: Value) -> bool:
    if check.relation in ("same_date", "same_text"):
        if not isinstance(found, str) or not isinstance(stated, str):
            raise UserError(f"checks.csv: {claim.id}: {check.relation} compares texts, not numbers")
        return spans.same(found, stated) if check.relation == "same_date" else found == stated
    if isinstance(found, str) or isinstance(stated, str):
        raise UserError(f"checks.csv: {claim.id}: {check.relation} compares numbers, not texts")
    if check.relation == "equal":
        return close(found, stated, _tolerance(check, claim))
    return found >= stated if check.relation == "at_least" else found <= stated


def _tolerance(check: Check, claim: Claim) -> float:
    return claim.tolerance if check.tolerance is None else check.tolerance


def _differing(claim: Claim, facts: Sequence[Fact]) -> list[str]:
    """Return the definitions of facts that are not the claim's; silence is no difference."""
    if not claim.definition:
        return []
    stated = (fact.definition for fact in facts if fact.definition)
    return list(dict.fromkeys(one for one in stated if one != claim.definition))


def _sources(rows: Sequence[Fact | Claim], world: World) -> tuple[Source, ...]:
    unknown = [row.source for row in rows if row.source not in world.sources]
    if unknown:
        raise UserError(f"sources.csv has no {unknown[0]!r}, which {rows[0].id} names")
    found = tuple(dict.fromkeys(world.sources[row.source] for row in rows))
    # The article's own day is a fact too, yet it is no witness beside others.
    return tuple(one for one in found if one.id != ARTICLE) or found
