"""Tempo, key, loudness and energy to the catalogue's rows, also of tracks that were analysed before."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from classifier.measures.measure import VERSION, MeasuredTrack, Measures
from db.models import MEASURES, Root, Track
from db.sound.features import store_measures
from db.tracks import in_root


def set_measures(track: Track, measures: Measures) -> None:
    """Note the measures of a track."""
    for name, value in asdict(measures).items():
        setattr(track, name, value)
    track.measures_version = VERSION


def copy_measures(source: Track, target: Track) -> None:
    """Give a track the measures of another with the same audio."""
    for name in (*MEASURES, "measures_version"):
        setattr(target, name, getattr(source, name))


def measure_track(session: Session, root: Root, path: str, measured: MeasuredTrack | None) -> None:
    """Store what was measured of a track that is analysed; of None, that it cannot be measured.

    Its segments get theirs where they lie as they did when it was analysed.
    """
    track = in_root(session, root, path)
    if track is None:
        return
    if measured is None:
        track.measures_version = VERSION
        return
    set_measures(track, measured.song)
    if len(track.segments) == len(measured.segments):
        of_segments = zip(track.segments, measured.segments, strict=True)
        store_measures(session, {segment.id: asdict(measures) for segment, measures in of_segments})
