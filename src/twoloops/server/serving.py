"""Running the server: the socket, the first token, the process that ends well."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from twoloops.edge.memory import keep_freed
from twoloops.records.errors import UserError
from twoloops.server.app import Options, application
from twoloops.server.front import beyond_loopback
from twoloops.store.lock import InUseError, free, holder, workspace_lock
from twoloops.wiring.workspace import now, reading

STATE, RUN = "server.json", "serve"
FIRST = "admin"
HEADER_SECONDS = 10.0
"""How long the headers of a connection's first request may take."""
CONNECTIONS = 256
WAIT = 0.5  # seconds; whoever looks whether a server lives holds its lock for a moment


class Serving(msgspec.Struct, frozen=True):
    """Where a workspace is being served."""

    url: str
    pid: int


class Tls(msgspec.Struct, frozen=True):
    """A certificate (PEM, with its chain) and its key."""

    certificate: Path
    key: Path


class Protocol(H11Protocol):
    """HTTP/1.1 that hangs up on who connects and does not ask.

    uvicorn limits the time between two requests of a connection, not that before the first.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self.loop.call_later(HEADER_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def first_token(folder: Path) -> str | None:
    """Make the first admin token; `None` where an admin token was made before.

    Tokens of other scopes do not count: `twoloops label` makes one before any server was started.

    Raises:
        UserError: There is no workspace.
    """
    with reading(folder) as store, store.transaction():
        if any(one.scope == "admin" for one in store.tokens.all()):
            return None
        return store.tokens.add(FIRST, "admin", now())[1]


def check_safe(host: str, tls: Tls | None, *, insecure: bool = False) -> None:
    """Refuse to send tokens over a network in the clear, and certificates that do not fit.

    Raises:
        UserError: Others could read along, or certificate and key cannot be used.
    """
    if tls is None:
        if beyond_loopback(host) and not insecure:
            raise UserError(
                f"{host} is reached over the network, where plain HTTP shows every token and "
                "label to who listens: give --certificate FILE --key FILE , or put a proxy that "
                "speaks HTTPS before 127.0.0.1, or say --insecure-http where the network is "
                "trusted"
            )
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            f"certificate {tls.certificate} and key {tls.key} cannot be used: "
            f"{error.strerror or error}; give two PEM files that belong together"
        ) from error


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket.

    Raises:
        UserError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # What a server that was killed has left in the kernel must not keep the next one waiting.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UserError(
            f"cannot listen at {host}:{port}: {error.strerror}; take another one with  --port , "
            "0 for any that is free"
        ) from error
    return listener


def address(host: str, listener: socket.socket, tls: Tls | None) -> str:
    """Return the URL of a listening socket."""
    name = f"[{host}]" if ":" in host else host
    return f"{'http' if tls is None else 'https'}://{name}:{listener.getsockname()[1]}"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only server of a workspace, for as long as the process lives.

    Raises:
        UserError: Another one serves it, or there is no workspace.
    """
    with reading(folder):  # says what is missing before anything is made
        pass
    place = folder / RUN
    place.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ending())
        try:
            stack.enter_context(workspace_lock(place, "twoloops serve", now(), wait=WAIT))
        except InUseError as error:
            raise UserError(_served(folder, place)) from error
        yield


def _served(folder: Path, place: Path) -> str:
    found, who = serving(folder), holder(place)
    where = "" if found is None else f" at {found.url}"
    by = "another process" if who is None else f"process {who.pid} on {who.host}"
    return f"{folder} is served{where} by {by} already: use that one, or end it"


def run(
    folder: Path,
    listener: socket.socket,
    url: str,
    options: Options | None = None,
    tls: Tls | None = None,
) -> None:
    """Serve until a signal ends it; says in the workspace where, for as long."""
    state = folder / STATE
    keep_freed()
    config = config_of(application(folder, options), tls)
    _write(state, Serving(url, os.getpid()))
    try:
        if not _ended.is_set():
            Server(config).run(sockets=[listener])
    finally:
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            state.unlink()


def config_of(app: Any, tls: Tls | None = None) -> uvicorn.Config:
    """Return how an application is served: with a limit on everything that a peer decides."""
    secured: dict[str, Any] = {}
    if tls is not None:
        secured = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
        proxy_headers=False,  # any local program could claim another's address
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=CONNECTIONS,
        **secured,
    )


def _write(path: Path, state: Serving) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(state))
    new.replace(path)


_ended = threading.Event()


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """End well by a signal, from before the address is told: whoever reads it may send one.

    The signal is noted, for an exception alone can get lost (in a destructor that runs just then).
    """
    _ended.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, _end) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _end(_number: int, _frame: object) -> None:
    _ended.set()
    raise SystemExit(0)


class Server(uvicorn.Server):
    """Ends at once where a signal came before it listened to any itself.

    It raises the signal that ended it once more when it has shut down: `_end` makes that an exit.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, or not."""
        await super().startup(sockets)
        # What was made until now stays: the collector need not walk over it again and again.
        gc.collect()
        gc.freeze()
        if _ended.is_set():
            self.should_exit = True


def serving(folder: Path) -> Serving | None:
    """Return where a workspace is being served; `None` where no server lives.

    What a killed server has left is not believed: its lock is free.
    """
    if free(folder / RUN):
        return None
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=Serving)
    except (OSError, msgspec.MsgspecError):
        return None
