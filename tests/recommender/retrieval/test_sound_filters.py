"""Filters as they are typed and as they are asked over HTTP: the same, and equal to a loop over all songs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.model.bundle import Bundle
from recommender.commands.list_arguments import filters_of
from recommender.errors import FilterError
from recommender.retrieval.filters import Filters, allowed_positions, ids_passing
from recommender.retrieval.request import ListRequest
from recommender.retrieval.sound_filters import by_moods, by_voice, count_tags, moods_of, tells_voices
from recommender.service.rest.params import filters as filters_over_http
from tests.recommender.random_catalog import Made, hears_no_music, make_songs, store
from tests.recommender.retrieval.brute_force import BruteForce


@dataclass(frozen=True)
class Some:
    """A made catalogue, the same where the model takes some of it for no music, and what is true of it."""

    made: Made
    hearing: Made
    others: set[int]
    truth: BruteForce


@pytest.fixture(scope="module")
def some(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Some]:
    made = store(tmp_path_factory.mktemp("sound filters"), make_songs(120))
    hearing, others = hears_no_music(made)
    yield Some(made, hearing, others, BruteForce(made.songs))
    made.catalog.close()


Asked = tuple[dict[str, Any], dict[str, Any]]
"""The same filter as options of a command, and as parameters of a request."""


def one_of(*cases: Asked) -> st.SearchStrategy[Asked]:
    return st.sampled_from(cases)


def alike(name: str, *values: Any) -> st.SearchStrategy[Asked]:
    return one_of(*(({name: value}, {name: value}) for value in values))


EACH: list[st.SearchStrategy[Asked]] = [
    alike("genre", ["jazz"], ["rock", "polka"], ["THRASH"]),
    alike("tag", ["guitar"], ["Slow", "VOCAL"]),
    alike("mood", ["slow"]),
    alike("voice", "sung", "instrumental"),
    one_of(
        ({"year": "1970-1999"}, {"year_from": 1970, "year_to": 1999}),
        ({"year": "-1985"}, {"year_to": 1985}),
        ({"year": "1990-"}, {"year_from": 1990}),
    ),
    one_of(
        ({"duration": "0:20-1:40"}, {"duration_from_s": 20, "duration_to_s": 100}),
        ({"duration": "1:00-"}, {"duration_from_s": 60}),
    ),
    one_of(
        ({"tempo": "120"}, {"tempo_from": 120, "tempo_to": 120}),
        ({"tempo": "60"}, {"tempo_from": 60, "tempo_to": 60}),
        ({"tempo": "100-"}, {"tempo_from": 100}),
    ),
    one_of(
        ({"key": ["Am"]}, {"key": ["A minor"]}),
        ({"key": ["Em"], "related_keys": True}, {"key": ["e minor"], "related_keys": True}),
        ({"key": ["C", "Gb"]}, {"key": ["C major", "F#"]}),
    ),
    one_of(
        ({"energy": "0.3-0.6"}, {"energy_from": 0.3, "energy_to": 0.6}),
        ({"energy": "-0.5"}, {"energy_to": 0.5}),
    ),
    st.one_of(alike("unplayed", True), alike("max_plays", 9)),
    alike("not_played_since", "2024-01-12"),
    alike("not_artist", ["ann"], ["CAFÉ MULLER", "Ida"], [""]),
    alike("not_album", ["best OF"], ["Live", "nothing"]),
]
EMPTY_LISTS = ("genre", "tag", "mood", "key", "not_artist", "not_album")


def over_http(**asked: Any) -> Filters:
    return asyncio.run(filters_over_http(**(dict.fromkeys(EMPTY_LISTS, ()) | asked)))


def passing(made: Made, filters: Filters) -> set[int]:
    with made.catalog.transaction() as session:
        positions = allowed_positions(session, made.index, made.bundle, filters, frozenset())
        ids = {int(i) for i in made.index.rows.track_ids[positions]}
        named = ids_passing(session, made.index, made.bundle, filters)
    assert named is None or named & made.songs.keys() == ids
    return ids


@pytest.mark.databases("sqlite", "postgresql")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    asked=st.lists(st.integers(0, len(EACH) - 1), max_size=5, unique=True).flatmap(
        lambda which: st.tuples(*(EACH[i] for i in which))
    )
)
def test_typed_or_over_http_any_filters_leave_what_a_loop_leaves(
    some: Some, asked: tuple[Asked, ...]
) -> None:
    typed: dict[str, Any] = {}
    sent: dict[str, Any] = {}
    for options, parameters in asked:
        typed |= options
        sent |= parameters
    filters = filters_of(**typed)
    assert over_http(**sent) == filters
    wanted = ListRequest(filters=filters)
    passed = {i for i, song in some.made.songs.items() if some.truth.passes(song, [], wanted)}
    assert passing(some.made, filters) == passed
    # Where the model hears no music it says nothing, but what a person said holds.
    heard = {i for i in passed if i not in some.others or _passes_unheard(some, i, filters)}
    assert passing(some.hearing, filters) == heard


def _passes_unheard(some: Some, track_id: int, filters: Filters) -> bool:
    if filters.tags or filters.moods or filters.voice is not None:
        return False
    steps = (some.made.songs[track_id].label or "").lower().split("/")
    own = {"/".join(steps[: i + 1]) for i in range(len(steps))} | set(steps)
    return not filters.genres or any(name.lower() in own for name in filters.genres)


@pytest.mark.databases("sqlite", "postgresql")
def test_tracks_that_are_not_analysed_pass_what_needs_no_analysis(some: Some) -> None:
    with some.made.catalog.transaction() as session:
        asked = (Filters(), filters_of(year="1960-2020"), filters_of(voice="sung"))
        everything, by_year, sung = (
            ids_passing(session, some.made.index, some.made.bundle, filters) for filters in asked
        )
    assert everything is None
    assert by_year is not None
    assert by_year - some.made.songs.keys()  # failed, or missing
    assert sung is not None
    assert sung <= some.made.songs.keys()


def test_what_is_no_music_has_no_tag_that_is_counted(some: Some) -> None:
    counted = count_tags(some.hearing.index, some.hearing.bundle)
    for name, n in counted.items():
        assert len(passing(some.hearing, Filters(tags=(name,)))) == n
    assert counted != count_tags(some.made.index, some.made.bundle)


def test_sung_and_instrumental_worked_out_by_hand(shipped: Bundle) -> None:
    """Instrumental: the tag is there (0.1) and no voice is as probable. All else that is music is sung."""
    names = list(shipped.tag_names)
    songs = [
        {"instrumental": 0.3, "male vocalists": 0.1},
        {"instrumental": 0.3, "female vocalist": 0.3},
        {"instrumental": 0.09},
        {"instrumental": 0.1},
        {"female vocalists": 0.8},
        {},
    ]
    tags = np.zeros((len(songs), len(names)), np.float32)
    for row, song in enumerate(songs):
        for name, p in song.items():
            tags[row, names.index(name)] = p
    found = by_voice("instrumental", shipped, tags).tolist()
    assert found == [True, False, False, True, False, False]
    assert by_voice("sung", shipped, tags).tolist() == [not one for one in found]


def test_moods_are_the_bundles_own(shipped: Bundle, some: Some) -> None:
    assert {"chill", "happy", "Mellow", "sad", "party"} <= set(moods_of(shipped))
    tags = np.zeros((2, len(shipped.tag_names)), np.float32)
    tags[1, shipped.tag_names.index("Mellow")] = tags[1, shipped.tag_names.index("sad")] = 0.1
    assert by_moods(["MELLOW", "sad"], shipped, tags).tolist() == [False, True]
    with pytest.raises(FilterError, match=r"^no mood is called 'guitar'; there are: Slow$"):
        passing(some.made, Filters(moods=("guitar",)))


def test_a_model_without_voices_says_so(shipped: Bundle) -> None:
    class Bare:
        taxonomy = type(shipped.taxonomy).from_labels(("a", "b"))

    bundle: Any = Bare()
    assert tells_voices(shipped)
    assert not tells_voices(bundle)
    with pytest.raises(FilterError, match=r"^the model in use does not tell sung from instrumental$"):
        by_voice("sung", bundle, np.zeros((1, 0), np.float32))
    with pytest.raises(FilterError, match=r"^no mood is called 'sad'; there are: none$"):
        by_moods(["sad"], bundle, np.zeros((1, 0), np.float32))
