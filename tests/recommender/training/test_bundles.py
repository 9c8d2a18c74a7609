"""Trained bundles in a home: what they record, what becomes active when, and who waits."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sqlalchemy import select

from classifier.datasets.songs import TrunkSong
from classifier.model import bundle as bundles
from classifier.model.bundle import SHIPPED, Bundle
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead
from classifier.model.write import BundleContents, write
from classifier.networks.recipes import Recipe, recipe_of
from classifier.training.fitters import start_of
from db.models import Prediction, Root, Segment
from db.session import Catalog
from db.sound.features import SegmentRow, store_segments
from db.sound.predictions import add_predictions, track_predictions
from recommender.home import Home
from recommender.library.predictions import predict_catalog
from recommender.training import train as training
from recommender.training.bundles import base_bundle, switch_bundle, waiting_tracks
from recommender.training.data import TrainingData
from recommender.training.train import Trained, facets_alone, train
from tests import databases
from tests.databases import home_at
from tests.db.rows import new_track

pytestmark = pytest.mark.databases("sqlite", "postgresql")

OLD = "bundle-old"
SIZE, TAGS = 200, 50


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = home_at(tmp_path / "home")
    made.bundles_dir.mkdir(parents=True)
    return made


def other_bundle(
    home: Home, shipped: Bundle, seed: int = 0, calibration: Calibration | None = None, taxonomy: Any = None
) -> Bundle:
    """A bundle of two genres on the shipped trunk."""
    kernel = np.random.default_rng(seed).standard_normal((SIZE, 2)).astype(np.float32)
    contents = BundleContents(
        front_end=shipped.front_end,
        head=LinearHead("embedding", kernel, np.zeros(2, np.float32)),
        labels=("calm", "loud"),
        tag_names=shipped.tag_names,
        training={},
        embedding_size=SIZE,
        calibration=calibration,
        taxonomy=taxonomy,
    )
    return write(home.bundles_dir, SHIPPED, contents)


@pytest.fixture
def catalog(home: Home, shipped: Bundle) -> Iterator[Catalog]:
    """Three tracks analysed by the shipped trunk, one by another, one that failed, and one that is gone."""
    made = home.catalog()
    random = np.random.default_rng(3)
    with made.transaction() as session:
        root = Root(path="/music")
        states = {"failed.mp3": {"error_kind": "not_audio"}, "gone.mp3": {"missing": True}}
        for name in ("a.mp3", "b.mp3", "c.mp3", "elsewhere.mp3", "failed.mp3", "gone.mp3"):
            track = new_track(session, root, name, **states.get(name, {}))
            if name in states:
                continue
            rows = [
                SegmentRow(
                    30.0 * n,
                    30.0 * (n + 1),
                    -14.0,
                    embedding=random.standard_normal(SIZE).astype(np.float32),
                    tags=random.uniform(size=TAGS).astype(np.float32),
                    patches=np.zeros((1, SIZE), np.float32),
                    genres=np.full(3, 1 / 3, np.float32),
                )
                for n in range(2)
            ]
            trunk_id = "trunk-other" if name == "elsewhere.mp3" else shipped.trunk_id
            store_segments(session, track, rows, trunk_id, OLD)
    yield made
    made.close()


def predicted_by(catalog: Catalog) -> dict[str, int]:
    with catalog.transaction() as session:
        found = list(session.scalars(select(Prediction.bundle_id)))
    return {bundle_id: found.count(bundle_id) for bundle_id in found}


def test_heads_are_trained_on_the_shipped_trunk_whatever_is_active(home: Home, shipped: Bundle) -> None:
    home.activate(other_bundle(home, shipped))
    assert home.bundle().bundle_id != shipped.bundle_id
    assert base_bundle().bundle_id == shipped.bundle_id


def test_only_a_tuned_trunk_starts_from_the_pretrained_one(shipped: Bundle) -> None:
    assert start_of(recipe_of("cnn-mel"), shipped) is None
    assert start_of(recipe_of("musicnn"), shipped) is None
    start = start_of(recipe_of("musicnn-tuned+mixup"), shipped)
    expected = bundles.read_arrays(SHIPPED / bundles.TRUNK_WEIGHTS)
    assert set(start.weights) == set(expected)
    for name, value in expected.items():
        assert_array_equal(start.weights[name], value)
    tags, embeddings = start.run(np.zeros((2, 187, 96), np.float32))
    assert (tags.shape, embeddings.shape) == ((2, TAGS), (2, SIZE))


def test_every_segment_of_the_trunk_gets_the_bundles_genres(
    home: Home, catalog: Catalog, shipped: Bundle
) -> None:
    chosen = other_bundle(home, shipped)
    assert predict_catalog(catalog, chosen) == 6
    assert predict_catalog(catalog, chosen) == 0, "those that have them already are left alone"
    with catalog.transaction() as session:
        for segment in session.scalars(select(Segment)):
            for feature in segment.features:
                found = session.get(Prediction, (segment.id, chosen.bundle_id))
                if feature.trunk_id != shipped.trunk_id:
                    assert found is None
                    continue
                embedding = np.frombuffer(feature.embedding, "<f4")
                odds = np.exp(embedding @ chosen.head.kernel - (embedding @ chosen.head.kernel).max())
                assert_allclose(np.frombuffer(found.genres, "<f4"), odds / odds.sum(), atol=1e-5)


def test_switching_drops_the_others_predictions(home: Home, catalog: Catalog, shipped: Bundle) -> None:
    chosen = other_bundle(home, shipped)
    assert switch_bundle(home, catalog, chosen) == 6
    assert predicted_by(catalog) == {chosen.bundle_id: 6}
    assert home.bundle().bundle_id == chosen.bundle_id


@pytest.mark.databases("postgresql")
def test_another_homes_bundle_keeps_its_predictions_on_a_shared_server(
    home: Home, catalog: Catalog, shipped: Bundle, tmp_path: Path
) -> None:
    theirs = Home(tmp_path / "theirs", databases.address(home.path))
    switch_bundle(theirs, catalog, shipped)
    first, second, third = (other_bundle(home, shipped, seed) for seed in range(3))
    switch_bundle(home, catalog, first)
    assert predicted_by(catalog) == {shipped.bundle_id: 6, first.bundle_id: 6}
    switch_bundle(theirs, catalog, second)
    switch_bundle(home, catalog, third)  # the first is needed by nobody any more
    assert predicted_by(catalog) == {second.bundle_id: 6, third.bundle_id: 6}
    theirs.note_bundle(catalog, first.bundle_id, replaces=False)  # as when a switch was killed
    switch_bundle(home, catalog, shipped)
    assert predicted_by(catalog) == {shipped.bundle_id: 6, second.bundle_id: 6}
    assert (home.bundle().bundle_id, theirs.bundle().bundle_id) == (shipped.bundle_id, second.bundle_id)
    switch_bundle(theirs, catalog, third)
    assert predicted_by(catalog) == {shipped.bundle_id: 6, third.bundle_id: 6}


def test_a_switch_that_fails_leaves_the_old_bundle_its_predictions(
    home: Home, catalog: Catalog, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new ones are there before the bundle is active, and the old ones go after it is."""
    chosen = other_bundle(home, shipped)
    seen = []

    def fail(_home: Home, _chosen: Bundle) -> None:
        seen.append(predicted_by(catalog))
        raise OSError("disk full")

    monkeypatch.setattr(Home, "activate", fail)
    with pytest.raises(OSError, match="disk full"):
        switch_bundle(home, catalog, chosen)
    assert seen == [{OLD: 8, chosen.bundle_id: 6}]
    assert predicted_by(catalog)[OLD] == 8
    assert home.bundle().bundle_id == shipped.bundle_id


def test_switching_without_a_catalogue(home: Home, shipped: Bundle) -> None:
    chosen = other_bundle(home, shipped)
    assert switch_bundle(home, None, chosen) == 0
    assert home.bundle().bundle_id == chosen.bundle_id
    assert waiting_tracks(None, chosen) == 0
    assert not home.catalog_path.exists()


def test_tracks_that_wait_are_those_a_trunk_has_not_analysed(catalog: Catalog, shipped: Bundle) -> None:
    """Neither one that failed nor one that is gone could be analysed again."""
    assert waiting_tracks(catalog, shipped) == 1
    assert waiting_tracks(catalog, replace(shipped, trunk_id="trunk-other")) == 3
    assert waiting_tracks(catalog, replace(shipped, trunk_id="trunk-new")) == 4


def test_predictions_of_two_bundles_are_kept_apart(home: Home, catalog: Catalog, shipped: Bundle) -> None:
    one, other = other_bundle(home, shipped, 1), other_bundle(home, shipped, 2)
    assert (predict_catalog(catalog, one), predict_catalog(catalog, other)) == (6, 6)
    with catalog.transaction() as session:
        first, second = (track_predictions(session, 1, b.bundle_id)[1] for b in (one, other))
    assert np.abs(first - second).max() > 0.01


def test_new_predictions_do_not_change_old_ones(catalog: Catalog, shipped: Bundle) -> None:
    with catalog.transaction() as session:
        segment_ids = list(session.scalars(select(Segment.id)))[:1]
        add_predictions(session, "bundle-x", segment_ids, np.array([[1.0]], np.float32))
    assert predicted_by(catalog) == {OLD: 8, "bundle-x": 1}


# The record


def songs() -> list[TrunkSong]:
    """Two genres that can be told apart; two songs of jazz are by one artist."""
    made = []
    for g, label in enumerate(("jazz", "rock/punk")):
        centre = np.random.default_rng(40 + g).standard_normal(SIZE)
        for n in range(4):
            random = np.random.default_rng(10 * g + n)
            embeddings = (centre + 0.2 * random.standard_normal((2, SIZE))).astype(np.float32)
            group = "Ann" if label == "jazz" and n < 2 else None
            tags = np.full((2, TAGS), 0.5, np.float32)
            made.append(TrunkSong(f"/secret/{label}/{n}.mp3", label, group, embeddings, tags, [30.0, 12.0]))
    return made


def train_on_songs(
    data: TrainingData,
    recipe: Recipe,
    n_folds: int | None,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Trained, Bundle]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingData, "songs", lambda _data, _recipe: songs())
        trained, written, *_ = train(data, recipe, n_folds, seed, lambda: nullcontext(progress))
    data.home.close()
    return trained, written


def test_a_trained_head_is_a_bundle_that_tells_how_it_came_to_be(home: Home, shipped: Bundle) -> None:
    data = TrainingData(home, shipped, Path("/secret"), failures=[("/secret/x.mp3", "not audio")])
    steps: list[tuple[int, int]] = []
    recipe = recipe_of("musicnn+representative")
    trained, written = train_on_songs(data, recipe, 2, 7, lambda *step: steps.append(step))
    assert data.home.bundle().bundle_id == written.bundle_id
    assert written.path == home.bundles_dir / written.bundle_id
    loaded = bundles.load(written.path)
    assert (loaded.trunk_id, loaded.tag_names) == (shipped.trunk_id, shipped.tag_names)
    assert_array_equal(loaded.head.kernel, trained.head.kernel)
    assert loaded.calibration.describe() == trained.calibration.describe()
    assert loaded.labels == ("jazz", "rock/punk")
    assert loaded.taxonomy.facet_names() == shipped.taxonomy.facet_names()
    assert loaded.taxonomy.leaves == loaded.labels
    record = loaded.training
    assert record["data"] == "8 songs of a labelled folder"
    assert (record["songs"], record["skipped"], record["seed"]) == (8, 1, 7)
    assert record["split"].startswith("2 fold(s) held out; 2 songs by artist or group, 6 by contiguous")
    assert record["recipe"]["representative"] is True
    assert record["chosen"]["penalty"] == trained.choices["penalty"]
    assert record["accuracy"] == record["held_out"]["accuracy"] == 1.0
    assert record["held_out"]["n"] == 8
    assert record["history"] is None
    assert record["versions"]["numpy"] == np.__version__
    assert "/secret" not in json.dumps(record)
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_sounds_that_are_not_music_are_handed_on(home: Home, shipped: Bundle) -> None:
    """From the base's calibration to that of every head trained on it."""
    noises = np.random.default_rng(8).standard_normal((12, SIZE)).astype(np.float32) * 4
    base = other_bundle(home, shipped, calibration=Calibration(1.0, 0.0, "none", None, noises))
    assert_array_equal(base.calibration.not_music, noises)
    data = TrainingData(home, base, Path("/secret"))
    _, written = train_on_songs(data, recipe_of("musicnn"), 2, 0)
    assert_array_equal(bundles.load(written.path).calibration.examples, noises)
    assert "12 sounds that are not music" in written.calibration.data


def test_a_bundles_facets_without_its_genres(home: Home, shipped: Bundle) -> None:
    facets = {"mood": ["sad", "happy"], "era": ["80s"]}
    base = other_bundle(home, shipped, taxonomy={"format": 1, "facets": facets})
    described = facets_alone(base)
    assert described == {"format": 1, "facets": facets}
    again = other_bundle(home, shipped, taxonomy=described)
    assert again.bundle_id == base.bundle_id


@pytest.mark.parametrize("arch", ["cnn-mel", "musicnn-tuned"])
def test_a_networks_run_is_kept_by_what_it_depends_on(
    home: Home, shipped: Bundle, monkeypatch: pytest.MonkeyPatch, arch: str
) -> None:
    """Another seed, recipe or number of folds is another run; the same one is gone on with."""
    folders = []

    class StoppedError(Exception):
        pass

    def stop(_songs: Any, plan: training.TrainingPlan, _progress: Any) -> None:
        folders.append(plan.folder)
        raise StoppedError

    monkeypatch.setattr(training, "train_classifier", stop)
    data = TrainingData(home, shipped, Path("/secret"))
    recipe = recipe_of(arch)
    shorter = replace(recipe, fit=replace(recipe.fit, epochs=3))
    for one, folds, seed in (
        (recipe, None, 0),
        (recipe, None, 0),
        (recipe, 2, 0),
        (recipe, None, 1),
        (shorter, None, 0),
    ):
        with pytest.raises(StoppedError):
            train_on_songs(data, one, folds, seed)
    assert folders[0] == folders[1]
    assert len(set(folders)) == 4
    assert {folder.parent for folder in folders} == {home.cache_dir / "runs"}
