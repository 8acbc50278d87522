"""Running the server: the socket, the first token, the process that ends well."""

import contextlib
import os
import signal
import socket
from pathlib import Path

import msgspec
import uvicorn

from twoloops.records.errors import UserError
from twoloops.server.app import application
from twoloops.wiring.workspace import now, reading

STATE = "server.json"
FIRST = "admin"


class Serving(msgspec.Struct, frozen=True):
    """Where a workspace is being served."""

    url: str
    pid: int


def first_token(folder: Path) -> str | None:
    """Make the first admin token; `None` where any token was made before.

    Raises:
        UserError: There is no workspace.
    """
    with reading(folder) as store, store.transaction():
        if store.tokens.all():
            return None
        return store.tokens.add(FIRST, "admin", now())[1]


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        UserError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UserError(
            f"cannot listen at {host}:{port}: {error.strerror}; take another one with  --port , "
            "0 for any that is free"
        ) from error
    return listener


def run(folder: Path, listener: socket.socket, url: str) -> None:
    """Serve until a signal ends it; says in the workspace where, for as long."""
    state = folder / STATE
    config = uvicorn.Config(
        application(folder),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=256,
    )
    state.write_bytes(msgspec.json.encode(Serving(url, os.getpid())))
    # The server raises the signal that ended it once more when it has shut down.
    signal.signal(signal.SIGTERM, _end)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            state.unlink()


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def serving(folder: Path) -> Serving | None:
    """Return where a workspace is being served; `None` where no server lives."""
    try:
        found = msgspec.json.decode((folder / STATE).read_bytes(), type=Serving)
        os.kill(found.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return found
