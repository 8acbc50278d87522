"""What the article says of each layer that can be held: its rating, and its training runs."""

import msgspec

from twoloops.atlas.claims import claims
from twoloops.atlas.ratings import Rating, ratings
from twoloops.convergence.replays.held import Layer

LAYERS: dict[Layer, str] = {
    "compute": "training-compute",
    "open-bases": "base-weights",
    "small-models": "edge-hardware",
    "floor-data": "deployment-data",
    "teacher": "teacher-api",
}
"""The layer of the coverage matrix whose rating stands beside what is held."""

TRAINING_RUNS = {"FLOP_GROK4": "xAI Grok 4", "FLOP_Q3MAX": "Alibaba Qwen3-Max"}
"""Claims of the article that give the compute of a training run."""


class TrainingRun(msgspec.Struct, frozen=True):
    """Compute of one model's training in FLOP, as the article gives it."""

    name: str
    flop: float
    as_of: str
    source: str


def rating(layer: Layer) -> Rating:
    """Return the article's rating of a layer."""
    return next(one for one in ratings() if one.layer == LAYERS[layer])


def training_runs() -> tuple[TrainingRun, ...]:
    """Return the training runs that the article names, the largest first."""
    runs = [
        TrainingRun(TRAINING_RUNS[one.id], float(one.value), one.as_of, one.source)
        for one in claims()
        if one.id in TRAINING_RUNS
    ]
    return tuple(sorted(runs, key=lambda run: -run.flop))
