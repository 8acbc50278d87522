"""Where checks write down what they find; text out of a hostile file is made fit to print."""

import errno
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from twoloops.digital.vetting.limits import DEFAULT, Limits
from twoloops.records.finding import PURPOSES, Finding, Look, Purpose, Severity

LONGEST = 100
"""Characters of a file's text that are printed."""

ORDER: tuple[Severity, ...] = ("refuse", "needs", "note")


def shown(text: object) -> str:
    r"""Return text that came out of a file, in quotes, cut, without control characters.

    >>> shown("a" + chr(27) + "[2Jb")
    "'a\\x1b[2Jb'"
    """
    words = text if isinstance(text, str) else str(text)
    cut = words if len(words) <= LONGEST else words[:LONGEST] + "…"
    # ASCII, since letters that look alike or run backwards can disguise a name.
    return ascii(cut).replace("\\u2026", "…")


def many(count: int, one: str, more: str = "") -> str:
    """Return a count with its noun.

    >>> many(1, "file"), many(2_000, "file")
    ('1 file', '2,000 files')
    """
    return f"{count:,} {one if count == 1 else more or one + 's'}"


MACHINE = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}
"""Errors of the machine, which say nothing of the file."""


class Book:
    """Findings of one vetting, in order, with a cap on each kind in each file."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self._findings: list[Finding] = []
        self._told: Counter[tuple[str, str, str]] = Counter()
        self._looks: dict[str, Look] = {}

    def refuse(self, check: str, file: str, place: str, got: str, allowed: str) -> None:
        """Write down something that goes no further, for any purpose."""
        self._add(Finding(check, "refuse", file, place, got, allowed))

    def needs(
        self,
        check: str,
        file: str,
        place: str,
        got: str,
        allowed: str,
        purposes: Iterable[Purpose] = PURPOSES,
    ) -> None:
        """Write down something that somebody has to settle."""
        self._add(Finding(check, "needs", file, place, got, allowed, tuple(purposes)))

    def note(self, check: str, file: str, place: str, got: str, allowed: str = "") -> None:
        """Write down something worth knowing."""
        self._add(Finding(check, "note", file, place, got, allowed, ()))

    def looked(self, check: str, what: str) -> None:
        """Write down what a check looked at."""
        self._looks[f"{check}: {what}"] = Look(check, what)

    def refused(self, file: str) -> bool:
        """Whether anything refuses this file, or the whole."""
        return any(one.severity == "refuse" and one.file in (file, "") for one in self._findings)

    def guarded(self, check: str, file: str, look: Callable[..., Any], *arguments: Any) -> Any:
        """Call a check; where a broken or hostile file makes it stumble, that refuses the file.

        Returns:
            What the check returns, or `None` where it stumbled.
        """
        try:
            return look(*arguments)
        # Whatever it stumbles over means the same: nothing can be said for this file. Memory and
        # impossible offsets are among it, since they come from the file; Ctrl-C is not.
        except (Exception, RecursionError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno in MACHINE:
                raise
            what = f"{type(error).__name__}: {shown(error)}"
            self.refuse(check, file, "", f"cannot be read through: {what}", "a whole file")
            return None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, heaviest first; where a kind was cut short, a last one says by how many."""
        ordered = sorted(self._findings, key=_weight)
        rest: list[Finding] = []
        for (check, severity, file), count in self._told.items():
            more = count - self.limits.findings
            if more > 0:
                like = next(
                    one
                    for one in ordered
                    if (one.check, one.severity, one.file) == (check, severity, file)
                )
                words = f"{more:,} more findings of this check in this file"
                rest.append(
                    Finding(check, like.severity, file, "", words, like.allowed, like.purposes)
                )
        return tuple(sorted([*ordered, *rest], key=_weight))

    @property
    def looks(self) -> tuple[Look, ...]:
        """What was looked at, in order."""
        return tuple(self._looks.values())

    def _add(self, finding: Finding) -> None:
        key = (finding.check, finding.severity, finding.file)
        self._told[key] += 1
        if self._told[key] <= self.limits.findings and finding not in self._findings:
            self._findings.append(finding)


def _weight(finding: Finding) -> tuple[int, bool, str]:
    """Order findings: heaviest first, then by file, what is about the whole last."""
    return ORDER.index(finding.severity), not finding.file, finding.file
