"""The model card: keys that the hub's own library reads."""

import msgspec
import pytest

from twoloops.digital.publish.model_card import readme
from twoloops.digital.publish.sidecar import Rate, Sidecar
from twoloops.records.base import Ancestor

hub = pytest.importorskip("huggingface_hub")


def keys(sidecar: Sidecar) -> dict[str, object]:
    found: dict[str, object] = hub.ModelCard(readme(sidecar, published=True)).data.to_dict()
    return found


def test_the_hubs_library_reads_the_keys(sidecar: Sidecar) -> None:
    found = keys(msgspec.structs.replace(sidecar, dataset_name="acme/press"))
    assert found["license"] == "apache-2.0"
    assert found["library_name"] == "onnx"
    assert found["pipeline_tag"] == "text-classification"
    assert found["datasets"] == ["acme/press"]
    assert found["tags"] == ["twoloops", "text", "onnx"]
    results = found["model-index"]
    assert isinstance(results, list)
    metric = results[0]["results"][0]["metrics"][0]
    assert (metric["type"], metric["value"]) == ("accuracy", 0.9)
    assert "base_model" not in found


def test_a_base_of_the_hub_is_named_and_finetuned_only_where_it_was(sidecar: Sidecar) -> None:
    assert sidecar.base is not None
    chain = (
        Ancestor("owner/base", "exported from", "owner", "MIT", "card"),
        Ancestor("owner/older", "distilled from", "owner", "MIT", "card"),
    )
    base = msgspec.structs.replace(sidecar.base, name="small", kind="open model", lineage=chain)
    head = msgspec.structs.replace(sidecar, base=base)
    assert keys(head)["base_model"] == ["owner/base"]
    assert "base_model_relation" not in keys(head)
    card = msgspec.structs.replace(sidecar.card, recipe="finetune/1 blocks=2")
    assert keys(msgspec.structs.replace(head, card=card))["base_model_relation"] == "finetune"
    both = msgspec.structs.replace(base, parts=("one", "two"))
    assert keys(msgspec.structs.replace(sidecar, base=both))["base_model"] == [
        "owner/base",
        "owner/older",
    ]


def test_other_licences_awkward_names_and_unknown_figures(sidecar: Sidecar) -> None:
    card = msgspec.structs.replace(sidecar.card, task='no: "yes"')
    found = keys(msgspec.structs.replace(sidecar, licence="unknown", card=card))
    assert found["license"] == "other"
    assert found["license_name"] == "unknown"
    results = found["model-index"]
    assert isinstance(results, list)
    assert results[0]["name"] == 'no: "yes"'
    none = msgspec.structs.replace(sidecar, accuracy=Rate(None, None, 2), base=None)
    assert "model-index" not in keys(none)
    assert "unknown (2 labels)" in readme(none, published=False)
