"""Watch upstreams: what is newer there, what is gone, how what was published is used."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from twoloops.convergence.trials.trial import Tried
from twoloops.digital.catalogue import first_base
from twoloops.digital.upstream.folders import PREFIX as FOLDER
from twoloops.digital.upstream.folders import revision_of
from twoloops.digital.upstream.port import GoneError, Use
from twoloops.records.errors import TransientError, UserError
from twoloops.store.rows import StoredBase
from twoloops.wiring.bases import add
from twoloops.wiring.publishing import keep_use, listing, place_of
from twoloops.wiring.rebasing import rebase_tasks
from twoloops.wiring.upstreams import Tell, hub, upstream_of
from twoloops.wiring.workspace import OnWait, reading, writing

State = Literal["same", "newer", "gone", "not asked", "refused"]


class Source(NamedTuple):
    """Where a base came from, taken apart.

    Attributes:
        place: Without the revision: `hub:owner/name`, `folder:path`, `package:name`.
        file: The ONNX file that was asked for, or `None`.
    """

    place: str
    file: str | None


class Watched(msgspec.Struct, frozen=True):
    """One upstream of a workspace.

    Args:
        source: Without the revision.
        base: The base added last from it.
        held: Its revision.
        newest: The newest there, or `None` where that is not known.
        state: `newer` there than here, the `same`, `gone` from there, `not asked` for now, or
            newer and `refused` when it was to be added.
        why: What the upstream or the vetting said, where it is not plain.
        added: The base that was added, if one was.
        tried: What re-basing on it came to.
    """

    source: str
    base: str
    held: str
    newest: str | None
    state: State
    why: str = ""
    added: str | None = None
    tried: tuple[Tried, ...] = ()


class Counted(msgspec.Struct, frozen=True):
    """One repository to which models of this workspace were published.

    Args:
        place: `hub:owner/name`.
        use: What the Hub counts of it, or `None` where it could not be asked.
        state: `same` where its head is the commit that was published last, `changed` by somebody
            else, `gone`, or `not asked`.
        why: What the Hub said, where it is not plain.
    """

    place: str
    use: Use | None
    state: Literal["same", "changed", "gone", "not asked"]
    why: str = ""


class Seen(msgspec.Struct, frozen=True):
    """What a look upstream found: bases, and what was published from here."""

    watched: tuple[Watched, ...]
    published: tuple[Counted, ...]


def watch(
    folder: Path,
    *,
    adding: bool = False,
    rebasing: bool = False,
    wait: float = 10.0,
    on_wait: OnWait | None = None,
    tell: Tell = lambda _: None,
) -> Seen:
    """Ask the upstream of every base that is offered, and of all that was published, once each.

    Args:
        folder: The workspace.
        adding: Whether to add what is newer.
        rebasing: Whether to try it on every task of its kind too.
        wait: Seconds to wait for another writer.
        on_wait: Told once who that is.
        tell: Told in a sentence what is done.

    Returns:
        One row a source, one a repository that was published to. An upstream that fails does not
        keep others from being asked.

    Raises:
        UserError: There is no workspace.
    """
    with reading(folder) as store:
        every = store.bases.all()
        last = {place_of(one.where): one.where for one in listing(store).published if one.where}
    sources: dict[Source, list[StoredBase]] = {}
    for one in sorted(every, key=lambda one: one.added_at):
        sources.setdefault(source_of(one), []).append(one)
    rows = []
    for source, kept in sources.items():
        if all(one.dropped_at is not None for one in kept):
            continue
        row = _asked(source, kept, tell)
        if row.state == "newer" and (adding or rebasing):
            row = _brought(folder, row, source, wait, on_wait, tell)
        if row.added and rebasing:
            row = _tried(folder, row, wait, on_wait, tell)
        rows.append(row)
    counted = [_counted(place, where, tell) for place, where in last.items()]
    told = [(one.place, one.use) for one in counted if one.use is not None]
    if told:
        with writing(folder, wait=wait, on_wait=on_wait) as store:
            for place, use in told:
                keep_use(store, place, use)
    return Seen(tuple(rows), tuple(counted))


def source_of(kept: StoredBase) -> Source:
    """Take a source apart.

    >>> class Kept: source = "hub:acme/tiny@0123#onnx/model_int8.onnx"
    >>> source_of(Kept())
    Source(place='hub:acme/tiny', file='onnx/model_int8.onnx')
    """
    if kept.source.startswith(FOLDER):
        # Any character may be in a path; a file stands behind the last mark only if asked for.
        place, mark, file = kept.source.rpartition("#")
        return Source(place, file) if mark and file.endswith(".onnx") else Source(kept.source, None)
    whole, _, file = kept.source.partition("#")
    return Source(whole.partition("@")[0].partition("==")[0], file or None)


def _asked(source: Source, kept: Sequence[StoredBase], tell: Tell) -> Watched:
    last = kept[-1]
    held = [_held(source, one) for one in kept]
    row = Watched(source.place, last.name, held[-1], None, "same")
    tell(f"asking {source.place}")
    try:
        upstream, name = upstream_of(source.place, tell)
        newest = upstream.newest(name)
    except GoneError as error:
        return msgspec.structs.replace(row, state="gone", why=str(error))
    except (UserError, TransientError) as error:
        return msgspec.structs.replace(row, state="not asked", why=str(error))
    return msgspec.structs.replace(row, newest=newest, state="same" if newest in held else "newer")


def _counted(place: str, where: str, tell: Tell) -> Counted:
    tell(f"asking {place}")
    try:
        use = hub(tell).use(place)
    except GoneError as error:
        return Counted(place, None, "gone", str(error))
    except (UserError, TransientError) as error:
        return Counted(place, None, "not asked", str(error))
    return Counted(place, use, "same" if where.endswith(f"@{use.revision}") else "changed")


def _held(source: Source, kept: StoredBase) -> str:
    """Return the revision that a base was made from, as its upstream names revisions."""
    if source.place.startswith(FOLDER):
        return revision_of((one.path, one.digest) for one in kept.vetting.files)
    return kept.card.revision


def _brought(
    folder: Path, row: Watched, source: Source, wait: float, on_wait: OnWait | None, tell: Tell
) -> Watched:
    revision = None if source.place.startswith(FOLDER) else row.newest
    try:
        done = add(
            folder,
            source.place,
            revision=revision,
            file=source.file,
            wait=wait,
            on_wait=on_wait,
            tell=tell,
        )
    except UserError as error:
        return msgspec.structs.replace(row, state="refused", why=str(error))
    except TransientError as error:
        return msgspec.structs.replace(row, state="not asked", why=str(error))
    return msgspec.structs.replace(row, added=done.base.name)


def _tried(folder: Path, row: Watched, wait: float, on_wait: OnWait | None, tell: Tell) -> Watched:
    """Try a new base on every task it fits, alone and beside the built-in features."""
    assert row.added is not None
    with reading(folder) as store:
        new = store.bases.get(row.added)
        fits = [
            task.name
            for task in store.tasks.all()
            if (task.kind, task.shape) == (new.card.input, new.shape)
        ]
    if not fits:
        return row
    first = first_base(new.card.input, new.shape).card.name
    tried: list[Tried] = []
    for name in (new.name, f"{first}+{new.name}"):
        tell(f"trying {name} on {', '.join(fits)}")
        tried += rebase_tasks(folder, name, fits, wait=wait, on_wait=on_wait)
    return msgspec.structs.replace(row, tried=tuple(tried))
