"""The command line's entry point: parse, call one command, and say what went wrong in a sentence.

Nothing heavy is imported here: `twoloops --help` is asked for more often than anything else.
"""

import errno
import functools
import os
import sys
from pathlib import Path

# Small heads are fitted 5 to 10 times faster with one BLAS thread, and results must not depend on
# the number of cores. Read once, when numpy is first imported: hence before everything else.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import typer  # noqa: E402 - after the threads are pinned

from twoloops import __version__  # noqa: E402 - likewise
from twoloops.cli import (  # noqa: E402 - likewise
    adopt,
    base,
    claims,
    controls,
    dataset,
    decide,
    demo,
    distil,
    drift,
    edge,
    exhibits,
    export,
    forget,
    ingest,
    keys,
    label,
    lineage,
    outcome,
    publish,
    rebase,
    replay,
    revoke,
    rollout,
    serve,
    task,
    teacher,
    terminal,
    token,
    turn,
    verify,
    watch,
    why,
    workspace,
    worth,
)

DISK = {errno.ENOSPC, errno.EROFS, errno.EDQUOT}
"""What a disk says that is full or must not be written to."""
SERVER = {
    "altair",
    "cryptography",
    "huggingface_hub",
    "jinja2",
    "litestar",
    "model_prices",
    "onnx",
    "pyarrow",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "uvicorn",
    "vl_convert",
}
"""Packages of the extra `server`, by the name they are imported by."""

USER, TRANSIENT, INTERRUPTED = 2, 75, 130
"""Exit codes: the user's situation, a passing fault (EX_TEMPFAIL), and Ctrl-C."""

HELP = """Run the two loops by which open AI compounds, and measure what each adds.

The digital loop turns over models, the physical loop turns over labelled observations; both
meet in a small model that is released only on evidence.

Begin with  twoloops demo , or  twoloops replay SOURCE  on data of your own.
"""


def _version(asked: bool) -> None:
    if asked:
        print(f"twoloops {__version__}")
        raise typer.Exit


def application() -> typer.Typer:
    """Return the application with every command."""
    app = typer.Typer(
        name="twoloops",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def main(
        version: bool = typer.Option(
            False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ) -> None:
        pass

    main.__doc__ = HELP
    for noun in (
        demo,
        replay,
        workspace,
        task,
        ingest,
        label,
        teacher,
        outcome,
        dataset,
        turn,
        worth,
        drift,
        serve,
        token,
        keys,
        edge,
        decide,
        export,
        lineage,
        rebase,
        watch,
        distil,
        publish,
        verify,
        adopt,
        revoke,
        rollout,
        why,
        forget,
        base,
        claims,
        controls,
        exhibits,
    ):
        noun.register(app)
    return app


# Who calls the command line many times in one process waits for its making once.
_command = functools.cache(lambda: typer.main.get_command(application()))


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done; 2 the user's situation; 75 a passing fault, try again; 130 interrupted;
    1 a bug, with its traceback.
    """
    terminal.in_workspace(Path())  # until the command says another
    try:
        _command().main(args=arguments, prog_name="twoloops")
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            _complain("interrupted: nothing is lost, the same command goes on where it was")
        raise
    except KeyboardInterrupt:
        _complain("interrupted: nothing is lost, the same command goes on where it was")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has enough; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _explain(error)


def _explain(error: Exception) -> None:
    """Exit with the sentence of a user's or passing fault; let a bug through with its traceback."""
    from twoloops.records.errors import MissingExtraError, TransientError, UserError

    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in SERVER:
            error = MissingExtraError(f"this command (it imports {package})", "server")
    if (what := _disk_or_catalog(error)) is not None:
        error = TransientError(what)
    if isinstance(error, UserError):
        _complain(str(error))
        sys.exit(USER)
    if isinstance(error, TransientError):
        _complain(f"{error}; this may pass: run the same command again, nothing is counted twice")
        sys.exit(TRANSIENT)
    raise error


def _disk_or_catalog(error: Exception) -> str | None:
    """Say what the disk or the catalog's engine refused, where it was one of these."""
    if isinstance(error, OSError) and error.errno in DISK:
        where = "the disk" if error.filename is None else str(error.filename)
        return f"{where} cannot be written ({error.strerror}): make room, or make it writable"
    engine = sys.modules.get("sqlalchemy.exc")  # where it was not imported, it raised nothing
    if engine is not None and isinstance(error, engine.OperationalError):
        return (
            f"the catalog cannot be used now ({error.orig}): see that its disk has room and can "
            "be written"
        )
    return None


def _complain(sentence: str) -> None:
    print(f"twoloops: {terminal.placed(sentence)}", file=sys.stderr)
