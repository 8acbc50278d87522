"""The model card: the hub's keys in the front matter, then sentences."""

import re
from typing import Any

import msgspec

from twoloops.digital.publish.sidecar import EXAMPLE, NOTICE, SIDECAR, Rate, Sidecar
from twoloops.records.base import BaseCard

PIPELINES = {
    "text": "text-classification",
    "image": "image-classification",
    "signal": "time-series-classification",
}
"""Kind of input → the hub's `pipeline_tag`; it has none for signals alone."""

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
"""OWNER/NAME. Built-in features have such names too and are no models of the hub."""

YAML_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
"""YAML 1.1 reads these as truth values or nothing."""

HUB = "hub:"
FINETUNED = "finetune/"
"""Recipes that change the base's own weights. The hub's `base_model_relation` is `adapter`,
`merge`, `quantized` or `finetune`: a head beside a frozen encoder is none of these, and
neither is a student."""


def relation_of(recipe: str, base: str) -> str:
    """Say in words how a model was made from its base.

    >>> relation_of("head/1 strength=1", "minilm")
    'a logistic head on the frozen encoder minilm'
    """
    if recipe.startswith(FINETUNED):
        return f"fine-tuned from {base}"
    if recipe.startswith("distil"):
        return f"a student on the frozen encoder {base}, distilled from a teacher"
    return f"a logistic head on the frozen encoder {base}"


def base_models(base: BaseCard | None) -> list[str]:
    """Return the models of the hub that it stands on directly, as far as the card names them."""
    if base is None:
        return []
    if base.kind == "open model" and HUB_NAME.fullmatch(base.name):
        return [base.name]
    if published := [one.removeprefix(HUB) for one in base.sources if one.startswith(HUB)]:
        return published
    named = [one.name for one in base.lineage if HUB_NAME.fullmatch(one.name)]
    # A chain has its nearest first; the ancestors of several parts all stand beside one another.
    return named if base.parts else named[:1]


def front_matter(sidecar: Sidecar) -> dict[str, Any]:
    """Return the hub's keys with their values."""
    own, models = sidecar.card, base_models(sidecar.base)
    keys: dict[str, Any] = {
        "library_name": "onnx",
        "pipeline_tag": PIPELINES[sidecar.task.kind],
        **_licence(sidecar.licence),
    }
    if models:
        keys["base_model"] = models
        if own.recipe.startswith(FINETUNED):
            keys["base_model_relation"] = "finetune"
    if sidecar.dataset_name:
        keys["datasets"] = [sidecar.dataset_name]
    keys["tags"] = ["twoloops", sidecar.task.kind, "onnx"]
    if sidecar.accuracy.value is not None:
        keys["metrics"] = ["accuracy"]
        keys["model-index"] = [_result(sidecar, sidecar.accuracy.value)]
    return keys


def readme(sidecar: Sidecar, *, published: bool) -> str:
    """Return the model card.

    Args:
        sidecar: What is known of the model.
        published: Whether a sidecar and a notice stand beside the card.
    """
    own, base, verdict = sidecar.card, sidecar.base, sidecar.gate
    lineage = base.lineage if base is not None else ()
    threshold = own.threshold
    body = [
        f"# {own.task}: {', '.join(own.labels)}",
        "",
        f"A small {sidecar.task.kind} classifier made by twoloops: {sidecar.relation}, in one ONNX "
        "file. It is no language model.",
        "",
        f"- Model: `{sidecar.model}`",
        f"- Normal label: {own.normal or 'none'}; threshold on the probability of any fault: "
        f"{'none, the most probable label decides' if threshold is None else threshold}",
        f"- Base: `{own.base}` (`{own.base_digest}`"
        + (f", revision {base.revision})" if base is not None else ")"),
        f"- Recipe: {own.recipe}; dataset `{own.dataset}`; turn {sidecar.turn}",
        *([f"- Teachers: {', '.join(sidecar.teachers)}"] if sidecar.teachers else []),
        f"- Released: {'never; the gate did not approve it' if verdict is None else 'yes'}"
        + ("" if verdict is None else f", because: {verdict.reason.removeprefix('released: ')}"),
        f"- Accuracy on audit labels that came after training: {_rate(sidecar.accuracy)}",
        "",
        "Lineage of the base, nearest first:",
        "",
        *(
            [
                f"- {one.relation} {one.name} ({one.publisher}; {one.licence}; {one.source})"
                for one in lineage
            ]
            or [f"- {_no_lineage(base)}"]
        ),
        "",
        *(_obligations(sidecar) if published else []),
        f"Try it with `python {EXAMPLE}`; it needs `pip install twoloops` and nothing more.",
        "",
    ]
    return "\n".join([*_yaml(front_matter(sidecar)), "", *body])


def _no_lineage(base: BaseCard | None) -> str:
    if base is None:
        return "unknown: the base cannot be had any more where this was written"
    if base.kind == "features":
        return "none: built-in features, nothing learned elsewhere"
    return "none stated"


def _obligations(sidecar: Sidecar) -> list[str]:
    lines = [f"- {one}" for one in sidecar.obligations]
    return [
        f"What goes with it, as far as it is known (details in `{NOTICE}` and `{SIDECAR}`):",
        "",
        *(lines or ["- nothing found"]),
        "",
        f"Check this folder with `twoloops verify DIR`. `{SIDECAR}` holds what a card has no key "
        "for: revisions, digests, the gate's evidence.",
        "",
    ]


def _licence(licence: str) -> dict[str, str]:
    """Return the hub's keys: its own spelling of SPDX, or `other` with a name.

    >>> _licence("Apache-2.0")
    {'license': 'apache-2.0'}
    >>> _licence("MIT AND BSD-3-Clause")
    {'license': 'other', 'license_name': 'MIT AND BSD-3-Clause', 'license_link': 'NOTICE'}
    """
    plain = re.fullmatch(r"[A-Za-z0-9.+-]+", licence) and not licence.startswith("LicenseRef-")
    if plain and licence != "unknown":
        return {"license": licence.lower()}
    return {"license": "other", "license_name": licence, "license_link": NOTICE}


def _rate(rate: Rate) -> str:
    if rate.value is None or rate.interval is None:
        return f"unknown ({rate.labels} labels)"
    low, high = rate.interval
    return f"{rate.value:.3f} ({low:.3f} to {high:.3f}, {rate.labels} labels)"


def _result(sidecar: Sidecar, value: float) -> dict[str, Any]:
    task = sidecar.card.task
    return {
        "name": task,
        "results": [
            {
                "task": {"type": PIPELINES[sidecar.task.kind]},
                "dataset": {
                    "name": f"audit labels of {task}",
                    "type": sidecar.dataset_name or "private",
                },
                "metrics": [{"type": "accuracy", "value": round(value, 4)}],
            }
        ],
    }


def _yaml(keys: dict[str, Any]) -> list[str]:
    """Return front matter; JSON's scalars are YAML's, and plain words need no quotes."""
    return ["---", *_lines(keys, ""), "---"]


def _lines(keys: dict[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for key, value in keys.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{key}:")
            for one in value:
                inner = _lines(one, indent + "  ") if isinstance(one, dict) else [_scalar(one)]
                first, *rest = inner
                lines += [f"{indent}- {first.strip()}", *rest]
        else:
            lines.append(f"{indent}{key}: {_scalar(value)}")
    return lines


def _scalar(value: object) -> str:
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z][A-Za-z-]*(-\d[\d.]*)?", value)
        and value.lower() not in YAML_WORDS
    ):
        return value
    return msgspec.json.encode(value).decode()
