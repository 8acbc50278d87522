"""Packages installed for a test, into a folder of their own."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent.parent / "plugins"


def installed(target: Path, package: Path = PLUGINS / "twoloops-sample") -> Path:
    """Build and install a package by pip, or uv where there is no pip; without any network.

    Skips the test where what builds it is not installed.
    """
    pytest.importorskip("hatchling", reason="hatchling, which builds packages, is not installed")
    here = target.parent / f"{target.name}-source"  # building leaves files beside the source
    shutil.copytree(package, here)
    how = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target)]
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--disable-pip-version-check", "--no-index", "--root-user-action=ignore"]
        command = [sys.executable, "-m", "pip", *how, *quiet]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", *how, "--offline", "--python", sys.executable]
    else:
        pytest.skip("neither pip nor uv is there to install a package")
    done = subprocess.run(
        [*command, str(here)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


def offered(folder: Path, package: str, group: str, points: dict[str, str]) -> Path:
    """Write the metadata of an installed package that offers something, and nothing else of it."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder
