"""Mixes by what is listened to: new and fitting, loved and forgotten, deep cuts of the month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from classifier.model.bundle import Bundle
from db.listening.mixes import NewMix
from db.models import Favourite, Track
from recommender import params
from recommender.errors import QueryError
from recommender.mixes.listening_order import listening_order
from recommender.mixes.unwanted import Unwanted
from recommender.retrieval.discover import discover
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.request import ListRequest

NEW, FORGOTTEN, DEEP_CUTS = "new", "forgotten", "deepcuts"
NEW_DAYS: Final = 7
FORGOTTEN_DAYS: Final = 180
OFTEN: Final = 3
"""So many plays, or a star, or four stars of five, make a favourite."""
DEEP_REASON: Final = "never played, and like what you play most"
LEAST_SONGS: Final = 3
"""A mix of fewer is none."""
MOST_SONGS: Final = 30
TASTES: Final = 50
"""So many of the songs played most, and all that are starred, are one's taste."""


@dataclass(frozen=True)
class Listened:
    """What is known of listening to the library's tracks, by column (tracks,).

    Attributes
    ----------
    ids
        Ascending.
    plays
        How often each was played.
    loved
        Whether it is starred, or rated with four or five.
    last, added
        When it was played last, and came into the catalogue; None where that is not known.
    """

    ids: Ints
    plays: Ints
    loved: Ints
    last: list[datetime | None]
    added: list[datetime | None]


def heard_of(session: Session) -> Listened:
    """Return what is known of all tracks that are there."""
    columns = (Track.id, Track.plays, Track.last_played, Track.added, Favourite.starred, Favourite.rating)
    query = select(*columns).outerjoin(Favourite, Favourite.item == cast(Track.id, String))
    rows = session.execute(query.where(Track.missing.is_(False)).order_by(Track.id)).all()
    loved = [row.starred is not None or (row.rating or 0) >= 4 for row in rows]
    return Listened(
        np.array([row.id for row in rows], np.int64),
        np.array([row.plays for row in rows], np.int64),
        np.array(loved, np.int64),
        [row.last_played for row in rows],
        [row.added for row in rows],
    )


def listened_mixes(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    sound: tuple[Ints, Array],
    now: datetime,
    unwanted: Unwanted,
) -> list[NewMix]:
    """Return the mixes of the day that there are songs for.

    Parameters
    ----------
    sound
        (tracks,) ids and (tracks, dimensions) centred directions of all analysed tracks.
    now
        Naive UTC.
    unwanted
        Songs that are left out, as are songs that are more like these than like what one plays.
    """
    heard = heard_of(session)
    found = [
        _new(session, bundle, heard, sound, now, unwanted),
        _forgotten(heard, sound, now, unwanted),
        _deep_cuts(session, index, bundle, now, unwanted),
    ]
    return [mix for mix in found if mix is not None]


def _new(
    session: Session,
    bundle: Bundle,
    heard: Listened,
    sound: tuple[Ints, Array],
    now: datetime,
    unwanted: Unwanted,
) -> NewMix | None:
    ids, vectors = sound
    since = now - timedelta(days=NEW_DAYS)
    added = {int(i) for i, at in zip(heard.ids, heard.added, strict=True) if at is not None and at >= since}
    new = np.flatnonzero(np.isin(ids, sorted(added)))
    if len(new) < LEAST_SONGS or not len(_tastes(heard, ids)):
        return None
    fits = _liked(heard, ids, vectors)[new]
    by = np.argsort(-(fits - params.NOT_WEIGHT * unwanted.likeness(vectors[new])), kind="stable")
    order = new[by]
    songs = listening_order(session, bundle, ids[order], vectors[order], unwanted, fits[by])[:MOST_SONGS]
    return _mix(
        NEW, "New this week that fits you", "added in the last seven days, nearest to what you play", songs
    )


def _liked(heard: Listened, ids: Ints, vectors: Array) -> Array:
    """Return how much each track is like another one that is one's taste, (tracks,)."""
    tastes = _tastes(heard, ids)
    if not len(tastes):
        return np.ones(len(ids), np.float32)
    alike = vectors @ vectors[tastes].T
    alike[tastes, np.arange(len(tastes))] = -1  # itself does not speak for it
    return np.asarray(alike.max(axis=1))


def _tastes(heard: Listened, ids: Ints) -> Ints:
    """Return the positions, among some ids, of the tracks that are one's taste."""
    most = heard.ids[np.argsort(-heard.plays, kind="stable")][:TASTES]
    liked = set(most[np.isin(most, heard.ids[heard.plays > 0])].tolist()) | set(
        heard.ids[heard.loved > 0].tolist()
    )
    return np.flatnonzero(np.isin(ids, sorted(liked)))


def _forgotten(
    heard: Listened, sound: tuple[Ints, Array], now: datetime, unwanted: Unwanted
) -> NewMix | None:
    ids, vectors = sound
    known = set(ids[~unwanted.shuts_out(ids, vectors, _liked(heard, ids, vectors))].tolist())
    since = now - timedelta(days=FORGOTTEN_DAYS)
    worth = np.log1p(heard.plays) + heard.loved
    order = np.argsort(-worth, kind="stable")
    songs = [
        int(heard.ids[i])
        for i in order
        if (heard.plays[i] >= OFTEN or heard.loved[i])
        and heard.last[i] is not None
        and heard.last[i] < since
        and int(heard.ids[i]) in known
    ]
    return _mix(
        FORGOTTEN,
        "Forgotten favourites",
        "played often or starred, but not heard for half a year",
        songs[:MOST_SONGS],
    )


def _deep_cuts(
    session: Session, index: SegmentIndex, bundle: Bundle, now: datetime, unwanted: Unwanted
) -> NewMix | None:
    try:
        ranking, _ = discover(session, index, bundle, ListRequest(n=MOST_SONGS, passages=False))
    except QueryError:  # nothing has been played
        return None
    songs = [match.track.id for match in ranking.matches if match.track.id not in unwanted.ids]
    name = f"Deep cuts of {now:%B %Y}"
    return _mix(DEEP_CUTS, name, DEEP_REASON, songs)


def _mix(kind: str, name: str, reason: str, songs: list[int]) -> NewMix | None:
    if len(songs) < LEAST_SONGS:
        return None
    return NewMix(kind, name, counted(songs, reason), songs, members=np.array(songs, np.int64))


def counted(songs: Sequence[int], reason: str) -> str:
    """Return why songs are together, with how many there are."""
    return f"{len(songs)} songs {reason}"
