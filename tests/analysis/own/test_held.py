from io import StringIO

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from twoloops.analysis.own import held
from twoloops.analysis.own.article import LAYERS as RATED
from twoloops.analysis.own.article import rating, training_runs
from twoloops.convergence.replays.held import LAYERS, Effect, FrontierBill, Holding, Layer, Side
from twoloops.convergence.replays.outcome import Compute

SIDE = Side(
    arm="both",
    accuracy=0.918,
    labels=482,
    labels_cost=964.0,
    errors_cost=1000.0,
    models=18,
    released=5,
)
EFFECT = Effect(
    layer="floor-data",
    way="gate in force",
    words="no new label trains",
    held=replace(SIDE, arm="models", accuracy=0.804, labels=226, labels_cost=452.0),
    free=SIDE,
    points=-0.114,
    interval=(-0.124, -0.104),
    cost=-512.0,
)
BILL = FrontierBill(
    decisions=5394,
    model="large",
    per_million=482.0,
    usd=2.6,
    as_of="2026-10-23",
    source="https://example.com",
    note="equal quality not measured",
    labels_cost=964.0,
    currency="USD",
    compute_usd=0.0,
)


def compute(flop: float) -> Compute:
    return Compute(
        training_flop=flop, training_cpu_seconds=2.0, encoding_flop=flop, encoding_cpu_seconds=1.0
    )


def holding(**changes: object) -> Holding:
    made = Holding(
        source="excavators",
        task="excavators",
        kind="text",
        seeds=(0,),
        streams=1,
        turns=10,
        scored=5394,
        currency="USD",
        costs_given=True,
        layers=("floor-data",),
        effects=(EFFECT,),
        bill=None,
        spent=compute(3e12),
        free_compute=compute(1e12),
        least_compute=None,
        statements={"floor-data": ("The labels of the seed stay.",)},
        version="0.1.0",
    )
    return replace(made, **changes)


def printed(table: object) -> list[str]:
    out = StringIO()
    Console(file=out, width=80, color_system=None).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_has_its_rating_in_the_article(layer: Layer) -> None:
    found = rating(layer)
    assert found.layer == RATED[layer]
    assert found.source == "article"
    covered = {one for one in LAYERS if rating(one).coverage == "COVERED"}
    assert covered == {"compute"}
    assert f"{found.dimension}, {found.coverage}, risk {found.risk}." in held.heading(layer, found)


def test_the_articles_training_runs_are_there_the_largest_first() -> None:
    assert [(run.name, run.flop) for run in training_runs()] == [
        ("xAI Grok 4", 5e26),
        ("Alibaba Qwen3-Max", 1.5e25),
    ]


def test_a_table_of_effects_fits_80_columns() -> None:
    wide = replace(EFFECT, way="half the labels", cost=-123_456.0)
    lines = printed(held.effect_table([EFFECT, wide], "USD"))
    assert max(map(len, lines)) <= 80
    assert "91.8 %" in lines[2]
    assert "80.4 %" in lines[2]
    assert "−11.4 (−12.4 … −10.4)" in lines[2]
    assert "482 → 226" in lines[2]
    assert "−512" in lines[2]


def test_compute_stands_beside_the_training_runs_only_where_it_was_held() -> None:
    runs = training_runs()
    assert held.compute_table(holding(), runs) is None
    found = holding(least_compute=compute(1e10))
    lines = printed(held.compute_table(found, runs))
    assert max(map(len, lines)) <= 80
    rows = {words: flop for words, flop, _ in held.compute_rows(found, runs)}
    assert rows["both loops, nothing held"] == 2e12
    assert rows["least compute"] == 2e10
    assert any("4.0 × 10⁻¹⁵" in line for line in lines)  # 2e12 of 5e26


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "At that list price ours are cheaper from 2,000,000 decisions on."),
        ({"currency": "AUD"}, "no exchange rate is assumed"),
        ({"usd": None, "per_million": None, "note": "no list price: x"}, "no list price: x"),
    ],
)
def test_the_bill_says_from_when_on_ours_are_cheaper(changes: dict[str, object], said: str) -> None:
    words = " ".join(held.bill_sentences(replace(BILL, **changes)))
    assert said in words
    assert "964" in words


def test_sentences_name_the_way_only_where_there_are_several() -> None:
    assert held.sentences(holding(), "floor-data") == [
        "No new label trains.",
        "The labels of the seed stay.",
    ]
    other = replace(EFFECT, way="harder", words="no label at all")
    two = holding(effects=(EFFECT, other))
    assert held.sentences(two, "floor-data")[:2] == [
        "gate in force: no new label trains.",
        "harder: no label at all.",
    ]


def test_what_the_figures_stand_on_is_said() -> None:
    assert "One seed: the interval leaves out" in held.basis(holding())
    assert "each counts 1" in held.basis(holding(costs_given=False))
    several = held.basis(holding(seeds=(0, 1), streams=2))
    assert "2 seeds, 2 orders of arrival" in several
    assert "One seed" not in several


def test_markdown_has_a_row_for_each_way_with_its_rating() -> None:
    ratings = {layer: rating(layer) for layer in LAYERS}
    free = replace(EFFECT.held, errors_cost=None)
    page = held.markdown([holding(), holding(effects=(replace(EFFECT, held=free),))], ratings)
    head, rule, *rows = page.splitlines()
    assert head.count("|") == rule.count("|")
    assert all(row.count("|") == head.count("|") for row in rows)
    assert len(rows) == 2
    assert "Deployment-side data accumulation: NOT COVERED, Critical" in rows[0]
    assert "labels only" in rows[1]


def test_compute_in_markdown_puts_ours_before_the_articles() -> None:
    two = [holding(least_compute=compute(1e10)), holding(task="xsdd", least_compute=compute(1e9))]
    rows = held.compute_markdown(two, training_runs()).splitlines()[2:]
    assert [row.startswith("| the article") for row in rows] == [False] * 6 + [True] * 2


def test_a_holding_is_json() -> None:
    made = holding(bill=BILL)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Holding) == made
