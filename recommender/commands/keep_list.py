"""Keep a list that was asked for as a playlist that is filled anew whenever it is out of date."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recommender.home import Home
    from recommender.retrieval.query_file import Span
    from recommender.retrieval.request import ListRequest
    from recommender.smart_playlists.rules import Rules


def keep_list(home: "Home", name: str, rules: "Rules") -> int:
    """Keep a list under a name, in place of one that was kept under it before, and return its playlist's id.

    Raises
    ------
    QueryError
        If a playlist that a person fills has the name.
    """
    from db.listening.playlists import all_playlists
    from db.listening.smart_playlists import all_smart_playlists
    from recommender.commands.output import printable, say
    from recommender.commands.results import opened
    from recommender.errors import QueryError
    from recommender.smart_playlists.fill import keep

    if not name.strip():
        raise QueryError("a playlist needs a name")
    catalog, bundle, index = opened(home)
    with catalog.snapshot() as session:
        kept = all_smart_playlists(session)
        same = [one.playlist.id for one in all_playlists(session) if one.playlist.name == name]
    before = [playlist_id for playlist_id in same if playlist_id in kept]
    if same and not before:
        raise QueryError(f"there is a playlist {name} that is filled by hand; take another name")
    sound = sound_of(catalog, bundle, index)
    made = keep(catalog, sound, rules, playlist_id=before[0] if before else None, name=name)
    say(f"The playlist {printable(name)} keeps itself up to date; see: deepcuts playlist show {made}")
    return made


def keep_similar(
    home: "Home",
    name: str,
    answer: dict[str, Any],
    request: "ListRequest",
    span: "Span | None",
    *,
    any_of: bool,
) -> None:
    """Keep what `similar` listed: songs like those of the catalogue that it was asked for.

    Raises
    ------
    QueryError
        If one of these is not in the catalogue.
    """
    from recommender.errors import QueryError
    from recommender.smart_playlists.rules import Rules

    for query in (*answer["queries"], *answer["unwanted"]):
        if query["track_id"] is None:
            raise QueryError(
                f"{query['path']} is not in the catalogue; a playlist can be kept of songs like one that is"
            )
    like, unlike = (tuple(query["track_id"] for query in answer[name]) for name in ("queries", "unwanted"))
    keep_list(home, name, Rules("similar", request, like, unlike, any_of, span=span))


def sound_of(catalog: Any, bundle: Any, index: Any) -> Any:
    """Return what lists are made of."""
    from db.sound.features import vectors_token
    from recommender.smart_playlists.fill import Sound

    with catalog.snapshot() as session:
        return Sound(index, bundle, vectors_token(session))
