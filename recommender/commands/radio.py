"""``radio`` and ``less``: songs without end, and what is not wanted among them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of, only_numbers
from recommender.params import AHEAD, RADIO_AT_ONCE, RADIO_FAR, RADIO_SONGS

if TYPE_CHECKING:
    from db.session import Catalog
    from recommender.home import Home


def radio(
    context: typer.Context,
    song: Annotated[
        str | None, typer.Argument(metavar="[SONG]", help="A catalogued song: file, id, or words.")
    ] = None,
    artist: Annotated[
        str | None, typer.Option("--artist", metavar="NAME", help="Like the songs of an artist.")
    ] = None,
    genre: Annotated[
        str | None, typer.Option("--genre", metavar="GENRE", help="Like the songs of a genre.")
    ] = None,
    decade: Annotated[
        str | None, typer.Option("--decade", metavar="1990s", help="Like the songs of ten years.")
    ] = None,
    playlist: Annotated[
        str | None, typer.Option("--playlist", metavar="NAME", help="Like a playlist, by its name or id.")
    ] = None,
    shortlist: Annotated[
        str | None, typer.Option("--shortlist", metavar="NAME", help="Like a shortlist, by its name or id.")
    ] = None,
    taste: Annotated[bool, typer.Option("--taste", help="Like what is played most.")] = False,
    resume: Annotated[
        int | None, typer.Option("--resume", metavar="ID", help="Go on with a radio, by its id.")
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, help="How many songs.", show_default=f"{RADIO_SONGS}; of --mpd no end"),
    ] = None,
    far: Annotated[
        float,
        typer.Option(
            "--far",
            min=0,
            max=1,
            callback=only_numbers,
            help="0 stays near the seed, 1 goes on from song to song.",
        ),
    ] = RADIO_FAR,
    discover: Annotated[
        float,
        typer.Option(
            "--discover", min=0, max=1, callback=only_numbers, help="Favour the rarely played, 0..1."
        ),
    ] = 0.0,
    mpd: Annotated[
        str | None,
        typer.Option(
            "--mpd",
            metavar="NAME",
            help="Keep the queue of a connected MPD filled; without a seed, like what plays.",
        ),
    ] = None,
    ahead: Annotated[
        int, typer.Option("--ahead", min=1, help="With --mpd: songs that follow what plays.")
    ] = AHEAD,
    as_json: AsJson = False,
) -> None:
    """Play songs like a seed without end, as M3U8 on standard output: deepcuts radio 4711 | mpv --playlist=-.

    No song, version or artist comes again too soon. What was played is kept, so that --resume goes on. With
    --mpd they go into that player's queue, and what is skipped or finished there decides what comes next.
    """
    from recommender.commands.output import say, show_json
    from recommender.commands.radio_tuning import tuned
    from recommender.commands.results import opened
    from recommender.errors import QueryError
    from recommender.presentation.radios import radio_json

    named = {
        "song": song,
        "artist": artist,
        "genre": genre,
        "decade": decade,
        "playlist": _playlist(home_of(context), playlist) if playlist is not None else None,
        "shortlist": _shortlist(home_of(context), shortlist) if shortlist is not None else None,
        "taste": "" if taste else None,
        "radio": resume,
    }
    asked = [(kind, str(seed)) for kind, seed in named.items() if seed is not None]
    if mpd is not None and len(asked) <= 1:
        from recommender.commands.queue import fill_queue

        seed = asked[0] if asked else None
        fill_queue(context, mpd, seed, far=far, discover=discover, ahead=ahead, songs=n, as_json=as_json)
        return
    if len(asked) != 1:
        kinds = "--artist, --genre, --decade, --playlist, --shortlist, --taste"
        raise QueryError(f"name one seed: a song, or one of {kinds}; or --resume a radio")
    catalog, bundle, index = opened(home_of(context))
    made = tuned(catalog, index, bundle, *asked[0], far=far, discover=discover)
    batches = _batches(catalog, index, bundle, made.id, n or RADIO_SONGS)
    if as_json:
        results = [one for batch in batches for one in batch]
        show_json({**radio_json(made, len(results)), "results": results})
        return
    for batch in batches:
        _print_m3u8(batch)
    say(f"This was radio {made.id}; more of it: deepcuts radio --resume {made.id}")


def _playlist(home: "Home", name: str) -> int:
    """Return the id of a playlist, which is filled anew where it keeps itself up to date."""
    from recommender.commands.smart_playlists import find_playlist, refresh_kept

    with home.existing_catalog().snapshot() as session:
        found = find_playlist(session, name).id
    refresh_kept(home, [found])
    return found


def _shortlist(home: "Home", name: str) -> int:
    """Return the id of a shortlist."""
    from recommender.shortlists.find import find_shortlist

    with home.existing_catalog().snapshot() as session:
        return find_shortlist(session, name).id


def _batches(
    catalog: "Catalog", index: Any, bundle: Any, radio_id: int, n: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield songs as they are chosen; what is yielded is kept already."""
    from functools import partial

    from recommender.commands.radio_tuning import radio_named
    from recommender.presentation.radios import songs_json
    from recommender.radio.station import play_on

    shown, left = partial(songs_json, bundle=bundle), n
    while left > 0:
        songs = play_on(
            catalog.snapshot,
            catalog.change,
            partial(radio_named, radio_id=radio_id),
            index,
            bundle,
            min(left, RADIO_AT_ONCE),
            shown,
        )
        if not songs:
            return
        left -= len(songs)
        yield songs


def _print_m3u8(results: list[dict[str, Any]]) -> None:
    """Print songs, each with its reason, and flush: a player reads on as they come."""
    import sys

    from recommender.playlist import PlaylistEntry, m3u8

    for one in results:
        entry = PlaylistEntry(
            *(one["path"], one["title"], one["artist"], one["duration_s"]),
            start_s=one.get("start_s"),
            end_s=one.get("end_s"),
        )
        content, _ = m3u8([(entry, entry.path)])
        header, _, song = content.partition(b"\n")
        if one["position"] == 0:
            sys.stdout.buffer.write(header + b"\n")
        words = " ".join(one["reason"].split()).encode(errors="replace")
        sys.stdout.buffer.write(b"# " + words + b"\n" + song)
        sys.stdout.buffer.flush()


def less(
    context: typer.Context,
    songs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SONG]...", help="Catalogued songs: files, ids, or words; none to list."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Want no longer less like them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Want less like some songs: radio, mixes and discover obey. Without songs, list them."""
    from db.listening.radios import less_like
    from recommender.commands.output import counted, printable, show, show_json
    from recommender.commands.radio_tuning import no_file
    from recommender.presentation.radios import less_like_answer
    from recommender.presentation.text import name_of
    from recommender.retrieval.query import resolve

    home = home_of(context)
    catalog, bundle = home.existing_catalog(), home.bundle()
    with catalog.change() as session:
        for song in songs or ():
            track_id = resolve(session, song, bundle, no_file).track_id
            less_like(session, track_id or 0, wanted=not undo)
        answer = less_like_answer(session, bundle)
    if as_json:
        show_json(answer)
        return
    show(f"Less is wanted like {counted(len(answer['tracks']), 'song')}" + (":" if answer["tracks"] else "."))
    for track in answer["tracks"]:
        show(f"  {track['track_id']:>6}  {printable(name_of(track))}")
