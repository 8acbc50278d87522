"""A payload as an input: raw bytes, or JSON where inputs can be written so."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from twoloops.edge.adapters.limits import LARGEST
from twoloops.edge.adapters.payloads import Payload, read
from twoloops.edge.adapters.quarantine import Quarantine
from twoloops.edge.preprocess import check_input
from twoloops.records.errors import TransientError, UserError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"hose leaks", Payload(b"hose leaks")),
        (b' {"text": "hose leaks", "origin": "press 4"}', Payload(b"hose leaks", "press 4")),
        (b'{"text": "hose leaks", "origin": 7}', Payload(b"hose leaks")),
        # What is no such object is a text as it stands.
        (b'{"code": 7}', Payload(b'{"code": 7}')),
        (b'{"text": 7}', Payload(b'{"text": 7}')),
        (b"{hose} leaks", Payload(b"{hose} leaks")),
        (b"\xff", Payload(b"\xff")),
        (b"{" * 60_000, Payload(b"{" * 60_000)),
    ],
)
def test_a_text_is_raw_or_in_an_object(data: bytes, expected: Payload) -> None:
    assert read("text", data) == expected


def test_half_a_character_in_json_is_refused_by_the_tasks_check() -> None:
    with pytest.raises(UserError, match="UTF-8"):
        check_input("text", read("text", rb'{"text": "\ud800"}').input)


def window(values: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(values, np.float32))
    return file.getvalue()


def test_a_signal_is_an_array_or_rows_of_numbers() -> None:
    rows = [[0.5, 1.5, 2], [3, 4, 5]]
    expected = window(rows)
    assert read("signal", expected) == Payload(expected)
    assert read("signal", json.dumps(rows).encode()) == Payload(expected)
    said = json.dumps({"values": rows, "origin": "fan 2"}).encode()
    assert read("signal", said) == Payload(expected, "fan 2")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"noise",
        b"[1, 2]",
        b"[[1], [1, 2]]",
        b'[["a"]]',
        b'{"text": "x"}',
        b"[[{}]]",
        b"[" * 50_000,
    ],
)
def test_what_is_no_window_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(UserError, match=r"write \.npy, or JSON"):
        read("signal", data)


@pytest.mark.parametrize("data", [b"[[1e300, 1]]", b"[[NaN, 1]]"])
def test_numbers_that_are_none_are_refused_by_the_tasks_check(data: bytes) -> None:
    with pytest.raises(UserError):
        check_input("signal", read("signal", data).input)


@pytest.mark.parametrize("kind", ["text", "signal", "image"])
def test_what_is_too_large_is_refused_before_it_is_read(kind) -> None:
    with pytest.raises(UserError, match="send less in one message"):
        read(kind, bytes(LARGEST[kind] + 1))
    assert read("image", b"\x89PNG") == Payload(b"\x89PNG")


def test_the_quarantine_keeps_so_many_and_counts_all(tmp_path: Path) -> None:
    one = Quarantine(tmp_path / "aside", most=2)
    for data in (b"a", b"a", b"b", b"c"):
        one.put(data, "it is bad")
    assert (one.refused, one.left_out) == (4, 1)
    reasons = list((tmp_path / "aside").glob("*.reason.txt"))
    assert {path.read_text() for path in reasons} == {"it is bad\n"}
    kept = [path.with_name(path.name.removesuffix(".reason.txt")) for path in reasons]
    assert sorted(path.read_bytes() for path in kept) == [b"a", b"b"]
    (tmp_path / "file").touch()
    with pytest.raises(TransientError):
        Quarantine(tmp_path / "file" / "aside").put(b"a", "it is bad")
