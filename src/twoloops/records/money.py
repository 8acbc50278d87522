"""Money: a decimal amount in a named currency; two currencies never add."""

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
