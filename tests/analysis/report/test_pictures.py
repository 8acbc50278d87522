import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from twoloops.analysis.report.pictures import picture, sparkline


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros((1, 1)),
        np.zeros((3, 10)),
        np.full((2, 5), np.nan),
        np.array([[np.inf, 1.0, -np.inf, 2.0]]),
        np.random.default_rng(0).normal(size=(6, 5000)),
    ],
)
def test_a_signal_is_drawn_whatever_it_holds(signal):
    svg, note = sparkline(signal).split("</svg>")
    ET.fromstring(svg + "</svg>")
    assert "nan" not in svg
    assert "inf" not in svg
    assert f"{signal.shape[1]} samples" in note
    assert len(svg) < 30_000


def test_peaks_of_a_long_signal_stay_visible():
    signal = np.zeros((1, 10_000))
    signal[0, 4321] = 1.0
    assert ",4.0 " in sparkline(signal)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\x89PNG broken",
        b"\x93NUMPY",
        npy(np.array(["a", "b"])),
        npy(np.zeros((2, 3, 4))),
        npy(np.zeros((0, 4))),
        b"<svg onload='alert(1)'/>",
    ],
)
def test_what_cannot_be_shown_is_said(data):
    assert "(this input cannot be shown)" in picture(data, "x")


def test_an_image_carries_its_escaped_description(inputs):
    shown = picture(inputs["small"], '"><script>')
    assert shown.startswith('<img src="data:image/png;base64,')
    assert "<script>" not in shown
