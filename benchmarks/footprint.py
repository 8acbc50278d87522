"""What a bare install weighs and how long its imports take.

Builds the wheel of this checkout, installs it without extras into a throw-away environment, and
prints the installed size by package and the start of fresh processes (median of 7) beside that of
bare Python.

    python benchmarks/footprint.py
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "footprint.json"
REPEATS = 7
TARGETS = {"twoloops --help": 0.4}
SIZES = """
import importlib.metadata as metadata, json, pathlib
sizes = {}
for package in metadata.distributions():
    paths = {pathlib.Path(package.locate_file(file)) for file in package.files or ()}
    sizes[package.name] = sum(path.stat().st_size for path in paths if path.is_file())
print(json.dumps(sizes))
"""


def run(*command: str | Path) -> str:
    """Run a command and return what it printed; its errors are shown."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def installed(folder: Path) -> Path:
    """Install the bare project, as a wheel, into a new environment; return its `bin` folder."""
    environment = folder / "environment"
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    uv = shutil.which("uv")
    if uv:
        run(uv, "venv", "--quiet", "--python", sys.executable, environment)
        run(uv, "pip", "install", "--quiet", "--python", scripts / "python", ROOT)
    else:
        run(sys.executable, "-m", "venv", environment)
        run(scripts / "python", "-m", "pip", "install", "--quiet", ROOT)
        # An environment made by venv holds pip itself, which the project does not need.
        run(scripts / "python", "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    return scripts


def seconds(*command: str | Path) -> float:
    """Median time of a fresh process; the first one only writes the byte code."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        run(*command)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def measure(scripts: Path) -> dict[str, Any]:
    """Sizes in MB by package, and starting times in seconds above that of bare Python."""
    python = scripts / "python"
    sizes = json.loads(run(python, "-c", SIZES))
    megabytes = {name: round(size / 1e6, 2) for name, size in sizes.items()}
    start = seconds(python, "-c", "pass")
    imports: dict[str, float | None] = {
        module: round(seconds(python, "-c", f"import {module}") - start, 3)
        for module in ("numpy", "onnxruntime", "twoloops.edge.runtime")
    }
    command = scripts / ("twoloops.exe" if os.name == "nt" else "twoloops")
    there = not subprocess.run([command, "--help"], capture_output=True, check=False).returncode
    imports["twoloops --help"] = round(seconds(command, "--help") - start, 3) if there else None
    return {
        "total_mb": round(sum(sizes.values()) / 1e6, 1),
        "packages_mb": dict(sorted(megabytes.items(), key=lambda item: -item[1])),
        "python_start_seconds": round(start, 3),
        "seconds_above_python": imports,
    }


def main() -> None:
    """Measure, print the tables, write the JSON."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(installed(Path(folder)))
    found["targets"] = TARGETS
    found["machine"] = (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}"
    )
    for name, size in found["packages_mb"].items():
        print(f"{name:24}{size:9.2f} MB")
    print(f"{'total':24}{found['total_mb']:9.1f} MB\n")
    print(f"{'python -c pass':24}{found['python_start_seconds']:9.3f} s")
    for name, value in found["seconds_above_python"].items():
        shown = "does not run in this checkout" if value is None else f"{value:+9.3f} s"
        print(f"{name:24}{shown}")
    print(found["machine"])
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
