"""Songs by words: what words say that they should be, best first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from classifier.genres.label_paths import ancestors
from classifier.model.bundle import Bundle
from db.models import Track
from db.rows import rows_by_ids
from db.tracks import labels_by_id
from recommender import params
from recommender.retrieval.diversity import Cap, caps_of, choose
from recommender.retrieval.filters import Filters, Range, allowed_positions
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.request import ListRequest, tempo_range
from recommender.retrieval.sound_filters import are_music, song_genres, song_tags, tells_voices
from recommender.retrieval.words import word_search
from recommender.retrieval.words.said_filters import SaidFilters
from recommender.retrieval.words.word_search import WordTerm
from recommender.song_makers import album_numbers


@dataclass(frozen=True)
class WordMatch:
    """A song that words fit: score 0..1, and how strong each word is in it, 0..1, 0.5 being usual."""

    track: Track
    score: float
    strengths: dict[str, float]


@dataclass(frozen=True)
class Found:
    """The songs that words find, what the words were taken to mean, and which of them nothing is known of."""

    matches: list[WordMatch]
    terms: tuple[WordTerm, ...]
    said: SaidFilters
    unknown: tuple[str, ...]


def find(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    words: str,
    request: ListRequest,
    unwanted: str = "",
) -> Found:
    """Return the songs that words fit best and unwanted words least; see `recommender.retrieval.words`.

    A song that fits less than `params.LEAST_FIT` is not among them, however few they are. Tempo, key, years
    and the like among the words are filters; where words are nothing else, all songs fit alike.

    Raises
    ------
    FilterError
        If no word is a tag, genre, label or filter.
    """
    labels = labels_by_id(session)
    known = _probabilities(session, index, bundle, [labels.get(int(i)) for i in index.rows.track_ids])
    asked = word_search.parse(words, known, voices=tells_voices(bundle))
    pushed = word_search.parse(unwanted, known) if unwanted else None
    terms = (
        asked.terms if pushed is None else (*asked.terms, *(replace(t, wanted=False) for t in pushed.terms))
    )
    positions = allowed_positions(session, index, bundle, request.filters, frozenset())
    if filters := _filters_said(asked.said):
        more = allowed_positions(session, index, bundle, filters, frozenset())
        positions = np.intersect1d(positions, more, assume_unique=True)
    scores = word_search.scores(terms, known) if terms else np.ones(len(index.rows.track_ids), np.float32)
    positions = positions[scores[positions] >= params.LEAST_FIT]
    scores = scores[positions]
    order = np.lexsort((positions, -scores))
    strong = {term.name: word_search.strengths(known[term.name])[positions] for term in terms}
    matches = [
        WordMatch(track, float(scores[i]), {name: float(values[i]) for name, values in strong.items()})
        for i, track in _best_by_words(session, index.rows.track_ids[positions], scores, order, request)
    ]
    return Found(matches, tuple(terms), asked.said, asked.unknown + (pushed.unknown if pushed else ()))


def _filters_said(said: SaidFilters) -> Filters:
    """Return what words say as filters."""
    return Filters(
        years=None if said.years is None else Range(*said.years),
        max_plays=0 if said.unplayed else None,
        tempo_bpm=None if said.tempo_bpm is None else tempo_range(*said.tempo_bpm, "the tempo"),
        keys=said.keys,
        voice=said.voice,
        duration_s=None if said.minutes is None else Range(*(end and 60 * end for end in said.minutes)),
        energy=None if said.energy is None else Range(*said.energy),
    )


def _best_by_words(
    session: Session, ids: Ints, scores: Array, order: Ints, request: ListRequest
) -> list[tuple[int, Track]]:
    """Return the chosen songs with their positions, from ever more of the best until the list is full."""
    pool = max(params.PLAIN_POOL, 4 * request.n)
    while True:
        some = order[:pool]
        rows = rows_by_ids(session, [int(i) for i in ids[some]])
        there = some[[is_there(rows, int(i)) for i in ids[some]]]
        listed = [rows[int(i)] for i in ids[there]]
        contents = [track.content_hash or f"track {track.id}" for track in listed]
        once = Cap(np.unique(contents, return_inverse=True)[1].astype(np.int64), 1)
        firm, soft = caps_of(
            listed, album_numbers(session, listed), request.n, request.per_artist, request.per_album
        )
        chosen = choose(scores[there], request.n, [once, *firm, *soft])
        last = len(some) == len(order)
        if len(chosen) < request.n and last:
            chosen = choose(scores[there], request.n, [once, *firm])
        if last or len(chosen) >= request.n:
            return [(int(there[i]), listed[i]) for i in chosen]
        pool *= 4


def is_there(rows: Mapping[int, Track], track_id: int) -> bool:
    """Return whether a track of the index, which may be older than the catalogue, is still there."""
    return track_id in rows and not rows[track_id].missing


def _probabilities(
    session: Session, index: SegmentIndex, bundle: Bundle, labels: Sequence[str | None]
) -> dict[str, Array]:
    """Return the probability of every tag, node of the hierarchy and label of the user's, in all songs."""
    tags = song_tags(index, bundle)
    genres = song_genres(session, bundle, index.rows.track_ids)
    of_tags = {name: tags[:, i] for i, name in enumerate(bundle.tag_names)}
    music = are_music(index, bundle)  # what is none has neither tags nor genres
    known = {
        name: np.where(music, probabilities, 0).astype(np.float32)
        for name, probabilities in (of_tags | bundle.taxonomy.node_columns(genres, tags)).items()
    }
    kinds = {label: position for position, label in enumerate(dict.fromkeys(labels))}
    kind_of = np.array([kinds[label] for label in labels], np.int64)
    own = [{*ancestors(label), label} if label else set() for label in kinds]
    called = {word_search.key(name): name for name in known}
    for path in sorted(set().union(*own)):
        name = called.setdefault(word_search.key(path), path)
        below = np.array([path in nodes for nodes in own], np.float32)[kind_of]
        known[name] = np.maximum(known.get(name, below), below)
    return known
