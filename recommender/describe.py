"""The sound of a song in words: genres, the finest sure label, moods; or "not music", or "unsure"."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array
from classifier.genres.label_paths import SEPARATOR
from classifier.genres.taxonomy import Placement, finest, finest_of_songs
from classifier.model.bundle import Bundle
from classifier.model.calibration import NOT_MUSIC, WEAK, Calibration
from classifier.model.onnx_trunk import is_brought
from classifier.model.predictions import song_mean
from db.sound.features import TrackFeatures, features_of
from db.sound.predictions import tracks_predictions
from db.values import in_parts

NOT_MUSIC_LABEL = "not music"
UNSURE_LABEL = "unsure"
SECOND_GUESS = 0.1
"""An unsure song may be of a second genre, too, that is as probable."""
SHOWN_NODE = 0.05
"""Nodes of the hierarchy less probable than this are not listed."""


@dataclass(frozen=True)
class Sound:
    """A bundle's predictions for a song.

    Attributes
    ----------
    tags
        (tags,) probabilities, in the bundle's order.
    nodes
        Probability of every node of the bundle's hierarchy.
    placement
        The finest node that is sure enough, or else the most probable top one.
    unknown
        Why the labels say nothing of it; None where they do.
    facets
        Moods, voices, instruments and eras with their probabilities.
    """

    tags: Array
    nodes: dict[str, float]
    placement: Placement
    unknown: str | None
    facets: dict[str, list[tuple[str, float]]]

    @property
    def label(self) -> str:
        """The finest label that is sure enough, or "not music", or "unsure"."""
        if self.unknown is None:
            return self.placement.path
        return NOT_MUSIC_LABEL if self.unknown == NOT_MUSIC else UNSURE_LABEL

    @property
    def verdict(self) -> str:
        """The label in words: a label, "not music", or "unsure: a or b"."""
        return self.label if self.label != UNSURE_LABEL else unsure_between(self.nodes, self.placement.path)


def unsure_between(nodes: Mapping[str, float], nearest: str) -> str:
    """Return "unsure: a or b": the nearest node, and the most probable top one that is not above it."""
    first = nearest.split(SEPARATOR, 1)[0]
    others = [path for path in nodes if SEPARATOR not in path and path != first]
    second = max(others, key=nodes.__getitem__, default=None)
    named = [nearest] if second is None or nodes[second] < SECOND_GUESS else [nearest, second]
    return f"{UNSURE_LABEL}: {' or '.join(named)}"


def sound_of(
    bundle: Bundle, tags: Array, embeddings: Array, durations_s: Sequence[float], genres: Array | None = None
) -> Sound:
    """Return what a bundle predicts for a song, from its segments.

    Parameters
    ----------
    tags, embeddings
        (segments, tags) and (segments, dimensions).
    durations_s
        (segments,) seconds.
    genres
        (segments, labels) where they are stored; None to compute them.
    """
    of_segments = bundle.genres(tags, embeddings) if genres is None else genres
    song, song_tags = song_mean(of_segments, durations_s), song_mean(tags, durations_s)
    nodes = bundle.taxonomy.node_probabilities(song, song_tags)
    reason = None
    if bundle.calibration is not None:
        read = bundle.head.features(tags, embeddings)
        reason = bundle.calibration.judge(read, of_segments, durations_s, embeddings).reason
    if reason is None and _sure_by_rule(bundle) and finest(nodes) is None:
        reason = WEAK
    top = max((path for path in nodes if "/" not in path), key=nodes.__getitem__)
    placement = finest(nodes) or Placement(top, nodes[top])
    return Sound(song_tags, nodes, placement, reason, bundle.taxonomy.facets(song_tags))


def _sure_by_rule(bundle: Bundle) -> bool:
    """Whether nobody has learned when a bundle is sure: that of a model that was brought."""
    return is_brought(bundle) and bundle.least_confidence is None


def named(names: Sequence[str], values: Array, at_most: int | None = None) -> list[dict[str, object]]:
    """Return ``{"name", "probability"}``, the most probable first."""
    order = np.argsort(-values, kind="stable")[:at_most]
    return [{"name": names[i], "probability": round(float(values[i]), 4)} for i in order]


def named_tops(nodes: Mapping[str, float]) -> list[dict[str, object]]:
    """Return the top level of a hierarchy, the most probable first, as `named` has it."""
    tops = [path for path in nodes if SEPARATOR not in path]
    return named(tops, np.array([nodes[path] for path in tops]))


def genres_and_tags(
    bundle: Bundle, genres: Array, tags: Array, n_tags: int
) -> list[dict[str, list[dict[str, object]]]]:
    """Return ``genres``, the top level of the hierarchy, and ``tags`` of each of some songs or segments.

    Parameters
    ----------
    genres, tags
        (songs, labels) and (songs, tags).
    n_tags
        As many tags are named, the most probable ones.
    """
    tops = bundle.taxonomy.top_columns(genres, tags)
    names, of_songs = list(tops), np.stack(list(tops.values()), axis=1)
    return [
        {"genres": named(names, song), "tags": named(bundle.tag_names, song_tags, n_tags)}
        for song, song_tags in zip(of_songs, tags, strict=True)
    ]


def judgement(sound: Sound) -> dict[str, Any]:
    """Return a song's verdict for machines.

    ``nearest`` is the finest label that is sure enough, or else the most probable top one. ``label`` is
    the same, or ``not music``, or ``unsure``; ``unknown`` then says why. ``genres`` is the top level of
    the tree.
    """
    nearest = {"name": sound.placement.path, "probability": round(sound.placement.probability, 4)}
    known = sound.unknown is None
    nodes = sorted(sound.nodes.items(), key=lambda node: -node[1])
    return {
        "verdict": sound.verdict,
        "label": sound.label,
        "label_probability": nearest["probability"] if known else None,
        "unknown": sound.unknown,
        "nearest": nearest,
        "genres": named_tops(sound.nodes),
        "hierarchy": [{"name": path, "probability": round(p, 4)} for path, p in nodes if p >= SHOWN_NODE],
        "facets": {
            facet: [{"name": name, "probability": round(p, 4)} for name, p in found]
            for facet, found in sound.facets.items()
        },
    }


def track_sound(session: Session, track_id: int, bundle: Bundle) -> Sound | None:
    """Return what a catalogued track sounds like, or None where it is not analysed."""
    return track_sounds(session, [track_id], bundle).get(track_id)


def track_sounds(session: Session, track_ids: Sequence[int], bundle: Bundle) -> dict[int, Sound]:
    """Return what some catalogued tracks sound like; those that are not analysed are left out."""
    return {
        track_id: sound_of(bundle, features.tags, features.embeddings, features.durations_s, genres)
        for track_id, features, genres in _features(session, track_ids, bundle)
    }


def named_of_tracks(
    session: Session, track_ids: Sequence[int], bundle: Bundle, n_tags: int
) -> dict[int, dict[str, Any]]:
    """Return ``verdict``, ``genres`` and ``tags`` of some tracks: quicker than all of their sound."""
    songs = {i: _Song(features, genres) for i, features, genres in _features(session, track_ids, bundle)}
    if not songs:
        return {}
    genres, tags = _stacked(songs.values())
    shown = genres_and_tags(bundle, genres, tags, n_tags)
    verdicts = _verdicts(bundle, list(songs.values()), genres, tags)
    return {i: {"verdict": verdict, **one} for i, verdict, one in zip(songs, verdicts, shown, strict=True)}


def labels_of_tracks(session: Session, track_ids: Sequence[int], bundle: Bundle) -> dict[int, str]:
    """Return the label of each of some tracks, as `Sound` has it: quicker than all of their sound."""
    found: dict[int, str] = {}
    for some in in_parts(track_ids):
        songs = {i: _Song(features, genres) for i, features, genres in _features(session, some, bundle)}
        if songs:
            verdicts = _verdicts(bundle, list(songs.values()), *_stacked(songs.values()))
            found |= dict(zip(songs, verdicts, strict=True))
    unsure = f"{UNSURE_LABEL}: "
    return {i: UNSURE_LABEL if verdict.startswith(unsure) else verdict for i, verdict in found.items()}


def _stacked(songs: Collection["_Song"]) -> tuple[Array, Array]:
    """Return the genres and the tags of songs."""
    return np.stack([song.genres for song in songs]), np.stack([song.tags for song in songs])


class _Song:
    """A song's segments, and what they are on average."""

    def __init__(self, features: TrackFeatures, genres: Array) -> None:
        self.features, self.of_segments = features, genres
        self.genres = song_mean(genres, features.durations_s)
        self.tags = song_mean(features.tags, features.durations_s)

    def judged(self, bundle: Bundle, calibration: Calibration) -> str | None:
        """Return why the labels say nothing of it; None where they do."""
        f = self.features
        read = bundle.head.features(f.tags, f.embeddings)
        return calibration.judge(read, self.of_segments, f.durations_s, f.embeddings).reason


def _verdicts(bundle: Bundle, songs: Sequence[_Song], genres: Array, tags: Array) -> Iterator[str]:
    """Yield the verdict of each of some songs, as `Sound` has it."""
    nodes, by_rule = bundle.taxonomy.node_columns(genres, tags), _sure_by_rule(bundle)
    for i, (song, path) in enumerate(zip(songs, finest_of_songs(nodes), strict=True)):
        reason = song.judged(bundle, bundle.calibration) if bundle.calibration is not None else None
        if reason is None and path is None and by_rule:
            reason = WEAK
        if reason == NOT_MUSIC:
            yield NOT_MUSIC_LABEL
        elif reason is not None or path is None:
            its = {name: float(p[i]) for name, p in nodes.items()}
            nearest = path or max((name for name in its if SEPARATOR not in name), key=its.__getitem__)
            yield nearest if reason is None else unsure_between(its, nearest)
        else:
            yield path


def _features(
    session: Session, track_ids: Sequence[int], bundle: Bundle
) -> Iterator[tuple[int, TrackFeatures, Array]]:
    """Yield tracks with their features and the genres of their segments, stored or computed."""
    for some in in_parts(track_ids):
        stored = tracks_predictions(session, some, bundle.bundle_id)
        for track_id, features in features_of(session, some, bundle.trunk_id).items():
            if track_id in stored:
                yield track_id, features, stored[track_id][1]
            else:
                yield track_id, features, bundle.genres(features.tags, features.embeddings)
