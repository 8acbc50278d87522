"""Turns over HTTP: where they stand, what the open one waits for, and going on with it."""

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import nothing_new
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.scheduler import Scheduler, Trouble
from twoloops.store.rows import Turn
from twoloops.store.workspace import Store


class ShownTurn(msgspec.Struct, frozen=True):
    """One turn.

    Args:
        number: 0 is the first.
        stage: The next stage; `closed` at the end.
        period: Whose observations it claims.
        open_questions: How many labels it waits for.
        dataset: What was frozen.
        bases: What was tried, the deployed base first.
        released: The model it released.
        reason: What the gate decided.
        base_note: What became of another base.
    """

    number: int
    stage: str
    period: str
    open_questions: int
    dataset: Digest | None
    bases: tuple[str, ...]
    released: Digest | None
    reason: str
    base_note: str


class Turns(msgspec.Struct, frozen=True):
    """A task's turns.

    Args:
        task: Its name.
        open: The turn that is not closed; `None` where none is.
        at_work: The stage that this server is at; `None` where it is at none.
        problem: Why the last stage failed, and when it is tried again; `None` where none did.
        new_observations: How many no turn has claimed yet.
        turns: The closed ones, the last first.
    """

    task: str
    open: ShownTurn | None
    at_work: str | None
    problem: Trouble | None
    new_observations: int
    turns: list[ShownTurn]


class GoOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to go on.

    Args:
        empty: Open the next turn though nothing came in, as to try a new base.
    """

    empty: bool = False


def shown(store: Store, row: Turn) -> ShownTurn:
    """Return a turn as it is shown."""
    state = row.read(TurnState)
    waits = 0 if row.closed else len(open_questions(store, row.task, row.number))
    return ShownTurn(
        state.number,
        state.stage,
        state.period,
        waits,
        state.dataset,
        state.bases,
        state.released,
        state.reason,
        state.base_note,
    )


def standing(store: Store, scheduler: Scheduler, task: str) -> Turns:
    """Return where a task's turns stand, at one moment: a stage and the questions it waits for.

    Raises:
        NotKnownError: There is no such task.
    """
    with store.snapshot():
        store.tasks.get(task)
        rows = store.turns.all(task)
        opened = next((row for row in rows if not row.closed), None)
        return Turns(
            task,
            None if opened is None else shown(store, opened),
            scheduler.at_work(task),
            scheduler.trouble(task),
            store.observations.unclaimed(task),
            [shown(store, row) for row in reversed(rows) if row.closed],
        )


@get("/api/v1/tasks/{task:str}/turns", opt=access.READ, summary="Where a task's turns stand")
async def list_turns(request: Asking, task: FromPath[str]) -> Turns:
    """Return the open turn, what it waits for, and the closed ones."""
    keeper: Keeper = request.app.state.keeper
    scheduler: Scheduler = request.app.state.scheduler
    return await keeper.read(lambda store: standing(store, scheduler, task))


@post(
    "/api/v1/tasks/{task:str}/turn",
    opt=access.ADMIN,
    status_code=202,
    summary="Go on with the open turn, or open the next one",
)
async def go_on(request: Asking, task: FromPath[str], data: JSONBody[GoOn]) -> Turns:
    """Begin to go on; the work is done after the answer, and `turns` says how far it is."""
    keeper: Keeper = request.app.state.keeper
    scheduler: Scheduler = request.app.state.scheduler

    def act(store: Store) -> Turns:
        where = standing(store, scheduler, task)
        if nothing_new(store, task) and not data.empty:
            raise UserError(
                f"nothing new came in for task {task!r} since its last turn: send observations, "
                'or open an empty turn with  {"empty": true}'
            )
        return where

    where = await keeper.read(act)
    scheduler.ask(task)
    return where


ROUTES = [list_turns, go_on]
