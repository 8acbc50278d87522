"""`twoloops base vet`: what is printed, exit codes, records."""

import json
import pickle

import pytest
from onnx import TensorProto, helper


@pytest.fixture
def model(tmp_path):
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], name="only")],
        "g",
        [tensor("x", TensorProto.FLOAT, ["n"])],
        [tensor("y", TensorProto.FLOAT, ["n"])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return path


class Payload:
    def __reduce__(self):
        return print, ("the payload speaks",)


@pytest.fixture
def hostile(tmp_path):
    path = tmp_path / "w.bin"
    path.write_bytes(pickle.dumps(Payload()))
    return path


def test_a_good_file_is_told_in_80_columns(call, model) -> None:
    done = call("base", "vet", model)
    assert (done.code, done.err) == (0, "")
    assert "Nothing of it was run." in done.out
    assert "internal use: nothing found against" in done.out
    assert "publish a model made from it: needs" in done.out
    assert "Not looked at:" in done.out
    lines = [line for line in done.out.splitlines() if str(model.parent) not in line]
    assert max(map(len, lines)) <= 80


def test_no_word_calls_anything_safe_or_allowed(call, model, hostile) -> None:
    for path in (model, hostile):
        words = set(call("base", "vet", path).out.casefold().replace(".", " ").split())
        assert not words & {"safe", "allowed", "clean", "secure"}


def test_a_refusal_is_exit_code_1_with_its_place(call, hostile) -> None:
    done = call("base", "vet", hostile)
    assert done.code == 1
    assert "refuse  pickle: w.bin, offset" in done.out
    assert "names 'builtins.print'" in done.out
    assert "the payload speaks" not in done.out
    assert "internal use: refused" in done.out


def test_json_is_the_record(call, model) -> None:
    done = call("base", "vet", model, "--for", "internal", "--json")
    found = json.loads(done.out)
    assert [one["purpose"] for one in found["verdicts"]] == ["internal"]
    assert found["files"][0]["digest"].startswith("sha256:")


def test_a_record_pins_the_files(call, model, tmp_path) -> None:
    record = tmp_path / "record.json"
    assert call("base", "vet", model, "--record", record).code == 0
    assert call("base", "vet", model, "--pinned", record).code == 0
    model.write_bytes(model.read_bytes().replace(b"only", b"ever"))
    done = call("base", "vet", model, "--pinned", record)
    assert done.code == 1
    assert "changed under its name" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing-such"], "'nothing-such' is no path, no installed package and no known base"),
        (["model.onnx", "--for", "war"], "--for takes one of ['internal', 'publish'"),
        (["model.onnx", "--pinned", "model.onnx"], "is no record of a vetting"),
        (["model.onnx", "--record", "no/where"], "the record cannot be written"),
    ],
)
def test_the_users_situation_is_a_sentence(call, model, monkeypatch, words, sentence) -> None:
    monkeypatch.chdir(model.parent)
    done = call("base", "vet", *words)
    assert (done.code, done.out) == (2, "")
    assert sentence in " ".join(done.err.split())


def test_a_file_that_cannot_be_read_is_a_sentence(call, model, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.fwalk", refuse)
    done = call("base", "vet", model.parent)
    assert done.code == 2
    assert "cannot be read, or not be copied" in done.err


def test_a_real_process_prints_the_record(real, model) -> None:
    done = real("base", "vet", model, "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["verdicts"][0]["outcome"] == "nothing found against"
