"""Filters by themselves, and what is typed of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.genres.taxonomy import Taxonomy
from classifier.model.bundle import Bundle
from recommender.commands.list_arguments import filters_of, seconds_of, span_of
from recommender.errors import FilterError
from recommender.retrieval.filters import (
    Filters,
    Range,
    allowed_positions,
)
from recommender.retrieval.query_file import Span
from recommender.retrieval.sound_filters import by_genres, by_tags, count_genres
from tests.recommender.random_catalog import LABELS, Made, hears_no_music, make_songs, store


def typed(**options: Any) -> Filters:
    return filters_of(**options)


# By tags and genres.


def test_all_tags_must_be_there_in_any_case() -> None:
    tags = np.array([[0.1, 0.5], [0.0999, 0.9], [0.3, 0.0], [0.11, 0.12]], np.float32)
    names = ("Female Vocals", "jazz")
    assert by_tags(["female vocals"], names, tags).tolist() == [True, False, True, True]
    assert by_tags(["JAZZ", "Female vocals"], names, tags).tolist() == [True, False, False, True]
    assert by_tags([], names, tags).all()
    with pytest.raises(FilterError, match=r"^no tag is called 'loud'; there are: Female Vocals, jazz$"):
        by_tags(["jazz", "loud"], names, tags)
    with pytest.raises(FilterError, match=r"^no tag is called 'Jaz'; did you mean jazz\? There are: Female"):
        by_tags(["Jaz"], ["Female Vocals", "jazz"], np.zeros((1, 2), np.float32))
    with pytest.raises(FilterError, match="there are: none"):
        by_tags(["jazz"], (), np.zeros((4, 0), np.float32))


GENRES = np.array(
    [  # bop, swing, thrash, pop, folk
        [0.5, 0.1, 0.2, 0.1, 0.1],
        [0.25, 0.25, 0.2, 0.2, 0.1],
        [0.1, 0.1, 0.4, 0.2, 0.2],
        [0.2, 0.19, 0.2, 0.19, 0.22],
    ],
    np.float32,
)
OWN = [None, None, "polka/fast", "Jazz/Swing"]


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (["jazz"], [0, 1, 3]),  # two by the sum of what is below, one by the user's label
        (["bop"], [0]),
        (["jazz/swing"], [3]),
        (["SWING"], [3]),
        (["rock"], [1, 2]),
        (["hard"], [2]),
        (["rock/hard/thrash"], [2]),
        (["polka"], [2]),
        (["fast"], [2]),
        (["folk"], []),
        (["folk", "polka", "bop"], [0, 2]),
    ],
)
def test_a_genre_stands_for_all_below_it(asked: list[str], passed: list[int]) -> None:
    taxonomy = Taxonomy.from_labels(LABELS)
    found = by_genres(asked, taxonomy, GENRES, np.zeros((4, 0), np.float32), OWN, np.ones(4, bool))
    assert np.flatnonzero(found).tolist() == passed
    none = by_genres(asked, taxonomy, GENRES, np.zeros((4, 0), np.float32), OWN, np.zeros(4, bool))
    by_label = {"jazz": [3], "jazz/swing": [3], "SWING": [3], "polka": [2], "fast": [2]}
    assert np.flatnonzero(none).tolist() == sorted(
        {song for name in asked for song in by_label.get(name, [])}
    )


def test_a_verdict_that_is_hardly_probable_passes_its_own_filter() -> None:
    """By the sums: jazz 0.39, rock 0.385, folk 0.2; the first is the verdict where 0.2 is enough for one."""
    taxonomy, no_tags, music = Taxonomy.from_labels(LABELS), np.zeros((1, 0), np.float32), np.ones(1, bool)
    for least, passed in ((0.2, ["jazz"]), (0.21, [])):
        genres = np.array([[0.2, 0.19, 0.2, 0.185, 0.2]], np.float32)
        found = [
            name
            for name in ("jazz", "rock", "folk", "bop", "jazz/swing")
            if by_genres([name], taxonomy, genres, no_tags, [None], music, least).any()
        ]
        assert found == passed
        assert not by_genres(["jazz"], taxonomy, genres, no_tags, [None], ~music, least).any()


@given(
    st.integers(0, 2**32 - 1), st.sampled_from([["rock"], ["HOUSE"], ["jazz", "soul/rnb"], ["Fast"], ["x"]])
)
def test_genres_of_the_shipped_hierarchy_equal_a_loop(shipped: Bundle, seed: int, asked: list[str]) -> None:
    random, n = np.random.default_rng(seed), 20
    genres = random.dirichlet(np.full(len(shipped.labels), 0.2), n).astype(np.float32)
    tags = random.beta(0.2, 1, (n, len(shipped.tag_names))).astype(np.float32)
    own = [[None, "", "Rock", "polka/fast", "fast/polka", "jazz"][i] for i in random.integers(6, size=n)]
    wanted = []
    for song in range(n):
        nodes = shipped.taxonomy.node_probabilities(genres[song], tags[song])
        steps = (own[song] or "").split("/")
        paths = {path for path, p in nodes.items() if p >= 0.4}
        paths |= {"/".join(steps[: i + 1]) for i in range(len(steps))}
        names = {path.lower() for path in paths} | {path.lower().split("/")[-1] for path in paths}
        wanted.append(any(name.lower() in names for name in asked))
    assert by_genres(asked, shipped.taxonomy, genres, tags, own, np.ones(n, bool)).tolist() == wanted


@pytest.fixture(scope="module")
def made(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = store(tmp_path_factory.mktemp("filters"), make_songs(40))
    yield found
    found.catalog.close()


def test_what_says_what_songs_are_narrows_a_list_and_has_a_floor() -> None:
    plain = (
        Filters(),
        Filters(max_plays=0),
        Filters(not_by=frozenset("a")),
        Filters(not_played_since=datetime.now(UTC)),
    )
    assert [(one.narrow, one.floor) for one in plain] == 4 * [(False, -np.inf)]
    said: list[dict[str, Any]] = [
        *({name: ("x",)} for name in ("genres", "tags", "moods", "keys")),
        *({name: Range(0, 1)} for name in ("years", "duration_s", "tempo_bpm", "energy")),
        {"voice": "sung"},
        {"not_on": frozenset("a")},
    ]
    assert [(Filters(**one).narrow, Filters(**one).floor) for one in said] == 10 * [(True, 0)]


def test_what_passes_is_called_as_one_says_it() -> None:
    some = Filters(max_plays=0, voice="sung")
    assert some.passing("track") == "track that passes the filters"
    assert some.passing("tracks") == "tracks that pass the filters"
    assert (Filters().passing("track"), Filters(max_plays=0).passing("tracks")) == (
        "analysed track",
        "tracks never played",
    )


def ids_passing(made: Made, filters: Filters, excluded: frozenset[int] = frozenset()) -> list[int]:
    with made.catalog.transaction() as session:
        positions = allowed_positions(session, made.index, made.bundle, filters, excluded)
    assert positions.tolist() == sorted(set(positions.tolist()))
    return [int(made.index.rows.track_ids[position]) for position in positions]


@pytest.mark.databases("sqlite", "postgresql")
def test_no_filter_leaves_out_the_excluded_alone(made: Made) -> None:
    assert ids_passing(made, Filters()) == sorted(made.songs)
    assert ids_passing(made, Filters(), frozenset([3, 9, 12345])) == sorted(set(made.songs) - {3, 9})
    assert not Filters()
    assert Filters(max_plays=0)


@pytest.mark.databases("sqlite", "postgresql")
def test_what_is_no_music_passes_no_filter_of_the_models_genres(made: Made) -> None:
    hearing, others = hears_no_music(made)
    assert 5 < len(others) < len(made.songs) - 5
    assert ids_passing(hearing, Filters()) == sorted(made.songs)
    for name in ("rock", "jazz", "folk", "rock/pop"):
        before, after = (set(ids_passing(one, Filters(genres=(name,)))) for one in (made, hearing))
        labels = {i: (made.songs[i].label or "").lower() for i in before}
        own = {i for i, label in labels.items() if name in (label, *label.split("/"))}
        assert after == before - (others - own)
        with made.catalog.transaction() as session:
            assert count_genres(session, made.index, hearing.bundle)[name] == len(after)
    assert set(ids_passing(made, Filters(genres=("rock",)))) & others


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize("name", ["polka", "krakow", "polka/krakow", "fast", "Rock/Pop", "folk", "hard"])
def test_a_genre_is_known_though_no_song_is_left(made: Made, name: str) -> None:
    assert ids_passing(made, Filters(genres=(name,), years=Range(1800, 1801))) == []


@pytest.mark.parametrize("name", ["disco", "olka", "jazz/", "", "thrash/hard"])
def test_an_unknown_genre_is_one_line_that_names_the_others(made: Made, name: str) -> None:
    with pytest.raises(FilterError) as caught:
        ids_passing(made, Filters(genres=("jazz", name)))
    line = str(caught.value)
    meant = "; did you mean polka? There are: " if name == "olka" else "; "
    assert line.startswith(f"no genre is called '{name}'{meant}")
    assert "here are: " in line
    assert "\n" not in line
    for known in ("jazz/bop", "rock/hard", "polka/krakow/fast", "folk"):
        assert known in line


def test_genres_of_the_shipped_hierarchy_are_known(made: Made, shipped: Bundle, tmp_path: Path) -> None:
    """It finds some in the trunk's tags alone."""
    empty = store(tmp_path, [])
    with empty.catalog.transaction() as session:
        for name in ("jazz", "electronic", "JAZZ"):
            filters = Filters(genres=(name,))
            assert not len(allowed_positions(session, empty.index, shipped, filters, frozenset()))
        with pytest.raises(FilterError, match="no genre is called 'polka'"):
            allowed_positions(session, empty.index, shipped, Filters(genres=("polka",)), frozenset())
    empty.catalog.close()


# What is typed.


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1994", 1994, 1994),
        ("1990-1999", 1990, 1999),
        ("90s", 1990, 1999),
        ("2010s", 2010, 2019),
        ("1990 - 1999", 1990, 1999),
        ("1990-", 1990, None),
        ("-1999", None, 1999),
        ("1999-1999", 1999, 1999),
    ],
)
def test_years_as_typed(text: str, low: int | None, high: int | None) -> None:
    assert typed(year=text).years == Range(low, high)


@pytest.mark.parametrize(
    "text", ["", "-", "--", "19941999", "12345", "95s", "90s-", "1990-1995-1999", "1990..1999", "1 9 9 4 5"]
)
def test_years_that_cannot_be_read(text: str) -> None:
    with pytest.raises(
        FilterError, match=r"^--year .* cannot be read; write 1994, 1990-1999, 1990-, -1999 or 90s$"
    ):
        typed(year=text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2:00-5:00", 120, 300),
        ("2:00-", 120, None),
        ("-5:00", None, 300),
        ("90-1:02:03", 90, 3723),
        ("1.5-2.5", 1.5, 2.5),
    ],
)
def test_durations_as_typed(text: str, low: float | None, high: float | None) -> None:
    assert typed(duration=text).duration_s == Range(low, high)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"year": "1999-1990"}, "--year 1999-1990 ends before it begins"),
        ({"duration": "5:00-2:00"}, "--duration 5:00-2:00 ends before it begins"),
        ({"duration": "5:00"}, "--duration 5:00 cannot be read; write 2:00-5:00, 2:00- or -5:00"),
        ({"duration": "-"}, "--duration - cannot be read; write 2:00-5:00, 2:00- or -5:00"),
        ({"duration": "long-"}, "--duration long is no time; write seconds, m:ss or h:mm:ss"),
        ({"duration": "1-2-3"}, "--duration 2-3 is no time; write seconds, m:ss or h:mm:ss"),
        ({"not_played_since": "yesterday"}, "--not-played-since yesterday is no day; write YYYY-MM-DD"),
        ({"energy": "2-3"}, "--energy 2-3 cannot be; energy goes from 0, calm, to 1, dense and loud"),
        ({"energy": "0.5-1.5"}, "--energy 0.5-1.5 cannot be; energy goes from 0, calm, to 1, dense and loud"),
        ({"energy": "0.9-0.2"}, "--energy 0.9-0.2 ends before it begins"),
        ({"not_played_since": "2024-02-30"}, "--not-played-since 2024-02-30 is no day; write YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_read_is_one_plain_line(options: dict[str, str], message: str) -> None:
    with pytest.raises(FilterError) as caught:
        typed(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("120", 115.2, 124.8),
        ("120 bpm", 115.2, 124.8),
        ("90-130", 90, 130),
        ("90.5 -", 90.5, None),
        ("-130", None, 130),
    ],
)
def test_tempi_as_typed(text: str, low: float | None, high: float | None) -> None:
    found = typed(tempo=text).tempo_bpm
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_energies_and_keys_as_typed() -> None:
    assert typed(energy="0.6-").energy == Range(0.6, None)
    assert typed(energy="0.2-0.4").energy == Range(0.2, 0.4)
    assert typed(key=["Am", "bb major", "A minor"]).keys == ("A minor", "A# major")
    assert set(typed(key=["Am"], related_keys=True).keys) == {"A minor", "E minor", "D minor", "C major"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tempo": "fast"}, "--tempo fast cannot be read; write 120, 90-130, 90- or -130"),
        ({"tempo": "130-90"}, "--tempo 130-90 ends before it begins"),
        ({"energy": "high"}, "--energy high cannot be read; write 0.4-0.7, 0.6- or -0.3"),
        ({"key": ["H major"]}, "H major is no key; write A minor, F# major, Bb, Am or 8A"),
    ],
)
def test_what_cannot_be_read_of_sound_is_one_plain_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FilterError) as caught:
        typed(**options)
    assert str(caught.value) == message


def test_other_filters_as_typed() -> None:
    found = typed(genre=["jazz", "folk"], tag=["slow"], max_plays=7, not_played_since="2024-03-01")
    assert found == Filters(("jazz", "folk"), ("slow",), max_plays=7, not_played_since=datetime(2024, 3, 1))
    assert typed(unplayed=True, max_plays=7).max_plays == 0
    assert typed() == Filters()
    assert typed(max_plays=0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("65", 65),
        ("65.25", 65.25),
        ("1:05", 65),
        ("01:05.5", 65.5),
        ("1:00:01", 3601),
        (" 1:05 ", 65),
    ],
)
def test_clock_times(text: str, seconds: float) -> None:
    assert seconds_of(text, "--from") == seconds


@pytest.mark.parametrize(
    "text", ["", ":", "1:", ":30", "1:2:3:4", "-5", "1.5:30", "1e3", "nan", "inf", "1:-5", "a"]
)
def test_clock_times_that_cannot_be_read(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        seconds_of(text, "--from")
    assert str(caught.value) == f"--from {text} is no time; write seconds, m:ss or h:mm:ss"


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_clock_times_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert seconds_of(f"{hours}:{minutes:02}:{seconds:02}", "--to") == 3600 * hours + 60 * minutes + seconds


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        (None, None, None),
        ("1:05", "1:35", Span(65, 95)),
        ("1:05", None, Span(65, 95)),
        (None, "1:35", Span(65, 95)),
        (None, "0:20", Span(0, 20)),
        ("0", "3", Span(0, 3)),
    ],
)
def test_passages_as_typed(start: str | None, end: str | None, span: Span | None) -> None:
    assert span_of(start, end) == span


@pytest.mark.parametrize(("start", "end"), [("1:35", "1:05"), ("10", "10"), ("10", "12.9"), (None, "0:02")])
def test_passages_that_are_none(start: str | None, end: str) -> None:
    with pytest.raises(FilterError) as caught:
        span_of(start, end)
    assert str(caught.value) == "a passage is 3 s long at least; --from must lie before --to"
