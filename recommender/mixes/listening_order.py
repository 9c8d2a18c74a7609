"""The songs of a mix in an order to listen to: typical, not all of one artist, no recording twice."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from classifier.model.bundle import Bundle
from db.rows import TrackRow, rows_by_ids
from db.sound.patches import track_patches
from db.tracks import search_key
from recommender.mixes.unwanted import Unwanted
from recommender.retrieval.alignment import PatchSequence
from recommender.retrieval.index.unit_vectors import unit_rows
from recommender.retrieval.same_recordings import Recording, same_recordings
from recommender.song_titles import song_named

SONGS: Final = 40
POOL: Final = 3
"""So many times more songs are looked at."""
PER_ARTIST: Final = 4


def listening_order(
    session: Session,
    bundle: Bundle,
    track_ids: Ints,
    vectors: Array,
    unwanted: Unwanted | None = None,
    likeness: Array | None = None,
) -> list[int]:
    """Return the ids of the songs of a mix, from the most typical one from each to one that is near it.

    Parameters
    ----------
    track_ids, vectors
        (tracks,) the most typical first, and (tracks, dimensions) centred, of length 1.
    unwanted
        Songs that are left out, and with them those that are more like one of them than like the mix.
    likeness
        (tracks,) how much each is like what the mix is of; None for its middle.
    """
    if likeness is None:
        likeness = vectors @ unit_rows(vectors.mean(axis=0, keepdims=True))[0]
    first = slice(4 * POOL * SONGS)
    out = (unwanted or Unwanted()).shuts_out(track_ids[first], vectors[first], likeness[first])
    positions = np.flatnonzero(~out)[: POOL * SONGS]
    rows = rows_by_ids(session, [int(i) for i in track_ids[positions]])
    positions = np.array([p for p in positions if int(track_ids[p]) in rows], np.int64)
    tracks = [rows[int(track_ids[p])] for p in positions]
    chosen = _one_of_each(session, bundle, tracks, vectors[positions])
    artists = [search_key(tracks[i].artist) for i in chosen]
    few = _few_of_each(artists)
    order = _walk([artists[i] for i in few], vectors[positions[[chosen[i] for i in few]]])
    return [tracks[chosen[few[i]]].id for i in order]


def _one_of_each(session: Session, bundle: Bundle, tracks: Sequence[TrackRow], vectors: Array) -> list[int]:
    """Return the positions of the first file of each recording, and the first version of each song."""
    if not tracks:
        return []
    recordings = [
        Recording(t.id, t.content_hash, t.duration_s, vector, t.artist, t.title)
        for t, vector in zip(tracks, vectors, strict=True)
    ]
    patch_s = bundle.front_end.patch_s

    def patches_of(ids: Sequence[int]) -> dict[int, PatchSequence]:
        known = track_patches(session, ids, bundle.trunk_id, patch_s)
        return {i: PatchSequence(p.starts_s, p.embeddings, patch_s) for i, p in known.items()}

    numbers = same_recordings(recordings, [], patches_of)
    seen: set[object] = set()
    found = []
    for position, (track, number) in enumerate(zip(tracks, numbers.tolist(), strict=True)):
        keys = {number, song_named(track.artist, track.title) or number}
        if not keys & seen:
            found.append(position)
        seen |= keys
    return found


def _few_of_each(artists: Sequence[str]) -> list[int]:
    """Return the first positions, at most `SONGS`; many of an artist only where others are too few."""
    counts: Counter[str] = Counter()
    first: list[int] = []
    later: list[int] = []
    for position, artist in enumerate(artists):
        counts[artist] += 1
        (later if artist and counts[artist] > PER_ARTIST else first).append(position)
    return sorted(first[:SONGS]) if len(first) >= SONGS // 4 else sorted([*first, *later][: SONGS // 4])


def _walk(artists: Sequence[str], vectors: Array) -> list[int]:
    """Return the order from the first on: to the nearest that is left, by another artist if there is one."""
    if not len(vectors):
        return []
    left, order = list(range(1, len(vectors))), [0]
    likeness = vectors @ vectors.T
    while left:
        last = order[-1]
        others = [i for i in left if not artists[i] or artists[i] != artists[last]] or left
        following = max(others, key=lambda i: (float(likeness[last, i]), -i))
        left.remove(following)
        order.append(following)
    return order
