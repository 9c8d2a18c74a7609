"""What is written into a file and what is left alone; and under which names."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import params
from recommender.errors import TagError
from recommender.file_tags import genre_fields, stored_tags
from recommender.file_tags.stored_tags import StoredTags, TagEntry
from recommender.tagging.canon import Canon, read_canon
from recommender.tagging.file_plan import ALSO, FilePlan, TagOptions, plan_file, wanted
from tests.recommender.sounds import sound

WANTS = {"genre": {"Rock": 0.9, "Indie Rock": 0.6}}


WITH_INFO = "WAV with an INFO list"


def tag(kind: str = stored_tags.VORBIS, **values: list[str]) -> StoredTags:
    made = StoredTags(stored_tags.ID3_4 if kind == WITH_INFO else kind, False, (), info=kind == WITH_INFO)
    for field, texts in values.items():
        made = genre_fields.with_field(made, field, texts)
    return made


def planned(
    tags: StoredTags,
    *,
    wants: Mapping[str, Mapping[str, float]] = WANTS,
    recorded: Mapping[str, Mapping[str, float]] | None = None,
    overwrite: bool = False,
    append: bool = False,
) -> FilePlan:
    made = plan_file(tags, wants, recorded or {}, TagOptions(overwrite=overwrite, append=append))
    assert made.before == tags
    assert bool(made.changes) == (made.after != tags)
    for change in made.changes:
        assert genre_fields.texts(made.after, change.field) == change.new != change.old
    return made


def genres(made: FilePlan) -> list[str]:
    return genre_fields.texts(made.after, "genre")


@pytest.mark.parametrize("kind", [*sorted(genre_fields.KEYS), WITH_INFO])
class TestEveryKind:
    def test_an_empty_field_is_filled(self, kind: str) -> None:
        made = planned(tag(kind))
        assert genres(made) == ["Rock", "Indie Rock"]
        assert genre_fields.scores_of(made.after) == WANTS

    def test_a_second_time_nothing_is_to_do(self, kind: str) -> None:
        first = planned(tag(kind, mood=["By Hand"]))
        second = planned(first.after)
        assert (second.changes, second.kept) == ([], [])

    def test_what_is_ours_is_renewed(self, kind: str) -> None:
        first = planned(tag(kind))
        again = planned(first.after, wants={"genre": {"Jazz": 0.7}})
        assert genres(again) == ["Jazz"]
        assert genre_fields.scores_of(again.after) == {"genre": {"Jazz": 0.7}}

    @pytest.mark.parametrize(
        "edited", [["Rock"], ["rock", "Indie Rock"], ["Indie Rock", "Rock"], ["Ska"], []], ids=str
    )
    def test_what_was_edited_since_is_kept(self, kind: str, edited: list[str]) -> None:
        """Also where a person took it away."""
        ours = planned(tag(kind)).after
        by_hand = genre_fields.with_field(ours, "genre", edited)
        for append in (False, True):
            made = planned(by_hand, append=append)
            assert made.after == by_hand
            assert made.kept == [("genre", "changed by hand since it was written")]
        assert genres(planned(by_hand, overwrite=True)) == ["Rock", "Indie Rock"]

    def test_what_a_person_set_is_kept_unless_told_otherwise(self, kind: str) -> None:
        theirs = tag(kind, genre=["Ska", "ROCK"])
        made = planned(theirs)
        assert (made.after, made.kept) == (theirs, [("genre", "set by hand")])
        assert genres(planned(theirs, overwrite=True)) == ["Rock", "Indie Rock"]
        assert genres(planned(theirs, append=True)) == ["Ska", "ROCK", "Indie Rock"]

    def test_what_was_added_is_no_licence_to_replace(self, kind: str) -> None:
        added = planned(tag(kind, genre=["Ska", "ROCK"]), append=True).after
        assert genre_fields.scores_of(added) == {"genre": {"Indie Rock": 0.6}}
        assert planned(added).kept == [("genre", "set by hand")]
        assert planned(added, append=True).changes == []
        again = planned(added, append=True, wants={"genre": {"Jazz": 0.5}})
        assert genres(again) == ["Ska", "ROCK", "Jazz"]

    def test_the_catalogue_remembers_where_the_private_field_is_lost(self, kind: str) -> None:
        lost = genre_fields.with_field(planned(tag(kind)).after, "scores", [])
        assert planned(lost).kept == [("genre", "set by hand")]
        assert genres(planned(lost, recorded=WANTS, wants={"genre": {"Jazz": 0.7}})) == ["Jazz"]
        edited = genre_fields.with_field(lost, "genre", ["Ska"])
        assert planned(edited, recorded=WANTS).kept == [("genre", "changed by hand since it was written")]

    def test_fields_are_decided_one_by_one(self, kind: str) -> None:
        made = planned(tag(kind, genre=["Ska"]), wants=WANTS | {"mood": {"Happy": 0.5}})
        assert (genres(made), genre_fields.texts(made.after, "mood")) == (["Ska"], ["Happy"])
        assert genre_fields.scores_of(made.after) == {"mood": {"Happy": 0.5}}
        assert [change.field for change in made.changes] == ["mood", "scores"]


def test_nothing_wanted_is_nothing_written() -> None:
    assert planned(tag(), wants={}).changes == []
    ours = planned(tag()).after
    assert planned(ours, wants={}).after == ours


def test_a_private_field_that_is_damaged_counts_for_nothing() -> None:
    for text in ("{", "[]", '"x"', '{"genre": 1}', '{"genre": {"Rock": "x"}}'):
        made = planned(tag(genre=["Ska"], scores=[text]))
        assert made.kept == [("genre", "set by hand")]


def test_what_an_older_tag_holds_is_taken_over() -> None:
    entry = TagEntry("TIT2", b"\0\0\0Old")
    made = plan_file(StoredTags(stored_tags.ID3_4, False, (), (entry,)), WANTS, {}, TagOptions())
    assert made.after.of("TIT2") == [entry.data]


values = st.lists(st.sampled_from(["Rock", "Indie Rock", "Ska", "rock"]), max_size=3, unique=True)


@given(values, values, st.booleans())
def test_without_leave_no_value_of_a_person_is_lost(
    theirs: list[str], prior: list[str], append: bool
) -> None:
    recorded = {"genre": dict.fromkeys(prior, 0.5)}
    made = planned(tag(genre=theirs), recorded=recorded, append=append)
    ours = theirs == prior
    assert ours or set(genres(made)) >= set(theirs) - set(prior)
    assert ours or append or genres(made) == theirs


# What is wanted of a song.


def test_only_the_top_genre_unless_more_is_asked_for() -> None:
    assert wanted(sound(), TagOptions()) == {"genre": {"rock": 0.9}}
    assert wanted(sound(), TagOptions(also=frozenset(["sub-genres"]))) == {
        "genre": {"rock": 0.9, "indie": 0.6}
    }


def test_moods_voices_and_eras_on_request() -> None:
    found = wanted(sound(), TagOptions(also=frozenset(ALSO), canon=Canon(usual=True)))
    assert found == {
        "genre": {"Rock": 0.9, "Indie Rock": 0.6},
        "mood": {"Happy": 0.5, "Mellow": 0.2},
        "voice": {"Female Vocals": 0.4},
        "era": {"80s": 0.3},
    }


def test_the_unknown_is_not_written() -> None:
    assert wanted(sound(unknown="it is speech"), TagOptions(also=frozenset(ALSO))) == {}


def test_the_rest_of_a_genre_has_no_name() -> None:
    assert wanted(sound("rock/other"), TagOptions(also=frozenset(["sub-genres"]))) == {"genre": {"rock": 0.9}}


@pytest.mark.parametrize(("least", "found"), [(0.6, ["rock", "indie"]), (0.61, ["rock"]), (0.91, [])])
def test_least_confidence(least: float, found: list[str]) -> None:
    options = TagOptions(also=frozenset(["sub-genres"]), min_confidence=least)
    assert list(wanted(sound(), options).get("genre", {})) == found


def test_one_least_confidence_for_genres_and_the_rest_is_the_usual() -> None:
    """What a song has for a filter is what is written; below that, neither a genre nor a mood is."""
    options = TagOptions(also=frozenset(ALSO))
    found = {name: list(names) for name, names in wanted(sound("rock", 0.1), options).items()}
    assert found == {
        "genre": ["rock"],
        "mood": ["happy", "Mellow"],
        "voice": ["female vocalists", "female vocalist"],
        "era": ["80s"],
    }
    assert "genre" not in wanted(sound("rock", 0.09), options)
    assert options.min_confidence == params.TAG_PRESENT


def test_least_confidence_of_moods_voices_and_eras() -> None:
    options = TagOptions(also=frozenset(ALSO), min_confidence=0.4)
    found = wanted(sound(), options)
    assert {name: list(found[name]) for name in found if name != "genre"} == {
        "mood": ["happy"],
        "voice": ["female vocalists"],
    }


# Names.


@pytest.mark.parametrize("text", [
    "label,name\nrock/indie,Indie\nrock,\nHAPPY,Joy; Bliss\nhappy,Fun\n",
    "\ufefflabel,name\r\n\r\n rock/indie , Indie \r\nrock\r\nhappy,\"Joy;Bliss\"\r\nhappy,Fun",
    '{"rock/indie": "Indie", "Rock": null, "happy": ["Joy", "Bliss", " Fun "]}',
])  # fmt: skip
def test_names_of_ones_own(tmp_path: Path, text: str) -> None:
    path = tmp_path / "names"
    path.write_text(text, encoding="utf-8", newline="")
    canon = Canon(read_canon(path), usual=True)
    assert canon.names("rock/indie") == ("Indie",)
    assert canon.names("rock") == ()
    assert canon.names("happy") == ("Joy", "Bliss", "Fun")
    assert canon.names("rock/hard") == ("Hard Rock",)
    assert canon.names("jazz") == ("Jazz",)


def test_a_last_part_is_enough_to_name_a_label() -> None:
    assert Canon({"punk": ("Punk Rock",)}).names("rock/punk") == ("Punk Rock",)
    assert Canon().names("rock/punk") == ("punk",)


def test_usual_spellings() -> None:
    canon = Canon(usual=True)
    found = [
        canon.names(label)[0] for label in ("hiphop", "soul/rnb", "60s", "pop/easy listening", "metal/heavy")
    ]
    assert found == ["Hip-Hop", "R&B", "60s", "Easy Listening", "Heavy Metal"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("genre,name\nrock,Rock\n", "line 1: it must begin with the columns label,name"),
        ("", "line 1"),
        ("label,name\nrock,Rock\n,Jazz\n", "line 3: this is not a label and a name"),
        ("label,name\nrock,Rock,Pop\n", "line 2"),
        ('label,name\nrock,Rock\n"jazz,Jazz\n', "line 3: it cannot be read as CSV"),
        ("{", "no JSON"),
        ("[1]", "must be an object"),
        ('{"rock": "Rock",\n "jazz": 5}', "line 2: 'jazz' must have a name"),
        ('{"rock": ["Rock", 1]}', "'rock' must have a name"),
    ],
)
def test_a_file_of_names_that_is_wrong_is_one_plain_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "names.csv"
    path.write_text(text)
    with pytest.raises(TagError) as caught:
        read_canon(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(b"label,name\nrock,R\xf6ck\n")
    with pytest.raises(TagError, match="not UTF-8"):
        read_canon(path)
    path.write_text(json.dumps({}))
    assert read_canon(path) == {}
