"""OpenSubsonic: artists, albums, songs, genres and search, against the rows of the catalogue."""

import itertools
from typing import Any
from xml.etree import ElementTree

import pytest

from recommender.service.subsonic.serializers import album_id
from tests.recommender.service.conftest import Service, serving
from tests.recommender.service.subsonic.player import Player
from tests.recommender.support import SONGS, Library, query


def test_ids_are_the_same_after_a_restart_and_an_ingest(mine: Player) -> None:
    def ids() -> Any:
        artists = mine.ask("getArtists")["index"]
        albums = mine.ask("getAlbumList2", type="alphabeticalByName", size=100)["album"]
        return [[a["id"] for index in artists for a in index["artist"]], [a["id"] for a in albums]]

    before = ids()
    assert len(set(itertools.chain(*before))) == len(before[0]) + len(before[1])
    mine.service.library.ingest()
    with serving(mine.service.library) as again:
        mine.service = again
        assert ids() == before


def test_a_page_of_search_follows_the_other(player: Player) -> None:
    for kind, endpoint in (("song", "songCount"), ("artist", "artistCount"), ("album", "albumCount")):
        whole = [one["id"] for one in player.ask("search3", query='""', **{endpoint: 100})[kind]]
        assert len(whole) == len(set(whole)) == {"song": len(SONGS), "artist": 8, "album": 7}[kind]
        pages = [
            player.ask("search3", query="", **{endpoint: 3, f"{kind}Offset": first})[kind]
            for first in range(0, 12, 3)
        ]
        assert [one["id"] for page in pages for one in page] == whole


@pytest.mark.parametrize(
    ("words", "songs", "artists"),
    [
        ("cafe muller", {"Delta Blues", "Epsilon"}, {"Café Müller"}),
        ("FOLK emil", {"Eta 100%", "Theta"}, {"Emil_Folk", "Emil Folk"}),
        ("100%", {"Eta 100%"}, set()),
        ("_", {"Eta 100%"}, {"Emil_Folk"}),
        ("bet*", {"Beta Motion"}, set()),
        ("nobody", set(), set()),
    ],
)
def test_words_are_found_without_accents_and_case(
    player: Player, words: str, songs: set[str], artists: set[str]
) -> None:
    found = player.ask("search3", query=words)
    assert {song["title"] for song in found["song"]} == songs
    assert {artist["name"] for artist in found["artist"]} == artists


def test_a_song_says_what_its_row_says(player: Player, service: Service) -> None:
    row = service.library.row("rock/beta.flac")
    song = player.ask("getSong", id=player.songs()["Beta Motion"])
    assert song["id"] == str(row["id"])
    assert (song["size"], song["suffix"], song["contentType"]) == (row["size"], "flac", "audio/flac")
    assert song["duration"] == round(row["duration_s"])
    assert song["path"] == "rock/beta.flac"
    assert song["genres"] == [{"name": "Rock"}]
    assert (song["artist"], song["album"], song["isDir"]) == ("Ann Arbor", "Songs", False)
    assert song["parent"] == song["albumId"] == album_id("Ann Arbor", "Songs")


def set_rows(library: Library, **columns: str) -> None:
    """Set columns of the songs by SQL, each by a value or by what SQL makes of the id."""
    for name, value in columns.items():
        query(library.home, f"UPDATE track SET {name} = {value}")


@pytest.fixture
def albums(mine: Player) -> Player:
    """A player of ten songs on five albums of two: the first of songs 1 and 6, and so on."""
    rows = query(mine.service.library.home, "SELECT id FROM track ORDER BY id")
    for place, (track_id,) in enumerate(rows):
        album = place % 5
        query(
            mine.service.library.home,
            "UPDATE track SET artist = ?, album = ?, year = ?, plays = ?, last_played = ?, file_genres = ?,"
            " track_number = ?, disc_number = ? WHERE id = ?",
            f"artist {album % 2}",
            f"album {(3 * album) % 5}",
            1990 + album if album else None,
            album * place,
            f"2024-01-{10 + (7 * album) % 5:02d} 00:00:00.000000" if album else None,
            '["Rock"]' if album % 2 else '["jazz", "Bop"]',
            2 if place < 5 else 1,
            1,
            track_id,
        )
    return mine


def names(player: Player, kind: str, **more: Any) -> list[str]:
    found = player.ask("getAlbumList2", type=kind, size=100, **more)["album"]
    as_folders = player.ask("getAlbumList", type=kind, size=100, **more)["album"]
    if kind != "random":
        assert [one["id"] for one in as_folders] == [one["id"] for one in found]
    return [one["name"] for one in found]


def test_lists_of_albums(albums: Player) -> None:
    # Album k of 0 to 4 is called (3 k) mod 5, is of 1990 + k, and has k (2 k + 5) plays.
    called = [f"album {(3 * k) % 5}" for k in range(5)]
    assert names(albums, "alphabeticalByName") == sorted(called)
    by_artist = [*sorted(called[k] for k in (0, 2, 4)), *sorted(called[k] for k in (1, 3))]
    assert names(albums, "alphabeticalByArtist") == by_artist
    assert names(albums, "newest") == called[::-1]
    assert names(albums, "frequent") == called[:0:-1]
    days = {k: (7 * k) % 5 for k in range(1, 5)}
    assert names(albums, "recent") == [called[k] for k in sorted(days, key=lambda k: -days[k])]
    assert names(albums, "byYear", fromYear=1991, toYear=1993) == called[1:4]
    assert names(albums, "byYear", fromYear=2000, toYear=1992) == called[:1:-1]
    assert sorted(names(albums, "byGenre", genre="ROCK")) == sorted([called[1], called[3]])
    assert sorted(names(albums, "random")) == sorted(called)
    assert len({tuple(names(albums, "random")) for _ in range(12)}) > 1
    assert names(albums, "starred") == names(albums, "highest") == []
    assert names(albums, "newest", offset=3) == called[1::-1]
    assert names(albums, "newest", musicFolderId=1) == called[::-1]
    assert albums.fail("getAlbumList2", type="newest", musicFolderId=9) == 70


def test_an_album_has_its_songs_in_order(albums: Player) -> None:
    listed = {one["name"]: one for one in albums.ask("getAlbumList2", type="newest")["album"]}
    album = albums.ask("getAlbum", id=listed["album 3"]["id"])
    assert [song["track"] for song in album["song"]] == [1, 2]
    assert album["playCount"] == sum(song["playCount"] for song in album["song"]) == 7
    assert album["duration"] == pytest.approx(sum(song["duration"] for song in album["song"]), abs=1)
    assert {name: album[name] for name in listed["album 3"]} == listed["album 3"]
    assert {song["parent"] for song in album["song"]} == {album["id"]}
    assert (album["year"], album["genre"], album["songCount"]) == (1991, "Rock", 2)


def test_a_song_of_another_on_an_album_is_found_under_both(albums: Player) -> None:
    library = albums.service.library
    query(library.home, "UPDATE track SET album_artist = 'Various' WHERE album = 'album 1'")
    artists = {a["name"]: a for index in albums.ask("getArtists")["index"] for a in index["artist"]}
    assert artists["Various"]["albumCount"] == 1
    [of_all] = albums.ask("getArtist", id=artists["Various"]["id"])["album"]
    assert of_all["artist"] == "Various"
    mine = albums.ask("getArtist", id=artists["artist 0"]["id"])["album"]
    assert of_all["id"] in {album["id"] for album in mine}
    song = albums.ask("getAlbum", id=of_all["id"])["song"][0]
    assert (song["artist"], song["displayAlbumArtist"]) == ("artist 0", "Various")


def lay(player: Player, *songs: tuple[str, str, str, str, int]) -> None:
    """Give the first songs a path, artist, album artist, album and number; all others are on no album."""
    home = player.service.library.home
    query(home, "UPDATE track SET album = '[Unknown]', album_artist = '', disc_number = NULL")
    for track_id, (path, artist, whole_by, album, number) in enumerate(songs, 1):
        query(
            home,
            "UPDATE track SET rel_path = ?, artist = ?, album_artist = ?, album = ?, track_number = ?"
            " WHERE id = ?",
            *(path.encode(), artist, whole_by, album, number, track_id),
        )


def test_a_compilation_is_one_album_of_various_artists(mine: Player) -> None:
    lay(
        mine,
        *[(f"hits/{n}.mp3", f"Singer {n}", "", "Hits", 4 - n) for n in (1, 2, 3)],
        ("more/1.mp3", "Ann", "Various", "More Hits", 1),
        ("own/1.mp3", "Singer 1", "", "Hits", 1),
    )
    listed = mine.ask("getAlbumList2", type="alphabeticalByName", size=100)["album"]
    assert [(one["name"], one["artist"], one["songCount"], one["isCompilation"]) for one in listed] == [
        ("Hits", "Singer 1", 1, False),
        ("Hits", "Various Artists", 3, True),
        ("More Hits", "Various", 1, True),
    ]
    whole = mine.ask("getAlbum", id=listed[1]["id"])
    assert [song["id"] for song in whole["song"]] == ["3", "2", "1"]
    for song in whole["song"]:
        assert (song["albumId"], song["parent"]) == (whole["id"], whole["id"])
        assert (
            song["albumArtists"] == whole["artists"] == [{"id": whole["artistId"], "name": "Various Artists"}]
        )
        [on] = [one for one in mine.ask("getArtist", id=song["artistId"])["album"] if one["isCompilation"]]
        assert on["id"] == whole["id"]
    assert mine.ask("getArtist", id=whole["artistId"])["albumCount"] == 1
    found = mine.ask("search3", query="various hits")["album"]
    assert {one["id"] for one in found} == {whole["id"], listed[2]["id"]}
    # Each of its songs was an album of its own once: players that know it so still find it.
    assert mine.ask("getAlbum", id=album_id("Singer 2", "Hits"))["id"] == whole["id"]
    assert listed[0]["id"] == album_id("Singer 1", "Hits")


def test_discs_are_one_album_and_order_its_songs(mine: Player) -> None:
    lay(
        mine,
        ("wall/CD2/1.mp3", "Ann", "", "The Wall", 1),
        ("wall/CD1/2.mp3", "Ann feat. Bob", "", "The Wall", 2),
        ("wall/CD1/1.mp3", "Ann", "", "The Wall", 1),
        ("x/4.mp3", "Cy", "Cy", "Set (Disc 2)", 1),
        ("y/5.mp3", "Cy", "Cy", "Set [CD 1]", 9),
    )
    listed = mine.ask("getAlbumList2", type="alphabeticalByName", size=100)["album"]
    assert [(one["name"], one["artist"], one["songCount"]) for one in listed] == [
        ("Set", "Cy", 2),
        ("The Wall", "Ann", 3),
    ]
    songs = [mine.ask("getAlbum", id=one["id"])["song"] for one in listed]
    assert [[(song["id"], song["discNumber"]) for song in some] for some in songs] == [
        [("5", 1), ("4", 2)],
        [("3", 1), ("2", 1), ("1", 2)],
    ]
    assert {song["album"] for song in songs[0]} == {"Set"}
    assert listed[0]["id"] == album_id("Cy", "Set (Disc 2)"), "of the first song there was, as ever"
    assert mine.ask("getAlbum", id=album_id("Cy", "Set [CD 1]"))["id"] == listed[0]["id"]
    page = mine.service.get("/api/tracks?sort=album&limit=5")["tracks"]
    assert [(track["track_id"], track["album"]) for track in page] == [
        *((5, "Set"), (4, "Set")),
        *((3, "The Wall"), (2, "The Wall"), (1, "The Wall")),
    ]


def test_songs_on_no_album_are_with_their_artist(mine: Player) -> None:
    lay(mine, ("a/1.mp3", "Ann", "", "First", 1), ("a/2.mp3", "Ann", "", "<unknown>", 1))
    assert [one["name"] for one in mine.ask("getAlbumList2", type="newest", size=100)["album"]] == ["First"]
    artists = {one["name"]: one for index in mine.ask("getArtists")["index"] for one in index["artist"]}
    assert (artists["Ann"]["albumCount"], artists["Bob"]["albumCount"]) == (1, 0)
    children = mine.ask("getMusicDirectory", id=artists["Ann"]["id"])["child"]
    assert (children[0]["title"], children[0]["isDir"]) == ("First", True)
    assert [(one["id"], one["isDir"], one["parent"]) for one in children[1:]] == [
        ("2", False, artists["Ann"]["id"])
    ]
    [bobs] = mine.ask("getMusicDirectory", id=artists["Bob"]["id"])["child"]
    assert bobs["artist"] == "Bob" and bobs["coverArt"] == bobs["id"]


def test_a_song_names_its_own_cover_where_its_album_has_several(mine: Player) -> None:
    lay(mine, *[(f"a/{n}.mp3", "Ann", "", "First", n) for n in range(1, 7)])
    for track_id, picture in enumerate(("a", "a", "", "b", "b"), 1):  # the sixth was not looked into yet
        query(mine.service.library.home, "UPDATE track SET picture_hash = ? WHERE id = ?", picture, track_id)
    own = album_id("Ann", "First")
    songs = mine.ask("getAlbum", id=own)["song"]
    assert [song["coverArt"] for song in songs] == [own, own, own, "4", "4", own]
    query(mine.service.library.home, "UPDATE track SET picture_hash = 'a'")
    assert {song["coverArt"] for song in mine.ask("getAlbum", id=own)["song"]} == {own}


def test_genres_are_the_files_own_whatever_their_case(albums: Player) -> None:
    query(
        albums.service.library.home, """UPDATE track SET file_genres = '["rock"]' WHERE album = 'album 3'"""
    )
    genres = {g["value"]: (g["songCount"], g["albumCount"]) for g in albums.ask("getGenres")["genre"]}
    assert genres in (
        {"jazz": (6, 3), "Bop": (6, 3), "Rock": (4, 2)},
        {"jazz": (6, 3), "Bop": (6, 3), "rock": (4, 2)},
    )
    found = albums.ask("getSongsByGenre", genre="rOCK", count=100)["song"]
    assert {song["album"] for song in found} == {"album 3", "album 4"}
    pages = [albums.ask("getSongsByGenre", genre="bop", count=4, offset=i)["song"] for i in (0, 4)]
    assert [len(page) for page in pages] == [4, 2]
    drawn = albums.ask("getRandomSongs", genre="Rock", size=50)["song"]
    assert {song["id"] for song in drawn} == {song["id"] for song in found}


def test_a_song_without_a_genre_has_the_one_that_is_heard_if_that_is_sure(
    mine: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = {str(track["track_id"]): track for track in mine.service.get("/api/tracks?limit=100")["tracks"]}
    bare = set(list(heard)[::2])
    for wanted in bare:
        query(mine.service.library.home, "UPDATE track SET file_genres = '[]' WHERE id = ?", int(wanted))
    ranked = sorted(heard[wanted]["genres"][0]["probability"] for wanted in bare)
    bar = (ranked[1] + ranked[2]) / 2
    monkeypatch.setattr("recommender.service.subsonic.genres.SURE", bar)
    noise = max(bare, key=lambda wanted: heard[wanted]["genres"][0]["probability"])
    monkeypatch.setattr(
        "recommender.service.subsonic.genres.are_music",
        lambda index, bundle: index.rows.track_ids != int(noise),  # tones are no music, but here they are
    )

    own = {title: [genre] for _, title, _, genre in SONGS.values() if genre}
    expected = {}
    for wanted, track in heard.items():
        best = track["genres"][0]
        sure = [best["name"]] if best["probability"] >= bar and wanted != noise else []
        expected[wanted] = own[track["title"]] if wanted not in bare and track["title"] in own else sure
    shown = {i: [g["name"] for g in mine.ask("getSong", id=i)["genres"]] for i in heard}
    assert shown == expected
    assert sum(not shown[wanted] for wanted in bare) == 3
    counted = {genre["value"].casefold(): genre["songCount"] for genre in mine.ask("getGenres")["genre"]}
    flat = [genre.casefold() for genres in expected.values() for genre in genres]
    assert counted == {genre: flat.count(genre) for genre in flat}


def test_random_songs_of_some_years(albums: Player) -> None:
    found = albums.ask("getRandomSongs", fromYear=1992, toYear=1993, size=50)["song"]
    assert sorted(song["year"] for song in found) == [1992, 1992, 1993, 1993]
    assert len({song["id"] for song in found}) == 4


def test_artists_are_under_their_letters(albums: Player) -> None:
    for number, name in enumerate(("The Zoo", "äther", "99 Names"), 1):
        query(
            albums.service.library.home,
            "UPDATE track SET artist = ? WHERE track_number = 1 AND year = ?",
            name,
            1991 + number,
        )
    index = albums.ask("getArtists")["index"]
    shown = {one["name"]: [artist["name"] for artist in one["artist"]] for one in index}
    assert shown == {"#": ["99 Names"], "A": ["artist 0", "artist 1", "äther"], "Z": ["The Zoo"]}
    assert [one["name"] for one in index] == sorted(shown)
    assert albums.ask("getIndexes")["index"] == index
    assert albums.ask("getIndexes", ifModifiedSince=99_999_999_999_999)["index"] == []
    folder = albums.ask("getMusicFolders")["musicFolder"][0]
    assert {one["title"] for one in albums.ask("getMusicDirectory", id=folder["id"])["child"]} == {
        name for some in shown.values() for name in some
    }


def test_folders_lead_to_songs(albums: Player) -> None:
    folder = albums.ask("getMusicFolders")["musicFolder"][0]
    assert folder["name"] == "music"
    artist = albums.ask("getMusicDirectory", id=folder["id"])["child"][0]
    album = albums.ask("getMusicDirectory", id=artist["id"])["child"][0]
    songs = albums.ask("getMusicDirectory", id=album["id"])["child"]
    assert [song["isDir"] for song in (artist, album, *songs)] == [True, True, False, False]
    assert {song["parent"] for song in songs} == {album["id"]}


def test_top_songs(albums: Player) -> None:
    found = albums.ask("getTopSongs", artist="artist 1", count=3)["song"]
    assert [song["playCount"] for song in found] == [24, 9, 6]
    by_id = albums.ask("getTopSongs", id=found[0]["artistId"], artist="nobody", count=3)["song"]
    assert by_id == found
    assert albums.ask("getTopSongs", artist="nobody")["song"] == []


def test_songs_name_their_tempo_where_it_is_sure(albums: Player) -> None:
    home, songs = albums.service.library.home, albums.songs()
    query(home, "UPDATE track SET tempo_bpm = 119.6, tempo_confidence = 0.5 WHERE title = ?", "Alpha Rising")
    query(home, "UPDATE track SET tempo_bpm = 90.2, tempo_confidence = 0.49 WHERE title = ?", "Gamma Ray")
    query(home, "UPDATE track SET tempo_bpm = NULL, tempo_confidence = NULL WHERE title = ?", "Zeta")
    said = [albums.ask("getSong", id=songs[one]) for one in ("Alpha Rising", "Gamma Ray", "Zeta")]
    assert [song.get("bpm") for song in said] == [120, None, None]


def test_what_cannot_be_played_is_nowhere(albums: Player) -> None:
    library, songs = albums.service.library, albums.songs()
    gone, failed, short = "Alpha Rising", "Gamma Ray", "Zeta"
    query(library.home, "UPDATE track SET missing = TRUE WHERE title = ?", gone)
    query(library.home, "UPDATE track SET error_kind = 'not_audio' WHERE title = ?", failed)
    query(library.home, "UPDATE track SET error_kind = 'too_short' WHERE title = ?", short)
    assert set(albums.songs()) == set(songs) - {gone, failed}
    for title in (gone, failed):
        for endpoint in (
            "getSong",
            "stream",
            "download",
            "getCoverArt",
            "scrobble",
            "star",
            "getSimilarSongs",
        ):
            assert albums.fail(endpoint, id=songs[title]) == 70
        assert albums.fail("createPlaylist", name="x", songId=[songs[short], songs[title]]) == 70
    assert albums.ask("getScanStatus")["count"] == len(SONGS) - 2
    alike = albums.ask("getSimilarSongs", id=songs["Iota"])["song"]
    assert not {songs[gone], songs[failed]} & {song["id"] for song in alike}
    assert (
        sum(one["songCount"] for one in albums.ask("getAlbumList2", type="newest")["album"]) == len(SONGS) - 2
    )
    assert sum(genre["songCount"] for genre in albums.ask("getGenres")["genre"]) > 0


def test_texts_that_xml_cannot_hold(mine: Player) -> None:
    query(mine.service.library.home, "UPDATE track SET title = ? WHERE id = 1", 'a\x01<&>"\U0001f600]]>')
    answer = mine.get("getSong", id=1)
    [song] = ElementTree.fromstring(answer.content)
    assert song.get("title") == 'a\ufffd<&>"\U0001f600]]>'
    assert mine.ask("getSong", id="1")["title"] == 'a\x01<&>"\U0001f600]]>'


def test_a_name_that_is_not_utf8(mine: Player) -> None:
    query(mine.service.library.home, "UPDATE track SET rel_path = ? WHERE id = 1", b"caf\xe9/\xff.mp3")
    assert mine.ask("getSong", id="1")["path"] == "caf\ufffd/\ufffd.mp3"


def test_nobody_else_is_to_be_asked_about(player: Player) -> None:
    assert player.fail("getUser", username="bob") == 50
    assert player.fail("startScan") == 50


def test_an_empty_catalogue(tmp_path: Any) -> None:
    with serving(Library(tmp_path / "music", tmp_path / "home")) as found:
        player = Player(found)
        assert player.ask("getArtists")["index"] == []
        assert player.ask("search3", query="") == {"artist": [], "album": [], "song": []}
        assert player.ask("getAlbumList2", type="random")["album"] == []
        assert player.ask("getRandomSongs")["song"] == []
        assert player.ask("getGenres")["genre"] == []
        assert player.ask("getMusicFolders")["musicFolder"] == []
        assert player.ask("getIndexes")["lastModified"] == 0


def test_songs_like_those_of_an_album_or_artist(albums: Player) -> None:
    library = albums.service.library
    listed = albums.ask("getAlbumList2", type="newest", size=1)["album"][0]
    mine = [song["id"] for song in albums.ask("getAlbum", id=listed["id"])["song"]]
    expected = [
        str(found["track_id"]) for found in service_answer(albums, mine) if str(found["track_id"]) not in mine
    ]
    found = [song["id"] for song in albums.ask("getSimilarSongs", id=listed["id"])["song"]]
    assert found and set(found) == set(expected)
    best = {song: max(score_of(albums, one, song) for one in mine) for song in found}
    assert found == sorted(found, key=lambda song: -best[song])
    assert len(albums.ask("getSimilarSongs2", id=listed["artistId"], count=2)["song"]) == 2
    other = albums.ask("getTopSongs", artist="artist 1")["song"]
    rest = set(albums.songs().values()) - {song["id"] for song in other}
    alike = albums.ask("getSimilarSongs2", id=other[0]["artistId"])["song"]
    assert (len(other), {song["id"] for song in alike}) == (4, rest)  # all four are asked for, none is found
    assert query(library.home, "SELECT count(*) FROM track")[0][0] == len(SONGS)


def service_answer(player: Player, ids: list[str]) -> list[Any]:
    """Return the songs like several, whichever is the nearer, by the REST interface."""
    return [
        found for one in ids for found in player.service.get(f"/api/tracks/{one}/similar?n=50")["results"]
    ]


def score_of(player: Player, one: str, other: str) -> float:
    """Return how much a song sounds like another."""
    matches = player.ask("getSonicSimilarTracks", id=one, count=50)
    return next((m["similarity"] for m in matches if m["entry"]["id"] == other), 0.0)


def test_artists_like_an_artist_are_those_of_songs_like_theirs(player: Player) -> None:
    bob = player.ask("getSong", id=player.songs()["Gamma Ray"])
    alike = player.ask("getSimilarSongs", id=bob["id"])["song"]
    expected = list(dict.fromkeys(song["artist"] for song in alike if song["artistId"] != bob["artistId"]))
    for wanted in (bob["artistId"], bob["albumId"], bob["id"]):
        found = player.ask("getArtistInfo2", id=wanted)["similarArtist"]
        assert [artist["name"] for artist in found] == [name for name in expected if name[0] != "["]
    assert len(player.ask("getArtistInfo", id=bob["id"], count=2)["similarArtist"]) == 2
    assert player.fail("getArtistInfo2", id="ar-x") == 70
