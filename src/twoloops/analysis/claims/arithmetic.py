"""The first verdict: does a claim follow from the article's other figures?"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from twoloops.analysis.claims.expression import Value, evaluate, figure, working
from twoloops.atlas.claims import Claim, reading

Arithmetic = Literal["holds", "fails", "none"]
SAYS = {"article": "the article says", "derived": "derived is", "input": "taken is"}
"""Who gives the value, by role."""


class Computed(NamedTuple):
    """A claim recomputed.

    Attributes:
        verdict: `none` where the article gives nothing to compute it from.
        shown: The arithmetic with its figures put in; empty for `none`.
    """

    verdict: Arithmetic
    shown: str


def recompute(claim: Claim, values: Mapping[str, Value]) -> Computed:
    """Recompute a claim from the values of the article's other claims.

    >>> claim = Claim(id="X", section="II", role="article", claim="increase", unit="x",
    ...     value="10.5", formula="CN_2025 / CN_2022", tolerance=0.05)
    >>> recompute(claim, {"CN_2025": 337.0, "CN_2022": 32.0})
    Computed(verdict='holds', shown='337 / 32 = 10.5312; the article says 10.5 x, within 0.05')
    """
    stated = reading(claim.value, claim.unit)
    if not claim.formula or stated is None:
        return Computed("none", "")
    found = evaluate(claim.formula, values)
    said = f"{working(claim.formula, values)}; {SAYS[claim.role]}"
    if isinstance(found, str) or isinstance(stated, str):
        return Computed("holds" if found == stated else "fails", f"{said} {stated}")
    printed = quantity(stated, claim.unit)
    if claim.relation != "approx":
        sign, well = (">", found > stated) if claim.relation == "above" else ("<", found < stated)
        return Computed("holds" if well else "fails", f"{said} {sign} {printed}")
    well = close(found, stated, claim.tolerance)
    return Computed(
        "holds" if well else "fails", f"{said} {printed}{margin(well, claim.tolerance)}"
    )


def margin(well: bool, tolerance: float) -> str:
    """Print whether two figures are the same within a tolerance.

    >>> margin(True, 0.05), margin(False, 0.05), margin(True, 0), margin(False, 0)
    (', within 0.05', ', more than 0.05 apart', '', ', another figure')
    """
    if tolerance:
        return f", within {figure(tolerance)}" if well else f", more than {figure(tolerance)} apart"
    return "" if well else ", another figure"


def close(found: float, stated: float, tolerance: float) -> bool:
    """Say whether two figures are the same within a tolerance, rounding errors of floats apart.

    >>> close(4.815, 4.81, 0.005), close(4.816, 4.81, 0.005)
    (True, False)
    """
    return abs(found - stated) <= tolerance + 1e-9 * max(abs(found), abs(stated))


def quantity(value: Value, unit: str) -> str:
    """Print a value with its unit.

    >>> quantity(9e15, "tokens"), quantity("2026-02-13", "date"), quantity(20.0, "pct")
    ('9e15 tokens', '2026-02-13', '20 %')
    """
    if isinstance(value, str):
        return value
    return f"{figure(value)} {'%' if unit == 'pct' else unit}".rstrip()
