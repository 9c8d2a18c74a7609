"""Ranking held to a brute-force search written here, on a catalogue of random tracks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sqlalchemy.orm import Session

from classifier.bundle import Bundle
from db.features import track_features
from db.models import Track
from db.session import Catalog, open_catalog
from db.tracks import root_for
from recommender import params
from recommender.errors import AmbiguousQueryError, QueryError
from recommender.retrieval.index import SegmentIndex, build
from recommender.retrieval.query import HeardFile, Query, resolve
from recommender.retrieval.scoring import track_scores
from recommender.retrieval.similar import Ranking, similar, similarity
from tests.db.rows import TRUNK, new_track, store_embeddings

N_TRACKS = 300
DIMENSIONS = 16
COPIES = {7: 40, 8: 40, 41: 40, 100: 250, 299: 298}
"""Tracks that are identical copies of another one, by number."""


@dataclass
class Random:
    """The catalogue, and what is in it as this test made it."""

    catalog: Catalog
    index: SegmentIndex
    vectors: dict[int, np.ndarray]
    contents: dict[int, str]


def unit(vectors: np.ndarray) -> np.ndarray:
    wide = np.asarray(vectors, np.float64)
    return wide / np.linalg.norm(wide, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def random_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Random]:
    catalog = open_catalog(tmp_path_factory.mktemp("random") / "catalog.sqlite")
    random = np.random.default_rng(11)
    styles = random.standard_normal((12, DIMENSIONS)) * 1.5
    vectors: dict[int, np.ndarray] = {}
    contents: dict[int, str] = {}
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number in range(N_TRACKS):
            content = f"hash {COPIES.get(number, number)}"
            track = new_track(
                session,
                root,
                f"{number}.mp3",
                title=f"song {number}",
                content_hash=content,
                analysed_hash=content,
            )
            same = [i for i, c in contents.items() if c == content]
            noise = random.standard_normal((random.integers(1, 12), DIMENSIONS))
            made = vectors[same[0]] if same else (styles[number % 12] + noise).astype(np.float32)
            vectors[track.id], contents[track.id] = made, content
            store_embeddings(session, track, made)
    yield Random(catalog, build(catalog, TRUNK)[0], vectors, contents)
    catalog.close()


def query_of(session: Session, track_id: int) -> Query:
    """Return a track as a query, as `resolve` makes it."""
    track = session.get(Track, track_id)
    features = track_features(session, track_id, TRUNK)
    same = session.query(Track.id).filter(Track.content_hash == track.content_hash)
    return Query(
        track_id=track_id,
        path=track.path,
        title=track.title,
        artist=track.artist,
        embeddings=unit(features.embeddings).astype(np.float32),
        tags=features.tags[0],
        genres=np.zeros(10, np.float32),
        excluded=frozenset(row[0] for row in same),
    )


def expected_score(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over the segments of each side of the best match on the other, over both sides."""
    best_of_one = [max(float(a @ b) for b in other) for a in one]
    best_of_other = [max(float(a @ b) for a in one) for b in other]
    return (sum(best_of_one) / len(one) + sum(best_of_other) / len(other)) / 2


def brute_force(made: Random, query_ids: list[int], n: int) -> list[tuple[int, float]]:
    """Return (track id, score) of the best n, every track scored, copies counted once."""
    heard = {made.contents[i] for i in query_ids}
    scored = []
    for track_id, vectors in made.vectors.items():
        scores = [expected_score(unit(made.vectors[q]), unit(vectors)) for q in query_ids]
        scored.append((-sum(scores) / len(scores), track_id))
    best = []
    for score, track_id in sorted(scored):
        if made.contents[track_id] not in heard:
            heard.add(made.contents[track_id])
            best.append((track_id, -score))
    return best[:n]


def ranked(made: Random, query_ids: list[int], n: int) -> tuple[list[tuple[int, float]], str | None]:
    with made.catalog.transaction() as session:
        ranking = similar(session, made.index, [query_of(session, i) for i in query_ids], n)
        return [(match.track.id, match.similarity) for match in ranking.matches], ranking.shortfall


@pytest.mark.parametrize("query_ids", [[1], [3], [41], [42], [101], [300], [5, 6], [9, 8, 120], [12, 12]])
@pytest.mark.parametrize("n", [1, 10, 60])
def test_ranking_equals_brute_force(random_catalog: Random, query_ids: list[int], n: int) -> None:
    found, shortfall = ranked(random_catalog, query_ids, n)
    expected = brute_force(random_catalog, query_ids, n)
    assert [i for i, _ in found] == [i for i, _ in expected]
    assert_allclose([s for _, s in found], np.clip([s for _, s in expected], 0, 1), atol=2e-6)
    assert shortfall is None


def test_every_track_of_the_catalogue_is_ranked_once(random_catalog: Random) -> None:
    n_contents = len(set(random_catalog.contents.values()))
    found, shortfall = ranked(random_catalog, [1], n_contents + 5)
    expected = brute_force(random_catalog, [1], N_TRACKS)
    assert [i for i, _ in found] == [i for i, _ in expected]
    assert len(found) == n_contents - 1
    assert shortfall == f"the catalogue holds only {n_contents - 1} other analysed tracks"
    similarities = [s for _, s in found]
    assert similarities == sorted(similarities, reverse=True)
    assert 0 <= min(similarities) <= max(similarities) <= 1


@pytest.mark.parametrize("reach", [1, 2, 7, 50])
@pytest.mark.parametrize("query_ids", [[1], [41], [42, 77]])
def test_short_reach_still_gives_exactly_n_rightly_scored(
    random_catalog: Random, monkeypatch: pytest.MonkeyPatch, reach: int, query_ids: list[int]
) -> None:
    monkeypatch.setattr(params, "FIRST_NEIGHBOURS", reach)
    truth = dict(brute_force(random_catalog, query_ids, N_TRACKS))
    copies = {i: c for i, c in random_catalog.contents.items() if i not in truth}
    for n in (1, 5, 25, 120, len(truth)):
        found, shortfall = ranked(random_catalog, query_ids, n)
        assert len(found) == n
        assert shortfall is None
        assert len({random_catalog.contents[i] for i, _ in found}) == n
        assert not {i for i, _ in found} & set(copies)
        assert_allclose([s for _, s in found], [max(0, truth[i]) for i, _ in found], atol=2e-6)
        assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)
    found, shortfall = ranked(random_catalog, query_ids, len(truth) + 1)
    assert len(found) == len(truth)
    assert shortfall is not None


def test_plays_have_no_influence(random_catalog: Random) -> None:
    before = ranked(random_catalog, [4, 19], 50)
    random = np.random.default_rng(2)
    with random_catalog.catalog.transaction() as session:
        for track_id, plays in zip(random_catalog.vectors, random.permutation(N_TRACKS) * 100, strict=True):
            session.get(Track, track_id).plays = int(plays)
    assert ranked(random_catalog, [4, 19], 50) == before


def test_the_same_query_twice_changes_nothing(random_catalog: Random) -> None:
    assert ranked(random_catalog, [17, 17], 20)[0] == ranked(random_catalog, [17], 20)[0]


def first_like_the_others(folder: Path, vectors: list[list[float]], n: int) -> Ranking:
    """Rank a new catalogue of one-segment tracks against the first of them."""
    catalog = open_catalog(folder / "catalog.sqlite")
    with catalog.transaction() as session:
        root = root_for(session, "/m")
        for number, vector in enumerate(vectors):
            store_embeddings(session, new_track(session, root, f"{9 - number}.mp3"), [np.array(vector)])
    with catalog.transaction() as session:
        # without a content hash no track is a copy of another
        query = replace(query_of(session, 1), excluded=frozenset([1]))
        ranking = similar(session, build(catalog, TRUNK)[0], [query], n)
    catalog.close()
    return ranking


def test_tracks_that_score_alike_come_by_id(tmp_path: Path) -> None:
    ranking = first_like_the_others(tmp_path, [[0.8, 0.6], *[[1.0, 0.0]] * 5], 5)
    assert [match.track.id for match in ranking.matches] == [2, 3, 4, 5, 6]
    assert_allclose([match.similarity for match in ranking.matches], 0.8, atol=1e-6)


def test_opposite_and_unrelated_tracks_are_zero_not_negative(tmp_path: Path) -> None:
    ranking = first_like_the_others(tmp_path, [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]], 3)
    assert [match.track.id for match in ranking.matches] == [2, 3, 4]
    assert_allclose([match.similarity for match in ranking.matches], [0.6, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (0, "the catalogue holds only 0 other analysed tracks"),
        (1, "the catalogue holds only 1 other analysed track"),
        (2, "the catalogue holds only 2 other analysed tracks"),
    ],
)
def test_shortfall_says_how_many_there_are(tmp_path: Path, others: int, sentence: str) -> None:
    ranking = first_like_the_others(tmp_path, [[1.0, number] for number in range(1 + others)], 3)
    assert (len(ranking.matches), ranking.shortfall) == (others, sentence)


@pytest.mark.parametrize(
    ("score", "shown"), [(-1, 0), (-0.2, 0), (0, 0), (0.25, 0.25), (1, 1), (1.0000002, 1)]
)
def test_similarity_is_within_0_and_1(score: float, shown: float) -> None:
    assert similarity(score) == shown


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    n_query=st.integers(1, 6),
    seed=st.integers(0, 999),
)
def test_scores_equal_their_definition_and_are_symmetric(sizes: list[int], n_query: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    queries = unit(random.standard_normal((n_query, 5))).astype(np.float32)
    tracks = [unit(random.standard_normal((size, 5))).astype(np.float32) for size in sizes]
    starts = np.cumsum([0, *sizes[:-1]]).astype(np.int64)
    scores = track_scores(queries, np.concatenate(tracks), starts)
    assert_allclose(scores, [expected_score(queries, track) for track in tracks], atol=1e-6)
    turned = [track_scores(track, queries, np.array([0]))[0] for track in tracks]
    assert_allclose(scores, turned, atol=1e-6)


def never(path: str) -> HeardFile:
    raise AssertionError(f"{path} was analysed")


@pytest.fixture
def small(tmp_path: Path, shipped: Bundle) -> Iterator[Session]:
    catalog = open_catalog(tmp_path / "catalog.sqlite")
    random = np.random.default_rng(1)
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number, title in enumerate(["Ocean Song", "Ocean Tide", "1999", "Failed", "Ocean Copy"], start=1):
            track = new_track(session, root, f"{number}.mp3", title=title, search_text=title.lower())
            track.content_hash = "same" if number in (1, 5) else f"hash {number}"
            if title == "Failed":
                track.error_kind, track.error_message = "silent", "silent throughout"
            else:
                vectors = random.standard_normal((2, 200)).astype(np.float32)
                store_embeddings(session, track, vectors)
        for feature in session.query(Track).all():
            for segment in feature.segments:
                segment.features[0].trunk_id = shipped.trunk_id
        session.flush()
        yield session
    catalog.close()


def test_an_id_or_words_name_a_track_with_its_copies(small: Session, shipped: Bundle) -> None:
    for argument in ("1", "ocean song", "SONG", "song ocean"):
        query = resolve(small, argument, shipped, never)
        assert (query.track_id, query.title, query.path) == (1, "Ocean Song", "/music/1.mp3")
        assert query.excluded == {1, 5}
        assert_allclose(np.linalg.norm(query.embeddings, axis=1), 1, atol=1e-6)


def test_words_that_fit_several_tracks_list_them(small: Session, shipped: Bundle) -> None:
    with pytest.raises(AmbiguousQueryError, match="3 tracks match 'ocean'") as caught:
        resolve(small, "ocean", shipped, never)
    assert caught.value.matches == [
        "5   - Ocean Copy  (/music/5.mp3)",
        "1   - Ocean Song  (/music/1.mp3)",
        "2   - Ocean Tide  (/music/2.mp3)",
    ]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("77", "no track has the id 77"),
        ("0", "no track has the id 0"),
        ("98765432109876543210", "no track has the id 98765432109876543210"),
        ("4", "cannot be a query: silent throughout"),
        ("failed", "cannot be a query: silent throughout"),
        ("nothing like it", "'nothing like it' is no file, no track id, and no words"),
        ("-1", "'-1' is no file"),
        ("²", "'²' is no file"),
    ],
)
def test_what_names_nothing_is_one_plain_line(
    small: Session, shipped: Bundle, argument: str, message: str
) -> None:
    with pytest.raises(QueryError) as caught:
        resolve(small, argument, shipped, never)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("argument", ["", "   "])
def test_an_empty_query_names_nothing(small: Session, shipped: Bundle, argument: str) -> None:
    with pytest.raises(QueryError) as caught:
        resolve(small, argument, shipped, never)
    assert not isinstance(caught.value, AmbiguousQueryError)


def test_analysis_by_another_trunk_is_no_query(small: Session, shipped: Bundle) -> None:
    small.get(Track, 2).segments[0].features[0].trunk_id = "trunk-x"
    small.get(Track, 2).segments[1].features[0].trunk_id = "trunk-x"
    small.flush()
    with pytest.raises(QueryError, match="not analysed with the active bundle: run ingest"):
        resolve(small, "2", shipped, never)
