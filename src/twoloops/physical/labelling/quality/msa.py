"""The attribute agreement study of measurement systems analysis: people, and the model beside them.

As in the AIAG's *Measurement Systems Analysis*, 4th edition (2010), chapter III, section C: several
appraisers judge the same parts several times, of which it is known whether they are good.

- **within**: share of parts that an appraiser called the same in every trial (repeatability).
- **effectiveness**: share of parts that an appraiser called right in every trial.
- **miss rate**: of the decisions on parts that are faulty, the share that called them good.
- **false-alarm rate**: of the decisions on good parts, the share that called them faulty.
- **κ** (Cohen's) against the reference, and of every two appraisers, over all their decisions.

Rates have the exact binomial 95 % interval (Clopper and Pearson 1934), as the manual's tables have.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal

import msgspec
import numpy as np

from twoloops.physical.labelling.quality.agreement import Agreed, Pair, cohen
from twoloops.records.errors import MissingExtraError
from twoloops.records.observation import Place

Trial = Mapping[Place, str]
"""What was said of each part, once."""

Verdict = Literal["acceptable", "marginal", "unacceptable", "unknown"]

SOURCE = "AIAG, Measurement Systems Analysis, 3rd edition (2002) p. 127 ff., 4th (2010) p. 134 ff."
AS_OF = "2010-06-01"
"""Publication of the 4th edition; a later one is not known here."""

FEW = 50
"""Parts of the manual's example; with fewer the intervals reach over the limits."""


class Limit(msgspec.Struct, frozen=True):
    """What a measure must reach.

    Args:
        measure: Its name.
        acceptable: At least this, or at most where `most`.
        marginal: The same, to be improved.
        most: Whether less is better.
    """

    measure: str
    acceptable: float
    marginal: float
    most: bool

    def judge(self, value: float | None) -> Verdict:
        """Return what the limits say of a value.

        >>> [LIMITS[0].judge(value) for value in (0.92, 0.84, 0.7, None)]
        ['acceptable', 'marginal', 'unacceptable', 'unknown']
        """
        if value is None:
            return "unknown"
        sign = -1 if self.most else 1
        if sign * value >= sign * self.acceptable - 1e-12:
            return "acceptable"
        return "marginal" if sign * value >= sign * self.marginal - 1e-12 else "unacceptable"


LIMITS = (
    Limit("effectiveness", 0.90, 0.80, most=False),
    Limit("miss rate", 0.02, 0.05, most=True),
    Limit("false-alarm rate", 0.05, 0.10, most=True),
    # The manual: above 0.75 good to excellent agreement, below 0.40 poor.
    Limit("kappa", 0.75, 0.40, most=False),
)


class Rate(msgspec.Struct, frozen=True):
    """A share with its exact 95 % interval; `None` of nothing."""

    value: float | None
    interval: tuple[float, float] | None
    hits: int
    of: int

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return "unknown"
        low, high = self.interval
        return f"{self.value:.1%} ({low:.1%} to {high:.1%}, {self.hits} of {self.of})"


class Appraiser(msgspec.Struct, frozen=True, kw_only=True):
    """One appraiser's results.

    Args:
        name: A labeller, or the model.
        parts: How many parts are judged against the reference.
        trials: How often each.
        within: `None` with a single trial, and of the model, which repeats itself by construction.
        effectiveness: Against the reference.
        miss: `None` without a normal label.
        false_alarm: Likewise.
        kappa: Against the reference.
        verdicts: By measure.
    """

    name: str
    parts: int
    trials: int
    within: Rate | None
    effectiveness: Rate
    miss: Rate | None
    false_alarm: Rate | None
    kappa: Agreed
    verdicts: dict[str, Verdict]


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """A whole study.

    Args:
        parts: How many parts everybody judged.
        faulty: How many of them the reference calls faulty; `None` without a normal label.
        reference: What the reference is.
        appraisers: The people, then the model.
        pairs: κ of every two appraisers.
        all_agree: Share of parts that every person called the same in every trial.
        warnings: What a sceptic would say first.
        limits: What the verdicts stand on.
        source: Of the limits.
        as_of: Their date.
    """

    parts: int
    faulty: int | None
    reference: str
    appraisers: tuple[Appraiser, ...]
    pairs: tuple[Pair, ...]
    all_agree: Rate
    warnings: tuple[str, ...]
    limits: tuple[Limit, ...] = LIMITS
    source: str = SOURCE
    as_of: str = AS_OF


def study(
    people: Mapping[str, Sequence[Trial]],
    reference: Trial,
    *,
    about: str,
    normal: str | None = None,
    model: Trial | None = None,
) -> Study:
    """Evaluate a study over the parts that every person judged in each of their trials.

    Args:
        people: Each person's trials, at least one.
        reference: The known label of every part.
        about: What the reference is, in words.
        normal: The label of good parts; without it misses and false alarms are unknown.
        model: What the model decided, once; a part it did not decide on is left out of its row.
    """
    parts = sorted(
        set(reference).intersection(*(trial for all_ in people.values() for trial in all_))
    )
    rows = [_appraiser(name, trials, reference, parts, normal) for name, trials in people.items()]
    every = dict(people)
    if model is not None:
        decided = [part for part in parts if part in model]
        rows.append(_appraiser("model", [model], reference, decided, normal))
        every["model"] = [model]
    alike = sum(
        len({trial[part] for trials in people.values() for trial in trials}) == 1 for part in parts
    )
    return Study(
        parts=len(parts),
        faulty=None if normal is None else sum(reference[part] != normal for part in parts),
        reference=about,
        appraisers=tuple(rows),
        pairs=tuple(_pair(every, a, b, parts) for a, b in combinations(every, 2)),
        all_agree=rate(alike, len(parts)),
        warnings=tuple(_warnings(people, parts, reference, normal, model is not None, about)),
    )


def rate(hits: int, of: int) -> Rate:
    """Return a share with its exact interval.

    >>> str(rate(42, 50))  # appraiser A in the manual's example
    '84.0% (70.9% to 92.8%, 42 of 50)'

    Raises:
        MissingExtraError: scipy is not installed.
    """
    if not of:
        return Rate(None, None, 0, 0)
    try:
        from scipy.special import betaincinv
    except ImportError as error:
        raise MissingExtraError("the exact interval of a rate", "server") from error
    low = float(betaincinv(hits, of - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, of - hits, 0.975)) if hits < of else 1.0
    return Rate(hits / of, (low, high), hits, of)


def _appraiser(
    name: str,
    trials: Sequence[Trial],
    reference: Trial,
    parts: Sequence[Place],
    normal: str | None,
) -> Appraiser:
    right = sum(all(trial[part] == reference[part] for trial in trials) for part in parts)
    same = sum(len({trial[part] for trial in trials}) == 1 for part in parts)
    said = [(reference[part], trial[part]) for trial in trials for part in parts]
    miss = alarm = None
    if normal is not None:
        faulty = [given == normal for true, given in said if true != normal]
        good = [given != normal for true, given in said if true == normal]
        miss, alarm = rate(sum(faulty), len(faulty)), rate(sum(good), len(good))
    effectiveness = rate(right, len(parts))
    kappa = _cohen([(part, reference[part], trial[part]) for trial in trials for part in parts])
    values = (
        effectiveness.value,
        None if miss is None else miss.value,
        None if alarm is None else alarm.value,
        kappa.value,
    )
    return Appraiser(
        name=name,
        parts=len(parts),
        trials=len(trials),
        within=rate(same, len(parts)) if len(trials) > 1 else None,
        effectiveness=effectiveness,
        miss=miss,
        false_alarm=alarm,
        kappa=kappa,
        verdicts={
            limit.measure: limit.judge(value) for limit, value in zip(LIMITS, values, strict=True)
        },
    )


def _pair(every: Mapping[str, Sequence[Trial]], a: str, b: str, parts: Sequence[Place]) -> Pair:
    """κ of two appraisers, trial by trial, as the manual crosses them."""
    # A lone trial (the model's) stands beside each of the other's.
    count = max(len(every[a]), len(every[b]))
    said = []
    for i in range(count):
        x, y = every[a][min(i, len(every[a]) - 1)], every[b][min(i, len(every[b]) - 1)]
        said += [(part, x[part], y[part]) for part in parts if part in x and part in y]
    return Pair(a, b, _cohen(said))


def _cohen(said: Sequence[tuple[Place, str, str]]) -> Agreed:
    """κ of what two said of parts; a part is drawn with all its trials for the interval."""
    parts = {part: i for i, part in enumerate(dict.fromkeys(part for part, _, _ in said))}
    names = {name: i for i, name in enumerate(sorted({x for _, *both in said for x in both}))}
    return cohen(
        np.array([names[x] for _, x, _ in said], dtype=np.intp),
        np.array([names[y] for _, _, y in said], dtype=np.intp),
        np.array([parts[part] for part, _, _ in said], dtype=np.intp),
    )


def _warnings(
    people: Mapping[str, Sequence[Trial]],
    parts: Sequence[Place],
    reference: Trial,
    normal: str | None,
    has_model: bool,
    about: str,
) -> list[str]:
    out = []
    if len(parts) < FEW:
        out.append(
            f"{len(parts)} parts are few (the manual's example has {FEW}): the intervals are "
            "wide, and a verdict of the figure alone may be luck"
        )
    if normal is not None and not 0 < sum(reference[part] != normal for part in parts) < len(parts):
        out.append("the parts are all good or all faulty: take some of both, and borderline ones")
    if "consensus" in about:
        out.append(
            "the reference is the consensus of these same appraisers: their rates are too good, "
            "and what all of them get wrong does not show; name one who knows with --reference"
        )
    if any(len(trials) == 1 for trials in people.values()):
        out.append(
            "a single trial says nothing of repeatability: let people label the parts again as "
            "person:NAME#2"
        )
    if has_model:
        out.append("the model repeats itself by construction: its repeatability is not measured")
    return out
