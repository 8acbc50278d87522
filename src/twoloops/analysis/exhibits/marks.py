"""The article's figures, each with what computing and other sources say of it."""

from collections.abc import Iterable, Iterator, Mapping

from twoloops.analysis.claims import ClaimVerdict, judge
from twoloops.analysis.exhibits.model import Remark
from twoloops.records.errors import UserError

DISAGREEMENTS = ("contradicts", "differs_by_definition")
SAID = {
    "confirms": "confirmed",
    "contradicts": "contradicted",
    "differs_by_definition": "differs by definition",
    "not_found": "not found elsewhere",
}
"""How a verdict is printed."""


class Article:
    """Claims by id.

    Args:
        judged: Claims with their verdicts; left out, the packaged ones are judged.
    """

    def __init__(self, judged: Iterable[ClaimVerdict] | None = None) -> None:
        self._by_id: Mapping[str, ClaimVerdict] = {
            one.id: one for one in (judge() if judged is None else judged)
        }

    def __iter__(self) -> Iterator[ClaimVerdict]:
        return iter(self._by_id.values())

    def claim(self, id: str) -> ClaimVerdict:
        """Return a claim.

        Raises:
            UserError: There is none of that id.
        """
        if id not in self._by_id:
            raise UserError(f"claims.csv has no claim {id!r}, which an exhibit shows")
        return self._by_id[id]

    def number(self, id: str) -> float | None:
        """Return a claim's figure, `None` where the article prints none.

        Raises:
            UserError: It is a text.
        """
        value = self.claim(id).value
        if isinstance(value, str):
            raise UserError(f"claim {id!r} is the text {value!r}, an exhibit needs a number")
        return value

    def text(self, id: str) -> str:
        """Return a claim's text or date."""
        value = self.claim(id).value
        return "" if value is None else str(value)

    def checked(self, *ids: str) -> str:
        """Say what other sources say of claims: the gravest verdict of them."""
        found = {self.claim(id).source_verdict for id in ids if id}
        order = ("contradicts", "differs_by_definition", "confirms", "not_found")
        return next((SAID[verdict] for verdict in order if verdict in found), "")

    def remarks(self, *ids: str) -> tuple[Remark, ...]:
        """Return what disagrees with claims; nothing for those that hold or are confirmed."""
        return tuple(found for id in ids if id for found in self._remark(self.claim(id)))

    def _remark(self, one: ClaimVerdict) -> tuple[Remark, ...]:
        words: list[str] = [one.arithmetic] if one.arithmetic == "fails" else []
        words += [one.source_verdict] if one.source_verdict in DISAGREEMENTS else []
        if not words or one.role != "article":  # what is derived here is no statement of it
            return ()
        verdict = " and ".join(word.replace("_", " ") for word in words)
        text = f"{one.claim} ({one.id}). {one.explanation}"
        return (Remark(verdict, text, tuple(source.id for source in one.sources)),)
