"""Money: a decimal amount in a named currency; two currencies never add."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from twoloops.records.errors import UserError


class Money(msgspec.Struct, frozen=True):
    """An amount of money.

    >>> str(Money(Decimal("1.50"), "USD") + Money(Decimal("2"), "USD"))
    '3.50 USD'
    """

    amount: Decimal
    currency: str = "USD"

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise UserError(
                f"cannot add {self.currency} and {other.currency}: give all costs in one currency"
            )
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.amount * times, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


Sums = tuple[Money, ...]
"""Money by currency: two currencies never add."""


def sums(costs: Iterable[Money | None], minus: Iterable[Money] = ()) -> Sums:
    """Add money up, each currency by itself; what comes to nothing is left out.

    >>> sums([Money(Decimal(1)), None, Money(Decimal(2), "EUR"), Money(Decimal(3))])
    (Money(amount=Decimal('2'), currency='EUR'), Money(amount=Decimal('4'), currency='USD'))
    """
    amounts: dict[str, Decimal] = {}
    for sign, part in ((1, costs), (-1, minus)):
        for cost in part:
            if cost is not None:
                before = amounts.get(cost.currency, Decimal(0))
                amounts[cost.currency] = before + sign * cost.amount
    return tuple(Money(amount, name) for name, amount in sorted(amounts.items()) if amount)


def or_nothing(found: Sums, currency: str) -> Sums:
    """Return sums, or a zero that at least says its currency."""
    return found or (Money(Decimal(0), currency),)


def told(found: Sums) -> str:
    """Say sums, each currency by itself.

    >>> told((Money(Decimal(2), "EUR"), Money(Decimal("4.5"))))
    '2 EUR and 4.5 USD'
    """
    return " and ".join(map(str, found))
