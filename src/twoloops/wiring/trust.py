"""What this workspace signs for its edges: released models, who runs which, what was revoked."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from tuf.api.metadata import TargetFile

from twoloops.convergence.rollouts.state import State
from twoloops.edge.runtime import Runtime
from twoloops.records.assignment import (
    EVERYONE,
    GOLDEN_LIMIT,
    REVOKED,
    Assignment,
    Golden,
    Mode,
    Revocations,
    assignment_path,
    golden_path,
    model_path,
)
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.store.lock import workspace_lock
from twoloops.store.rows import Release
from twoloops.store.trust.repository import Repository
from twoloops.store.workspace import Store
from twoloops.wiring.rollout_plan import due, followed
from twoloops.wiring.workspace import command_line, now

TRUST = "trust"
GOLDEN_INPUTS = 20
BY_RELEASE, BY_ROLLOUT = "release", "rollout"
"""Who assigns, where no person does: what is in force goes to everyone; or an open roll-out says
who runs what."""

Targets = dict[str, TargetFile]


class Published(msgspec.Struct, frozen=True):
    """What signing has changed.

    Args:
        models: Models that became targets.
        withdrawn: Models that are targets no more.
        assigned: Assignments made.
        signed: Roles signed again because they would expire, or their key changed.
    """

    models: tuple[Digest, ...] = ()
    withdrawn: tuple[Digest, ...] = ()
    assigned: tuple[Assignment, ...] = ()
    signed: tuple[str, ...] = ()


def repository(folder: Path) -> Repository:
    """Return a workspace's repository, there or not."""
    return Repository(folder / TRUST)


@contextlib.contextmanager
def signing(folder: Path) -> Iterator[Repository]:
    """Yield a workspace's repository while nobody else signs.

    Raises:
        UserError: There is no workspace, or somebody else keeps signing.
    """
    Store.open(folder, create=False).close()
    place = folder / TRUST
    place.mkdir(exist_ok=True, mode=0o700)
    with workspace_lock(place, command_line(), now()):
        yield Repository(place)


def begin(folder: Path, at: datetime, root_keys: int = 1, threshold: int = 1) -> bool:
    """Make keys and a root on this machine; returns whether there were none before."""
    with signing(folder) as known:
        if known.there:
            return False
        known.begin(at, root_keys, threshold)
        return True


def publish(folder: Path, store: Store, at: datetime) -> Published:
    """Sign what the workspace knows by now, and again what would expire.

    Every release that was not revoked is a target; the release in force is assigned to everyone,
    unless a person assigned to that group by `assign`, or a roll-out is open or due: then it says
    who runs what. An assignment of a revoked model is replaced by the release in force, or taken
    away where there is none. Doing it again without anything new changes nothing.

    Raises:
        UserError: Nothing was begun, or a key is not here.
    """
    with signing(folder) as known:
        return _published(known, store, at, {})


def assign(
    folder: Path,
    store: Store,
    task: str,
    group: str,
    model: Digest,
    mode: Mode,
    at: datetime,
    *,
    counts: Digest | None = None,
    by: str = "person",
) -> Assignment:
    """Sign which model a group runs.

    Args:
        folder: The workspace.
        store: Its store.
        task: The task.
        group: The group.
        model: A released model of the task.
        mode: Whether it counts.
        at: Now.
        counts: In shadow, the model that counts meanwhile.
        by: Who assigns; a person's assignment is left alone by releases and roll-outs.

    Raises:
        UserError: The model was not released for the task, or was revoked.
    """
    allowed = {one.model for one in store.releases.all(task)} - store.releases.revoked()
    for one in filter(None, (model, counts)):
        if one not in allowed:
            raise UserError(
                f"model {short(one)} is no release of task {task!r} that holds: see  "
                "twoloops status"
            )
    wanted = Assignment(task=task, group=group, counter=0, model=model, mode=mode, counts=counts)
    with signing(folder) as known:
        done = _published(known, store, at, {assignment_path(task, group): (wanted, by)})
    made = next((one for one in done.assigned if (one.task, one.group) == (task, group)), None)
    return made or assignments(folder)[task, group]


def assignments(folder: Path) -> dict[tuple[str, str], Assignment]:
    """Return what is assigned, by task and group."""
    found = map(_assigned, repository(folder).listed().values())
    return {(one.task, one.group): one for one in found if one is not None}


def root_digest(folder: Path) -> Digest:
    """Return the digest that devices are enrolled with.

    Raises:
        UserError: Nothing was begun.
    """
    return repository(folder).root_digest()


def latest_counter(folder: Path, task: str, group: str) -> int:
    """Return the counter of what a group is to look for; 0: nothing is. Asked by heartbeats.

    It is that of the group's latest assignment or of the revocations, whichever came later: where
    the last release is revoked nothing else can be assigned, and devices must hear of it at once.
    """
    try:
        stat = (repository(folder).metadata / "timestamp.json").stat()
    except FileNotFoundError:
        return 0
    found = _counters(folder, stat.st_mtime_ns, stat.st_ino)
    return max(found.get((task, group), 0), found.get(None, 0))


@lru_cache(maxsize=4)
def _counters(folder: Path, changed: int, file: int) -> dict[tuple[str, str] | None, int]:
    """Return all counters, at `None` that of revocations, where there are any.

    The timestamp is replaced as a whole after all that it leads to.
    """
    listed = repository(folder).listed()
    found: dict[tuple[str, str] | None, int] = {
        (one.task, one.group): one.counter for one in map(_assigned, listed.values()) if one
    }
    if REVOKED in listed and _custom(listed[REVOKED]).get("models"):
        found[None] = _custom(listed[REVOKED]).get("counter", 0)
    return found


def following(folder: Path, store: Store, task: str) -> Digest | None:
    """Return the model that groups which follow releases run, as signed; `None`: none does."""
    given = _given(repository(folder).listed(), store.releases.revoked(), task)
    return followed(store, task, _following(given))


def held(folder: Path, task: str) -> frozenset[str]:
    """Return the groups that a person assigned to."""
    found = _given(repository(folder).listed(), frozenset(), task)
    return frozenset(group for group, (_, by) in found.items() if _by_person(by))


def _published(
    known: Repository, store: Store, at: datetime, wanted: Mapping[str, tuple[Assignment, str]]
) -> Published:
    if not known.there:
        raise UserError("this workspace signs nothing yet: begin with  twoloops keys init")
    listed = known.listed()
    revoked = store.releases.revoked()
    made: Targets = {}
    for task in store.tasks.all():
        for release in store.releases.all(task.name):
            if release.model not in revoked:
                made |= _model(known, store, release, listed)
    made |= _revocations(known, revoked, listed)
    orders = _orders(store, listed, revoked) | dict(wanted)
    assigned = []
    for name, (order, by) in orders.items():
        info = listed.get(name)
        if info is None or _order(info) != (order, by):
            order = msgspec.structs.replace(order, counter=known.next_version())
            info = known.put(
                name,
                msgspec.json.encode(order),
                {"assignment": msgspec.to_builtins(order), "by": by},
            )
            assigned.append(order)
        made[name] = info
    if made == listed:
        return Published(signed=tuple(known.refresh(at)))
    known.write(made, at)
    _journal(store, assigned, known.root_digest(), at)
    before, after = _models(listed), _models(made)
    return Published(tuple(sorted(after - before)), tuple(sorted(before - after)), tuple(assigned))


def _journal(store: Store, assigned: list[Assignment], root: Digest, at: datetime) -> None:
    for one in assigned:
        store.journal.append(
            "model assigned",
            task=one.task,
            turn=-1,
            key=f"{one.task}/model assigned/{one.group}/{one.counter}/{short(root)}",
            at=at,
            body={"group": one.group, "model": one.model, "mode": one.mode},
        )


def _orders(
    store: Store, listed: Targets, revoked: frozenset[Digest]
) -> dict[str, tuple[Assignment, str]]:
    """Return the assignments that are to hold."""
    out: dict[str, tuple[Assignment, str]] = {}
    for task in store.tasks.all():
        given = _given(listed, revoked, task.name)
        groups = {EVERYONE, *given, *store.edges.groups(task.name)} | {
            one.group for one in map(_assigned, listed.values()) if one and one.task == task.name
        }
        row = store.rollouts.open(task.name)
        state = None if row is None else row.read(State)
        usual = _usual(store, task.name, followed(store, task.name, _following(given)))
        for group in groups:
            kept = given.get(group)
            if kept is None or not _by_person(kept[1]):
                kept = _by_rollout(state, group) if state is not None else usual(group)
            if kept is not None and not revoked & set(kept[0].models):
                out[assignment_path(task.name, group)] = kept
    return out


def _usual(
    store: Store, task: str, now_followed: Digest | None
) -> Callable[[str], tuple[Assignment, str] | None]:
    """Return what a group gets while no roll-out is open, and no person has assigned to it."""
    release = store.releases.deployed(task)
    model = None if release is None else release.model
    if due(store, task, now_followed) is not None:
        model = now_followed  # the roll-out that is about to open will say who runs the new one

    def order(group: str) -> tuple[Assignment, str] | None:
        if model is None:
            return None
        one = Assignment(task=task, group=group, counter=0, model=model, mode="full")
        return one, BY_RELEASE

    return order


def _by_rollout(state: State, group: str) -> tuple[Assignment, str] | None:
    """Return what an open roll-out has a group run."""
    order = state.order(group)
    if order is None:
        return None
    one = Assignment(
        task=state.task,
        group=group,
        counter=0,
        model=order.model,
        mode=order.mode,
        counts=order.counts,
    )
    return one, BY_ROLLOUT if group in state.roles else BY_RELEASE


def _given(
    listed: Targets, revoked: frozenset[Digest], task: str
) -> dict[str, tuple[Assignment, str]]:
    """Return a task's assignments of models that hold, by group, with who made each."""
    found = (_order(info) for info in listed.values())
    return {
        one[0].group: one
        for one in found
        if one is not None and one[0].task == task and not revoked & set(one[0].models)
    }


def _following(given: Mapping[str, tuple[Assignment, str]]) -> Digest | None:
    """Return the model of the groups that follow releases, of group `all` first."""
    found = {group: order.model for group, (order, by) in given.items() if by == BY_RELEASE}
    return found.get(EVERYONE) or (found[min(found)] if found else None)


def _by_person(by: str) -> bool:
    return by not in (BY_RELEASE, BY_ROLLOUT)


def _order(info: TargetFile) -> tuple[Assignment, str] | None:
    """Return what a target assigns, without its counter, and who did."""
    found = _assigned(info)
    if found is None:
        return None
    return msgspec.structs.replace(found, counter=0), _custom(info)["by"]


def _assigned(info: TargetFile) -> Assignment | None:
    given = _custom(info).get("assignment")
    return None if given is None else msgspec.convert(given, Assignment)


def _custom(info: TargetFile) -> dict[str, Any]:
    return dict(info.custom or {})


def _models(targets: Targets) -> set[Digest]:
    return {_custom(one)["model"] for name, one in targets.items() if name.startswith("models/")}


def _model(known: Repository, store: Store, release: Release, listed: Targets) -> Targets:
    """Return the targets of a released model: its file, and its golden inputs."""
    name, golden = model_path(release.model), golden_path(release.model)
    custom = {"task": release.task, "turn": release.turn, "model": release.model}
    out = {}
    if name in listed and _custom(listed[name]) == custom:
        out[name] = listed[name]
    else:
        out[name] = known.put(name, store.models.get(release.model), custom)
    inputs = _golden_inputs(store, release)
    if golden in listed and _custom(listed[golden]).get("inputs") == inputs:
        out[golden] = listed[golden]
        return out
    made = _golden(store, release, inputs)
    out[golden] = known.put(golden, msgspec.json.encode(made), {"inputs": inputs})
    return out


def _golden_inputs(store: Store, release: Release) -> list[Digest]:
    """Return the golden inputs that go to the edges: of its dataset, and not forgotten."""
    dataset = store.datasets.find(store.models.find(release.model).card.dataset)
    if dataset is None:
        return []
    items = dataset.split("golden") or dataset.items
    present = (one for one in dict.fromkeys(i.input for i in items) if store.inputs.has(one))
    return list(islice(present, GOLDEN_INPUTS))


def _golden(store: Store, release: Release, digests: list[Digest]) -> Golden:
    """Ask the released file itself about golden inputs, as many as fit."""
    data = store.inputs.get_many(digests)
    size, inputs = 0, []
    for digest in digests:
        size += 4 * len(data[digest]) // 3 + 64 * 40  # as JSON has it, with its answer
        if size <= GOLDEN_LIMIT // 2:
            inputs.append(data[digest])
    runtime = Runtime(store.models.get(release.model))
    said = runtime.run(inputs).probabilities.tolist() if inputs else []
    return Golden(
        task=release.task,
        model=release.model,
        inputs=tuple(inputs),
        probabilities=tuple(map(tuple, said)),
    )


def _revocations(known: Repository, revoked: frozenset[Digest], listed: Targets) -> Targets:
    if REVOKED in listed and _custom(listed[REVOKED]).get("models") == sorted(revoked):
        return {REVOKED: listed[REVOKED]}
    made = Revocations(counter=known.next_version(), models=tuple(sorted(revoked)))
    custom = {"models": sorted(revoked), "counter": made.counter}
    info = known.put(REVOKED, msgspec.json.encode(made), custom)
    return {REVOKED: info}
