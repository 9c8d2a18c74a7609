"""Titles told apart from remarks on their version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.song_titles import (
    exact_key,
    issue_key,
    loose_key,
    same_recording_named,
    song_named,
    versions_named,
)


@pytest.mark.parametrize(
    ("artist", "title", "versions"),
    [
        ("Ann", "Été", []),
        ("ANN", "  ete ", []),
        ("Ann", "Été (Remastered 2011)", []),
        ("Ann", "Été - 2011 Digital Remaster", []),
        ("Ann", "Été [feat. Bob]", []),
        ("Ann feat. Bob", "Été ft. Bob", []),
        ("Ann", "Été (Album Version)", []),
        ("Ann", "Été (Live)", ["live"]),
        ("Ann", "Été - Live at the Hall, 1999", ["live"]),
        ("Ann", "Été (feat. Bob) [Acoustic Demo]", ["acoustic", "demo"]),
        ("Ann", "Été (Bob Remix)", ["remix"]),
        ("Ann", "Été (Radio Edit)", ["radio", "edit"]),
        ("Ann", "Été (Live) (Remastered)", ["live"]),
    ],
)
def test_versions_of_a_song_are_named_alike(artist: str, title: str, versions: list[str]) -> None:
    assert song_named(artist, title) == ("ann", "ete")
    assert versions_named(title) == frozenset(versions)


@pytest.mark.parametrize(
    "title",
    [
        "Live and Let Die",
        "Live",
        "Remix",
        "(Live)",
        "Été (Part 2)",
        "Été - Hiver",
        "Mixed Feelings (Delivered)",
        "Edition",
        "1999",
    ],
)
def test_what_is_no_remark_stays_in_the_title(title: str) -> None:
    assert versions_named(title) == frozenset()
    assert song_named("Ann", title) != song_named("Ann", "Été")
    parts = [word.strip("()-") for word in title.casefold().replace("é", "e").split()]
    assert song_named("Ann", title) == ("ann", " ".join(filter(None, parts)))


@pytest.mark.parametrize(("artist", "title"), [("", "A"), ("Ann", ""), (" ", "A"), ("Ann", "?!")])
def test_half_a_name_is_none(artist: str, title: str) -> None:
    assert song_named(artist, title) is None
    assert same_recording_named((artist, title), ("Ann", "A")) is None
    assert same_recording_named(("Ann", "A"), (artist, title)) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A (Live)", "A - Live", True),
        ("A", "A (2009 Remaster)", True),
        ("A", "A (Live)", False),
        ("A (Live)", "A (Acoustic)", False),
        ("A", "B", False),
        ("Rock & Roll", "Rock and Roll", True),
    ],
)
def test_the_same_recording_has_the_same_song_and_version(one: str, other: str, same: bool) -> None:
    assert same_recording_named(("Ann", one), ("ann", other)) is same
    assert same_recording_named(("Ann", one), ("Bob", other)) is False


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_tags_can_be_read(artist: str, title: str) -> None:
    assert song_named(artist, title) == song_named(artist.strip(), f" {title} ")
    assert same_recording_named((artist, title), (artist, title)) in (True, None)


@pytest.mark.parametrize(("one", "other"), [("राम", "रोम"), ("กา!", "กี!"), ("நான்", "நான")])
def test_vowel_signs_make_other_words(one: str, other: str) -> None:
    for key in (exact_key, loose_key, issue_key, song_named):
        assert key("x", one) != key("x", other), key
        assert key("x", f"{one} {other}") == key("x", f"{one} {other}".upper())
    assert loose_key("x", one) == loose_key("x", f"{one}!")


def test_symbols_are_no_words_however_they_are_shown() -> None:
    for key in (loose_key, song_named):
        assert key("x", "I ❤\ufe0f You") == key("x", "I ❤ You") == key("x", "I You")
