"""A lone file out of a wheel: found in the cache, by hand or installed, fetched, checked."""

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from twoloops.records.errors import UserError
from twoloops.store import fetch

CONTENT = b"a,b\n1,2\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def make_wheel(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("demo/data/table.csv", content)
        wheel.writestr("demo/data/more.txt", b"more")
        wheel.writestr("demo/__init__.py", "raise RuntimeError('a fetched wheel is not imported')")
    return path


def get(cache: Path, **changes: object) -> Path:
    said = {
        "package": "demo-data",
        "version": "1.0",
        "wheel_sha256": None,
        "member": "demo/data/table.csv",
        "member_sha256": DIGEST,
        "cache": cache,
    } | changes
    return fetch.fetch_wheel_member(**said)  # type: ignore[arg-type]


def offer(monkeypatch: pytest.MonkeyPatch, wheel: Path, tool: str = "pip") -> None:
    """Let a made-up tool 'download' the wheel: pip gives the file, uv unpacks it."""
    script = {
        "pip": "import shutil, sys; import os; os.makedirs(sys.argv[2]);"
        "shutil.copy(sys.argv[1], sys.argv[2])",
        "uv": "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])",
    }[tool]
    monkeypatch.setattr(
        fetch,
        "_tools",
        lambda requirement, scratch: {
            tool: [sys.executable, "-c", script, str(wheel), str(scratch / tool)]
        },
    )


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt to download fails as it does without a network."""
    script = "import sys; sys.exit('error: no route to host')"
    monkeypatch.setattr(fetch, "_tools", lambda *_: {"pip": [sys.executable, "-c", script]})


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_file_is_fetched_once_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    offer(monkeypatch, make_wheel(tmp_path / "demo_data-1.0-py3-none-any.whl"), tool)
    said: list[str] = []
    cache = tmp_path / "cache"
    path = get(cache, progress=said.append, size="83 MB")
    assert path == cache / "demo-data-1.0" / "table.csv"
    assert path.read_bytes() == CONTENT
    assert said == ["fetching demo-data 1.0 (83 MB) from the package index, once"]
    monkeypatch.setattr(fetch, "_tools", lambda *_: pytest.fail("fetched twice"))
    assert get(cache) == path
    assert [file.name for file in cache.rglob("*") if file.is_file()] == ["table.csv"]


def test_a_wheel_put_by_hand_into_the_cache_is_used(tmp_path: Path, offline: None) -> None:
    make_wheel(tmp_path / "wheels" / "demo_data-1.0-py3-none-any.whl")
    assert get(tmp_path).read_bytes() == CONTENT


def test_an_installed_package_is_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(make_wheel(tmp_path / "demo_data-1.0-py3-none-any.whl")) as wheel:
        wheel.extractall(site)
    (site / "demo_data-1.0.dist-info").mkdir()
    (site / "demo_data-1.0.dist-info" / "METADATA").write_text("Name: demo-data\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(site))
    assert get(tmp_path / "cache").read_bytes() == CONTENT


def test_offline_says_how_to_do_it_by_hand(tmp_path: Path, offline: None) -> None:
    with pytest.raises(UserError) as caught:
        get(tmp_path)
    assert str(caught.value) == (
        "cannot fetch demo-data 1.0 from the package index (pip: error: no route to host): on a "
        "machine that reaches one run  pip download --no-deps demo-data==1.0  and put the .whl "
        f"file into {tmp_path / 'wheels'}"
    )


def test_without_pip_and_uv_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_tools", lambda *_: {})
    with pytest.raises(UserError, match=r"\(neither pip nor uv was found\): on a machine that"):
        get(tmp_path)


def test_a_changed_file_is_refused_and_not_stored(tmp_path: Path, offline: None) -> None:
    make_wheel(tmp_path / "wheels" / "demo_data-1.0-py3-none-any.whl", b"other")
    with pytest.raises(UserError) as caught:
        get(tmp_path)
    assert str(caught.value) == (
        f"demo/data/table.csv of demo-data 1.0 has sha256 {OTHER}, expected {DIGEST}: the "
        "published file has changed, and nothing was stored"
    )
    assert not (tmp_path / "demo-data-1.0").exists()


def test_a_file_changed_in_the_cache_is_refused(tmp_path: Path, offline: None) -> None:
    kept = tmp_path / "demo-data-1.0" / "table.csv"
    kept.parent.mkdir()
    kept.write_bytes(b"other")
    with pytest.raises(UserError) as caught:
        get(tmp_path)
    assert str(caught.value) == (
        f"{kept} has sha256 {OTHER}, expected {DIGEST}: delete {kept} and run again"
    )


def test_a_changed_wheel_and_a_missing_member_are_refused(tmp_path: Path, offline: None) -> None:
    make_wheel(tmp_path / "wheels" / "demo_data-1.0-py3-none-any.whl")
    with pytest.raises(UserError, match=r"any\.whl has sha256 .*, expected abc: the published whe"):
        get(tmp_path, wheel_sha256="abc")
    with pytest.raises(UserError, match=r"^the wheel of demo-data 1\.0 holds no file 'demo/x'"):
        get(tmp_path, member="demo/x")


def test_a_broken_wheel_is_named(tmp_path: Path, offline: None) -> None:
    wheel = tmp_path / "wheels" / "demo_data-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"half")
    with pytest.raises(UserError, match=r"^demo_data-1\.0-py3-none-any\.whl is not a whole wheel"):
        get(tmp_path)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_folder_is_fetched_once_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    offer(monkeypatch, make_wheel(tmp_path / "demo_data-1.0-py3-none-any.whl"), tool)
    lines = [f"{DIGEST} table.csv\n", f"{hashlib.sha256(b'more').hexdigest()} more.txt\n"]
    pin = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    cache = tmp_path / "cache"
    folder = fetch.fetch_wheel_folder("demo-data", "1.0", "demo/data", pin, cache)
    assert sorted(file.name for file in folder.iterdir()) == ["more.txt", "table.csv"]
    (folder / "more.txt").write_bytes(b"less")
    with pytest.raises(UserError, match=rf"^the files of data .* expected {pin}: delete "):
        fetch.fetch_wheel_folder("demo-data", "1.0", "demo/data", pin, cache)


def test_the_cache_folder_follows_the_platform() -> None:
    assert fetch.default_cache({"TWOLOOPS_CACHE": "/a"}, "linux") == Path("/a")
    assert fetch.default_cache({"XDG_CACHE_HOME": "/b"}, "linux") == Path("/b/twoloops")
    assert fetch.default_cache({}, "linux") == Path.home() / ".cache" / "twoloops"
    assert fetch.default_cache({"LOCALAPPDATA": "/c"}, "win32") == Path("/c/twoloops/cache")


def test_the_commands_take_the_wheel_alone(tmp_path: Path) -> None:
    for command in fetch._tools("demo-data==1.0", tmp_path).values():
        assert "--no-deps" in command
        assert command[-1] == "demo-data==1.0"
