"""What the findings come to, a verdict for each purpose."""

from collections.abc import Iterable, Sequence

from twoloops.records.finding import PURPOSES, Finding, Purpose, Verdict


def verdicts(
    findings: Iterable[Finding], purposes: Sequence[Purpose] = PURPOSES
) -> tuple[Verdict, ...]:
    """Return a verdict for each purpose.

    Law: a finding more never makes a verdict milder.

    >>> verdicts([])[0]
    Verdict(purpose='internal', outcome='nothing found against', because=())
    """
    found = tuple(findings)
    return tuple(_verdict(purpose, found) for purpose in purposes)


def _verdict(purpose: Purpose, findings: Sequence[Finding]) -> Verdict:
    against = [one for one in findings if purpose in one.purposes and one.severity != "note"]
    refusing = [one for one in against if one.severity == "refuse"]
    if refusing:
        return Verdict(purpose, "refused", tuple(dict.fromkeys(map(_short, refusing))))
    if against:
        return Verdict(purpose, "needs", tuple(dict.fromkeys(one.allowed for one in against)))
    return Verdict(purpose, "nothing found against")


def _short(finding: Finding) -> str:
    where = f"{finding.file}: " if finding.file else ""
    return f"{where}{finding.got}"
