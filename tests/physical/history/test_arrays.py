"""NPZ: windows in one array or one a channel, other rates, texts."""

import os
from pathlib import Path

import numpy as np
import pytest

from twoloops.edge.preprocess.signal import read_window
from twoloops.physical.history.open import open_history, read
from twoloops.physical.history.options import Mapping, Plan
from twoloops.records.errors import UserError

N = 80


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_one_array_of_windows() -> None:
    x = noise(N, 3, 20)
    np.savez("w.npz", X=x, y=np.arange(N) % 3)
    history = open_history("w.npz", Plan(normal="0", turns=4))
    assert history.task.shape == (3, 20)
    assert history.task.labels == ("0", "1", "2")
    np.testing.assert_array_equal(read_window(history.seed[5].input), x[5])
    assert history.guesses == (
        "array 'X' holds the windows (--channels)",
        "array 'y' holds the labels (--label)",
    )


def test_two_dimensions_are_one_channel() -> None:
    np.savez("w.npz", X=noise(N, 20), y=np.arange(N) % 3)
    assert read("w.npz", Mapping()).shape == (1, 20)


def test_channels_of_another_rate_are_resampled_and_said() -> None:
    pytest.importorskip("scipy")
    time = np.linspace(0, 1, 40, endpoint=False, dtype=np.float32)
    slow = np.tile(time[::4], (N, 1)) + np.arange(N, dtype=np.float32)[:, None]
    fast = np.tile(time, (N, 1)) + np.arange(N, dtype=np.float32)[:, None]
    np.savez("w.npz", P=slow, T=slow, F=fast, valve=np.arange(N) % 2, pump=np.arange(N) % 3)
    reading = read("w.npz", Mapping())
    assert reading.shape == (3, 10)
    assert reading.caveats == (
        "channels of another rate were resampled to 10 samples a window: F from 40 (polyphase "
        "filter); an edge must send windows of that rate",
    )
    assert reading.guesses[1] == "array 'valve' holds the labels; others: 'pump' (--label)"
    window = read_window(reading.rows[7].input)
    np.testing.assert_allclose(window[2, 1:-1], window[0, 1:-1], atol=0.02)


def test_texts() -> None:
    texts = np.array([f"order number {i}" for i in range(N)])
    np.savez("t.npz", notes=texts, y=np.array(["ok", "bad"] * (N // 2)))
    reading = read("t.npz", Mapping())
    assert reading.kind == "text"
    assert reading.rows[3].input == b"order number 3"


def test_nan_windows_are_quarantined_and_nan_labels_are_none() -> None:
    x, y = noise(N, 1, 20), (np.arange(N) % 2).astype(float)
    x[4, 0, 7] = np.nan
    y[6] = np.nan
    np.savez("w.npz", X=x, y=y)
    reading = read("w.npz", Mapping(label="y"))
    assert [str(item) for item in reading.quarantined] == [
        "w.npz, index 4: the signal holds 1 values that are NaN or infinite of 20: fill or drop "
        "them first"
    ]
    assert [row.label for row in reading.rows[:6]] == ["0", "1", "0", "1", "1", None]


@pytest.mark.data
def test_real_hydraulic_cycles() -> None:
    data = os.environ.get("TWOLOOPS_DATA")
    if data is None:
        pytest.skip("TWOLOOPS_DATA is not set")
    history = open_history(
        f"{data}/hydraulic/hydraulic.npz", Plan(normal="100"), Mapping(label="valve")
    )
    assert history.task.shape == (10, 60)
    assert history.task.labels == ("100", "73", "80", "90")
    assert "FS1 from 600, FS2 from 600" in history.caveats[0]


def test_every_bad_file_gets_one_sentence() -> None:
    def message(mapping: Mapping | None = None, **arrays: np.ndarray) -> str:
        np.savez("w.npz", **arrays)
        with pytest.raises(UserError) as caught:
            open_history("w.npz", Plan(), mapping)
        return str(caught.value)

    ragged = np.array([noise(3), noise(4)], dtype=object)
    x, y = noise(N, 2, 10), np.arange(N) % 2
    assert message(X=ragged, y=y) == (
        "w.npz holds an array of objects (windows of unequal length are stored so): cut or pad "
        "all windows to one length and save float32 (n, channels, samples)"
    )
    assert message(Mapping(label="z"), X=x, y=y).startswith(
        "w.npz has no array 'z': there are 'X' float32 (80, 2, 10), 'y' int64 (80,)"
    )
    assert message(X=x, y=y[:-1]) == (
        "w.npz: array 'y' has 79 values for 80 inputs: give one value an input"
    )
    assert message(Mapping(channels=("a", "b"), label="y"), a=x[:, 0], b=x[:9, 0], y=y) == (
        "w.npz: the channels hold different numbers of windows, {'a': 80, 'b': 9}: every channel "
        "needs one row for each window"
    )
    assert message(Mapping(label="y"), y=y).startswith("w.npz: no array looks like the input; ")
    assert message(Mapping(label="X"), X=x).startswith("w.npz: array 'X' has shape (80, 2, 10), ")
    assert message(Mapping(channels=("y", "X")), X=x, y=y).startswith("w.npz: array 'y' has shape ")
    assert message(X=x[:0], y=y[:0]) == "w.npz is empty: expected at least one input"
    assert message(X=x).startswith("w.npz has no labels: name the column")
    Path("w.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"^w\.npz is no readable \.npz file: write it with numpy"):
        open_history("w.npz")
