"""A list that is wanted: stored and read back as it was, and refused where it cannot be."""

from datetime import datetime
from typing import Any

import pytest

from recommender.errors import FilterError
from recommender.retrieval.filters import Filters, Range
from recommender.retrieval.query_file import Span
from recommender.retrieval.request import ListRequest, filters_named, names_of
from recommender.smart_playlists.rules import Rules, rules_json, rules_of

EVERY = Filters(
    genres=("jazz", "rock/punk"),
    tags=("guitar",),
    years=Range(1990, None),
    duration_s=Range(None, 300.5),
    max_plays=2,
    not_played_since=datetime(2025, 3, 1),
    not_by=frozenset(("Zed", "Ann")),
    tempo_bpm=Range(115.2, 124.8),
    keys=("A minor", "C major"),
    energy=Range(0.25, 0.5),
    moods=("mellow",),
    voice="sung",
    not_on=frozenset(("Hits",)),
)


def test_filters_are_named_and_read_back() -> None:
    named = names_of(EVERY)
    assert named["year_from"] == 1990 and named["not_artist"] == ["Ann", "Zed"]
    assert filters_named(**{n: v for n, v in named.items() if v is not None}) == EVERY
    assert names_of(Filters()) == {}


@pytest.mark.parametrize(
    "rules",
    [
        Rules("songs", ListRequest(500, filters=EVERY, passages=False), words="blue", sort="plays"),
        Rules("find", ListRequest(7, per_artist=1, passages=False), words="mellow jazz", not_words="vocals"),
        Rules("discover", ListRequest(30, diversity=0.5, passages=False), seeds=5, since="2025-01-31"),
        Rules("similar", ListRequest(passages=False), like=(3,), unlike=(9, 4), span=Span(5, 35.5)),
        Rules("similar", ListRequest(discover=0.25, passages=False), like=(3, 1), any_of=True),
        Rules("similar", ListRequest(hub_correction=False, passages=False), playlist=2, not_played_days=9),
    ],
    ids=lambda rules: str(rules.kind),
)
def test_rules_are_read_back_as_they_were(rules: Rules) -> None:
    assert rules_of(rules_json(rules)) == rules


def test_what_is_as_usual_is_not_stored() -> None:
    assert rules_json(Rules("find", ListRequest(10), words="jazz")) == {
        "list": "find",
        "n": 10,
        "words": "jazz",
    }


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"list": "similar"}, "nothing to go by"),
        ({"list": "find", "words": " "}, "no words"),
        ({"list": "similar", "like": [1, 2], "from_s": 0, "to_s": 9}, "of one song"),
        ({"list": "discover", "since": "2025-02-30"}, "no day"),
        ({"list": "discover", "n": 501}, "500 songs at most"),
        ({"list": "songs", "year_from": 2000, "year_to": 1990}, "ends before it begins"),
    ],
)
def test_what_does_not_fit_together_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(FilterError, match=words):
        rules_of(said)


@pytest.mark.parametrize(
    ("said", "of_plays"),
    [
        ({"list": "songs"}, False),
        ({"list": "songs", "sort": "plays"}, True),
        ({"list": "songs", "unplayed": True}, True),
        ({"list": "songs", "not_played_since": "2025-01-01"}, True),
        ({"list": "find", "words": "jazz"}, False),
        ({"list": "find", "words": "never played jazz"}, True),
        ({"list": "find", "words": "jazz unheard"}, True),
        ({"list": "discover"}, True),
        ({"list": "songs", "not_played_days": 30}, True),
        ({"list": "similar", "like": [1], "discover": 0.5}, True),
    ],
)
def test_plays_matter_to_some(said: dict[str, Any], of_plays: bool) -> None:
    assert rules_of(said).of_plays is of_plays
