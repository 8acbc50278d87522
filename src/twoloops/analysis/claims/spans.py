"""Dates of unequal precision: a year, a quarter, a season, a month or a day, as a span of days."""

import calendar
import re
from datetime import date

from twoloops.records.errors import UserError

SEASONS = {"spring": (3, 5), "summer": (6, 8), "fall": (9, 11)}
"""First and last month, northern half, as weather services count them; winter spans two years."""

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_SEASON = re.compile(rf"(\d{{4}})-({'|'.join(SEASONS)})")
_YEAR = re.compile(r"(\d{4})")


def span(text: str) -> tuple[date, date]:
    """Return the first and the last day of a date.

    Raises:
        UserError: It is no date of a known form.

    >>> [day.isoformat() for day in span("2025-02")]
    ['2025-02-01', '2025-02-28']
    >>> [day.isoformat() for day in span("2025-fall")]
    ['2025-09-01', '2025-11-30']
    """
    try:
        if found := _DAY.fullmatch(text):
            day = date(*map(int, found.groups()))
            return day, day
        if found := _MONTH.fullmatch(text):
            return _months(int(found[1]), int(found[2]), int(found[2]))
        if found := _QUARTER.fullmatch(text):
            return _months(int(found[1]), 3 * int(found[2]) - 2, 3 * int(found[2]))
        if found := _SEASON.fullmatch(text):
            return _months(int(found[1]), *SEASONS[found[2]])
        if found := _YEAR.fullmatch(text):
            return _months(int(found[1]), 1, 12)
    except ValueError as error:
        raise UserError(f"no date: {text!r} ({error})") from error
    raise UserError(
        f"no date: {text!r}; written as 2025, 2025-Q4, 2025-fall, 2025-02 or 2025-02-27"
    )


def same(one: str, other: str) -> bool:
    """Say whether two dates can be the same: one of them lies within the other.

    Law: symmetric and reflexive.

    >>> same("2025-01", "2025-01-20"), same("2026-02-24", "2026-02-23"), same("2025", "2024-12-31")
    (True, False, False)
    """
    first, second = span(one), span(other)
    return _within(first, second) or _within(second, first)


def _within(inner: tuple[date, date], outer: tuple[date, date]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _months(year: int, first: int, last: int) -> tuple[date, date]:
    return date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1])
