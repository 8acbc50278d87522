"""Digital gain: what the digital loop multiplies by.

Digital gain = derivatives per base × share of them re-based on the next base.
"""

from collections.abc import Mapping, Sequence

import msgspec

from twoloops.records.digests import Digest


class Made(msgspec.Struct, frozen=True):
    """A released model.

    Args:
        model: Its digest.
        task: Whose it is.
        base: Name of its base.
        downloads: Of the published model, where they are known.
    """

    model: Digest
    task: str
    base: str
    downloads: int | None = None


class Gain(msgspec.Struct, frozen=True):
    """The digital loop's figures.

    Args:
        bases: Bases with at least one derivative.
        derivatives: Distinct released models.
        per_base: Derivatives per base; `None` without one.
        rebased: Share of tasks on a base that left it for another one, over the bases that were
            left by any; `None` where no task ever changed its base.
        gain: `per_base × rebased`; `None` where one of them is.
    """

    bases: int
    derivatives: int
    per_base: float | None
    rebased: float | None
    gain: float | None


def digital_gain(released: Mapping[str, Sequence[Made]]) -> Gain:
    """Return the digital gain of released models.

    A base that no task ever left has no next one yet and says nothing about the share.

    Args:
        released: Each task's releases, in their order.

    >>> made = lambda n, base: Made(f"sha256:{n}", "t", base)
    >>> gain = digital_gain({"a": [made(1, "n-grams"), made(2, "n-grams"), made(3, "minilm")],
    ...                      "b": [made(4, "n-grams")]})
    >>> gain.bases, gain.derivatives, gain.per_base, gain.rebased, gain.gain
    (2, 4, 2.0, 0.5, 1.0)
    >>> digital_gain({}).gain is None
    True
    """
    models = {one.model: one.base for releases in released.values() for one in releases}
    bases = set(models.values())
    stood: dict[str, set[str]] = {}
    left: dict[str, set[str]] = {}
    for task, releases in released.items():
        for number, one in enumerate(releases):
            stood.setdefault(one.base, set()).add(task)
            if number + 1 < len(releases) and releases[number + 1].base != one.base:
                left.setdefault(one.base, set()).add(task)
    could = sum(len(stood[base]) for base in left)
    per_base = len(models) / len(bases) if bases else None
    rebased = sum(map(len, left.values())) / could if could else None
    gain = None if per_base is None or rebased is None else per_base * rebased
    return Gain(len(bases), len(models), per_base, rebased, gain)
