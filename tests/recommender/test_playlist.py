"""Playlists, parsed back as players and spreadsheets parse them."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recommender import playlist
from recommender.errors import RecommenderError
from recommender.playlist import PlaylistEntry, format_of, playlist_entries, write_playlist

# A name as a file system has it: any bytes but the separator and NUL.
FILE_NAMES = (
    st.binary(min_size=1, max_size=30)
    .filter(lambda raw: not set(raw) & {0, ord("/")} and raw not in (b".", b".."))
    .map(os.fsdecode)
)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SONGS = [
    PlaylistEntry("/music/a/Été.flac", "Été", "Ann", 61.4, {"similarity": 0.5}),
    PlaylistEntry("/music/b, c/x.mp3", 'He said "no"', "", None, {"similarity": 0.25, "plays": 3}),
]


def read_m3u8(content: bytes) -> list[tuple[int, str, bytes]]:
    """What a player takes from an M3U8: seconds, words and the bytes it opens, of each song."""
    lines = content.split(b"\n")
    assert lines[0] == b"#EXTM3U"
    assert lines[-1] == b""
    songs, about = [], b""
    for line in (line.strip() for line in lines[1:-1]):
        if line.startswith(b"#EXTINF:"):
            about = line.removeprefix(b"#EXTINF:")
        elif line and not line.startswith(b"#"):
            seconds, _, words = about.partition(b",")
            songs.append((int(seconds), words.decode("utf-8"), line))
    return songs


def test_an_m3u8_names_length_artist_title_and_path() -> None:
    content, skipped = write_playlist(SONGS, None, "m3u8")
    assert skipped == []
    assert (
        content
        == (
            '#EXTM3U\n#EXTINF:61,Ann - Été\n/music/a/Été.flac\n#EXTINF:-1,He said "no"\n/music/b, c/x.mp3\n'
        ).encode()
    )


@pytest.mark.parametrize(
    ("folder", "paths"),
    [
        ("/music", ["a/Été.flac", "b, c/x.mp3"]),
        ("/music/a", ["Été.flac", "../b, c/x.mp3"]),
        ("/lists", ["../music/a/Été.flac", "../music/b, c/x.mp3"]),
    ],
)
@pytest.mark.parametrize("format", ["m3u8", "csv", "json"])
def test_paths_relative_to_a_folder(folder: str, paths: list[str], format: str) -> None:
    content, _ = write_playlist(SONGS, None, format, Path(folder))
    if format == "m3u8":
        assert [line.decode() for _, _, line in read_m3u8(content)] == paths
    elif format == "csv":
        assert [row["path"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))] == paths
    else:
        assert [row["path"] for row in json.loads(content)] == paths


@given(st.lists(st.tuples(FILE_NAMES, WORDS, WORDS), max_size=4), st.booleans())
@example([("#1.mp3", "", "")], True)
@example([(" lead.mp3", "a\nb", "c\r\n#EXTM3U")], True)
@example([("\udcff\udce9.mp3", "", "")], False)
@example([("\ufeffx.mp3", "", "x\u2028y")], True)
def test_a_player_opens_just_the_songs_of_an_m3u8(songs: list[tuple[str, str, str]], relative: bool) -> None:
    entries = [PlaylistEntry(f"/m/{name}", title, artist, 7.0) for name, title, artist in songs]
    content, skipped = write_playlist(entries, None, "m3u8", Path("/m") if relative else None)
    broken = [entry for entry in entries if {"\n", "\r"} & set(entry.path)]
    assert [path for path, _ in skipped] == [entry.path for entry in broken]
    assert all("line break" in reason for _, reason in skipped)
    kept = [entry for entry in entries if entry not in broken]
    lines = content.split(b"\n")[1:-1]
    assert len(lines) == 2 * len(kept)
    for entry, about, path in zip(kept, lines[::2], lines[1::2], strict=True):
        assert about.startswith(b"#EXTINF:7,")
        assert len(about.decode("utf-8").splitlines()) == 1
        assert not path.startswith((b"#", b"\xef\xbb\xbf"))
        assert path == path.lstrip()
        assert os.path.normpath(os.path.join(b"/m", path)) == os.fsencode(entry.path)


@given(st.lists(st.tuples(FILE_NAMES, WORDS, WORDS), max_size=4))
def test_csv_and_json_hold_every_song_whatever_its_name(songs: list[tuple[str, str, str]]) -> None:
    entries = [PlaylistEntry(f"/m/{name}", title, artist, 1.5, {"rank": 1}) for name, title, artist in songs]
    expected = [(entry.path, entry.title, entry.artist) for entry in entries]
    content, skipped = write_playlist(entries, None, "csv")
    assert skipped == []
    text = io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")
    rows = list(csv.DictReader(text))
    assert [(row["path"], row["title"], row["artist"]) for row in rows] == expected
    assert all((row["duration_s"], row["rank"]) == ("1.5", "1") for row in rows)
    content, skipped = write_playlist(entries, None, "json")
    assert skipped == []
    found = json.loads(content)
    assert [(row["path"], row["title"], row["artist"]) for row in found] == expected
    assert all((row["duration_s"], row["rank"]) == (1.5, 1) for row in found)


def test_extras_of_some_songs_are_columns_for_all() -> None:
    content, _ = write_playlist(SONGS, None, "csv")
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert rows == [
        ["path", "title", "artist", "duration_s", "similarity", "plays"],
        ["/music/a/Été.flac", "Été", "Ann", "61.4", "0.5", ""],
        ["/music/b, c/x.mp3", 'He said "no"', "", "", "0.25", "3"],
    ]


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.m3u8", "m3u8"), ("a.M3U", "m3u8"), ("a.csv", "csv"), ("a.b.JSON", "json")],
)
def test_the_suffix_tells_the_format(tmp_path: Path, name: str, format: str) -> None:
    assert format_of(Path(name)) == format
    content, _ = write_playlist(SONGS, tmp_path / name)
    assert content == write_playlist(SONGS, None, format)[0]
    assert (tmp_path / name).read_bytes() == content


def test_a_named_format_goes_before_the_suffix(tmp_path: Path) -> None:
    write_playlist(SONGS, tmp_path / "songs.txt", "csv")
    assert (tmp_path / "songs.txt").read_bytes().startswith(b"path,title")


@pytest.mark.parametrize(
    ("name", "format", "line"),
    [("a.txt", None, "must end in"), ("a", None, "must end in"), ("a.csv", "xspf", "no playlist format")],
)
def test_an_unknown_format_is_refused(tmp_path: Path, name: str, format: str | None, line: str) -> None:
    with pytest.raises(RecommenderError, match=line):
        write_playlist(SONGS, tmp_path / name, format)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told_and_leaves_the_old_list(tmp_path: Path) -> None:
    with pytest.raises(RecommenderError, match="cannot be written: No such file"):
        write_playlist(SONGS, tmp_path / "none" / "a.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(RecommenderError, match="cannot be written"):
        write_playlist(SONGS, tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_an_empty_playlist_is_one(tmp_path: Path) -> None:
    assert write_playlist([], None, "m3u8")[0] == b"#EXTM3U\n"
    assert json.loads(write_playlist([], None, "json")[0]) == []
    assert write_playlist([], None, "csv")[0] == b"path,title,artist,duration_s\r\n"


def test_every_format_that_a_suffix_names_can_be_written() -> None:
    assert set(playlist.FORMATS.values()) == set(playlist.WRITERS)


def test_a_part_of_a_file_is_that_file_with_options_as_vlc_has_them(tmp_path: Path) -> None:
    entries = [
        PlaylistEntry("/m/a.flac#01", "One", "Ann", 60.0, start_s=0.0, end_s=60.5),
        PlaylistEntry("/m/a.flac#02", "Two", "Ann", 9.0, start_s=60.5),
        PlaylistEntry("/m/not a part #02.flac", "Three", "Ann", 9.0),
    ]
    content, skipped = write_playlist(entries, None, "m3u8", Path("/m"))
    assert skipped == []
    assert content.decode().splitlines() == [
        "#EXTM3U",
        *("#EXTINF:60,Ann - One", "#EXTVLCOPT:start-time=0.000", "#EXTVLCOPT:stop-time=60.500", "a.flac"),
        *("#EXTINF:9,Ann - Two", "#EXTVLCOPT:start-time=60.500", "a.flac"),
        *("#EXTINF:9,Ann - Three", "not a part #02.flac"),
    ]


# Read.


@given(
    songs=st.lists(st.tuples(FILE_NAMES, st.one_of(st.none(), st.integers(0, 9999))), max_size=5),
    relative=st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, songs: list[tuple[str, int | None]], relative: bool
) -> None:
    folder = tmp_path_factory.mktemp("mix")
    entries = [
        PlaylistEntry(str(folder / "music" / name), start_s=start_s)
        for name, start_s in songs
        if not set(name) & {"\n", "\r"} and "#" not in name and name.strip() == name
    ]
    write_playlist(entries, folder / "mix.m3u8", relative_to=folder if relative else None)
    found = list(playlist_entries(folder / "mix.m3u8"))
    assert [(e.path, e.start_s) for e in found] == [(e.path, e.start_s) for e in entries]


def test_a_playlist_of_another_program_is_read(tmp_path: Path) -> None:
    lines = "\ufeffsub/one.mp3\r\n\r\n#EXTINF:3,Two\r\n/two.mp3\r\nfile:///a%20b/c%C3%A9.flac\r\n  \r\n"
    (tmp_path / "mix.m3u").write_bytes(lines.encode())
    found = [entry.path for entry in playlist_entries(tmp_path / "mix.m3u")]
    assert found == [str(tmp_path / "sub/one.mp3"), "/two.mp3", "/a b/cé.flac"]


@pytest.mark.parametrize("content", [b"a\0b\n", None])
def test_a_playlist_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "mix.m3u8").write_bytes(content)
    with pytest.raises(RecommenderError) as caught:
        list(playlist_entries(tmp_path / "mix.m3u8"))
    assert "\n" not in str(caught.value)
