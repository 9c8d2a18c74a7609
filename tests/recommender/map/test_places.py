"""Places that are kept: what stood stays, new songs are put near theirs, and when all is laid out anew."""

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import update

from db.listening.map_places import layout_state, places
from db.models import Track
from recommender.map.layout import mean_segments
from recommender.map.places import Layout, kept_layout
from tests.databases import KINDS
from tests.recommender.random_catalog import Made, make_songs, store

pytestmark = pytest.mark.databases(*KINDS)


@pytest.fixture
def made(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = store(tmp_path_factory.mktemp("places"), make_songs(60))
    yield found
    found.catalog.close()


def missing(made: Made, track_ids: list[int], value: bool) -> None:
    with made.catalog.change() as session:
        session.execute(update(Track).where(Track.id.in_(track_ids)).values(missing=value))


def laid_out(made: Made, *, anew: bool = False) -> Layout:
    with made.catalog.change() as session:
        layout = kept_layout(session, made.bundle, anew=anew)
        layout.keep(session)
        return layout


def where(layout: Layout) -> dict[int, tuple[float, float]]:
    return {i: (x, y) for i, (x, y) in zip(layout.track_ids, layout.points.tolist(), strict=True)}


def test_what_stood_stays_and_new_songs_lie_among_their_nearest(made: Made) -> None:
    ids = sorted(made.songs)
    later = ids[::6]
    missing(made, later, True)
    first = laid_out(made)
    assert first.anew and len(first.new) == len(ids) - len(later)
    missing(made, later, False)
    second = laid_out(made)
    before, after = where(first), where(second)
    assert not second.anew and sorted(place.track_id for place in second.new) == later
    assert {i: after[i] for i in before} == before
    with made.catalog.transaction() as session:
        every, vectors = mean_segments(session, made.bundle.trunk_id)
        assert {i: (p.x, p.y) for i, p in places(session).items()} == after
    row = dict(zip(every, vectors, strict=True))
    for i in later:
        near = sorted(before, key=lambda other: -float(row[i] @ row[other]))[:5]
        same = [other for other in near if np.allclose(row[i], row[other], atol=1e-5)]
        expected = before[same[0]] if same else np.mean([before[other] for other in near], axis=0)
        np.testing.assert_allclose(after[i], expected, atol=1e-6)
    assert where(laid_out(made)) == after and not laid_out(made).new


def test_a_song_whose_audio_is_another_is_given_a_new_place_alone(made: Made) -> None:
    first = laid_out(made)
    changed = first.track_ids[3]
    with made.catalog.change() as session:
        session.execute(update(Track).where(Track.id == changed).values(analysed_hash="another"))
    second = laid_out(made)
    assert [place.track_id for place in second.new] == [changed]


def test_all_is_laid_out_anew_on_request_and_when_the_library_has_doubled(made: Made) -> None:
    ids = sorted(made.songs)
    missing(made, ids[20:], True)
    first = laid_out(made)
    again = laid_out(made, anew=True)
    assert again.anew and (first.state["number"], again.state["number"]) == (1, 2)
    missing(made, ids[20:], False)
    doubled = laid_out(made)
    assert doubled.anew and doubled.state == {
        "trunk_id": made.bundle.trunk_id,
        "tracks": len(ids),
        "number": 3,
    }
    with made.catalog.transaction() as session:
        assert layout_state(session) == doubled.state and len(places(session)) == len(ids)
    assert np.abs(doubled.points).max() == pytest.approx(1)
