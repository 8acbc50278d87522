"""Data outside of an ONNX file: below its folder, a regular file, every range its own."""

import os

import pytest
from onnx import TensorProto


@pytest.mark.parametrize("entries", [{}, {"offset": "0", "length": "48"}])
def test_data_beside_the_file_passes(outside, look, folder, entries) -> None:
    path = outside(**entries)
    for subject in (path, folder):
        found = look(subject)
        assert found.verdicts[0].outcome == "nothing found against"
        assert {one.path: one.kind for one in found.files} == {
            "model.onnx": "onnx",
            "weights.data": "onnx data",
        }


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("../secret", "'../secret', which leads out"),
        ("a/../../secret", "'a/../../secret', which leads out"),
        ("/etc/passwd", "the absolute path '/etc/passwd'"),
        ("~/secret", "the absolute path '~/secret'"),
        ("..\\secret", "the path '..\\\\secret'"),
        ("C:secret", "the path 'C:secret'"),
        ("file:///etc/passwd", "the path 'file:///etc/passwd'"),
        ("weights.data\0.txt", "the path"),
        ("*/_ORT_MEM_ADDR_/*", "an address in memory"),
        ("", "the absolute path ''"),
        ("./weights.data", "the path './weights.data'"),
        ("nothing", "'nothing', which is not there"),
        ("model.onnx", "its own file as data"),
    ],
)
def test_a_path_that_is_not_plain_is_refused(outside, refusals, tmp_path, location, words) -> None:
    (tmp_path / "secret").write_bytes(bytes(48))
    path = outside(location)
    for subject in (path, path.parent):
        found = refusals(subject)
        assert [one.place for one in found] == ["tensor 'w'"]
        assert found[0].got.startswith(words)


@pytest.mark.parametrize("kind", ["link", "hard link", "linked folder", "pipe", "linked to itself"])
def test_data_that_is_no_regular_file_is_refused(outside, refusals, tmp_path, kind) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "weights.data").write_bytes(bytes(48))
    inside = outside("w/weights.data" if kind == "linked folder" else "weights.data", data=b"")
    made = inside.parent / "weights.data"
    if kind == "link":
        made.symlink_to(secret / "weights.data")
    elif kind == "hard link":
        os.link(secret / "weights.data", made)
    elif kind == "linked folder":
        (inside.parent / "w").symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(made)
    else:
        made.symlink_to("weights.data")
    for subject in (inside, inside.parent):
        assert refusals(subject)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"offset": "4", "length": "48"}, "bytes 4 to 52"),
        ({"offset": "99999999999999999"}, "0 bytes"),
        ({"length": "47"}, "47 bytes"),
        ({"offset": "-1"}, "offset and length"),
        ({"offset": "1e1"}, "offset and length"),
        ({"offset": "٣"}, "offset and length"),
        ({"offset": str(1 << 70)}, "offset and length"),
        ({"checksum": "00"}, "SHA-1"),
        ({"basepath": "/etc"}, "the keys"),
    ],
)
def test_a_range_that_is_not_the_tensors_own_is_refused(outside, refusals, entries, words) -> None:
    assert any(one.got.startswith(words) for one in refusals(outside(**entries)))


def test_ranges_that_overlap_are_refused_and_shared_ones_noted(
    folder, model, refusals, look
) -> None:
    made = model()
    for number, tensor in enumerate(made.graph.initializer):
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": "w", "offset": str(number * 4)}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    made.graph.initializer[1].dims[:] = [3, 4]
    for tensor in made.graph.initializer:
        entry = tensor.external_data.add()
        entry.key, entry.value = "length", "48"
    (folder / "w").write_bytes(bytes(60))
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    (found,) = refusals(path)
    assert (found.file, found.place) == ("w", "tensor 'b', offset 4")
    assert found.got == "overlaps up to 48"
    made.graph.initializer[1].external_data[1].value = "0"
    path.write_bytes(made.SerializeToString())
    notes = [one.got for one in look(path).findings if one.check == "external data"]
    assert notes == [
        "1 range shared with another tensor",
        "12 bytes of 60 belong to no tensor",
    ]


def test_two_places_for_the_data_are_refused(outside, refusals) -> None:
    import onnx

    path = outside()
    made = onnx.load(path, load_external_data=False)
    made.graph.initializer[0].float_data.extend([0.0] * 12)
    path.write_bytes(made.SerializeToString())
    assert refusals(path)[0].got == "data both within the file and outside"
