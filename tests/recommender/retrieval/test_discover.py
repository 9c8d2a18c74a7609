"""Deep cuts, songs by words and walks on a catalogue of random songs, worked out once more by hand."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from db.listening.radios import less_like
from db.models import Track
from recommender import params
from recommender.errors import FilterError, QueryError
from recommender.retrieval.discover import Step, discover, walk
from recommender.retrieval.filters import Filters, Range
from recommender.retrieval.find import WordMatch, find
from recommender.retrieval.index.hubness import centred
from recommender.retrieval.query import Query, from_track
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import Match, Ranking
from recommender.retrieval.words.word_search import WordTerm
from tests.recommender.random_catalog import (
    DIMENSIONS,
    LABELS,
    TAGS,
    Made,
    RandomSegment,
    RandomSong,
    hears_no_music,
    make_songs,
    store,
)
from tests.recommender.retrieval.brute_force import BruteForce, asked, limit_offsets_of
from tests.recommender.retrieval.test_song_path import song_score

ALL = ListRequest(n=500, per_artist=0, per_album=0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    made = store(tmp_path_factory.mktemp("random"), make_songs(103))
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def truth(made: Made) -> BruteForce:
    return BruteForce(made.songs, limit_offsets_of(made.index))


def small(folder: Path, songs: Sequence[RandomSong]) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    return store(folder, list(songs))


def song(
    number: int, vector: Sequence[float], plays: int = 0, segments: int = 2, **facts: object
) -> RandomSong:
    """Return a song of its own whose every patch is the same."""
    patches = np.tile(np.array([*vector, *[0.0] * (DIMENSIONS - len(vector))]), (10, 1))
    parts = [
        RandomSegment(
            30.0 * i,
            30.0 * (i + 1),
            patches,
            np.full(len(TAGS), 0.1, np.float32),
            np.full(len(LABELS), 1 / len(LABELS), np.float32),
        )
        for i in range(segments)
    ]
    values = {
        "number": number,
        "recording": number,
        "content": f"hash {number}",
        "artist": f"artist {number}",
        "album": "",
        "folder": "a",
        "year": None,
        "duration_s": 30.0 * segments + number,
        "plays": plays,
        "last_played": None,
        "label": None,
        "segments": parts,
    }
    return RandomSong(**(values | facts))  # type: ignore[arg-type]


# Deep cuts.


def cuts(
    made: Made, options: ListRequest, seeds: int = 20, since: datetime | None = None
) -> tuple[Ranking, list[int]]:
    with made.catalog.transaction() as session:
        ranking, played = discover(session, made.index, made.bundle, options, seeds, since)
        return ranking, [track.id for track in played]


def favourites(made: Made, n: int, since: datetime | None = None) -> list[RandomSong]:
    """The songs played most, of equal ones the one played last, then by id."""
    played = [
        song
        for song in made.songs.values()
        if song.plays and (since is None or (song.last_played is not None and song.last_played >= since))
    ]
    never = datetime(1, 1, 1)
    played.sort(key=lambda s: s.id)
    played.sort(key=lambda s: (s.plays, s.last_played or never), reverse=True)
    return played[:n]


def test_deep_cuts_are_not_what_less_is_wanted_like(tmp_path: Path) -> None:
    played, like_it, other = song(0, (1, 0, 0), plays=9), song(1, (1, 0.3, 0)), song(2, (1, 0, 0.35))
    made = small(tmp_path, [played, like_it, other, song(3, (1, 0.31, 0.02))])
    ids = {one.number: one.id for one in made.songs.values()}
    options = ListRequest(n=3, per_artist=0, per_album=0)
    before = [match.track.id for match in cuts(made, options)[0].matches]
    with made.catalog.change() as session:
        less_like(session, ids[1], wanted=True)
    after = {match.track.id: match for match in cuts(made, options)[0].matches}
    made.catalog.close()
    assert sorted(before) == sorted(ids[number] for number in (1, 2, 3))
    assert sorted(after) == [ids[2], ids[3]]
    assert after[ids[3]].parts["unwanted"] < 0  # it is like the one that is unwanted


def tastes(seeds: Sequence[RandomSong]) -> list[float]:
    most = max(song.plays for song in seeds)
    return [0.8 + 0.2 * math.log(1 + song.plays) / math.log(1 + most) for song in seeds]


@pytest.mark.parametrize(
    ("n", "seeds", "since", "filters"),
    [
        (10, 20, None, Filters()),
        (3, 4, None, Filters()),
        (30, 7, None, Filters(years=Range(1970, None))),
        (12, 20, datetime(2024, 1, 15), Filters()),
        (15, 5, None, Filters(max_plays=5)),
        (10, 1, None, Filters(max_plays=1000)),
        (500, 20, None, Filters()),
    ],
    ids=str,
)
def test_deep_cuts_equal_brute_force(
    made: Made, truth: BruteForce, n: int, seeds: int, since: datetime | None, filters: Filters
) -> None:
    liked = favourites(made, seeds, since)
    ranking, played = cuts(made, ListRequest(n=n, filters=filters), seeds, since)
    assert played == [song.id for song in liked]
    most = 0 if filters.max_plays is None else filters.max_plays
    wanted = ListRequest(n=n, filters=replace(filters, max_plays=most))
    answer = truth.answer([asked(song) for song in liked], wanted, tastes=tastes(liked), heard_above=most)
    found = [made.songs[match.track.id] for match in ranking.matches]
    assert [song.content for song in found] == [one.song.content for one in answer.found]
    for match, one in zip(ranking.matches, answer.found, strict=True):
        assert_allclose(match.score, one.score, atol=5e-6)
        assert match.query == one.winner
    assert all(song.plays <= most for song in found)
    assert not {song.id for song in found} & set(played)


def test_because_names_the_song_that_gives_most(made: Made, truth: BruteForce) -> None:
    liked = favourites(made, 8)
    ranking, _ = cuts(made, ListRequest(n=20), 8)
    weights, played = tastes(liked), {one.content for one in liked}
    among = [i for i, s in made.songs.items() if s.plays == 0 and s.content not in played]
    each = [
        {f.song.id: f.score for f in truth.scored([asked(one)], [], ListRequest(), among)[0]} for one in liked
    ]
    for match in ranking.matches:
        totals = [scores[match.track.id] for scores in each]
        worth = [t + (w - 1) * max(0.0, t) for t, w in zip(totals, weights, strict=True)]
        assert match.query == int(np.argmax(worth))
        assert_allclose(match.score, max(worth), atol=5e-6)


@pytest.mark.parametrize("n", [1, 3, 10, 20])
def test_no_song_has_more_than_a_third_of_the_list_to_itself(made: Made, n: int) -> None:
    ranking, played = cuts(made, ListRequest(n=n))
    assert len(ranking.matches) == n
    counts = Counter(played[match.query] for match in ranking.matches)
    assert max(counts.values()) <= math.ceil(n / 3)


def test_a_single_taste_may_fill_the_list(made: Made) -> None:
    ranking, _ = cuts(made, ListRequest(n=10), seeds=1)
    assert len(ranking.matches) == 10
    assert {match.query for match in ranking.matches} == {0}


def planted(folder: Path, plays: dict[int, int]) -> Made:
    """Four kinds of 15 songs each, kind k being songs 15 k to 15 k + 14."""
    random = np.random.default_rng(3)
    kinds = np.eye(DIMENSIONS)[:4]
    songs = [
        song(number, kinds[number // 15] + 0.12 * random.standard_normal(DIMENSIONS), plays.get(number, 0))
        for number in range(60)
    ]
    return small(folder, songs)


@pytest.mark.parametrize(
    ("plays", "least"),
    [
        ({0: 40}, 10),
        ({15: 40, 16: 30, 17: 30, 45: 20, 46: 11, 47: 9}, 10),
        # Of few seeds one is nearest to most, and may have no more than a third of the list.
        ({0: 40, 1: 25, 2: 9}, 7),
        ({59: 1, 58: 2, 57: 1}, 6),
    ],
)
def test_a_planted_taste_is_found(tmp_path: Path, plays: dict[int, int], least: int) -> None:
    """By chance a quarter or a half of the list would be of it."""
    made = planted(tmp_path, plays)
    ranking, played = cuts(made, ListRequest(n=10))
    liked = {number // 15 for number in plays}
    assert {made.songs[i].number for i in played} == set(plays)
    found = [made.songs[match.track.id].number for match in ranking.matches]
    assert len(found) == len(set(found)) == 10
    assert not set(found) & set(plays)
    assert {number // 15 for number in found[:least]} == liked
    for match in ranking.matches[:least]:
        assert made.songs[played[match.query]].number // 15 == made.songs[match.track.id].number // 15
    made.catalog.close()


def test_other_files_versions_and_cuts_of_what_was_played_are_no_deep_cuts(tmp_path: Path) -> None:
    """Of thirty songs that sound alike one is the taste; another was played, and these are it once more."""
    random = np.random.default_rng(5)
    kind = np.eye(DIMENSIONS)[0]
    songs = [song(n, kind + 0.3 * random.standard_normal(DIMENSIONS), int(n in (0, 1))) for n in range(30)]
    songs[0] = replace(songs[0], plays=9)
    real = make_songs(3)[2]  # whose sound changes with time, or it would be no evidence
    songs[1] = replace(songs[1], segments=real.segments, duration_s=real.duration_s)
    again = {
        "by its audio": replace(songs[1], number=30, plays=0, artist="another", title="Z"),
        "by its sound": replace(songs[1], number=31, plays=0, content="hash 31", artist="", title=""),
        "live": song(32, kind, artist="Artist 1", title="Song 1 (Live at home)"),
        "remix": song(33, kind, artist="artist 1", title="song 1 - Club Remix", segments=4),
    }
    others = [song(34, kind, artist="artist 1", title="Song One"), song(35, kind, artist="b", title="song 1")]
    made = small(tmp_path, [*songs, *again.values(), *others])
    numbers = {made.songs[m.track.id].number for m in cuts(made, ALL, seeds=1)[0].matches}
    assert numbers == {*range(2, 30), 34, 35}
    numbers = {made.songs[m.track.id].number for m in discovered_below(made, 1)}
    assert numbers == {*range(1, 36)} - {30, 31} | {min(numbers & {1, 30, 31})}
    made.catalog.close()


def discovered_below(made: Made, max_plays: int) -> list[Match]:
    return cuts(made, replace(ALL, filters=Filters(max_plays=max_plays)), seeds=1)[0].matches


def test_of_what_cannot_be_heard_no_taste_is_made(tmp_path: Path) -> None:
    """Songs whose files are missing or failed are played most; the one taste is the next one's."""
    songs = [replace(s, plays=10_000 if s.state != "ok" else s.plays) for s in make_songs(80)]
    made = small(tmp_path, songs)
    assert sum(s.state != "ok" for s in songs) == 2
    ranking, played = cuts(made, ListRequest(n=5), seeds=1)
    assert played == [favourites(made, 1)[0].id]
    assert len(ranking.matches) == 5
    assert len(cuts(made, ListRequest(n=5), seeds=10**30)[1]) == len(favourites(made, 80))
    made.catalog.close()


def test_who_has_played_nothing_is_told_how_to_bring_plays_in(made: Made, tmp_path: Path) -> None:
    nothing = small(tmp_path / "nothing", [song(i, [1.0, i]) for i in range(4)])
    empty = small(tmp_path / "empty", [])
    for catalogue, since, message in (
        (nothing, None, "no song has been played yet; bring your plays in with: deepcuts plays import FILE"),
        (empty, None, "no song has been played yet; bring"),
        (made, datetime(2025, 6, 1), "no song has been played since 2025-06-01; bring"),
    ):
        with pytest.raises(QueryError) as caught:
            cuts(catalogue, ListRequest(), since=since)
        assert str(caught.value).startswith(message)
    nothing.catalog.close()
    empty.catalog.close()


@pytest.mark.parametrize("songs", [1, 5])
def test_where_all_is_played_nothing_is_left(tmp_path: Path, songs: int) -> None:
    made = small(tmp_path, [song(i, [1.0, i], plays=i + 1) for i in range(songs)])
    ranking, played = cuts(made, ListRequest())
    assert (ranking.matches, len(played)) == ([], songs)
    assert ranking.shortfall == "the catalogue holds no other tracks never played"
    made.catalog.close()


# By words.


def found_by(made: Made, words: str, options: ListRequest = ALL) -> tuple[list[WordMatch], list[WordTerm]]:
    with made.catalog.transaction() as session:
        found = find(session, made.index, made.bundle, words, options)
    assert found.unknown == ()
    return found.matches, list(found.terms)


def test_words_of_genres_find_nothing_that_is_no_music(made: Made) -> None:
    hearing, others = hears_no_music(made)
    found = {one.track.id: one.score for one in found_by(hearing, "rock", ALL)[0]}
    fitting = {one.track.id for one in found_by(made, "rock", ALL)[0]}
    own = {i for i in made.songs if (made.songs[i].label or "").lower().startswith("rock")}
    assert len(fitting & others - own) > 5
    assert not found.keys() & (others - own)
    assert found.keys() >= own & fitting


@pytest.mark.parametrize("n", [1, 4, 30])
@pytest.mark.parametrize("limits", [{}, {"per_artist": 1}, {"per_artist": 0, "per_album": 0}], ids=str)
def test_words_give_the_same_from_a_small_pool(
    made: Made, monkeypatch: pytest.MonkeyPatch, n: int, limits: dict[str, int]
) -> None:
    expected = found_by(made, "guitar -vocal", ListRequest(n=n, **limits))[0]
    monkeypatch.setattr(params, "PLAIN_POOL", 1)
    found = found_by(made, "guitar -vocal", ListRequest(n=n, **limits))[0]
    assert [(one.track.id, one.score) for one in found] == [(one.track.id, one.score) for one in expected]


def mean(song: RandomSong, name: str) -> np.ndarray:
    lengths = [segment.end_s - segment.start_s for segment in song.audible]
    return np.average([getattr(segment, name) for segment in song.audible], axis=0, weights=lengths)


NODES = {
    "jazz": ("jazz/bop", "jazz/swing"),
    "rock": ("rock/hard/thrash", "rock/pop"),
    "rock/hard": ("rock/hard/thrash",),
    "jazz/swing": ("jazz/swing",),
    "rock/pop": ("rock/pop",),
    "polka": (),
    "polka/krakow": (),
}


def probability(song: RandomSong, name: str) -> float:
    """Of a tag, of a node by the leaves below it, or 1 by the user's own label."""
    if name in TAGS:
        return float(mean(song, "tags")[TAGS.index(name)])
    label = (song.label or "").lower()
    if label == name or label.startswith(name + "/"):
        return 1.0
    genres = mean(song, "genres")
    return float(sum(genres[LABELS.index(leaf)] for leaf in NODES[name]))


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        ("guitar", [("guitar", True)]),
        ("SLOW jazz", [("Slow", True), ("jazz", True)]),
        ("slow -vocal guitar", [("Slow", True), ("vocal", False), ("guitar", True)]),
        ("rock", [("rock", True)]),
        ("pop -guitar", [("rock/pop", True), ("guitar", False)]),
        ("hard -swing", [("rock/hard", True), ("jazz/swing", False)]),
        ("polka", [("polka", True)]),
        ("krakow vocal", [("polka/krakow", True), ("vocal", True)]),
        ("-rock", [("rock", False)]),
    ],
)
def test_songs_by_words_equal_a_loop(made: Made, words: str, terms: list[tuple[str, bool]]) -> None:
    """Labels of the user's count as well, Rock/Pop for rock, however they are written."""
    found, read = found_by(made, words)
    assert [(term.name.lower(), term.wanted) for term in read] == [(n.lower(), w) for n, w in terms]
    strengths: dict[str, dict[int, float]] = {}
    for name, _ in terms:
        values = {i: probability(s, name) for i, s in made.songs.items()}
        usual = sum(values.values()) / len(values)
        strengths[name.lower()] = {i: p / (p + usual) for i, p in values.items()}
    scores = {
        i: math.prod(strengths[n.lower()][i] if w else 1 - strengths[n.lower()][i] for n, w in terms)
        ** (1 / len(terms))
        for i in made.songs
    }
    contents = {made.songs[i].content for i, score in scores.items() if score >= params.LEAST_FIT}
    assert 0 < len(contents) < len({s.content for s in made.songs.values()})
    assert {made.songs[one.track.id].content for one in found} == contents
    assert len(found) == len(contents)
    for one in found:
        assert one.score == pytest.approx(scores[one.track.id], abs=1e-4)
        for name, strength in one.strengths.items():
            assert strength == pytest.approx(strengths[name.lower()][one.track.id], abs=2e-5)
    shown = [one.score for one in found]
    assert shown == sorted(shown, reverse=True)
    assert all(0 <= score <= 1 for score in shown)


@pytest.mark.parametrize(
    ("words", "bare", "filters"),
    [
        ("slow 120 bpm", "slow", Filters(tempo_bpm=Range(115.2, 124.8))),
        ("guitar in A minor 60-100 bpm", "guitar", Filters(keys=("A minor",), tempo_bpm=Range(60, 100))),
        ("slow 1990s", "slow", Filters(years=Range(1990, 1999))),
        ("slow 1975-1985 never played", "slow", Filters(years=Range(1975, 1985), max_plays=0)),
        ("slow, singing", "slow", Filters(voice="sung")),
        ("slow -singing", "slow", Filters(voice="instrumental")),
    ],
)
def test_words_that_are_filters_filter(made: Made, words: str, bare: str, filters: Filters) -> None:
    low = Range(None, 0.6)
    for energy in (None, low):
        found, terms = found_by(made, words, replace(ALL, filters=Filters(energy=energy)))
        expected, bare_terms = found_by(made, bare, replace(ALL, filters=replace(filters, energy=energy)))
        assert terms == bare_terms
        assert [(o.track.id, o.score) for o in found] == [(o.track.id, o.score) for o in expected]
        assert found or energy


def test_words_that_are_nothing_but_filters_find_all_that_pass(made: Made) -> None:
    found, terms = found_by(made, "in C major, 1970-1999")
    passing = {s.content for s in made.songs.values() if s.key == "C major" and 1970 <= (s.year or 0) <= 1999}
    assert {made.songs[one.track.id].content for one in found} == passing
    assert (terms, {one.score for one in found}) == ([], {1.0})


def test_filters_leave_scores_as_they_are(made: Made) -> None:
    """A word is as strong as in the whole catalogue, and known, whatever the filters leave."""
    every = {one.track.id: one for one in found_by(made, "slow -rock")[0]}
    some = found_by(made, "slow -rock", replace(ALL, filters=Filters(years=Range(1990, None), max_plays=3)))[
        0
    ]
    assert 3 < len(some) < len(every) - 3
    for one in some:
        assert one.track.year >= 1990
        assert one.track.plays <= 3
        if one.track.id in every:
            assert one.score == every[one.track.id].score
    for words in ("jazz", "thrash", "slow", "krakow -pop"):
        found, terms = found_by(made, words, replace(ALL, filters=Filters(years=Range(1800, 1801))))
        assert found == []
        assert terms
    with pytest.raises(FilterError, match="'krakov' is no tag, genre or label; did you mean polka/krakow"):
        found_by(made, "krakov")


@pytest.mark.parametrize("n", [1, 5, 10, 40])
def test_lists_by_words_keep_the_limits(made: Made, n: int) -> None:
    plain = found_by(made, "guitar", ListRequest(n=n, per_artist=0, per_album=0))[0]
    assert [one.track.id for one in plain] == [one.track.id for one in found_by(made, "guitar")[0]][:n]
    found, _ = found_by(made, "guitar", ListRequest(n=n, per_artist=1))
    artists = [one.track.artist for one in found if one.track.artist]
    assert len({name.replace("Café Müller", "cafe muller") for name in artists}) == len(artists)
    assert len(found_by(made, "guitar", ListRequest(n=n))[0]) == n


def test_an_empty_catalogue_knows_tags_and_genres(tmp_path: Path) -> None:
    empty = small(tmp_path, [])
    assert found_by(empty, "jazz -slow") == ([], [WordTerm("jazz"), WordTerm("Slow", False)])
    with pytest.raises(FilterError, match="'polka' is no tag"):
        found_by(empty, "polka")
    empty.catalog.close()


# Walks.


def walked(made: Made, one: int, other: int, n: int, options: ListRequest | None = None) -> list[Step]:
    with made.catalog.transaction() as session:
        ends = [from_track(session, session.get(Track, i), made.bundle) for i in (one, other)]
        return walk(session, made.index, made.bundle, (ends[0], ends[1]), n, options or ListRequest())


def similarities(made: Made, truth: BruteForce) -> dict[tuple[int, int], float]:
    vectors = {i: centred(truth.plain[i].astype(np.float32), made.index.reference.centre) for i in made.songs}
    return {
        (i, j): song_score(vectors[i].astype(float), vectors[j].astype(float))
        for i in vectors
        for j in vectors
    }


def test_walks_equal_the_best_that_can_be_written_down(tmp_path: Path) -> None:
    made = small(tmp_path, [s for s in make_songs(11) if s.number != 3])
    scores = similarities(made, BruteForce(made.songs))
    ids = sorted(made.songs)
    for start, end in ((ids[0], ids[1]), (ids[7], ids[2]), (ids[4], ids[9])):
        between = sorted(
            (i for i in ids if i not in (start, end)), key=lambda i: scores[end, i] - scores[start, i]
        )
        for n in (2, 3, 5, 9, 10, 50):
            walks = [[start, *some, end] for some in combinations(between, min(n, 10) - 2)]
            costs = [sum((1 - scores[pair]) ** 2 for pair in pairwise(path)) for path in walks]
            steps = walked(made, start, end, n)
            path = [step.track.id for step in steps]
            assert path in walks
            assert costs[walks.index(path)] == pytest.approx(min(costs), abs=1e-5)
            assert steps[0].score is None
            assert_allclose(
                [s.score for s in steps[1:]], [scores[pair] for pair in pairwise(path)], atol=5e-6
            )
    made.catalog.close()


@pytest.mark.parametrize("n", [2, 12, 60])
def test_a_walk_has_both_ends_n_songs_and_none_twice(made: Made, n: int) -> None:
    start, end = made.numbered(2).id, made.numbered(9).id
    steps = walked(made, start, end, n)
    songs = [made.songs[step.track.id] for step in steps]
    assert (songs[0].id, songs[-1].id) == (start, end)
    assert len(songs) == len({song.content for song in songs}) == n


def test_a_long_walk_steps_on_every_song(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """More songs are pooled for it than for a short one; of identical copies one is."""
    monkeypatch.setattr(params, "PATH_POOL", 3)
    contents = {song.content for song in made.songs.values()}
    start, end = made.numbered(3).id, made.numbered(40).id  # two of three copies, and one of two
    for n in (len(contents), 10**9):
        steps = walked(made, start, end, n)
        assert {made.songs[step.track.id].content for step in steps} == contents
        assert len(steps) == len(contents)
    monkeypatch.setattr(params, "PATH_LONGEST", 4)
    assert 4 <= len(walked(made, start, end, 10**9)) <= 3 * 4 + 2


def test_the_filters_are_of_the_songs_between(made: Made) -> None:
    start, end = (next(s.id for s in made.songs.values() if s.year == year) for year in (None, 1965))
    options = ListRequest(filters=Filters(years=Range(1990, None)))
    steps = walked(made, start, end, 8, options)
    assert len(steps) == 8
    assert all(step.track.year >= 1990 for step in steps[1:-1])
    nothing = ListRequest(filters=Filters(years=Range(1800, 1801)))
    assert [step.track.id for step in walked(made, start, end, 8, nothing)] == [start, end]


def test_a_walk_goes_between_two_songs_of_the_catalogue(made: Made) -> None:
    with made.catalog.transaction() as session:
        here = from_track(session, session.get(Track, made.numbered(3).id), made.bundle)
        copy = from_track(session, session.get(Track, made.numbered(20).id), made.bundle)
        gone = from_track(session, session.query(Track).filter_by(missing=True).one(), made.bundle)
        outside = replace(here, track_id=None, path="/elsewhere/x.mp3")

        def refused(*ends: Query) -> str:
            with pytest.raises(QueryError) as caught:
                walk(session, made.index, made.bundle, (ends[0], ends[1]), 5, ListRequest())
            return str(caught.value)

        same = "both ends are the same song; name two different ones"
        assert refused(here, here) == refused(here, copy) == refused(copy, here) == same
        assert refused(outside, here) == (
            "/elsewhere/x.mp3 is not in the catalogue; a walk goes between songs that are"
        )
        assert refused(here, gone) == f"{gone.path} is not in the index: its file is missing"
