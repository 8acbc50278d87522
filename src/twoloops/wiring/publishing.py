"""Publish a model: a folder with its card, its past, what has to go with it, and a signature."""

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
from msgspec.structs import replace

from twoloops.digital.obligations import TEACHER
from twoloops.digital.publish import signing
from twoloops.digital.publish.folder import refuse_taken, write_whole
from twoloops.digital.publish.gain import Gain, Made, digital_gain
from twoloops.digital.publish.model_card import readme
from twoloops.digital.publish.notice import notice
from twoloops.digital.publish.sidecar import (
    NOTICE,
    README,
    SIDECAR,
    SIGNATURE,
    Link,
    PublishedFile,
    Sidecar,
    Step,
    text,
)
from twoloops.digital.upstream.hub import PREFIX as HUB
from twoloops.digital.upstream.hub import Hub
from twoloops.digital.upstream.port import Use
from twoloops.records.digests import Digest, digest_bytes, short
from twoloops.records.errors import UserError
from twoloops.records.finding import Purpose
from twoloops.records.obligations import Carried, Confirmation
from twoloops.store.rows import StoredModel
from twoloops.store.workspace import Store
from twoloops.wiring.exporting import (
    ADOPTED,
    card_of,
    described,
    files_of,
    refuse_revoked,
)
from twoloops.wiring.lineage import around, graph_of, obligations_of
from twoloops.wiring.workspace import now

FACT = "model published"
USE = "use of what was published"
"""Kinds of the journal's facts."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be published, and how.

    Args:
        purpose: What it is checked for.
        key: The private key that signs; `None` for no signature.
        licence: SPDX expression; the base's where `None`.
        confirm: A person's word on what needs one.
        dataset_name: The dataset's own published name, where it has one.
        publisher: Who publishes.
        force: Whether to replace an earlier published folder.
    """

    purpose: Purpose = "publish"
    key: Path | None = None
    licence: str | None = None
    confirm: str = ""
    dataset_name: str = ""
    publisher: str = ""
    force: bool = False


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was published.

    Args:
        model: Its digest.
        task: Its task here.
        folder: Where it lies.
        purpose: What it was checked for.
        licence: What it is published under.
        signed: Whether a signature stands beside it.
        seal: Digest of its record.
        files: Names, the largest first.
        obligations: What goes with it.
    """

    model: Digest
    task: str
    folder: str
    purpose: Purpose
    licence: str
    signed: bool
    seal: Digest
    files: tuple[str, ...]
    obligations: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True):
    """One publication, as the journal has it.

    Attributes:
        where: `hub:owner/name@commit`; empty for a folder, which may lie anywhere by now.
        use: What the Hub counted of its repository when  twoloops watch  last asked.
    """

    model: Digest
    task: str
    at: str
    purpose: str
    licence: str
    signed: bool
    revoked: bool
    where: str = ""
    use: Use | None = None


class Listing(msgspec.Struct, frozen=True):
    """What was published, and what the digital loop multiplies by."""

    published: tuple[Entry, ...]
    gain: Gain


def publish(store: Store, model: StoredModel, folder: Path, asked: Asked) -> Published:
    """Write a published folder, whole or not at all, and note it in the journal.

    Raises:
        UserError: The model was revoked; something in its past stands in the way, with its path;
            the key cannot sign; the folder is taken.
    """
    refuse_taken(folder, force=asked.force)
    done = _written(store, model, folder, asked)
    _note(store, done)
    return done


def publish_to_hub(
    store: Store, model: StoredModel, name: str, asked: Asked, hub: Hub, *, private: bool
) -> Published:
    """Publish a model as one commit of a repository, and note it in the journal.

    Killed before the commit nothing is published; after it, publishing again makes the next
    commit, or none where nothing changed.

    Raises:
        UserError: As `publish` does; it is for internal use and the repository would be public; or
            the token may not write there.
        TransientError: The Hub does not answer for now.
    """
    if asked.purpose == "internal" and not private:
        raise UserError(
            "what is for internal use goes to a private repository only: give  --private , or "
            "another purpose with  --for"
        )
    with tempfile.TemporaryDirectory(prefix="twoloops-") as scratch:
        folder = Path(scratch) / "published"
        done = _written(store, model, folder, asked)
        message = f"twoloops: {model.task}, model {short(model.digest)}"
        commit = hub.publish(folder, name, message, private=private)
    done = replace(done, folder=f"{HUB}{name.removeprefix(HUB)}@{commit}")
    _note(store, done)
    return done


def _written(store: Store, model: StoredModel, folder: Path, asked: Asked) -> Published:
    refuse_revoked(store, model.digest, "published")
    if asked.key is not None:
        signing.check_key(asked.key)
    card = card_of(store, model)
    said = described(store, model, card, licence=asked.licence, purpose=asked.purpose)
    carried = settled(_carried(store, model, asked.purpose, said.published), asked, said.published)
    _refuse_blocked(model, carried, asked.purpose)
    said = replace(
        said,
        **_past(store, model.digest),
        obligations=carried,
        confirmed=asked.confirm,
        dataset_name=asked.dataset_name,
        publisher=asked.publisher,
    )
    files = files_of(store, card)
    files[README] = readme(said, published=True).encode()
    files[NOTICE] = notice(said).encode()
    listed = tuple(
        PublishedFile(name, len(data), digest_bytes(data)) for name, data in sorted(files.items())
    )
    files[SIDECAR] = text(replace(said, files=listed))
    key = asked.key
    write_whole(
        folder,
        files,
        force=asked.force,
        finish=None if key is None else lambda made: signing.sign(made, key),
    )
    names = sorted(files, key=lambda name: -len(files[name]))
    return Published(
        model=model.digest,
        task=model.task,
        folder=str(folder),
        purpose=asked.purpose,
        licence=said.licence,
        signed=key is not None,
        seal=digest_bytes(files[SIDECAR]),
        files=(*names, *([SIGNATURE] if key is not None else [])),
        obligations=tuple(map(str, carried)),
    )


def settled(carried: Sequence[Carried], asked: Asked, today: date) -> tuple[Carried, ...]:
    """Let a person's word settle what needs one, and nothing more."""
    if not asked.confirm:
        return tuple(carried)
    word = Confirmation(asked.publisher or "the publisher", today, asked.confirm, (asked.purpose,))
    return tuple(
        replace(one, confirmed=word)
        if one.obligation.weight(asked.purpose) == "needs" and one.blocks(asked.purpose)
        else one
        for one in carried
    )


def listing(store: Store) -> Listing:
    """Return what was published, and the digital gain of this workspace's releases."""
    revoked = store.releases.revoked()
    used = {
        fact.body["place"]: msgspec.json.decode(fact.body["use"], type=Use)
        for fact in store.journal.facts(kind=USE)
    }
    entries = tuple(
        Entry(
            model=fact.body["model"],
            task=fact.task,
            at=fact.recorded_at.isoformat(timespec="seconds"),
            purpose=fact.body["purpose"],
            licence=fact.body["licence"],
            signed=fact.body["signed"] == "yes",
            revoked=fact.body["model"] in revoked,
            where=fact.body.get("where", ""),
            use=used.get(place_of(fact.body.get("where", ""))),
        )
        for fact in store.journal.facts(kind=FACT)
    )
    made = {
        task.name: [
            Made(one.model, task.name, store.models.find(one.model).card.base)
            for one in store.releases.all(task.name)
        ]
        for task in store.tasks.all()
    }
    return Listing(entries, digital_gain(made))


def place_of(where: str) -> str:
    """Return a repository without its commit.

    >>> place_of("hub:acme/presses@0123")
    'hub:acme/presses'
    """
    return where.partition("@")[0]


def keep_use(store: Store, place: str, use: Use) -> None:
    """Keep what an upstream counts of what was published there; a new count is a new fact."""
    told = msgspec.json.encode(use, order="deterministic").decode()
    last = [one for one in store.journal.facts(kind=USE) if one.body["place"] == place][-1:]
    if last and last[0].body["use"] == told:
        return
    at = now()
    store.journal.append(
        USE,
        task="",
        turn=-1,
        key=f"{USE}/{place}/{at.isoformat()}",
        at=at,
        body={"place": place, "use": told},
    )


def _carried(store: Store, model: StoredModel, purpose: Purpose, today: date) -> list[Carried]:
    """Return what the model carries here, and what its publisher said where it was adopted."""
    carried = list(obligations_of(store, model.digest, purpose, today))
    known = {(one.obligation.kind, one.obligation.text) for one in carried}
    told = store.evidence.history(model.task, f"{ADOPTED}: {model.digest}", Sidecar)
    for sidecar in list(told.values())[-1:]:
        whose = f"as published by {sidecar.publisher or 'its publisher'}"
        carried += [
            # A publisher's word was given for the publisher's purpose, not for ours.
            Carried(one.obligation, (short(model.digest), whose, *one.path))
            for one in sidecar.obligations
            if (one.obligation.kind, one.obligation.text) not in known
        ]
    return carried


def _past(store: Store, model: Digest) -> dict[str, tuple[object, ...]]:
    """Return everything a model was made from, teachers included."""
    graph = graph_of(store)
    above = around(graph, graph.thing(model), up=True, down=False)
    return {
        "lineage": tuple(dict.fromkeys(Step(one.id, one.kind, one.title) for one in above.things)),
        "links": tuple(Link(one.child, one.parent, one.relation) for one in above.edges),
        "teachers": tuple(dict.fromkeys(one.title for one in above.things if one.kind == TEACHER)),
    }


def _refuse_blocked(model: StoredModel, carried: Sequence[Carried], purpose: Purpose) -> None:
    blocked = [one for one in carried if one.blocks(purpose)]
    if not blocked:
        return
    lines = "; ".join(f"({number}) {one}" for number, one in enumerate(blocked[:8], start=1))
    more = "" if len(blocked) <= 8 else f"; and {len(blocked) - 8} more"
    if any(one.obligation.weight(purpose) == "against" for one in blocked):
        advice = "use another base or other labels, or choose another purpose with --for"
    else:
        advice = "settle it with whom it concerns, then say what was found with --confirm TEXT"
    raise UserError(
        f"model {short(model.digest)} is not ready for {purpose!r}: {lines}{more}. {advice}"
    )


def _note(store: Store, done: Published) -> None:
    # A folder may be moved; a repository's commit is a place that others know.
    where = done.folder if done.folder.startswith(HUB) else ""
    store.journal.append(
        FACT,
        task=done.task,
        turn=-1,
        key=f"{FACT}/{done.seal}/{'signed' if done.signed else 'unsigned'}"
        + (f"/{where}" if where else ""),
        at=now(),
        body={
            "model": done.model,
            "purpose": done.purpose,
            "licence": done.licence,
            "signed": "yes" if done.signed else "no",
            "record": done.seal,
            **({"where": where} if where else {}),
        },
    )
