"""An experiment on held layers in a folder: every arm that has run is kept, and not run again.

The folder holds one file an arm, named by all that decides its figures (rows, task, policy, seed,
version): killed at any time, the same call goes on after the last whole arm, and another layer
of the same source takes what the two have in common.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from twoloops.convergence.replays.held import ArmRun, Holding, Layer
from twoloops.convergence.replays.holding import hold
from twoloops.convergence.replays.layers import Setting, Stream, arms
from twoloops.convergence.replays.replay import OnTurn
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.wiring.replay import asked, policy_for, write
from twoloops.wiring.workspace import workbench


class Folder:
    """Arms as files in a folder.

    Args:
        path: The folder; it is made when the first arm is kept.
        identities: By seed, the digest of what decides the figures.
        again: Whether to run arms anew that are there.
    """

    def __init__(self, path: Path, identities: dict[int, str], *, again: bool = False) -> None:
        self._path = path
        self._identities = identities
        self._again = again

    def get(self, arm: str, seed: int) -> ArmRun | None:
        """Return an arm that has run, or `None`; a file that cannot be read is as good as none."""
        if self._again:
            return None
        try:
            return msgspec.json.decode(self._file(arm, seed).read_bytes(), type=ArmRun)
        except (OSError, msgspec.MsgspecError):
            return None

    def put(self, run: ArmRun) -> None:
        """Keep an arm that has run.

        Raises:
            UserError: The folder cannot be written.
        """
        path = self._file(run.arm, run.seed)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, msgspec.json.encode(run))
        except OSError as error:
            raise UserError(
                f"cannot write to {self._path}: {error.strerror or error}; name another folder "
                "with --out"
            ) from error

    def _file(self, arm: str, seed: int) -> Path:
        name = hashlib.sha256(f"{self._identities[seed]} {arm}".encode()).hexdigest()[:16]
        return self._path / f"{arm.replace(' ', '-')}-{seed}-{name}.json"


def run(
    layers: Sequence[Layer],
    histories: dict[int, History],
    folder: Path,
    *,
    again: bool = False,
    on_turn: OnTurn | None = None,
) -> Holding:
    """Hold layers of a task, over one or several seeds.

    Args:
        layers: Which.
        histories: What arrives, by seed.
        folder: Where arms are kept.
        again: Whether to run arms anew that are there.
        on_turn: Called as soon as a turn of an arm is closed.

    Raises:
        UserError: Nothing could be scored, or the folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder with --out")
    identities = {seed: asked(one, [seed], {}).identity for seed, one in histories.items()}
    first = next(iter(histories.values()))
    with tempfile.TemporaryDirectory(prefix="twoloops-") as spools:
        return hold(
            layers,
            Setting(
                streams=[Stream(one, policy_for(one, seed)) for seed, one in histories.items()],
                bench=lambda: workbench(first.task),
                keep=Folder(folder, identities, again=again),
                folder=Path(spools),
                on_turn=on_turn,
            ),
        )


def steps(layers: Sequence[Layer], histories: dict[int, History], folder: Path) -> int:
    """Return how many turns of arms are left to run."""
    identities = {seed: asked(one, [seed], {}).identity for seed, one in histories.items()}
    kept = Folder(folder, identities)
    return sum(
        len(history.turns)
        for seed, history in histories.items()
        for arm in arms(layers, history)
        if kept.get(arm, seed) is None
    )
