"""Tables of everyone's neighbours, held to the reference."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pytest
from numpy.testing import assert_allclose
from sqlalchemy.orm import Session

from db.models import TagWrite, Track
from db.tag_writes import DONE, WRITE
from recommender.evaluation.corrections import ON_CENTRED
from recommender.evaluation.score_tables import (
    CENTRED,
    METHODS,
    PLAIN,
    RANKING,
    StoredPatches,
    facts_of,
    recordings_of,
    score_tables,
)
from recommender.file_tags.genre_fields import SCORES, scores_text, with_field
from recommender.file_tags.snapshots import describe
from recommender.file_tags.stored_tags import VORBIS, StoredTags
from recommender.retrieval.request import ListRequest
from tests.recommender.random_catalog import Made, make_songs, store
from tests.recommender.retrieval.brute_force import BruteForce, asked, patches_of, song_score

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = store(tmp_path_factory.mktemp("neighbours"), make_songs(45))
    yield found
    found.catalog.close()


def away(scores: Floats) -> Floats:
    """Return the values beside the diagonal."""
    return scores[~np.eye(len(scores), dtype=bool)]


def test_tables_equal_the_reference(made: Made) -> None:
    seen = []
    with made.catalog.transaction() as session:
        tables = score_tables(
            session, made.index, made.bundle, 500, 0, lambda done, total: seen.append((done, total))
        )
    truth = BruteForce(made.songs)
    ids = list(made.songs)
    assert seen == [(i + 1, len(ids)) for i in range(len(ids))]
    assert set(tables.scores) == set(METHODS)
    centred = np.array([[song_score(truth.vectors[i], truth.vectors[j]) for j in ids] for i in ids])
    assert_allclose(tables.scores[CENTRED], centred, atol=5e-6)
    for name, method in ON_CENTRED.items():
        assert_allclose(away(tables.scores[name]), away(method(centred)), atol=2e-4, rtol=1e-4)
    for row, track_id in enumerate(ids):
        others = [i for i in ids if made.songs[i].content != made.songs[track_id].content]
        for name, hub in ((PLAIN, False), (RANKING, True)):
            query, list_request = asked(made.songs[track_id]), ListRequest(hub_correction=hub)
            expected = {one.song.id: one.score for one in truth.scored([query], [], list_request, others)[0]}
            found = tables.scores[name][row]
            assert_allclose(found, [expected.get(i, 0.0) for i in ids], atol=5e-6)  # 0 of itself


def test_of_a_large_catalogue_a_sample_is_scored(made: Made) -> None:
    with made.catalog.transaction() as session:
        whole = score_tables(session, made.index, made.bundle, 500, 0)
        some = score_tables(session, made.index, made.bundle, 12, 3)
        again = score_tables(session, made.index, made.bundle, 12, 3)
    assert len(set(some.positions.tolist())) == 12
    assert some.positions.tolist() == sorted(some.positions.tolist()) == again.positions.tolist()
    picked = np.ix_(some.positions, some.positions)
    assert_allclose(some.scores[CENTRED], whole.scores[CENTRED][picked], atol=1e-6)


def test_stored_stretches_are_the_stored_patches_however_few_are_kept(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredPatches, "KEPT", 3)
    with made.catalog.transaction() as session:
        stretches = StoredPatches(session, made.bundle)
        for ids in ([1, 2], [2, 3, 4], [1], [5, 1, 7, 8], [1, 999]):
            found = stretches(ids)
            assert set(found) == set(ids) - {999}
            for track_id, stretch in found.items():
                patches = patches_of(made.songs[track_id])
                assert_allclose(stretch.embeddings, patches.vectors, atol=0)
                assert_allclose(stretch.starts_s, patches.starts_s, atol=1e-4)


def test_a_genre_that_was_written_by_ourselves_is_no_fact(made: Made) -> None:
    positions = np.array([3, 9])
    session = Session(made.catalog.engine)
    with session.begin() as undone:
        tracks = [session.get_one(Track, int(made.index.rows.track_ids[position])) for position in positions]
        for track, genres in zip(tracks, (["Rock"], ["Polka", "Rock"]), strict=True):
            track.label, track.file_genres = None, genres
            tags = with_field(StoredTags(VORBIS, False, ()), SCORES, [scores_text({"genre": {"Rock": 0.9}})])
            after = describe(tags, [entry.key for entry in tags.entries])
            said = {
                "action": WRITE,
                "state": DONE,
                "target": "",
                "temporary": "",
                "before": {},
                "after": after,
            }
            session.add(TagWrite(track_id=track.id, begun_at=datetime(2024, 1, 1), **said))
        session.flush()
        assert facts_of(session, made.index, positions).genres == [None, "Polka"]
        undone.rollback()
    session.close()


def test_facts_and_recordings_come_in_the_order_of_the_places(made: Made) -> None:
    positions = np.array([30, 3, 20, 9, 40])
    songs = [made.songs[int(made.index.rows.track_ids[position])] for position in positions]
    with made.catalog.transaction() as session:
        facts = facts_of(session, made.index, positions)
        recordings = recordings_of(session, made.index, np.arange(len(made.songs)))
    assert facts.genres == [song.label for song in songs]
    assert facts.plays == [song.plays for song in songs]
    assert facts.durations_s == [song.duration_s for song in songs]
    assert facts.artists == [song.artist or None for song in songs]
    assert facts.albums == [f"{s.album}\0{s.artist}" if s.album else None for s in songs]
    contents = [song.content for song in made.songs.values()]
    assert len(set(recordings.tolist())) == len(set(contents))
    pairs = set(zip(recordings.tolist(), contents, strict=True))
    assert len(pairs) == len(set(contents))
