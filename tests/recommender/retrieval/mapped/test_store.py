"""The mapped arrays say what the rows say, of the tracks that are as they were, and are private files."""

import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, update

from classifier.model.bundle import Bundle
from db.kept import KEPT, Kept
from db.models import Feature, Prediction, Segment, Track
from db.session import Catalog
from db.sound.features import features_of, vectors_token
from db.sound.patches import track_patches
from db.sound.predictions import song_predictions, tracks_predictions
from recommender.home import Home
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.store import open_index
from recommender.retrieval.mapped import store
from recommender.retrieval.mapped.arrays import MappedSound
from tests.recommender.support import Library, write_song


class Place:
    """A home, opened."""

    def __init__(self, library: Library) -> None:
        self.library, self.home = library, Home(library.home)
        self.bundle: Bundle = self.home.bundle()
        self.catalog: Catalog = self.home.catalog()
        self.folder: Path = self.home.arrays_dir

    def index(self) -> tuple[SegmentIndex, str | None]:
        with self.catalog.transaction() as session:
            token = vectors_token(session)
        return open_index(self.catalog, self.home.index_dir, self.bundle.trunk_id)[0], token

    def load(self) -> tuple[MappedSound, float] | None:
        index, token = self.index()
        return store.load(self.folder, self.bundle, index.rows, token)

    def mapped(self) -> MappedSound:
        store.make(self.catalog, self.folder, self.bundle)
        found = self.load()
        assert found is not None and found[1] == 1.0
        return found[0]


@pytest.fixture
def place(library: Library) -> Iterator[Place]:
    made = Place(library)
    yield made
    made.home.close()


def test_they_say_what_the_rows_say(place: Place) -> None:
    mapped, trunk_id, bundle_id = place.mapped(), place.bundle.trunk_id, place.bundle.bundle_id
    ids = [*place.index()[0].rows.track_ids.tolist(), 4711]
    patch_s, n_labels = place.bundle.front_end.patch_s, len(place.bundle.labels)
    with place.catalog.snapshot() as session:
        features, patches = (
            features_of(session, ids, trunk_id),
            track_patches(session, ids, trunk_id, patch_s),
        )
        genres = tracks_predictions(session, ids, bundle_id)
        songs = song_predictions(session, bundle_id, np.array(ids[:-1]), n_labels)
    assert set(ids[:-1]) <= set(features)
    here = mapped.features_of(ids, trunk_id)
    assert set(here) == set(ids[:-1])
    for track_id, found in here.items():
        known = features[track_id]
        assert (found.segment_ids, found.starts_s, found.durations_s) == (
            known.segment_ids,
            known.starts_s,
            known.durations_s,
        )
        for one, other in ((found.embeddings, known.embeddings), (found.tags, known.tags)):
            assert one.dtype == other.dtype and np.array_equal(one, other)
    for track_id, held in mapped.track_patches(ids, trunk_id, patch_s).items():
        assert np.array_equal(held.starts_s, patches[track_id].starts_s)
        assert held.embeddings.dtype == np.float32
        assert np.array_equal(held.embeddings, patches[track_id].embeddings)
    for track_id, (durations_s, of_segments) in mapped.tracks_predictions(ids, bundle_id).items():
        assert durations_s == genres[track_id][0] and np.array_equal(of_segments, genres[track_id][1])
    assert np.array_equal(mapped.song_predictions(bundle_id, np.array(ids[:-1])), songs)
    assert mapped.song_predictions(bundle_id, np.array(ids)) is None


def test_a_session_reads_from_them_what_they_have_and_the_rest_from_the_rows(place: Place) -> None:
    mapped, trunk_id = place.mapped(), place.bundle.trunk_id
    first, second, *_ = place.index()[0].rows.track_ids.tolist()
    with place.catalog.transaction() as session:  # so that the rows cannot be what is returned
        of_first = Segment.track_id == first
        of_first_ids = [s.id for s in session.query(Segment).where(of_first)]
        session.execute(delete(Feature).where(Feature.segment_id.in_(of_first_ids)))
    mapped._fresh[np.searchsorted(place.index()[0].rows.track_ids, second)] = False
    with place.catalog.snapshot() as session:
        assert set(features_of(session, [first, second], trunk_id)) == {second}
        session.info[KEPT] = Kept(arrays=mapped)
        assert set(features_of(session, [first, second], trunk_id)) == {first, second}
        assert set(mapped.features_of([first, second], trunk_id)) == {first}
        assert features_of(session, [first], "another trunk") == {}


def test_what_was_analysed_again_is_not_read_from_them(place: Place) -> None:
    place.mapped()
    changed, kept = place.library.row("rock/beta.flac")["id"], place.library.row("folk/iota.flac")["id"]
    write_song(place.library.music / "rock/beta.flac", 4711)
    place.library.ingest()
    found = place.load()
    assert found is not None
    assert set(found[0].features_of([changed, kept], place.bundle.trunk_id)) == {kept}
    assert found[1] == pytest.approx(0.9)
    assert found[0].song_predictions(place.bundle.bundle_id, place.index()[0].rows.track_ids) is None
    place.mapped()


def test_a_track_without_all_its_predictions_is_read_from_the_rows(place: Place) -> None:
    track_id = place.library.row("rock/beta.flac")["id"]
    with place.catalog.transaction() as session:
        of_track = [s.id for s in session.query(Segment).where(Segment.track_id == track_id)]
        session.execute(delete(Prediction).where(Prediction.segment_id.in_(of_track[:1])))
    mapped, ids = place.mapped(), place.index()[0].rows.track_ids.tolist()
    assert set(mapped.tracks_predictions(ids, place.bundle.bundle_id)) == set(ids) - {track_id}
    assert mapped.tracks_predictions(ids, "another") == {}


def test_a_track_whose_content_is_not_known_is_trusted_only_at_the_same_token(place: Place) -> None:
    track_id = place.library.row("rock/beta.flac")["id"]
    with place.catalog.transaction() as session:
        session.execute(update(Track).where(Track.id == track_id).values(analysed_hash=None))
    index, token = open_index(place.catalog, place.home.index_dir, place.bundle.trunk_id, anew=True)[0], ""
    store.make(place.catalog, place.folder, place.bundle)
    _, token = place.index()
    same, other = (store.load(place.folder, place.bundle, index.rows, one) for one in (token, "later"))
    assert same is not None and other is not None
    assert same[0].features_of([track_id], place.bundle.trunk_id)
    assert not other[0].features_of([track_id], place.bundle.trunk_id)


def test_they_are_private_and_older_ones_go(place: Place) -> None:
    place.mapped()
    before = {path.name for path in place.folder.iterdir()}
    write_song(place.library.music / "new.flac", 77)
    place.library.ingest()
    place.mapped()
    after = {path.name for path in place.folder.iterdir()}
    assert len(before) == len(after) == 2 and before & after == {store.SIDECAR}
    for path in place.folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_damaged_ones_are_none(place: Place) -> None:
    place.mapped()
    [array] = place.folder.glob("*/tags.npy")
    array.write_bytes(array.read_bytes()[:-4])
    assert place.load() is None
    place.mapped()


def test_none_are_made_that_would_fill_the_disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAPPED_SHARE", 0.0)
    store.make(place.catalog, place.folder, place.bundle)
    assert place.load() is None and list(place.folder.iterdir()) == []
