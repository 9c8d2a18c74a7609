"""The command line of deepcuts: global options, commands, and errors turned into messages."""

import atexit
import gc
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from recommender.commands.classify import classify
from recommender.commands.duplicates import duplicates
from recommender.commands.evaluate import evaluate
from recommender.commands.explain import explain
from recommender.commands.ingest import ingest
from recommender.commands.lists import discover, find, path
from recommender.commands.map import map_
from recommender.commands.playlist import playlist
from recommender.commands.plays import plays
from recommender.commands.plot import plot
from recommender.commands.serve import serve
from recommender.commands.similar import similar
from recommender.commands.status import failures, relocate, status
from recommender.commands.tag import tag
from recommender.commands.train import train
from recommender.commands.transfer import export, import_
from recommender.commands.tune import tune
from recommender.commands.watch import watch

# A short command makes more objects than the collector's usual pace is meant for, and hardly any garbage.
gc.set_threshold(100_000)
# Nor is there anything to gain from a last collection: the system takes all memory back.
atexit.register(gc.freeze)
# numpy's threads spin on after each small product and slow down those of ONNX Runtime.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ERROR, USAGE, INTERRUPTED = 1, 2, 130


class _Commands(TyperGroup):
    """The one place where typed errors become a line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; see the exit codes in the README."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            code = _explain(error)
            if code is None:
                raise
            raise typer.Exit(code) from None


def _explain(error: Exception) -> int | None:
    """Say what is wrong and return the exit code, or None for an error that is not the user's."""
    from classifier.errors import ClassifierError
    from db.errors import CatalogError
    from recommender.commands.output import printable
    from recommender.errors import AmbiguousQueryError, RecommenderError

    if not isinstance(error, (ClassifierError, CatalogError, RecommenderError)):
        return None
    print(f"deepcuts: {printable(str(error))}", file=sys.stderr)
    if isinstance(error, AmbiguousQueryError):
        for line in error.matches:
            print(f"  {printable(line)}", file=sys.stderr)
        return USAGE
    return ERROR


app = typer.Typer(
    cls=_Commands,
    name="deepcuts",
    help="Music recommendation by the sound itself.",
    no_args_is_help=True,
    add_completion=False,
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
            file_okay=False,
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
) -> None:
    context.obj = (home, database)


for _command in (
    ingest,
    watch,
    similar,
    discover,
    find,
    path,
    playlist,
    duplicates,
    classify,
    explain,
    train,
    tune,
    tag,
    export,
    serve,
    status,
    failures,
    relocate,
):
    app.command()(_command)
app.command("map")(map_)
app.command("import")(import_)
app.add_typer(plot, name="plot")
app.add_typer(evaluate, name="evaluate")
app.add_typer(plays, name="plays")


if __name__ == "__main__":
    app()
