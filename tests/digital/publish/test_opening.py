"""An ONNX file is walked on the wire before anything opens it."""

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from twoloops.digital.publish.opening import open_model
from twoloops.records.errors import UserError


def test_a_model_opens(model: bytes) -> None:
    assert open_model(model).decide([b"crack"])[0].label in ("crack", "ok")


def test_domains_functions_and_training_are_refused(model: bytes) -> None:
    proto = onnx.load_from_string(model)
    proto.opset_import.append(helper.make_opsetid("evil.ops", 1))
    with pytest.raises(UserError, match=r"has operators of the domain 'evil\.ops'"):
        open_model(proto.SerializeToString())
    proto = onnx.load_from_string(model)
    proto.graph.node[0].domain = "evil.ops"
    with pytest.raises(UserError, match=r"has operators of the domain 'evil\.ops'"):
        open_model(proto.SerializeToString())
    proto = onnx.load_from_string(model)
    proto.functions.add(name="f", domain="evil.ops")
    with pytest.raises(UserError, match="has functions of its own"):
        open_model(proto.SerializeToString())
    proto = onnx.load_from_string(model)
    proto.training_info.add()
    with pytest.raises(UserError, match="has graphs for training"):
        open_model(proto.SerializeToString())


def test_data_in_other_files_is_found_in_a_subgraph_too(model: bytes) -> None:
    proto = onnx.load_from_string(model)
    tensor = onnx.TensorProto(name="x", data_type=1, dims=[1])
    tensor.external_data.add(key="location", value="/etc/passwd")
    inner = helper.make_graph([], "inner", [], [], initializer=[tensor])
    proto.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=inner))
    with pytest.raises(UserError, match="has data in other files"):
        open_model(proto.SerializeToString())
    proto = onnx.load_from_string(model)
    proto.graph.node.append(helper.make_node("Constant", [], ["y"], value=tensor))
    with pytest.raises(UserError, match="has data in other files"):
        open_model(proto.SerializeToString())


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_bytes_that_are_no_model_are_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(UserError):
        open_model(data)


@settings(max_examples=40, deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_cut_model_is_refused(model: bytes, cut: float) -> None:
    with pytest.raises(UserError):
        open_model(model[: int(cut * len(model))])
