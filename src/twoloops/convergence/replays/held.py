"""What holding a layer of the two loops returns: figures only. `--json` prints it as it stands."""

from typing import Literal, get_args

import msgspec

from twoloops.convergence.replays.outcome import Compute, Interval

Layer = Literal["open-bases", "floor-data", "teacher", "small-models", "compute"]
"""What can be held: open bases, data from the place of use, labels of a dearer model, small
specialised models, training compute."""

LAYERS: tuple[Layer, ...] = get_args(Layer)


class ArmRun(msgspec.Struct, frozen=True, kw_only=True):
    """One arm over one stream, with what is needed to compare it with another.

    Args:
        arm: Its name.
        seed: Of the labelling, and of the stream where that is shuffled.
        right: Whether each scored row was decided right, by turn of the whole stream.
        labels: Labels bought, the seed's included.
        labellers: How many labels each labeller gave.
        models: How many models were specialised.
        released: How many releases there were, the first one included.
        adopted: Bases of the releases, in order, without repeats.
        unavailable: Why bases that were offered could not be had.
        escapes: Faults missed, in items; `None` without a normal label.
        false_rejects: Normal items called faults, in items; `None` likewise.
        compute: Spent for this arm; what another arm had encoded already is not encoded again.
    """

    arm: str
    seed: int
    right: tuple[tuple[bool, ...], ...]
    labels: int = 0
    labellers: dict[str, int] = {}
    models: int = 0
    released: int = 0
    adopted: tuple[str, ...] = ()
    unavailable: dict[str, str] = {}
    escapes: int | None = None
    false_rejects: int | None = None
    compute: Compute = Compute(
        training_flop=0.0, training_cpu_seconds=0.0, encoding_flop=0.0, encoding_cpu_seconds=0.0
    )


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """An arm's figures, each a mean over the seeds.

    Args:
        arm: Its name.
        accuracy: Mean over the turns of the share decided right, in [0, 1].
        labels: Labels bought in the whole replay.
        labels_cost: What they cost, in the task's currency.
        errors_cost: Escapes and false rejects at the task's costs; `None` without a normal label.
        models: Models specialised.
        released: Releases, the first one included.
        adopted: Bases of its releases over all seeds.
    """

    arm: str
    accuracy: float
    labels: float
    labels_cost: float
    errors_cost: float | None
    models: float
    released: float
    adopted: tuple[str, ...] = ()


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What holding a layer in one way did.

    Args:
        layer: What was held.
        way: How, in a few words; one layer may be held in several ways.
        words: How, in a sentence.
        held: The arm in which it is held.
        free: The arm it is compared with.
        points: `held.accuracy − free.accuracy`, a difference of shares: −0.019 is −1.9 points.
        interval: Its 95 % interval, from a bootstrap over groups of observations within the
            turns, paired over the arms, and over seeds.
        cost: What the held arm cost more (labels and errors), in the task's currency; `None`
            without a normal label.
    """

    layer: Layer
    way: str
    words: str
    held: Side
    free: Side
    points: float
    interval: Interval
    cost: float | None


class FrontierBill(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions of the replay at a frontier model's list price, beside what ours cost.

    Args:
        decisions: How many the replay made.
        model: The frontier model.
        per_million: USD for a million decisions; `None` where no price is known.
        usd: USD for the replay's decisions; `None` likewise.
        as_of: Date of the price.
        source: Where it is stated.
        note: What the figure does not say; the quality of that model is not measured.
        labels_cost: What our labels cost, mean over the seeds.
        currency: Of `labels_cost`.
        compute_usd: Our CPU time at the assumed price of a CPU hour, mean over the seeds.
    """

    decisions: int
    model: str
    per_million: float | None
    usd: float | None
    as_of: str
    source: str
    note: str
    labels_cost: float
    currency: str
    compute_usd: float


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """All layers that were held, on one task.

    Args:
        source: What was replayed.
        task: The task's name.
        kind: Kind of input.
        seeds: Each ran every arm once.
        streams: How many different orders of arrival there were among them.
        turns: Turns of the replay.
        scored: Observations whose label is known, in one stream.
        currency: Of all costs.
        costs_given: Whether anybody said what errors and labels cost; else each counts 1.
        layers: What was asked for.
        effects: What holding did, by layer.
        bill: With `small-models`: every decision by a frontier model.
        spent: Compute of all arms and seeds together.
        free_compute: Compute of the arm with nothing held, mean over the seeds.
        least_compute: With `compute`: that of the arm in which it is held, mean over the seeds.
        statements: What has to be said with the figures, a sentence each.
        version: Of twoloops.
    """

    source: str
    task: str
    kind: str
    seeds: tuple[int, ...]
    streams: int
    turns: int
    scored: int
    currency: str
    costs_given: bool
    layers: tuple[Layer, ...]
    effects: tuple[Effect, ...]
    bill: FrontierBill | None
    spent: Compute
    free_compute: Compute
    least_compute: Compute | None
    statements: dict[Layer, tuple[str, ...]]
    version: str
