"""OpenSubsonic: songs as bytes, and pictures."""

import io
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import id3
from mutagen.flac import Picture
from PIL import Image

from tests.recommender.service.conftest import put_on_albums, serving
from tests.recommender.service.subsonic.player import Player
from tests.recommender.service.subsonic.shapes import error_of
from tests.recommender.support import Library


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (400, 300), form: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, form)
    return written.getvalue()


RED, GREEN, BLUE = (200, 10, 10), (10, 180, 10), (10, 10, 200)


def put_in(path: Path, data: bytes) -> None:
    file = mutagen.File(path)
    if path.suffix == ".mp3":
        file.tags.add(id3.APIC(encoding=3, mime="image/png", type=3, desc="c", data=data))
    else:
        one = Picture()
        one.type, one.mime, one.data = 3, "image/png", data
        file.add_picture(one)
    file.save()


def shown(player: Player, wanted: str, **more: Any) -> tuple[str, tuple[int, int], tuple[int, int, int]]:
    """Return the type, size and colour of a picture."""
    answer = player.get("getCoverArt", id=wanted, **more)
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as image:
        assert Image.MIME[image.format or ""] == answer.headers["Content-Type"]
        return answer.headers["Content-Type"], image.size, image.convert("RGB").getpixel((1, 1))  # type: ignore[return-value]


def near(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ["rock/alpha.mp3", "rock/beta.flac"])
def test_a_picture_in_the_file(mine: Player, name: str) -> None:
    data = picture(RED)
    put_in(mine.service.library.music / name, data)
    (mine.service.library.music / "rock/cover.png").write_bytes(picture(BLUE))
    track = str(mine.service.id_of(name))
    answer = mine.get("getCoverArt", id=track)
    assert (answer.content, answer.headers["Content-Type"]) == (data, "image/png")
    kind, size, colour = shown(mine, track, size=100)
    assert (kind, size) == ("image/jpeg", (100, 75))
    assert near(colour, RED)
    assert mine.get("getCoverArt", id=track, size=1000).content == data  # none is made larger


@pytest.mark.parametrize("name", ["cover.jpg", "Folder.JPG", "front.png"])
def test_a_picture_beside_the_file(mine: Player, name: str) -> None:
    form = "PNG" if name.endswith("png") else "JPEG"
    (mine.service.library.music / "rock" / name).write_bytes(picture(GREEN, form=form))
    put_on_albums(mine.service.library)
    song = mine.ask("getSong", id=str(mine.service.id_of("rock/alpha.mp3")))
    for wanted in (song["id"], song["coverArt"], song["albumId"], song["artistId"]):
        _, size, colour = shown(mine, wanted)
        assert size == (400, 300)
        assert near(colour, GREEN)
    made = mine.ask("createPlaylist", name="x", songId=song["id"])
    assert near(shown(mine, made["coverArt"])[2], GREEN)
    jazz = str(mine.service.id_of("jazz/zeta.m4a"))
    assert not near(shown(mine, jazz)[2], GREEN)


def test_one_is_drawn_where_there_is_none(mine: Player) -> None:
    songs = list(mine.songs().values())
    kind, size, _ = shown(mine, songs[0])
    assert (kind, size) == ("image/png", (300, 300))
    assert shown(mine, songs[0], size=64)[1] == (64, 64)
    assert shown(mine, songs[0], size=99_999)[1] == (2048, 2048)
    assert mine.get("getCoverArt", id=songs[0]).content == mine.get("getCoverArt", id=songs[0]).content
    assert len({shown(mine, song, size=8)[2] for song in songs}) > len(songs) // 2


def link_outside(folder: Path, outside: Path) -> None:
    (folder / "cover.png").symlink_to(outside)


def link_folder_outside(folder: Path, outside: Path) -> None:
    (folder / "cover.png").mkdir()
    (folder / "cover.png/cover.png").symlink_to(outside)


def text(folder: Path, _outside: Path) -> None:
    (folder / "cover.png").write_text("no picture")


def cut_short(folder: Path, outside: Path) -> None:
    (folder / "cover.png").write_bytes(outside.read_bytes()[:60])


def nothing(folder: Path, _outside: Path) -> None:
    (folder / "cover.png").write_bytes(b"")


def pipe(folder: Path, _outside: Path) -> None:
    import os

    os.mkfifo(folder / "cover.png")


def page(folder: Path, _outside: Path) -> None:
    (folder / "cover.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>")


@pytest.mark.parametrize("trick", [link_outside, link_folder_outside, text, cut_short, nothing, pipe, page])
@pytest.mark.parametrize("size", [0, 50])
def test_what_is_no_picture_of_the_library_is_not_given(
    mine: Player, tmp_path: Path, trick: Any, size: int
) -> None:
    outside = tmp_path / "secret.png"
    outside.write_bytes(picture(BLUE))
    trick(mine.service.library.music / "rock", outside)
    kind, _, colour = shown(mine, str(mine.service.id_of("rock/alpha.mp3")), size=size)
    assert kind == "image/png"
    assert not near(colour, BLUE)


def test_a_picture_of_too_many_pixels_is_not_given(mine: Player) -> None:
    """Of a few kilobytes, and larger than is decoded, at the size that is asked for or its own."""
    written = io.BytesIO()
    Image.new("1", (8000, 5001), 1).save(written, "PNG")
    (mine.service.library.music / "rock/cover.png").write_bytes(written.getvalue())
    song = str(mine.service.id_of("rock/alpha.mp3"))
    assert shown(mine, song)[1] == (300, 300)
    assert shown(mine, song, size=64)[1] == (64, 64)
    written = io.BytesIO()
    Image.new("1", (8000, 5000), 1).save(written, "PNG")
    (mine.service.library.music / "rock/cover.png").write_bytes(written.getvalue())
    assert shown(mine, song)[1] == (8000, 5000)


@pytest.mark.parametrize("endpoint", ["stream", "download", "stream.view"])
def test_songs_are_their_files(mine: Player, endpoint: str) -> None:
    for name in ("rock/alpha.mp3", "jazz/epsilon.opus", "jazz/zeta.m4a"):
        content = (mine.service.library.music / name).read_bytes()
        answer = mine.get(endpoint, id=mine.service.id_of(name), format="raw", maxBitRate="64")
        assert (answer.status_code, answer.content) == (200, content)
        assert ("Content-Disposition" in answer.headers) == (endpoint == "download")


def test_ranges_and_heads(mine: Player) -> None:
    content = (mine.service.library.music / "rock/alpha.mp3").read_bytes()
    path = f"/rest/stream?id={mine.service.id_of('rock/alpha.mp3')}"
    answer = mine.service.client.get(path, headers={"Range": "bytes=-100"})
    assert (answer.status_code, answer.content) == (206, content[-100:])
    answer = mine.service.client.get(path, headers={"Range": f"bytes={len(content)}-"})
    assert answer.status_code == 416
    answer = mine.service.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(content))


def test_a_file_that_is_gone_or_another_is_not_given(mine: Player, tmp_path: Path) -> None:
    music = mine.service.library.music
    (music / "rock/alpha.mp3").unlink()
    (tmp_path / "secret").write_text("secret")
    (music / "rock/beta.flac").unlink()
    (music / "rock/beta.flac").symlink_to(tmp_path / "secret")
    for name in ("rock/alpha.mp3", "rock/beta.flac"):
        answer = mine.get("stream", id=mine.service.id_of(name), f="json")
        assert error_of(answer.json())[0] == 70
        assert "secret" not in answer.text


def test_a_library_below_a_link_has_its_pictures(library: Library, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.symlink_to(library.music)
    (library.music / "rock/cover.png").write_bytes(picture(GREEN))
    moved = Library(linked, tmp_path / "other")
    moved.ingest()
    with serving(moved) as found:
        assert near(shown(Player(found), str(found.id_of("rock/alpha.mp3")))[2], GREEN)


def test_a_cover_is_made_once_whatever_songs_have_it(mine: Player) -> None:
    """Kept under its content's hash, private; a player that has it is told so."""
    folder = mine.service.state.home.cache_dir / "covers"
    data = picture(RED)
    for name in ("rock/alpha.mp3", "rock/beta.flac"):
        put_in(mine.service.library.music / name, data)
    ids = [str(mine.service.id_of(name)) for name in ("rock/alpha.mp3", "rock/beta.flac")]
    first, second = (mine.get("getCoverArt", id=one, size=100) for one in ids)
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    assert "max-age" in first.headers["Cache-Control"]
    [kept] = folder.glob("*.picture")
    assert kept.stat().st_mode & 0o777 == 0o600
    mine.service.client.app.state.covers.decoder.close()  # type: ignore[attr-defined]
    assert mine.get("getCoverArt", id=ids[0], size=100).content == first.content
    asked = {"id": ids[0], "size": 100}
    again = mine.service.client.get(
        "/rest/getCoverArt", params=asked, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_known_of_a_cover_is_forgotten_when_it_changes(mine: Player) -> None:
    track, folder = str(mine.service.id_of("rock/alpha.mp3")), mine.service.library.music / "rock"
    drawn = mine.get("getCoverArt", id=track, size=100)
    assert drawn.headers["ETag"].startswith('"drawn-')
    (folder / "cover.png").write_bytes(picture(BLUE))
    assert near(shown(mine, track, size=100)[2], BLUE)
    (folder / "cover.png").write_bytes(picture(GREEN, (500, 300)))
    assert near(shown(mine, track, size=100)[2], GREEN)


def test_a_song_of_an_album_names_the_albums_cover(mine: Player) -> None:
    titles = mine.songs()
    song = mine.ask("getSong", id=titles["Beta Motion"])
    assert song["coverArt"] == song["id"]  # of no album
    name = mine.service.library.music / "rock/beta.flac"
    file = mutagen.File(name)
    file["album"] = "Motions"
    file.save()
    mine.service.library.ingest()
    song = mine.ask("getSong", id=titles["Beta Motion"])
    assert song["coverArt"] == song["albumId"] == mine.ask("getAlbum", id=song["albumId"])["coverArt"]
