"""A radio that the catalogue keeps: made of a seed, asked for its next songs, told what became of them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.listening.plays import plays_of
from db.listening.radios import create_radio, give_songs, less_like_ids, radio_songs
from db.listening.tables import Radio, RadioSong
from db.rows import TrackRow, rows_by_ids
from db.tracks import search_key
from recommender import params
from recommender.radio.choosing import Choice, Course, Library, next_song
from recommender.radio.seeds import seed_tracks
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.ranking import rarity
from recommender.retrieval.sound_filters import song_genres
from recommender.song_albums import numbered
from recommender.song_titles import song_named

VALUES: Final = {"given": 0.0, "finished": 1.0, "starred": 2.0, "skipped": -1.0}
"""What a song was to the listener, by its outcome."""
TOLD: Final = 0.05
"""A part of a song's worth is named as its reason from here on."""


def make_radio(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    kind: str,
    seed: str = "",
    *,
    far: float = params.RADIO_FAR,
    discover: float = 0.0,
    name: str = "",
    owner: str = "",
) -> Radio:
    """Make a radio.

    Raises
    ------
    QueryError
        If no analysed song is meant by the seed.
    """
    called, _ = seed_tracks(session, index, bundle, kind, seed)
    return create_radio(session, kind, seed, name or called, far=far, discover=discover, owner=owner)


def play_on(
    session: Session, index: SegmentIndex, bundle: Bundle, radio: Radio, n: int
) -> list[tuple[RadioSong, TrackRow]]:
    """Choose a radio's next songs, note that it played them, and return them.

    Raises
    ------
    QueryError
        If no analysed song is meant by its seed any more.
    """
    called, ids = seed_tracks(session, index, bundle, radio.kind, radio.seed)
    tracks = rows_by_ids(session, [int(i) for i in index.rows.track_ids])
    there = np.array([int(i) in tracks and not tracks[int(i)].missing for i in index.rows.track_ids], bool)
    positions = np.flatnonzero(there)
    rows = [tracks[int(i)] for i in index.rows.track_ids[positions]]
    library = _library(session, index, bundle, positions, rows)
    row_of = {track.id: row for row, track in enumerate(rows)}
    seeds = np.array([row_of[i] for i in ids if i in row_of], np.int64)
    course = _course(session, radio, row_of)
    chosen: list[tuple[int, str]] = []
    while len(chosen) < n and len(seeds):
        choice = next_song(library, seeds, course, radio.far, radio.discover)
        if choice is None:
            break
        chosen.append((rows[choice.row].id, reason(choice, called, rows, seeds.tolist(), course)))
        course.played.append(choice.row)
        course.values.append(0.0)
    return [(song, tracks[song.track_id]) for song in give_songs(session, radio, chosen)]


def _library(
    session: Session, index: SegmentIndex, bundle: Bundle, positions: np.ndarray, rows: Sequence[TrackRow]
) -> Library:
    ids = index.rows.track_ids[positions]
    plays = plays_of(session, [int(i) for i in ids])
    return Library(
        vectors=index.mean_vectors(positions),
        offsets=np.asarray(index.rows.song_offsets[positions]),
        artists=numbered([search_key(track.artist) for track in rows]),
        songs=numbered([_song_key(track) for track in rows]),
        genres=song_genres(session, bundle, ids),
        rarity=rarity(np.array([plays.get(int(i), 0) for i in ids], np.int64)),
    )


def _song_key(track: TrackRow) -> object:
    return song_named(track.artist, track.title) or track.content_hash


def _course(session: Session, radio: Radio, row_of: dict[int, int]) -> Course:
    """Return what a radio has played of the tracks that are there."""
    songs = [song for song in radio_songs(session, radio) if song.track_id in row_of]
    return Course(
        [row_of[song.track_id] for song in songs],
        [VALUES[song.outcome] for song in songs],
        [row_of[i] for i in less_like_ids(session) if i in row_of],
    )


def reason(
    choice: Choice, called: str, rows: Sequence[TrackRow], seeds: Sequence[int], course: Course
) -> str:
    """Return in a few words why a song was chosen: the part that spoke for it most."""
    spoke = {name: choice.parts.get(name, 0.0) for name in ("seed", "onward", "taste", "rare")}
    most = max(spoke, key=lambda name: spoke[name])
    if spoke[most] < TOLD:
        return "for a change"
    if most == "taste" and choice.liked is not None:
        return f"like {_named(rows[choice.liked])}, which you heard to the end"
    if most == "rare":
        return "rarely played, as you seem to like"
    if most == "onward":
        return f"goes on from {_named(rows[course.played[-1]])}"
    like = _named(rows[int(seeds[choice.seed])])
    return f"sounds like {like}" if len(seeds) == 1 or like == called else f"sounds like {like} ({called})"


def _named(track: TrackRow) -> str:
    return " - ".join(filter(None, (track.artist, track.title))) or track.rel_path
