"""Songs as M3U8, by each kind of name, those that are parts of files among them."""

import os

from db.models import Root, Track
from recommender.shortlists.playlists import Naming, tracks_m3u8


def track(root: str, rel_path: str, **more: object) -> Track:
    values = {"id": 7, "title": "", "artist": "Ann", "duration_s": 61.4, **more}
    return Track(root=Root(path=root), rel_path=rel_path, size=1, mtime_ns=1, **values)


def test_relative_to_the_folder_of_all_libraries() -> None:
    songs = [track("/music/a", "x/1.flac"), track("/music/b", "#2.flac"), track("/music/a", "é\udcff.mp3")]
    content, left_out = tracks_m3u8(songs, Naming.RELATIVE)
    assert content.split(b"\n")[2::2] == [b"a/x/1.flac", b"b/#2.flac", b"a/" + os.fsencode("é\udcff.mp3")]
    assert left_out == []
    content, _ = tracks_m3u8(songs[1:2], Naming.RELATIVE)
    assert content.split(b"\n")[2] == b"./#2.flac"  # a line that begins so would be a remark


def test_a_part_is_its_file_and_times_or_its_own_address() -> None:
    part = track("/music", "album.flac#03", range_start_s=120.0, range_end_s=181.4)
    content, _ = tracks_m3u8([part], Naming.RELATIVE)
    assert content.decode().splitlines()[1:] == [
        "#EXTINF:61,Ann - album",
        "#EXTVLCOPT:start-time=120.000",
        "#EXTVLCOPT:stop-time=181.400",
        "album.flac",
    ]
    content, _ = tracks_m3u8([part], Naming.ADDRESSES, "https://host/music/")
    assert content.decode().splitlines()[1:] == [
        "#EXTINF:61,Ann - album",
        "https://host/music/api/tracks/7/audio",
    ]


def test_an_address_names_what_no_path_can() -> None:
    odd = track("/music", "a\nb.flac")
    assert tracks_m3u8([odd], Naming.ABSOLUTE)[1] == [
        ("/music/a\nb.flac", "its name holds a line break, which M3U8 cannot express")
    ]
    content, left_out = tracks_m3u8([odd], Naming.ADDRESSES, "http://h/")
    assert (content.decode().splitlines()[-1], left_out) == ("http://h/api/tracks/7/audio", [])
