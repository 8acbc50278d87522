"""Take a model that was published elsewhere into a workspace, and let a person deploy it."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from twoloops.convergence.turns.anchor import BEST
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.workspace_turn import keep_policy
from twoloops.digital.publish.checking import Verified, verify
from twoloops.digital.publish.sidecar import SIDECAR, Sidecar
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.gate import Check, Verdict
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.exporting import ADOPTED, refuse_revoked
from twoloops.wiring.workspace import now

ADOPTED_FACT, DEPLOYED_FACT = "model adopted", "deployed by a person"
"""Kinds of the journal's facts."""
EVERYWHERE = ("base", "ancestor", "teacher")
"""Kinds of things that are the same in every workspace."""
KEPT = (*EVERYWHERE, "dataset", "model")
"""Kinds that are taken over; recipes are known from cards, releases are the publisher's own."""
OUTSIDE = -1
"""The turn of what no turn of this workspace made."""


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken in.

    Args:
        model: Its digest.
        task: Whose it is here.
        new_task: Whether the task was made for it.
        known: Whether the model was here before.
        publisher: Who published it, as the folder says.
        signature: What came of its signature.
        deployed: Whether it is in force now.
        obligations: What its publisher says goes with it.
    """

    model: Digest
    task: str
    new_task: bool
    known: bool
    publisher: str
    signature: str
    deployed: bool
    obligations: tuple[str, ...]


def adopt(
    store: Store, folder: Path, task: str, *, public: Path | None = None, reason: str = ""
) -> Adopted:
    """Verify a published folder and keep its model; deploy it where a reason is given.

    Args:
        store: The workspace's, held for writing.
        folder: The published folder.
        task: Its task here; made after the publisher's where there is none of that name.
        public: The publisher's public key; without one the signature is not checked.
        reason: Why a person deploys it; empty to keep it only.

    Raises:
        UserError: The folder does not verify, or its model does not fit the task.
    """
    opened = verify(folder, public)
    sidecar, data = opened.sidecar, opened.model
    if opened.verified.failures or sidecar is None or data is None:
        first = opened.verified.failures[0]
        raise UserError(
            f"{folder} is not taken in: {first.what}: {first.detail}; see all with  twoloops "
            f"verify {folder}"
        )
    refuse_revoked(store, sidecar.model, "taken in")
    signature = next(one for one in opened.verified.looked if one.what == "signature")
    with store.transaction():
        there = store.tasks.find(task)
        mine = _fitting(there, task, sidecar)
        if there is None:
            store.tasks.put(mine)
            keep_policy(store, task, Policy())
        known = any(one.digest == sidecar.model for one in store.models.of_task(task))
        # The file keeps the publisher's name of the task; the workspace finds it under its own.
        store.models.put(data, replace(sidecar.card, task=task), OUTSIDE)
        store.evidence.put(task, f"{ADOPTED}: {sidecar.model}", OUTSIDE, sidecar)
        _lineage(store, sidecar)
        _note(store, task, sidecar, opened.verified)
        if reason:
            deploy(store, task, sidecar.model, reason)
    release = store.releases.deployed(task)
    return Adopted(
        model=sidecar.model,
        task=task,
        new_task=there is None,
        known=known,
        publisher=sidecar.publisher,
        signature=f"{signature.outcome}: {signature.detail}",
        deployed=release is not None and release.model == sidecar.model,
        obligations=tuple(map(str, sidecar.obligations)),
    )


def deploy(store: Store, task: str, model: Digest, reason: str) -> None:
    """Deploy a model because a person says so; the record says that no gate was asked.

    Raises:
        UserError: It was revoked, or was deployed in this very turn and replaced since.
    """
    refuse_revoked(store, model, "deployed")
    before = store.releases.deployed(task)
    if before is not None and before.model == model:
        return
    last = store.turns.last(task)
    turn = OUTSIDE if last is None else last.number
    verdict = Verdict(
        released=True,
        claim="first",
        reason=f"deployed by a person, not by the gate: {reason}",
        wealth=0.0,
        labels=0,
        disagreement=0.0,
        checks=(Check("gate", False, "was not asked: a person deployed a model made elsewhere"),),
    )
    at = now()
    store.releases.approve(task, turn, model, verdict, at)
    # What this workspace's own models have to hold up against from here on.
    store.evidence.put(task, BEST, turn, model)
    after = store.releases.deployed(task)
    if after is None or after.model != model:
        raise UserError(
            f"model {short(model)} was deployed in turn {turn} before and replaced since: close "
            f"another turn first with  twoloops turn {task}"
        )
    store.journal.append(
        DEPLOYED_FACT,
        task=task,
        turn=turn,
        key=f"{task}/{turn}/{DEPLOYED_FACT}/{model}",
        at=at,
        body={"model": model, "reason": reason, "instead": "" if before is None else before.model},
    )


def _fitting(there: Task | None, name: str, sidecar: Sidecar) -> Task:
    """Return the task the model decides here.

    Raises:
        UserError: The task here takes other inputs, or does not know the model's labels.
    """
    theirs, card = sidecar.task, sidecar.card
    if there is None:
        return replace(theirs, name=name)
    if (there.kind, there.shape) != (theirs.kind, theirs.shape):
        shape = "" if theirs.shape is None else f" of (channels, samples) = {theirs.shape}"
        raise UserError(
            f"the model decides on {theirs.kind}s{shape}, and task {name!r} on {there.kind}s"
            f"{'' if there.shape is None else f' of {there.shape}'}: name another --task; one that "
            "is not there yet is made after the publisher's"
        )
    strange = sorted(set(card.labels) - set(there.labels))
    if strange or card.normal != (there.normal if there.normal in card.labels else None):
        raise UserError(
            f"the model's labels are {list(card.labels)} with {card.normal or 'none'} as the "
            f"normal one, and task {name!r} has {list(there.labels)} with "
            f"{there.normal or 'none'}: name another --task; one that is not there yet is made "
            "after the publisher's"
        )
    return there


def _lineage(store: Store, sidecar: Sidecar) -> None:
    """Keep the publisher's lineage: its nodes name things that are not in this workspace."""
    graph = store.lineage
    whose = sidecar.publisher or "its publisher"
    for step in sidecar.lineage:
        title = step.title if step.kind in EVERYWHERE else f"{step.title} of {whose}"
        if step.kind in KEPT:
            graph.node(step.digest, step.kind, title)
    graph.node(sidecar.model, "model", f"{sidecar.card.task} of {whose}")
    graph.node(sidecar.card.base_digest, "base", sidecar.card.base)
    graph.node(sidecar.card.dataset, "dataset", f"{sidecar.card.task} dataset of {whose}")
    graph.edge(sidecar.model, sidecar.card.base_digest, "specialised from")
    graph.edge(sidecar.model, sidecar.card.dataset, "learned from")
    kept = {one.digest for one in sidecar.lineage if one.kind in KEPT}
    for link in sidecar.links:
        if not {link.child, link.parent} <= kept:
            continue
        try:
            graph.edge(link.child, link.parent, link.relation)
        except UserError as error:
            raise UserError(
                f"the lineage in {SIDECAR} contradicts itself or this workspace's ({error}): ask "
                "its publisher"
            ) from error


def _note(store: Store, task: str, sidecar: Sidecar, verified: Verified) -> None:
    signature = next(one for one in verified.looked if one.what == "signature")
    key = f"{task}/{ADOPTED_FACT}/{sidecar.seal}/{signature.outcome}"
    if store.journal.by_key(key) is None:
        store.journal.append(
            ADOPTED_FACT,
            task=task,
            turn=OUTSIDE,
            key=key,
            at=now(),
            body={
                "model": sidecar.model,
                "publisher": sidecar.publisher,
                "record": sidecar.seal,
                "signature": f"{signature.outcome}: {signature.detail}",
            },
        )
