"""Areas of the map: where points lie together, whoever asks; named apart from each other."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from recommender.map.library_map import LibraryMap, library_map
from recommender.map.places import kept_layout
from recommender.map.regions import LEAST_SONGS, LEVELS, areas, map_regions
from tests.databases import KINDS
from tests.recommender.random_catalog import Made, make_songs, store

CENTRES = np.array([[-0.7, -0.6], [0.6, -0.5], [0.0, 0.7]])


@pytest.fixture(scope="module")
def islands() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Points of three islands of different sizes, and which each is of."""
    random = np.random.default_rng(3)
    owner = np.repeat([0, 1, 2], [500, 300, 200])
    return (CENTRES[owner] + 0.09 * random.standard_normal((1000, 2))).clip(-1, 1), owner


def test_areas_are_the_islands_with_the_largest_first(
    islands: tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]],
) -> None:
    points, owner = islands
    found = areas(points, 3, 20)
    assert len(found) == 3
    for island, (members, peak) in enumerate(found):
        assert (owner[members] == island).mean() > 0.99
        assert len(members) > 0.95 * (owner == island).sum()
        assert np.abs(peak - CENTRES[island]).max() < 0.1


def test_areas_stay_where_they_are_when_points_are_added(
    islands: tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]],
) -> None:
    points, _ = islands
    before = [peak for _, peak in areas(points, 3, 20)]
    more = np.vstack([points, np.random.default_rng(9).uniform(-1, 1, (10, 2))])
    order = np.random.default_rng(1).permutation(len(more))
    after = [peak for _, peak in areas(more[order], 3, 20)]
    np.testing.assert_allclose(after, before, atol=0.05)


def test_there_are_no_more_areas_than_asked_for_and_none_of_too_few() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (3000, 2))
    for most in (1, 4, 12):
        found = areas(points, most, 30)
        assert 1 <= len(found) <= most
        assert all(len(members) >= 30 for members, _ in found)
        assert sum(len(members) for members, _ in found) >= 0.6 * len(points)
        assert len(np.unique(np.concatenate([members for members, _ in found]))) == sum(
            len(members) for members, _ in found
        )
    assert areas(np.zeros((3, 2)), 5, 4) == [] and areas(np.zeros((0, 2)), 5, 4) == []


@pytest.fixture
def made(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = store(tmp_path_factory.mktemp("regions"), make_songs(80))
    yield found
    found.catalog.close()


@pytest.mark.databases(*KINDS)
def test_regions_have_names_of_their_own_and_are_kept_with_the_map(made: Made) -> None:
    with made.catalog.transaction() as session:
        layout = kept_layout(session, made.bundle)
        found = map_regions(session, made.bundle, layout.track_ids, layout.points)
        assert found == map_regions(session, made.bundle, layout.track_ids, layout.points)
        drawn = library_map(session, made.bundle, layout)
    assert found and len({region.name.casefold() for region in found}) == len(found)
    assert [region.level for region in found] == sorted(region.level for region in found)
    for level, most in enumerate(LEVELS):
        sizes = [region.tracks for region in found if region.level == level]
        assert len(sizes) <= most and sizes == sorted(sizes, reverse=True)
        assert all(size >= LEAST_SONGS for size in sizes) and sum(sizes) <= len(layout.track_ids)
    again = LibraryMap.unpacked(drawn.packed())
    assert (again.track_ids, again.genres, again.regions) == (drawn.track_ids, drawn.genres, found)
    np.testing.assert_array_equal(again.points, drawn.points)
    for damaged in (b"", b"[]", b"{}", b'{"track_ids": [1]}'):
        with pytest.raises(ValueError):
            LibraryMap.unpacked(damaged)
