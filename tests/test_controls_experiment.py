"""The page of held layers says what its benchmark measured."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from twoloops.convergence.replays.held import LAYERS, Holding

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("hold", BENCHMARKS / "hold.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def measured(script):
    return msgspec.json.decode(script.RESULTS.read_bytes(), type=list[Holding])


def test_the_page_is_what_the_results_say():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "hold.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_another_figure_makes_another_page(script, measured):
    first = measured[0].effects[0]
    other = replace(first, points=first.points - 0.5)
    changed = replace(measured[0], effects=(other, *measured[0].effects[1:]))
    assert script.page([changed, *measured[1:]]) != script.page(measured)


def test_every_layer_is_held_on_texts_and_on_images(measured):
    assert {one.kind for one in measured} == {"text", "image"}
    for one in measured:
        assert one.layers == LAYERS
        assert {effect.layer for effect in one.effects} == set(LAYERS)
        assert len(one.seeds) >= 2
        assert one.least_compute is not None
        assert "/" not in one.source
