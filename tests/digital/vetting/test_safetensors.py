"""Safetensors: every lie a header can tell is told with its place."""

import json

import pytest

from twoloops.digital.vetting.limits import Limits


def entry(dtype="F32", shape=(2,), offsets=(0, 8)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_a_good_file_has_nothing_against_it(tensors, look) -> None:
    found = look(tensors())
    assert found.verdicts[0].outcome == "nothing found against"
    assert "2 tensors, 32 bytes" in {look.what.partition(": ")[2] for look in found.looks}
    assert [one.kind for one in found.files] == ["safetensors"]


def test_a_file_of_the_fields_own_writer_has_nothing_against_it(folder, look) -> None:
    library = pytest.importorskip("safetensors.numpy")
    import numpy as np

    path = folder / "model.safetensors"
    library.save_file({"a": np.ones((3, 4), np.float16), "b": np.zeros((0, 2))}, str(path))
    assert look(path).verdicts[0].outcome == "nothing found against"


LIES = {
    "overlap": ({"a": entry(), "b": entry(offsets=(4, 12))}, 12, "overlaps its neighbour"),
    "gap": ({"a": entry(), "b": entry(offsets=(12, 20))}, 20, "4 bytes before it belong to no"),
    "outside": ({"a": entry(offsets=(8, 16))}, 8, "ends at 16, the data at 8"),
    "rest": ({"a": entry()}, 12, "4 bytes after the last tensor"),
    "shape": ({"a": entry(shape=(3,))}, 8, "8 bytes for '[3]' of F32"),
    "negative": ({"a": entry(shape=(-2,))}, 8, "the shape '[-2]'"),
    "huge": ({"a": entry(shape=(2**40, 2**40))}, 8, "of F32: 4835703278458516698824704 bytes"),
    "wrap": ({"a": entry(shape=(2**62, 4))}, 0, "of F32: 73786976294838206464 bytes"),
    "backwards": ({"a": entry(offsets=(8, 0))}, 8, "the offsets '[8, 0]'"),
    "fraction": ({"a": entry(shape=(2.0,))}, 8, "the shape '[2.0]'"),
    "type": ({"a": entry(dtype="OBJECT")}, 8, "the type 'OBJECT'"),
    "key": ({"a": entry() | {"code": "x"}}, 8, "'dtype': 'F32'"),
    "metadata": ({"__metadata__": {"a": 1}}, 0, "not texts by name"),
    "list": ([1], 0, "no JSON: 'it does not begin with {'"),
    "broken": (b'{"a": ', 0, "no JSON"),
    "nan": (b'{"a": NaN}', 0, "NaN is no JSON"),
    "deep": (b'{"a":' + b"[" * 100_000, 0, "no JSON"),
    "twice": (b'{"a": 1, "a": 2}', 0, "the key 'a' twice"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused(tensors, refusals, name) -> None:
    header, size, words = LIES[name]
    found = refusals(tensors(header, bytes(size)))
    assert any(words in one.got for one in found), found
    assert {one.file for one in found} == {"model.safetensors"}


def test_a_huge_header_is_not_read(folder, refusals) -> None:
    path = folder / "m.safetensors"
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    (found,) = refusals(path)
    assert found.got == "a header of 4,611,686,018,427,387,904 bytes in a file of 10"
    assert (found.place, found.allowed) == ("offset 0", "up to 2")


def test_a_header_above_the_cap_is_refused(tensors, refusals) -> None:
    header = json.dumps({"a": entry()}).encode() + b" " * 2000
    (found,) = refusals(tensors(header, bytes(8)), Limits(header_bytes=1000))
    assert found.allowed == "up to 1,000"


@pytest.mark.parametrize("size", [1, 7, 8, 9, 100, 150])
def test_a_file_cut_short_is_refused(tensors, refusals, size) -> None:
    path = tensors()
    path.write_bytes(path.read_bytes()[:size])
    assert refusals(path)


def test_a_pickle_under_the_name_is_seen(folder, refusals, canary) -> None:
    (folder / "m.safetensors").write_bytes(canary.payload)
    assert any("posix.system" in one.got for one in refusals(folder))
