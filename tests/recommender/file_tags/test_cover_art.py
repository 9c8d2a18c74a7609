"""Pictures in the tags of every format, written by mutagen and read back; damaged ones are none."""

import base64
import random
import struct
from collections.abc import Callable
from pathlib import Path

import mutagen
import pytest
from mutagen import id3
from mutagen.apev2 import BINARY, APEv2, APEValue
from mutagen.asf import ASFByteArrayAttribute
from mutagen.flac import Picture
from mutagen.mp4 import MP4Cover

from recommender.file_tags import cover_art
from recommender.file_tags.cover_art import embedded_picture, picture_beside
from tests import synth

FRONT, BACK = b"\x89PNG front" * 50, b"\xff\xd8 back" * 50
SOUND = synth.tone(0.3)


def flac_picture(kind: int, data: bytes) -> Picture:
    made = Picture()
    made.type, made.mime, made.data = kind, "image/png", data
    return made


def in_id3(path: Path) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    for kind, data in ((4, BACK), (3, FRONT)):
        file.tags.add(id3.APIC(encoding=3, mime="image/png", type=kind, desc=str(kind), data=data))
    file.save()


def in_flac(path: Path) -> None:
    file = mutagen.File(path)
    for kind, data in ((4, BACK), (3, FRONT)):
        file.add_picture(flac_picture(kind, data))
    file.save()


def in_ogg(path: Path) -> None:
    file = mutagen.File(path)
    both = (flac_picture(4, BACK), flac_picture(3, FRONT))
    file["metadata_block_picture"] = [base64.b64encode(one.write()).decode() for one in both]
    file.save()


def in_mp4(path: Path) -> None:
    file = mutagen.File(path)
    file["covr"] = [MP4Cover(FRONT, MP4Cover.FORMAT_PNG), MP4Cover(BACK)]
    file.save()


def in_asf(path: Path) -> None:
    file = mutagen.File(path)
    file["WM/Picture"] = [
        ASFByteArrayAttribute(
            struct.pack("<BI", kind, len(data)) + "image/png\0d\0".encode("utf-16-le") + data
        )
        for kind, data in ((4, BACK), (3, FRONT))
    ]
    file.save()


def in_ape(path: Path) -> None:
    tags = APEv2()
    tags["Cover Art (Back)"] = APEValue(b"b.png\0" + BACK, BINARY)
    tags["Cover Art (Front)"] = APEValue(b"f.png\0" + FRONT, BINARY)
    tags.save(path)


WRITERS: dict[str, Callable[[Path], None]] = {
    ".mp3": in_id3,
    ".wav": in_id3,
    ".aiff": in_id3,
    ".flac": in_flac,
    ".ogg": in_ogg,
    ".opus": in_ogg,
    ".m4a": in_mp4,
    ".wma": in_asf,
    ".wv": in_ape,
}


@pytest.mark.parametrize("extension", WRITERS)
def test_the_front_cover_of_every_format(tmp_path: Path, extension: str) -> None:
    path = synth.write(tmp_path / f"a{extension}", SOUND)
    assert embedded_picture(path) is None
    WRITERS[extension](path)
    assert embedded_picture(path) == FRONT


def test_any_picture_where_there_is_no_front_cover(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "a.flac", SOUND)
    file = mutagen.File(path)
    file.add_picture(flac_picture(3, b""))
    file.add_picture(flac_picture(4, BACK))
    file.save()
    assert embedded_picture(path) == BACK


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = synth.write(tmp_path / "a.flac", SOUND)
    in_flac(path)
    (tmp_path / "cover.png").write_bytes(FRONT)
    monkeypatch.setattr(cover_art, "LARGEST", len(FRONT) - 1)
    assert embedded_picture(path) == BACK
    assert picture_beside(str(path), str(tmp_path)) is None


@pytest.mark.parametrize("extension", WRITERS)
def test_damaged_files_stop_nothing(tmp_path: Path, extension: str) -> None:
    path = synth.write(tmp_path / f"a{extension}", SOUND)
    WRITERS[extension](path)
    whole = path.read_bytes()
    chance = random.Random(extension)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(1, len(damaged))])
        found = embedded_picture(path)
        assert found is None or isinstance(found, bytes)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert embedded_picture(tmp_path / "a.mp3") is None
    assert picture_beside(str(tmp_path / "none/a.mp3"), str(tmp_path)) is None


def test_the_best_name_beside_a_song(tmp_path: Path) -> None:
    for name in ("Front.PNG", "other.jpg", "folder.jpeg"):
        (tmp_path / name).write_bytes(name.encode())
    song = str(tmp_path / "a.mp3")
    assert picture_beside(song, str(tmp_path)) == b"folder.jpeg"
    (tmp_path / "COVER.webp").write_bytes(b"best")
    assert picture_beside(song, str(tmp_path)) == b"best"


def test_only_what_lies_in_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "music", tmp_path / "music2"
    root.mkdir(), outside.mkdir()
    (outside / "cover.png").write_bytes(FRONT)
    (root / "linked").symlink_to(outside)
    assert picture_beside(str(root / "linked/a.mp3"), str(root)) is None
    assert picture_beside(str(outside / "a.mp3"), str(outside)) == FRONT
    (root / "cover.png").symlink_to(outside / "cover.png")
    (root / "folder.png").symlink_to(root / "other.png")
    (root / "other.png").write_bytes(FRONT)
    assert picture_beside(str(root / "a.mp3"), str(root)) is None  # a link is none, wherever it leads
    (root / "front.png").write_bytes(BACK)
    assert picture_beside(str(root / "a.mp3"), str(root)) == BACK
