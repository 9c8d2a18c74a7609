"""The map: near in sound is near in the plane, whatever the number of tracks; and what the points are."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import pdist
from sklearn.manifold import trustworthiness

from classifier.model.bundle import Bundle
from classifier.model.calibration import NOT_MUSIC, WEAK
from db.listening.map_places import map_facts
from recommender.describe import judgement, track_sounds
from recommender.errors import RecommenderError
from recommender.map import layout as map_module
from recommender.map.layout import mean_segments, two_dimensions
from recommender.map.library_map import library_map
from recommender.map.places import kept_layout
from recommender.presentation.map_answers import map_answer
from tests.databases import open_catalog
from tests.recommender.support import Library, names, query

Floats = npt.NDArray[np.floating[Any]]


def clusters(n: int, seed: int = 0, of: int = 3) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Unit vectors about a few centres, and which each belongs to."""
    random = np.random.default_rng(seed)
    owner = random.integers(0, of, n)
    vectors = random.standard_normal((of, 50))[owner] + 0.3 * random.standard_normal((n, 50))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), owner


def same_cluster_is_nearest(points: Floats, owner: npt.NDArray[np.int64]) -> float:
    distances = ((points[:, None] - points) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((owner[distances.argmin(axis=1)] == owner).mean())


def fills_the_square(points: Floats) -> bool:
    return np.abs(points).max() == pytest.approx(1) and np.abs(points.max(0) + points.min(0)).max() < 1e-9


def test_near_stays_near() -> None:
    vectors, owner = clusters(150)
    points = two_dimensions(vectors, seed=0)
    assert points.shape == (150, 2)
    assert fills_the_square(points)
    assert same_cluster_is_nearest(points, owner) == 1.0
    plane = (vectors - vectors.mean(0)) @ np.linalg.svd(vectors - vectors.mean(0))[2][:2].T
    found = trustworthiness(vectors, points, n_neighbors=5)
    assert found > 0.8
    assert found > trustworthiness(vectors, plane, n_neighbors=5) + 0.05  # better than a mere projection


def test_the_same_seed_gives_the_same_points() -> None:
    vectors, _ = clusters(60)
    np.testing.assert_array_equal(two_dimensions(vectors, seed=3), two_dimensions(vectors, seed=3))
    whole, same = two_dimensions(vectors, 3, at_most=30), two_dimensions(vectors, 3, at_most=30)
    np.testing.assert_array_equal(whole, same)
    assert not np.array_equal(whole, two_dimensions(vectors, 4, at_most=30))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_few_tracks_lie_in_the_plane_of_largest_variance(n: int) -> None:
    """Held to a singular value decomposition; up to three points keep all their distances."""
    vectors, _ = clusters(n, seed=n)
    points = two_dimensions(vectors, seed=0)
    assert fills_the_square(points)
    _, _, axes = np.linalg.svd(vectors - vectors.mean(0))
    expected = pdist((vectors - vectors.mean(0)) @ axes[:2].T)
    np.testing.assert_allclose(pdist(points) / pdist(points).max(), expected / expected.max(), atol=1e-6)
    if n <= 3:
        np.testing.assert_allclose(expected, pdist(vectors), atol=1e-9)


def test_one_track_none_and_many_equal_are_points_too() -> None:
    assert two_dimensions(np.zeros((0, 7)), 0).shape == (0, 2)
    assert two_dimensions(np.ones((1, 7)), 0).tolist() == [[0, 0]]
    for n in (3, 30):
        assert two_dimensions(np.ones((n, 7)), 0).tolist() == [[0, 0]] * n
    assert two_dimensions(np.array([[1.0], [-1.0], [0.5]]), 0)[:, 1].tolist() == [0, 0, 0]
    twice = two_dimensions(np.repeat(clusters(10)[0], 2, axis=0), 0)
    assert np.isfinite(twice).all()


@pytest.mark.parametrize("n", [5, 6, 12])
def test_small_catalogues_have_points_for_all(n: int) -> None:
    points = two_dimensions(clusters(n)[0], 0)
    assert np.isfinite(points).all()
    assert len(np.unique(points.round(6), axis=0)) == n
    assert fills_the_square(points)


def test_of_too_many_a_sample_is_laid_out_and_the_others_put_among_it() -> None:
    vectors, owner = clusters(200)
    points = two_dimensions(vectors, 0, at_most=60)
    assert fills_the_square(points)
    assert same_cluster_is_nearest(points, owner) > 0.97


def test_the_others_are_at_the_mean_of_their_five_nearest() -> None:
    random = np.random.default_rng(1)
    known, points = random.standard_normal((12, 6)), random.standard_normal((12, 2))
    others = random.standard_normal((20, 6))
    found = map_module.put_among(np.vstack([known, others]), known, points)
    np.testing.assert_array_equal(found[:12], points)
    for vector, place in zip(others, found[12:], strict=True):
        near = np.argsort([np.linalg.norm(vector - one) for one in known])[:5]
        np.testing.assert_allclose(place, points[near].mean(axis=0))


# From a catalogue.


def stored_means(library: Library, trunk_id: str) -> dict[int, Floats]:
    sql = """
        SELECT track_id, embedding FROM feature JOIN segment ON segment.id = segment_id
        JOIN track ON track.id = track_id WHERE NOT missing AND error_kind IS NULL AND trunk_id = ?
    """
    units: dict[int, list[Floats]] = {}
    for track_id, raw in query(library.home, sql, trunk_id):
        vector = np.frombuffer(raw, "<f4").astype(np.float64)
        units.setdefault(track_id, []).append(vector / np.linalg.norm(vector))
    means = {track_id: np.mean(rows, axis=0) for track_id, rows in units.items()}
    return {track_id: mean / np.linalg.norm(mean) for track_id, mean in means.items()}


def test_tracks_are_the_directions_of_their_mean_segments(ingested: Library, shipped: Bundle) -> None:
    expected = stored_means(ingested, shipped.trunk_id)
    catalog = open_catalog(ingested.home / "catalog.sqlite")
    with catalog.transaction() as session:
        ids, vectors = mean_segments(session, shipped.trunk_id)
        assert mean_segments(session, "no such trunk")[0] == []
    catalog.close()
    assert ids == sorted(expected)
    np.testing.assert_allclose(vectors, [expected[i] for i in ids], atol=1e-6)


def test_points_carry_the_users_label_or_else_the_models(
    library: Library, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = names(library.home)
    query(library.home, "UPDATE track SET label = 'polka/slow' WHERE id = ?", rows["alpha.mp3"]["id"])
    query(library.home, "UPDATE track SET missing = true WHERE id = ?", rows["beta.flac"]["id"])
    called = {"gamma.ogg": None, "delta.wav": WEAK, "epsilon.mp3": NOT_MUSIC}
    reasons = {rows[name]["id"]: reason for name, reason in called.items() if name in rows}
    sure, unsure = rows["gamma.ogg"]["id"], rows["delta.wav"]["id"]

    def sounds_of(session: Any, track_ids: Any, bundle: Bundle) -> Any:
        found = track_sounds(session, track_ids, bundle)
        return {i: replace(sound, unknown=reasons.get(i, sound.unknown)) for i, sound in found.items()}

    def labels_of(*asked: Any) -> dict[int, str]:
        return {i: sound.label for i, sound in sounds_of(*asked).items()}

    monkeypatch.setattr("recommender.map.library_map.labels_of_tracks", labels_of)
    catalog = open_catalog(library.home / "catalog.sqlite")
    with catalog.transaction() as session:
        drawn = library_map(session, shipped, kept_layout(session, shipped, anew=True))
        points = {point["track_id"]: point for point in map_answer(drawn, map_facts(session))["tracks"]}
        laid_out = two_dimensions(mean_segments(session, shipped.trunk_id)[1], 0)
        for track_id, point in points.items():
            label = judgement(sounds_of(session, [track_id], shipped)[track_id])["label"]
            assert point["genre"] == ("polka/slow" if track_id == rows["alpha.mp3"]["id"] else label)
    catalog.close()
    assert points[sure]["genre"] not in ("unsure", "not music")
    assert points[unsure]["genre"] == "unsure"
    assert set(points) == {row["id"] for row in rows.values()} - {rows["beta.flac"]["id"]}
    alpha = points[rows["alpha.mp3"]["id"]]
    assert (alpha["title"], alpha["artist"]) == ("Alpha Rising", "Ann Arbor")
    # Not by vectors computed here: t-SNE answers the least difference with another picture.
    np.testing.assert_allclose([(p["x"], p["y"]) for p in points.values()], laid_out, atol=5.1e-5)


def test_nothing_analysed_is_one_plain_line(library: Library, shipped: Bundle) -> None:
    query(library.home, "UPDATE track SET missing = true")
    catalog = open_catalog(library.home / "catalog.sqlite")
    with catalog.transaction() as session, pytest.raises(RecommenderError, match="run ingest"):
        kept_layout(session, shipped)
    catalog.close()
