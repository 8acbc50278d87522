"""The chart of a comparison of bases: every base, its interval, the trivial baseline."""

import io

import pytest
from PIL import Image

from twoloops.analysis.comparison import drawn
from twoloops.analysis.exhibits.picture import png, svg
from twoloops.convergence.judging.evaluate import Estimate
from twoloops.convergence.trials.compare import Compared, Comparison


def compared(name: str, value: float | None, *, front: bool = True) -> Compared:
    interval = None if value is None else (value - 0.1, min(1.0, value + 0.1))
    return Compared(
        base=name,
        kind="features",
        deployed=name == "first",
        licence="MIT",
        origin="unknown",
        accuracy=Estimate(value, interval, 40, 40.0),
        difference=None,
        interval=None,
        slices={},
        verdict_ms_p50=1.0,
        verdict_ms_p99=2.0,
        file_mb=1.0,
        usd_per_million=0.01,
        value_ratio=None,
        front=front,
    )


def comparison(*bases: Compared, majority: float | None = 0.4) -> Comparison:
    return Comparison(
        task="orders",
        turn=3,
        trained_on=100,
        judged_by=40,
        majority=Estimate(majority, None, 40, 40.0),
        failing=(),
        bases=bases,
        unavailable={},
    )


def test_every_base_with_its_figures_and_the_baseline() -> None:
    found = comparison(compared("acme/tiny", 0.9), compared("first", 0.8, front=False))
    chart = drawn(found)
    text = svg(chart)
    for word in ("acme/tiny", "first (deployed)", "most frequent label", "another is as good"):
        assert word in text
    with Image.open(io.BytesIO(png(chart))) as picture:
        assert picture.width > 600


@pytest.mark.parametrize("majority", [None, 0.4])
def test_a_base_without_enough_labels_is_left_out(majority: float | None) -> None:
    found = comparison(compared("known", 0.9), compared("unknown", None), majority=majority)
    text = svg(drawn(found))
    assert "known" in text
    assert ">unknown<" not in text


def test_the_file_must_be_a_picture(tmp_path, capsys) -> None:
    from twoloops.cli.main import run

    with pytest.raises(SystemExit) as stop:
        run(["base", "compare", "-w", str(tmp_path), "--chart", "x.pdf"])
    assert stop.value.code == 2
    assert "ends in .png or .svg, got x.pdf" in capsys.readouterr().err
