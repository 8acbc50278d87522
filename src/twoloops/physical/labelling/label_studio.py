"""Tasks for Label Studio: what is to be labelled out as JSON, with the labeling config beside it.

The format is that of https://labelstud.io/guide/task_format and
https://labelstud.io/guide/predictions, as version 1.23 reads it.
"""

import base64
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import msgspec

from twoloops.edge.preprocess.image import open_image
from twoloops.edge.preprocess.signal import read_window
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.label import Label
from twoloops.records.observation import Decision, Observation, Place
from twoloops.records.task import Kind, Task
from twoloops.store.database import chunks
from twoloops.store.workspace import Store

OBSERVATION, LABELLED = "observation", "labelled"
"""Keys of a task's data: the place by which answers join, and who has labelled it already."""

INPUT, LABEL, NEW_LABEL, COMMENT = "input", "label", "new_label", "comment"
"""Names of the config's tags."""

PAGE = 50
"""Inputs in memory at a time."""

_SHOWN = (
    (b"\xff\xd8", "jpeg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"RIFF", "webp"),
    (b"BM", "bmp"),
)  # fmt: skip
"""Images that browsers show, by how their bytes begin; others are converted to PNG."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DATA: dict[Kind, str] = {"text": "text", "image": "image", "signal": "signal"}


def config_of(task: Task) -> str:
    """Return a task's labeling config: the input, one choice a label, a new label, a comment.

    Raises:
        UserError: A label holds a character that XML cannot carry.
    """
    for one in task.labels:
        if _NO_XML.search(one):
            raise UserError(
                f"label {one!r} holds a control character, which Label Studio's XML cannot carry: "
                "export as CSV instead"
            )
    choices = [f"    <Choice value={quoteattr(one)}/>" for one in task.labels]
    lines = [
        "<View>",
        f"  <Header value={quoteattr(_NO_XML.sub('?', task.name))}/>",
        *(f"  {line}" for line in _input(task)),
        f'  <Choices name="{LABEL}" toName="{INPUT}" choice="single" showInline="true">',
        *choices,
        "  </Choices>",
        f'  <TextArea name="{NEW_LABEL}" toName="{INPUT}" maxSubmissions="1" rows="1"',
        '    placeholder="Not in the list? Choose nothing and name a new label here"/>',
        f'  <TextArea name="{COMMENT}" toName="{INPUT}" maxSubmissions="1" rows="1"',
        '    placeholder="Comment"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def config_path(path: Path) -> Path:
    """Return where the config of an exported file lies: beside it."""
    return path.with_suffix(".xml")


def export_tasks(
    store: Store,
    task: str,
    path: Path,
    *,
    labelled: bool = False,
    predictions: bool = False,
    beside: bool = False,
) -> int:
    """Write what is to be labelled as Label Studio tasks, and the config beside; returns how many.

    What the model decided and why the question is asked is left out: it would sway the answer.

    Args:
        store: Where the questions are.
        task: The task's name.
        path: The JSON file to write.
        labelled: Whether to write what has labels, with them, instead of the open questions.
        predictions: Whether to show what the model decided.
        beside: Whether images are written into a folder beside the file, which Label Studio's
            local file serving then reads, and not into the file itself.

    Raises:
        UserError: A label cannot stand in XML, or an input cannot be shown.
        OSError: A file cannot be written.
    """
    chosen = store.tasks.get(task)
    config = config_of(chosen)
    labels = _labels(store, task) if labelled else {}
    places = list(labels) if labelled else [q.observation for q in open_questions(store, task)]
    with path.open("wb") as file:
        file.write(b"[")
        for number, (seen, shown) in enumerate(_inputs(store, chosen, places, path, beside)):
            file.write(b",\n" if number else b"\n")
            made = _task(chosen, seen, shown, labels.get(seen.place, []), predictions)
            file.write(msgspec.json.encode(made))
        file.write(b"\n]\n")
    config_path(path).write_text(config, encoding="utf-8")
    return len(places)


def fingerprint(label: Label) -> int:
    """Return the id under which a label goes out; Label Studio returns it as `import_id`."""
    words = f"{label.observation}\0{label.labeller}\0{label.label}"
    # 52 bits, which every reader of JSON keeps exact.
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:7], "big") >> 4


def _labels(store: Store, task: str) -> dict[Place, list[Label]]:
    """Return a task's labels by place, without those whose input was forgotten."""
    found: dict[Place, list[Label]] = {}
    for one in store.labels.of_task(task):
        found.setdefault(one.observation, []).append(one)
    seen = store.observations.find(found)
    gone = store.inputs.forgotten({one.input for one in seen.values()})
    return {place: labels for place, labels in found.items() if seen[place].input not in gone}


def _inputs(
    store: Store, task: Task, places: Sequence[Place], path: Path, beside: bool
) -> Iterator[tuple[Observation, Any]]:
    """Yield each observation with its input as Label Studio shows it, a page in memory at a time.

    Raises:
        UserError: With the place of an input that cannot be shown.
    """
    for page in chunks(places, PAGE):
        known = store.observations.find(page)
        data = store.inputs.get_many(known[place].input for place in page)
        for place in page:
            seen = known[place]
            try:
                yield seen, _shown(task, seen.input, data[seen.input], path, beside)
            except UserError as error:
                raise UserError(f"{place} cannot be shown: {error}") from error


def _task(
    task: Task, seen: Observation, shown: Any, labels: Sequence[Label], predictions: bool
) -> dict[str, Any]:
    place = str(seen.place)
    made: dict[str, Any] = {
        "data": {OBSERVATION: place, _DATA[task.kind]: shown},
        "meta": {OBSERVATION: place, "task": task.name, "input": seen.input},
    }
    if labels:
        made["data"][LABELLED] = ", ".join(one.labeller for one in labels)
        made["annotations"] = [
            {
                "id": fingerprint(one),
                "result": [_choice(one.label)],
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": one.labelled_at.isoformat(),
            }
            for one in labels
        ]
    if predictions and seen.decision is not None and seen.decision.label in task.labels:
        made["predictions"] = [_prediction(seen.decision)]
    return made


def _choice(label: str) -> dict[str, Any]:
    return {
        "from_name": LABEL, "to_name": INPUT, "type": "choices", "value": {"choices": [label]},
    }  # fmt: skip


def _prediction(decision: Decision) -> dict[str, Any]:
    return {
        "model_version": short(decision.model),
        "score": max(decision.probabilities),
        "result": [_choice(decision.label)],
    }


def _input(task: Task) -> list[str]:
    """Return the tags that show an input."""
    if task.kind == "text":
        return [f'<Text name="{INPUT}" value="$text"/>']
    if task.kind == "image":
        return [
            f'<Image name="{INPUT}" value="$image" zoom="true" zoomControl="true" '
            'brightnessControl="true" contrastControl="true"/>'
        ]
    channels = task.shape[0] if task.shape is not None else 1
    return [
        f'<TimeSeries name="{INPUT}" valueType="json" value="$signal" timeColumn="sample">',
        *(f'  <Channel column="{_column(n)}"/>' for n in range(channels)),
        "</TimeSeries>",
    ]


def _column(channel: int) -> str:
    return f"channel {channel + 1}"


def _shown(task: Task, digest: Digest, data: bytes, path: Path, beside: bool) -> Any:
    if task.kind == "text":
        return data.decode("utf-8", errors="replace")
    if task.kind == "signal":
        window = read_window(data, task.shape)
        values = {_column(n): [float(f"{v:.6g}") for v in row] for n, row in enumerate(window)}
        return {"sample": list(range(window.shape[1])), **values}
    form = next((name for magic, name in _SHOWN if data.startswith(magic)), None)
    if form is None:
        form, data = "png", _png(data)
    if not beside:
        return f"data:image/{form};base64,{base64.b64encode(data).decode()}"
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{short(digest)}.{form.replace('jpeg', 'jpg')}"
    file.write_bytes(data)
    return f"/data/local-files/?d={folder.name}/{file.name}"


def _png(data: bytes) -> bytes:
    made = io.BytesIO()
    open_image(data).save(made, "PNG")
    return made.getvalue()
