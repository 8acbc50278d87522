"""Bring a base into a workspace: pull, vet, make it a base, keep it; and stop offering one."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import onnx

from twoloops.digital.base import Base
from twoloops.digital.encoders.encoder import Said, encoder
from twoloops.digital.encoders.files import Files
from twoloops.digital.graphs import read_metadata
from twoloops.digital.upstream.folders import revision_of
from twoloops.digital.upstream.hub import PREFIX as HUB
from twoloops.digital.upstream.port import UNKNOWN, Pull
from twoloops.digital.vetting.stated import Stated
from twoloops.digital.vetting.subjects import Subject
from twoloops.digital.vetting.vet import vet
from twoloops.records.digests import short
from twoloops.records.errors import UserError
from twoloops.records.finding import Vetting
from twoloops.records.preprocess import Window
from twoloops.store.fetch import default_cache
from twoloops.store.rows import StoredBase
from twoloops.store.workspace import Store
from twoloops.wiring.upstreams import Tell, upstream_of
from twoloops.wiring.workspace import OnWait, now, writing

ADDED = "base added"
DROPPED = "base dropped"
SHOWN = 8
NAME = re.compile(r"[A-Za-z0-9][\w.@/-]{0,119}")


@dataclass(frozen=True)
class Added:
    """A base that was brought in.

    Attributes:
        base: As it is kept.
        new: Whether it was not there before.
    """

    base: StoredBase
    new: bool


def add(
    folder: Path,
    word: str,
    *,
    revision: str | None = None,
    file: str | None = None,
    name: str | None = None,
    wait: float = 10.0,
    on_wait: OnWait | None = None,
    tell: Tell = lambda _: None,
) -> Added:
    """Bring a base into a workspace. Nothing of it runs before it is vetted.

    Killed at any point the workspace is as before, or has the whole base; run again, what was
    pulled is not pulled again.

    Args:
        folder: The workspace.
        word: Its source, as `upstream_of` reads it.
        revision: Which one; `None` for the newest.
        file: The ONNX file, where there are several.
        name: What it is called here; `None` for its own name and revision.
        wait: Seconds to wait for another writer.
        on_wait: Told once who that is.
        tell: Told in a sentence what is done.

    Raises:
        UserError: It cannot be had, is refused for internal use, or cannot be run here.
        TransientError: Its upstream does not answer for now.
    """
    if name is not None and not NAME.fullmatch(name):
        raise UserError(f"--name takes letters, digits and . _ - @ / , got {name!r}")
    with writing(folder, wait=wait, on_wait=on_wait):
        pass  # there is a workspace: told before anything is fetched
    place, there = upstream_of(word, tell)
    pull = place.pull(there, revision, file)
    at = now()
    tell(f"vetting {pull.said.source}")
    vetting = look(pull, at)
    base = made(pull, vetting, name)
    with writing(folder, wait=wait, on_wait=on_wait) as store:
        return _keep(store, base, vetting, _source(pull, file), at)


def look(pull: Pull, at: datetime) -> Vetting:
    """Vet what was pulled.

    Raises:
        UserError: It is refused for internal use; the message has the findings.
    """
    said = pull.said
    where = f"its tag at {said.source.partition(':')[0]}"
    stated = Stated(said.licence, where, said.publisher, revision=said.revision)
    path = None if pull.packages else pull.folder
    found = vet(
        Subject(said.source, path=path, packages=pull.packages, stated=stated),
        today=at.date(),
        cache=default_cache(),
    )
    against = [one for one in found.findings if one.severity == "refuse"]
    if any(one.outcome == "refused" and one.purpose == "internal" for one in found.verdicts):
        told = "; ".join(f"{one.file or 'the whole'}: {one.got}" for one in against[:SHOWN])
        more = f"; and {len(against) - SHOWN:,} more" if len(against) > SHOWN else ""
        raise UserError(
            f"{said.source} is refused, nothing of it was run or kept: {told}{more}. See all of it "
            f"with  twoloops base vet {pull.folder if path else said.name}"
        )
    return found


def made(pull: Pull, vetting: Vetting, name: str | None) -> Base:
    """Return the base that vetted files make.

    Raises:
        UserError: Nothing here can prepare its input, or it does not do what a base must.
    """
    own = [one.licence for one in vetting.terms if one.whose == "the base"]
    revision = pull.said.revision
    if revision == UNKNOWN:
        revision = short(revision_of((one.path, one.digest) for one in vetting.files))
    said = Said(
        name=name
        or f"{_plain(pull.said.name)}@{revision[:12] if '.' in revision else revision[:8]}",
        licence=" AND ".join(dict.fromkeys(own)) or UNKNOWN,
        publisher=vetting.origins[0].publisher if vetting.origins else UNKNOWN,
        origin=vetting.origins[0].country if vetting.origins else UNKNOWN,
        revision=revision,
        lineage=vetting.lineage,
        source=pull.said.source.partition("@")[0] if pull.said.source.startswith(HUB) else None,
    )
    return encoder(Files(pull.folder, vetting.files, pull.below), said, pull.file)


def drop(
    folder: Path, name: str, *, wait: float = 10.0, on_wait: OnWait | None = None
) -> StoredBase:
    """No longer offer a base of a workspace; models that stand on it stay as they are.

    Raises:
        UserError: There is none, or a deployed model stands on it.
    """
    at = now()
    with writing(folder, wait=wait, on_wait=on_wait) as store, store.transaction():
        store.bases.get(name)
        for task in store.tasks.all():
            release = store.releases.deployed(task.name)
            if release is None:
                continue
            on = store.models.find(release.model).card.base
            if name == on or on.endswith(f"+{name}"):
                raise UserError(
                    f"the deployed model of task {task.name!r} stands on {on}: re-base it first "
                    f"with  twoloops rebase {task.name} --to BASE , or revoke it"
                )
        store.bases.drop(name, at)
        kept = store.bases.get(name)
        dropped = kept.dropped_at or at
        store.journal.append(
            DROPPED,
            task="",
            turn=-1,
            key=f"{DROPPED}/{name}/{dropped.isoformat()}",
            at=dropped,
            body={"base": name, "digest": kept.digest},
        )
        return kept


def _keep(store: Store, base: Base, vetting: Vetting, source: str, at: datetime) -> Added:
    """Keep a base with the fact that it was added, and its place in the lineage."""
    (step,) = read_metadata(onnx.load_from_string(base.graph))[0].steps
    shape = (step.channels, step.samples) if isinstance(step, Window) else None
    with store.transaction():
        before = store.bases.find(base.card.name)
        kept = store.bases.add(base.graph, base.card, vetting, source, at, shape)
        store.lineage.base(base.digest, base.card)
        new = before is None or before.dropped_at is not None
        if new:
            store.journal.append(
                ADDED,
                task="",
                turn=-1,
                key=f"{ADDED}/{base.card.name}/{at.isoformat()}",
                at=at,
                body={
                    "base": base.card.name,
                    "digest": base.digest,
                    "source": source,
                    "content": vetting.content,
                },
            )
    return Added(kept, new)


def _source(pull: Pull, file: str | None) -> str:
    """Return where a base came from, with the file where one was asked for."""
    return f"{pull.said.source}#{file}" if file else pull.said.source


def _plain(name: str) -> str:
    """Return a name with what a base's name may not have taken out."""
    return re.sub(r"[^\w.@/-]+", "-", name).strip("-./") or "base"
