"""The edge's folder: where its server is, its token, its task, its spool and its releases.

edge.json   server, name, task, group   token      the secret, readable by its owner alone
orders.json what the server said last   spool.db   what is not sent yet
standing.json  what the process reports releases/  verified models, and which one counts
"""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from twoloops.edge import files
from twoloops.edge.capture import CapturePolicy
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.task import Task

T = TypeVar("T")

SETTINGS, TOKEN, ORDERS, STANDING = "edge.json", "token", "orders.json", "standing.json"
SPOOL, RELEASES = "spool.db", "releases"


class Settings(msgspec.Struct, frozen=True):
    """What enrolment wrote.

    Args:
        server: Its URL.
        edge: The edge's name, as the server knows it.
        task: The task it decides.
        group: Its group of devices: releases are assigned to groups.
        root: Digest of the root metadata that its releases are verified by.
    """

    server: str
    edge: str
    task: str
    group: str
    root: Digest


class Orders(msgspec.Struct, frozen=True):
    """What the server answers to a heartbeat; kept, so that an edge starts without a network.

    Args:
        task: The task as it is now.
        capture: What is kept.
        seed: Of the draws for routine observations.
        counter: Of the latest assignment to the edge's group, or of later revocations; 0: none. A
            hint to look for them now: what is to run, only signed metadata says.
    """

    task: Task
    capture: CapturePolicy
    seed: int
    counter: int

    @property
    def takt(self) -> float | None:
        """Seconds one decision may take, or `None` for any."""
        budget = self.task.latency_budget_ms
        return None if budget is None else budget / 1000


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """How two models decided the same inputs on this device, since they began to be compared.

    Args:
        counting: The model whose decisions counted.
        beside: The one that decided too.
        decided: Inputs that both decided.
        differed: Of these, where their labels differed.
        failed: Inputs that the one beside could not decide.
        late: Decisions of the one beside that took longer than the task's latency budget.
        skipped: Inputs it was not asked, because it could not keep up.
    """

    counting: Digest
    beside: Digest
    decided: int = 0
    differed: int = 0
    failed: int = 0
    late: int = 0
    skipped: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an edge stands; sent with each heartbeat.

    Args:
        release: Digest of the model that decides; `None`: none does.
        counter: Of the assignment that is followed; 0: none was.
        mode: Of that assignment; empty: none was.
        on_trial: Whether the model that decides has not proved itself yet.
        decided: Decisions of that model since it began to count, in this process.
        late: Of these, how many took longer than the task's latency budget.
        went_back: Why the edge left the model of the assignment that it follows; empty: it did not.
        left: The model it left.
        refused: Why the last update was refused; empty: it was not.
        paired: How a second model decides the same inputs, where one does.
        version: Of twoloops.
        clock: The edge's time, UTC, ISO 8601.
        seen: Arrivals so far.
        spooled: Observations that wait to be sent.
        spool_bytes: Their bytes.
        disk_free: Bytes left on the disk of the edge's folder.
        dropped: Observations given up because the spool was full.
        unknown: Numbers that may have been given and lost in power cuts.
        not_kept: Observations of this process that could not be written at all.
        not_told: Verdicts of this process that a sink did not take.
        unusable: Inputs of this process that could not be read, and were set aside.
        failures: Failed tries to reach the server since the last success.
        last_error: The last failure, in a sentence; empty after a success.
        source_error: Why no inputs come, as far as the source knows; empty: they do.
    """

    release: Digest | None
    counter: int = 0
    mode: str = ""
    on_trial: bool = False
    decided: int = 0
    late: int = 0
    went_back: str = ""
    left: Digest | None = None
    refused: str = ""
    paired: Paired | None = None
    version: str
    clock: str
    seen: int
    spooled: int
    spool_bytes: int
    disk_free: int
    dropped: int
    unknown: int
    not_kept: int
    not_told: int = 0
    unusable: int = 0
    failures: int = 0
    last_error: str = ""
    source_error: str = ""


class Home:
    """An edge's folder.

    Args:
        folder: Made by `enrol`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool, self.releases = folder / SPOOL, folder / RELEASES

    def settings(self) -> Settings:
        """Return what enrolment wrote.

        Raises:
            UserError: It was not enrolled.
        """
        found = self.read(SETTINGS, Settings)
        if found is None:
            raise UserError(
                f"{self.folder} is no edge's folder (it has no {SETTINGS}): enrol with  "
                "twoloops edge enrol SERVER --token TOKEN --task TASK"
            )
        return found

    def token(self) -> str:
        """Return the secret.

        Raises:
            UserError: It is missing, or others can read it.
        """
        path = self.folder / TOKEN
        try:
            mode = path.stat().st_mode & 0o777
            secret = path.read_text().strip()
        except OSError as error:
            raise UserError(
                f"cannot read {path} ({error.strerror}): enrol again with  twoloops edge enrol"
            ) from error
        if os.name != "nt" and mode & 0o077:
            raise UserError(
                f"{path} has mode {mode:04o}, so others can read the edge's token: run  "
                f"chmod 600 {path} , and enrol again if somebody may have"
            )
        return secret

    def enrolled(self, settings: Settings, secret: str) -> None:
        """Keep what enrolment gave; the token first, so that settings are never without one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write(self.folder / TOKEN, secret.encode() + b"\n", mode=0o600)
        self.put(SETTINGS, settings)

    def read(self, name: str, type_: type[T]) -> T | None:
        """Return a record of the folder, or `None` where there is none.

        Raises:
            UserError: It cannot be read.
        """
        path = self.folder / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=type_)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise UserError(f"cannot read {path}: {error}; remove it, or enrol again") from error

    def put(self, name: str, record: object) -> None:
        """Write a record durably.

        Raises:
            TransientError: The disk does not take it.
        """
        files.write(self.folder / name, msgspec.json.encode(record))
