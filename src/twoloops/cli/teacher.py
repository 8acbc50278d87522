"""`twoloops teacher`: dearer models that label, within their terms and a money limit."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from datetime import datetime

    from twoloops.records.obligations import Confirmation
    from twoloops.records.teacher import Price

teachers = typer.Typer(
    name="teacher",
    help="Labels from dearer models: attach, ask, and what they cost.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NAME: Any = typer.Argument(help="The teacher's name here: its labels are by teacher:NAME.")
FOR: Any = typer.Option(
    "internal", "--for", help="What the models that learn from it are for.", case_sensitive=False
)
AMOUNT = "AMOUNT"
SAYS: Any = typer.Option(
    None, "--confirm", metavar="TEXT", help="What was found about its terms, with --by."
)
BY: Any = typer.Option(None, "--by", metavar="WHO", help="Who says so.")


@teachers.command()
def add(
    name: str = NAME,
    model: str = typer.Option(help="The model, as the endpoint names it."),
    url: str = typer.Option(help="The endpoint, up to /v1: https://api.example.com/v1."),
    sees: Literal["text", "vision"] = typer.Option("text", help="Texts only, or pictures too."),
    terms: str = typer.Option(
        "", metavar="PROVIDER", help="Whose terms hold, as openai or openrouter/qwen/qwen-max."
    ),
    licence: str = typer.Option("", metavar="SPDX", help="Of its weights, where they are at hand."),
    price_in: str | None = typer.Option(
        None, metavar=AMOUNT, help="For a million tokens read.  [default: its list price]"
    ),
    price_out: str | None = typer.Option(
        None, metavar=AMOUNT, help="For a million tokens written.  [default: its list price]"
    ),
    price_call: str | None = typer.Option(None, metavar=AMOUNT, help="For each call."),
    price_source: str = typer.Option("", metavar="TEXT", help="Where the price is stated."),
    currency: str = typer.Option("USD", help="Of price and limit."),
    free: bool = typer.Option(False, "--free", help="It costs nothing: a server on this machine."),
    limit: str | None = typer.Option(None, metavar=AMOUNT, help="The most it may ever cost."),
    batch: int = typer.Option(10, min=1, max=200, help="Most items of one call."),
    key_env: str = typer.Option(
        "", metavar="VARIABLE", help="The environment variable that holds its key."
    ),
    guide: str = typer.Option("", metavar="TEXT", help="What it is told beside the labels."),
    answers: Literal["schema", "object", "text"] = typer.Option(
        "schema", help="How it is told to answer: JSON schema, any JSON, words alone."
    ),
    most_written: Literal["max_tokens", "max_completion_tokens"] = typer.Option(
        "max_tokens", help="The endpoint's name for the limit on tokens written."
    ),
    written_tokens: int | None = typer.Option(
        None, min=1, help="That limit; give more to models that think.  [default: by the labels]"
    ),
    picture_tokens: int = typer.Option(20_000, min=1, help="The most that one picture may count."),
    seconds: float = typer.Option(120.0, min=1, help="For one call, whole."),
    purpose: str = FOR,
    confirm: str = SAYS,
    by: str = BY,
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Attach a teacher: an endpoint that speaks OpenAI's chat interface.

    Its terms are looked up in a dated table: where they forbid learning from its outputs it is
    not attached; where they are unknown, or leave it to conditions, it is not asked until a person
    has put on record what was found. Adding one of the same name replaces it; what it has cost
    still counts against the limit. Nothing here is legal advice.
    """
    from twoloops.cli.costs import amount
    from twoloops.records.money import Money
    from twoloops.records.teacher import Teacher
    from twoloops.wiring.teachers import attach
    from twoloops.wiring.workspace import now, writing

    at, what = now(), options.purpose(purpose)
    word = _word(by, confirm, what, at)
    _check_money(free, limit, price_in or price_out or price_call)
    most = None if free or limit is None else Money(amount("--limit", limit), currency)
    price = None if free else _price(model, price_in, price_out, price_call, price_source, currency)
    teacher = Teacher(
        name=name,
        model=model,
        url=url,
        sees=sees,
        price=price,
        limit=most,
        batch=batch,
        key_env=key_env,
        purpose=what,
        terms=terms,
        licence=licence,
        guide=guide,
        answers=answers,
        most_written=most_written,
        written=written_tokens,
        picture=picture_tokens,
        seconds=seconds,
    )
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        found = attach(store, teacher, word, at)
    if json:
        terminal.emit({"teacher": teacher, "standing": found})
        return
    terminal.say(f"Teacher {name!r} is attached: {model} at {url}.")
    terminal.say(_priced(price))
    _print_standing(name, found)
    if not found.blocked:
        terminal.say("See what asking would cost with")
        terminal.command(options.going_on(workspace, f"teacher ask {name} --dry-run"))


@teachers.command(name="list")
def list_(workspace: Path = options.WORKSPACE, json: bool = options.JSON) -> None:
    """List the teachers, with what they may cost and have cost."""
    from twoloops.wiring.teachers import show as shown
    from twoloops.wiring.workspace import now, reading

    with reading(workspace) as store:
        found = [shown(store, one.teacher.name, now()) for one in store.teachers.all()]
    if json:
        terminal.emit(found)
        return
    if not found:
        terminal.say("No teacher is attached: attach one with  twoloops teacher add")
        return
    table = terminal.table("teacher", "model", "labels", "paid", "left", "", right=(2, 3, 4))
    for one in found:
        marks = ["dropped"] * one.dropped + ["blocked by its terms"] * bool(one.standing.blocked)
        table.add_row(
            one.teacher.name,
            one.teacher.model,
            f"{one.labels:,}",
            str(one.paid) if one.teacher.price else "free",
            "" if one.available is None else str(one.available),
            ", ".join(marks),
        )
    terminal.show(table)


@teachers.command()
def show(name: str = NAME, workspace: Path = options.WORKSPACE, json: bool = options.JSON) -> None:
    """Show one teacher: its terms, its money, its calls of unknown outcome."""
    from twoloops.wiring.teachers import show as shown
    from twoloops.wiring.workspace import now, reading

    with reading(workspace) as store:
        found = shown(store, name, now())
    if json:
        terminal.emit(found)
        return
    own = found.teacher
    terminal.say(f"{own.name}: {own.model} at {own.url}, {own.sees}, {own.batch} items a call.")
    terminal.say(_priced(own.price))
    if own.limit is not None:
        terminal.say(
            f"Limit {own.limit}: {found.paid} paid, {found.held} the most it may have cost so far, "
            f"{found.available} left."
        )
    calls = ", ".join(f"{count:,} {state}" for state, count in sorted(found.calls.items()))
    terminal.say(f"{terminal.items(found.labels, 'label')}; calls: {calls or 'none'}.")
    if found.dropped:
        terminal.say("It was dropped: it is asked no more.")
    if found.left_out:
        terminal.say("Its labels are left out: nothing new learns from them.")
    _print_standing(own.name, found.standing)
    for why, count in sorted(found.people.items(), key=lambda pair: (-pair[1], pair[0])):
        terminal.say(f"  {count:,} left to people: {why}")
    for call in found.unknown:
        terminal.say(
            f"Call {call.key} of {call.begun_at:%Y-%m-%d %H:%M} UTC, "
            f"{terminal.items(len(call.items), 'item')}: it "
            f"may have cost {call.held}. {call.why or 'Nothing is noted since.'} Once the bill "
            "says what it cost:"
        )
        terminal.command(options.going_on(workspace, f"teacher settle {call.key} --paid {AMOUNT}"))


@teachers.command()
def confirm(
    name: str = NAME,
    by: str = typer.Option(metavar="WHO", help="Who says so."),
    says: str = typer.Option(metavar="TEXT", help="What was found: an agreement, a clause."),
    purpose: str = FOR,
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
) -> None:
    """Put on record what a person found about a teacher's terms, for one purpose.

    It settles what needs a word, never what stands against. The journal keeps who and when.
    """
    from twoloops.records.obligations import Confirmation
    from twoloops.wiring.teachers import confirm as keep
    from twoloops.wiring.teachers import standing_of
    from twoloops.wiring.workspace import now, writing

    at, what = now(), options.purpose(purpose)
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        keep(store, name, Confirmation(by, at.date(), says, (what,)), at)
        found = standing_of(store, name, at.date(), what)
    terminal.say(f"On record: {by} says of teacher {name!r}, for {what}: {says}")
    _print_standing(name, found)


@teachers.command()
def drop(
    name: str = NAME,
    without_labels: bool = typer.Option(
        False, "--without-labels", help="Learn no more from the labels it gave, either."
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
) -> None:
    """Ask a teacher no more. Its labels and what it cost stay on record."""
    from twoloops.wiring.teachers import drop as leave
    from twoloops.wiring.workspace import now, writing

    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        labels = leave(store, name, now(), without_labels=without_labels)
    terminal.say(f"Teacher {name!r} is asked no more.")
    if without_labels:
        terminal.say(
            f"Its {terminal.items(labels, 'label stays', 'labels stay')} on record and out of "
            "every "
            "dataset from now on; what was made with them keeps its obligations."
        )
    elif labels:
        terminal.say(f"Its {terminal.items(labels, 'label still trains', 'labels still train')}.")


@teachers.command()
def settle(
    call: str = typer.Argument(help="The call's key, as  twoloops teacher show  prints it."),
    paid: str = typer.Option(metavar=AMOUNT, help="What it has cost, by the bill; 0 for nothing."),
    says: str = typer.Option("", metavar="TEXT", help="How that is known."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
) -> None:
    """Say what a call of unknown outcome has cost; until then it counts as the most it may have."""
    from twoloops.cli.costs import amount
    from twoloops.physical.labelling.teaching.book import settle as keep
    from twoloops.wiring.workspace import now, writing

    cost = amount("--paid", paid)
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        done = keep(store, call, cost, says, now())
    terminal.say(
        f"Call {call} has cost {done.paid}; its "
        f"{terminal.items(len(done.items), 'item stays', 'items stay')} with people."
    )


def _price(
    model: str,
    read: str | None,
    written: str | None,
    call: str | None,
    source: str,
    currency: str,
) -> "Price":
    from decimal import Decimal

    from twoloops.cli.costs import amount
    from twoloops.records.errors import UserError
    from twoloops.records.teacher import Price
    from twoloops.wiring.teachers import listed_price
    from twoloops.wiring.workspace import now

    if read is None and written is None and call is None:
        found = listed_price(model, now())
        if found is None:
            raise UserError(
                f"no list price of {model!r} is known, and what isn't priced isn't asked: give  "
                "--price-in  and  --price-out , or  --free  for a server on this machine"
            )
        return found
    if (read is None) != (written is None):
        raise UserError("--price-in and --price-out go together")
    nothing = Decimal(0)
    return Price(
        read=nothing if read is None else amount("--price-in", read),
        written=nothing if written is None else amount("--price-out", written),
        call=nothing if call is None else amount("--price-call", call),
        currency=currency,
        as_of=now().date(),
        source=source or "as the user said",
    )


def _check_money(free: bool, limit: str | None, priced: str | None) -> None:
    from twoloops.records.errors import UserError

    if free and (limit is not None or priced):
        raise UserError("--free goes without prices and without a limit")
    if not free and limit is None:
        raise UserError("say the most that the teacher may ever cost with  --limit AMOUNT")


def _word(by: str | None, says: str | None, purpose: Any, at: "datetime") -> "Confirmation | None":
    from twoloops.records.errors import UserError
    from twoloops.records.obligations import Confirmation

    if (by is None) != (says is None):
        raise UserError("--confirm TEXT and --by WHO go together: what was found, and who says so")
    return None if by is None or says is None else Confirmation(by, at.date(), says, (purpose,))


def _priced(price: "Price | None") -> str:
    if price is None:
        return "It is free: a server on this machine."
    parts = []
    if price.read or price.written or not price.call:
        parts.append(f"{price.read} a million tokens read, {price.written} written")
    if price.call:
        parts.append(f"{price.call} a call")
    return f"Price: {', '.join(parts)} {price.currency}; as of {price.as_of}: {price.source}."


def _print_standing(name: str, found: Any) -> None:
    from twoloops.convergence.turns.terms import said, ways_out

    for one in found.others:
        word = one.confirmed
        about = f"; confirmed by {word.by}, {word.on}: {word.says}" if word else ""
        terminal.say(f"Terms, in nobody's way for {found.purpose}: {said(one)}{about}")
    for one in found.blocked:
        terminal.say(f"Blocked for {found.purpose}: {said(one)}")
    if found.blocked:
        terminal.say(f"It is not asked: {ways_out(name, found)}")
    elif not found.others:
        terminal.say(f"Terms: nothing known stands against {found.purpose}.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    from twoloops.cli import teacher_ask

    teachers.command(name="ask")(teacher_ask.ask)
    app.add_typer(teachers)
