"""Tags of every format, written by mutagen and read back; damaged ones never stop anything."""

import errno
import random
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import mutagen
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen import id3
from mutagen.apev2 import APEv2
from mutagen.asf import ASFDWordAttribute, ASFUnicodeAttribute

from recommender.file_tags.limits.budget import MeteredFile
from recommender.file_tags.read import FileTags, read_tags
from recommender.library.workers.boundary import Failure, attempt
from recommender.library.workers.tasks import identify
from tests import synth

WANTED = FileTags("Ein Lied — Песня", "Sigur Rós", "Ágætis byrjun", 1999, ["Post-Rock", "Ambient"])
SOUND = synth.tone(0.5)


def silence(folder: Path, name: str) -> Path:
    path = folder / name
    return synth.write(path, SOUND)


def write_id3(path: Path, version: int) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    separator = {} if version == 4 else {"v23_sep": "\0"}
    file.tags.add(id3.TIT2(encoding=1, text=WANTED.title))
    file.tags.add(id3.TPE1(encoding=1, text=WANTED.artist))
    file.tags.add(id3.TALB(encoding=1, text=WANTED.album))
    file.tags.add(id3.TCON(encoding=1, text=WANTED.genres))
    file.tags.add(id3.TDRC(encoding=1, text="1999-06-12"))
    if version == 3:
        file.tags.update_to_v23()
    file.save(path, v2_version=version, **separator)


def write_vorbis(path: Path) -> None:
    file = mutagen.File(path)
    file["TITLE"], file["artist"], file["Album"] = WANTED.title, WANTED.artist, WANTED.album
    file["date"], file["genre"] = "1999", WANTED.genres
    file.save()


def write_mp4(path: Path) -> None:
    file = mutagen.File(path)
    for key, value in (("nam", WANTED.title), ("ART", WANTED.artist), ("alb", WANTED.album)):
        file[f"\xa9{key}"] = [value]
    file["\xa9day"], file["\xa9gen"] = ["1999-06-12T07:00:00Z"], WANTED.genres
    file.save()


def write_asf(path: Path) -> None:
    file = mutagen.File(path)
    file["Title"], file["Author"], file["WM/AlbumTitle"] = WANTED.title, WANTED.artist, WANTED.album
    file["WM/Year"] = "1999"
    file["WM/Genre"] = [ASFUnicodeAttribute(genre) for genre in WANTED.genres]
    file.save()


def write_apev2(path: Path) -> None:
    tags = APEv2()
    tags["Title"], tags["Artist"], tags["Album"], tags["Year"] = (
        WANTED.title,
        WANTED.artist,
        WANTED.album,
        "1999",
    )
    tags["Genre"] = WANTED.genres
    tags.save(path)


def write_info(path: Path) -> None:
    """As libsndfile, FFmpeg and many recorders do: an INFO list, and no ID3 tag."""
    sound, rate_hz = soundfile.read(path)
    with soundfile.SoundFile(path, "w", rate_hz, 1) as file:
        file.title, file.artist, file.album = WANTED.title, WANTED.artist, WANTED.album
        file.date, file.genre = "1999-05-01", "; ".join(WANTED.genres)
        file.write(sound)


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "mp3 ID3v2.3": ("a.mp3", lambda path: write_id3(path, 3)),
    "mp3 ID3v2.4": ("a.mp3", lambda path: write_id3(path, 4)),
    "flac": ("a.flac", write_vorbis),
    "ogg": ("a.ogg", write_vorbis),
    "opus": ("a.opus", write_vorbis),
    "m4a": ("a.m4a", write_mp4),
    "wma": ("a.wma", write_asf),
    "wv": ("a.wv", write_apev2),
    "wav": ("a.wav", lambda path: write_id3(path, 4)),
    "wav INFO": ("a.wav", write_info),
    "aiff": ("a.aiff", lambda path: write_id3(path, 4)),
    "upper case": ("A.MP3", lambda path: write_id3(path, 4)),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_tags_of_every_format(tmp_path: Path, kind: str) -> None:
    name, write = WRITERS[kind]
    path = tmp_path / name
    synth.write(path.with_suffix(path.suffix.lower()), SOUND).rename(path)
    assert read_tags(path) == FileTags()
    write(path)
    assert read_tags(path) == WANTED


def test_an_id3_tag_goes_before_an_info_list(tmp_path: Path) -> None:
    path = silence(tmp_path, "a.wav")
    write_info(path)
    file = mutagen.File(path)
    file.add_tags()
    file.tags.add(id3.TIT2(encoding=3, text="Of the tag"))
    file.tags.add(id3.TCON(encoding=3, text=["Folk; Rock", "Pop"]))
    file.save()
    tags = read_tags(path)
    assert (tags.title, tags.genres) == ("Of the tag", ["Folk; Rock", "Pop"])
    assert (tags.artist, tags.album, tags.year) == (WANTED.artist, WANTED.album, WANTED.year)


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (b"INAM\x05\0\0\0Caf\xe9\0\0", "Café"),
        (b"INAM\x06\0\0\0Caf\xc3\xa9\0", "Café"),
        (b"INAM\x01\0\0\0x\0ITRK\x02\0\0\x007\0", "x"),
        (b"INAM\xff\xff\xff\x7fshort", ""),
        (b"INA", ""),
        (b"", ""),
    ],
)
def test_info_lists_as_others_write_them(tmp_path: Path, content: bytes, title: str) -> None:
    path = silence(tmp_path, "a.wav")
    data = path.read_bytes()
    chunk = b"LIST" + struct.pack("<I", 4 + len(content)) + b"INFO" + content + b"\0" * (len(content) % 2)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk)
    tags = read_tags(path)
    assert tags.title == title
    assert tags.track_number == (7 if b"ITRK" in content else None)


@pytest.mark.parametrize(("size", "title"), [(500 << 10, "x"), (2 << 20, "")])
def test_a_huge_info_list_is_none_of_words(tmp_path: Path, size: int, title: str) -> None:
    """Entries of no text in front, by the ten thousand."""
    path = silence(tmp_path, "a.wav")
    data, content = path.read_bytes(), bytes(size) + b"INAM\x01\0\0\0x\0"
    chunk = b"LIST" + struct.pack("<I", 4 + len(content)) + b"INFO" + content
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk)
    assert read_tags(path).title == title


@pytest.mark.parametrize(
    ("version", "expected"), [(3, ["Metal", "Heavy Metal"]), (4, ["Metal; Heavy Metal"])]
)
def test_old_id3_joins_genres_by_semicolons(tmp_path: Path, version: int, expected: list[str]) -> None:
    path = silence(tmp_path, "a.mp3")
    tags = id3.ID3()
    tags.add(id3.TCON(encoding=1, text="Metal; Heavy Metal"))
    tags.save(path, v2_version=version)
    assert read_tags(path).genres == expected


def test_id3_genres_that_are_numbers_get_their_names(tmp_path: Path) -> None:
    path = silence(tmp_path, "a.mp3")
    tags = id3.ID3()
    tags.add(id3.TCON(encoding=0, text="(17)(4)Eurodisco"))
    tags.save(path)
    assert read_tags(path).genres == ["Rock", "Disco", "Eurodisco"]


def test_several_artists_are_joined_and_genres_not_repeated(tmp_path: Path) -> None:
    path = silence(tmp_path, "a.flac")
    file = mutagen.File(path)
    file["artist"], file["genre"], file["title"] = (
        ["Ann", "Bob"],
        ["Rock", " Rock ", "", "Pop"],
        ["  spaced  "],
    )
    file.save()
    tags = read_tags(path)
    assert (tags.artist, tags.genres, tags.title) == ("Ann; Bob", ["Rock", "Pop"], "spaced")


@pytest.mark.parametrize(
    ("text", "year"),
    [
        *(("2003", 2003), ("19990503", 1999), ("12/06/1987", 1987), ("c. 1720?", 1720)),
        *(("'87", None), ("", None), ("unknown", None), ("0000", None), ("0019", None), ("0019-06", None)),
    ],
)
def test_year_is_four_digits_wherever_they_are(tmp_path: Path, text: str, year: int | None) -> None:
    path = silence(tmp_path, "a.flac")
    file = mutagen.File(path)
    file["date"] = text
    file.save()
    assert read_tags(path).year == year


def test_year_of_two_digits_in_an_id3v1_tag_is_none(tmp_path: Path) -> None:
    path = silence(tmp_path, "a.mp3")
    with path.open("ab") as file:
        file.write(b"TAG" + b"Song".ljust(90, b"\0") + b"19".ljust(4, b"\0") + b"\0" * 30 + b"\xff")
    tags = read_tags(path)
    assert (tags.title, tags.year) == ("Song", None)


def place_id3(path: Path) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    frames = (id3.TPE2(text="Various"), id3.TRCK(text="3/12"), id3.TPOS(text="2/2"))
    for frame in frames:
        file.tags.add(frame)
    file.save()


def place_fields(path: Path, fields: dict[str, Any]) -> None:
    file = mutagen.File(path)
    for name, value in fields.items():
        file[name] = value
    file.save()


VORBIS_PLACE = {"ALBUMARTIST": "Various", "TRACKNUMBER": "03", "TRACKTOTAL": "12", "DISCNUMBER": "2"}
PLACES: list[tuple[str, dict[str, Any] | None]] = [
    (".mp3", None),
    (".wav", None),
    (".aiff", None),
    (".flac", VORBIS_PLACE),
    (".ogg", VORBIS_PLACE),
    (".opus", VORBIS_PLACE),
    (".m4a", {"aART": ["Various"], "trkn": [(3, 12)], "disk": [(2, 2)]}),
    (".wma", {"WM/AlbumArtist": "Various", "WM/TrackNumber": ASFDWordAttribute(3), "WM/PartOfSet": "2/2"}),
    (".wv", {"Album Artist": "Various", "Track": "3/12", "Disc": "2"}),
]


@pytest.mark.parametrize(("extension", "fields"), PLACES, ids=[extension for extension, _ in PLACES])
def test_whose_album_and_where_on_it(tmp_path: Path, extension: str, fields: dict[str, Any] | None) -> None:
    path = silence(tmp_path, f"a{extension}")
    if fields is None:
        place_id3(path)
    else:
        place_fields(path, fields)
    assert read_tags(path) == FileTags(album_artist="Various", track_number=3, disc_number=2)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("A3", 3),
        ("0", None),
        ("0/12", None),
        ("", None),
        ("one", None),
        ("-4", 4),
        ("9" * 30, None),
        ("99999", 99_999),
        ("100000", None),
        ("\u0663", None),
    ],
)
def test_numbers_that_can_be_a_place(tmp_path: Path, text: str, number: int | None) -> None:
    path = silence(tmp_path, "a.flac")
    place_fields(path, {"tracknumber": text, "discnumber": text})
    tags = read_tags(path)
    assert (tags.track_number, tags.disc_number) == (number, number)


PLAYED = "2020-12-31T12:34:56Z"
# What players write: extension, fields or frames, plays and whether PLAYED is the last time.
WRITTEN_BY_PLAYERS: list[tuple[str, Any, int, bool]] = [
    (".mp3", [id3.PCNT(count=12)], 12, False),
    (".mp3", [id3.POPM(email="no@email", rating=255, count=7)], 7, False),
    (".mp3", [id3.POPM(email="no@email", rating=255)], 0, False),
    (".mp3", [id3.PCNT(count=3), id3.POPM(email="a", count=9), id3.POPM(email="b", count=4)], 9, False),
    (".mp3", [id3.PCNT(count=2**40)], 0, False),
    (".mp3", [id3.TXXX(encoding=3, desc="FMPS_Playcount", text="5.0")], 5, False),
    (".mp3", [id3.TXXX(encoding=3, desc="PLAYCOUNT", text="6"), id3.PCNT(count=4)], 6, False),
    (".mp3", [id3.TXXX(encoding=3, desc="Play Count", text=["6", "8"])], 8, False),
    (".mp3", [id3.TXXX(encoding=3, desc="LAST_PLAYED", text=PLAYED)], 0, True),
    (".wav", [id3.PCNT(count=12), id3.TXXX(encoding=3, desc="LastPlayed", text=PLAYED)], 12, True),
    (".flac", {"PLAYCOUNT": "3", "FMPS_Playcount": "4.0", "LASTPLAYED": PLAYED}, 4, True),
    (".flac", {"play_counter": "3", "last_played_timestamp": "132538916960000000"}, 3, True),
    (".flac", {"last played": ["2001-01-01", "1609418096", "never"]}, 0, True),
    (".flac", {"playcount": "many", "last_played": "soon"}, 0, False),
    (".flac", {"playcount": ["-3", "nan", "inf", "1e300", ""]}, 0, False),
    (".flac", {"playcounts of others": "9", "first_played": PLAYED, "displaycount": "5"}, 0, False),
    (".ogg", {"playcount:quodlibet@lists.sacredchao.net": "11", "rating:x": "0.5"}, 11, False),
    (".opus", {"FMPS_PLAYCOUNT": "2.0", "Last_Played": PLAYED}, 2, True),
    (".m4a", {"----:com.apple.iTunes:FMPS_Playcount": [b"5.0"]}, 5, False),
    (".m4a", {"----:com.apple.iTunes:PLAYCOUNT": [b"6"], "----:x:LAST_PLAYED": [PLAYED.encode()]}, 6, True),
    (".m4a", {"----:com.apple.iTunes:PLAYCOUNT": [b"\xff\xfe"]}, 0, False),
    (".wma", {"FMPS/Playcount": "5.0", "Last Played": PLAYED}, 5, True),
    (".wma", {"PlayCount": ASFDWordAttribute(17)}, 17, False),
    (".wv", {"Playcount": "5", "FMPS_PLAYCOUNT": "4.0", "LAST_PLAYED": PLAYED}, 5, True),
]


@pytest.mark.parametrize(("extension", "fields", "plays", "dated"), WRITTEN_BY_PLAYERS)
def test_plays_where_players_write_them(
    tmp_path: Path, extension: str, fields: Any, plays: int, dated: bool
) -> None:
    path = silence(tmp_path, f"a{extension}")
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    if isinstance(fields, list):
        for frame in fields:
            file.tags.add(frame)
    else:
        for name, value in fields.items():
            file[name] = value
    file.save()
    played = datetime(2020, 12, 31, 12, 34, 56) if dated else None
    assert read_tags(path) == FileTags(plays=plays, last_played=played)


def test_a_file_that_is_not_audio_has_no_tags(tmp_path: Path) -> None:
    for name, content in (("a.mp3", b"not audio at all"), ("b.flac", b""), ("c.ogg", b"OggS" + bytes(50))):
        (tmp_path / name).write_bytes(content)
        assert read_tags(tmp_path / name) == FileTags()
    assert read_tags(tmp_path / "nowhere.mp3") == FileTags()


class Contents(dict[str, bytes]):
    """Whole files by kind; a failing test does not print them."""

    def __repr__(self) -> str:
        return f"Contents of {', '.join(self)}"


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """The bytes of a tagged file of every kind."""
    folder = tmp_path_factory.mktemp("tagged")
    made = Contents()
    for kind, (name, write) in WRITERS.items():
        if kind != "upper case":
            path = silence(folder, name)
            write(path)
            made[kind] = path.read_bytes()
    return made


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "upper case"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10_000), cut=st.booleans(), n_bytes=st.integers(1, 20))
def test_damaged_tags_never_raise(
    tagged: Contents, tmp_path: Path, kind: str, seed: int, cut: bool, n_bytes: int
) -> None:
    """Bytes are changed where the tags are: in the first and the last kilobyte."""
    damage = random.Random(seed)
    raw = bytearray(tagged[kind])
    for _ in range(n_bytes):
        offset = damage.randrange(min(1024, len(raw)))
        raw[offset if damage.random() < 0.7 else -1 - offset] = damage.randrange(256)
    if cut:
        del raw[damage.randrange(1, len(raw)) :]
    path = tmp_path / WRITERS[kind][0]
    path.write_bytes(raw)

    tags = read_tags(path)

    assert isinstance(tags, FileTags)
    "".join((tags.title, tags.artist, tags.album, *tags.genres)).encode("utf-8")  # what SQLite can keep
    assert 0 <= tags.plays < 2**31


@pytest.mark.parametrize("n_bytes", [4, 8, 20_000])
def test_a_count_of_any_length_never_raises(tmp_path: Path, n_bytes: int) -> None:
    path = silence(tmp_path, "a.mp3")
    tags = id3.ID3()
    tags.add(id3.PCNT(count=256**n_bytes - 1))
    tags.save(path)
    assert read_tags(path) == FileTags()


@pytest.mark.parametrize("extension", [".flac", ".mp3", ".ogg", ".m4a", ".wav", ".wma"])
def test_where_the_disk_fails_a_file_is_not_taken_for_one_without_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    path = synth.write(tmp_path / f"song{extension}", synth.sine(1.0), tags={"title": "Here"})
    assert read_tags(path).title == "Here"

    def failing(_file: object, _size: int = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(MeteredFile, "read", failing)
    with pytest.raises(OSError, match="Input/output error"):
        read_tags(path)
    assert attempt(lambda: identify(str(path))) == Failure("unreadable", "cannot be read: input/output error")
