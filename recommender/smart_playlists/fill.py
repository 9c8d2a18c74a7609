"""Playlists that keep themselves up to date: which of them are out of date, and their songs as of now."""

import hashlib
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol

from sqlalchemy.orm import Session

from classifier.errors import ClassifierError
from classifier.model.bundle import Bundle
from db.listening.playlists import create_playlist, get_playlist, playlist_tracks
from db.listening.radios import less_like_ids
from db.listening.smart_playlists import (
    all_smart_playlists,
    note_filled,
    set_rules,
    smart_playlist_of,
    wanted,
)
from db.listening.tables import SmartPlaylist
from db.listing import track_page
from db.models import Playlist
from db.plays_log import plays_state
from db.rows import rows_by_ids
from db.tracks_token import TRACKS_TOKEN, tokens_of
from db.values import utc_now
from recommender import params
from recommender.errors import FilterError, QueryError, RecommenderError
from recommender.retrieval.discover import discover
from recommender.retrieval.filters import ids_passing
from recommender.retrieval.find import find
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.query import Query, from_track
from recommender.retrieval.request import ListRequest, day_of, spread_evenly
from recommender.retrieval.similar import similar
from recommender.smart_playlists.rules import Rules, rules_json, rules_of

AT_ONCE: Final = 20
"""So many that are out of date are filled for one request, those first that were filled longest ago."""

UNREADABLE: Final = "unreadable"


@dataclass(frozen=True)
class Sound:
    """What lists are made of: the index, the bundle, and the token of the vectors in that index."""

    index: SegmentIndex
    bundle: Bundle
    token: str | None


class Sessions(Protocol):
    """A catalogue, or what stands before one."""

    def snapshot(self) -> AbstractContextManager[Session]:
        """Give a session that sees the catalogue as it is now."""

    def change(self) -> AbstractContextManager[Session]:
        """Give a session in which what was read is still so when what follows from it is written."""


@dataclass(frozen=True)
class Filling:
    """What a playlist is to be filled with; `track_ids` is None where it cannot be, and `problem` why."""

    playlist_id: int
    rules: str
    filled_from: str
    track_ids: list[int] | None
    problem: str = ""


def refresh(
    sessions: Sessions,
    sound: Sound,
    playlist_ids: Collection[int] | None = None,
    *,
    again: bool = False,
    most: int | None = None,
) -> dict[int, bool]:
    """Fill the playlists that are out of date.

    Parameters
    ----------
    playlist_ids
        Of which; None for all. A playlist that a person fills is passed over.
    again
        Fill those that are up to date, too.
    most
        No more than so many.

    Returns
    -------
    dict
        Of those that were filled anew, by id, whether they hold other songs than before.
    """
    with sessions.snapshot() as session:
        found = fillings(session, sound, playlist_ids, again=again, most=most)
    if not found:
        return {}
    done: dict[int, bool] = {}
    with sessions.change() as session:
        for one in found:
            playlist = get_playlist(session, one.playlist_id)
            kept = None if playlist is None else smart_playlist_of(session, playlist)
            if playlist is None or kept is None or kept.rules != one.rules:  # somebody was quicker
                continue
            done[playlist.id] = note_filled(
                session, playlist, kept, one.filled_from, one.track_ids, one.problem
            )
    return done


def keep(
    sessions: Sessions,
    sound: Sound,
    rules: Rules,
    *,
    playlist_id: int | None = None,
    name: str = "",
    comment: str = "",
) -> int:
    """Have a playlist, or a new one, filled with a list from now on, and return its id.

    Raises
    ------
    FilterError, QueryError
        If the list cannot be made.
    KeyError
        If there is no playlist of the id.
    """
    if rules.playlist is not None and rules.playlist == playlist_id:
        raise FilterError("a playlist cannot be filled with songs like its own; name another")
    with sessions.snapshot() as session:
        state = _state(session, sound, tokens_of(session).get(TRACKS_TOKEN), rules)
        songs = songs_of(session, sound, rules)
    with sessions.change() as session:
        found = get_playlist(session, playlist_id) if playlist_id is not None else None
        if found is None and playlist_id is not None:
            raise KeyError(playlist_id)
        known = found or create_playlist(session, name, comment=comment)
        note_filled(session, known, set_rules(session, known, rules_json(rules)), state, songs)
        return known.id


def fillings(
    session: Session,
    sound: Sound,
    playlist_ids: Collection[int] | None = None,
    *,
    again: bool = False,
    most: int | None = None,
) -> list[Filling]:
    """Return what playlists that are out of date are to be filled with; see `refresh`."""
    found: list[Filling] = []
    tracks = tokens_of(session).get(TRACKS_TOKEN)
    for playlist_id, stored in all_smart_playlists(session).items():
        if playlist_ids is not None and playlist_id not in playlist_ids:
            continue
        if most is not None and len(found) >= most:
            break
        made = _filling(session, sound, tracks, stored, again=again)
        if made is not None:
            found.append(made)
    return found


def _filling(
    session: Session, sound: Sound, tracks: str | None, stored: SmartPlaylist, *, again: bool
) -> Filling | None:
    """Return what one is to be filled with; None where it is up to date."""
    state = UNREADABLE
    try:
        rules = rules_of(wanted(stored))
        state = _state(session, sound, tracks, rules)
        if state == stored.filled_from and not again:
            return None
        return Filling(stored.playlist_id, stored.rules, state, songs_of(session, sound, rules))
    except (RecommenderError, ClassifierError) as error:  # a genre that is gone, nothing played yet, …
        if state == stored.filled_from and not again:
            return None
        return Filling(stored.playlist_id, stored.rules, state, None, str(error))


def _state(session: Session, sound: Sound, tracks: str | None, rules: Rules) -> str:
    """Return what is another whenever the list may be another."""
    parts: list[object] = [sound.token, sound.bundle.bundle_id, tracks]
    if rules.of_plays:
        parts.append(plays_state(session))
    if rules.not_played_days is not None:
        parts.append(f"{utc_now():%Y-%m-%d}")
    if rules.kind == "discover":
        parts.append(less_like_ids(session))
    if rules.playlist is not None:
        named = get_playlist(session, rules.playlist)
        parts.append(None if named is None else named.changed)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:40]


def songs_of(session: Session, sound: Sound, rules: Rules) -> list[int]:
    """Return the ids of the tracks of a list that is wanted, in order.

    Raises
    ------
    FilterError, QueryError
        If it cannot be made: no song of those that it goes by is there, or a filter names what is not.
    """
    index, bundle, request = sound.index, sound.bundle, _as_of_today(rules)
    if rules.kind == "songs":
        only = ids_passing(session, index, bundle, request.filters) if request.filters else None
        _, tracks = track_page(session, rules.sort, 0, request.n, rules.words, None, only)
        return [track.id for track in tracks]
    if rules.kind == "find":
        found = find(session, index, bundle, rules.words, request, rules.not_words)
        return [one.track.id for one in found.matches]
    if rules.kind == "discover":
        since = None if rules.since is None else day_of(rules.since)
        ranking, _ = discover(session, index, bundle, request, rules.seeds, since)
        return [match.track.id for match in ranking.matches]
    queries, any_of = _queries(session, bundle, rules)
    unwanted = _analysed(session, bundle, rules.unlike)
    tastes = [1.0] * len(queries) if any_of and len(queries) > 1 else None
    return [m.track.id for m in similar(session, index, bundle, queries, request, unwanted, tastes).matches]


def _as_of_today(rules: Rules) -> ListRequest:
    """Return the options of a list, in which days are counted back from today."""
    request, days = rules.request, rules.not_played_days
    if days is None:
        return request
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    since = min(filter(None, (request.filters.not_played_since, today - timedelta(days=days))))
    return replace(request, filters=replace(request.filters, not_played_since=since))


def _queries(session: Session, bundle: Bundle, rules: Rules) -> tuple[list[Query], bool]:
    """Return the songs that a list goes by, and whether one of them is enough."""
    queries = _analysed(session, bundle, rules.like, rules)
    if rules.playlist is not None:
        ids = _songs_in(session, rules.playlist)
        queries += _analysed(session, bundle, spread_evenly(ids, params.QUERY_SONGS))
        if queries:
            queries[0] = replace(queries[0], excluded=queries[0].excluded | frozenset(ids))
    if not queries:
        raise QueryError("none of the songs that it goes by is there, and analysed, any more")
    return queries, rules.any_of or rules.playlist is not None


def _songs_in(session: Session, playlist_id: int) -> list[int]:
    found: Playlist | None = get_playlist(session, playlist_id)
    if found is None:
        raise QueryError("the playlist that it goes by is gone")
    return list(dict.fromkeys(track.id for track in playlist_tracks(session, found)))


def _analysed(
    session: Session, bundle: Bundle, track_ids: Sequence[int], rules: Rules | None = None
) -> list[Query]:
    """Return songs as queries; those that are gone, or not analysed, are passed over."""
    rows = rows_by_ids(session, list(track_ids))
    found: list[Query] = []
    for track_id in track_ids:
        if track_id in rows and not rows[track_id].missing:
            with suppress(QueryError):
                found.append(from_track(session, rows[track_id], bundle, rules.span if rules else None))
    return found
