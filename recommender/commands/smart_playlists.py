"""``playlist list``, ``show``, ``keep``, ``refresh``, ``freeze``, ``delete``: those of the catalogue."""

from typing import TYPE_CHECKING, Annotated

import typer

from recommender.commands.filter_options import takes_filters
from recommender.commands.keep_list import keep_list, sound_of
from recommender.commands.options import AsJson, Output, home_of
from recommender.commands.playlist import playlist

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.models import Playlist
    from recommender.home import Home
    from recommender.retrieval.filters import Filters

__all__ = ["playlist"]

Named = Annotated[str, typer.Argument(metavar="NAME", help="A playlist's name or id.")]
ORDERS = ("path", "artist", "title", "album", "plays", "id")


@playlist.command("list", short_help="List the playlists of the catalogue.")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the playlists of the catalogue; those that keep themselves up to date say with what."""
    from db.listening.playlists import all_playlists
    from db.listening.smart_playlists import all_smart_playlists
    from recommender.commands.output import printable, say, show_json, show_table
    from recommender.presentation.smart_playlists import kept_json

    with home_of(context).existing_catalog().snapshot() as session:
        kept = all_smart_playlists(session)
        answer = [
            {
                "playlist_id": one.playlist.id,
                "name": one.playlist.name,
                "songs": one.songs,
                **kept_json(session, kept.get(one.playlist.id)),
            }
            for one in all_playlists(session)
        ]
    if as_json:
        show_json({"playlists": answer})
    elif answer:
        rows = [
            (
                str(one["playlist_id"]),
                printable(one["name"]),
                str(one["songs"]),
                printable(", ".join(one["rules_in_words"] or ("by hand",))),
            )
            for one in answer
        ]
        show_table(("id", "playlist", "songs", "filled"), rows)
    else:
        say("There is no playlist yet; make one on the page, or with --keep of similar, discover, find")


@playlist.command(short_help="List a playlist's songs; write them with -o.")
def show(context: typer.Context, name: Named, output: Output = None, as_json: AsJson = False) -> None:
    """List the songs of a playlist; one that keeps itself up to date is filled first, if it is not."""
    from db.listening.playlists import playlist_tracks
    from db.listening.smart_playlists import smart_playlist_of
    from recommender.commands.output import printable, say, show_json
    from recommender.commands.output import show as show_line
    from recommender.commands.playlist import tell_written, write_results
    from recommender.commands.song_table import genres_fact, measures_fact, show_songs, song_row, tags_fact
    from recommender.presentation.smart_playlists import kept_json
    from recommender.presentation.songs import tracks_json

    home = home_of(context)
    catalog = home.existing_catalog()
    with catalog.snapshot() as session:
        playlist_id = find_playlist(session, name).id
    refresh_kept(home, [playlist_id])
    with catalog.snapshot() as session:
        found = find_playlist(session, str(playlist_id), by_id=True)
        tracks = playlist_tracks(session, found)
        shown = {one["track_id"]: one for one in tracks_json(session, list(set(tracks)), home.bundle())}
        results = [{**shown[track.id], "rank": rank} for rank, track in enumerate(tracks, 1)]
        kept = kept_json(session, smart_playlist_of(session, found))
        answer = {"playlist_id": found.id, "name": found.name, **kept, "results": results}
    written = 0 if output is None else write_results(results, output)
    if as_json:
        show_json(answer)
        return
    words = f": {', '.join(answer['rules_in_words'])}" if answer["rules_in_words"] else ""
    show_line(printable(f"{answer['name']}{words}"))
    facts = [[genres_fact(one, 2), measures_fact(one), tags_fact(one, 3)] for one in results]
    show_songs("", [song_row(one, "", said) for one, said in zip(results, facts, strict=True)])
    if not results:
        say("It holds no songs.")
    if output is not None:
        tell_written(written, output)
    if answer["problem"]:
        say(f"It could not be filled anew: {printable(answer['problem'])}.")


@playlist.command(short_help="Keep a smart playlist: all songs that pass filters.")
@takes_filters
def keep(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many songs at most.")] = 500,
    words: Annotated[
        str, typer.Option("--words", help="Only songs whose artist, title and album hold these words.")
    ] = "",
    sort: Annotated[
        str, typer.Option("--sort", metavar="|".join(ORDERS), help="In which order; plays: the most first.")
    ] = "artist",
    not_played_for: Annotated[
        int | None,
        typer.Option("--not-played-for", min=1, max=36_500, metavar="DAYS", help="Not played so long."),
    ] = None,
    *,
    filters: "Filters",
    as_json: AsJson = False,
) -> None:
    """Keep a smart playlist: all songs that pass the filters, filled anew whenever it is out of date.

    Of songs like others, deep cuts, or by words: --keep NAME of similar, discover and find.
    """
    from recommender.commands.output import show_json
    from recommender.retrieval.request import ListRequest
    from recommender.smart_playlists.rules import Rules

    if sort not in ORDERS:
        raise typer.BadParameter(f"it is one of {', '.join(ORDERS)}", param_hint="--sort")
    request = ListRequest(n=n, filters=filters)
    rules = Rules("songs", request, words=words, sort=sort, not_played_days=not_played_for)
    made = keep_list(home_of(context), name, rules)
    if as_json:
        show_json({"playlist_id": made})


@playlist.command(short_help="Fill those that are out of date; for cron.")
def refresh(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names or ids.", show_default="all that keep themselves"),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Fill them even where nothing has changed since.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill the playlists that keep themselves up to date, where they are not. For cron.

    `serve` does it when one is opened, and `playlist show`, and `push`.
    """
    from db.listening.playlists import all_playlists
    from db.listening.smart_playlists import all_smart_playlists
    from recommender.commands.output import printable, say, show_json, show_table
    from recommender.presentation.smart_playlists import kept_json

    home = home_of(context)
    catalog = home.existing_catalog()
    with catalog.snapshot() as session:
        ids = [find_playlist(session, name).id for name in names] if names else None
    done = refresh_kept(home, ids, again=again)
    with catalog.snapshot() as session:
        kept = all_smart_playlists(session)
        rows = [
            {
                "playlist_id": one.playlist.id,
                "name": one.playlist.name,
                "songs": one.songs,
                "changed": done.get(one.playlist.id, False),
                "problem": kept_json(session, kept[one.playlist.id])["problem"],
            }
            for one in all_playlists(session)
            if one.playlist.id in kept and (ids is None or one.playlist.id in ids)
        ]
    if as_json:
        show_json({"playlists": rows})
    elif rows:
        words = {True: "filled anew", False: "as it was"}
        table = [
            (
                str(one["playlist_id"]),
                printable(one["name"]),
                str(one["songs"]),
                printable(one["problem"] or words[bool(one["changed"])]),
            )
            for one in rows
        ]
        show_table(("id", "playlist", "songs", ""), table)
    else:
        say("No playlist keeps itself up to date; see: deepcuts playlist keep --help")


@playlist.command(short_help="Let one that keeps itself up to date stay as it is.")
def freeze(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Let a playlist stay as it is now: from then on it is changed by hand alone."""
    from db.listening.smart_playlists import freeze as freeze_playlist
    from recommender.commands.output import printable, say, show_json

    with home_of(context).existing_catalog().change() as session:
        found = find_playlist(session, name)
        was, called, playlist_id = freeze_playlist(session, found), found.name, found.id
    if as_json:
        show_json({"playlist_id": playlist_id, "name": called, "kept_itself": was})
    else:
        say(f"{printable(called)} {'stays as it is from now on' if was else 'is filled by hand already'}.")


@playlist.command(short_help="Delete a playlist; the songs stay.")
def delete(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Delete a playlist of the catalogue; the songs stay."""
    from db.listening.playlists import delete_playlist
    from recommender.commands.output import printable, say, show_json

    with home_of(context).existing_catalog().change() as session:
        found = find_playlist(session, name)
        called, playlist_id = found.name, found.id
        delete_playlist(session, found)
    if as_json:
        show_json({"playlist_id": playlist_id, "name": called})
    else:
        say(f"The playlist {printable(called)} is deleted.")


def find_playlist(session: "Session", name: str, *, by_id: bool = False) -> "Playlist":
    """Return the playlist of a name or an id."""
    from db.listening.playlists import all_playlists
    from recommender.errors import AmbiguousQueryError, QueryError

    every = [one.playlist for one in all_playlists(session)]
    found = [] if by_id else [one for one in every if one.name == name]
    found = found or [one for one in every if str(one.id) == name]
    if len(found) > 1:
        raise AmbiguousQueryError(name, [f"{one.id}  {one.name}" for one in found])
    if not found:
        known = ", ".join(one.name for one in every) or "none yet"
        raise QueryError(f"no playlist is called '{name}'; there are: {known}")
    return found[0]


def refresh_kept(home: "Home", playlist_ids: list[int] | None, *, again: bool = False) -> dict[int, bool]:
    from db.listening.smart_playlists import all_smart_playlists
    from recommender.commands.results import opened
    from recommender.smart_playlists.fill import refresh as refresh_playlists

    with home.existing_catalog().snapshot() as session:
        kept = all_smart_playlists(session)
    if not any(playlist_ids is None or one in playlist_ids for one in kept):
        return {}
    catalog, bundle, index = opened(home)
    return refresh_playlists(catalog, sound_of(catalog, bundle, index), playlist_ids, again=again)
