"""The command line of deepcuts: global options, commands, and errors turned into messages."""

import os
import sys

try:
    from recommender.commands.least_memory import check_memory

    check_memory()
    import atexit
    import gc
    from collections.abc import Iterator
    from contextlib import contextmanager
    from functools import partial
    from pathlib import Path
    from typing import Annotated, Any

    import typer
    from typer.core import TyperGroup
    from typer.exceptions import TyperException

    from recommender.commands import last_resort
    from recommender.commands.check import check
    from recommender.commands.classify import classify
    from recommender.commands.connections import connect, connections, disconnect
    from recommender.commands.duplicates import duplicates
    from recommender.commands.evaluate import evaluate
    from recommender.commands.explain import explain
    from recommender.commands.help_page import START, help_lines, version
    from recommender.commands.ingest import ingest
    from recommender.commands.lists import discover, find, path
    from recommender.commands.map import map_
    from recommender.commands.mixes import mixes
    from recommender.commands.model import model
    from recommender.commands.options import NamedFolder
    from recommender.commands.output import printable, say, show
    from recommender.commands.plays import plays
    from recommender.commands.plot import plot
    from recommender.commands.queue import queue
    from recommender.commands.radio import less, radio
    from recommender.commands.serve import serve
    from recommender.commands.shortlist_export import shortlist
    from recommender.commands.similar import similar
    from recommender.commands.smart_playlists import playlist
    from recommender.commands.status import failures, relocate, status
    from recommender.commands.sync import push, sync
    from recommender.commands.tag import tag
    from recommender.commands.train import train
    from recommender.commands.transfer import export, import_
    from recommender.commands.tune import tune
    from recommender.commands.watch import watch
except (ImportError, MemoryError, OSError, SystemError) as _error:  # before anything of ours could say so
    if "DEEPCUTS_TRACEBACK" in os.environ:
        raise
    _why = ": ".join(filter(None, (type(_error).__name__, str(_error).partition("\n")[0])))
    sys.exit(f"deepcuts: it cannot be started: too little memory, or not installed whole ({_why})")

# A short command makes more objects than the collector's usual pace is meant for, and hardly any garbage.
gc.set_threshold(200_000)
# Nor is there anything to gain from a last collection: the system takes all memory back.
atexit.register(gc.freeze)
# numpy's threads spin on after each small product and slow down those of ONNX Runtime.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ERROR, USAGE, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130


class _Commands(TyperGroup):
    """The one place where errors become a line on stderr and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; what Typer itself does before and after a command is within it, too."""
        try:
            with _explained(None):
                try:
                    return super().main(*args, **extra)
                except SystemExit as end:
                    _flush(told=end.code not in (None, 0, SOME_FAILED))
                    raise
        except typer.Exit as end:
            sys.exit(end.exit_code)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under what they are wanted for, each with the whole of its summary."""
        formatter.write_paragraph()
        formatter.write("\n".join(help_lines()).rstrip() + "\n")

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the command line, and print a help that is asked for."""
        with _explained(None), last_resort.printing():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; see the exit codes in the README."""
        with _explained(ctx):
            done = super().invoke(ctx)
            last_resort.flush_output()
            return done


def _flush(*, told: bool) -> None:
    """Write out what was printed; where an error was told already, without another."""
    try:
        last_resort.flush_output()
    except OSError:
        if not told:
            raise


@contextmanager
def _explained(context: typer.Context | None) -> Iterator[None]:
    """Turn whatever is raised into a line and an exit code."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, typer.Abort, TyperException):
        raise
    except Exception as error:  # noqa: BLE001 - the last resort
        raise typer.Exit(_explain(error, context)) from None


def _explain(error: Exception, context: typer.Context | None) -> int:
    """Say what is wrong and return the exit code."""
    try:
        from classifier.errors import ClassifierError
        from db.errors import CatalogError
        from recommender.errors import AmbiguousQueryError, RecommenderError
    except (ImportError, OSError, MemoryError):  # then it is no error of theirs
        expected = False
    else:
        expected = isinstance(error, (ClassifierError, CatalogError, RecommenderError))
    line = str(error) if expected else last_resort.what_happened(error, partial(_home, context))
    say(f"deepcuts: {printable(line)}")
    if expected and isinstance(error, AmbiguousQueryError):
        for match in error.matches:
            say(f"  {printable(match)}")
        return USAGE
    return ERROR


def _home(context: typer.Context | None) -> Path | None:
    """Return the home that a command was about, as far as that is known."""
    if context is None or context.obj is None:
        return None
    from recommender.home import default_home

    home: Path | None = context.obj[0]
    return home or default_home()


class _App(typer.Typer):
    """The command line as a program of its own, which may change what a process has but once."""

    def __call__(self, *args: Any, **extra: Any) -> Any:
        """Run it; not as Typer would, which puts a hook of its own in the place of the last resort's."""
        last_resort.open_standard_streams()
        last_resort.keep_quiet(lambda: None)
        return typer.main.get_command(self)(*args, **{"prog_name": "deepcuts", **extra})


app = _App(
    cls=_Commands,
    name="deepcuts",
    help="Music recommendation by the sound itself.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 done, 1 error, 2 usage, 3 finished but some files failed, 130 interrupted.",
)


@app.callback()
def _global_options(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            envvar="DEEPCUTS_HOME",
            click_type=NamedFolder(),
            metavar="DIR",
            help="Directory of the catalogue, index and bundles.",
            show_default="the user's data directory",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            envvar="DEEPCUTS_DATABASE",
            metavar="URL",
            help="The catalogue on a PostgreSQL server: postgresql+psycopg://user@host/name.",
            show_default="SQLite in the home",
        ),
    ] = None,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if show_version:
        show(f"deepcuts {version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        show(START.rstrip())
        raise typer.Exit
    context.obj = (home, database)
    last_resort.keep_quiet(partial(_home, context), only_again=True)


for _command in (
    ingest,
    watch,
    similar,
    discover,
    mixes,
    find,
    path,
    radio,
    less,
    duplicates,
    classify,
    explain,
    train,
    tune,
    tag,
    export,
    serve,
    connect,
    connections,
    disconnect,
    sync,
    push,
    queue,
    status,
    check,
    failures,
    relocate,
):
    app.command()(_command)
app.command("map")(map_)
app.command("import")(import_)
app.add_typer(plot, name="plot")
app.add_typer(evaluate, name="evaluate")
app.add_typer(plays, name="plays")
app.add_typer(model, name="model")
app.add_typer(shortlist, name="shortlist")
app.add_typer(playlist, name="playlist")


if __name__ == "__main__":
    app()
