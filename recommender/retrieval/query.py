"""From what a user names, a path, a track id or words, to a query with embeddings."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from classifier import params
from classifier.arrays import Array
from classifier.audio.audio_hash import audio_hash
from classifier.audio.decode import check_readable
from classifier.measures.measure import UNKNOWN, Measures
from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from db.file_range import FileRange, file_of
from db.models import LARGEST, Track
from db.sound.copies import copies_of
from db.sound.features import track_features
from db.sound.patches import heard, patch_starts_s, track_patches
from db.tracks import LISTED_MATCHES, at_path, matching, parts_of, with_content
from db.values import same_content
from recommender.errors import AmbiguousQueryError, QueryError
from recommender.retrieval.alignment import PatchSequence
from recommender.retrieval.index.unit_vectors import unit_rows
from recommender.retrieval.query_file import AnalysedFile, Span
from recommender.retrieval.query_measures import segment_around, stored_measures
from recommender.retrieval.query_sound import Described, heard_later

MIN_PASSAGE_S = 3.0

AnalyseFile = Callable[[str, Span | None], AnalysedFile]


@dataclass(frozen=True)
class Query(Described):
    """A song, or a passage of one, to find others like.

    Attributes
    ----------
    track_id
        None for a file outside the catalogue.
    path, title, artist, album
        What to call it.
    source, duration_s
        The file that holds it, from where to where; seconds of the whole song, None where not known.
    units, spans
        (segments, dimensions) of length 1, and (segments,) where they lie.
    patches
        All its patches, in one sequence.
    passage
        Whether it asks for a passage like it, rather than for a song: where a span was named, and where
        the song is one segment long.
    excluded
        Ids of the tracks that are this song: itself and its identical copies.
    measures
        Of the song; of a passage those of the segment that most of it lies in.
    """

    track_id: int | None
    path: str
    source: FileRange
    title: str
    artist: str
    album: str
    duration_s: float | None
    units: Array
    spans: Sequence[Span]
    patches: PatchSequence
    passage: bool
    excluded: frozenset[int]
    measures: Measures = UNKNOWN


def _hash_of(path: str) -> str | None:
    return audio_hash(Path(path))


def resolve(
    session: Session,
    argument: str,
    bundle: Bundle,
    analyse: AnalyseFile,
    span: Span | None = None,
    hash_of: Callable[[str], str | None] = _hash_of,
) -> Query:
    """Turn what the user names into a query.

    Parameters
    ----------
    session
        Of the catalogue.
    argument
        An existing path, or that of a part of a file, else a track id, else words of artist and title.
    bundle
        The active bundle.
    analyse
        Analyses a file, or an excerpt of it; called only where one must be.
    span
        The passage that is meant; None for the whole song.
    hash_of
        Hashes a file's audio, as `classifier.audio.audio_hash` does.

    Raises
    ------
    QueryError
        If nothing, or several tracks, fit, or what fits has no analysis.
    AudioError
        If a file outside the catalogue cannot be analysed.
    """
    path = os.path.abspath(argument)
    if file_of(path) != path and (part := at_path(session, path)) is not None:
        return from_track(session, part, bundle, span)
    if not os.path.exists(path) and os.path.isfile(file_of(path)):
        raise QueryError(f"{argument} is a part of a file that the catalogue does not have: run ingest")
    if os.path.exists(argument):
        return _from_file(session, path, bundle, analyse, span, hash_of)
    if not argument.strip():
        raise QueryError("the query is empty; name a file, a track id, or words of artist and title")
    if argument.isascii() and argument.isdigit():
        return from_track(session, _with_id(session, argument), bundle, span)
    return from_track(session, _with_words(session, argument), bundle, span)


def _with_id(session: Session, digits: str) -> Track:
    """Return the track of an id; `QueryError` where there is none."""
    possible = len(digits) <= len(str(LARGEST)) and int(digits) <= LARGEST
    track = session.get(Track, int(digits)) if possible else None
    if track is None:
        raise QueryError(f"no track has the id {digits}")
    return track


def _with_words(session: Session, words: str) -> Track:
    """Return the only track whose artist and title hold some words; `QueryError` where none or several do."""
    found = matching(session, words)
    if not found:
        raise QueryError(f"'{words}' is no file, no track id, and no words of any artist and title here")
    if len(found) > 1:
        raise _ambiguous(words, found)
    return found[0]


def _ambiguous(argument: str, found: Sequence[Track]) -> AmbiguousQueryError:
    digits = max(len(str(t.id)) for t in found[:LISTED_MATCHES])
    lines = [f"{t.id:>{digits}}  {named(t)}  ({t.path})" for t in found[:LISTED_MATCHES]]
    if len(found) > LISTED_MATCHES:
        lines.append(f"… and {len(found) - LISTED_MATCHES} more")
    return AmbiguousQueryError(argument, lines)


def named(track: Track) -> str:
    """Return artist and title of a track; of one without an artist, the title."""
    return f"{track.artist} - {track.title}" if track.artist else track.title or track.path


def from_track(session: Session, track: Track, bundle: Bundle, span: Span | None = None) -> Query:
    """Return a catalogued track as a query, from what is stored of it.

    Raises
    ------
    QueryError
        If it has no analysis, or the span is not in it.
    """
    features = track_features(session, track.id, bundle.trunk_id)
    if features is None:
        reason = track.error_message or "it is not analysed with the active bundle: run ingest"
        raise QueryError(f"track {track.id} ({track.path}) cannot be a query: {reason}")
    patch_s = bundle.front_end.patch_s
    stored = track_patches(session, [track.id], bundle.trunk_id, patch_s)[track.id]
    song = _AnalysedSong(
        features.embeddings,
        features.tags,
        [Span(a, a + d) for a, d in zip(features.starts_s, features.durations_s, strict=True)],
        PatchSequence(stored.starts_s, stored.embeddings, patch_s),
    )
    if span is not None:
        _check_span(span, track.duration_s, track.path)
        song = _cut(song, span, track.path)
    copies = copies_of(session, track.content_hash) if track.content_hash else []
    return _query(
        song,
        bundle,
        passage=span is not None or len(features.segment_ids) == 1,
        track_id=track.id,
        path=track.path,
        source=track.file_range,
        title=track.title,
        artist=track.artist,
        album=track.album,
        duration_s=track.duration_s,
        excluded=frozenset({track.id, *copies}),
        measures=stored_measures(track if span is None else segment_around(session, features, span)),
    )


@dataclass(frozen=True)
class _AnalysedSong:
    """Embeddings and tags of a song's segments that are not silent, and all its patches."""

    embeddings: Array
    tags: Array
    spans: list[Span]
    patches: PatchSequence


def _query(song: _AnalysedSong, bundle: Bundle, **named: Any) -> Query:
    durations_s = [span.end_s - span.start_s for span in song.spans]
    sound = heard_later(bundle, song.tags, song.embeddings, durations_s)
    return Query(
        units=unit_rows(song.embeddings), spans=song.spans, patches=song.patches, sound=sound, **named
    )


def _check_span(span: Span, duration_s: float | None, path: str) -> None:
    if duration_s is not None and span.end_s > duration_s + 1:
        raise QueryError(f"{path} is {duration_s:.0f} s long; the passage ends at {span.end_s:.0f} s")


def _cut(song: _AnalysedSong, span: Span, path: str) -> _AnalysedSong:
    """Return a passage from the patches of a song; its tags are those of the segments that it lies in."""
    patches = song.patches.within(span.start_s, span.end_s)
    if not len(patches):
        raise QueryError(f"{path} is silent from {span.start_s:.0f} to {span.end_s:.0f} s")
    embeddings = patches.windows(round(params.SEGMENT_S / patches.patch_s))
    shares = [min(s.end_s, span.end_s) - max(s.start_s, span.start_s) for s in song.spans]
    weights = np.maximum(shares, 1e-6)
    tags = np.asarray(weights @ song.tags / weights.sum(), np.float32)
    step_s = (span.end_s - span.start_s) / len(embeddings)
    spans = [Span(span.start_s + i * step_s, span.start_s + (i + 1) * step_s) for i in range(len(embeddings))]
    return _AnalysedSong(embeddings, np.tile(tags, (len(embeddings), 1)), spans, patches)


def _from_file(
    session: Session,
    path: str,
    bundle: Bundle,
    analyse: AnalyseFile,
    span: Span | None,
    hash_of: Callable[[str], str | None],
) -> Query:
    if os.path.isdir(path):
        raise QueryError(f"{path} is a folder; name a song")
    if parts := parts_of(session, path):
        raise _ambiguous(path, parts)
    track = at_path(session, path)
    if track is not None and track.error_kind is None:
        status = os.stat(path)
        if (track.size, track.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return from_track(session, track, bundle, span)
    check_readable(Path(path))
    content_hash = hash_of(path)
    copies = with_content(session, content_hash) if content_hash else []
    analysed = [t for t in copies if same_content(t.analysed_hash, content_hash) and t.error_kind is None]
    if analysed:
        return from_track(session, analysed[0], bundle, span)
    return from_analysed_file(analyse(path, span), path, bundle, span, frozenset(t.id for t in copies))


def from_analysed_file(
    file: AnalysedFile,
    path: str,
    bundle: Bundle,
    span: Span | None = None,
    excluded: frozenset[int] = frozenset(),
) -> Query:
    """Return an analysed file as a query; `excluded` are the tracks that are known to be this song."""
    return _query(
        _analysed_song(file.analysis, bundle.front_end.patch_s),
        bundle,
        passage=span is not None or len(file.analysis.segments) == 1,
        track_id=None,
        path=path,
        source=FileRange(path),
        title=file.title or Path(path).stem,
        artist=file.artist,
        album=file.album,
        duration_s=file.analysis.duration_s if span is None else None,
        excluded=excluded,
        measures=file.analysis.measures,
    )


def _analysed_song(analysis: TrackAnalysis, patch_s: float) -> _AnalysedSong:
    tags, embeddings, _ = analysis.features()
    spans, starts, patches = [], [], []
    for segment in analysis.segments:
        if segment.patches is not None:
            spans.append(Span(segment.start_s, segment.end_s))
            begins_s = patch_starts_s(segment.start_s, segment.end_s, len(segment.patches), patch_s)
            begins_s, rows = heard(begins_s, segment.patches.astype(np.float32))
            patches.append(rows)
            starts.append(begins_s)
    return _AnalysedSong(
        embeddings, tags, spans, PatchSequence(np.concatenate(starts), np.concatenate(patches), patch_s)
    )
