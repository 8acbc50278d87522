"""Sources and sinks by the scheme of their words: built in, or of any installed package.

A package names factories in its entry points; the built-in ones are entry points, too, only that
they are listed here. Nothing is imported before its scheme is asked for, so a package that is
broken stops nobody who does not name it.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.ports import Sink, Source
from twoloops.records.errors import UserError

SOURCES, SINKS = "twoloops.sources", "twoloops.sinks"
"""The groups of entry points: scheme = module:factory."""
OURS = "twoloops"
ADAPTERS = "twoloops.edge.adapters"

BUILT_IN: dict[str, tuple[tuple[str, str, str], ...]] = {
    SOURCES: (
        ("folder", "folder:source", "folder:PATH (watched)"),
        ("http", "loopback:source", "http://127.0.0.1:PORT (asked by the line)"),
        ("file", "file:source", "file:PATH (replayed, then it ends)"),
        ("mqtt", "mqtt_source:source", "mqtt://HOST/TOPIC"),
        ("mqtts", "mqtt_source:source", "mqtts://HOST/TOPIC"),
        ("video", "video:source", "video:PATH (replayed, then it ends)"),
        ("camera", "camera:source", "camera:INDEX"),
        ("rtsp", "camera:source", "rtsp://HOST/PATH"),
    ),
    SINKS: (
        ("jsonl", "jsonl:sink", "jsonl:PATH (a line for each verdict)"),
        ("http", "http_sink:sink", "http://HOST/PATH (a POST for each)"),
        ("https", "http_sink:sink", "https://HOST/PATH"),
        ("mqtt", "mqtt_sink:sink", "mqtt://HOST/TOPIC"),
        ("mqtts", "mqtt_sink:sink", "mqtts://HOST/TOPIC"),
    ),
}
"""By group: the scheme, its factory below `twoloops.edge.adapters`, and how its words look."""


class Offered(msgspec.Struct, frozen=True):
    """A scheme that can be asked for.

    Args:
        scheme: What stands before the colon.
        value: `module:factory`.
        package: The installed package that offers it.
    """

    scheme: str
    value: str
    package: str


def source(asked: Asked) -> Source:
    """Return the source that words name.

    Raises:
        UserError: They name none, or its package is broken or missing.
    """
    made: Source = _made(SOURCES, "--source", asked, ("run",))
    return made


def sink(asked: Asked) -> Sink:
    """Return the sink that words name.

    Raises:
        UserError: They name none, or its package is broken or missing.
    """
    made: Sink = _made(SINKS, "--sink", asked, ("put", "close"))
    return made


def offered(group: str) -> list[Offered]:
    """Return every scheme of a group, the built-in ones first; one may stand there twice."""
    ours = [Offered(scheme, f"{ADAPTERS}.{value}", OURS) for scheme, value, _ in BUILT_IN[group]]
    return ours + sorted(_installed(group), key=lambda one: (one.scheme, one.package))


def _installed(group: str) -> Iterator[Offered]:
    for point in entry_points(group=group):
        package = "a package without a name" if point.dist is None else point.dist.name
        yield Offered(point.name, point.value, package)


def _made(group: str, option: str, asked: Asked, methods: tuple[str, ...]) -> Any:
    found = [one for one in offered(group) if one.scheme == asked.scheme]
    if not found or not asked.rest:
        raise UserError(f"{option} {asked.words!r} is none: write  {'  or  '.join(_ways(group))}")
    if len(found) > 1:
        first, second = (one.package for one in found[:2])
        # Which one decides must not depend on the order of folders on a path.
        raise UserError(
            f"{option} {asked.words!r}: both {first} and {second} offer {asked.scheme!r}: run  "
            f"pip uninstall {second}  , or ask its authors for another name"
        )
    made = _factory(group, option, found[0])(asked)
    missing = [name for name in methods if not callable(getattr(made, name, None))]
    if missing:
        raise UserError(
            f"{option} {asked.words!r}: package {found[0].package!r} made a "
            f"{type(made).__name__}, which has no {missing[0]}(): it needs "
            f"{' and '.join(methods)} (docs/sources.md)"
        )
    return made


def _factory(group: str, option: str, one: Offered) -> Callable[[Asked], Any]:
    try:
        factory = EntryPoint(one.scheme, one.value, group).load()
    except Exception as error:  # a plug-in may fail in any way while it is imported
        if one.package == OURS:
            raise
        raise UserError(
            f"{option} {one.scheme}: the package {one.package!r} cannot be loaded "
            f"({type(error).__name__}: {error}): run  pip install --upgrade {one.package}  , or "
            f"pip uninstall {one.package}"
        ) from error
    if not callable(factory):
        raise UserError(
            f"{option} {one.scheme}: {one.value} of the package {one.package!r} is no factory but "
            f"{type(factory).__name__}: name a function of one argument (docs/sources.md)"
        )
    made: Callable[[Asked], Any] = factory
    return made


def _ways(group: str) -> list[str]:
    ways = [way for _, _, way in BUILT_IN[group]]
    return ways + [f"{one.scheme}:… (of {one.package})" for one in offered(group)[len(ways) :]]
