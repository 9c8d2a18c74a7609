"""Answers by value: every list is held to `brute_force`, all corrections on and every filter tried."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.models import Track
from db.tracks import root_for
from recommender import params
from recommender.errors import AmbiguousQueryError, QueryError
from recommender.retrieval.filters import Filters, Range
from recommender.retrieval.index import inverted_build
from recommender.retrieval.index.store import StoredIndex, build
from recommender.retrieval.query import Query, from_track, resolve
from recommender.retrieval.query_file import AnalysedFile, Span
from recommender.retrieval.ranking import similarity
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import Match, Ranking, similar
from tests.databases import open_catalog
from tests.db.rows import TRUNK, new_track, store_embeddings
from tests.recommender.random_catalog import (
    COPIES,
    RECODED,
    Made,
    RandomBundle,
    RandomSong,
    make_songs,
    store,
)
from tests.recommender.retrieval import brute_force
from tests.recommender.retrieval.brute_force import (
    Answer,
    AskedQuery,
    BruteForce,
    asked,
    limit_offsets_of,
)

NARROW = 2e-6
"""Two songs whose scores differ by less may come in either order: scores are single floats."""
EVERYTHING = ListRequest(n=500, per_artist=0, per_album=0)


@dataclass(repr=False)
class Both:
    """The catalogue and the reference."""

    made: Made
    truth: BruteForce

    def song(self, number: int) -> RandomSong:
        return self.made.numbered(number)


@pytest.fixture(scope="module")
def both(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    made = store(tmp_path_factory.mktemp("random"), make_songs())
    yield Both(made, BruteForce(made.songs, limit_offsets_of(made.index)))
    made.catalog.close()


@dataclass(frozen=True)
class Ask:
    """Songs by number, one of them perhaps by a passage, and songs that are not wanted."""

    numbers: tuple[int, ...]
    span: tuple[float, float] | None = None
    unwanted: tuple[int, ...] = ()
    outside: bool = False

    def of_truth(self, both: Both) -> tuple[list[AskedQuery], list[AskedQuery]]:
        spans = [self.span, *[None] * len(self.numbers)]
        queries = [asked(both.song(n), span) for n, span in zip(self.numbers, spans, strict=False)]
        return queries, [asked(both.song(n)) for n in self.unwanted]

    def of_session(self, both: Both, session: Session) -> tuple[list[Query], list[Query]]:
        def query(number: int, span: tuple[float, float] | None = None) -> Query:
            track = session.get(Track, both.song(number).id)
            found = from_track(session, track, both.made.bundle, Span(*span) if span else None)
            return replace(found, track_id=None, excluded=frozenset()) if self.outside else found

        spans = [self.span, *[None] * len(self.numbers)]
        queries = [query(n, span) for n, span in zip(self.numbers, spans, strict=False)]
        unwanted = replace(self, outside=False, numbers=self.unwanted, unwanted=(), span=None)
        return queries, unwanted.of_session(both, session)[0] if self.unwanted else []


def ranked(both: Both, ask: Ask, options: ListRequest, tastes: Sequence[float] | None = None) -> Ranking:
    with both.made.catalog.transaction() as session:
        queries, unwanted = ask.of_session(both, session)
        return similar(session, both.made.index, both.made.bundle, queries, options, unwanted, tastes)


def expected(both: Both, ask: Ask, options: ListRequest, tastes: Sequence[float] | None = None) -> Answer:
    queries, unwanted = ask.of_truth(both)
    return both.truth.answer(queries, options, unwanted, outside=ask.outside, tastes=tastes)


def assert_sound(matches: Sequence[Match]) -> None:
    """Hold a list to what every list must be."""
    shown = [match.similarity for match in matches]
    assert all(0 <= s <= 1 for s in shown)
    assert shown == sorted(shown, reverse=True)
    for match in matches:
        assert_allclose(match.similarity, np.clip(match.score, 0, 1), atol=1e-6)
        assert_allclose(sum(match.parts.values()), match.score, atol=1e-6)


def assert_equal(found: Ranking, answer: Answer, both: Both) -> None:
    """Compare ids (identical copies stand for each other), scores and parts."""
    assert_sound(found.matches)
    songs = [both.made.songs[match.track.id] for match in found.matches]
    assert [song.content for song in songs] == [one.song.content for one in answer.found]
    for match, one in zip(found.matches, answer.found, strict=True):
        assert set(match.parts) == set(one.parts)
        for name, value in one.parts.items():
            assert_allclose(match.parts[name], value, atol=5e-6, err_msg=name)
        assert_allclose(match.score, one.score, atol=5e-6)


class NearTieError(Exception):
    """The options leave two answers that are both right."""


def check(both: Both, ask: Ask, options: ListRequest, tastes: Sequence[float] | None = None) -> Ranking:
    answer = expected(both, ask, options, tastes)
    if answer.margin <= NARROW:
        raise NearTieError(answer.margin)
    found = ranked(both, ask, options, tastes)
    assert_equal(found, answer, both)
    return found


def with_passages(both: Both, ask: Ask, found: Ranking) -> None:
    queries, _ = ask.of_truth(both)
    for match in found.matches:
        number, passage = both.truth.passage(queries, both.made.songs[match.track.id])
        assert match.query == number
        here = (match.passage.query_start_s, match.passage.query_end_s)
        there = (match.passage.match_start_s, match.passage.match_end_s)
        assert_allclose([*here, *there], [*passage.query, *passage.match], atol=1e-4)
        assert_allclose(match.passage.score, passage.score, atol=5e-6)


ASKS = [
    Ask((0,)),
    Ask((4,), (21.0, 60.0)),
    Ask((4,), (21.0, 60.0), unwanted=(11, 0)),
    Ask((31,), (15.5, 30.1)),
    Ask((3,)),
    Ask((20,)),
    Ask((30,)),
    Ask((50,)),
    Ask((50,), (100.0, 333.0)),
    Ask((6, 60)),
    Ask((2, 5, 9), unwanted=(3,)),
    Ask((5,), outside=True),
    Ask((109,), outside=True),
    Ask((40, 0), outside=True),
    Ask((60,), (2.0, 40.0)),  # of which the catalogue has another encoding
    Ask((3,), (2.0, 16.0)),
]


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize("hub_correction", [True, False])
@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_answers_equal_brute_force(both: Both, ask: Ask, hub_correction: bool) -> None:
    found = check(both, ask, ListRequest(n=12, hub_correction=hub_correction))
    assert len(found.matches) == 12
    assert found.shortfall is None
    with_passages(both, ask, found)


@pytest.mark.parametrize("ask", [Ask((0,)), Ask((4,), (21.0, 60.0)), Ask((3,), outside=True)], ids=str)
def test_the_whole_catalogue_in_order(both: Both, ask: Ask) -> None:
    found = check(both, ask, EVERYTHING)
    contents = {song.content for song in both.made.songs.values()}
    own = [song for song in both.made.songs.values() if song.recording == both.song(ask.numbers[0]).recording]
    recodings = sum(song.number in RECODED for song in both.made.songs.values())
    left = len(contents) - recodings + (1 if len(own) > 1 else 0) - 1
    assert len(found.matches) in (left, left - 1)
    same = {track.id for track in found.recordings}
    assert same == ({song.id for song in own} if ask.outside else set())
    assert "other files of the same recording" in found.shortfall


LABELLED = [
    "jazz",
    "jazz/bop",
    "BOP",
    "rock",
    "hard",
    "rock/hard",
    "thrash",
    "folk",
    "polka",
    "krakow",
    "fast",
]
filters = st.builds(
    Filters,
    genres=st.one_of(st.just(()), st.lists(st.sampled_from(LABELLED), min_size=1, max_size=2).map(tuple)),
    tags=st.one_of(
        st.just(()), st.lists(st.sampled_from(["guitar", "SLOW", "vocal"]), max_size=2).map(tuple)
    ),
    years=st.sampled_from([None, None, Range(1990, None), Range(None, 1999), Range(1970, 2000)]),
    duration_s=st.sampled_from([None, None, Range(60.0, None), Range(None, 120.5), Range(20.0, 100.0)]),
    max_plays=st.sampled_from([None, None, 0, 5, 30]),
    not_played_since=st.sampled_from([None, None, datetime(2024, 1, 9), datetime(2024, 1, 20, 12)]),
    not_by=st.sampled_from([frozenset[str](), frozenset(["ANN", "cafe müller"]), frozenset([""])]),
    tempo_bpm=st.sampled_from([None, None, Range(115.0, 125.0), Range(100.0, None), Range(None, 50.0)]),
    keys=st.sampled_from([(), (), ("A minor",), ("C major", "E minor")]),
    energy=st.sampled_from([None, None, Range(0.5, None), Range(None, 0.5), Range(0.3, 0.6)]),
    moods=st.sampled_from([(), (), ("slow",), ("SLOW", "Slow")]),
    voice=st.sampled_from([None, None, "sung", "instrumental"]),
    not_on=st.sampled_from([frozenset[str](), frozenset(["BEST of", "two"]), frozenset([""])]),
)
options_of_all_kinds = st.builds(
    ListRequest,
    n=st.integers(1, 40),
    hub_correction=st.booleans(),
    discover=st.sampled_from([0.0, 0.3, 1.0]),
    diversity=st.sampled_from([0.0, 0.0, 0.2, 0.7, 1.0]),
    per_artist=st.sampled_from([None, 0, 1, 3]),
    per_album=st.sampled_from([None, 0, 1, 2]),
    exclude_same_artist=st.booleans(),
    filters=st.one_of(st.just(Filters()), filters),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(ask=st.sampled_from(ASKS), options=options_of_all_kinds)
def test_answers_equal_brute_force_under_any_options(both: Both, ask: Ask, options: ListRequest) -> None:
    try:
        found = check(both, ask, options)
    except NearTieError:
        reject()
    assert len(found.matches) <= options.n
    assert (found.shortfall is None) == (len(found.matches) == options.n)


ONE_BY_ONE = [
    Filters(genres=("jazz",)),
    Filters(genres=("thrash", "polka")),
    Filters(tags=("slow",)),
    Filters(tags=("Guitar", "vocal")),
    Filters(years=Range(1980, 1990)),
    Filters(years=Range(None, 1980)),
    Filters(duration_s=Range(100.0, None)),
    Filters(max_plays=0),
    Filters(not_played_since=datetime(2024, 1, 15)),
    Filters(not_by=frozenset(["CAFE  MULLER", "Emile"])),
    Filters(tempo_bpm=Range(115.2, 124.8)),
    Filters(keys=("A minor", "E minor")),
    Filters(energy=Range(0.4, 0.6)),
    Filters(moods=("slow",)),
    Filters(voice="sung"),
    Filters(voice="instrumental"),
    Filters(not_on=frozenset(["best of", "Live"])),
]


@pytest.mark.parametrize("some", ONE_BY_ONE)
def test_every_filter_by_itself_leaves_the_right_songs(both: Both, some: Filters) -> None:
    found = check(both, Ask((0,)), replace(EVERYTHING, filters=some))
    passed = [s for s in both.made.songs.values() if both.truth.passes(s, [], ListRequest(filters=some))]
    assert 3 < len(passed) < len(both.made.songs) - 3  # the filter does something, and not everything
    assert {m.track.id for m in found.matches} <= {song.id for song in passed}


# Through FAISS.


@pytest.fixture
def by_faiss(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    through_faiss(both, monkeypatch)


def through_faiss(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have candidates named by an inverted file; not all of its lists are looked at to begin with."""
    monkeypatch.setattr(params, "EXACT_SEGMENTS", 0)
    monkeypatch.setattr(params, "FIRST_NEIGHBOURS", 300)
    made = inverted_build.fill(both.made.index)
    made.probes = made.n_lists - 1
    assert made.n_lists > 6
    monkeypatch.setattr(both.made.index, "inverted", made)


@pytest.mark.parametrize("ask", ASKS, ids=str)
@pytest.mark.usefixtures("by_faiss")
def test_faiss_gives_the_same_answers(both: Both, ask: Ask) -> None:
    some = Filters(years=Range(1970, None))
    check(both, ask, ListRequest(n=9, filters=some, diversity=0.3))
    check(both, ask, ListRequest(n=5, hub_correction=False))


@pytest.mark.parametrize("reach", [1, 3, 20])
@pytest.mark.parametrize("ask", [Ask((0,)), Ask((50,)), Ask((2, 9), unwanted=(3,))], ids=str)
@pytest.mark.usefixtures("by_faiss")
def test_a_short_reach_still_gives_exactly_n_rightly_scored(
    both: Both, monkeypatch: pytest.MonkeyPatch, ask: Ask, reach: int
) -> None:
    monkeypatch.setattr(params, "FIRST_NEIGHBOURS", reach)
    truth = {one.song.content: one for one in expected(both, ask, EVERYTHING).found}
    for n in (1, 25, len(truth)):
        found = ranked(both, ask, replace(EVERYTHING, n=n))
        assert_sound(found.matches)
        assert (len(found.matches), found.shortfall) == (n, None)
        songs = [both.made.songs[match.track.id] for match in found.matches]
        assert len({song.recording for song in songs}) == n
        for song, match in zip(songs, found.matches, strict=True):
            one = both.truth.scored(*ask.of_truth(both), EVERYTHING, [song.id])[0][0]
            assert_allclose(match.score, one.score, atol=5e-6)
    assert len(ranked(both, ask, replace(EVERYTHING, n=len(truth) + 1)).matches) == len(truth)


@pytest.mark.usefixtures("by_faiss")
def test_a_short_reach_finds_what_the_filters_leave(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far behind thousands of better matches it comes."""
    monkeypatch.setattr(params, "FIRST_NEIGHBOURS", 1)
    last = expected(both, Ask((0,)), EVERYTHING).found[-40:]
    artists = frozenset(song.artist for song in both.made.songs.values()) - {last[-1].song.artist}
    options = replace(EVERYTHING, filters=Filters(not_by=artists, max_plays=0))
    check(both, Ask((0,)), options)


def test_a_small_pool_changes_nothing(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "PLAIN_POOL", 1)
    for n in (1, 3, 10):
        check(both, Ask((0,)), ListRequest(n=n))
        check(both, Ask((0,)), ListRequest(n=n, per_artist=1, per_album=1))


# What must always hold.


def as_text(found: Ranking) -> str:
    return repr([(m.track.id, m.similarity, m.parts, m.passage, m.query) for m in found.matches])


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 16), ask=st.sampled_from(ASKS))
def test_without_discover_no_permutation_of_the_plays_changes_a_byte(both: Both, seed: int, ask: Ask) -> None:
    options = ListRequest(n=8, diversity=0.1)
    before = as_text(ranked(both, ask, options))
    with both.made.catalog.transaction() as session:
        tracks = session.query(Track).order_by(Track.id).all()
        kept = [(track.plays, track.last_played) for track in tracks]
        for track, position in zip(tracks, np.random.default_rng(seed).permutation(len(tracks)), strict=True):
            track.plays, track.last_played = kept[position]
    try:
        assert as_text(ranked(both, ask, options)) == before
        moved = as_text(ranked(both, ask, replace(options, discover=1.0)))
    finally:
        with both.made.catalog.transaction() as session:
            tracks = session.query(Track).order_by(Track.id).all()
            for track, (plays, last_played) in zip(tracks, kept, strict=True):
                track.plays, track.last_played = plays, last_played
    assert moved != as_text(ranked(both, ask, replace(options, discover=1.0)))  # the plays did move


def test_full_discovery_ranks_the_never_played_by_their_sound(both: Both) -> None:
    unplayed = replace(EVERYTHING, filters=Filters(max_plays=0))
    plainly = [m.track.id for m in ranked(both, Ask((0,)), unplayed).matches if m.score > 0]
    found = ranked(both, Ask((0,)), replace(EVERYTHING, discover=1.0)).matches
    assert [m.track.id for m in found if m.track.plays == 0 and m.score > 0] == plainly
    assert all(m.parts["discovery"] == 0 for m in found if m.track.plays == 0)
    assert all(m.parts["discovery"] < 0 for m in found if m.track.plays and m.score > 0)


def test_the_same_query_twice_changes_nothing(both: Both) -> None:
    once, twice = (ranked(both, ask, ListRequest(n=20)) for ask in (Ask((17 + 1,)), Ask((18, 18))))
    assert [m.track.id for m in once.matches] == [m.track.id for m in twice.matches]
    assert_allclose([m.score for m in once.matches], [m.score for m in twice.matches], atol=1e-6)


def test_a_list_without_passages_is_the_same_list(both: Both) -> None:
    for ask, tastes in ((Ask((3,)), None), (Ask((3, 8)), None), (Ask((3, 8)), (1.0, 0.9))):
        with_them, without = (ranked(both, ask, ListRequest(passages=yes), tastes) for yes in (True, False))
        assert with_them.matches and all(match.passage is not None for match in with_them.matches)
        assert all(match.passage is None for match in without.matches)
        shown = [
            [(match.track.id, match.similarity, match.parts) for match in found.matches]
            for found in (with_them, without)
        ]
        assert shown[0] == shown[1]
        if tastes is not None:
            assert [m.query for m in with_them.matches] == [m.query for m in without.matches]


def test_several_queries_agree_rather_than_average(both: Both) -> None:
    """No song scores better for two than for the one it is less like, but for the soft minimum's width."""
    width = params.AGREEMENT_TEMPERATURE * np.log(2)
    found = {m.track.id: m.score for m in ranked(both, Ask((2, 9)), EVERYTHING).matches}
    single = [
        {m.track.id: m.score for m in ranked(both, Ask((number,)), EVERYTHING).matches} for number in (2, 9)
    ]
    shared = [i for i in found if all(i in scores for scores in single)]
    assert len(shared) > 100
    for i in shared:
        low, high = sorted(scores[i] for scores in single)
        assert low - 1e-6 <= found[i] <= min(low + width, (low + high) / 2) + 1e-6


def test_what_is_not_wanted_goes_down_and_nothing_goes_up(both: Both) -> None:
    before = {m.track.id: m.score for m in ranked(both, Ask((0,)), EVERYTHING).matches}
    pushed = ranked(both, Ask((0,), unwanted=(2,)), EVERYTHING).matches
    assert both.song(2).id not in {m.track.id for m in pushed}
    for match in pushed:
        assert match.parts["unwanted"] <= 0
        assert_allclose(match.score - match.parts["unwanted"], before[match.track.id], atol=1e-6)
    most = max(pushed, key=lambda match: -match.parts["unwanted"])
    nearest = max(pushed, key=lambda m: both.truth.sound(asked(both.song(2)), m.track.id, hub=True))
    assert most.track.id == nearest.track.id


@pytest.mark.parametrize("n", [3, 10, 30])
def test_of_several_tastes_the_best_counts_and_none_has_the_list_to_itself(both: Both, n: int) -> None:
    ask, tastes = Ask((2, 9, 60, 5)), [1.0, 0.97, 0.9, 0.8]
    found = check(both, ask, ListRequest(n=n, filters=Filters(max_plays=0)), tastes)
    counts = np.bincount([match.query for match in found.matches], minlength=4)
    assert counts.max() <= -(-n // 3)
    assert "taste" in found.matches[0].parts


def test_usual_limits_yield_where_the_list_would_be_short_and_asked_for_ones_do_not(both: Both) -> None:
    """All songs are by eleven artists, on twenty albums."""
    for n in (60, 120):
        assert len(check(both, Ask((0,)), ListRequest(n=n)).matches) == n
    found = check(both, Ask((0,)), ListRequest(n=60, per_artist=2))
    assert len(found.matches) < 60
    artists = [brute_force.plain(match.track.artist) for match in found.matches]
    assert max(artists.count(artist) for artist in artists if artist) == 2
    assert artists.count("") > 2  # nobody knows that they are one


@pytest.mark.parametrize("copy", sorted(COPIES))
def test_a_copy_of_the_query_is_never_found(both: Both, copy: int) -> None:
    source = COPIES[copy]
    same = {s.id for s in both.made.songs.values() if s.recording == both.song(source).recording}
    for number in (copy, source):
        found = ranked(both, Ask((number,)), EVERYTHING)
        assert not same & {match.track.id for match in found.matches}


def test_new_tracks_leave_the_scores_of_all_others(both: Both, tmp_path: Path) -> None:
    """The index is built again around the frozen reference."""
    songs = make_songs()
    some = store(tmp_path, songs[:120])
    asks = [Ask((0,)), Ask((4,), (21.0, 60.0))]
    before = [ranked(Both(some, both.truth), ask, EVERYTHING) for ask in asks]
    (tmp_path / "more").mkdir()
    more = store(tmp_path / "more", songs)  # the first 120 have the same ids
    more.index = build(more.catalog, TRUNK, StoredIndex("stale", some.index))[0]
    assert more.index.reference is some.index.reference
    for ask, earlier in zip(asks, before, strict=True):
        later = {m.track.id: m for m in ranked(Both(more, both.truth), ask, EVERYTHING).matches}
        assert len(later) > len(earlier.matches) + 20
        for match in earlier.matches:
            if match.parts["alignment"] == later.get(match.track.id, match).parts["alignment"]:
                assert_allclose(later[match.track.id].score, match.score, atol=1e-6)
    some.catalog.close()
    more.catalog.close()


@pytest.mark.parametrize("number", sorted(set(RECODED.values())))
@pytest.mark.parametrize("span", [None, (2.0, 16.0)])
def test_another_encoding_of_the_queried_song_is_named_and_not_listed(
    both: Both, number: int, span: tuple[float, float] | None
) -> None:
    found = ranked(both, Ask((number,), span), EVERYTHING)
    recodings = {both.song(n).id for n, source in RECODED.items() if source == number}
    assert {track.id for track in found.recordings} == recodings
    assert not recodings & {match.track.id for match in found.matches}


def test_an_empty_catalogue_has_no_matches(both: Both, tmp_path: Path) -> None:
    empty = store(tmp_path, [])
    with both.made.catalog.transaction() as session:
        (query,), _ = Ask((0,), outside=True).of_session(both, session)
        (passage,), _ = Ask((5,), outside=True).of_session(both, session)
    with empty.catalog.transaction() as session:
        for queries in ([query], [passage], [query, passage]):
            for hub_correction in (True, False):
                options = ListRequest(hub_correction=hub_correction)
                ranking = similar(session, empty.index, empty.bundle, queries, options, [query])
                assert (ranking.matches, ranking.recordings) == ([], [])
                assert ranking.shortfall == "the catalogue holds no other analysed tracks"
        some = ListRequest(filters=Filters(genres=("rock",), tags=("slow",), years=Range(1990, None)))
        assert similar(session, empty.index, empty.bundle, [query], some).matches == []
    empty.catalog.close()


NOTHING = [Filters(years=Range(1800, 1801)), Filters(genres=("folk",), years=Range(1800, 1801))]


@pytest.mark.parametrize("some", NOTHING, ids=str)
@pytest.mark.parametrize("faiss", [True, False])
@pytest.mark.parametrize("ask", [Ask((0,)), Ask((5,)), Ask((0, 5), unwanted=(3,))], ids=str)
def test_filters_that_leave_nothing_say_so(
    both: Both, monkeypatch: pytest.MonkeyPatch, some: Filters, faiss: bool, ask: Ask
) -> None:
    if faiss:
        through_faiss(both, monkeypatch)
    found = ranked(both, ask, ListRequest(filters=some, discover=0.5, diversity=0.5))
    assert found.matches == []
    assert found.shortfall == "the catalogue holds no other tracks that pass the filters"


class PlainBundle(RandomBundle):
    """With as many tags as `store_embeddings` writes."""

    tag_names = tuple(f"tag {number}" for number in range(50))


def first_like_the_others(folder: Path, vectors: list[list[float]], n: int) -> Ranking:
    """Rank a new catalogue of one-segment tracks against the first of them."""
    catalog = open_catalog(folder / "catalog.sqlite")
    with catalog.transaction() as session:
        root = root_for(session, "/m")
        for number, vector in enumerate(vectors):
            store_embeddings(session, new_track(session, root, f"{9 - number}.mp3"), [np.array(vector)])
    with catalog.transaction() as session:
        # without a content hash no track is a copy of another
        query = from_track(session, session.get(Track, 1), PlainBundle())
        options = ListRequest(n=n, hub_correction=False)
        ranking = similar(session, build(catalog, TRUNK)[0], PlainBundle(), [query], options)
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
        (0, "the catalogue holds no other analysed tracks"),
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


def never(path: str, span: Span | None) -> AnalysedFile:
    raise AssertionError(f"{path} was analysed, {span}")


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
        assert_allclose(np.linalg.norm(query.units, axis=1), 1, atol=1e-6)


def test_words_that_fit_several_tracks_list_them(small: Session, shipped: Bundle) -> None:
    with pytest.raises(AmbiguousQueryError, match="3 tracks match 'ocean'") as caught:
        resolve(small, "ocean", shipped, never)
    assert caught.value.matches == [
        "5  Ocean Copy  (/music/5.mp3)",
        "1  Ocean Song  (/music/1.mp3)",
        "2  Ocean Tide  (/music/2.mp3)",
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
