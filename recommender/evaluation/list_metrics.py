"""Figures of lists of neighbours: by genre, artist and album, and by whom they show and whom they hide.

Everything here is arithmetic on arrays: row i of `neighbours` is the list of track i, best first, as
positions in the catalogue, −1 (`relevance.NONE`) where the list ends early.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Final

import numpy as np

from classifier.arrays import Floats, Ints, Mask
from recommender.evaluation import exposure
from recommender.evaluation.relevance import NONE, ndcg, precision, retrieval

CELLS: Final = 4_000_000
"""Scores looked at together while neighbours are chosen."""


@dataclass(frozen=True)
class TrackFacts:
    """The catalogue's facts about its T tracks, in the order of their positions.

    Attributes
    ----------
    genres, artists, albums
        (T,) names; None or the empty string where unknown. An album's name must be its own: where albums of
        several artists share a title, put the artist in.
    plays
        (T,) counts, 0 or more.
    durations_s
        (T,) seconds; None or NaN where unknown.
    """

    genres: Sequence[str | None]
    artists: Sequence[str | None]
    albums: Sequence[str | None]
    plays: Sequence[int]
    durations_s: Sequence[float | None]

    def __len__(self) -> int:
        return len(self.genres)

    @cached_property
    def genre_ids(self) -> Ints:
        """Return a number for each track's genre, (T,); `NONE` where unknown."""
        return numbered(self.genres)

    @cached_property
    def artist_ids(self) -> Ints:
        """Return a number for each track's artist, (T,); `NONE` where unknown."""
        return numbered(self.artists)

    @cached_property
    def album_ids(self) -> Ints:
        """Return a number for each track's album, (T,); `NONE` where unknown."""
        return numbered(self.albums)


@dataclass(frozen=True)
class ListFigures:
    """Figures of lists of k neighbours; None where there was nothing to count.

    Attributes
    ----------
    k, tracks
        Length of the lists, and how many there are: one a track.
    genre_queries, genre_precision, genre_ndcg
        Tracks with a genre and a neighbour with one; see `precision` and `ndcg`.
    artist_queries, artist_precision, artist_recall
        Tracks with another one of their artist, the share of their neighbours that is the artist's, and
        the share of the artist's other tracks that is among the neighbours.
    album_queries, album_precision, album_recall
        The same by album.
    coverage, in_no_list
        Share of the tracks that are in some list, and in none; they sum to 1.
    skewness
        Of the k-occurrence; see `skewness`.
    gini
        See `gini`.
    plays_correlation, duration_correlation
        Spearman's, of exposure with plays and with duration.
    novelty, mean_plays
        See `novelty`, and the mean play count of a neighbour.
    """

    k: int
    tracks: int
    genre_queries: int
    genre_precision: float | None
    genre_ndcg: float | None
    artist_queries: int
    artist_precision: float | None
    artist_recall: float | None
    album_queries: int
    album_precision: float | None
    album_recall: float | None
    coverage: float | None
    in_no_list: float | None
    skewness: float | None
    gini: float | None
    plays_correlation: float | None
    duration_correlation: float | None
    novelty: float | None
    mean_plays: float | None

    def to_json(self) -> dict[str, int | float | None]:
        """Return the figures by name, rounded to 4 digits."""
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def numbered(names: Sequence[str | None]) -> Ints:
    """Return a number for each name, the same for equal ones, in order of appearance; `NONE` for none."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(name, len(seen)) if name else NONE for name in names], np.int64)


def choose_neighbours(
    scores: Floats, queries: Ints, k: int, *, groups: Ints | None = None, recordings: Ints | None = None
) -> Ints:
    """Return the k best candidates of each query.

    Parameters
    ----------
    scores
        (q, T) of any real scale, the higher the better; a −∞ or NaN is no candidate.
    queries
        (q,) position of each query, which is no candidate for itself.
    k
        At least 1.
    groups
        (T,) a number for each artist, `NONE` where unknown: tracks of the query's artist are no
        candidates (the artist filter). None for no filter.
    recordings
        (T,) a number for each recording, `NONE` where a track is only itself: the query's recording is no
        candidate.

    Returns
    -------
    numpy.ndarray
        (q, k) positions, best first and by position among equals, then `NONE`.

    References
    ----------
    A. Flexer, D. Schnitzer, Effects of album and artist filters in audio similarity computed for very
    large music databases, Computer Music Journal 34(3), 2010.
    """
    chosen = np.full((len(queries), k), NONE, np.int64)
    step = max(1, CELLS // max(1, scores.shape[1]))
    for start in range(0, len(queries), step):
        some = slice(start, start + step)
        allowed = _allowed(queries[some], scores.shape[1], groups, recordings)
        allowed &= scores[some] > -np.inf
        _best(np.where(allowed, scores[some], -np.inf), chosen[some])
    return chosen


def _allowed(queries: Ints, n_tracks: int, *keys: Ints | None) -> Mask:
    """Return (q, T): which tracks are neither the query nor share one of these keys with it."""
    allowed = np.ones((len(queries), n_tracks), np.bool_)
    allowed[np.arange(len(queries)), queries] = False
    for key in keys:
        if key is not None:
            own = key[queries][:, None]
            allowed &= (own != key) | (own == NONE)
    return allowed


def _best(scores: Floats, chosen: Ints) -> None:
    """Fill (q, k) `chosen` with the positions of the best of (q, T) scores."""
    k = min(chosen.shape[1], scores.shape[1])
    least = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    better, level = scores > least, scores == least
    wanted = k - better.sum(axis=1, keepdims=True)
    taken = better | (level & (level.cumsum(axis=1) <= wanted))
    positions = np.nonzero(taken)[1].reshape(len(scores), k)
    found = np.take_along_axis(scores, positions, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    positions[found == -np.inf] = NONE
    chosen[:, :k] = np.take_along_axis(positions, order, axis=1)


def figures(neighbours: Ints, tracks: TrackFacts, k: int, filtered: Ints | None = None) -> ListFigures:
    """Return all figures of a catalogue's lists.

    Parameters
    ----------
    neighbours
        (T, at least k) as users get them.
    tracks
        What is known of the T tracks.
    k
        How much of each list counts, from 1.
    filtered
        (T, at least k) chosen with the artist filter; genres are then judged on these, everything else on
        `neighbours`, since a filter would hide the artist's and album's own tracks.

    Raises
    ------
    ValueError
        If there is not one list a track, or lists are shorter than k.
    """
    lists = _first(neighbours, k, len(tracks))
    by_genre = lists if filtered is None else _first(filtered, k, len(tracks))
    artists = None if filtered is None else tracks.artist_ids
    genre_queries, genre_precision = precision(by_genre, tracks.genre_ids)
    artist, album = retrieval(lists, tracks.artist_ids), retrieval(lists, tracks.album_ids)
    return ListFigures(
        k=k,
        tracks=len(tracks),
        genre_queries=genre_queries,
        genre_precision=genre_precision,
        genre_ndcg=ndcg(by_genre, tracks.genre_ids, artists),
        artist_queries=artist[0],
        artist_precision=artist[1],
        artist_recall=artist[2],
        album_queries=album[0],
        album_precision=album[1],
        album_recall=album[2],
        **exposure.figures(lists, tracks.plays, tracks.durations_s),
    )


def _first(neighbours: Ints, k: int, n_tracks: int) -> Ints:
    """Return the first k neighbours of each track; `ValueError` where the lists do not fit."""
    if len(neighbours) != n_tracks or neighbours.shape[1] < k:
        raise ValueError(f"lists {neighbours.shape} do not fit {n_tracks} tracks and k = {k}")
    return neighbours[:, :k]


@dataclass(frozen=True)
class Method:
    """One way of ranking, for the picture of an evaluation.

    Attributes
    ----------
    name
        What to call it: "uncorrected".
    genre_precision
        Same-genre precision@k, 0..1; None where no track has a genre.
    occurrences
        (T,) each track's k-occurrence.
    """

    name: str
    genre_precision: float | None
    occurrences: Ints


@dataclass(frozen=True)
class DiscoverPoint:
    """Figures of lists at one value of ``--discover``, each in 0..1."""

    discover: float
    novelty: float
    genre_precision: float
