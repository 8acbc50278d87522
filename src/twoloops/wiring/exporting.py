"""Export a model: the ONNX file, its card, a README with the model hub's keys, an example."""

from pathlib import Path

import msgspec

from twoloops.convergence.evaluate import Estimates
from twoloops.digital.base import Base
from twoloops.records.base import BaseCard, ModelCard
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.gate import Verdict
from twoloops.records.task import Task
from twoloops.store.rows import StoredModel
from twoloops.store.workspace import Store
from twoloops.wiring.edge import MODEL
from twoloops.wiring.replay import write
from twoloops.wiring.status import estimates_of
from twoloops.wiring.workspace import workbench

CARD, README, EXAMPLE = "card.json", "README.md", "example.py"
PIPELINES = {
    "text": "text-classification",
    "image": "image-classification",
    "signal": "time-series-classification",
}
"""Kind of input → the hub's `pipeline_tag`; it has none for signals alone."""


class ExportedCard(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in `card.json`.

    Args:
        model: Digest of `model.onnx`.
        card: As it stands inside the file.
        kind: Kind of input.
        shape: (channels, samples) of a signal.
        base: The base's card, with its lineage; `None` where it cannot be loaded here.
        turn: The turn that made the model.
        released: The gate's verdict, or `None` where it was never released.
        estimates: From audit labels that came after it was trained.
    """

    model: Digest
    card: ModelCard
    kind: str
    shape: tuple[int, int] | None
    base: BaseCard | None
    turn: int
    released: Verdict | None
    estimates: Estimates


def find(store: Store, words: str, task: Task | None) -> StoredModel:
    """Return the model that `deployed` or the beginning of a digest names.

    Args:
        store: The workspace's.
        words: `deployed`, or at least four digits of a digest.
        task: Whose deployed model is meant.

    Raises:
        UserError: There is none, or several begin so.
    """
    if words == "deployed":
        assert task is not None
        release = store.releases.deployed(task.name)
        if release is None:
            raise UserError(
                f"no model of task {task.name!r} is released yet: go on with  "
                f"twoloops turn {task.name}"
            )
        return store.models.find(release.model)
    models = [model for one in store.tasks.all() for model in store.models.of_task(one.name)]
    prefix = words.removeprefix("sha256:").lower()
    found = [model for model in models if short(model.digest).startswith(prefix[:12])]
    found = [model for model in found if model.digest.removeprefix("sha256:").startswith(prefix)]
    if len(prefix) < 4 or len(found) != 1:
        known = ", ".join(short(model.digest) for model in models[-8:]) or "none yet"
        what = "names several models" if len(found) > 1 else "names no model"
        raise UserError(
            f"{words!r} {what}: give  deployed , or four or more digits of a digest; the latest "
            f"are {known}"
        )
    return found[0]


def export(store: Store, model: StoredModel, folder: Path, *, force: bool = False) -> list[Path]:
    """Write a model's folder; returns its files.

    Raises:
        UserError: The folder holds something already and `force` is not given, or cannot be
            written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise UserError(
            f"{folder} is not empty: name another folder, or replace its files with --force"
        )
    card = _card(store, model)
    files = {
        MODEL: store.models.get(model.digest),
        CARD: msgspec.json.format(msgspec.json.encode(card), indent=2),
        README: readme(card).encode(),
        EXAMPLE: EXAMPLES[card.kind].encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write(folder / name, data)
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; name a folder you may write to"
        ) from error
    return [folder / name for name in files]


def _card(store: Store, model: StoredModel) -> ExportedCard:
    task = store.tasks.get(model.task)
    bench = workbench(task)
    first = bench.first(task)
    base: Base | str = first if model.card.base == first.card.name else bench.load(model.card.base)
    released = [one for one in store.releases.all(task.name) if one.model == model.digest]
    return ExportedCard(
        model=model.digest,
        card=model.card,
        kind=task.kind,
        shape=task.shape,
        base=None if isinstance(base, str) else base.card,
        turn=model.turn,
        released=released[-1].verdict if released else None,
        estimates=estimates_of(store, task, model.digest),
    )


def readme(card: ExportedCard) -> str:
    """Return the model card: the hub's keys in the front matter, then sentences."""
    own, base = card.card, card.base
    parents = [one.name for one in base.lineage] if base is not None else []
    front = [
        "---",
        "library_name: onnx",
        f"pipeline_tag: {PIPELINES[card.kind]}",
        f"license: {_licence(base)}",
        *(["base_model:", *(f"- {_quoted(name)}" for name in parents)] if parents else []),
        "tags:",
        "- twoloops",
        f"- {card.kind}",
        *_metrics(card),
        "---",
    ]
    accuracy = card.estimates.accuracy
    verdict = card.released
    body = [
        f"# {own.task}: {', '.join(own.labels)}",
        "",
        f"A small {card.kind} classifier made by twoloops: `{own.base}` as encoder and a "
        "regularised logistic head, in one ONNX file. It is no language model.",
        "",
        f"- Model: `{card.model}`",
        f"- Normal label: {own.normal or 'none'}; threshold on the probability of any fault: "
        f"{'none, the most probable label decides' if own.threshold is None else own.threshold}",
        f"- Base: `{own.base}` (`{own.base_digest}`)",
        f"- Recipe: {own.recipe}; dataset `{own.dataset}`; turn {card.turn}",
        f"- Released: {'never; the gate did not approve it' if verdict is None else 'yes'}"
        + ("" if verdict is None else f", because: {verdict.reason.removeprefix('released: ')}"),
        f"- Accuracy on audit labels that came after training: {accuracy}",
        "",
        "Lineage of the base, nearest first:",
        "",
        *(
            [
                f"- {one.relation} {one.name} ({one.publisher}; {one.licence}; {one.source})"
                for one in (base.lineage if base is not None else ())
            ]
            or ["- none: built-in features, nothing learned elsewhere"]
        ),
        "",
        f"Try it with `python {EXAMPLE}`; it needs `pip install twoloops` and nothing more.",
        "",
    ]
    return "\n".join([*front, "", *body])


def _licence(base: BaseCard | None) -> str:
    """Return the licence of the base in the hub's spelling; of the data the user must say."""
    return "other" if base is None or base.licence == "unknown" else base.licence.lower()


def _quoted(name: str) -> str:
    """Return a YAML string; JSON's are YAML's too."""
    return msgspec.json.encode(name).decode()


def _metrics(card: ExportedCard) -> list[str]:
    accuracy = card.estimates.accuracy
    if accuracy.value is None:
        return []
    return [
        "metrics:",
        "- accuracy",
        "model-index:",
        f"- name: {_quoted(card.card.task)}",
        "  results:",
        "  - task:",
        f"      type: {PIPELINES[card.kind]}",
        "    dataset:",
        f"      name: {_quoted(f'audit labels of {card.card.task}')}",
        "      type: private",
        "    metrics:",
        "    - type: accuracy",
        f"      value: {accuracy.value:.4f}",
    ]


_HEAD = '''"""Decide on one input with the exported model. Needs: pip install twoloops"""

import sys
from pathlib import Path

from twoloops.edge.runtime import Runtime

here = Path(__file__).parent
model = Runtime((here / "model.onnx").read_bytes())
'''
_TAIL = """
(decision,) = model.decide([data])
print(decision.label)
for label, probability in zip(model.card.labels, decision.probabilities, strict=True):
    print(f"  {label}: {probability:.3f}")
print(f"  novelty: {decision.novelty:.2f}")
"""
EXAMPLES = {
    "text": _HEAD
    + """
text = sys.argv[1] if len(sys.argv) > 1 else "replace leaking hose"
data = text.encode()
"""
    + _TAIL,
    "image": _HEAD
    + """
if len(sys.argv) < 2:
    sys.exit("usage: python example.py IMAGE")
data = Path(sys.argv[1]).read_bytes()
"""
    + _TAIL,
    "signal": _HEAD
    + """
if len(sys.argv) < 2:  # a .npy file of float32 (channels, samples)
    sys.exit("usage: python example.py WINDOW.npy")
data = Path(sys.argv[1]).read_bytes()
"""
    + _TAIL,
}
