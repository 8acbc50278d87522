"""HTML by small functions: whatever is not `Html` already is escaped on the way in."""

import html
import re
from collections.abc import Iterable, Sequence
from importlib import resources

# Characters that no HTML or XML text may hold (controls, lone surrogates), and those that turn
# the direction of the text around them.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%)")


class Html(str):
    """Text that is markup already; text joined to it by `+` is escaped."""

    __slots__ = ()

    def __add__(self, other: str) -> "Html":
        return Html(str.__add__(self, esc(other)))

    def __radd__(self, other: str) -> "Html":
        return esc(other) + self


def esc(text: str) -> Html:
    r"""Return text as markup: escaped, without characters that a page cannot hold.

    >>> esc("<b> 5 %")
    '&lt;b&gt; 5\xa0%'
    """
    if isinstance(text, Html):
        return text
    clean = _UNSAFE.sub("\ufffd", text)
    return Html(_BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", html.escape(clean, quote=True)))


def tag(name: str, *content: str, **attributes: str) -> Html:
    """Return an element; attribute names may end in `_` (`class_`) and hold `_` for `-`.

    >>> tag("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{esc(value)}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{written}>{''.join(esc(part) for part in content)}</{name}>")


def packaged(name: str) -> str:
    """Return the text of a template or style sheet of this room."""
    return resources.files("twoloops.analysis").joinpath(name).read_text(encoding="utf-8")


def join(parts: Iterable[str]) -> Html:
    """Return the parts one after the other, escaped where they are not markup."""
    return Html("".join(esc(part) for part in parts))


def bullets(entries: Iterable[str]) -> Html:
    """Return an unordered list."""
    return tag("ul", *(tag("li", entry) for entry in entries))


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    strong: Sequence[int] = (),
    caption: str = "",
) -> Html:
    """Return a table that scrolls sideways when it must; the first cell of a row heads it.

    Args:
        header: One text for each column.
        rows: The cells.
        numbers: Columns set flush right.
        strong: Rows set in bold.
        caption: A sentence above the table.
    """

    def kind(column: int) -> str:
        return "n" if column in numbers else "t"

    head = tag("tr", *(tag("th", h, scope="col", class_=kind(i)) for i, h in enumerate(header)))
    body = []
    for number, row in enumerate(rows):
        first, *rest = row
        cells = [tag("th", first, scope="row", class_=kind(0))]
        cells += [tag("td", cell, class_=kind(i)) for i, cell in enumerate(rest, 1)]
        body.append(tag("tr", *cells, class_="strong" if number in strong else "plain"))
    title = tag("caption", caption) if caption else Html("")
    whole = tag("table", title, tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="scroll")


def figure(drawing: Html, caption: str, *, described: str = "") -> Html:
    """Return a drawing with its caption; `described` is read out in place of the drawing."""
    seen = tag("div", drawing, class_="drawing", role="img", aria_label=described or caption)
    return tag("figure", seen, tag("figcaption", caption))


def more(summary: str, *content: str) -> Html:
    """Return content that is folded away until asked for."""
    return tag("details", tag("summary", summary), *content)
