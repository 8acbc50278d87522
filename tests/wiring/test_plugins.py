"""Sources and sinks of other packages: a real one is installed; a broken one stops only itself."""

import os
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from plugged import installed, offered

import twoloops
from twoloops.checks import check_sink, check_source
from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.file import FileSource
from twoloops.edge.adapters.jsonl import JsonLines
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.home import ORDERS, Home, Orders, Settings
from twoloops.edge.ports import Sink, Source
from twoloops.edge.trust.updating import begin
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.task import Task
from twoloops.wiring import plugins
from twoloops.wiring.plugins import SINKS, SOURCES

SECONDS = 60


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample package installed."""
    return installed(tmp_path_factory.mktemp("sample") / "site")


@pytest.fixture
def environment() -> dict[str, str]:
    """Environment of a real process that finds this very package."""
    return {**os.environ, "PYTHONPATH": str(Path(twoloops.__file__).parents[1])}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "in.txt"
    path.write_text("hose leaks\n")
    return path


def test_what_is_built_in_is_found_by_the_same_door(tmp_path, texts) -> None:
    assert isinstance(plugins.source(Asked(words=f"file:{texts}")), FileSource)
    sink = plugins.sink(Asked(words=f"jsonl:{tmp_path}/out.jsonl"))
    assert isinstance(sink, JsonLines)
    sink.close()


@pytest.mark.parametrize("group", [SOURCES, SINKS])
def test_every_built_in_factory_is_there(group) -> None:
    for scheme, value, way in plugins.BUILT_IN[group]:
        module, _, name = value.partition(":")
        found = __import__(f"{plugins.ADAPTERS}.{module}", fromlist=[name])
        assert callable(getattr(found, name))
        assert way.startswith(f"{scheme}:")


@pytest.mark.parametrize("words", ["fly:x", "folder:", "folder", "", ":x"])
def test_words_that_name_no_source_are_answered_by_what_there_is(words) -> None:
    with pytest.raises(UserError) as refused:
        plugins.source(Asked(words=words))
    for scheme, _, _ in plugins.BUILT_IN[SOURCES]:
        assert f"  {scheme}:" in str(refused.value)


def test_an_installed_package_is_named_beside_what_is_built_in(sample, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(sample))
    with pytest.raises(UserError, match=r"csvlog:… \(of twoloops-sample\)"):
        plugins.source(Asked(words="fly:x"))


def logged(folder: Path, inputs: Sequence[bytes]) -> None:
    rows = [b"2026-01-02T03:04:05+01:00;press 4;" + one + b"\n" for one in inputs]
    (folder / "machine.log").write_bytes(b"".join(rows))


def test_the_sample_keeps_the_laws(sample, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(sample))
    monkeypatch.setattr("twoloops.checks.sources.AGAIN", 0.1)

    def make(folder: Path) -> Source:
        return plugins.source(Asked(words=f"csvlog:{folder}/machine.log"))

    for law in check_source(make, lay=logged):
        law()

    receivers: dict[Path, socket.socket] = {}
    said: dict[Path, list[str]] = defaultdict(list)

    def tell(folder: Path) -> Sink:
        one = receivers[folder] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        return plugins.sink(Asked(words=f"syslog://127.0.0.1:{one.getsockname()[1]}"))

    def told(folder: Path) -> list[str]:
        try:
            while True:
                text = receivers[folder].recv(2048).decode()
                said[folder].append(text.split("twoloops: ")[1].rsplit(": ", 1)[0])
        except BlockingIOError:
            return said[folder]

    for law in check_sink(tell, told=told):
        law()
    for one in receivers.values():
        one.close()


def enrolled(folder: Path) -> Path:
    """An edge whose server is away."""
    home = Home(folder)
    task = Task("orders", "text", ("leak", "ok"), normal="ok")
    root = digest_bytes(b"never reached")
    home.enrolled(Settings("http://127.0.0.1:9", "press-4", "orders", "all", root), "2l_x")
    begin(home.releases, root, "orders")
    home.put(ORDERS, Orders(task, CapturePolicy(), 0, 0))
    return folder


@contextmanager
def edge(home: Path, environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run an edge, which does not outlive its test."""
    command = [sys.executable, "-W", "error", "-m", "twoloops", "edge", "run", "--task", "orders"]
    with subprocess.Popen(
        [*command, "--folder", str(home), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_edge_runs_with_an_installed_source_and_sink(sample, environment, tmp_path) -> None:
    """The command line takes both from the package, and what is said arrives by UDP."""
    logged(tmp_path, [b"hose leaks", b"\xff", b"all is well"])
    environment["PYTHONPATH"] += f":{sample}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(SECONDS)
        words = [
            f"--source=csvlog:{tmp_path}/machine.log",
            f"--sink=syslog://127.0.0.1:{receiver.getsockname()[1]}",
            f"--sink=jsonl:{tmp_path}/out.jsonl",
        ]
        with edge(enrolled(tmp_path / "edge"), environment, *words) as process:
            said = [receiver.recv(2048).decode() for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=SECONDS)
    assert [one.rsplit("twoloops: ", 1)[1].split("@")[0] for one in said] == ["machine.log"] * 3
    assert ["UTF-8" in one for one in said] == [False, True, False]
    assert all(one.startswith("<133>") and " press-4 " in one for one in said)
    assert "csvlog:" in out
    assert (process.returncode, "Traceback" in err) == (0, False), err
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3


def test_a_broken_package_is_named_and_stops_no_other_scheme(
    environment, tmp_path, texts, monkeypatch
) -> None:
    (tmp_path / "raising_plugin.py").write_text("raise RuntimeError('compiled for another system')")
    (tmp_path / "wrong_plugin.py").write_text("number = 7\n\n\ndef source(asked):\n    return {}\n")
    points = {
        "gone": "no_such_module:source",
        "raising": "raising_plugin:source",
        "number": "wrong_plugin:number",
        "wrong": "wrong_plugin:source",
        "file": "wrong_plugin:source",
    }
    offered(tmp_path, "acme-cameras", SOURCES, points)
    monkeypatch.syspath_prepend(str(tmp_path))
    for words, why in (
        ("gone:x", "ModuleNotFoundError"),
        ("raising:x", "compiled for another system"),
        ("number:x", "no factory"),
        ("wrong:x", r"no run\(\)"),
        (f"file:{texts}", "both twoloops and acme-cameras"),
    ):
        with pytest.raises(UserError, match=why) as refused:
            plugins.source(Asked(words=words))
        assert "acme-cameras" in str(refused.value)
    assert plugins.source(Asked(words=f"folder:{tmp_path}"))

    environment["PYTHONPATH"] += f":{tmp_path}"
    words = ("--source", "raising:x")
    with edge(enrolled(tmp_path / "edge"), environment, *words) as process:
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert "acme-cameras" in err
    assert "Traceback" not in err


def test_nothing_of_a_package_is_imported_before_it_is_asked_for(sample, environment) -> None:
    environment["PYTHONPATH"] += f":{sample}"
    script = """
import sys
from twoloops.cli.main import run
try:
    run(["edge", "run", "--help"])
except SystemExit as stop:
    assert stop.code == 0
assert not [name for name in sys.modules if name.startswith(("twoloops_sample", "cv2", "paho"))]
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
