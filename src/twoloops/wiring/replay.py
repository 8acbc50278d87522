"""A replay in a folder: runs it, resumes it, and knows when it is complete.

The folder holds `replay.json` (what was asked for), `store/` (the `both` arm), `edge/` (spools of
the replayed edge), `report.html` and, once all is done, `result.json`. Killed at any time, the
same call goes on: the `both` arm at the stage it was in, the other arms anew.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from twoloops import __version__
from twoloops.analysis.report.page import write_report
from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.convergence.replays.replay import OnTurn, policies, replay
from twoloops.convergence.turns.policy import Policy, Rebase
from twoloops.convergence.turns.workspace_turn import keep_policy, workspace_policy
from twoloops.physical.history.stream import History
from twoloops.records.digests import Digest, canonical, digest_record
from twoloops.records.errors import UserError
from twoloops.store.lock import NAME as LOCK
from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import BLOBS, CATALOG, Store
from twoloops.wiring.workspace import OnWait, command_line, now, reading, workbench

ASKED, RESULT, REPORT, STORE, EDGE = "replay.json", "result.json", "report.html", "store", "edge"


class Asked(msgspec.Struct, frozen=True):
    """What a folder's replay was asked for.

    Args:
        identity: Digest of all that decides the figures: task, policy, seeds, stream, version.
        arguments: The options in words, to tell a person what differs.
        version: Of twoloops.
    """

    identity: Digest
    arguments: dict[str, str]
    version: str = __version__


def policy_for(history: History, seed: int, rebase: Rebase = "offers") -> Policy:
    """Return the policy of the `both` arm."""
    return Policy(
        labels_per_turn=history.labels_per_turn,
        seed_labels=len(history.seed),
        seed=seed,
        rebase=rebase,
    )


def asked(
    history: History,
    seeds: Sequence[int],
    arguments: dict[str, str],
    rebase: Rebase = "offers",
) -> Asked:
    """Return what makes a replay the same one: equal rows and settings, however they were said."""
    rows = hashlib.sha256()
    for number, part in enumerate((history.seed, *history.turns)):
        for row in part:
            words = (number, row.label, row.observed_at, row.period, row.origin, row.cost)
            rows.update(canonical(words) + hashlib.sha256(row.input).digest())
    policy = policy_for(history, seeds[0], rebase)
    identity = (history.task, policy, tuple(seeds), rows.hexdigest(), __version__)
    return Asked(digest_record(identity), arguments)


def steps(history: History, seeds: Sequence[int]) -> int:
    """Return how many turns of arms a replay runs."""
    return len(seeds) * len(history.turns) * len(policies(policy_for(history, seeds[0])))


def check(folder: Path, wanted: Asked, *, again: bool = False) -> ReplayResult | None:
    """Return the result of a folder whose replay is complete; `None` where there is work to do.

    Raises:
        UserError: The folder holds something else, or a replay that was asked for otherwise.
    """
    path = folder / ASKED
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder with --out")
    if not path.is_file():
        if folder.is_dir() and not all(map(_left_by_a_kill, folder.iterdir())):
            raise UserError(
                f"{folder} is not empty and holds no replay: name another folder with --out"
            )
        return None
    if again:
        return None
    try:
        known = msgspec.json.decode(path.read_bytes(), type=Asked)
    except msgspec.MsgspecError as error:
        raise UserError(
            f"{path} cannot be read ({error}): name another folder with --out, or remove {folder}"
        ) from error
    if known.identity != wanted.identity:
        raise UserError(
            f"{folder} holds a replay of other arguments ({_difference(known, wanted)}): name "
            "another folder with --out, start it over with --again, or remove the folder"
        )
    try:
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=ReplayResult)
    except (OSError, msgspec.MsgspecError):
        return None


def turns_done(folder: Path) -> int:
    """Return how many turns of the `both` arm an interrupted replay has closed."""
    if not (folder / STORE / CATALOG).is_file():
        return 0
    with reading(folder / STORE) as store:
        return sum(
            turn.closed and turn.number > 0
            for task in store.tasks.all()
            for turn in store.turns.all(task.name)
        )


def run(
    history: History,
    seeds: Sequence[int],
    folder: Path,
    wanted: Asked,
    *,
    rebase: Rebase = "offers",
    again: bool = False,
    wait: float = 10.0,
    on_wait: OnWait | None = None,
    on_turn: OnTurn | None = None,
) -> ReplayResult:
    """Run a replay in a folder, or go on with it, and write its report and result.

    Args:
        history: What arrives.
        seeds: Each runs all arms once.
        folder: Checked by `check` before.
        wanted: As `asked` gives it.
        rebase: What makes a turn try another base.
        again: Whether to start over what is there.
        wait: Seconds to wait for another process in the same folder.
        on_wait: Told once who that is.
        on_turn: Called as soon as a turn of an arm is closed.

    Raises:
        UserError: The folder cannot be written or is in use.
    """
    try:
        (folder / STORE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; name another folder with --out"
        ) from error
    with _held(folder, wanted, again, wait, on_wait) as store:
        policy = policy_for(history, seeds[0], rebase)
        with store.transaction():
            if store.tasks.find(history.task.name) is None:
                store.tasks.put(history.task)
            keep_policy(store, history.task.name, workspace_policy(policy))
        result = replay(
            history,
            policy,
            workbench(history.task),
            store,
            folder / EDGE,
            seeds=seeds,
            on_turn=on_turn,
        )
        shown = {one.image for one in result.informative if one.image is not None}
        write_report(result, folder / REPORT, store.inputs.get_many(sorted(shown)))
        # Last: it says that all the rest is there.
        write(folder / RESULT, msgspec.json.encode(result))
    return result


@contextmanager
def _held(
    folder: Path, wanted: Asked, again: bool, wait: float, on_wait: OnWait | None
) -> Iterator[Store]:
    """Hold the folder's lock; start over if asked to; note what was asked for."""
    place = folder / STORE
    with workspace_lock(place, command_line(), now(), wait=wait, on_wait=on_wait):
        if again:
            _clear(folder)
        write(folder / ASKED, msgspec.json.encode(wanted))
        with Store.open(place) as store:
            store.sweep()
            yield store


def _clear(folder: Path) -> None:
    """Remove what an earlier run made, so that a kill in between leaves a resumable folder."""
    store = folder / STORE
    for name in (RESULT, REPORT):
        (folder / name).unlink(missing_ok=True)
    # The write-ahead log goes before its database: alone it would be replayed into a new one.
    for suffix in ("-wal", "-shm", ""):
        (store / f"{CATALOG}{suffix}").unlink(missing_ok=True)
    shutil.rmtree(store / BLOBS, ignore_errors=True)
    shutil.rmtree(folder / EDGE, ignore_errors=True)


def _left_by_a_kill(path: Path) -> bool:
    """Say whether this is all that a replay killed before its `replay.json` was whole can leave.

    That is an unfinished write of it, and a store with nothing but its lock.
    """
    if path.name == STORE and path.is_dir():
        return {one.name for one in path.iterdir()} <= {LOCK}
    return path.name.startswith(".")


def _difference(known: Asked, wanted: Asked) -> str:
    if known.version != wanted.version:
        return f"made by twoloops {known.version}, this is {wanted.version}"
    names = sorted({*known.arguments, *wanted.arguments})
    changed = [
        f"{name}: {known.arguments.get(name, 'not given')} there, "
        f"{wanted.arguments.get(name, 'not given')} here"
        for name in names
        if known.arguments.get(name) != wanted.arguments.get(name)
    ]
    return "; ".join(changed) or "the rows of the source have changed"


def write(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees nothing of it or all, whenever the process dies."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
