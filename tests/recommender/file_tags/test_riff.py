"""The genre in the INFO list of a WAV: written beside the tag, and taken back to the byte."""

import json
import shutil
import struct
import subprocess
from pathlib import Path
from random import Random

import mutagen
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import TagError
from recommender.file_tags import formats, genre_fields, stored_tags
from recommender.file_tags.snapshots import describe, take_back
from recommender.tagging.file_plan import TagOptions, plan_file
from tests.recommender import tag_files
from tests.recommender.file_tags.test_formats import GENRES, written

Chunks = list[tuple[bytes, bytes]]
TEXT = "; ".join(GENRES)
FMT = b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)


def packed(chunks: Chunks) -> bytes:
    parts = (name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"".join(parts)


def unpacked(data: bytes) -> Chunks:
    found = []
    while data:
        name, size = struct.unpack("<4sI", data[:8])
        assert len(data) >= 8 + size + size % 2
        assert data[8 + size : 8 + size + size % 2] in (b"", b"\0")
        found.append((name, data[8 : 8 + size]))
        data = data[8 + size + size % 2 :]
    return found


def wav(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    body = b"WAVE" + packed([FMT, *chunks])
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def listed(entries: Chunks) -> tuple[bytes, bytes]:
    return b"LIST", b"INFO" + packed(entries)


def chunks(path: Path) -> Chunks:
    """The chunks of a file, whose sizes must all be right."""
    data = path.read_bytes()
    assert (data[:4], data[8:12]) == (b"RIFF", b"WAVE")
    assert struct.unpack("<I", data[4:8]) == (len(data) - 8,)
    return unpacked(data[12:])


def infos(path: Path) -> Chunks:
    """The entries of all INFO lists."""
    lists = (data for name, data in chunks(path) if name == b"LIST" and data[:4] == b"INFO")
    return [entry for data in lists for entry in unpacked(data[4:])]


def undone(path: Path, before: stored_tags.StoredTags, after: stored_tags.StoredTags) -> list[str]:
    """Take back what was written; return what was left."""
    keys = stored_tags.touched(before, after)
    back, left = take_back(formats.load(path), [(describe(before, keys), describe(after, keys))])
    formats.save(path, back)
    return left


@pytest.mark.parametrize(
    ("riff", "data"),
    [(0, 0), (36, 0), (0, 2**32 - 1), (2**32 - 1, 2**32 - 1), (2**32 - 1, 0), (0x7FFF_F024, 0x7FFF_F000)],
)
def test_nothing_is_written_where_sizes_were_never_filled_in(tmp_path: Path, riff: int, data: int) -> None:
    path = wav(tmp_path / "a.wav", listed([(b"INAM", b"Title\0")]), (b"data", bytes(1000)))
    content = path.read_bytes()
    formats.load(path)
    at = content.index(b"data") + 4
    path.write_bytes(
        content[:4] + struct.pack("<I", riff) + content[8:at] + struct.pack("<I", data) + content[at + 4 :]
    )
    with pytest.raises(TagError, match="its header never got the sizes of what it holds"):
        formats.load(path)


def test_a_wav_without_samples_is_not_unfinished(tmp_path: Path) -> None:
    assert formats.load(wav(tmp_path / "a.wav", (b"data", b""))).entries == ()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("riff") / "song.wav"


texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9).map(str.encode)
items = st.tuples(st.sampled_from([b"INAM", b"IART", b"ISFT", b"IGNR"]), texts)
lists = st.lists(items, min_size=1, max_size=4).map(listed)
data_chunks = st.binary(min_size=1, max_size=9).map(lambda sound: (b"data", sound))
others = st.sampled_from([(b"LIST", b"adtl"), (b"fact", b"odd"), (b"PEAK", b"even")])


@settings(max_examples=60, deadline=None)
@given(st.lists(lists, min_size=1, max_size=2), data_chunks, st.lists(others, max_size=2), st.randoms())
def test_any_info_lists(
    path: Path, some: Chunks, sound: tuple[bytes, bytes], more: Chunks, random: Random
) -> None:
    """FFmpeg shows the genre, wherever lists stand; all else stays, and what was there comes back."""
    shuffled = [*some, sound, *more]
    random.shuffle(shuffled)
    wav(path, *shuffled)
    whole, old = path.read_bytes(), infos(path)
    before, after = written(path)

    new = TEXT.encode() + b"\0"
    had = any(name == b"IGNR" for name, _ in old)
    kept = [(name, new if name == b"IGNR" else text) for name, text in old]
    assert infos(path) == kept + [(b"IGNR", new)] * (not had)
    apart = [chunk for chunk in chunks(path) if chunk[1][:4] != b"INFO" and chunk[0] != b"id3 "]
    assert apart == [FMT, *(chunk for chunk in shuffled if chunk[1][:4] != b"INFO")]
    assert tag_files.ffmpeg_tags(path)["genre"] in (TEXT, GENRES[0])
    assert tag_files.mutagen_genres(path) == GENRES

    assert undone(path, before, after) == []
    assert path.read_bytes() == whole


SOUND = b"data", bytes(range(100))


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe")
@pytest.mark.parametrize("first", [True, False], ids=["list first", "sound first"])
def test_ffprobe_shows_it(path: Path, first: bool) -> None:
    """As `tests.recommender.file_tags.test_formats` asks of all formats; here there was no tag."""
    info = listed([(b"ISFT", b"Lavf\0")])
    wav(path, *((info, SOUND) if first else (SOUND, info)))
    written(path)
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json", str(path)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert said["format"]["tags"]["genre"].startswith("Rock")
    assert said["format"]["tags"]["encoder"] == "Lavf"


def test_a_file_without_a_list_gets_none(path: Path) -> None:
    wav(path, (b"LIST", b"adtl"), SOUND)
    written(path)
    assert [name for name, _ in chunks(path)] == [b"fmt ", b"LIST", b"data", b"id3 "]
    assert tag_files.ffmpeg_tags(path)["genre"].startswith("Rock")


@pytest.mark.parametrize(
    "body", [b"INFO", b"INFOIART\xff\0\0\0Me\0\0", b"INFOIART\x04\0\0\0You\0IGNR"], ids=repr
)
def test_an_empty_or_damaged_list_stays_as_it_is(path: Path, body: bytes) -> None:
    """FFmpeg reads the tag where a list is empty."""
    wav(path, (b"LIST", body), SOUND)
    written(path)
    assert chunks(path)[:3] == [FMT, (b"LIST", body), SOUND]


def test_a_last_entry_whose_padding_is_outside_the_list(path: Path) -> None:
    wav(path, (b"LIST", b"INFOINAM\x03\0\0\0abc"), SOUND)
    before, after = written(path)
    assert infos(path) == [(b"INAM", b"abc"), (b"IGNR", TEXT.encode() + b"\0")]
    assert undone(path, before, after) == []
    assert infos(path) == [(b"INAM", b"abc")]
    assert chunks(path)[2:] == [SOUND]


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        (b"Ska\0", ["Ska"]),
        (b"Ska; Dub", ["Ska", "Dub"]),
        ("Café".encode(), ["Café"]),
        ("Café".encode("cp1252") + b"\0", ["Café"]),
        (b"\0", []),
        (b"", []),
    ],
)
def test_a_genre_in_a_list_is_a_persons(path: Path, text: bytes, genres: list[str]) -> None:
    wav(path, listed([(b"IGNR", text)]), SOUND)
    tags = formats.load(path)
    assert genre_fields.texts(tags, "genre") == genres
    wants = {"genre": {"Rock": 0.9}}
    if genres:
        assert plan_file(tags, wants, {}, TagOptions()).kept == [("genre", "set by hand")]
    made = plan_file(tags, wants, {}, TagOptions(append=True))
    formats.save(path, made.after)
    assert infos(path) == [(b"IGNR", "; ".join([*genres, "Rock"]).encode() + b"\0")]
    assert tag_files.mutagen_genres(path) == [*genres, "Rock"]


def test_a_genre_that_another_program_changed_in_the_list_is_kept(path: Path) -> None:
    wav(path, listed([(b"INAM", b"x")]), SOUND)
    before, after = written(path)
    data = path.read_bytes()
    path.write_bytes(
        data.replace(b"IGNR" + struct.pack("<I", 22) + b"Rock", b"IGNR" + struct.pack("<I", 22) + b"Folk")
    )
    assert genre_fields.texts(formats.load(path), "genre") == [*GENRES, "Folk"]
    left = undone(path, before, after)
    assert genre_fields.field_names(before.kind, left) == ["genre"]
    assert [name for name, _ in infos(path)] == [b"INAM", b"IGNR"]
    assert genre_fields.texts(formats.load(path), "genre") == ["Folk", GENRES[1]]
    assert mutagen.File(path).tags is None


def test_an_entry_that_says_it_already_stays_as_it_is(path: Path) -> None:
    """Or else a write that was cut off early could not be told from one that was not."""
    wav(path, listed([(b"IGNR", TEXT.encode())]), SOUND)
    before, after = written(path)
    assert infos(path) == [(b"IGNR", TEXT.encode())]
    assert stored_tags.INFO_GENRE not in stored_tags.touched(before, after)


def test_a_name_with_a_semicolon_in_it_stays_one(path: Path) -> None:
    wav(path, listed([(b"INAM", b"x")]), SOUND)
    formats.save(path, genre_fields.with_field(formats.load(path), "genre", ["Rock; Pop", "Ska"]))
    assert infos(path)[1] == (b"IGNR", b"Rock; Pop; Ska\0")
    assert genre_fields.texts(formats.load(path), "genre") == ["Rock; Pop", "Ska"]
