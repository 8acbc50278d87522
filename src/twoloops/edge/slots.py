"""Two slots for a model: one decides, the other holds the one before, or the next while tried.

Laws: a model decides only after it passed the self-test; whenever the process dies, what is loaded
next is the model that decided before, or the one before that; a model that failed, or during whose
try the process died, is not tried again until another one was wanted.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from twoloops.edge.fetching import Fetcher, Wanted
from twoloops.edge.home import sync_folder, write
from twoloops.edge.runtime import Runtime
from twoloops.records.digests import Digest, digest_bytes, short
from twoloops.records.errors import TransientError, UserError
from twoloops.records.task import Task

STATE = "slots.json"
OTHER = {"a": "b", "b": "a"}


class SlotState(msgspec.Struct, frozen=True):
    """Which slot decides.

    Args:
        current: The slot that decides; empty: none.
        digests: Of the models by slot.
        trying: Digest of the model that is being tried.
        refused: Digest of the last model that failed, and why.
    """

    current: str = ""
    digests: dict[str, Digest] = {}
    trying: Digest | None = None
    refused: tuple[Digest, str] | None = None


class Slots:
    """The models of an edge. Used by one thread at a time.

    Args:
        folder: Where they lie.
        task: Returns the task as it is now.
        load: Makes a model file ready to decide.
    """

    def __init__(
        self,
        folder: Path,
        task: Callable[[], Task | None],
        load: Callable[[bytes], Runtime] = Runtime,
    ) -> None:
        self._folder, self._task, self._load = folder, task, load
        folder.mkdir(parents=True, exist_ok=True)
        self._state = self._read()
        if self._state.trying is not None:  # the process died while it was tried
            self._refuse(self._state.trying, "the process ended while it was tried")

    @property
    def current(self) -> Digest | None:
        """Digest of the model that decides."""
        return self._state.digests.get(self._state.current)

    @property
    def refused(self) -> tuple[Digest, str] | None:
        """The last model that failed, and why."""
        return self._state.refused

    def start(self) -> Runtime | None:
        """Return the model that decided last, or the one before where it cannot be loaded.

        `None` where there is none, or none that can be loaded: it is fetched anew then.
        """
        slot = self._state.current
        if not slot:
            return None
        try:
            return self._loaded(slot)
        except UserError as error:
            why = str(error)
        try:
            back = self.back(why)
        except UserError:
            back = None
        if back is None:
            self._put(SlotState())
        return back

    def back(self, why: str) -> Runtime | None:
        """Return to the model before, without a network; `None` where there is none.

        Args:
            why: Noted with the model that is left: it is not tried again.
        """
        slot, other = self._state.current, OTHER.get(self._state.current, "")
        if other not in self._state.digests:
            return None
        runtime = self._loaded(other)
        digests = {other: self._state.digests[other]}
        self._put(SlotState(other, digests, None, (self._state.digests[slot], why[:500])))
        return runtime

    def update(self, fetcher: Fetcher) -> Runtime | None:
        """Fetch, try and put in force the model that is wanted; `None` where nothing changes.

        Whoever decides swaps to what is returned between two batches.

        Raises:
            TransientError: It could not be fetched now.
            UserError: It was refused, or failed its self-test: the present one stays.
        """
        wanted = fetcher.wanted()
        if wanted is None or wanted.model == self.current:
            return None
        if self._state.refused is not None and self._state.refused[0] == wanted.model:
            return None
        slot = OTHER.get(self._state.current, "a")
        staged = self._folder / f"{slot}.staged"
        if self._state.digests.get(slot) != wanted.model:
            self._fetch(fetcher, wanted, staged, slot)
        self._put(msgspec.structs.replace(self._state, trying=wanted.model))
        try:
            runtime = self._loaded(slot)
            self_test(runtime, self._task())
        except UserError as error:
            self._refuse(wanted.model, str(error))
            raise
        digests = {**self._state.digests, slot: wanted.model}
        self._put(SlotState(slot, digests))
        return runtime

    def _fetch(self, fetcher: Fetcher, wanted: Wanted, staged: Path, slot: str) -> None:
        try:
            fetcher.fetch(wanted, staged)
            # From here on the model before the present one is gone: it is the new one's slot.
            left = {name: one for name, one in self._state.digests.items() if name != slot}
            self._put(msgspec.structs.replace(self._state, digests=left))
            staged.replace(self._path(slot))
            sync_folder(self._folder)
            self._put(msgspec.structs.replace(self._state, digests={**left, slot: wanted.model}))
        except OSError as error:
            raise TransientError(f"the model cannot be written: {error}") from error
        finally:
            staged.unlink(missing_ok=True)

    def _refuse(self, digest: Digest, why: str) -> None:
        digests = {
            name: one
            for name, one in self._state.digests.items()
            if one != digest or name == self._state.current
        }
        self._put(SlotState(self._state.current, digests, None, (digest, why[:500])))

    def _loaded(self, slot: str) -> Runtime:
        path, digest = self._path(slot), self._state.digests[slot]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        if digest_bytes(data) != digest:
            raise UserError(f"{path} is damaged: it is not {short(digest)}")
        return self._load(data)

    def _path(self, slot: str) -> Path:
        return self._folder / f"{slot}.onnx"

    def _read(self) -> SlotState:
        try:
            return msgspec.json.decode((self._folder / STATE).read_bytes(), type=SlotState)
        except (FileNotFoundError, msgspec.DecodeError):
            return SlotState()

    def _put(self, state: SlotState) -> None:
        write(self._folder / STATE, msgspec.json.encode(state))
        self._state = state


def self_test(runtime: Runtime, task: Task | None) -> None:
    """Let a model decide on inputs that are always the same.

    Raises:
        UserError: It is another task's, knows other labels, cannot decide, or takes longer than
            the task's latency budget twice in a row.
    """
    if task is not None:
        if runtime.card.task != task.name or runtime.kind != task.kind:
            raise UserError(
                f"model {short(runtime.digest)} is of task {runtime.card.task!r}, kind "
                f"{runtime.kind}, and this edge decides {task.name!r}, kind {task.kind}"
            )
        strange = sorted(set(runtime.card.labels) - set(task.labels))
        if strange or runtime.shape != task.shape:
            raise UserError(
                f"model {short(runtime.digest)} does not fit task {task.name!r}: labels "
                f"{strange} unknown, shape {runtime.shape}"
            )
    golden = golden_inputs(runtime)
    took = []
    for _ in range(2):
        began = time.perf_counter()
        for one in golden:
            runtime.decide([one])
        took.append(1000 * (time.perf_counter() - began) / len(golden))
    budget = None if task is None else task.latency_budget_ms
    if budget is not None and min(took) > budget:
        raise UserError(
            f"model {short(runtime.digest)} took {min(took):.0f} ms an input, and the task's "
            f"budget is {budget:.0f} ms"
        )


def golden_inputs(runtime: Runtime) -> list[bytes]:
    """Return a few inputs of a model's kind, always the same."""
    if runtime.kind == "text":
        return [b"self-test", "größer: 17 µm".encode(), b"a " * 500]
    made = []
    if runtime.kind == "signal":
        assert runtime.shape is not None
        ramp = np.linspace(-1, 1, int(np.prod(runtime.shape)), dtype=np.float32)
        for values in (np.zeros(runtime.shape, np.float32), ramp.reshape(runtime.shape)):
            file = io.BytesIO()
            np.save(file, values)
            made.append(file.getvalue())
        return made
    for shade in (0, 127):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (shade, shade, 255 - shade)).save(file, "PNG")
        made.append(file.getvalue())
    return made
