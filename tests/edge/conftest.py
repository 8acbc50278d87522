from collections.abc import Callable

import pytest
from onnx_models import onnx_bytes

from twoloops.edge.metadata import to_properties
from twoloops.records.base import ModelCard
from twoloops.records.preprocess import Preprocess, Window


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(
        "fan", ("crack", "good"), "good", 0.4, "builtin/none", "sha256:0", "head", "sha256:1"
    )


@pytest.fixture
def make_model(card: ModelCard) -> Callable[..., bytes]:
    """Build a model file; properties default to a one-sample window and the card."""

    def make(properties: dict[str, str] | None = None, **options: float) -> bytes:
        if properties is None:
            properties = to_properties(Preprocess((Window(2, 1),)), {}, card)
        return onnx_bytes(properties, **options)

    return make
