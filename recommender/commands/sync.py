"""``sync`` and ``push``: plays, stars and ratings in from connected servers and players; playlists out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of

if TYPE_CHECKING:
    from db.connections import Connection
    from recommender.connections.pushing import PushReport, SongList
    from recommender.connections.taking import SyncReport, Unsure
    from recommender.home import Home

SHOWN = 10
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]


def sync(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of a connection.", show_default="all of them")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Match the songs of connected servers with the tracks here, and take plays, stars and ratings in.

    What is in doubt is listed and not guessed. A second run changes nothing but what changed there. Where one
    of several cannot be reached, the others are synced all the same (exit code 3).
    """
    from recommender.commands.output import EXIT_SOME_FAILED, printable, say, show_json
    from recommender.connections.chosen import chosen_connections
    from recommender.errors import ConnectionFailedError

    home = home_of(context)
    catalog = home.existing_catalog()
    chosen = chosen_connections(catalog, name)
    reports, failed = [], []
    for one in chosen:
        try:
            reports.append(sync_one(home, one, dry_run=dry_run, quiet=as_json))
        except ConnectionFailedError as error:
            if len(chosen) == 1:
                raise
            failed.append({"connection": one.name, "reason": str(error)})
            say(f"{one.name}: {printable(str(error))}")
            continue
        if not as_json:
            print_report(reports[-1])
    if as_json:
        show_json({"synced": [report_json(report) for report in reports], "failed": failed})
    if failed:
        raise typer.Exit(EXIT_SOME_FAILED)


def sync_one(home: "Home", connection: "Connection", *, dry_run: bool, quiet: bool) -> "SyncReport":
    """Sync one connection; the writer lock is held only once all its songs were read.

    Where another sync was done meanwhile, what was read is older than what that took in, and is read again.
    """
    from contextlib import nullcontext

    from db.connections import get_connection
    from recommender.commands.progress import progress_bar
    from recommender.connections.chosen import opened
    from recommender.connections.taking import read_songs, take_in

    catalog = home.existing_catalog()
    synced = connection.synced
    while True:
        with (
            opened(home.path, connection) as remote,
            progress_bar(connection.name, quiet=quiet, unit="songs") as move,
        ):
            remote.check()
            songs = read_songs(remote, move)
        with nullcontext() if dry_run else home.writer_lock():
            with catalog.transaction() as session:
                known = get_connection(session, connection.name)
                before, synced = synced, None if known is None else known.synced
            if before == synced:
                return take_in(catalog, connection.name, songs, dry_run=dry_run)


def report_json(report: "SyncReport") -> dict[str, Any]:
    """Return what a sync did for machines."""
    from dataclasses import asdict

    return asdict(report)


def print_report(report: "SyncReport") -> None:
    """Show what a sync did."""
    from recommender.commands.output import say, show

    ways = ", ".join(f"{how} {songs}" for how, songs in report.matched.items())
    matched = sum(report.matched.values())
    show(
        f"{report.connection}: {report.songs} songs, {matched} matched{f' ({ways})' if ways else ''}, "
        f"{len(report.doubtful)} doubtful, {len(report.unmatched)} unmatched"
    )
    would = "would change" if report.dry_run else "changed"
    say(f"  plays of {report.plays}, stars of {report.starred}, ratings of {report.rated} tracks {would}")
    for how, unsure in (("Doubtful", report.doubtful), ("Unmatched", report.unmatched)):
        _print_unsure(how, unsure)


def _print_unsure(how: str, unsure: "list[Unsure]") -> None:
    from recommender.commands.output import printable, say

    for one in unsure[:SHOWN]:
        say(f"  {how}: {printable(one.song)}: {printable(one.reason)}")
    if len(unsure) > SHOWN:
        say(f"  … and {len(unsure) - SHOWN} more; --json lists them all.")


def push(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] [PLAYLIST]...",
            help="Of the connection, where there are several; then names or ids of playlists.",
            show_default="all playlists",
        ),
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option("--like", metavar="SONG", help="Also a list of what sounds like this song. Repeatable."),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many songs of each --like.")] = 30,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write also over a list that was made or changed there.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write playlists of the page or of players to a connected server, new or in place of what push wrote.

    Songs that sync has not matched are left out and counted. Nothing is deleted there, and a list of the
    same name that somebody made or changed there is left alone (exit code 3).
    """
    from recommender.commands.output import EXIT_SOME_FAILED, show_json
    from recommender.commands.smart_playlists import refresh_kept
    from recommender.connections.chosen import name_and_lists, opened
    from recommender.connections.kinds import BY_PATH
    from recommender.connections.pushing import lists_named
    from recommender.connections.pushing import push as push_lists

    home = home_of(context)
    catalog = home.existing_catalog()
    connection, names = name_and_lists(catalog, words or [])
    if names or not like:
        refresh_kept(home, None)
    lists = lists_named(catalog, names) if names or not like else []
    lists += _lists_like(context, like or [], n)
    with opened(home.path, connection) as remote, home.writer_lock():
        remote.check()
        report = push_lists(
            catalog,
            connection.name,
            remote,
            lists,
            dry_run=dry_run,
            replace=replace,
            by_path=connection.kind in BY_PATH,
        )
    if as_json:
        from dataclasses import asdict

        show_json(asdict(report))
    else:
        _print_pushed(report)
    if any(one.outcome == "refused" for one in report.playlists):
        raise typer.Exit(EXIT_SOME_FAILED)


def _print_pushed(report: "PushReport") -> None:
    from recommender.commands.output import printable, say, show

    if not report.playlists:
        say("There are no playlists here yet; make some on the page, or name songs with --like")
    for one in report.playlists:
        left = f", {len(one.left_out)} not known there" if one.left_out else ""
        done = (
            f"would be {one.outcome}"
            if report.dry_run and one.outcome in ("made", "updated")
            else one.outcome
        )
        reason = f": {printable(one.reason)}" if one.reason else ""
        show(f"{printable(one.name)}: {done}, {one.songs} songs{left}{reason}")


def _lists_like(context: typer.Context, queries: list[str], n: int) -> "list[SongList]":
    """Return lists of what sounds like some songs of the catalogue, each with its song first."""
    from recommender.commands.results import opened as opened_index
    from recommender.connections.pushing import SongList
    from recommender.library.file_reader import FileReader
    from recommender.presentation.lists import similar_answer
    from recommender.presentation.text import name_of
    from recommender.retrieval.query import resolve
    from recommender.retrieval.request import ListRequest

    if not queries:
        return []
    home = home_of(context)
    catalog, bundle, index = opened_index(home)
    lists = []
    with catalog.transaction() as session, FileReader(bundle, home.path) as reader:
        for words in queries:
            query = resolve(session, words, bundle, reader.analyse_query, None, reader.content_hash)
            answer, _ = similar_answer(session, index, bundle, [query], ListRequest(n=n), [])
            seed = () if query.track_id is None else (query.track_id,)
            ids = tuple(result["track_id"] for result in answer["results"])
            name = f"Like {name_of(answer['queries'][0])}"
            lists.append(SongList(name, seed + ids, query.track_id))
    return lists
