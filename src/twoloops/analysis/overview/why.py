"""The page that says why a model was released or refused, in one screen."""

from twoloops.analysis.markup import Html, join, tag
from twoloops.analysis.overview import words
from twoloops.analysis.overview.reasons import Part, Why, headline, parts
from twoloops.records.digests import short


def body(why: Why) -> Html:
    """Return everything between the page's navigation and its end."""
    entries = [tag("div", tag("dt", part.title) + tag("dd", _lines(part))) for part in parts(why)]
    return join(
        (
            tag("p", "Why was this released?" if why.released else "Why was this not released?",
                class_="note"),
            tag("h1", headline(why)),
            tag("dl", *entries, class_="parts"),
            _elsewhere(why),
        )
    )  # fmt: skip


def _lines(part: Part) -> Html:
    passed = part.passed or (None,) * len(part.lines)
    told = [
        _mark(held) + line if held is not None else tag("span", line)
        for line, held in zip(part.lines, passed, strict=True)
    ]
    if len(told) == 1:
        return tag("p", told[0])
    return tag("ul", *(tag("li", one) for one in told), class_="plain")


def _mark(held: bool) -> Html:
    return tag("span", "passed", class_="passed") + " · " if held else (
        tag("span", "FAILED", class_="failed") + " · "
    )  # fmt: skip


def _elsewhere(why: Why) -> Html:
    """Link to what else was judged on the same data, and say the command that tells the same."""
    links = [
        tag("a", f"{short(one.model)} on {one.base}", href=words.why(why.task, short(one.model)))
        for one in why.others
    ]
    asked = f"turn {why.turn}" if why.candidate is None else short(why.candidate.model)
    command = tag("code", f"twoloops why {asked}")
    more = [Html("Also judged: "), join(links), Html(". ")] if links else []
    return tag("p", *more, "The same in a terminal: ", command, class_="note")
