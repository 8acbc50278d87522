"""ONNX: known operators of known versions, tensors of their own size, nothing written twice."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from twoloops.digital.vetting.checker import check_apart
from twoloops.digital.vetting.limits import DEFAULT, Limits


@pytest.fixture
def refused(folder, refusals):
    """Return a function that writes a model and gives (place, got) of what refuses it."""

    def refusing(model, limits=DEFAULT) -> list[tuple[str, str]]:
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (folder / "m.onnx").write_bytes(data)
        return [(one.place, one.got) for one in refusals(folder / "m.onnx", limits)]

    return refusing


def node(operator: str, domain: str = "", **attributes) -> onnx.NodeProto:
    return helper.make_node(operator, ["x"], ["y"], name="it", domain=domain, **attributes)


def opsets(**versions) -> list:
    names = {"main": "", "ml": "ai.onnx.ml", "microsoft": "com.microsoft", "mine": "mine"}
    return [helper.make_opsetid(names[name], version) for name, version in versions.items()]


def test_a_good_model_has_nothing_against_it(folder, look, model) -> None:
    (folder / "m.onnx").write_bytes(model().SerializeToString())
    found = look(folder / "m.onnx")
    assert found.verdicts[0].outcome == "nothing found against"
    assert {one.check for one in found.looks} >= {"onnx", "operators", "tensors", "onnx.checker"}


def test_operators_of_onnxruntime_on_the_list_pass(refused, model) -> None:
    nodes = [node("Gelu", "com.microsoft")]
    assert refused(model(nodes, opset_imports=opsets(main=17, microsoft=1))) == []


@pytest.mark.parametrize(
    ("operator", "domain"),
    [
        ("PyOp", "ai.onnx.contrib"),
        ("EPContext", "com.microsoft"),
        ("PythonOp", "com.microsoft"),
        ("Conv", "com.microsoft.nchwc"),
        ("Mine", "mine"),
        ("NoSuchThing", ""),
        ("Mish", ""),  # there from version 18 on
    ],
)
def test_an_operator_that_is_not_on_the_list_is_refused(refused, model, operator, domain) -> None:
    imports = [helper.make_opsetid(name, 1) for name in {domain} - {""}] + opsets(main=17)
    found = refused(model([node(operator, domain)], opset_imports=imports))
    ((_, got),) = [one for one in found if one[0] == "node 0 'it'"]
    assert got.startswith(f"calls {operator!r}")


def subgraph(inner) -> onnx.GraphProto:
    out = helper.make_tensor_value_info(inner.output[0], TensorProto.FLOAT, ["n", 3])
    return helper.make_graph([inner], "inner", [], [out])


def test_a_custom_operator_in_a_subgraph_is_found_there(refused, model) -> None:
    bad = helper.make_node("Evil", ["x"], ["z"], name="deep", domain="mine")
    good = helper.make_node("Identity", ["x"], ["z"])
    condition = numpy_helper.from_array(np.array(True), "c")
    choose = helper.make_node(
        "If", ["c"], ["y"], name="choose", then_branch=subgraph(good), else_branch=subgraph(bad)
    )
    found = refused(model([choose], constants=[condition], opset_imports=opsets(main=17, mine=1)))
    assert [place for place, _ in found] == ["node 0 'choose' > node 0 'deep'"]


def function(name="Twice", domain="mine", calls=("Add", "")) -> onnx.FunctionProto:
    body = helper.make_node(calls[0], ["a", "a"], ["b"], domain=calls[1])
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    return helper.make_function(domain, name, ["a"], ["b"], [body], imports)


def test_a_function_in_the_file_may_be_called(refused, model) -> None:
    made = model([node("Twice", "mine")], opset_imports=opsets(main=17, mine=1))
    made.functions.append(function())
    assert refused(made) == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (function(calls=("Evil", "other")), "calls 'Evil' of 'other'"),
        (function(calls=("Twice", "mine")), "a function that calls itself"),
        (function("Relu", ""), "defined in 'ai.onnx'"),
        (function("Gelu", "com.microsoft"), "defined in 'com.microsoft'"),
    ],
)
def test_a_bad_function_is_refused(refused, model, bad, words) -> None:
    made = model([node("Twice", "mine")], opset_imports=opsets(main=17, mine=1))
    made.functions.extend([bad] if bad.name == "Twice" else [function(), bad])
    assert any(got.startswith(words) for _, got in refused(made))


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ({"ir_version": 99}, "ir_version"),
        ({"ir_version": 1}, "ir_version"),
        ({"opset_imports": opsets(main=999)}, "opset_import"),
        ({"opset_imports": opsets(main=3)}, "opset_import"),
        ({"opset_imports": opsets(ml=3)}, "node 0 'first'"),
        ({"opset_imports": [*opsets(main=17), *opsets(main=18)]}, "opset_import"),
    ],
)
def test_a_version_out_of_range_is_refused(refused, model, words, place) -> None:
    assert any(where.startswith(place) for where, _ in refused(model(**words)))


def constant(data_type=TensorProto.FLOAT, dims=(2,), **fields) -> onnx.TensorProto:
    return TensorProto(name="w", data_type=data_type, dims=dims, **fields)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (constant(raw_data=bytes(7)), "7 bytes"),
        (constant(float_data=[1.0]), "1 number"),
        (constant(), "no data"),
        (constant(dims=(-2,), raw_data=bytes(8)), "the shape '[-2]'"),
        (constant(dims=(2**40, 2**22)), "'[1099511627776, 4194304]': "),
        (constant(dims=(2**63 - 1, 2**63 - 1, 4)), "'[9223372036854775807, 92233720368547"),
        (constant(data_type=99, raw_data=bytes(8)), "element type 99"),
        (constant(raw_data=bytes(8), float_data=[1.0, 2.0]), "data in several fields"),
        (constant(segment=TensorProto.Segment(begin=0, end=2)), "a segment of a tensor"),
    ],
)
def test_a_tensor_whose_data_is_not_its_size_is_refused(refused, model, tensor, words) -> None:
    found = refused(model([node("Identity")], constants=[tensor]))
    assert any(got.startswith(words) and place == "tensor 'w'" for place, got in found), found


def test_a_tensor_in_an_attribute_is_looked_at_too(refused, model) -> None:
    made = helper.make_node("Constant", [], ["y"], name="c", value=constant(raw_data=bytes(3)))
    assert ("node 0 'c', attribute 'value'", "3 bytes") in refused(model([made]))


def test_a_sparse_tensor_with_data_outside_is_refused(refused, model) -> None:
    made = model([node("Identity")])
    sparse = made.graph.sparse_initializer.add(dims=[4])
    sparse.values.CopyFrom(constant(data_location=1))
    entry = sparse.values.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    sparse.indices.CopyFrom(constant(TensorProto.INT64, raw_data=bytes(16)))
    assert (
        "sparse 'w', values",
        "a sparse tensor's data outside of the file",
    ) in refused(made)


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [("ConstantOfShape", ["s"]), ("Expand", ["x", "s"]), ("Tile", ["x", "s"])],
)
def test_a_small_file_that_asks_for_all_memory_is_refused(refused, model, operator, inputs) -> None:
    shape = numpy_helper.from_array(np.array([2**20, 2**20], dtype=np.int64), "s")
    made = helper.make_node(operator, inputs, ["y"], name="bomb")
    found = refused(model([made], constants=[shape]))
    assert found == [("node 0 'bomb'", "makes '[1048576, 1048576]' numbers")]


def test_random_numbers_of_a_huge_shape_are_refused(refused, model) -> None:
    made = helper.make_node("RandomNormal", [], ["y"], name="bomb", shape=[2**30, 4])
    assert refused(model([made])) == [("node 0 'bomb'", "makes '[1073741824, 4]' numbers")]


def test_options_of_the_runtime_in_the_metadata_are_refused(refused, model) -> None:
    made = model()
    helper.set_model_props(made, {"ort_config": "{}"})
    assert refused(made) == [("metadata 'ort_config'", "options of the runtime")]


def test_a_graph_for_training_is_refused(refused, model) -> None:
    made = model()
    made.training_info.add().algorithm.CopyFrom(made.graph)
    assert ("training_info", "graphs for training") in refused(made)


def test_control_flow_is_noted(folder, look, model) -> None:
    good = helper.make_node("Identity", ["x"], ["z"])
    condition = numpy_helper.from_array(np.array(True), "c")
    branches = {"then_branch": subgraph(good), "else_branch": subgraph(good)}
    made = model([helper.make_node("If", ["c"], ["y"], **branches)], constants=[condition])
    (folder / "m.onnx").write_bytes(made.SerializeToString())
    found = look(folder / "m.onnx")
    assert [one.got for one in found.findings if one.check == "operators"] == [
        "1 node of If, Loop or Scan: what runs depends on values"
    ]
    assert found.verdicts[0].outcome == "nothing found against"


def test_a_graph_written_twice_is_refused(refused, model) -> None:
    # A parser merges the two; one that takes the last sees another model.
    data = model().SerializeToString()
    found = refused(data + onnx.ModelProto(graph=model().graph).SerializeToString())
    assert any("ModelProto.graph twice" in got for _, got in found)


def test_fields_that_onnx_does_not_know_are_told(folder, look, model) -> None:
    (folder / "m.onnx").write_bytes(model().SerializeToString() + b"\xc2\x3e\x03abc")
    found = look(folder / "m.onnx")
    (unknown,) = [one for one in found.findings if one.check == "onnx"]
    assert "ModelProto.1000" in unknown.got
    assert found.verdicts[0].outcome == "needs"


def test_a_file_that_would_fill_the_memory_is_counted_first(refused) -> None:
    nodes = b"\x0a\x00" * 5000  # each an empty node
    data = b"\x3a" + bytes([len(nodes) & 0x7F | 0x80, len(nodes) >> 7]) + nodes
    found = refused(data, Limits(onnx_fields=1000))
    assert any("more than 1,000 fields" in got for _, got in found)


def test_graphs_in_one_another_end_at_a_depth(refused, model) -> None:
    inner = node("Identity")
    for _ in range(25):
        inner = helper.make_node("If", ["x"], ["y"], then_branch=subgraph(inner))
    assert any("messages in one another" in got for _, got in refused(model([inner])))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_model_cut_short_is_refused(refused, model, part) -> None:
    data = model().SerializeToString()
    assert refused(data[: int(len(data) * part)])


def test_the_checker_has_a_process_of_its_own(folder, model) -> None:
    path = folder / "m.onnx"
    path.write_bytes(model().SerializeToString())
    assert check_apart(path, DEFAULT) is None
    broken = model()
    broken.graph.node[0].input[0] = "nowhere"
    path.write_bytes(broken.SerializeToString())
    assert "ValidationError" in (check_apart(path, DEFAULT) or "")


def test_a_checker_without_enough_memory_is_an_answer_too(folder, model) -> None:
    path = folder / "m.onnx"
    path.write_bytes(model().SerializeToString())
    assert check_apart(path, Limits(checker_bytes=50 << 20))
