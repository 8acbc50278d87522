"""What a replay returns: figures only, no pictures. `--json` prints it as it stands."""

import msgspec

from twoloops.records.digests import Digest

Interval = tuple[float, float]
"""The ends of a 95 % interval."""


class TurnFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of one arm: the deployed model, before anything of the turn was learned.

    Args:
        turn: 1, 2, 3, …
        period: Which stretch of time (a year, a slice of the file).
        observations: How many arrived.
        scored: How many of them have a known label; only these are scored.
        labels_total: Labels bought up to the end of the turn, audit and golden included.
        accuracy: Share decided right, in [0, 1]; `None` when nothing could be scored.
        detection_rate: Share of faults called any fault; `None` without a normal label.
        false_reject_rate: Share of normal items called a fault; `None` likewise.
        detection_at_limit: Detection rate when the threshold is moved, with hindsight, to
            exactly the false-reject limit: arms are compared with it, nothing is deployed so.
        escapes: Faults missed, in items.
        false_rejects: Normal items called faults, in items.
        released: Whether a candidate was released at the end of the turn.
        base: Base of the model deployed during the turn.
        reason: What the gate said at the end of the turn, in one sentence.
        base_note: `base adopted: …`, `refused: why`, or empty when no base was tried.
        opened_by: The failing slices that made the turn try another base, a sentence each.
        failing: The labels in which the model deployed at the end of the turn fails, as far as
            its judging labels can tell.
        right_by_label: Of each true label, how many of its items were decided right, of how many.
    """

    turn: int
    period: str
    observations: int
    scored: int
    labels_total: int
    accuracy: float | None
    detection_rate: float | None = None
    false_reject_rate: float | None = None
    detection_at_limit: float | None = None
    escapes: int | None = None
    false_rejects: int | None = None
    released: bool = False
    base: str = ""
    reason: str = ""
    base_note: str = ""
    opened_by: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    right_by_label: dict[str, tuple[int, int]] = {}


class Loops(msgspec.Struct, frozen=True, kw_only=True):
    """The two loops, apart and together: mean accuracy over the turns, four arms, one stream.

    `interaction` = both − data − models + neither, in points of accuracy (0.019 is +1.9
    points); `interaction_log_odds` the same on log(p / (1 − p)). Intervals are 95 %, from a
    bootstrap over the stream's groups; with several seeds, over seeds too.
    """

    neither: float
    models: float
    data: float
    both: float
    interaction: float
    interval: Interval
    interaction_log_odds: float
    interval_log_odds: Interval
    everything: float
    detection_at_limit: dict[str, float | None] = {}


class MoneyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the *both* arm cost and saved against the frozen first model, over all turns.

    `saved` = escapes avoided × escape cost − extra false rejects × false-reject cost − labels.
    `break_even_observations` is the volume after which the labels have paid for themselves,
    or `None` when they never do at the measured rate.
    """

    currency: str
    escape_cost: float
    false_reject_cost: float
    label_cost: float
    labels: int
    labels_spent: float
    spent_by_turn: tuple[float, ...]
    escapes_avoided: int | None
    extra_false_rejects: int | None
    saved: float | None
    break_even_observations: int | None


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Price of a million decisions, ours beside a frontier model's list price."""

    ours_per_million: float
    ours_of_which_labels: float
    ours_of_which_compute: float
    frontier_model: str
    frontier_per_million: float | None
    frontier_as_of: str
    frontier_source: str
    tokens_per_decision: float
    note: str


class Compute(msgspec.Struct, frozen=True, kw_only=True):
    """Compute of the whole replay, all arms and seeds.

    Floating-point operations are estimated from matrix sizes, CPU seconds are measured.
    """

    training_flop: float
    training_cpu_seconds: float
    encoding_flop: float
    encoding_cpu_seconds: float


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the drawn lineage: kind is `base`, `ancestor`, `dataset`, `model` or `release`."""

    id: str
    kind: str
    title: str
    detail: str = ""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """`child` was made from `parent`."""

    child: str
    parent: str
    relation: str


class Informative(msgspec.Struct, frozen=True, kw_only=True):
    """One of the last turn's most informative observations."""

    text: str
    decided: str
    truth: str
    margin: float
    image: Digest | None = None


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a replay.

    `turns` belongs to the *both* arm with the gate in force; the lists `neither`, `models`,
    `data`, `everything`, `keyword_rules`, `majority` are the same for the other arms and
    baselines (`keyword_rules` is empty where no rules are known). `loops` is measured with the
    gate in force, `loops_without_gate` with every candidate taken.
    """

    source: str
    task: str
    kind: str
    labels: tuple[str, ...]
    normal: str | None
    false_reject_limit: float | None
    seeds: tuple[int, ...]
    loops: Loops
    loops_without_gate: Loops
    turns: tuple[TurnFigures, ...]
    neither: tuple[TurnFigures, ...]
    models: tuple[TurnFigures, ...]
    data: tuple[TurnFigures, ...]
    everything: tuple[TurnFigures, ...]
    keyword_rules: tuple[TurnFigures, ...]
    majority: tuple[TurnFigures, ...]
    money: MoneyFigures
    price: Price
    compute: Compute
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    informative: tuple[Informative, ...]
    caveats: tuple[str, ...]
    quarantined: tuple[str, ...]
    bases: dict[str, str]
    share_scored: float
    version: str
