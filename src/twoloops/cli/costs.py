"""Amounts of money on the command line, and the four options about costs."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from twoloops.records.errors import UserError
from twoloops.records.money import Money
from twoloops.records.task import Costs

NAMES = ("escape", "false_reject", "label")


def costs_of(options: Mapping[str, Any], default: Costs) -> Costs:
    """Return the costs that the options say, the others as they were.

    Args:
        options: `escape_cost`, `false_reject_cost`, `label_cost`, `currency`, each may be `None`.
        default: What holds where nothing was said.

    Raises:
        UserError: One is no amount, or the currency changes and an amount stays.

    >>> str(costs_of({"label_cost": "2", "currency": "EUR"}, Costs()).label)
    '2 EUR'
    """
    words = {name: options.get(f"{name}_cost") for name in NAMES}
    was = default.escape.currency
    currency = options.get("currency") or was
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise UserError(f"--currency is a code of three capital letters, as EUR: got {currency!r}")
    # The default of 1 each is nobody's money yet, so it takes any currency.
    if currency != was and None in words.values() and default != Costs():
        raise UserError(
            f"--currency {currency}: the costs here are in {was}; give --escape-cost, "
            "--false-reject-cost and --label-cost all three in the new one"
        )
    return Costs(
        **{
            name: Money(
                getattr(default, name).amount if word is None else amount(_option(name), word),
                currency,
            )
            for name, word in words.items()
        }
    )


def amount(option: str, word: str) -> Decimal:
    """Return the amount of money that an option says.

    Raises:
        UserError: It is none.
    """
    try:
        found = Decimal(word)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise UserError(f"{option} is an amount of money, 0 or more, as 12.50: got {word!r}")
    return found


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}-cost"
