"""Judge every claim: tables in, verdicts out; no verdict stands in any table or in this code."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import msgspec

from twoloops.analysis.claims.arithmetic import Arithmetic, recompute
from twoloops.analysis.claims.checking import Ruling, Verdict, World, cited, rule, verdict
from twoloops.analysis.claims.expression import Value
from twoloops.atlas import claims as claim_table
from twoloops.atlas import facts as fact_table
from twoloops.atlas import tables
from twoloops.atlas.claims import Claim, Role, reading
from twoloops.atlas.facts import Check, Fact
from twoloops.atlas.tables import Source
from twoloops.records.errors import UserError

ARITHMETIC: tuple[Arithmetic, ...] = get_args(Arithmetic)
SOURCE: tuple[Verdict, ...] = get_args(Verdict)
ROLES: tuple[Role, ...] = get_args(Role)


class ClaimVerdict(msgspec.Struct, frozen=True):
    """A claim with its two verdicts.

    Args:
        id: Of the claim.
        claim: In words; what is not the article's own begins with `(derived)` or `(input)`.
        section: Of the article.
        exhibit: `E0` to `E8`, or empty.
        role: The article's own, derived from it, or an input.
        value: A number, a text, or `None` where the article prints none.
        unit: Of the value.
        as_of: What time the value is of.
        quote: Words of the article by which the claim is found.
        note: What to know about how it is read.
        arithmetic: Recomputed from the article's other figures.
        arithmetic_shown: With the figures put in; empty for `none`.
        source_verdict: Against sources other than the article.
        rulings: What each check found.
        explanation: Both verdicts in sentences.
        sources: Those that decided, the first one first; empty for `not_found`.
    """

    id: str
    claim: str
    section: str
    exhibit: str
    role: Role
    value: Value | None
    unit: str
    as_of: str
    quote: str
    note: str
    arithmetic: Arithmetic
    arithmetic_shown: str
    source_verdict: Verdict
    rulings: tuple[Ruling, ...]
    explanation: str
    sources: tuple[Source, ...]

    @property
    def verdicts(self) -> tuple[str, str]:
        """Both verdicts."""
        return self.arithmetic, self.source_verdict

    @property
    def source(self) -> Source | None:
        """The first of the sources that decided."""
        return self.sources[0] if self.sources else None


def judge(
    claims: Sequence[Claim] | None = None,
    facts: Sequence[Fact] | None = None,
    checks: Sequence[Check] | None = None,
    sources: Iterable[Source] | None = None,
) -> list[ClaimVerdict]:
    """Judge all claims, in the article's order; tables left out are the packaged ones.

    Raises:
        UserError: The tables do not fit together: an id twice or unknown, an expression without
            value.
    """
    claims = claim_table.claims() if claims is None else claims
    facts = fact_table.facts() if facts is None else facts
    checks = fact_table.checks() if checks is None else checks
    sources = tables.sources().values() if sources is None else sources
    world = _world(claims, facts, sources)
    stray = next((one.claim for one in checks if one.claim not in world.claims), None)
    if stray is not None:
        raise UserError(f"checks.csv checks {stray!r}, which claims.csv does not have")
    return [
        _judged(claim, [rule(claim, one, world) for one in checks if one.claim == claim.id], world)
        for claim in claims
    ]


def verdicts_by_exhibit(
    judged: Iterable[ClaimVerdict] | None = None,
) -> dict[str, list[ClaimVerdict]]:
    """Return the claims of each exhibit, `E0` (the head's cards) to `E8`."""
    found: dict[str, list[ClaimVerdict]] = {}
    for one in judge() if judged is None else judged:
        if one.exhibit:
            found.setdefault(one.exhibit, []).append(one)
    return dict(sorted(found.items()))


def counts(judged: Sequence[ClaimVerdict]) -> dict[str, dict[str, dict[str, int]]]:
    """Count claims by role under each verdict of `arithmetic` and `source`."""
    both: dict[str, dict[str, dict[str, int]]] = {}
    for which, field, words in (
        ("arithmetic", "arithmetic", ARITHMETIC),
        ("source", "source_verdict", SOURCE),
    ):
        found = Counter((getattr(one, field), one.role) for one in judged)
        both[which] = {word: {role: found[word, role] for role in ROLES} for word in words}
    return both


def as_json(one: ClaimVerdict) -> dict[str, Any]:
    """Return a claim as other programs get it."""
    first = one.source
    return {
        "id": one.id,
        "claim": one.claim,
        "section": one.section,
        "value": one.value,
        "unit": one.unit,
        "as_of": one.as_of,
        "arithmetic": one.arithmetic,
        "source_verdict": one.source_verdict,
        "explanation": one.explanation,
        "source": None
        if first is None
        else {
            "publisher": first.publisher,
            "title": first.title,
            "url": first.url,
            "date": first.published,
            "seen": first.seen,
        },
    }


def _world(claims: Sequence[Claim], facts: Sequence[Fact], sources: Iterable[Source]) -> World:
    rows: list[Claim | Fact] = [*claims, *facts]
    twice = next((id_ for id_, number in Counter(row.id for row in rows).items() if number > 1), "")
    if twice:
        raise UserError(f"the id {twice!r} stands in claims.csv and facts.csv more than once")
    values: dict[str, Value] = {}
    for row in rows:
        try:
            value = reading(row.value, row.unit)
        except ValueError as error:
            raise UserError(
                f"{row.id}: the value {row.value!r} is no number, as its unit {row.unit!r} needs"
            ) from error
        if value is not None:
            values[row.id] = value
    return World(
        {one.id: one for one in claims},
        {one.id: one for one in facts},
        {one.id: one for one in sources},
        values,
    )


def _judged(claim: Claim, rulings: Sequence[Ruling], world: World) -> ClaimVerdict:
    arithmetic, shown = recompute(claim, world.values)
    source_verdict = verdict(rulings)
    deciding = [one for one in rulings if one.outcome == source_verdict]
    sources = tuple(dict.fromkeys(source for one in deciding for source in one.sources))
    return ClaimVerdict(
        id=claim.id,
        claim=claim.claim if claim.role == "article" else f"({claim.role}) {claim.claim}",
        section=claim.section,
        exhibit=claim.exhibit,
        role=claim.role,
        value=reading(claim.value, claim.unit),
        unit=claim.unit,
        as_of=claim.as_of,
        quote=claim.quote,
        note=claim.note,
        arithmetic=arithmetic,
        arithmetic_shown=shown,
        source_verdict=source_verdict,
        rulings=tuple(rulings),
        explanation=_explanation(claim, shown, rulings),
        sources=sources,
    )


def _explanation(claim: Claim, shown: str, rulings: Sequence[Ruling]) -> str:
    parts = [f"Arithmetic: {shown}." if shown else "Arithmetic: none."]
    for one in rulings:
        from_ = " / ".join(cited(source) for source in one.sources)
        parts.append(f"{one.words} [{from_}].")
    if not any(one.outcome != "told" for one in rulings):
        parts.append("No source was found that decides it.")
    if claim.note:
        parts.append(f"Note: {claim.note}.")
    return " ".join(parts)
