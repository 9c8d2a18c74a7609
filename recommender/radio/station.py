"""A radio that the catalogue keeps: made of a seed, asked for its next songs, told what became of them."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Ints
from classifier.model.bundle import Bundle
from db.listening.plays import plays_of
from db.listening.radios import create_radio, give_songs, less_like_ids, n_played, radio_songs
from db.listening.tables import Radio, RadioSong
from db.rows import TrackRow, rows_by_ids
from db.tracks import search_key
from recommender import params
from recommender.radio.choosing import Choice, Chooser, Course, Library, Names
from recommender.radio.seeds import seed_tracks
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.ranking import rarity
from recommender.retrieval.sound_filters import song_genres
from recommender.song_titles import song_named

Sessions = Callable[[], AbstractContextManager[Session]]
Shown = TypeVar("Shown")

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


@dataclass(frozen=True)
class Closed:
    """Which tracks a radio may not play: all but some, and of these those that come anyway."""

    among: Collection[int]
    queued: Collection[int] = ()


@dataclass(frozen=True)
class Chosen:
    """A radio's next songs, with why each was chosen, and how many it had played before."""

    songs: list[tuple[int, str]]
    after: int


def play_on(
    reading: Sessions,
    writing: Sessions,
    found: Callable[[Session], Radio],
    index: SegmentIndex,
    bundle: Bundle,
    n: int,
    shown: Callable[[Session, list[tuple[RadioSong, TrackRow]]], Shown],
    closed: Closed | None = None,
) -> Shown:
    """Choose a radio's next songs, note that it played them, and return them as they are to be shown.

    They are chosen while others may write; where the radio played on meanwhile, they are chosen again.

    Parameters
    ----------
    reading, writing
        Give sessions that see the catalogue as it is, and that change it.
    found
        Returns the radio, or raises what is to be said where it is gone.
    closed
        Which tracks it may not play; None for none.

    Raises
    ------
    QueryError
        If no analysed song is meant by its seed any more.
    """
    while True:
        with reading() as session:
            chosen = choose(session, index, bundle, found(session), n, closed)
        with writing() as session:
            radio = found(session)
            if n_played(session, radio) == chosen.after:
                songs = give_songs(session, radio, chosen.songs)
                rows = rows_by_ids(session, [song.track_id for song in songs])
                return shown(session, [(song, rows[song.track_id]) for song in songs])


def choose(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    radio: Radio,
    n: int,
    closed: Closed | None = None,
) -> Chosen:
    """Choose a radio's next songs, and change nothing; fewer than `n` where there are no more."""
    called, ids = seed_tracks(session, index, bundle, radio.kind, radio.seed)
    tracks = _Tracks(session, index, bundle)
    seeds = tracks.rows(ids)
    course = _course(session, radio, tracks)
    course.closed = [] if closed is None else tracks.closed(closed)
    after = n_played(session, radio)
    if not len(seeds):
        return Chosen([], after)
    chooser = Chooser(tracks.library(), seeds, course, radio.far, radio.discover)
    chosen: list[tuple[int, str]] = []
    while len(chosen) < n and (choice := chooser.next()) is not None:
        why = reason(choice, called, tracks, seeds.tolist(), course.played[:-1])
        chosen.append((tracks.id_of(choice.row), why))
    return Chosen(chosen, after)


class _Tracks:
    """The indexed tracks by their rows, which are read only when something is to be known of them."""

    def __init__(self, session: Session, index: SegmentIndex, bundle: Bundle) -> None:
        self._session, self._index, self._bundle = session, index, bundle
        self._ids = index.rows.track_ids
        self._read: dict[int, TrackRow] = {}

    def library(self) -> Library:
        """Return what a radio knows of them."""
        index = self._index
        counts = plays_of(self._session, self._ids.tolist())
        plays = np.zeros(len(self._ids), np.int64)
        played = self.rows(sorted(counts))
        plays[played] = [counts[track_id] for track_id in self._ids[played].tolist()]
        return Library(
            vectors=index.mean_vectors(np.arange(len(self._ids))),
            offsets=np.asarray(index.rows.song_offsets),
            rarity=rarity(plays),
            read_genres=lambda: song_genres(self._session, self._bundle, self._ids),
            read_names=lambda rows: [self._names(track) for track in self.tracks(rows)],
        )

    def rows(self, track_ids: Sequence[int]) -> Ints:
        """Return the rows of those of some tracks that are in the index, in the order given."""
        wanted = np.array(track_ids, np.int64)
        rows = np.minimum(np.searchsorted(self._ids, wanted), max(len(self._ids) - 1, 0))
        return rows[self._ids[rows] == wanted] if len(self._ids) else rows[:0]

    def closed(self, closed: Closed) -> list[int]:
        """Return the rows of those that may not be played."""
        there = np.isin(self._ids, list(closed.among)) & ~np.isin(self._ids, list(closed.queued))
        return np.flatnonzero(~there).tolist()

    def id_of(self, row: int) -> int:
        """Return the id of the track of a row."""
        return int(self._ids[row])

    def tracks(self, rows: Sequence[int]) -> list[TrackRow | None]:
        """Return the tracks of some rows; None for one that is not there any more."""
        ids = [self.id_of(row) for row in rows]
        self._read.update(rows_by_ids(self._session, [i for i in ids if i not in self._read]))
        found = [self._read.get(i) for i in ids]
        return [None if track is None or track.missing else track for track in found]

    def named(self, row: int) -> str:
        """Return what a track is called."""
        (track,) = self.tracks([row])
        words = [] if track is None else [track.artist, track.title]
        return " - ".join(filter(None, words)) or ("" if track is None else str(track.rel_path))

    @staticmethod
    def _names(track: TrackRow | None) -> Names | None:
        if track is None:
            return None
        song = song_named(track.artist, track.title) or track.content_hash
        return Names(search_key(track.artist) or None, song)


def _course(session: Session, radio: Radio, tracks: _Tracks) -> Course:
    """Return what a radio has played of the tracks that are there."""
    course = Course(unwanted=tracks.rows(less_like_ids(session)).tolist())
    for song in radio_songs(session, radio):
        for row in tracks.rows([song.track_id]).tolist():
            course.played.append(row)
            course.values.append(VALUES[song.outcome])
    return course


def reason(choice: Choice, called: str, tracks: _Tracks, seeds: Sequence[int], played: Sequence[int]) -> str:
    """Return in a few words why a song was chosen: the part that spoke for it most.

    A song that is not there any more is not named.
    """
    if choice.row == seeds[choice.seed]:
        return "all others were played"
    spoke = {name: choice.parts.get(name, 0.0) for name in ("seed", "onward", "taste", "rare")}
    most = max(spoke, key=lambda name: spoke[name])
    if spoke[most] < TOLD:
        return "for a change"
    if most == "taste" and choice.liked is not None:
        return f"like {tracks.named(choice.liked) or 'a song'}, which you heard to the end"
    if most == "rare":
        return "rarely played, as you seem to like"
    if most == "onward":
        return f"goes on from {tracks.named(played[-1]) or 'what was played'}"
    like = tracks.named(seeds[choice.seed]) or called
    return f"sounds like {like}" if len(seeds) == 1 or like == called else f"sounds like {like} ({called})"
