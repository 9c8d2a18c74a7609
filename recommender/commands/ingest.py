"""``ingest``: bring the catalogue up to date with folders of music."""

import os
import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, Exclude, Folders, Jobs, LabelDepth, Labels, home_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.model.bundle import Bundle
    from recommender.home import Home
    from recommender.library.ingest_plan import IngestReport
    from recommender.library.scan import FoundFile
    from recommender.library.workers.cluster import ClusterWorkers

INTERRUPTED = 130
SHOWN_ENDINGS = 8
SHOWN_UNMATCHED = 20


def ingest(
    context: typer.Context,
    folders: Folders,
    labels: Labels = "none",
    label_depth: LabelDepth = 1,
    jobs: Jobs = None,
    exclude: Exclude = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try files again that failed before and have not changed.")
    ] = False,
    nice: Annotated[
        int | None,
        typer.Option(
            "--nice",
            min=0,
            max=19,
            help="Leave the processors to other programs; 19 is the most considerate.",
            show_default="as the command was started",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="tcp://HOST:8786",
            help="Analyse on the workers of this Dask cluster, which must have the music at the same paths; "
            "needs deepcuts[cluster].",
        ),
    ] = None,
    reindex: Annotated[
        bool,
        typer.Option(
            "--reindex",
            help="Build the index anew, its hub correction measured on the catalogue as it is now.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Analyse the new and changed files of folders; skip those already known.

    A file that cannot be analysed is recorded with its reason and the run goes on (exit code 3).
    Stop it at any time: the next run goes on where it was.
    """
    from recommender.commands.output import EXIT_SOME_FAILED, say, show_json

    if nice is not None and hasattr(os, "nice"):
        os.nice(nice)  # the workers inherit it
    if scheduler is not None and jobs is not None:
        raise typer.BadParameter("with --scheduler the cluster decides; leave --jobs out")
    report, index_size = run_ingest(
        home_of(context),
        [str(f) for f in folders],
        labels,
        label_depth,
        jobs,
        exclude or (),
        retry=retry,
        quiet=as_json,
        anew=reindex,
        scheduler=scheduler,
    )
    if as_json:
        show_json(report_json(report, index_size))
    else:
        print_report(report, index_size)
        suggest(report)
    if report.failed or report.unmatched:
        if report.failed and not as_json:
            say("Their reasons are kept: deepcuts failures")
        raise typer.Exit(EXIT_SOME_FAILED)


def run_ingest(
    home: "Home",
    folders: list[str],
    labels: str,
    label_depth: int,
    jobs: int | None,
    exclude: "Sequence[str]" = (),
    *,
    quiet: bool,
    retry: bool = False,
    anew: bool = False,
    scheduler: str | None = None,
) -> "tuple[IngestReport, int]":
    """Ingest under the writer lock and refresh the index; return the report and the index's size."""
    from recommender.commands.ingest_progress import told_to_the_service
    from recommender.commands.output import say
    from recommender.commands.progress import progress_bar
    from recommender.library.ignore_rules import excluding
    from recommender.library.ingest import ingest as run
    from recommender.library.ingest_plan import Choice
    from recommender.library.predictions import renew_predictions
    from recommender.retrieval.index.store import open_index

    try:
        excluding("", exclude)
    except ValueError as error:
        raise typer.BadParameter(f"--exclude: {error}") from error
    bundle = home.bundle()
    with home.writer_lock():
        catalog = home.catalog()
        home.note_bundle(catalog, bundle.bundle_id)
        try:
            with (
                _cluster(scheduler, bundle) as cluster,
                progress_bar("Analysing", quiet=quiet) as bar,
                told_to_the_service(catalog, home.index_dir, bundle.trunk_id, bar) as (progress, growing),
            ):
                choice = Choice(exclude, retry)
                renew_predictions(catalog, bundle)
                report = run(
                    catalog, bundle, folders, labels, label_depth, jobs, progress, cluster, home.path, choice
                )
                index, _ = open_index(
                    catalog,
                    home.index_dir,
                    bundle.trunk_id,
                    anew=anew or growing.to_build_anew(),
                    unwritten=lambda error: report.notes.append(index_note(error)),
                )
        except KeyboardInterrupt:
            say("Stopped; what was analysed is kept, and the next ingest goes on from there.")
            raise typer.Exit(INTERRUPTED) from None
        finally:
            catalog.close()
    return report, len(index)


def index_note(error: OSError) -> str:
    """Return what to tell where the index is not on disk."""
    from classifier.errors import in_words

    return f"the index could not be written, and is made when it is needed: {in_words(error)}"


def _cluster(
    scheduler: str | None, bundle: "Bundle"
) -> "AbstractContextManager[ClusterWorkers[FoundFile] | None]":
    if scheduler is None:
        return nullcontext()
    from recommender.commands.output import printable, say
    from recommender.library.workers.cluster import ClusterWorkers

    return ClusterWorkers(scheduler, bundle, tell=lambda line: say(printable(line)))


def report_json(report: "IngestReport", index_size: int) -> dict[str, Any]:
    """Return what an ingest did, for machines."""
    answer = asdict(replace(report, passed_over=Counter()))
    answer["passed_over"] = dict(report.passed_over.most_common())
    answer["warned"] = [{"path": path, "message": message} for path, message in report.warned]
    answer["index_segments"] = index_size
    answer["tracks_per_minute"] = _rate(report)
    return answer


def _rate(report: "IngestReport") -> float | None:
    return round(report.analysed / report.seconds * 60, 1) if report.analysed else None


def passed_over_in_words(passed_over: Counter[str]) -> str:
    """Return how many files are no audio by their names: the most frequent endings first."""
    endings = sorted(passed_over.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{n} {ending or 'without an ending'}" for ending, n in endings[:SHOWN_ENDINGS]]
    if rest := sum(n for _, n in endings[SHOWN_ENDINGS:]):
        shown.append(f"{rest} others")
    n = passed_over.total()
    return f"Passed over {n} file{'s' * (n > 1)} that deepcuts does not decode: {', '.join(shown)}."


def suggest(report: "IngestReport") -> None:
    """Say on a terminal what one can do with what was analysed."""
    from recommender.commands.output import say

    if report.analysed and sys.stdout.isatty() and sys.stderr.isatty():
        say('What next:  deepcuts similar "artist title"   songs that sound like one of them')
        say("            deepcuts tag --dry-run            genres for the files' own tags")
        say("            deepcuts serve                    listen in a browser")


def print_report(report: "IngestReport", index_size: int) -> None:
    """Show what an ingest did."""
    from recommender.commands.output import counted, printable, say, show

    parts = [
        f"{getattr(report, name)} {name}"
        for name in ("analysed", "unchanged", "measured", "retagged", "moved", "copied", "missing")
        if getattr(report, name) or name == "analysed"
    ]
    rate = f", {_rate(report):.0f} tracks/min" if report.analysed else ""
    show(f"{counted(report.found, 'file')}: {', '.join(parts)} ({report.seconds:.1f} s{rate})")
    show(f"The index holds {counted(index_size, 'segment')}.")
    for note in report.notes:
        say(f"Note: {printable(note)}")
    for path, message in report.warned:
        say(f"Warning: {printable(path)}: {message}")
    if report.passed_over:
        say(passed_over_in_words(report.passed_over))
    if report.known_failures:
        say(
            f"{report.known_failures} files that failed before have not changed and were skipped; "
            "ingest --retry tries them again."
        )
    for line in report.unmatched[:SHOWN_UNMATCHED]:
        say(f"Line {line.line} of the labels fits no file: {printable(line.path)}: {printable(line.reason)}")
    if len(report.unmatched) > SHOWN_UNMATCHED:
        say(f"… and {len(report.unmatched) - SHOWN_UNMATCHED} lines more; --json lists them all.")
    for failed in report.failed:
        say(f"Failed: {printable(failed.path)}: {failed.message}")
