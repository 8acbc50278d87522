"""MLflow tracing as its users run it, for load.py: a server on SQLite, a client that logs traces.

Installed from the package index into an environment of its own (about 600 MB). A trace of one span
carries an input's text and a verdict; traces are logged synchronously, so that one counts when the
server has it, as an observation does.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from label_studio_peer import end, free_port, rss_mb

PACKAGE = "mlflow"
LOG = """
import json, sys, time
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("peer")
texts = json.load(open(sys.argv[2]))
def log(text):
    with mlflow.start_span("decide") as span:
        span.set_inputs({"text": text})
        span.set_outputs({"label": "leak", "probabilities": [0.7, 0.3]})
log("first")
began = time.perf_counter()
for text in texts:
    log(text)
mlflow.flush_trace_async_logging()
took = time.perf_counter() - began
import mlflow.tracking
found, token = 0, None
while True:
    page = mlflow.tracking.MlflowClient().search_traces(
        locations=[mlflow.get_experiment_by_name("peer").experiment_id],
        max_results=500, page_token=token, include_spans=False)
    found += len(page)
    token = page.token
    if not token:
        break
print(json.dumps({"seconds": took, "found": found - 1}))
"""


def install(folder: Path) -> Path:
    """Make the environment where it is not there yet; returns its programs."""
    programs = folder / "bin"
    if not (programs / "mlflow").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(programs / "python"), "-m", "pip", "install", "--quiet", PACKAGE], check=True
        )
    return programs


def version(programs: Path) -> str:
    """Return the version installed."""
    words = f"import importlib.metadata as m; print(m.version('{PACKAGE}'))"
    return subprocess.run(
        [str(programs / "python"), "-c", words], capture_output=True, text=True, check=True
    ).stdout.strip()


def logged_seconds(programs: Path, folder: Path, texts: list[str]) -> tuple[float, float]:
    """Log texts as traces; returns the seconds, and the server's memory in MB after it.

    Raises:
        RuntimeError: The server does not start, or has not got every trace.
    """
    folder.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    quiet = os.environ | {"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false", "DO_NOT_TRACK": "true"}
    quiet |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [
                str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port),
                "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
                "--default-artifact-root", str(folder / "artifacts"), "--workers", "1",
            ],
            env=quiet, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait(f"{url}/health", server, folder)
        given = folder / "texts.json"
        given.write_text(json.dumps(texts))
        done = subprocess.run(
            [str(programs / "python"), "-c", LOG, url, str(given)],
            capture_output=True, text=True, env=quiet, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        said = json.loads(done.stdout.splitlines()[-1])
        if said["found"] != len(texts):
            raise RuntimeError(f"MLflow has {said['found']} of {len(texts)} traces")
        return said["seconds"], rss_mb(server.pid)
    finally:
        end(server)


def _wait(url: str, server: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (OSError, urllib.error.HTTPError):
            pass
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"MLflow does not answer: see {folder / 'server.log'}")
        time.sleep(0.1)
