"""What a song sounds like, in words: genres, the finest label that is sure enough, moods, or "unknown"."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.analysis import song_mean
from classifier.bundle import Bundle
from classifier.taxonomy import Placement, finest
from db.features import features_of
from db.predictions import tracks_predictions
from db.tracks import IDS_AT_ONCE

Array = npt.NDArray[np.float32]

UNKNOWN = "unknown"
SHOWN_NODE = 0.05
"""Nodes of the hierarchy less probable than this are not listed."""


@dataclass(frozen=True)
class Sound:
    """What a bundle says of a song; each part is worked out when it is first asked for.

    Attributes
    ----------
    of_segments, segment_tags, embeddings
        (segments, labels), (segments, tags) and (segments, dimensions).
    durations_s
        (segments,) seconds.
    """

    bundle: Bundle
    of_segments: Array
    segment_tags: Array
    embeddings: Array
    durations_s: Sequence[float]

    @cached_property
    def genres(self) -> Array:
        """(labels,) probabilities, in the bundle's order."""
        return song_mean(self.of_segments, self.durations_s)

    @cached_property
    def tags(self) -> Array:
        """(tags,) probabilities, in the bundle's order."""
        return song_mean(self.segment_tags, self.durations_s)

    @cached_property
    def nodes(self) -> dict[str, float]:
        """Probability of every node of the bundle's hierarchy."""
        return self.bundle.taxonomy.node_probabilities(self.genres, self.tags)

    @cached_property
    def placement(self) -> Placement:
        """The finest node that is sure enough, or else the most probable top one."""
        top = max((path for path in self.nodes if "/" not in path), key=self.nodes.__getitem__)
        return finest(self.nodes) or Placement(top, self.nodes[top])

    @cached_property
    def unknown(self) -> str | None:
        """Why the bundle had better not decide; None where it may."""
        if self.bundle.calibration is None:
            return None
        read = self.bundle.head.features(self.segment_tags, self.embeddings)
        return self.bundle.calibration.judge(read, self.of_segments, self.durations_s).reason

    @cached_property
    def facets(self) -> dict[str, list[tuple[str, float]]]:
        """Moods, voices, instruments and eras with their probabilities."""
        return self.bundle.taxonomy.facets(self.tags)


def sound_of(
    bundle: Bundle, tags: Array, embeddings: Array, durations_s: Sequence[float], genres: Array | None = None
) -> Sound:
    """Return what a bundle says of a song's segments.

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
    return Sound(bundle, of_segments, tags, embeddings, durations_s)


def named(names: Sequence[str], values: Array, at_most: int | None = None) -> list[dict[str, object]]:
    """Return ``{"name", "probability"}``, the most probable first."""
    order = np.argsort(-values, kind="stable")[:at_most]
    return [{"name": names[i], "probability": round(float(values[i]), 4)} for i in order]


def judgement(sound: Sound, bundle: Bundle) -> dict[str, Any]:
    """Return a song's verdict for machines.

    ``nearest`` is the finest label that is sure enough, or else the most probable top one. ``label`` is
    the same, or ``unknown`` where the bundle had better not decide; ``unknown`` then tells why.
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
    found = {}
    for start in range(0, len(track_ids), IDS_AT_ONCE):
        some = track_ids[start : start + IDS_AT_ONCE]
        stored = tracks_predictions(session, some, bundle.bundle_id)
        for track_id, heard in features_of(session, some, bundle.trunk_id).items():
            genres = stored[track_id][1] if track_id in stored else None
            found[track_id] = sound_of(bundle, heard.tags, heard.embeddings, heard.durations_s, genres)
    return found
