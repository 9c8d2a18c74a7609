"""The arrays of what is stored of the sound of tracks, made from the catalogue."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.sound.array_rows import SegmentSound, segment_sounds, sizes
from db.sound.index_rows import index_tracks
from db.sound.predictions import song_predictions

New = Callable[[str, tuple[int, ...], npt.DTypeLike], npt.NDArray[Any]]
"""Gives an array of a name, a shape and a type, to be filled."""


def fill(session: Session, bundle: Bundle, new: New) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of `SoundArrays` by name.

    Parameters
    ----------
    session
        A snapshot of the catalogue.
    new
        Gives the arrays to fill.
    """
    held = index_tracks(session, bundle.trunk_id)
    n_tracks, n_segments = len(held.track_ids), int(held.counts.sum())
    firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(held.counts)])
    made = {
        "segment_ids": new("segment_ids", (n_segments,), np.int64),
        "starts_s": new("starts_s", (n_segments,), np.float64),
        "durations_s": new("durations_s", (n_segments,), np.float64),
    }
    patch_firsts, predicted = np.zeros(n_tracks + 1, np.int64), np.ones(n_tracks, bool)
    place, done = 0, 0
    for row, sound in enumerate(
        segment_sounds(session, bundle.trunk_id, bundle.bundle_id, bundle.front_end.patch_s)
    ):
        if row == 0:
            made |= _wide(session, bundle, sound, n_segments, new)
        while row >= firsts[place + 1]:
            place += 1
            patch_firsts[place] = done
        done = _store(made, row, done, sound)
        predicted[place] &= sound.genres is not None
    patch_firsts[place + 1 :] = done
    if not n_segments:
        made |= {name: new(name, (0, 0), np.float32) for name in ("embeddings", "tags", "genres", "patches")}
        made["patch_starts_s"] = new("patch_starts_s", (0,), np.float32)
    song_genres = song_predictions(session, bundle.bundle_id, held.track_ids, len(bundle.labels))
    return made | {
        "track_ids": held.track_ids,
        "stamps": held.stamps,
        "firsts": firsts,
        "patch_firsts": patch_firsts,
        "predicted": predicted,
        "song_genres": song_genres,
    }


def _wide(
    session: Session, bundle: Bundle, first: SegmentSound, n_segments: int, new: New
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays whose width the first segment tells."""
    n_patches, dimensions = sizes(session, bundle.trunk_id)[0], len(first.embedding)
    return {
        "embeddings": new("embeddings", (n_segments, dimensions), np.float32),
        "tags": new("tags", (n_segments, len(first.tags)), np.float32),
        "genres": new("genres", (n_segments, len(bundle.labels)), np.float32),
        "patches": new("patches", (n_patches, dimensions), np.float16),
        "patch_starts_s": new("patch_starts_s", (n_patches,), np.float32),
    }


def _store(made: dict[str, npt.NDArray[Any]], row: int, done: int, sound: SegmentSound) -> int:
    """Store a segment; return how many patches there are then."""
    made["segment_ids"][row], made["starts_s"][row] = sound.segment_id, sound.start_s
    made["durations_s"][row] = sound.duration_s
    made["embeddings"][row], made["tags"][row] = sound.embedding, sound.tags
    if sound.genres is not None:
        made["genres"][row] = sound.genres
    end = done + len(sound.patches)
    made["patches"][done:end], made["patch_starts_s"][done:end] = sound.patches, sound.patch_starts_s
    return end
