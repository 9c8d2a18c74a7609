"""Labelled songs to train on: from the catalogue, a folder or a CSV, by way of the cache."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from sqlalchemy.orm import Session

from classifier import params
from classifier.datasets.dataset import (
    LabelledFile,
    patches_key,
    spectral_song,
    store_patches,
    with_leaf_labels,
)
from classifier.datasets.examples import SpectralSong
from classifier.datasets.feature_cache import Arrays, FeatureCache, cache_key
from classifier.datasets.songs import TrunkSong, representative_weights
from classifier.errors import said
from classifier.features.frontend import FrontEnd
from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from classifier.networks.recipes import Recipe
from db.file_range import file_of
from db.models import Track
from db.sound.features import features_of
from db.tracks import labelled
from recommender.home import Home
from recommender.labels.rules import Label, Labelled, Seen, label_rule, read_labels, split_group
from recommender.library.scan import ScanNotes, find_files
from recommender.library.workers.boundary import Failure, noted
from recommender.library.workers.pool import Workers
from recommender.library.workers.tasks import Identity, analyse, identify_by_content

Progress = Callable[[int, int], None]


@dataclass
class TrainingData:
    """Where songs come from, and what went wrong with some.

    Attributes
    ----------
    source
        A folder or a CSV; None for the catalogue's labelled tracks.
    labels, depth
        How a folder's files are labelled; see `recommender.labels.rules.label_rule`.
    bar
        Opens what shows how many files are done of how many.
    failures
        (path, reason) of each file that could not be used.
    """

    home: Home
    bundle: Bundle
    source: Path | None
    labels: str = "folders"
    depth: int = 1
    jobs: int | None = None
    bar: Callable[[], AbstractContextManager[Progress]] = lambda: nullcontext(lambda done, total: None)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cache = FeatureCache(self.home.cache_dir / "features", params.CACHE_BYTES)
        self._files: list[LabelledFile] | None = None

    def describe(self, n_songs: int) -> str:
        """Return a line on what was trained on, without the user's paths."""
        if self.source is None:
            return f"{n_songs} songs of the catalogue's labelled tracks"
        return f"{n_songs} songs of a labelled {'CSV' if self.source.is_file() else 'folder'}"

    def songs(self, recipe: Recipe) -> list[TrunkSong] | list[SpectralSong]:
        """Return the songs as a recipe's network reads them, by path."""
        if recipe.uses_trunk:
            return self.trunk_songs()
        songs = self.spectral_songs(recipe.front_end)
        return self._emphasised(songs) if recipe.representative else songs

    def _emphasised(self, songs: list[SpectralSong]) -> list[SpectralSong]:
        """Let the segments weigh more that the pretrained trunk finds typical of their song."""
        analysed = {song.name: song for song in self.trunk_songs()}
        weighted = []
        for song in songs:
            seen = analysed.get(song.name)
            alike = seen is not None and len(seen.durations_s) == len(song.durations_s)
            weights = representative_weights(seen.embeddings, seen.durations_s) if seen and alike else None
            weighted.append(replace(song, segment_weights=weights))
        return weighted

    def trunk_songs(self) -> list[TrunkSong]:
        """Return the songs as the bundle's trunk sees them, by path; a catalogue is not decoded again."""
        if self.source is None:
            with self.home.existing_catalog().transaction() as session:
                songs, copies = songs_of_catalog(session, self.bundle)
            for path, reason in copies:
                self._fail(path, reason)
            return with_leaf_labels(self._of_numbers(songs))
        files = {self._analysis_key(file): file for file in self.files()}
        return _sorted(self._trunk_song(*each) for each in self._arrays(files, analyse, self.bundle.path))

    def _of_numbers(self, songs: list[TrunkSong]) -> list[TrunkSong]:
        """Leave out what a damaged catalogue has instead of features."""
        good = [song for song in songs if np.isfinite(song.embeddings).all() and np.isfinite(song.tags).all()]
        for name in sorted({song.name for song in songs} - {song.name for song in good}):
            self._fail(name, "its features are no finite numbers; ingest it again")
        return good

    def spectral_songs(self, front_end: FrontEnd) -> list[SpectralSong]:
        """Return the songs as a network with this front end reads them, by path."""
        whole = [file for file in self.files() if file_of(file.path) == file.path]
        for path in (file.path for file in self.files() if file_of(file.path) != file.path):
            self._fail(path, "one track of several in a file: such a network is trained on whole files")
        files = {patches_key(file.content, front_end): file for file in whole}
        task = partial(store_patches, front_end=front_end, cache=self._cache)
        found = self._arrays(files, task, None)
        failed = {path for path, _ in self.failures}
        for file, arrays in found:
            if arrays is None and file.path not in failed:
                self._fail(file.path, "has changed since it was ingested")
        return _sorted(spectral_song(file, arrays) if arrays is not None else None for file, arrays in found)

    def files(self) -> list[LabelledFile]:
        """Return the labelled files, none of their labels being an ancestor of another."""
        if self._files is None:
            self._files = with_leaf_labels(self._without_copies(self._found_files()))
        return self._files

    def _found_files(self) -> list[LabelledFile]:
        if self.source is None:
            with self.home.existing_catalog().transaction() as session:
                found = [
                    LabelledFile(t.path, t.label or "", _group_of(t), t.content_hash or "")
                    for t in labelled(session)
                    if self._is_there(t.path)
                ]
            hashes = self._identities([file.path for file in found if not file.content])
            known = [replace(f, content=f.content or _content(hashes.get(f.path))) for f in found]
            return [file for file in known if file.content]
        return self._files_of_source(os.path.abspath(self.source))

    def _fail(self, path: str, reason: str) -> None:
        """Note that a file cannot be used; once, however many networks were to read it."""
        if (path, reason) not in self.failures:
            self.failures.append((path, reason))

    def _note(self, path: str, failure: Failure) -> None:
        self._fail(path, noted(self.home.path, path, failure).message)

    def _without_copies(self, files: Sequence[LabelledFile]) -> list[LabelledFile]:
        """Leave out a recording's second file: it could fall on the other side of a split."""
        first: dict[str, LabelledFile] = {}
        for file in files:
            if first.setdefault(file.content, file) is not file:
                self._fail(file.path, f"the same recording as {first[file.content].path}")
        return list(first.values())

    def _is_there(self, path: str) -> bool:
        if os.path.isfile(file_of(path)):
            return True
        self._fail(path, "there is no such file")
        return False

    def _files_of_source(self, source: str) -> list[LabelledFile]:
        if os.path.isfile(source):
            by_path = read_labels(Path(source))
            paths = [path for path in by_path if self._is_there(path)]
            rule: Callable[[Labelled], Label | None] | None = lambda track: by_path.get(track.path)  # noqa: E731
        else:
            notes = ScanNotes()
            paths = [file.path for file in find_files(source, notes)]
            for folder, error in notes.unlisted.items():
                self._fail(folder, f"the folder cannot be listed: {said(error).lower()}")
            rule = label_rule(self.labels, source, self.depth)
        found = []
        for path, identity in self._identities(paths).items():
            label = rule(Seen(path, identity.tags.genres)) if rule else None
            if label is not None:
                group = split_group(label.source, label.group, identity.tags.artist)
                found.append(LabelledFile(path, label.name, group, _content(identity)))
        return found

    def _workers(self, bundle_path: Path | None, n_files: int) -> Workers[str]:
        return Workers[str](bundle_path, min(self.jobs or os.cpu_count() or 1, max(1, n_files)))

    def _identities(self, paths: Sequence[str]) -> dict[str, Identity]:
        known: dict[str, Identity] = {}
        if not paths:
            return known
        with self._workers(None, len(paths)) as workers:
            for path, result in workers.run([(path, path) for path in paths], identify_by_content):
                if isinstance(result, Identity):
                    known[path] = result
                elif isinstance(result, Failure):
                    self._note(path, result)
        return dict(sorted(known.items()))

    def _analysis_key(self, file: LabelledFile) -> str:
        return cache_key(params.CACHE_FORMAT, file.content, self.bundle.trunk_id)

    def _arrays(
        self, files: dict[str, LabelledFile], task: Callable[[str], object], bundle_path: Path | None
    ) -> list[tuple[LabelledFile, Arrays | None]]:
        """Return what a task makes of files, by way of the cache; None where it fails."""

        def kept() -> dict[str, Arrays | None]:
            return {key: self._cache.get(key) for key in files}

        self._fill({key: files[key] for key, arrays in kept().items() if arrays is None}, task, bundle_path)
        return [(files[key], arrays) for key, arrays in kept().items()]

    def _fill(
        self, files: dict[str, LabelledFile], task: Callable[[str], object], bundle_path: Path | None
    ) -> None:
        """Run a task on files, by their keys in the cache, and keep what it returns there."""
        if not files:
            return
        with self.bar() as progress, self._workers(bundle_path, len(files)) as workers:
            results = workers.run([(key, file.path) for key, file in files.items()], task)
            for done, (key, result) in enumerate(results, start=1):
                if isinstance(result, TrackAnalysis):
                    self._cache.put(key, _analysis_arrays(result))
                elif isinstance(result, Failure):
                    self._note(files[key].path, result)
                progress(done, len(files))
        self._cache.trim(files)

    def _trunk_song(self, file: LabelledFile, arrays: Arrays | None) -> TrunkSong | None:
        if arrays is None:
            return None
        return TrunkSong(
            name=file.path,
            label=file.label,
            group=file.group,
            embeddings=np.asarray(arrays["embeddings"]),
            tags=np.asarray(arrays["tags"]),
            durations_s=[float(d) for d in arrays["durations_s"]],
        )


S = TypeVar("S", TrunkSong, SpectralSong)


def _sorted(songs: Iterable[S | None]) -> list[S]:
    return sorted((song for song in songs if song is not None), key=lambda song: song.name)


def _group_of(track: Track) -> str | None:
    return split_group(track.label_source, track.label_group, track.artist)


def _content(identity: Identity | None) -> str:
    return (identity.content_hash if identity is not None else None) or ""


def _analysis_arrays(analysis: TrackAnalysis) -> Arrays:
    tags, embeddings, durations_s = analysis.features()
    return {"tags": tags, "embeddings": embeddings, "durations_s": np.array(durations_s)}


def songs_of_catalog(session: Session, bundle: Bundle) -> tuple[list[TrunkSong], list[tuple[str, str]]]:
    """Return the catalogue's labelled tracks as songs, and (path, reason) of those left out as copies.

    The artist is the group where it is known.
    """
    songs, copies = [], []
    first: dict[str, str] = {}
    tracks = labelled(session)
    analysed = features_of(session, [track.id for track in tracks], bundle.trunk_id)
    for track in tracks:
        features = analysed.get(track.id)
        if features is None or track.label is None:
            continue
        if track.content_hash and first.setdefault(track.content_hash, track.path) != track.path:
            copies.append((track.path, f"the same recording as {first[track.content_hash]}"))
            continue
        songs.append(
            TrunkSong(
                name=track.path,
                label=track.label,
                group=_group_of(track),
                embeddings=features.embeddings,
                tags=features.tags,
                durations_s=features.durations_s,
            )
        )
    return songs, copies
