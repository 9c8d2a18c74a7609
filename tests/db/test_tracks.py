"""Roots and tracks: found, listed, counted, moved, searched."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from db.browsing.browse import search_ids
from db.errors import CatalogError
from db.models import Root, Track
from db.session import Catalog
from db.tracks import (
    Counts,
    all_roots,
    at_path,
    by_ids,
    count,
    failures,
    is_within,
    labelled,
    matching,
    present,
    relocate,
    root_for,
    search_key,
    with_content,
)
from tests.db.rows import new_track


def paths(session: Session) -> dict[int, str]:
    return {track.id: track.path for track in present(session)}


def roots(session: Session) -> list[str]:
    return [root.path for root in all_roots(session)]


@pytest.mark.parametrize(
    ("path", "folder", "within"),
    [
        ("/music", "/music", True),
        ("/music/a/b.mp3", "/music", True),
        ("/music2/a.mp3", "/music", False),
        ("/", "/music", False),
        ("/music/a", "/", True),
        ("/", "/", True),
    ],
)
def test_within_is_by_whole_names(path: str, folder: str, within: bool) -> None:
    assert is_within(path, folder) is within


def test_folder_below_a_root_belongs_to_it(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        assert root_for(session, "/music/rock") is root
        assert root_for(session, "/music") is root
        assert root_for(session, "/musical") is not root
    with catalog.transaction() as session:
        assert roots(session) == ["/music", "/musical"]


def test_folder_above_roots_takes_their_tracks_with_their_ids(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        for folder in ("/music/rock", "/music/jazz/old", "/musical"):
            root = root_for(session, folder)
            new_track(session, root, "x.mp3", plays=3)
            new_track(session, root, "sub/y.mp3")
        before = paths(session)
    with catalog.transaction() as session:
        root_for(session, "/music")
    with catalog.transaction() as session:
        assert roots(session) == ["/music", "/musical"]
        assert paths(session) == before
        moved = at_path(session, "/music/jazz/old/sub/y.mp3")
        assert (moved.root.path, moved.rel_path) == ("/music", "jazz/old/sub/y.mp3")
        assert sum(track.plays for track in present(session)) == 9


def test_the_whole_file_system_can_be_a_root(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        track = new_track(session, root_for(session, "/music"), "a.mp3")
        root_for(session, "/")
        session.flush()
        assert (track.path, track.rel_path) == ("/music/a.mp3", "music/a.mp3")
        assert at_path(session, "/music/a.mp3") is track


def test_track_is_found_at_its_path_alone(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        track = new_track(session, root_for(session, "/music"), "a/b.mp3")
        assert at_path(session, "/music/a/b.mp3") is track
        for other in ("/music/a", "/music/b.mp3", "/elsewhere/a/b.mp3", "/music/a/b.mp3/c", "/music"):
            assert at_path(session, other) is None


def test_relocate_moves_a_root_with_its_tracks(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        for name in ("a.mp3", "b.mp3"):
            new_track(session, root_for(session, "/old"), name)
        new_track(session, root_for(session, "/else"), "c.mp3")
    with catalog.transaction() as session:
        assert relocate(session, "/old", "/new/place") == 2
    with catalog.transaction() as session:
        assert sorted(paths(session).values()) == ["/else/c.mp3", "/new/place/a.mp3", "/new/place/b.mp3"]


def test_relocate_into_its_own_folder_is_allowed(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root_for(session, "/music")
        assert relocate(session, "/music", "/music/here") == 0
        assert roots(session) == ["/music/here"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("/nowhere", "/new", "/nowhere is not a library root; the roots are: /else, /music"),
        ("/music/rock", "/new", "/music/rock is not a library root"),
        ("/music", "/else", "/else overlaps the library root /else"),
        ("/music", "/else/below", "/else/below overlaps the library root /else"),
        ("/else", "/", "/ overlaps the library root /music"),
    ],
)
def test_relocate_refuses(catalog: Catalog, old: str, new: str, message: str) -> None:
    with catalog.transaction() as session:
        for folder in ("/music", "/else"):
            new_track(session, root_for(session, folder), "a.mp3")
        before = paths(session)
    with pytest.raises(CatalogError) as caught, catalog.transaction() as session:
        relocate(session, old, new)
    assert str(caught.value).startswith(message)
    with catalog.transaction() as session:
        assert paths(session) == before


def test_relocate_without_any_root_says_so(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="none yet"), catalog.transaction() as session:
        relocate(session, "/a", "/b")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Café  Del\tMar", "cafe del mar"),
        ("Cafe\u0301", "cafe"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
        ("Ноль", "ноль"),
        ("Ёлка", "елка"),
        ("ＡＣ／ＤＣ", "ac/dc"),
        ("", ""),
    ],
)
def test_search_key(text: str, key: str) -> None:
    assert search_key(text) == key


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("bjork", {1}),
        ("BJÖRK army", {1}),
        ("army bjork", {1}),
        ("arm jor", {1}),
        ("bjork 100", set()),
        ("100%", {2}),
        ("%", {2}),
        ("_", {3}),
        ("a_b", {3}),
        ("/", {4}),
        ("\\", {5}),
        ("zero nine", set()),
    ],
)
def test_words_match_literally_without_accents_or_case(catalog: Catalog, words: str, found: set[int]) -> None:
    songs = [("Björk", "Army of Me"), ("Someone", "100% Pure"), ("A_B", "axb"), ("AC/DC", "T"), ("x\\y", "z")]
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for number, (artist, title) in enumerate(songs, start=1):
            key = search_key(artist, title)
            new_track(session, root, f"{number}", artist=artist, title=title, search_text=key)
        new_track(session, root, "gone", title="zero nine", search_text="zero nine", missing=True)
        assert {track.id for track in matching(session, words)} == found


def test_matches_are_by_artist_and_title(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        songs = [("B", "x"), ("b", "x"), ("A", "y"), ("Ä", "a"), ("A", "x"), ("A b", "x"), ("AB", "x")]
        for number, (artist, title) in enumerate(songs):
            new_track(session, root, f"{number}", artist=artist, title=title, search_text="song")
        assert [(t.artist, t.title) for t in matching(session, "song")] == sorted(songs)


@given(title=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_every_song_is_found_by_its_own_title(shared_catalog: Catalog, title: str) -> None:
    with shared_catalog.transaction() as session:
        track = new_track(session, root_for(session, "/m"), "t", title=title, search_text=search_key(title))
        for spelled in (title, f"  {title} ", unicodedata.normalize("NFD", title), search_key(title)):
            assert matching(session, spelled) == [track]
        session.rollback()


def test_present_is_by_path_and_below_a_folder(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        for folder in ("/music", "/audio"):
            for name in ("b.mp3", "a/z.mp3", "ab/y.mp3"):
                new_track(session, root_for(session, folder), name)
        new_track(session, root_for(session, "/audio"), "gone.mp3", missing=True)
        assert [t.path for t in present(session)] == [
            "/audio/a/z.mp3",
            "/audio/ab/y.mp3",
            "/audio/b.mp3",
            "/music/a/z.mp3",
            "/music/ab/y.mp3",
            "/music/b.mp3",
        ]
        assert [t.path for t in present(session, "/music/a")] == ["/music/a/z.mp3"]


def test_many_tracks_by_id(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = Root(path="/music")
        session.add_all(Track(root=root, rel_path=f"{n}", size=1, mtime_ns=1) for n in range(1203))
        session.flush()
        wanted = [*range(1, 1204, 2), 5000]
        found = by_ids(session, wanted)
        assert sorted(found) == wanted[:-1]
        assert all(track.id == track_id for track_id, track in found.items())


def test_states_are_counted_and_listed(catalog: Catalog, tmp_path: Path) -> None:
    states = {
        "good.mp3": {"label": "rock", "plays": 2, "content_hash": "x"},
        "copy.mp3": {"warning": "cut short", "content_hash": "x"},
        "bad.mp3": {"error_kind": "not_audio", "error_message": "not audio", "label": "jazz"},
        "awful.mp3": {"error_kind": "empty", "error_message": "the file is empty"},
        "gone.mp3": {"missing": True, "label": "rock", "plays": 1, "content_hash": "x"},
        "gone bad.mp3": {"missing": True, "error_kind": "empty", "warning": "old"},
    }
    with catalog.transaction() as session:
        root = root_for(session, str(tmp_path))
        for name, values in states.items():
            new_track(session, root, name, **values)
        assert count(session) == Counts(
            tracks=6, analysed=2, missing=2, failed=2, warned=1, labelled=2, played=1
        )
        assert [t.rel_path for t in failures(session)] == ["awful.mp3", "bad.mp3"]
        assert [t.rel_path for t in labelled(session)] == ["good.mp3"]
        assert [t.rel_path for t in with_content(session, "x")] == ["good.mp3", "copy.mp3", "gone.mp3"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Café Ünïted", "cafe united"),
        ("  Łódź  ŻÓŁĆ ", "łodz zołc"),
        ("バス", "バス"),
        ("ﾊﾞｽ", "バス"),
        ("ハス", "ハス"),
        ("한국", "한국"),
        ("Ё й", "е и"),
        ("हिन्दी", "हिन्दी"),
        ("Straße", "strasse"),
        ("שָׁלוֹם", "שלום"),
    ],
)
def test_searches_drop_accents_and_nothing_else(text: str, key: str) -> None:
    assert search_key(text) == key


@pytest.mark.parametrize("words", ["x" * 100_000, "%" * 60_000, " ".join(map(str, range(5_000)))])
def test_more_words_than_a_database_takes_name_no_song(catalog: Catalog, words: str) -> None:
    with catalog.transaction() as session:
        assert matching(session, words) == []
        assert search_ids(session, words, 0, 10) == []
