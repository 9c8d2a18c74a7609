"""Predictions: the genre probabilities that bundles give to segments, in and out."""

from collections.abc import Collection, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.kept import arrays_of
from db.models import Feature, Prediction, Segment, Setting
from db.sound.features import READ_ROWS
from db.values import pack, stack

Array = npt.NDArray[np.float32]

BUNDLES_OF = "bundles of home "


def track_predictions(session: Session, track_id: int, bundle_id: str) -> tuple[list[float], Array] | None:
    """Return (durations in seconds, (segments, labels) genres) of a track, or None."""
    return tracks_predictions(session, [track_id], bundle_id).get(track_id)


def tracks_predictions(
    session: Session, track_ids: Sequence[int], bundle_id: str
) -> dict[int, tuple[list[float], Array]]:
    """Return the same of a few tracks; those without any are left out."""
    arrays = arrays_of(session)
    found: dict[int, tuple[list[float], Array]] = (
        {} if arrays is None else arrays.tracks_predictions(track_ids, bundle_id)
    )
    left = [i for i in track_ids if i not in found]
    if not left:
        return found
    query = (
        select(Segment.track_id, Segment.end_s - Segment.start_s, Prediction.genres)
        .join(Prediction, Prediction.segment_id == Segment.id)
        .where(Segment.track_id.in_(left), Prediction.bundle_id == bundle_id)
        .order_by(Segment.track_id, Segment.start_s)
    )
    for track_id, group in groupby(session.execute(query), key=lambda row: int(row[0])):
        _, durations, genres = zip(*group, strict=True)
        found[track_id] = (list(durations), stack(genres))
    return found


def song_predictions(
    session: Session, bundle_id: str, track_ids: npt.NDArray[np.int64], n_labels: int
) -> Array:
    """Return the duration-weighted mean genres of tracks, (tracks, labels); zeros where there are none.

    Parameters
    ----------
    track_ids
        Ascending.
    """
    arrays = arrays_of(session)
    known: Array | None = None if arrays is None else arrays.song_predictions(bundle_id, track_ids)
    if known is not None:
        return known
    query = (
        select(Segment.track_id, Segment.end_s - Segment.start_s, Prediction.genres)
        .join(Prediction, Prediction.segment_id == Segment.id)
        .where(Prediction.bundle_id == bundle_id)
        .order_by(Segment.id)  # one order of summation, whatever the database
    )
    sums = np.zeros((len(track_ids), n_labels))
    seconds = np.zeros((len(track_ids), 1))
    for rows in session.execute(query.execution_options(yield_per=READ_ROWS)).partitions():
        owners, durations, genres = zip(*rows, strict=True)
        wanted = np.isin(owners, track_ids)
        rows_of = np.searchsorted(track_ids, np.array(owners)[wanted])
        weights = np.array(durations)[wanted][:, None]
        np.add.at(sums, rows_of, stack(genres)[wanted] * weights)
        np.add.at(seconds, rows_of, weights)
    return np.asarray(sums / np.maximum(seconds, 1e-9), np.float32)


def features_without_predictions(
    session: Session, trunk_id: str, bundle_id: str
) -> tuple[list[int], Array, Array] | None:
    """Return (segment ids, tags, embeddings) of some segments that lack a bundle's predictions."""
    done = select(Prediction.segment_id).where(Prediction.bundle_id == bundle_id)
    query = (
        select(Feature.segment_id, Feature.tags, Feature.embedding)
        .where(Feature.trunk_id == trunk_id, Feature.segment_id.not_in(done))
        .order_by(Feature.segment_id)
        .limit(READ_ROWS)
    )
    rows = session.execute(query).all()
    if not rows:
        return None
    ids, tags, embeddings = zip(*rows, strict=True)
    return list(ids), stack(tags), stack(embeddings)


def add_predictions(session: Session, bundle_id: str, segment_ids: Sequence[int], genres: Array) -> None:
    """Store a bundle's genre probabilities, (segments, labels)."""
    session.bulk_insert_mappings(
        Prediction.__mapper__,
        [
            {"segment_id": i, "bundle_id": bundle_id, "genres": pack(row)}
            for i, row in zip(segment_ids, genres, strict=True)
        ],
    )


def drop_other_predictions(session: Session, bundle_ids: Collection[str]) -> None:
    """Delete the predictions of all bundles but some."""
    session.execute(delete(Prediction).where(Prediction.bundle_id.not_in(bundle_ids)))


def set_bundles_of(session: Session, home_id: str, bundle_ids: Sequence[str]) -> None:
    """Note the bundles whose predictions a home needs: the active one, and one that is to be."""
    session.merge(Setting(name=f"{BUNDLES_OF}{home_id}", value=" ".join(bundle_ids)))


def bundles_of(session: Session, home_id: str) -> list[str]:
    """Return the bundles that a home needs, as far as it told."""
    noted = session.get(Setting, f"{BUNDLES_OF}{home_id}")
    return noted.value.split() if noted is not None else []


def bundles_of_all(session: Session) -> set[str]:
    """Return the bundles that any home needs, as far as they told."""
    query = select(Setting.value).where(Setting.name.startswith(BUNDLES_OF))
    return {bundle_id for noted in session.scalars(query) for bundle_id in noted.split()}
