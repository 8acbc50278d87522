"""The money of teachers: what a call may cost is put aside before it is sent.

Laws, whatever an endpoint does and wherever the process dies: what is held of a teacher's calls
never passes its limit by a call that was begun; an item of a call whose outcome is unknown is
not asked again by itself. Only an endpoint that reports more tokens than bytes were sent can
take more, once: it is believed, and then asked no more.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from twoloops.physical.labelling.teaching.port import Request
from twoloops.records.digests import digest_record
from twoloops.records.errors import UserError
from twoloops.records.money import Money
from twoloops.records.observation import Place
from twoloops.records.teacher import Call, Teacher, Usage
from twoloops.store.workspace import Store

DIED = "the process ended before an answer was noted"


class MoneyError(Exception):
    """The next call might cost more than is left."""


def free(currency: str) -> Money:
    """Return no money."""
    return Money(Decimal(0), currency)


def currency_of(teacher: Teacher, other: str) -> str:
    """Return what a teacher is paid in; a free one in the task's currency."""
    return teacher.currency or other


def most(teacher: Teacher, request: Request, currency: str) -> Money:
    """Return the most that a call may cost."""
    if teacher.price is None:
        return free(currency)
    return teacher.price.of(Usage(request.read, request.written))


def cost_of(teacher: Teacher, usage: Usage, currency: str) -> Money:
    """Return what a call costs by its usage."""
    return free(currency) if teacher.price is None else teacher.price.of(usage)


def left(store: Store, teacher: Teacher) -> Money | None:
    """Return what a teacher may still cost; `None` where it is free."""
    if teacher.limit is None:
        return None
    held = store.calls.held(teacher.name, teacher.limit.currency)
    return Money(teacher.limit.amount - held.amount, held.currency)


def reserve(
    store: Store,
    teacher: Teacher,
    request: Request,
    *,
    task: str,
    turn: int,
    items: Sequence[Place],
    currency: str,
    at: datetime,
    room: Money | None,
) -> Call:
    """Note a call before it is sent; durable when this returns.

    Args:
        store: Where the call book lies.
        teacher: Who is asked.
        request: What is to be sent.
        task: The task's name.
        turn: The turn whose questions they are.
        items: The observations it asks about.
        currency: What the task counts in, for a free teacher.
        at: Now.
        room: What this run may still cost; `None` for no limit but the teacher's.

    Raises:
        MoneyError: It might cost more than is left, of the limit or of the run.
    """
    worst = most(teacher, request, currency)
    available = left(store, teacher)
    for money, whose in ((available, "the teacher's limit"), (room, "what this run may cost")):
        if money is not None and worst.amount > money.amount:
            raise MoneyError(f"the next call may cost {worst}, and {money} is left of {whose}")
    call = Call(
        key=_key(store, request),
        teacher=teacher.name,
        task=task,
        turn=turn,
        state="sent",
        items=tuple(items),
        reserved=worst,
        held=worst,
        paid=free(worst.currency),
        prompt=digest_record([request.messages, request.shape]),
        begun_at=at,
    )
    store.calls.begin(call)
    return call


def no_effect(call: Call, why: str, at: datetime) -> Call:
    """Return a call that cost nothing and told nothing."""
    nothing = free(call.held.currency)
    return replace(call, state="failed", held=nothing, paid=nothing, why=why, ended_at=at)


def unknown(call: Call, why: str, at: datetime) -> Call:
    """Return a call that may have been paid for."""
    return replace(call, state="unknown", why=why, ended_at=at)


def ended(
    call: Call, teacher: Teacher, usage: Usage | None, fates: Mapping[Place, str], at: datetime
) -> Call:
    """Return a call that something came back for.

    Without a usage, one with answers is booked at the most it may have cost; one without costs
    nothing as far as is known, and the most stays held.
    """
    answered = any(not fate for fate in fates.values())
    if usage is not None:
        paid = cost_of(teacher, usage, call.held.currency)
        held = paid
    else:
        held = call.reserved
        paid = call.reserved if answered else free(call.held.currency)
    return replace(
        call,
        state="answered" if answered else "failed",
        fates={str(place): fate for place, fate in fates.items()},
        usage=usage,
        held=held,
        paid=paid,
        ended_at=at,
    )


def overcharged(call: Call) -> str:
    """Say that an endpoint reported more than can be; empty where it did not."""
    if call.held.amount <= call.reserved.amount:
        return ""
    return (
        f"call {call.key} is reported to have cost {call.held}, and could cost {call.reserved} at "
        "the most by what was sent: check the bill, and the prices and --picture-tokens of the "
        "teacher"
    )


def find_dead(store: Store, teacher: Teacher, at: datetime) -> int:
    """Mark calls that a process died over; only the holder of the workspace's lock may."""
    dead = store.calls.of_teacher(teacher.name, ["sent"])
    for call in dead:
        store.calls.end(unknown(call, DIED, at))
    return len(dead)


def settle(store: Store, key: str, amount: Decimal, says: str, at: datetime) -> Call:
    """Take a person's word for what a call of unknown outcome has cost.

    Its items are left to people, or asked again by hand.

    Raises:
        UserError: The outcome is known, or the amount is none.
    """
    with store.transaction():
        call = store.calls.get(key)
        if call.state not in ("sent", "unknown"):
            raise UserError(
                f"call {key} is {call.state} already: only one of unknown outcome is settled"
            )
        if not amount.is_finite() or amount < 0:
            raise UserError(f"what a call has cost is an amount of 0 or more: got {amount}")
        paid = Money(amount, call.held.currency)
        fates = {str(place): f"its call {key} was settled by hand" for place in call.items}
        done = replace(
            call, state="settled", held=paid, paid=paid, fates=fates, why=says, ended_at=at
        )
        store.calls.end(done)
        lost(store, done, at)
    return done


def lost(store: Store, call: Call, at: datetime) -> None:
    """Note in the journal what a call has cost that no label carries."""
    if call.paid.amount and not any(not fate for fate in call.fates.values()):
        store.journal.append(
            "teacher paid in vain",
            task=call.task,
            turn=call.turn,
            key=f"teacher paid in vain/{call.key}",
            at=at,
            body={"teacher": call.teacher, "call": call.key, "items": str(len(call.items))},
            cost=call.paid,
        )


def shares(cost: Money, count: int) -> list[Money]:
    """Divide a cost into equal shares, whose sum is the cost exactly.

    >>> [str(share) for share in shares(Money(Decimal("0.00001")), 3)]
    ['0.000003334 USD', '0.000003333 USD', '0.000003333 USD']
    """
    each = (cost.amount / count).quantize(Decimal("1e-9"), rounding="ROUND_DOWN")
    first = cost.amount - each * (count - 1)
    return [Money(first, cost.currency), *[Money(each, cost.currency)] * (count - 1)]


def _key(store: Store, request: Request) -> str:
    """Return a key that no call has yet: the request's, and which try of it this is."""
    tries = 1
    while store.calls.find(f"{request.key}.{tries}") is not None:
        tries += 1
    return f"{request.key}.{tries}"
