"""A repository that signs, a server of its files that can be made to lie, and a device."""

import contextlib
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tuf.api.metadata import Metadata, TargetFile
from tuf.api.serialization.json import JSONSerializer

from twoloops.edge.runtime import Runtime
from twoloops.edge.trust.fetching import Limits
from twoloops.edge.trust.refusing import Outcome
from twoloops.edge.trust.updating import begin, update
from twoloops.records.assignment import (
    REVOKED,
    Assignment,
    Golden,
    Revocations,
    assignment_path,
    golden_path,
    model_path,
)
from twoloops.records.digests import Digest, digest_bytes
from twoloops.store.trust import keys
from twoloops.store.trust.repository import Repository

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TASK = "fan"
QUICK = Limits(silence=0.5, seconds=5, grace=0.3, rate=1024)
"""For tests of slow servers alone: a busy machine is slow, too."""

Lie = Callable[[BaseHTTPRequestHandler], None]


def window(first: float, second: float) -> bytes:
    """An input of the tests' models."""
    stream = io.BytesIO()
    np.save(stream, np.array([[first], [second]], dtype=np.float32))
    return stream.getvalue()


INPUTS = (window(1, 1), window(0, 9), window(3, 1))


class Signing:
    """A repository with what lies in it, and an address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = Repository(folder)
        self.repository.begin(AT)
        self.lies: dict[str, Lie] = {}
        self.asked: list[str] = []
        self.url = ""

    @property
    def targets(self) -> dict[str, TargetFile]:
        """What is known."""
        return self.repository.listed()

    def sign(self, changed: Mapping[str, TargetFile | None], at: datetime = AT) -> None:
        """Make changed targets known; `None` takes one away."""
        wanted = {**self.targets, **changed}
        self.repository.write({n: info for n, info in wanted.items() if info is not None}, at)

    def release(
        self, model: bytes, task: str = TASK, wrong: float = 0.0, inputs: tuple[bytes, ...] = INPUTS
    ) -> Digest:
        """Sign a model with its golden inputs; the answers may be wrong."""
        digest = digest_bytes(model)
        said = Runtime(model).run(inputs).probabilities + wrong if inputs else []
        golden = Golden(
            task=task,
            model=digest,
            inputs=inputs,
            probabilities=tuple(tuple(map(float, row)) for row in said),
        )
        put = self.repository.put
        self.sign(
            {
                model_path(digest): put(
                    model_path(digest), model, {"task": task, "turn": 1, "model": digest}
                ),
                golden_path(digest): put(golden_path(digest), msgspec.json.encode(golden), {}),
            }
        )
        return digest

    def assign(self, model: Digest, at: datetime = AT, **other: Any) -> Assignment:
        """Sign an assignment to the group `all`, whatever it says."""
        version = self.repository.next_version()
        fields = {"task": TASK, "group": "all", "counter": version, "mode": "full"} | other
        order = Assignment(model=model, **fields)
        name = assignment_path(TASK, "all")
        self.sign({name: self.repository.put(name, msgspec.json.encode(order), {})}, at)
        return order

    def revoke(self, *models: Digest, counter: int | None = None) -> None:
        """Sign the list of revoked models."""
        number = self.repository.next_version() if counter is None else counter
        listed = Revocations(counter=number, models=tuple(sorted(models)))
        self.sign({REVOKED: self.repository.put(REVOKED, msgspec.json.encode(listed), {})})

    def resigned(self, role: str, change: Callable[[Any], None], at: Path | None = None) -> bytes:
        """The bytes of a role's newest metadata, changed, and signed with its real keys."""
        found = self.repository.known(role)
        assert found is not None
        made: Metadata[Any] = Metadata.from_bytes(found.data)
        change(made.signed)
        made.signatures.clear()
        for signer in keys.found(
            self.repository.keys, self.repository.root().signed.roles[role].keyids
        ):
            made.sign(signer, append=True)
        return made.to_bytes(JSONSerializer())

    def answer(self, name: str, data: bytes, status: int = 200, **headers: str) -> None:
        """Answer a request for a name (the end of a path) with other bytes."""

        def lie(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for header, value in headers.items():
                handler.send_header(header.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(data)))
            # Else the client may ask again on the connection just before it sees it closed.
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.wfile.write(data)

        self.lies[name] = lie


class Device:
    """A device that asks a server."""

    def __init__(self, folder: Path, signing: Signing) -> None:
        self.folder, self.signing = folder, signing
        begin(folder, signing.repository.root_digest(), TASK)

    def update(self, at: datetime = AT, **other: Any) -> Outcome:
        """Update at a time."""
        return update(self.folder, self.signing.url, "secret", lambda: at, **other)


@contextlib.contextmanager
def signing(folder: Path) -> Iterator[Signing]:
    """Serve a new repository as `twoloops serve` does, but for its lies."""
    made = Signing(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            made.asked.append(self.path)
            for name, lie in made.lies.items():
                if self.path.endswith(name):
                    with contextlib.suppress(OSError):
                        lie(self)
                    self.close_connection = True
                    return
            path = made.folder / self.path.removeprefix("/trust/")
            found = path.read_bytes() if path.is_file() else None
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            with contextlib.suppress(OSError):  # who asked has gone
                self.wfile.write(found or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
