"""A replay's result as a real one looks, with every figure open to change."""

import io
import math
import random
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pytest
from PIL import Image

from twoloops.convergence.replays.outcome import (
    Compute,
    Edge,
    Informative,
    Loops,
    MoneyFigures,
    Node,
    Price,
    ReplayResult,
    TurnFigures,
)
from twoloops.records.digests import Digest, digest_bytes

LEVELS = {
    "neither": (0.79, 0.0),
    "models": (0.795, 0.0),
    "data": (0.84, 0.09),
    "both": (0.85, 0.09),
    "everything": (0.90, 0.05),
    "keyword_rules": (0.896, 0.0),
    "majority": (0.46, 0.0),
}
REFUSED = (
    "not shown to be within 5 points of the best release so far: wealth 7.1 of 20 needed after "
    "41 labels"
)


def figures(arm: str, turns: int, normal: bool, labels: int = 40) -> tuple[TurnFigures, ...]:
    chance = random.Random(arm)
    start, rise = LEVELS[arm]
    made = []
    for number in range(1, turns + 1):
        accuracy = start + rise * (1 - math.exp(-number / 3)) + chance.gauss(0, 0.008)
        base = "builtin/char-ngram+minilm" if arm in ("both", "models") and number > 4 else ""
        refused = number in (2, 7)
        note = {4: "base adopted: builtin/char-ngram+minilm", 5: "refused: minilm alone, too slow"}
        made.append(
            TurnFigures(
                turn=number,
                period=str(2001 + number),
                observations=410 + 23 * number,
                scored=400 + 23 * number,
                labels_total=90 + labels * number,
                accuracy=accuracy,
                detection_rate=min(1, accuracy + 0.02) if normal else None,
                false_reject_rate=0.028 + chance.gauss(0, 0.004) if normal else None,
                detection_at_limit=min(1, accuracy + 0.025) if normal else None,
                escapes=round(400 * (1 - accuracy)) if normal else None,
                false_rejects=11 if normal else None,
                released=not refused,
                base=base or "builtin/char-ngram",
                reason=REFUSED if refused else "within 5 points of the best release so far",
                base_note=note.get(number, "") if arm == "both" else "",
            )
        )
    return tuple(made)


def lineage(turns: int) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    nodes = [
        Node(id="b:ngram", kind="base", title="builtin/char-ngram", detail="features, 4,096 wide"),
        Node(id="a:bert", kind="ancestor", title="microsoft/MiniLM-L12-H384-uncased", detail="MIT"),
        Node(id="a:l6", kind="ancestor", title="nreimers/MiniLM-L6-H384-uncased", detail="MIT"),
        Node(
            id="a:st",
            kind="ancestor",
            title="sentence-transformers/all-MiniLM-L6-v2",
            detail="Apache-2.0",
        ),
        Node(id="b:minilm", kind="base", title="minilm", detail="int8 ONNX, 22.7 M parameters"),
        Node(id="b:both", kind="base", title="builtin/char-ngram+minilm", detail="concatenation"),
    ]
    edges = [
        Edge(child="a:l6", parent="a:bert", relation="every second layer of"),
        Edge(child="a:st", parent="a:l6", relation="fine-tuned from"),
        Edge(child="b:minilm", parent="a:st", relation="quantised from"),
        Edge(child="b:both", parent="b:ngram", relation="concatenates"),
        Edge(child="b:both", parent="b:minilm", relation="concatenates"),
    ]
    for number in range(1, turns + 1):
        data = f"d:{number}"
        nodes.append(
            Node(
                id=data,
                kind="dataset",
                title=f"dataset {number}",
                detail=f"{90 + 40 * number} labels",
            )
        )
        if number > 1:
            edges.append(Edge(child=data, parent=f"d:{number - 1}", relation="grown from"))
        kinds = ["b:ngram"] if number < 4 else ["b:both", "b:minilm"]
        for place, base in enumerate(kinds):
            model = f"m:{number}:{place}"
            nodes.append(Node(id=model, kind="model", title=f"model {number}", detail=base[2:]))
            edges.append(Edge(child=model, parent=base, relation="specialised from"))
            edges.append(Edge(child=model, parent=data, relation="trained on"))
            if place == 0 and number not in (2, 7):
                nodes.append(Node(id=f"r:{number}", kind="release", title=f"release {number}"))
                edges.append(Edge(child=f"r:{number}", parent=model, relation="release of"))
    return tuple(nodes), tuple(edges)


def build(
    *, turns: int = 10, normal: str | None = "none recorded", labels: int = 5, **changes: object
) -> ReplayResult:
    """Return a result of so many turns and labels; `changes` replace its fields."""
    nodes, edges = lineage(turns)
    found = {"neither": 0.81, "models": 0.82, "data": 0.92, "both": 0.935, "everything": 0.955}
    loops = Loops(
        neither=0.798,
        models=0.803,
        data=0.899,
        both=0.913,
        interaction=0.009,
        interval=(-0.002, 0.020),
        interaction_log_odds=0.13,
        interval_log_odds=(0.01, 0.26),
        everything=0.938,
        detection_at_limit=dict(found) if normal else {},
    )
    names = ["Leak", "Missing", "Other", "Structural", *(f"fault {n:02d}" for n in range(labels))]
    result = ReplayResult(
        source="excavators",
        task="failure mode of a maintenance work order",
        kind="text",
        labels=tuple(sorted([*names[: labels - 1], normal or "Unspecified"])),
        normal=normal,
        false_reject_limit=0.03 if normal else None,
        seeds=(0, 1, 2),
        loops=loops,
        loops_without_gate=msgspec.structs.replace(
            loops, both=0.917, interaction=0.013, interval=(0.002, 0.024)
        ),
        turns=figures("both", turns, bool(normal)),
        **{
            arm: figures(arm, turns, bool(normal))
            for arm in ("neither", "models", "data", "everything", "keyword_rules", "majority")
        },
        money=MoneyFigures(
            currency="USD",
            escape_cost=180.0,
            false_reject_cost=45.0,
            label_cost=2.5,
            labels=490,
            labels_spent=1225.0,
            spent_by_turn=(225.0, *([100.0] * turns)),
            escapes_avoided=312 if normal else None,
            extra_false_rejects=-14 if normal else None,
            saved=55_565.0 if normal else None,
            break_even_observations=118 if normal else None,
        ),
        price=Price(
            ours_per_million=231.4,
            ours_of_which_labels=223.3,
            ours_of_which_compute=8.1,
            frontier_model="frontier-large-3",
            frontier_per_million=1_840.0,
            frontier_as_of="2026-10-01",
            frontier_source="model-prices 0.0.5, https://example.com/prices",
            tokens_per_decision=212,
            note="Tokens are counted on the text with the list of labels.",
        ),
        compute=Compute(
            training_flop=8.3e11,
            training_cpu_seconds=61.2,
            encoding_flop=3.24e13,
            encoding_cpu_seconds=38.9,
        ),
        nodes=nodes,
        edges=edges,
        informative=tuple(
            Informative(text=text, decided=decided, truth=truth, margin=margin)
            for text, decided, truth, margin in (
                ("BUCKET CYLINDER WEEPING AT GLAND, CHECK & REPORT", "Leak", "Other", 0.02),
                ("REPLACE H/LAMP BRACKET  -  FELL OFF", "Missing", "Structural", 0.04),
                ("GET CHANGE OUT RH CORNER", "Other", "none recorded", 0.05),
                ("crk in boom, hyd oil on walkway", "Structural", "Structural", 0.07),
            )
        ),
        caveats=(
            "The labels come from the experts' keyword rules, and a person had already found "
            "these faults: five hand-written patterns reach 89.6 %.",
            "The stream is one site; the interval says nothing of other sites.",
        ),
        quarantined=("row 3,112: 9 columns where 8 were expected (shifted)",),
        bases={
            "builtin/char-ngram": "used from the first turn",
            "minilm": "available from turn 4; adopted joined with char-ngram",
        },
        share_scored=0.998,
        version="0.1.0",
    )
    return msgspec.structs.replace(result, **changes)


@pytest.fixture
def example_result() -> Callable[..., ReplayResult]:
    """The builder of results."""
    return build


def png(side: int, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(side).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def inputs() -> dict[str, bytes]:
    """Raw inputs of each sort, by name."""
    time = np.linspace(0, 20, 2000, dtype=np.float32)
    signal = np.stack([np.sin(time), np.cos(3 * time) / 2, np.full_like(time, np.nan)])
    out = io.BytesIO()
    np.save(out, signal)
    return {
        "small": png(24),
        "grey": png(24, "L"),
        "large": png(900),
        "broken": png(24)[:60],
        "signal": out.getvalue(),
        "other": b"\x00\x01 neither image nor signal",
    }


@pytest.fixture
def with_inputs(inputs: dict[str, bytes]) -> tuple[ReplayResult, dict[Digest, bytes]]:
    """A result whose informative observations are those inputs."""
    images = {digest_bytes(data): data for data in inputs.values()}
    shown: Sequence[Informative] = [
        Informative(text=name, decided="Leak", truth="Leak", margin=0.1, image=digest_bytes(data))
        for name, data in inputs.items()
    ]
    return build(kind="image", informative=tuple(shown)), images
