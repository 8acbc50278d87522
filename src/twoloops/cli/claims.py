"""`twoloops claims`: what the article says, recomputed and checked against other sources."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import terminal

if TYPE_CHECKING:
    from twoloops.analysis.claims import ClaimVerdict

PRINTED = {"differs_by_definition": "differs by definition", "not_found": "not found"}
ABOUT = (
    'The claims are those of an article on the USCC staff working paper "Two Loops"; the paper '
    "itself was not available. Exhibits are the article's."
)


def claims(
    id: list[str] | None = typer.Option(
        None, "--id", metavar="ID", help="Only this claim, with everything known; may be repeated."
    ),
    verdict: list[str] | None = typer.Option(
        None,
        "--verdict",
        metavar="WORD",
        help="Only claims with this verdict: holds, fails, none, confirms, contradicts, "
        "differs_by_definition or not_found; may be repeated.",
    ),
    json: bool = typer.Option(False, "--json", help="Print a JSON list instead."),
) -> None:
    """Check the claims of the article: its arithmetic, and what other sources say.

    Two verdicts on each, computed from dated tables that come with the package. Arithmetic:
    holds, fails, none (nothing in the article gives it). Source: confirms, contradicts,
    differs_by_definition, not_found.
    """
    from twoloops.analysis.claims.judging import as_json, judge

    judged = judge()
    found = _named(judged, id) if id else judged
    found = [one for one in found if _wanted(one, verdict or [])]
    if json:
        terminal.emit([as_json(one) for one in found])
    elif id:
        for one in found:
            _print_whole(one)
    else:
        _print_counts(judged)
        _print_sections(found)
        terminal.say("More on one of them:  twoloops claims --id ID")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(claims)


def _named(judged: "Sequence[ClaimVerdict]", wanted: Sequence[str]) -> "list[ClaimVerdict]":
    from difflib import get_close_matches

    from twoloops.records.errors import UserError

    known = {one.id.upper(): one for one in judged}
    for name in wanted:
        if name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=3)
            hint = f"near it: {', '.join(known[one].id for one in near)}; " if near else ""
            raise UserError(f"no claim has the id {name!r}; {hint}twoloops claims  lists all")
    return [known[name.upper()] for name in dict.fromkeys(wanted)]


def _wanted(one: "ClaimVerdict", words: Sequence[str]) -> bool:
    from twoloops.analysis.claims.judging import ARITHMETIC, SOURCE
    from twoloops.records.errors import UserError

    for word in words:
        if word not in (*ARITHMETIC, *SOURCE):
            allowed = f"{', '.join(ARITHMETIC)} (arithmetic), {', '.join(SOURCE)} (source)"
            raise UserError(f"--verdict {word!r} is none of {allowed}")
    # Words about the same verdict widen the choice, words about both narrow it.
    for of, verdict in zip((ARITHMETIC, SOURCE), one.verdicts, strict=True):
        if (asked := [word for word in words if word in of]) and verdict not in asked:
            return False
    return True


def _print_counts(judged: "Sequence[ClaimVerdict]") -> None:
    from twoloops.analysis.claims.judging import ROLES, counts

    numbers = {role: sum(one.role == role for one in judged) for role in ROLES}
    terminal.say(ABOUT)
    terminal.say(
        f"{numbers['article']} claims of the article, {numbers['derived']} figures derived from "
        f"them, {numbers['input']} list prices taken as inputs."
    )
    print()
    table = terminal.table("verdict", "", "article", "derived", "input", right=(2, 3, 4))
    for which, words in counts(judged).items():
        for place, (word, by_role) in enumerate(words.items()):
            shown = [str(by_role[role]) for role in ROLES]
            table.add_row(which if place == 0 else "", PRINTED.get(word, word), *shown)
    table.add_row("n", "", *(str(numbers[role]) for role in ROLES))
    terminal.show(table)
    print()


def _print_sections(found: "Sequence[ClaimVerdict]") -> None:
    if not found:
        terminal.say("No claim has these verdicts.")
    for section in dict.fromkeys(one.section for one in found):
        table = _table(section)
        for one in (one for one in found if one.section == section):
            says = _says(one)
            style = "bold" if one.arithmetic == "fails" or _contradicted(one) else ""
            source = PRINTED.get(one.source_verdict, one.source_verdict)
            arithmetic = "" if one.arithmetic == "none" else one.arithmetic
            table.add_row(one.id, one.claim, says, arithmetic, source, style=style)
        terminal.show(table)
        print()


def _table(section: str) -> Any:
    """Return a section's empty table; only the claim's column grows with the terminal."""
    head = section if section.islower() else f"section {section}"
    table = terminal.table(head, "claim", "says", "math", "source")
    table.expand = True
    for place, width in ((0, 14), (2, 14), (3, 5), (4, 11)):
        table.columns[place].width = width
    table.columns[1].ratio = 1
    return table


def _contradicted(one: "ClaimVerdict") -> bool:
    return one.source_verdict == "contradicts"


def _says(one: "ClaimVerdict") -> str:
    from twoloops.analysis.claims.arithmetic import quantity

    return "" if one.value is None else quantity(one.value, one.unit)


def _print_whole(one: "ClaimVerdict") -> None:
    from twoloops.analysis.claims.checking import SEEN

    terminal.say(f"{one.id}: {one.claim}")
    place = f"section {one.section}" + (f", exhibit {one.exhibit}" if one.exhibit else "")
    rows: list[tuple[str, Any]] = [("stands in", place), ("found by", one.quote)]
    rows += [("says", _says(one)), ("as of", one.as_of)]
    rows.append(("arithmetic", ": ".join(filter(None, (one.arithmetic, one.arithmetic_shown)))))
    rows.append(("source", PRINTED.get(one.source_verdict, one.source_verdict)))
    rows += [(_OUTCOMES[ruling.outcome], ruling.words) for ruling in one.rulings]
    rows.append(("note", one.note))
    for name, text in rows:
        if text:
            _print_field(name, str(text))
    for source in dict.fromkeys(source for ruling in one.rulings for source in ruling.sources):
        _print_field("read", f"{source.publisher}: {source.title}, {source.published}")
        _print_field("", f"{SEEN[source.seen]}; {source.url}")
    print()


_OUTCOMES = {
    "confirms": "agrees",
    "contradicts": "does not",
    "differs_by_definition": "differs",
    "told": "beside it",
}


def _print_field(name: str, text: str) -> None:
    lines = textwrap.wrap(text, terminal.WIDTH - 14, break_long_words=False, break_on_hyphens=False)
    for place, line in enumerate(lines):
        print(f"  {name if place == 0 else '':<12}{line}")
