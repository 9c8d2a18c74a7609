"""Names of classes as labels, tags and facets."""

import pytest

from classifier.brought.class_names import (
    KnownWords,
    NamedClass,
    apart,
    classes_of_head,
    classes_of_trunk,
    facet_of,
    step,
)
from classifier.model.bundle import Bundle


def test_a_style_is_below_its_genre_and_no_name_has_a_slash_of_its_own() -> None:
    found = classes_of_trunk(["Electronic---Deep House", "Funk / Soul---Rhythm & Blues"], KnownWords())
    assert [one.label for one in found] == ["electronic/deep house", "funk & soul/rhythm & blues"]
    assert [one.tag for one in found] == [one.label for one in found]
    assert [one.column for one in found] == [0, 1]
    assert [one.facet for one in found] == [None, None]


def test_a_kind_of_word_before_a_class_is_no_genre() -> None:
    names = ["genre---rock", "mood/theme---happy", "instrument---piano"]
    assert classes_of_trunk(names, KnownWords()) == [
        NamedClass(0, "rock", "rock", None),
        NamedClass(1, "happy", None, "mood"),
        NamedClass(2, "piano", None, "instrument"),
    ]


def test_plain_words_are_where_the_shipped_tree_has_them(shipped: Bundle) -> None:
    known = KnownWords.of(shipped)
    found = classes_of_trunk(["heavy metal", "Sad", "guitar", "80s", "nobody knows"], known)
    assert [(one.label, one.facet) for one in found] == [
        ("metal/heavy", None),
        (None, "mood"),
        (None, "instrument"),
        (None, "era"),
        (None, None),
    ]


def test_what_only_denies_another_class_of_a_head_is_left_out() -> None:
    found = classes_of_head(["non_happy", "happy"], "mood happy")
    assert found == [NamedClass(1, "happy", None, "mood")]
    found = classes_of_head(["danceable", "not_danceable"], "danceability")
    assert found == [NamedClass(0, "danceable", None, "danceability")]
    found = classes_of_head(["nonsense", "not here"], "words")
    assert [one.tag for one in found] == ["nonsense", "not here"]


@pytest.mark.parametrize(
    ("name", "facet"),
    [
        ("mood_happy", "mood"),
        ("voice instrumental", "voice"),
        ("gender", "voice"),
        ("MTG-Jamendo instrument", "instrument"),
        ("genre_dortmund", "style"),
        ("approachability", "approachability"),
        ("", "other"),
    ],
)
def test_the_facet_of_a_head(name: str, facet: str) -> None:
    assert facet_of(name) == facet


def test_two_classes_of_one_name_are_told_apart_by_the_model() -> None:
    one, other, third = apart(
        [
            ("A", [NamedClass(0, "voice")]),
            ("B", [NamedClass(3, "voice", None, "voice")]),
            ("B", [NamedClass(1, "voice")]),
        ]
    )
    assert [one[0].tag, other[0].tag, third[0].tag] == ["voice", "voice (B)", "voice (B, 2)"]
    assert (other[0].column, other[0].facet) == (3, "voice")


@pytest.mark.parametrize(("name", "expected"), [("Hip Hop", "hip hop"), (" A / B ", "a & b"), ("/", "other")])
def test_a_name_as_a_step_of_a_path(name: str, expected: str) -> None:
    assert step(name) == expected
