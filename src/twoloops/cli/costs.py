"""The four options about money, read the same by every command that has them."""

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
    # The default of 1 each is nobody's money yet, so it takes any currency.
    if currency != was and None in words.values() and default != Costs():
        raise UserError(
            f"--currency {currency}: the costs here are in {was}; give --escape-cost, "
            "--false-reject-cost and --label-cost all three in the new one"
        )
    return Costs(
        **{
            name: Money(
                getattr(default, name).amount if word is None else _amount(name, word), currency
            )
            for name, word in words.items()
        }
    )


def _amount(name: str, word: str) -> Decimal:
    option = f"--{name.replace('_', '-')}-cost"
    try:
        amount = Decimal(word)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UserError(f"{option} is an amount of money, 0 or more, as 12.50: got {word!r}")
    return amount
