"""A real MQTT broker for tests: mosquitto, found, or Debian's package where that can be installed.

Without it the tests are skipped with the reason.
"""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from browser import APT, told

NAMES = ("mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")
SECONDS = 30.0


def executable() -> str:
    """Return mosquitto's path, or skip the test with the reason why there is none."""
    why = ""
    for get in (lambda: "", debian):
        why = get() or why
        found = next((path for name in NAMES if (path := shutil.which(name))), None)
        if found is not None:
            return found
    pytest.skip(f"no MQTT broker: {why}")


def debian() -> str:
    """Install Debian's mosquitto where that is allowed; returns what went wrong."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "Debian's package of mosquitto needs root and apt-get"
    return told([*APT, "update"]) or told(
        [*APT, "install", "-y", "--no-install-recommends", "mosquitto"]
    )


PORTS = range(20_000, 32_000)
"""Below those that the system gives to connections: a killed broker must find its own again."""
_tried = itertools.count()


def free_port() -> int:
    """Return a port that nobody listens at; processes beside this one get others."""
    while True:
        port = PORTS[(os.getpid() * 31 + next(_tried)) % len(PORTS)]
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Mosquitto:
    """A broker on loopback that can be killed and started again with what it had saved.

    Args:
        folder: Of its settings and its store.
        settings: Lines of its settings besides.
        allow: Whether anybody may connect.
    """

    def __init__(self, folder: Path, *settings: str, allow: bool = True) -> None:
        self.path, self.port = executable(), free_port()
        self.store = folder / "mosquitto.db"
        self.settings = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(allow).lower()}",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 0",  # saved when a test says so
            "max_queued_messages 0",
            *(["user root"] if os.geteuid() == 0 else []),
            *settings,
        ]
        self.settings.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.path, "-c", str(self.settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self.process.poll() is None, f"mosquitto ended: {self.process.returncode}"
                assert time.monotonic() < until, "mosquitto does not listen"
                time.sleep(0.01)

    def save(self) -> None:
        """Have everything written to disk, and wait for it."""
        assert self.process is not None
        before = self.store.stat().st_mtime_ns if self.store.exists() else 0
        self.process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + SECONDS
        # It writes another file and renames it.
        while not self.store.exists() or self.store.stat().st_mtime_ns == before:
            assert time.monotonic() < until, "mosquitto does not save"
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it: what was not saved is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
