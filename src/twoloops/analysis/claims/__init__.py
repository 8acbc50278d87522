"""The article's claims with two verdicts each, computed from dated tables."""

from twoloops.analysis.claims.judging import ClaimVerdict, judge, verdicts_by_exhibit

__all__ = ["ClaimVerdict", "judge", "verdicts_by_exhibit"]
