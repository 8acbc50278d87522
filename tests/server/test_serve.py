"""`twoloops serve` as a process: how it begins, who may begin it, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from twoloops.records.errors import UserError
from twoloops.server.serving import STATE, Serving, Tls, alone, check_safe, first_token, serving
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now, reading


class Process:
    """A server as people start it."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "twoloops", "serve", "-w", str(folder), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "300"},
        )
        self.lines: list[str] = []

    def ready(self) -> str:
        """Wait until it serves; returns its URL."""
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).strip().startswith("http"):
            assert line, self.process.communicate()[1]
            self.lines.append(line.strip())
        return line.strip()

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Store.open(tmp_path / "ws").close()
    return tmp_path / "ws"


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """Processes that must not outlive the test."""
    found: list[Process] = []
    yield found
    for one in found:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_a_server_begins_ends_and_begins_again(folder: Path, started: list[Process]) -> None:
    one = Process(folder)
    started.append(one)
    url = one.ready()
    assert one.lines[0] == "Admin token, shown this once:"
    token = one.lines[1]
    admin = {"Authorization": f"Bearer {token}"}
    assert httpx2.get(f"{url}/api/v1/tasks", headers=admin).json() == []
    assert httpx2.get(f"{url}/health", headers={"Host": "evil.example"}).status_code == 421
    assert serving(folder) == Serving(url, one.process.pid)

    # A second one is told who serves, and leaves the first alone.
    two = subprocess.run(
        [sys.executable, "-m", "twoloops", "serve", "-w", str(folder), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert two.returncode == 2
    said = " ".join(two.stderr.split())
    assert f"served at {url} by process {one.process.pid}" in said
    assert "Traceback" not in said
    assert httpx2.get(f"{url}/health").json() == {"status": "ok"}

    one.end(signal.SIGKILL)
    assert (folder / STATE).is_file()  # left behind
    assert serving(folder) is None  # and not believed

    again = Process(folder)
    started.append(again)
    url = again.ready()
    assert not any("token" in line for line in again.lines)  # it is shown this once
    assert httpx2.get(f"{url}/api/v1/tasks", headers=admin).status_code == 200
    assert again.end(signal.SIGTERM) == 0
    assert not (folder / STATE).exists()


def test_ctrl_c_ends_it_well(folder: Path, started: list[Process]) -> None:
    one = Process(folder)
    started.append(one)
    one.ready()
    one.process.send_signal(signal.SIGINT)
    error = one.process.communicate(timeout=30)[1]
    assert one.process.returncode in (0, 130)
    assert "Traceback" not in error


def test_only_one_serves_a_workspace(folder: Path) -> None:
    with (
        alone(folder),
        pytest.raises(UserError, match=f"is served by process {os.getpid()}"),
        alone(folder),
    ):
        pass
    with alone(folder):
        pass


def test_a_disk_that_cannot_be_written_is_not_called_another_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UserError("cannot lock: Read-only file system")

    monkeypatch.setattr("twoloops.server.serving.workspace_lock", refuse)
    with pytest.raises(UserError, match="cannot lock: Read-only file system"), alone(folder):
        pass


def test_no_workspace_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="twoloops init"), alone(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_first_token_is_made_once(folder: Path) -> None:
    assert first_token(folder) is not None
    assert first_token(folder) is None


def test_a_labellers_token_before_it_does_not_take_the_admins_place(folder: Path) -> None:
    with reading(folder) as store, store.transaction():
        store.tokens.add("ann", "labeller", now())  # as twoloops label does where no server runs
    assert first_token(folder) is not None


@pytest.mark.parametrize("state", [b"", b"{", b'{"url": "http://x", "pid": 1}'])
def test_what_is_left_of_a_server_is_not_believed(folder: Path, state: bytes) -> None:
    (folder / STATE).write_bytes(state)
    assert serving(folder) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "plant.example"])
def test_tokens_are_not_sent_over_a_network_in_the_clear(host: str) -> None:
    with pytest.raises(UserError, match="--insecure-http"):
        check_safe(host, None)
    check_safe(host, None, insecure=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_this_machine_they_may(host: str) -> None:
    check_safe(host, None)


def certificate(folder: Path) -> Tls:
    """A certificate for localhost, signed by itself."""
    tls = Tls(folder / "cert.pem", folder / "key.pem")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=DNS:localhost -out {tls.certificate} -keyout {tls.key}"
    try:
        subprocess.run(command.split(), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no openssl to make a certificate with: {error}")
    return tls


def test_https_by_a_certificate(folder: Path, tmp_path: Path, started: list[Process]) -> None:
    import ssl

    tls = certificate(tmp_path)
    check_safe("0.0.0.0", tls)
    one = Process(folder, "--certificate", str(tls.certificate), "--key", str(tls.key))
    started.append(one)
    url = one.ready().replace("127.0.0.1", "localhost")
    assert url.startswith("https://")
    trust = ssl.create_default_context(cafile=str(tls.certificate))
    answer = httpx2.get(f"{url}/health", verify=trust)
    assert answer.json() == {"status": "ok"}
    assert one.end(signal.SIGTERM) == 0


def test_certificates_that_do_not_fit_are_told(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(UserError, match="cannot be used"):
        check_safe("127.0.0.1", Tls(bad, bad))
    with pytest.raises(UserError, match="cannot be used"):
        check_safe("127.0.0.1", Tls(tmp_path / "none.pem", bad))
    done = subprocess.run(
        [sys.executable, "-m", "twoloops", "serve", "-w", str(folder), "--key", "k"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--certificate" in done.stderr


def test_killed_while_it_works_a_turn_goes_on(folder: Path, started: list[Process]) -> None:
    from twoloops.records.task import Task

    with Store.open(folder) as store:
        store.tasks.put(Task("orders", "text", ("leak", "ok"), normal="ok"))
    one = Process(folder, "--turn-after", "6")
    started.append(one)
    url = one.ready()
    admin = {"Authorization": f"Bearer {one.lines[1]}"}
    texts = [{"text": f"{'oil leak' if i % 2 else 'all fine'} {i}"} for i in range(8)]
    path = f"{url}/api/v1/tasks/orders"
    httpx2.post(f"{path}/observations/batch", json={"observations": texts}, headers=admin)
    one.end(signal.SIGKILL)

    two = Process(folder, "--turn-after", "6")
    started.append(two)
    path = f"{two.ready()}/api/v1/tasks/orders"
    wait_for(lambda: _stage(path, admin) == "label")
    while items := httpx2.post(f"{path}/label/next", json={"ahead": 8}, headers=admin).json()[
        "items"
    ]:
        for item in items:
            said = "leak" if "leak" in item["text"] else "ok"
            body = {"observation": item["observation"], "label": said}
            assert httpx2.post(f"{path}/label/answer", json=body, headers=admin).status_code == 200
    wait_for(lambda: json.loads(httpx2.get(f"{path}/turns", headers=admin).text)["open"] is None)
    assert httpx2.get(f"{path}/turns", headers=admin).json()["turns"][0]["number"] == 0
    assert two.end(signal.SIGTERM) == 0


def _stage(path: str, admin: dict[str, str]) -> str | None:
    opened = httpx2.get(f"{path}/turns", headers=admin).json()["open"]
    return opened and opened["stage"]


def wait_for(what, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)
