"""The page's modules, called one by one in the browser against what NumPy says."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from served import Served


@pytest.fixture(scope="module")
def blank(browser: Any, served: Served) -> Iterator[Any]:
    page = browser.new_page()
    page.goto(f"{served.url}/login")
    yield page
    page.close()


def call(page: Any, module: str, body: str, given: Any = None) -> Any:
    """Run a function body with a module as `m` and what is given as `given`."""
    script = f"async given => {{ const m = await import('/static/label/{module}.js'); {body} }}"
    return page.evaluate(script, given)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_files_are_read_as_numpy_writes_them(blank: Any, version: Any, order: Any) -> None:
    values = np.array([[1.5, -2, 3], [4, 5, 1e-6]], dtype="<f4", order=order)
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, values, version=version)
    read = "return m.parse(new Uint8Array(given).buffer).map(one => [...one]);"
    assert call(blank, "npy", read, list(buffer.getvalue())) == values.tolist()


def test_what_is_no_such_file_is_said(blank: Any) -> None:
    say = "try { m.parse(new Uint8Array(given).buffer) } catch (error) { return error.message }"
    assert call(blank, "npy", say, [1] * 200) == "this is no .npy file"
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3, dtype=complex))
    assert "float32 (channels, samples) is shown" in call(
        blank, "npy", say, list(buffer.getvalue())
    )


def test_the_transform_is_numpys(blank: Any) -> None:
    values = np.random.default_rng(1).normal(size=64)
    got = call(
        blank,
        "fourier",
        "const re = Float64Array.from(given), im = new Float64Array(64);"
        "m.fft(re, im); return [[...re], [...im]];",
        values.tolist(),
    )
    wanted = np.fft.fft(values)
    np.testing.assert_allclose(got, [wanted.real, wanted.imag], atol=1e-9)


def test_a_spectrogram_shows_a_tone_at_its_frequency(blank: Any) -> None:
    tone = np.sin(2 * np.pi * 0.125 * np.arange(1000)) + 5
    body = "const s = m.spectrogram(Float32Array.from(given)); return [[...s.decibels], s.bins];"
    decibels, bins = call(blank, "fourier", body, tone.tolist())
    columns = np.array(decibels).reshape(-1, bins)
    assert (np.abs(columns.argmax(axis=1) - 0.25 * (bins - 1)) <= 1).all()
    assert columns.max() == 0
    assert call(blank, "fourier", "return m.spectrogram(new Float32Array(31));") is None


def test_time_counts_while_the_page_is_seen_and_a_minute_after_the_last_sign(blank: Any) -> None:
    body = """const c = new m.Clock(0);
    c.sign(10_000); c.advance(30_000);
    const worked = c.item;
    c.advance(1_000_000);
    const idle = c.item;
    c.sign(1_000_000); c.see(false, 1_005_000); c.see(true, 2_000_000); c.advance(2_001_000);
    const hidden = c.item;
    c.begin(2_002_000); c.advance(2_004_000);
    return [worked, idle, hidden, c.item, c.total];"""
    assert call(blank, "clock", body) == [30_000, 70_000, 76_000, 2_000, 79_000]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("Scratch", ["scratch"]),
        ("sratch", ["scratch"]),
        ("hole", ["holé"]),
        ("oil leak", ["oil_leak"]),
        ("dents", ["dent"]),
        ("wear", []),
    ],
)
def test_labels_that_are_nearly_the_same_are_found(blank: Any, word: str, near: list[str]) -> None:
    labels = ["scratch", "holé", "oil_leak", "dent", "ok"]
    assert call(blank, "near", "return m.near(given[0], given[1]);", [word, labels]) == near


def test_the_edit_distance_counts_a_swap_once(blank: Any) -> None:
    pairs = [("", "abc"), ("abc", "abc"), ("abc", "acb"), ("kitten", "sitting"), ("ca", "abc")]
    body = "return given.map(([a, b]) => m.distance(a, b));"
    assert call(blank, "near", body, pairs) == [3, 0, 1, 3, 3]


def test_a_key_means_the_same_on_keyboards_whose_digits_want_shift(blank: Any) -> None:
    body = """const e = (key, code, more) =>
      m.meaning({ key, code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false,
        repeat: false, isComposing: false, ...more });
    return [
      e("1", "Digit1"), e("&", "Digit1"), e("!", "Digit1", { shiftKey: true }), e("a", "KeyQ"),
      e("/", "Digit7", { shiftKey: true }), e("0", "Digit0"), e("u", "KeyU"),
      e("u", "KeyU", { ctrlKey: true }), e("1", "Digit1", { repeat: true }), e("Enter", "Enter"),
    ];"""
    assert call(blank, "keys", body) == [
        {"label": 0},
        {"label": 0},
        {},
        {"label": 9},
        {"action": "filter"},
        {"action": "whole"},
        {"action": "undo"},
        {},
        {},
        {},
    ]
