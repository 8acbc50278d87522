"""Re-base the tasks of a workspace: each judged for itself, under the terms its lineage brings."""

from collections.abc import Callable, Sequence
from pathlib import Path

from twoloops.convergence.trials.rebase import rebase
from twoloops.convergence.trials.trial import Tried
from twoloops.digital.obligations import blocking
from twoloops.records.digests import Digest
from twoloops.wiring.lineage import obligations_of
from twoloops.wiring.workspace import OnWait, loop, now, writing


def rebase_tasks(
    folder: Path,
    base: str,
    names: Sequence[str] = (),
    *,
    dry_run: bool = False,
    wait: float = 10.0,
    on_wait: OnWait | None = None,
    on_task: Callable[[str], None] = lambda _: None,
) -> tuple[Tried, ...]:
    """Try a base on tasks of a workspace; killed in between, what was released stays released.

    Args:
        folder: The workspace.
        base: The base's name.
        names: Which tasks; all where none is named.
        dry_run: Whether to keep nothing.
        wait: Seconds to wait for another writer.
        on_wait: Told once who that is.
        on_task: Told each task before it is tried.

    Raises:
        UserError: There is no workspace or no such task.
    """
    today = now().date()
    out = []
    with writing(folder, wait=wait, on_wait=on_wait) as store:

        def against(model: Digest) -> list[str]:
            carried = obligations_of(store, model, "internal", today)
            return [str(one) for one in blocking(carried, "internal")]

        tasks = [store.tasks.get(name) for name in names] if names else store.tasks.all()
        for task in tasks:
            on_task(task.name)
            out.append(rebase(loop(store, task), base, against, dry_run=dry_run))
    return tuple(out)
