"""Label Studio community edition as a user starts it, behind four calls: for labelling_peer.py.

Installed from the package index into an environment of its own (about 1 GB); SQLite, loopback only.
Analytics, error reports and the version check are switched off; whatever would still call out finds
a closed proxy.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PACKAGE = "label-studio"
USER, PASSWORD, TOKEN = (
    "ann@example.org",
    "correct-horse-9",
    "0123456789abcdef0123456789abcdef01234567",
)
START_LIMIT = 600
"""Seconds until a server must answer: a first start migrates its database."""

OFFLINE = {
    "COLLECT_ANALYTICS": "False",
    "LATEST_VERSION_CHECK": "False",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "True",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}
"""Environment of the server. Newer versions issue personal access tokens only; the older kind is
switched on because it can be given on the command line."""


def install(folder: Path) -> tuple[Path, float]:
    """Make the environment where it is not there yet; returns its programs and the seconds."""
    programs = folder / "bin"
    began = time.perf_counter()
    if not (programs / "label-studio").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(programs / "python"), "-m", "pip", "install", "--quiet", PACKAGE], check=True
        )
    return programs, time.perf_counter() - began


def version(programs: Path) -> str:
    """Return the version installed."""
    words = f"import importlib.metadata as m; print(m.version('{PACKAGE}'))"
    return subprocess.run(
        [str(programs / "python"), "-c", words], capture_output=True, text=True, check=True
    ).stdout.strip()


def free_port() -> int:
    """Return a port nobody listens at now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def end(server: "subprocess.Popen[Any]") -> None:
    """End a server, with force where it does not."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process and its children, in MB."""
    total = 0
    for one in _tree(pid):
        status = Path(f"/proc/{one}/status").read_text()
        total += sum(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS"))
    return total / 1024


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process and its children have used, in seconds."""
    ticks = 0
    for one in _tree(pid):
        # The name in parentheses may hold spaces; user and system time are fields 14 and 15.
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_text()
        except OSError:
            continue
        found.append(one)
        waiting += map(int, children.split())
    return found


class Client:
    """One connection to a server on loopback, kept open where the server keeps it."""

    def __init__(self, port: int, authorization: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; returns the decoded answer.

        Raises:
            RuntimeError: The server answers with an error.
        """
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, data, self._headers)
            answer = self._connection.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            # The server has closed a connection that was idle for some seconds.
            self._connection.close()
            self._connection.request(method, path, data, self._headers)
            answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None


class LabelStudio:
    """One installation with its own database.

    Args:
        programs: Folder of the environment's programs.
        folder: Where its database and log go.
        labels: The choices.
    """

    name = "Label Studio"

    def __init__(self, programs: Path, folder: Path, labels: tuple[str, ...]) -> None:
        self._programs, self._folder, self._labels = programs, folder, labels
        self._server: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None
        self._project = 0

    def start(self) -> float:
        """Start the server; returns the seconds until it says that it is up."""
        self._folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        began = time.perf_counter()
        with (self._folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [
                    str(self._programs / "label-studio"), "start", "--no-browser",
                    "--internal-host", "127.0.0.1", "--port", str(port),
                    "--data-dir", str(self._folder), "--username", USER, "--password", PASSWORD,
                    "--user-token", TOKEN, "--enable-legacy-api-token", "--agree-fix-sqlite",
                ],
                env=os.environ | OFFLINE, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        while time.perf_counter() - began < START_LIMIT:
            if self._server.poll() is not None:
                raise RuntimeError(f"it ended: see {self._folder / 'server.log'}")
            try:
                Client(port, "")("GET", "/health")
            except (OSError, RuntimeError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            self._client = Client(port, f"Token {TOKEN}")
            return time.perf_counter() - began
        raise RuntimeError(f"not up after {START_LIMIT} s: see {self._folder / 'server.log'}")

    def load(self, texts: list[str]) -> float:
        """Import texts as tasks of a new project; returns the seconds of the import alone."""
        choices = "".join(f'<Choice value="{one}"/>' for one in self._labels)
        config = (
            '<View><Text name="input" value="$text"/><Choices name="label" toName="input" '
            f'choice="single">{choices}</Choices></View>'
        )
        made = self.call("POST", "/api/projects", {"title": "peer", "label_config": config})
        self._project = made["id"]
        began = time.perf_counter()
        tasks = [{"text": one} for one in texts]
        done = self.call("POST", f"/api/projects/{self._project}/import", tasks)
        took = time.perf_counter() - began
        if done["task_count"] != len(texts):
            raise RuntimeError(f"imported {done['task_count']} of {len(texts)} tasks")
        return took

    def next(self) -> Any:
        """Return the next task, which stays the user's until it is answered."""
        return self.call("GET", f"/api/projects/{self._project}/next")["id"]

    def submit(self, item: Any, label: str) -> None:
        """Answer a task."""
        result = {
            "from_name": "label", "to_name": "input", "type": "choices",
            "value": {"choices": [label]},
        }  # fmt: skip
        body = {"result": [result], "lead_time": 1.0}
        self.call("POST", f"/api/tasks/{item}/annotations", body)

    def export(self, form: str = "JSON") -> Any:
        """Return the project's annotations."""
        return self.call("GET", f"/api/projects/{self._project}/export?exportType={form}")

    def rss(self) -> float:
        """Return the server's resident memory in MB."""
        return 0.0 if self._server is None else rss_mb(self._server.pid)

    def cpu(self) -> float:
        """Return the CPU time of the server in seconds."""
        return 0.0 if self._server is None else cpu_s(self._server.pid)

    def stop(self) -> None:
        """End the server that `start` started."""
        if self._server is not None:
            end(self._server)
            self._server = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the running server."""
        if self._client is None:
            raise RuntimeError("start it first")
        return self._client(method, path, body)
