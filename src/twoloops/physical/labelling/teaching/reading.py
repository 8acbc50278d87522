"""Read a teacher's answer: a label for an item, or why there is none.

Law: whatever the text, every item gets exactly one fate, and a label is one of the task's.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from twoloops.physical.labelling.teaching.port import Reply

MISSING = "the teacher left it out"
UNREADABLE = "the teacher's answer could not be read"
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_SHOWN = 60


class Fate(NamedTuple):
    """What became of one item.

    Args:
        label: Its label, or `None`.
        why: Why it has none; empty where it has.
        again: Whether asking for it alone may help.
    """

    label: str | None
    why: str = ""
    again: bool = False


def read(reply: Reply, labels: Sequence[str], unsure: str, count: int) -> list[Fate]:
    """Return the fate of each item of a call, in order.

    Args:
        reply: What came back.
        labels: Labels that may be given.
        unsure: The word for "can't tell".
        count: Items of the call; the answer numbers them from 1.
    """
    if reply.refusal:
        why = f"the teacher refused: {_short(reply.refusal)}"
        return [Fate(None, why, again=count > 1)] * count
    found = None if reply.text is None else _answers(reply.text)
    if found is None:
        cut = ", it was cut at the limit of tokens" if reply.cut else ""
        why = f"{UNREADABLE}: {reply.problem}" if reply.problem else f"{UNREADABLE}{cut}"
        return [Fate(None, why, again=True)] * count
    said: dict[int, set[str]] = {}
    for one in found:
        number, label = _pair(one)
        if number is not None and label is not None and 1 <= number <= count:
            said.setdefault(number, set()).add(label)
    return [_fate(said.get(number, set()), labels, unsure) for number in range(1, count + 1)]


def _fate(said: set[str], labels: Sequence[str], unsure: str) -> Fate:
    if not said:
        return Fate(None, MISSING, again=True)
    if len(said) > 1:
        words = ", ".join(sorted(_short(one) for one in said))
        return Fate(None, f"the teacher gave it several labels: {words}", again=True)
    (label,) = said
    if label in labels:
        return Fate(label)
    if label == unsure:
        return Fate(None, "the teacher cannot tell")
    return Fate(None, f"the teacher said {_short(label)!r}, which is no label of the task")


def _answers(text: str) -> list[Any] | None:
    """Return the answers in a text: the whole of it, or what stands in a fence.

    They come by number, as asked for, or as a list of numbers with labels.
    """
    fenced = [one.strip() for one in _FENCE.findall(text)]
    for candidate in (text.strip(), *fenced):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            value = value.get("answers", [value] if "label" in value else value)
        if isinstance(value, dict):
            return [{"item": number, "label": label} for number, label in value.items()]
        if isinstance(value, list):
            return value
    return None


def _pair(one: Any) -> tuple[int | None, str | None]:
    """Return number and label of one answer, as far as it has them."""
    if not isinstance(one, dict):
        return None, None
    number, label = one.get("item"), one.get("label")
    if isinstance(number, str) and number.strip().isascii() and number.strip().isdigit():
        number = int(number.strip()[:9])
    if isinstance(number, bool) or not isinstance(number, int):
        number = None
    return number, label if isinstance(label, str) else None


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else words[:_SHOWN] + "…"
