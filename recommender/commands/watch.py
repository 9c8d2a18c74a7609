"""``watch``: ingest what appears in folders, as long as it runs."""

import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, Exclude, Folders, Jobs, LabelDepth, Labels, home_of
from recommender.params import RESCAN_S, SETTLE_S

if TYPE_CHECKING:
    from threading import Event

    from recommender.home import Home
    from recommender.library.ingest_plan import IngestReport


def watch(
    context: typer.Context,
    folders: Folders,
    labels: Labels = "none",
    label_depth: LabelDepth = 1,
    jobs: Jobs = None,
    exclude: Exclude = None,
    nice: Annotated[
        int, typer.Option("--nice", min=0, max=19, help="Leave the processors to other programs.")
    ] = 10,
    settle_s: Annotated[
        float,
        typer.Option("--settle-s", min=0.1, help="Begin when nothing has changed for so many seconds."),
    ] = SETTLE_S,
    rescan_s: Annotated[
        float,
        typer.Option(
            "--rescan-s", min=1, help="Look at everything after so many seconds without a change, to be sure."
        ),
    ] = RESCAN_S,
    poll: Annotated[
        bool,
        typer.Option("--poll", help="Look for changes, where the system tells of none: some shared folders."),
    ] = False,
    sync: Annotated[
        bool, typer.Option("--sync", help="After each ingest, and each look at everything, also sync.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ingest folders, and then whatever appears, changes, moves or goes, until it is stopped.

    What changed while it was not running is found when it starts. With --json, each ingest that had
    something to do is one line of JSON. Stop it with Ctrl-C or SIGTERM, at any moment.
    """
    import threading

    from recommender.commands.output import say
    from recommender.library.watch import changed_folders

    if hasattr(os, "nice"):
        os.nice(nice)
    stop, home = threading.Event(), home_of(context)
    end_by(stop)
    watched = [os.path.abspath(folder) for folder in folders]
    try:
        for changed in changed_folders(watched, stop, settle_s, rescan_s, poll=poll):
            _ingest(home, changed, (labels, label_depth, jobs, exclude or ()), as_json=as_json)
            if sync:
                _sync(home, as_json=as_json)
            if changed == watched and not as_json:
                say(f"Watching {', '.join(watched)}  (stop it with Ctrl-C)")
    except (KeyboardInterrupt, typer.Exit):
        pass
    say("No longer watching.")


def end_by(stop: "Event") -> None:
    """Let Ctrl-C and SIGTERM end the watch: by an exception, and where that gets lost by an event.

    Python drops an exception that is raised while it tidies up behind an object.
    """

    def end(_number: int, _frame: object) -> None:
        stop.set()
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and shells ask in the background
            signal.signal(number, end)


def _ingest(home: "Home", folders: list[str], how: tuple[Any, ...], *, as_json: bool) -> None:
    """Ingest once nobody else is writing; what goes wrong is said, and the watch goes on."""
    import json
    import time

    from db.errors import CatalogError
    from recommender.commands.ingest import print_report, report_json, run_ingest
    from recommender.commands.output import printable, say, show
    from recommender.errors import HomeLockedError, RecommenderError
    from recommender.params import BUSY_S

    here = [folder for folder in folders if os.path.isdir(folder)]
    while here:
        try:
            report, index_size = run_ingest(home, here, *how, quiet=as_json)
        except HomeLockedError:
            time.sleep(BUSY_S)
            continue
        except (CatalogError, RecommenderError) as error:
            say(f"deepcuts: {printable(str(error))}")
            return
        if not _did_something(report):
            return
        if as_json:
            show(json.dumps(report_json(report, index_size)))
            sys.stdout.flush()
        else:
            print_report(report, index_size)
        return


def _sync(home: "Home", *, as_json: bool) -> None:
    """Sync all connections, if there are any; what goes wrong is said, and the watch goes on."""
    import json

    from db.connections import connections
    from db.errors import CatalogError
    from recommender.commands.output import printable, say, show
    from recommender.commands.sync import print_report, report_json, sync_one
    from recommender.errors import RecommenderError

    try:
        catalog = home.catalog_if_any()
        if catalog is None:
            return
        with catalog.transaction() as session:
            known = connections(session)
    except (CatalogError, RecommenderError) as error:
        say(f"deepcuts: {printable(str(error))}")
        return
    for one in known:
        try:
            report = sync_one(home, one, dry_run=False, quiet=True)
        except (CatalogError, RecommenderError) as error:
            say(f"{one.name}: {printable(str(error))}")
            continue
        if as_json:
            show(json.dumps(report_json(report)))
            sys.stdout.flush()
        elif report.new or report.gone or report.plays or report.starred or report.rated:
            print_report(report)


def _did_something(report: "IngestReport") -> bool:
    counts = (report.analysed, report.measured, report.retagged, report.moved, report.copied, report.missing)
    return any(counts) or bool(report.failed)
