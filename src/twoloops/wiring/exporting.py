"""Export a model: the ONNX file, its card, a README with the model hub's keys, an example."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from twoloops import __version__
from twoloops.convergence.judging.evaluate import Estimates
from twoloops.digital.base import Base
from twoloops.digital.publish.model_card import readme, relation_of
from twoloops.digital.publish.sidecar import (
    CARD,
    EXAMPLE,
    MODEL,
    README,
    Rate,
    Sidecar,
)
from twoloops.edge.runtime import Runtime
from twoloops.records.base import BaseCard, ModelCard
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.finding import Purpose
from twoloops.records.gate import Verdict
from twoloops.records.task import Costs, Task
from twoloops.store.models import REVOKED
from twoloops.store.rows import StoredModel
from twoloops.store.workspace import Store
from twoloops.wiring.replay import write
from twoloops.wiring.status import estimates_of
from twoloops.wiring.workspace import now, workbench

ADOPTED = "adopted"
"""Evidence: what the publisher said of an adopted model, by its digest."""


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


def refuse_revoked(store: Store, model: Digest, what: str) -> None:
    """Refuse a model that was revoked.

    Raises:
        UserError: It was; with the reason given then.
    """
    fact = store.journal.by_key(f"{REVOKED}/{model}")
    if fact is not None:
        raise UserError(
            f"model {short(model)} was revoked on {fact.recorded_at:%Y-%m-%d} "
            f"({fact.body['reason']}): it is not {what}; name another one, see  twoloops status"
        )


def export(store: Store, model: StoredModel, folder: Path, *, force: bool = False) -> list[Path]:
    """Write a model's folder; returns its files.

    Raises:
        UserError: The folder holds something already and `force` is not given, or cannot be
            written; or the model was revoked.
    """
    refuse_revoked(store, model.digest, "exported")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise UserError(
            f"{folder} is not empty: name another folder, or replace its files with --force"
        )
    card = card_of(store, model)
    files = files_of(store, card)
    files[README] = readme(described(store, model, card), published=False).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write(folder / name, data)
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; name a folder you may write to"
        ) from error
    return [folder / name for name in files]


def files_of(store: Store, card: ExportedCard) -> dict[str, bytes]:
    """Return the files that every copy of a model has, by name: model, card, example."""
    return {
        MODEL: store.models.get(card.model),
        CARD: msgspec.json.format(msgspec.json.encode(card), indent=2),
        EXAMPLE: EXAMPLES[card.kind].encode(),
    }


def card_of(store: Store, model: StoredModel) -> ExportedCard:
    """Return what stands in `card.json`."""
    task = store.tasks.get(model.task)
    released = [one for one in store.releases.all(task.name) if one.model == model.digest]
    return ExportedCard(
        model=model.digest,
        card=model.card,
        kind=task.kind,
        shape=task.shape,
        base=_base(store, task, model),
        turn=model.turn,
        released=released[-1].verdict if released else None,
        estimates=estimates_of(store, task, model.digest),
    )


def _base(store: Store, task: Task, model: StoredModel) -> BaseCard | None:
    """Return the base's card: as it is here, or as the publisher of an adopted model said it."""
    adopted = store.evidence.history(task.name, f"{ADOPTED}: {model.digest}", Sidecar)
    if adopted:
        return next(reversed(adopted.values())).base
    bench = workbench(task, store)
    first = bench.first(task)
    base: Base | str = first if model.card.base == first.card.name else bench.load(model.card.base)
    return None if isinstance(base, str) else base.card


def described(
    store: Store,
    model: StoredModel,
    card: ExportedCard,
    *,
    licence: str | None = None,
    purpose: Purpose = "internal",
) -> Sidecar:
    """Say of a model what its card knows; its past, files and obligations come with publishing.

    Args:
        store: The workspace's.
        model: The model.
        card: Its `card.json`.
        licence: What it is published under; the base's where nothing is said.
        purpose: What it is for.
    """
    accuracy = card.estimates.accuracy
    stated = "unknown" if card.base is None else card.base.licence
    return Sidecar(
        model=model.digest,
        card=runtime_card(store, model),
        task=_told(store.tasks.get(model.task), purpose),
        relation=relation_of(model.card.recipe, model.card.base),
        base=card.base,
        turn=model.turn,
        gate=card.released,
        accuracy=Rate(accuracy.value, accuracy.interval, accuracy.labels),
        licence=stated if licence is None else licence,
        purpose=purpose,
        published=now().date(),
        tool=f"twoloops {__version__}",
    )


def _told(task: Task, purpose: Purpose) -> Task:
    """Leave out what mistakes and labels cost where others are to read it."""
    return task if purpose == "internal" else replace(task, costs=Costs())


def runtime_card(store: Store, model: StoredModel) -> ModelCard:
    """Return the card inside the file; of an adopted model it names the publisher's task."""
    return Runtime(store.models.get(model.digest)).card


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
