"""Files of the catalogue that are the same recording, or versions of the same song."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from db.models import Track
from db.sound.patches import Patches, track_patches
from db.tracks import by_ids, present
from recommender import params
from recommender.retrieval.duplicates.evidence import (
    Agreement,
    leeway_s,
    lengths_agree,
    sound_agreement,
    sounds_the_same,
)
from recommender.retrieval.index.unit_vectors import track_means
from recommender.song_titles import same_recording_named, song_named

Kind = Literal["identical", "same recording", "other version"]

IDENTICAL: Kind = "identical"
SAME: Kind = "same recording"
OTHER: Kind = "other version"
PAIRS_AT_ONCE = 256


@dataclass(frozen=True)
class Pair:
    """Two tracks of the catalogue that belong together, the one with the lower id first.

    Attributes
    ----------
    agreement
        None where the sound was not, or could not be, compared.
    why
        In a few words.
    """

    one: int
    other: int
    kind: Kind
    agreement: Agreement | None
    why: str


@dataclass(frozen=True)
class DuplicateGroup:
    """Tracks that belong together.

    Attributes
    ----------
    kind
        ``same recording`` where not all are identical.
    tracks
        Their ids, ascending.
    pairs
        What joins them; between other versions, it may be by another file of the same recording.
    """

    kind: Kind
    tracks: list[int]
    pairs: list[Pair]


def same_recording(
    session: Session, trunk_id: str, patch_s: float, track_id: int, candidates: Sequence[int]
) -> set[int]:
    """Return those of some tracks that are the same recording as a track, or the same audio.

    Parameters
    ----------
    patch_s
        Length of a patch, in seconds.
    """
    tracks = by_ids(session, [track_id, *candidates])
    others = [i for i in dict.fromkeys(candidates) if i != track_id and i in tracks]
    if track_id not in tracks or not others:
        return set()
    patches = track_patches(session, [track_id, *others], trunk_id, patch_s)
    pairs = (_judge(tracks[track_id], tracks[i], patches) for i in others)
    same = [pair for pair in pairs if pair is not None and pair.kind != OTHER]
    return {i for pair in same for i in (pair.one, pair.other)} - {track_id}


def find_duplicates(session: Session, trunk_id: str, patch_s: float) -> list[Pair]:
    """Return the pairs of present, analysed tracks that belong together, by their ids.

    Only tracks of about the same length and mean sound, or of the same artist and title, are compared
    patch by patch. Identical files are compared to others once, by the first of them.

    Parameters
    ----------
    patch_s
        Length of a patch, in seconds.
    """
    tracks = {t.id: t for t in sorted(present(session), key=lambda t: t.id) if t.error_kind is None}
    firsts: dict[str, int] = {}
    for track in tracks.values():
        firsts.setdefault(track.content_hash or f"track {track.id}", track.id)
    pairs = [
        Pair(first, track.id, IDENTICAL, None, "the same audio")
        for track in tracks.values()
        if (first := firsts[track.content_hash or f"track {track.id}"]) != track.id
    ]
    distinct = {i: tracks[i] for i in firsts.values()}
    candidates = sorted({*_similar_pairs(session, trunk_id, distinct), *_same_song_pairs(distinct)})
    for start in range(0, len(candidates), PAIRS_AT_ONCE):
        some = candidates[start : start + PAIRS_AT_ONCE]
        patches = track_patches(session, sorted({i for pair in some for i in pair}), trunk_id, patch_s)
        judged = (_judge(tracks[one], tracks[other], patches) for one, other in some)
        pairs += [pair for pair in judged if pair is not None]
    return sorted(pairs, key=lambda pair: (pair.one, pair.other))


def _judge(one: Track, other: Track, patches: Mapping[int, Patches]) -> Pair | None:
    """Return what two tracks are to each other, or None where they are nothing."""
    one, other = (one, other) if one.id < other.id else (other, one)
    if one.content_hash is not None and one.content_hash == other.content_hash:
        return Pair(one.id, other.id, IDENTICAL, None, "the same audio")
    names = (one.artist, one.title), (other.artist, other.title)
    agree = same_recording_named(*names)
    close = lengths_agree(one.duration_s, other.duration_s)
    agreement = None
    if close and one.id in patches and other.id in patches:
        reach_s = leeway_s(max(one.duration_s or 0.0, other.duration_s or 0.0))
        agreement = sound_agreement(patches[one.id], patches[other.id], reach_s)
    if sounds_the_same(agreement, agree):
        why = {True: ", and the tags agree", None: "", False: ", though the tags differ"}[agree]
        return Pair(one.id, other.id, SAME, agreement, f"sound and length agree{why}")
    song = song_named(*names[0])
    if song is None or song != song_named(*names[1]):
        return None
    why = "but not the sound" if close else "but not the length"
    return Pair(one.id, other.id, OTHER, agreement, f"artist and title agree, {why}")


def _similar_pairs(session: Session, trunk_id: str, tracks: Mapping[int, Track]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of tracks whose lengths agree and whose mean embeddings are near each other."""
    ids, means = mean_embeddings(session, trunk_id, tracks)
    durations = np.array([tracks[i].duration_s for i in ids.tolist()], np.float64)
    order = np.argsort(durations, kind="stable")
    ids, means, durations = ids[order], means[order], durations[order]
    leeways = np.maximum(params.SAME_LENGTH_S, params.SAME_LENGTH * durations / (1 - params.SAME_LENGTH))
    ends = np.searchsorted(durations, durations + leeways, side="right")
    for row, end in enumerate(ends):
        near = row + 1 + np.flatnonzero(means[row + 1 : end] @ means[row] >= params.MAYBE_SAME_MEAN)
        own = int(ids[row])
        yield from ((min(own, i), max(own, i)) for i in ids[near].tolist())


def mean_embeddings(session: Session, trunk_id: str, tracks: Mapping[int, Track]) -> tuple[Ints, Array]:
    """Return the ids of the tracks that have features and a length, and their mean embeddings.

    Returns
    -------
    tuple
        (tracks,) and (tracks, dimensions) of length 1, segments being weighted by their seconds.
    """
    ids, means = track_means(session, trunk_id, lambda rows: rows.embeddings * rows.durations_s[:, None])
    wanted = np.array([i in tracks and tracks[i].duration_s is not None for i in ids.tolist()], bool)
    return ids[wanted], means[wanted]


def _same_song_pairs(tracks: Mapping[int, Track]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of tracks whose tags name the same song."""
    songs: dict[tuple[str, str], list[int]] = {}
    for track in tracks.values():
        song = song_named(track.artist, track.title)
        if song is not None:
            songs.setdefault(song, []).append(track.id)
    for ids in songs.values():
        yield from combinations(sorted(ids), 2)


def grouped(pairs: Sequence[Pair]) -> list[DuplicateGroup]:
    """Return the groups that pairs join to, by their first track.

    Only identical files and the same recording make a set of more than they say one by one: whatever is
    joined by them is one recording. In a set of other versions, its first track stands for each recording.
    """
    same = [pair for pair in pairs if pair.kind != OTHER]
    sets = _joined((pair.one, pair.other) for pair in same)
    first = {i: ids[0] for ids in sets for i in ids}
    inside: dict[int, list[Pair]] = defaultdict(list)
    for pair in same:
        inside[first[pair.one]].append(pair)
    groups = [DuplicateGroup(_kind_of(inside[ids[0]]), ids, inside[ids[0]]) for ids in sets]
    links: dict[tuple[int, int], Pair] = {}
    for pair in pairs:
        one, other = sorted((first.get(pair.one, pair.one), first.get(pair.other, pair.other)))
        if pair.kind == OTHER and one != other:
            links.setdefault((one, other), pair)
    versions = _joined(links)
    first = {i: ids[0] for ids in versions for i in ids}
    between: dict[int, list[Pair]] = defaultdict(list)
    for (one, _), pair in links.items():
        between[first[one]].append(pair)
    for ids in versions:
        found = sorted(between[ids[0]], key=lambda pair: (pair.one, pair.other))
        groups.append(DuplicateGroup(OTHER, ids, found))
    return sorted(groups, key=lambda group: (group.tracks[0], group.kind == OTHER))


def _kind_of(pairs: Sequence[Pair]) -> Kind:
    return IDENTICAL if all(pair.kind == IDENTICAL for pair in pairs) else SAME


def _joined(links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the connected components of a graph, each ascending."""
    above: dict[int, int] = {}

    def top(i: int) -> int:
        path = []
        while (higher := above.setdefault(i, i)) != i:
            path.append(i)
            i = higher
        above.update((below, i) for below in path)
        return i

    for one, other in links:
        lower, higher = sorted((top(one), top(other)))
        above[higher] = lower
    components: dict[int, list[int]] = defaultdict(list)
    for i in sorted(above):
        components[top(i)].append(i)
    return list(components.values())
