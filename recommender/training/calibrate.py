"""Calibrate a model that was brought, and is in use: labelled songs, sounds → calibration → bundle → rows.

Its network stays, and with it all that was analysed; its probabilities, and what it calls "unsure" and "not
music", change, and so does its bundle's id.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array
from classifier.datasets.songs import TrunkSong
from classifier.errors import TrainingDataError
from classifier.model import bundle as bundles
from classifier.model.bundle import Bundle
from classifier.model.calibration import Calibration
from classifier.model.onnx_trunk import is_brought
from classifier.model.predictions import song_mean
from classifier.model.write import BundleContents, write
from classifier.training.brought_calibration import (
    GenreCalibration,
    LearnedDetector,
    calibrate_genres,
    learn_detector,
)
from db.models import Track
from db.sound.features import features_of, tracks_with_features
from db.tracks import by_ids, present
from recommender.errors import RecommenderError
from recommender.training.bundles import use_bundle
from recommender.training.data import TrainingData

MOST_MUSIC: Final = 2000
"""Songs that a detector learns from: of a larger library, some that are evenly spread."""
MOST_PASSED_OVER: Final = 0.5
"""Where the shipped model calls more of a library no music, it is not believed: that is what the user has."""


@dataclass(frozen=True)
class CalibratedModel:
    """A model that was calibrated.

    Attributes
    ----------
    replaced
        Id of the bundle that it was; the same as `bundle`'s where nothing changed.
    bundle
        What it is now, the active one.
    genres
        What labelled songs said; None where they were too few.
    too_few
        Why, in words; None where they were not.
    detector
        What was learned of sounds that are not music; None where none were given.
    passed_over
        Tracks of the library that are not music by the shipped model, and were not learned from as music.
    segments_predicted, tracks_to_analyse
        As `use_bundle` returns them.
    """

    replaced: str
    bundle: Bundle
    genres: GenreCalibration | None
    too_few: str | None
    detector: LearnedDetector | None
    passed_over: int
    segments_predicted: int
    tracks_to_analyse: int


def calibrate_model(data: TrainingData, sounds: TrainingData | None = None) -> CalibratedModel:
    """Calibrate the model in use by labelled songs and sounds that are not music; the writer lock is held.

    Parameters
    ----------
    data
        The user's labelled songs, with the model's bundle.
    sounds
        Sounds that are not music, their kinds as labels.

    Raises
    ------
    RecommenderError
        If the model in use was not brought.
    TrainingDataError
        If there are too few songs, or too few sounds, to learn anything from.
    """
    bundle = data.bundle
    if not is_brought(bundle):
        raise RecommenderError(
            "only a model that was brought is calibrated so, and none is in use (deepcuts model use NAME); "
            "the shipped one is calibrated, and train calibrates what it trains"
        )
    genres, too_few = _genres(data, needed=sounds is None)
    detector, passed_over = (None, 0) if sounds is None else _detector(data, sounds)
    calibration = _calibration(bundle, genres, detector)
    contents = _contents(bundle, calibration, genres, detector)
    written = write(data.home.bundles_dir, bundle.path, contents)
    used = use_bundle(data.home, written)
    return CalibratedModel(bundle.bundle_id, written, genres, too_few, detector, passed_over, *used)


def _genres(data: TrainingData, *, needed: bool) -> tuple[GenreCalibration | None, str | None]:
    try:
        return calibrate_genres(data.bundle, data.trunk_songs()), None
    except TrainingDataError as error:
        if needed:
            raise
        return None, str(error)


def _detector(data: TrainingData, sounds: TrainingData) -> tuple[LearnedDetector, int]:
    with data.home.existing_catalog().transaction() as session:
        music, passed_over = music_of_catalog(session, data.bundle)
    return learn_detector(music, sounds.trunk_songs()), passed_over


def music_of_catalog(session: Session, bundle: Bundle) -> tuple[list[TrunkSong], int]:
    """Return songs of the catalogue, by path, that a trunk has analysed, and how many were passed over.

    Passed over is what the shipped model calls no music, where its features are kept.
    """
    analysed = tracks_with_features(session, bundle.trunk_id)
    ids = [track.id for track in present(session) if track.id in analysed]
    spread = np.unique(np.linspace(0, len(ids) - 1, min(len(ids), MOST_MUSIC)).round().astype(int))
    chosen = [ids[i] for i in spread]
    others = _no_music(session, chosen)
    features, tracks = features_of(session, chosen, bundle.trunk_id), by_ids(session, chosen)
    songs = [
        _song(tracks[track_id], its.embeddings, its.tags, its.durations_s)
        for track_id, its in features.items()
        if track_id not in others
    ]
    return sorted(songs, key=lambda song: song.name), len(others)


def _no_music(session: Session, track_ids: list[int]) -> set[int]:
    """Return which tracks are no music, of those of which the shipped model's features are kept."""
    shipped = bundles.load(bundles.SHIPPED)
    kept = features_of(session, track_ids, shipped.trunk_id)
    if shipped.calibration is None or not kept:
        return set()
    means = np.stack([song_mean(its.embeddings, its.durations_s) for its in kept.values()])
    found = shipped.calibration.not_music_songs(means)
    if found.mean() > MOST_PASSED_OVER:
        return set()
    return {track_id for track_id, is_other in zip(kept, found, strict=True) if is_other}


def _song(track: Track, embeddings: Array, tags: Array, durations_s: Any) -> TrunkSong:
    return TrunkSong(track.path, "music", track.artist or None, embeddings, tags, durations_s)


def _calibration(
    bundle: Bundle, genres: GenreCalibration | None, detector: LearnedDetector | None
) -> Calibration:
    """Return the bundle's calibration with what is newly known."""
    found = bundle.calibration or Calibration(1.0, 0.0, "nothing is known of its genres")
    if genres is not None:
        data = f"{genres.songs} labelled songs of the user, none of which it learned from"
        found = replace(
            found, temperature=genres.temperature, least_confidence=genres.least_confidence, data=data
        )
    return replace(found, detector=detector.detector) if detector is not None else found


def _contents(
    bundle: Bundle,
    calibration: Calibration,
    genres: GenreCalibration | None,
    detector: LearnedDetector | None,
) -> BundleContents:
    """Return what the bundle says, all of it as before but for the calibration."""
    told = dict(bundle.training.get("calibrated", {}))
    if genres is not None:
        told["genres"] = genres_record(genres)
    if detector is not None:
        told["not_music"] = detector_record(detector)
    return BundleContents(
        front_end=bundle.front_end,
        head=bundle.head,
        labels=bundle.labels,
        tag_names=bundle.tag_names,
        training={**bundle.training, "calibrated": told},
        embedding_size=bundle.embedding_size,
        architecture=bundle.architecture,
        calibration=calibration,
        taxonomy=bundles.read_description(bundle.path)["taxonomy"],
    )


def genres_record(found: GenreCalibration) -> dict[str, Any]:
    """Return what labelled songs said, for machines; without the user's own labels."""
    return {
        "songs": found.songs,
        "genres": found.genres,
        "songs_left_out": sum(found.left_out.values()),
        "accuracy": round(found.accuracy, 4),
        "loss_before": round(found.loss_before, 4),
        "loss_after": round(found.loss_after, 4),
        "temperature": round(found.temperature, 4),
        "least_confidence": round(found.least_confidence, 4),
    }


def detector_record(found: LearnedDetector) -> dict[str, Any]:
    """Return what was learned of sounds that are not music, for machines."""
    return {
        "sounds": found.sounds,
        "kinds": found.kinds,
        "songs": found.music,
        "sounds_told": round(found.told, 4),
        "songs_called_so": round(found.wrong, 4),
    }
