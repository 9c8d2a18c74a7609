"""The sound of a song in words: genres, the finest label that is sure enough, moods, or "unknown"."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.genres.taxonomy import Placement, finest
from classifier.model.bundle import Bundle
from classifier.model.predictions import song_mean
from db.features import TrackFeatures, features_of
from db.predictions import tracks_predictions
from db.tracks import IDS_AT_ONCE

Array = npt.NDArray[np.float32]

UNKNOWN = "unknown"
SHOWN_NODE = 0.05
"""Nodes of the hierarchy less probable than this are not listed."""


@dataclass(frozen=True)
class Sound:
    """A bundle's predictions for a song.

    Attributes
    ----------
    genres, tags
        (labels,) and (tags,) probabilities, in the bundle's order.
    nodes
        Probability of every node of the bundle's hierarchy.
    placement
        The finest node that is sure enough, or else the most probable top one.
    unknown
        Why the bundle had better not decide; None where it may.
    facets
        Moods, voices, instruments and eras with their probabilities.
    """

    genres: Array
    tags: Array
    nodes: dict[str, float]
    placement: Placement
    unknown: str | None
    facets: dict[str, list[tuple[str, float]]]


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
        reason = bundle.calibration.judge(read, of_segments, durations_s).reason
    top = max((path for path in nodes if "/" not in path), key=nodes.__getitem__)
    placement = finest(nodes) or Placement(top, nodes[top])
    return Sound(song, song_tags, nodes, placement, reason, bundle.taxonomy.facets(song_tags))


def named(names: Sequence[str], values: Array, at_most: int | None = None) -> list[dict[str, object]]:
    """Return ``{"name", "probability"}``, the most probable first."""
    order = np.argsort(-values, kind="stable")[:at_most]
    return [{"name": names[i], "probability": round(float(values[i]), 4)} for i in order]


def judgement(sound: Sound, bundle: Bundle) -> dict[str, Any]:
    """Return a song's verdict for machines.

    ``nearest`` is the finest label that is sure enough, or else the most probable top one. ``label`` is
    the same, or ``unknown`` where the bundle had better not decide; ``unknown`` then says why.
    """
    nearest = {"name": sound.placement.path, "probability": round(sound.placement.probability, 4)}
    known = sound.unknown is None
    nodes = sorted(sound.nodes.items(), key=lambda node: -node[1])
    return {
        "label": nearest["name"] if known else UNKNOWN,
        "label_probability": nearest["probability"] if known else None,
        "unknown": sound.unknown,
        "nearest": nearest,
        "genres": named(bundle.labels, sound.genres),
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


def track_probabilities(
    session: Session, track_ids: Sequence[int], bundle: Bundle
) -> dict[int, tuple[Array, Array]]:
    """Return genres and tags alone of some catalogued tracks: quicker than all of their sound."""
    return {
        track_id: (song_mean(genres, features.durations_s), song_mean(features.tags, features.durations_s))
        for track_id, features, genres in _features(session, track_ids, bundle)
    }


def _features(
    session: Session, track_ids: Sequence[int], bundle: Bundle
) -> Iterator[tuple[int, TrackFeatures, Array]]:
    """Yield tracks with their features and the genres of their segments, stored or computed."""
    for start in range(0, len(track_ids), IDS_AT_ONCE):
        some = track_ids[start : start + IDS_AT_ONCE]
        stored = tracks_predictions(session, some, bundle.bundle_id)
        for track_id, features in features_of(session, some, bundle.trunk_id).items():
            if track_id in stored:
                yield track_id, features, stored[track_id][1]
            else:
                yield track_id, features, bundle.genres(features.tags, features.embeddings)
