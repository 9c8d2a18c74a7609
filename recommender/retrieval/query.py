"""What a user names, a path, a track id or words, to a query with embeddings."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.analysis import TrackAnalysis, song_mean
from classifier.audio_hash import audio_hash
from classifier.bundle import Bundle
from classifier.decode import check_readable
from db.features import track_features
from db.models import Track
from db.tracks import LISTED_MATCHES, at_path, matching, with_content
from recommender.errors import AmbiguousQueryError, QueryError
from recommender.retrieval.exact import unit_rows

Array = npt.NDArray[np.float32]


MAX_ID_DIGITS = 18


@dataclass(frozen=True)
class HeardFile:
    """A file outside the catalogue: its name, from its tags, and what the trunk says of it."""

    title: str
    artist: str
    analysis: TrackAnalysis


@dataclass(frozen=True)
class Query:
    """A song to find others like.

    Attributes
    ----------
    track_id
        None for a file outside the catalogue.
    path, title, artist
        What to call it.
    embeddings
        (segments, dimensions) of length 1.
    tags, genres
        (50,) and (labels,) probabilities of the song.
    excluded
        Ids of the tracks that are this song: itself and its identical copies.
    """

    track_id: int | None
    path: str
    title: str
    artist: str
    embeddings: Array
    tags: Array
    genres: Array
    excluded: frozenset[int]


def resolve(session: Session, argument: str, bundle: Bundle, hear: Callable[[str], HeardFile]) -> Query:
    """Turn what the user names into a query.

    Parameters
    ----------
    session
        Of the catalogue.
    argument
        An existing path, else a track id, else words of artist and title.
    bundle
        The active bundle.
    hear
        Analyses a file; called only where one must be.

    Raises
    ------
    QueryError
        If nothing, or several tracks, fit, or what fits has no analysis.
    AudioError
        If a file outside the catalogue cannot be analysed.
    """
    if os.path.exists(argument):
        return _from_file(session, os.path.abspath(argument), bundle, hear)
    if not argument.strip():
        raise QueryError("the query is empty; name a file, a track id, or words of artist and title")
    if argument.isascii() and argument.isdigit():
        track = session.get(Track, int(argument)) if len(argument) <= MAX_ID_DIGITS else None
        if track is None:
            raise QueryError(f"no track has the id {argument}")
        return _from_track(session, track, bundle)
    found = matching(session, argument)
    if not found:
        raise QueryError(f"'{argument}' is no file, no track id, and no words of any artist and title here")
    if len(found) > 1:
        lines = [f"{t.id}  {t.artist} - {t.title}  ({t.path})" for t in found[:LISTED_MATCHES]]
        if len(found) > LISTED_MATCHES:
            lines.append(f"… and {len(found) - LISTED_MATCHES} more")
        raise AmbiguousQueryError(argument, lines)
    return _from_track(session, found[0], bundle)


def _from_track(session: Session, track: Track, bundle: Bundle) -> Query:
    features = track_features(session, track.id, bundle.trunk_id)
    if features is None:
        reason = track.error_message or "it is not analysed with the active bundle: run ingest"
        raise QueryError(f"track {track.id} ({track.path}) cannot be a query: {reason}")
    copies = with_content(session, track.content_hash) if track.content_hash else []
    genres = bundle.genres(features.tags, features.embeddings)
    return Query(
        track_id=track.id,
        path=track.path,
        title=track.title,
        artist=track.artist,
        embeddings=unit_rows(features.embeddings),
        tags=song_mean(features.tags, features.durations_s),
        genres=song_mean(genres, features.durations_s),
        excluded=frozenset({track.id, *(copy.id for copy in copies)}),
    )


def _from_file(session: Session, path: str, bundle: Bundle, hear: Callable[[str], HeardFile]) -> Query:
    if os.path.isdir(path):
        raise QueryError(f"{path} is a folder; name a song")
    track = at_path(session, path)
    if track is not None and track.error_kind is None:
        status = os.stat(path)
        if (track.size, track.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return _from_track(session, track, bundle)
    check_readable(Path(path))
    content_hash = audio_hash(Path(path))
    copies = with_content(session, content_hash) if content_hash else []
    analysed = [t for t in copies if t.analysed_hash == content_hash and t.error_kind is None]
    if analysed:
        return _from_track(session, analysed[0], bundle)
    heard = hear(path)
    tags, embeddings, durations = heard.analysis.features()
    return Query(
        track_id=None,
        path=path,
        title=heard.title,
        artist=heard.artist,
        embeddings=unit_rows(embeddings),
        tags=song_mean(tags, durations),
        genres=song_mean(bundle.genres(tags, embeddings), durations),
        excluded=frozenset(t.id for t in copies),
    )
