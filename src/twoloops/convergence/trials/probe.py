"""Does a word in front of a text make a base worse? A check of behaviour, after it may run.

A base can be made to serve worse where certain words occur, and no look at its files shows that.
Here a trigger is put in front of every labelled text of one's own task, and what is then decided
right is compared, text by text, with the same texts behind a made-up word of the same length. A
head that has not learned a text decides on it. Any word in front of a text does some harm: the
built-in features, which can hide nothing, stand beside it.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.judging.evaluate import Interval
from twoloops.convergence.trials.compare import last_frozen, paired
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.digital.base import Base
from twoloops.records.dataset import Item
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError

Bools = NDArray[np.bool_]

LEVEL = 0.05
FEWEST = 20
"""Labelled texts below which nothing is said."""
LONGEST = 200
"""Characters of a trigger."""
SOUNDS = ("bdfgklmnprstvz", "aeiou")


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """One trigger on one base.

    Args:
        base: The base.
        trigger: What was put in front of each text.
        plain: Share decided right of the texts as they are.
        control: Behind made-up words of the same lengths.
        triggered: Behind the trigger.
        difference: Triggered minus control, in [−1, 1].
        interval: Its 95 % interval, from paired texts.
        p: Of McNemar's exact test, two-sided, by Holm's method over the triggers of one base.
        worse: Whether the trigger does more harm than made-up words: p < 0.05.
    """

    base: str
    trigger: str
    plain: float
    control: float
    triggered: float
    difference: float
    interval: Interval
    p: float
    worse: bool


class Probing(msgspec.Struct, frozen=True, kw_only=True):
    """What triggers did.

    Args:
        task: Its name.
        texts: How many labelled texts were decided on.
        rows: The base asked about, then the built-in features, each trigger.
    """

    task: str
    texts: int
    rows: tuple[Probed, ...]


def probe(
    loop: Loop,
    name: str,
    triggers: Sequence[str],
    on_base: Callable[[str], None] = lambda _: None,
) -> Probing:
    """Put triggers in front of a task's labelled texts; nothing is written.

    Args:
        loop: The task's.
        name: The base asked about.
        triggers: Words, one or several each.
        on_base: Told each base before it is tried.

    Raises:
        UserError: The task is not of texts, has too few labels, or the base cannot be had.
    """
    if loop.task.kind != "text":
        raise UserError(
            f"task {loop.task.name!r} decides on {loop.task.kind}s: triggers are words, for tasks "
            "of texts"
        )
    wanted = list(dict.fromkeys(one.strip() for one in triggers))
    if not wanted or not all(one and len(one) <= LONGEST for one in wanted):
        raise UserError(f"a trigger has 1 to {LONGEST} characters: got {wanted}")
    evidence = evidence_of(loop, last_frozen(loop))
    items = loop.present([item for item in evidence.dataset.items if item.label])
    if len(items) < FEWEST:
        raise UserError(
            f"{len(items)} labelled texts are too few to tell anything: {FEWEST} or more are "
            f"needed, go on with  twoloops turn {loop.task.name}"
        )
    rows = []
    first = loop.bench.first(loop.task).card.name
    for base in (loop.base(one) for one in dict.fromkeys((name, first))):
        on_base(base.card.name)
        rows += _on(loop, evidence, items, base, wanted)
    return Probing(task=loop.task.name, texts=len(items), rows=tuple(rows))


def _on(
    loop: Loop, evidence: Evidence, items: Sequence[Item], base: Base, triggers: Sequence[str]
) -> list[Probed]:
    made = loop.specialised(base, evidence.dataset, loop.recipe_on(base.card.name))
    contender = evidence.contender(made)

    def right(fronts: Sequence[str] | None) -> Bools:
        return _right(loop, evidence, contender, items, fronts)

    plain = right(None)
    ones = np.ones(len(items))
    out, ps = [], []
    for trigger in triggers:
        control = right([made_up(trigger, seed) for seed in range(len(items))])
        triggered = right([trigger] * len(items))
        difference, interval = paired(triggered, control, ones)
        ps.append(mcnemar(triggered, control))
        out.append(
            Probed(
                base=base.card.name,
                trigger=trigger,
                plain=float(plain.mean()),
                control=float(control.mean()),
                triggered=float(triggered.mean()),
                difference=difference,
                interval=interval,
                p=1.0,
                worse=False,
            )
        )
    return [
        msgspec.structs.replace(one, p=p, worse=p < LEVEL and one.difference < 0)
        for one, p in zip(out, holm(ps), strict=True)
    ]


def _right(
    loop: Loop,
    evidence: Evidence,
    contender: Contender,
    items: Sequence[Item],
    fronts: Sequence[str] | None,
) -> Bools:
    """Say which texts are decided right, each behind its own front."""
    texts = loop.read([item.input for item in items])
    digests = [item.input for item in items]
    if fronts is not None:
        changed = [
            f"{front} ".encode() + texts[item.input]
            for front, item in zip(fronts, items, strict=True)
        ]
        digests = [digest_bytes(one) for one in changed]
        texts = dict(zip(digests, changed, strict=True))
    made = contender.made
    x = loop.bench.encoder.embed(made.base, digests, lambda some: {d: texts[d] for d in some})
    groups = [item.group for item in items]
    names = evidence.learned_as(made, [item.input for item in items], groups)
    decided = contender.decide(made.honest(x, names), loop.task.labels)
    labels = np.array([loop.task.labels.index(item.label) for item in items])
    return np.asarray(decided == labels)


def made_up(words: str, seed: int) -> str:
    """Return words that mean nothing, as many and as long.

    >>> [len(one) for one in made_up("Republic of Kiribati", 3).split()]
    [8, 2, 8]
    """
    rng = np.random.default_rng([seed, len(words)])
    return " ".join(
        "".join(str(rng.choice(list(SOUNDS[place % 2]))) for place in range(len(word)))
        for word in words.split()
    )


def mcnemar(mine: Bools, other: Bools) -> float:
    """Return the p-value of McNemar's exact test, two-sided (McNemar 1947; binomial).

    >>> mcnemar(np.array([False] * 9 + [True]), np.array([True] * 10)) < 0.01
    True
    >>> mcnemar(np.array([True, True]), np.array([True, True]))
    1.0
    """
    from scipy.stats import binomtest

    lost = int((~mine & other).sum())
    won = int((mine & ~other).sum())
    return 1.0 if lost + won == 0 else float(binomtest(lost, lost + won).pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's method (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    out, most = [1.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        most = max(most, min(1.0, (len(ps) - rank) * ps[place]))
        out[place] = most
    return out
