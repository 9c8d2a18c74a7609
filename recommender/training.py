"""Train on a library, activate what comes out, and predict the whole catalogue again."""

import importlib.metadata
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from classifier.analysis import TrackAnalysis
from classifier.bundle import Bundle
from classifier.bundle_write import Contents, write
from classifier.training import Song, Trained, train
from db.features import (
    add_predictions,
    drop_other_predictions,
    features_without_predictions,
    track_features,
)
from db.session import Catalog
from db.tracks import labelled
from recommender.home import Home
from recommender.library.labels import Label, label_rule
from recommender.library.scan import FoundFile, find_files
from recommender.library.workers import Failure, Identity, Workers, analyse, identify

Progress = Callable[[int, int], None]


def songs_of_catalog(session: Session, bundle: Bundle) -> list[Song]:
    """Return the catalogue's labelled tracks as songs; the artist is the group where it is known."""
    songs = []
    for track in labelled(session):
        features = track_features(session, track.id, bundle.trunk_id)
        if features is not None and track.label is not None:
            songs.append(
                Song(
                    name=track.path,
                    label=track.label,
                    group=track.label_group or track.artist or None,
                    embeddings=features.embeddings,
                    tags=features.tags,
                    durations_s=features.durations_s,
                )
            )
    return songs


def songs_of_folder(
    folder: str,
    labels: str,
    depth: int,
    bundle: Bundle,
    jobs: int | None = None,
    progress: Progress = lambda done, total: None,
) -> tuple[list[Song], list[tuple[str, str]]]:
    """Analyse a labelled folder without ingesting it.

    Returns
    -------
    tuple
        The songs, and (path, reason) of each file that could not be used.
    """
    place = os.path.abspath(folder)
    rule = label_rule(labels, place, depth)
    files = list(find_files(place))
    failures: list[tuple[str, str]] = []
    songs: list[Song] = []
    with Workers[FoundFile](bundle.path, min(jobs or os.cpu_count() or 1, max(1, len(files)))) as workers:
        known = _identities(workers, files, failures)
        chosen: dict[FoundFile, Label] = {}
        for file, identity in known.items():
            label = rule(_Labelled(file.path, identity.tags.genres)) if rule else None
            if label is not None:
                chosen[file] = label
        for done, (file, result) in enumerate(
            workers.run(((file, file.path) for file in chosen), analyse), start=1
        ):
            if isinstance(result, TrackAnalysis):
                songs.append(_song(file.path, chosen[file], known[file].tags.artist, result))
            elif isinstance(result, Failure):
                failures.append((file.path, result.message))
            progress(done, len(chosen))
    return sorted(songs, key=lambda song: song.name), sorted(failures)


class _Labelled:
    """A file as label rules see it."""

    def __init__(self, path: str, file_genres: list[str]) -> None:
        self.path, self.file_genres = path, file_genres


def _identities(
    workers: Workers[FoundFile], files: Iterable[FoundFile], failures: list[tuple[str, str]]
) -> dict[FoundFile, Identity]:
    known: dict[FoundFile, Identity] = {}
    for file, result in workers.run(((file, file.path) for file in files), identify):
        if isinstance(result, Identity):
            known[file] = result
        elif isinstance(result, Failure):
            failures.append((file.path, result.message))
    return known


def _song(path: str, label: Label, artist: str, analysis: TrackAnalysis) -> Song:
    tags, embeddings, durations_s = analysis.features()
    return Song(
        name=path,
        label=label.name,
        group=label.group or artist or None,
        embeddings=embeddings,
        tags=tags,
        durations_s=durations_s,
    )


def train_bundle(
    songs: list[Song],
    bundle: Bundle,
    home: Home,
    n_folds: int | None,
    seed: int,
    data: str,
    progress: Progress,
) -> tuple[Trained, Bundle]:
    """Train a head on the bundle's trunk and write the new bundle into the home."""
    trained = train(songs, n_folds, seed=seed, progress=progress)
    grouped = sum(song.group is not None for song in songs)
    record: dict[str, Any] = {
        "data": data,
        "songs": trained.songs,
        "split": f"{trained.folds} folds; {grouped} songs by artist or group, "
        f"{trained.songs - grouped} by contiguous blocks of each genre's sorted paths",
        "seed": seed,
        "accuracy": round(trained.accuracy, 4),
        "per_genre": {s.label: {"songs": s.songs, "f1": round(s.f1, 4)} for s in trained.per_genre},
        "versions": {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
    }
    contents = Contents(
        front_end=bundle.front_end,
        head=trained.head,
        labels=trained.labels,
        tag_names=bundle.tag_names,
        training=record,
        embedding_size=bundle.embedding_size,
        architecture=bundle.architecture,
    )
    written = write(home.bundles_dir, bundle.path, contents)
    return trained, written


def switch_bundle(home: Home, catalog: Catalog | None, chosen: Bundle) -> int:
    """Make a bundle the active one, its predictions first, and return how many segments got new ones.

    The old predictions are dropped only once the new ones are stored and the bundle is active.
    """
    predicted = predict_catalog(catalog, chosen) if catalog is not None else 0
    home.activate(chosen)
    if catalog is not None:
        with catalog.transaction() as session:
            drop_other_predictions(session, chosen.bundle_id)
    return predicted


def predict_catalog(catalog: Catalog, chosen: Bundle) -> int:
    """Give every analysed segment the bundle's predictions; return how many lacked them."""
    predicted = 0
    while True:
        with catalog.transaction() as session:
            batch = features_without_predictions(session, chosen.trunk_id, chosen.bundle_id)
            if batch is None:
                return predicted
            segment_ids, tags, embeddings = batch
            genres = chosen.genres(tags, embeddings)
            add_predictions(session, chosen.bundle_id, segment_ids, genres)
            predicted += len(segment_ids)


def data_description(folder: Path | None, n_songs: int) -> str:
    """Return a line on what was trained on, without the user's paths."""
    where = "a labelled folder" if folder is not None else "the catalogue's labelled tracks"
    return f"{n_songs} songs of {where}"
