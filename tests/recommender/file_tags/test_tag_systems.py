"""Files with several tags, or where nobody looks for them: all are read, and none is lost or hidden."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mutagen import flac, id3
from mutagen.apev2 import APEv2
from mutagen.asf import ASF

from classifier.audio.audio_hash import audio_hash
from recommender.errors import TagError
from recommender.file_tags import formats, genre_fields
from recommender.file_tags.cover_art import embedded_picture
from recommender.file_tags.read import FileTags, read_tags
from recommender.file_tags.snapshots import describe, take_back
from recommender.file_tags.stored_tags import same, touched
from recommender.tagging.file_plan import TagOptions, plan_file
from tests import synth
from tests.recommender import tag_files

WANTS = {"genre": {"Rock": 0.9}}
ID3_WORDS = {"TIT2": "ID3 Title", "TPE1": "ID3 Artist", "TALB": "ID3 Album", "TCON": "Blues"}
ITEMS = {"Title": "APE Title", "Artist": "APE Artist", "Year": "1977", "Track": "3/9", "Genre": "Folk"}
PNG = b"\x89PNG" + bytes(range(256))


def id3_bytes(words: dict[str, str] = ID3_WORDS, version: int = 3) -> bytes:
    return tag_bytes([frame(name, text) for name, text in words.items()], version)


def frame(name: str, text: str) -> bytes:
    content = b"\0" + text.encode("latin-1")
    return name.encode() + struct.pack(">I2x", len(content)) + content


def tag_bytes(frames: list[bytes], version: int = 3, padding: int = 0) -> bytes:
    body = b"".join(frames) + bytes(padding)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes((version, 0, 0)) + size + body


def v1_bytes(title: str = "V1 title", genre: int = 8) -> bytes:
    """An ID3v1 tag; genre 8 is Jazz."""
    fields = (title, "V1 artist", "V1 album")
    texts = b"".join(field.encode("latin-1")[:30].ljust(30, b"\0") for field in fields)
    return b"TAG" + texts + b"1987" + bytes(28) + b"\0\5" + bytes((genre,))


def with_items(path: Path, items: dict[str, object] = ITEMS) -> None:  # type: ignore[assignment]
    tags = APEv2()
    for name, value in items.items():
        tags[name] = value
    tags.save(path)


def in_front(path: Path, data: bytes) -> None:
    path.write_bytes(data + path.read_bytes())


def behind(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def plain(path: Path) -> None:
    synth.write(path, tag_files.samples())


def _id3_before_flac(path: Path) -> None:
    plain(path)
    made = flac.FLAC(path)
    made.delete()
    in_front(path, id3_bytes())


def _only_items(path: Path) -> None:
    plain(path)
    with_items(path)


def _items_and_v1(path: Path) -> None:
    _only_items(path)
    behind(path, v1_bytes("APE Title cut off"))


def _id3_before(path: Path) -> None:
    plain(path)
    in_front(path, id3_bytes())


def _padding_and_v1(path: Path) -> None:
    plain(path)
    in_front(path, tag_bytes([], padding=500))
    behind(path, v1_bytes())


def _only_v1(path: Path) -> None:
    plain(path)
    behind(path, v1_bytes())


def _free_format(path: Path) -> None:
    """Frames whose header names no bit rate, which mutagen does not parse."""
    path.write_bytes(id3_bytes() + (b"\xff\xfb\x00\xc4" + bytes(700)) * 60)


def _wav(path: Path) -> None:
    plain(path)
    _chunk(
        path, b"LIST", b"INFO" + b"".join(_info(*e) for e in (("INAM", "Title"), ("IART", "Artist"))), "<I"
    )


def _info(name: str, text: str) -> bytes:
    content = text.encode() + b"\0"
    return name.encode() + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _chunk(path: Path, name: bytes, content: bytes, order: str) -> None:
    data = path.read_bytes() + name + struct.pack(order, len(content)) + content + bytes(len(content) % 2)
    path.write_bytes(data[:4] + struct.pack(order, len(data) - 8) + data[8:])


def _aiff(path: Path) -> None:
    plain(path)
    for name, text in ((b"NAME", b"Title"), (b"AUTH", b"Artist"), (b"(c) ", b"1999 Me"), (b"ANNO", b"Note")):
        _chunk(path, name, text, ">I")


OF_ID3 = FileTags("ID3 Title", "ID3 Artist", "ID3 Album", None, ["Blues"])
OF_ITEMS = FileTags("APE Title", "APE Artist", "", 1977, ["Folk"], track_number=3)
OF_BOTH = FileTags("APE Title", "APE Artist", "V1 album", 1977, ["Folk"], track_number=3)
OF_V1 = FileTags("V1 title", "V1 artist", "V1 album", 1987, ["Jazz"], track_number=5)
CASES: dict[str, tuple[Callable[[Path], None], FileTags]] = {
    "id3.flac": (_id3_before_flac, OF_ID3),
    "items.mp3": (_only_items, OF_ITEMS),
    "items.aac": (_only_items, OF_ITEMS),
    "items and v1.mp3": (_items_and_v1, OF_BOTH),
    "items and v1.wv": (_items_and_v1, OF_BOTH),
    "id3.aac": (_id3_before, OF_ID3),
    "id3.wv": (_id3_before, OF_ID3),
    "padding and v1.mp3": (_padding_and_v1, OF_V1),
    "v1.mp3": (_only_v1, OF_V1),
    "v1.wv": (_only_v1, OF_V1),
    "v1.flac": (_only_v1, OF_V1),
    "words.wav": (_wav, FileTags("Title", "Artist")),
    "words.aiff": (_aiff, FileTags("Title", "Artist")),
}

FFMPEG_LOOKS_ELSEWHERE = ("items and v1.wv", "v1.wv", "id3.wv")
"""In WavPack it takes no look before an ID3v1 tag, and none behind an ID3v2 tag."""
PADDING_DIFFERS = ("id3.flac", "v1.flac", "id3.aac", "padding and v1.mp3")


@pytest.fixture
def file(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name.replace(" ", "_")
    CASES[name][0](path)
    return path


every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_every_tag_is_read(file: Path, name: str) -> None:
    assert read_tags(file) == CASES[name][1]


@every_case
def test_a_genre_in_any_of_them_is_a_persons(file: Path, name: str) -> None:
    genres = CASES[name][1].genres
    made = plan_file(formats.load(file), WANTS, {}, TagOptions())
    assert made.kept == ([("genre", "set by hand")] if genres else [])
    assert made.changes[:1] == ([] if genres else made.changes[:1])
    added = plan_file(formats.load(file), WANTS, {}, TagOptions(append=True))
    assert genre_fields.texts(added.after, "genre") == [*genres, "Rock"]


@every_case
def test_a_new_tag_says_what_the_others_say_and_goes_again(file: Path, name: str) -> None:
    before, whole, packets = formats.load(file), file.read_bytes(), audio_hash(file)
    after = plan_file(before, WANTS, {}, TagOptions(overwrite=True)).after
    formats.save(file, after)
    now, expected = read_tags(file), CASES[name][1]
    assert now.genres == now.own_genres == ["Rock"]
    assert (now.title, now.artist, now.album) == (expected.title, expected.artist, expected.album)
    assert (now.year, now.track_number) == (expected.year, expected.track_number)
    if name not in FFMPEG_LOOKS_ELSEWHERE:
        shown = tag_files.ffmpeg_tags(file)
        assert (shown["title"], shown["artist"]) == (expected.title, expected.artist)
        assert shown["genre"] == "Rock"
    assert audio_hash(file) == packets is not None

    keys = touched(before, after)
    back, left = take_back(formats.load(file), [(describe(before, keys), describe(after, keys))])
    formats.save(file, back)
    assert left == []
    assert same(formats.load(file), before)
    assert read_tags(file) == expected
    assert audio_hash(file) == packets
    if name not in PADDING_DIFFERS:
        assert file.read_bytes() == whole


@pytest.mark.parametrize("name", ["words.aiff"])
def test_what_few_formats_have_is_inherited_too(file: Path) -> None:
    formats.save(file, plan_file(formats.load(file), WANTS, {}, TagOptions()).after)
    tags = tag_files.mutagen_tags(file)
    assert tags["TCOP"].text == ["1999 Me"]
    assert tags.getall("COMM")[0].text == ["Note"]


def test_fields_of_any_name_and_the_cover_are_inherited(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    plain(path)
    tags = APEv2()
    tags.update(ITEMS | {"REPLAYGAIN_TRACK_GAIN": "-1.5 dB", "ISRC": "X1", "Comment": "Words"})
    tags["Cover Art (Front)"] = b"cover.png\0" + PNG
    tags.save(path)
    formats.save(path, plan_file(formats.load(path), WANTS, {}, TagOptions(overwrite=True)).after)
    made = id3.ID3(path, load_v1=False)
    assert made["TXXX:REPLAYGAIN_TRACK_GAIN"].text == ["-1.5 dB"]
    assert (made["TSRC"].text, made.getall("COMM")[0].text) == (["X1"], ["Words"])
    assert made.getall("APIC")[0].data == PNG
    assert embedded_picture(path) == PNG


def test_a_tag_that_says_something_is_given_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    plain(path)
    in_front(path, id3_bytes({"TALB": "Only an album"}))
    behind(path, v1_bytes())
    tags = formats.load(path)
    assert tags.inherited == ()
    assert plan_file(tags, WANTS, {}, TagOptions()).kept == [("genre", "set by hand")]
    assert read_tags(path) == FileTags(
        "V1 title", "V1 artist", "Only an album", 1987, ["Jazz"], track_number=5
    )


def test_what_was_written_is_ours_beside_a_persons(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    _only_v1(path)
    formats.save(path, plan_file(formats.load(path), WANTS, {}, TagOptions(overwrite=True)).after)
    again = plan_file(formats.load(path), {"genre": {"Pop": 0.7}}, {}, TagOptions())
    assert (again.changes[0].old, again.changes[0].new) == (["Rock"], ["Pop"])
    assert path.read_bytes()[-128:] == v1_bytes()


def test_frames_that_mutagen_cannot_parse_hide_no_tag(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    _free_format(path)
    whole = path.read_bytes()
    assert read_tags(path) == OF_ID3
    before = formats.load(path)
    formats.save(path, plan_file(before, WANTS, {}, TagOptions(overwrite=True)).after)
    assert read_tags(path).genres == ["Rock"]
    formats.save(path, before)
    assert same(formats.load(path), before)
    assert path.read_bytes().endswith(whole[len(id3_bytes()) :])


@pytest.mark.parametrize(
    "extension", [".flac", ".ogg", ".m4a", ".wv", ".wma", ".wav", ".mp3", ".aiff", ".opus"]
)
@pytest.mark.parametrize("ending", [".mp3", ".flac", ".wav", ".m4a", ".aac"])
def test_endings_that_lie(tmp_path: Path, extension: str, ending: str) -> None:
    path = tmp_path / f"a{extension}"
    path.write_bytes(tag_files.make(tmp_path, f"tagged{extension}").read_bytes())
    named = path.rename(tmp_path / f"b{ending}")
    tags = read_tags(named)
    assert (tags.title, tags.artist, tags.genres) == (tag_files.TITLE, tag_files.ARTIST, [tag_files.GENRE])
    after = plan_file(formats.load(named), WANTS, {}, TagOptions(overwrite=True)).after
    formats.save(named, after)
    assert (read_tags(named).title, read_tags(named).genres) == (tag_files.TITLE, ["Rock"])


class TestOtherContainers:
    """Titles in the chunks of large WAV files, which are read and not written."""

    INFO = b"INFO" + _info("INAM", "Wide") + _info("IART", "Somebody") + _info("ICRD", "2003-05-01")

    def rf64(self, path: Path, mark: bytes = b"RF64") -> Path:
        pcm = bytes(2000)
        body = b"WAVE" + b"ds64" + struct.pack("<IQQQI", 28, 0, len(pcm), 1000, 0)
        body += b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        body += b"data" + struct.pack("<I", 0xFFFFFFFF) + pcm
        body += b"LIST" + struct.pack("<I", len(self.INFO)) + self.INFO
        path.write_bytes(mark + struct.pack("<I", 0xFFFFFFFF) + body)
        return path

    @pytest.mark.parametrize("mark", [b"RF64", b"BW64"])
    def test_rf64(self, tmp_path: Path, mark: bytes) -> None:
        path = self.rf64(tmp_path / "a.wav", mark)
        assert read_tags(path) == FileTags("Wide", "Somebody", "", 2003)
        with pytest.raises(TagError, match="more than 4 GB"):
            formats.load(path)

    def test_rf64_with_an_id3_chunk(self, tmp_path: Path) -> None:
        path = self.rf64(tmp_path / "a.wav")
        behind(path, b"id3 " + struct.pack("<I", len(id3_bytes())) + id3_bytes())
        tags = read_tags(path)
        assert (tags.title, tags.genres, tags.year) == ("ID3 Title", ["Blues"], 2003)

    def test_w64(self, tmp_path: Path) -> None:
        rest = bytes.fromhex("f3acd3118cd100c04f8edb8a")

        def chunk(name: bytes, content: bytes) -> bytes:
            return name + struct.pack("<Q", 24 + len(content)) + content + bytes(-len(content) % 8)

        summary = (
            struct.pack("<I", 1) + b"INAM" + struct.pack("<I", 10) + "Long".encode("utf-16-le") + b"\0\0"
        )
        body = chunk(b"fmt " + rest, struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
        body += chunk(b"data" + rest, bytes(801)) + chunk(
            b"\xbc\x94\x5f\x92\x5a\x52\xd2\x11\x86\xdc\0\xc0\x4f\x8e\xdb\x8a", summary
        )
        body += chunk(b"list" + bytes.fromhex("2f91cf11a5d628db04c10000"), b"INFO" + _info("IART", "Who"))
        body += chunk(b"id3 " + rest, id3_bytes({"TCON": "Blues"}))
        head = b"riff" + b"\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
        path = tmp_path / "a.w64"
        path.write_bytes(head + struct.pack("<Q", 40 + len(body)) + b"wave" + rest + body)
        assert read_tags(path) == FileTags("Long", "Who", "", None, ["Blues"])


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        (
            {"DATE": "unknown", "YEAR": "1971", "TRACKNUMBER": "", "TRACK": "4"}
            | {"ALBUMARTIST": "", "ALBUM ARTIST": "AA"},
            FileTags(year=1971, track_number=4, album_artist="AA"),
        ),
        ({"TRACKNUMBER": "0", "TRACK": "7/9"}, FileTags(track_number=7)),
        ({"ALBUMARTIST": "Unknown Artist", "ALBUM_ARTIST": "Real"}, FileTags(album_artist="Real")),
        ({"ALBUMARTIST": "<unknown>"}, FileTags(album_artist="<unknown>")),
        ({"DATE": "0000-00-00", "YEAR": "2001"}, FileTags(year=2001)),
        ({"ARTIST": "!!!", "AUTHOR": "Somebody"}, FileTags(artist="Somebody")),
        ({"ARTIST": "!!!"}, FileTags(artist="!!!")),
    ],
)
def test_a_useless_field_hides_no_other_name(
    tmp_path: Path, comments: dict[str, str], expected: FileTags
) -> None:
    path = tmp_path / "a.flac"
    plain(path)
    made = flac.FLAC(path)
    for name, value in comments.items():
        made[name] = value
    made.save()
    assert read_tags(path) == expected


def test_a_useless_tag_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    plain(path)
    in_front(path, id3_bytes({"TIT2": "Unknown", "TPE1": "unknown artist", "TRCK": "0", "TCON": "Unknown"}))
    with_items(path)
    assert read_tags(path) == OF_ITEMS


def test_a_year_of_the_newer_version_in_an_older_tag_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    plain(path)
    in_front(path, id3_bytes({"TDRC": "unknown", "TYER": "1984", "TIT2": "x"}, 4))
    assert read_tags(path).year == 1984


def test_the_first_of_several_id3_tags_goes_before(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    plain(path)
    in_front(path, id3_bytes({"TIT2": "First"}) + id3_bytes())
    assert (read_tags(path).title, read_tags(path).artist) == ("First", "ID3 Artist")


@pytest.mark.parametrize("name", ["items.mp3", "v1.mp3", "id3.flac"])
def test_a_damaged_tag_hides_no_other(file: Path, name: str) -> None:
    data = file.read_bytes()
    if name == "items.mp3":
        in_front(file, id3_bytes()[:10] + bytes((0xFF,)) * len(id3_bytes()[10:]))
    elif name == "v1.mp3":
        file.write_bytes(data[:-128] + b"APETAGEX" + struct.pack("<IIII8x", 2000, 900, 1, 0) + data[-128:])
    else:
        behind(file, b"APETAGEX" + struct.pack("<IIII8x", 2000, 900, 1, 0))
    assert read_tags(file) == CASES[name][1]


@pytest.mark.parametrize("extension", [".ogg", ".opus", ".m4a", ".wav", ".aiff", ".wma"])
def test_an_id3_tag_where_the_format_has_none(tmp_path: Path, extension: str) -> None:
    path = tag_files.make(tmp_path, f"plain{extension}")
    in_front(path, id3_bytes())
    assert read_tags(path) == OF_ID3
    with pytest.raises(TagError, match="all is read, nothing is written"):
        formats.load(path)


def test_a_genre_of_an_unusual_name_is_a_persons(tmp_path: Path) -> None:
    wma, mp3 = tag_files.make(tmp_path, "plain.wma"), tag_files.make(tmp_path, "plain.mp3")
    attributes = ASF(wma)
    attributes["Genre"] = "Mine"
    attributes.save()
    frames = id3.ID3()
    frames.add(id3.TXXX(encoding=3, desc="Genre", text="Mine"))
    frames.save(mp3)
    for path in (wma, mp3):
        assert read_tags(path).genres == ["Mine"]
        made = plan_file(formats.load(path), WANTS, {}, TagOptions())
        assert (made.kept, made.changes) == ([("genre", "set by hand")], [])


def test_atoms_as_quicktime_writes_them(tmp_path: Path) -> None:
    """Without a version before the first of them; they are read, and not written."""
    path = tag_files.make(tmp_path, "tagged.m4a")
    data = path.read_bytes()
    meta = data.index(b"meta") - 4
    assert data[meta + 8 : meta + 12] == bytes(4)
    data = data[: meta + 8] + data[meta + 12 :]
    for name in (b"moov", b"udta", b"meta"):
        start = data.index(name) - 4
        size = int.from_bytes(data[start : start + 4], "big") - 4
        data = data[:start] + size.to_bytes(4, "big") + data[start + 4 :]
    path.write_bytes(data)
    tags = read_tags(path)
    assert (tags.title, tags.artist, tags.genres) == (tag_files.TITLE, tag_files.ARTIST, [tag_files.GENRE])
    with pytest.raises(TagError, match="QuickTime"):
        formats.load(path)


OF_CASES = {
    "id3_only.flac": FileTags("ID3 Title", "ID3 Artist", genres=["Blues"]),
    "ape_only.mp3": FileTags("APE Title", "APE Artist", year=1977, genres=["Folk"]),
    "ape_and_id3v1.mp3": FileTags("APE Title", "APE Artist", year=1977, genres=["Folk"]),
    "id3_front.aac": FileTags("ID3 Title", "ID3 Artist", genres=["Blues"]),
    "flac_named.mp3": FileTags("T", "A"),
    "free_format.mp3": FileTags("ID3 Title", "ID3 Artist", genres=["Blues"]),
    "empty_first_field.flac": FileTags("T", year=1971, album_artist="AA", track_number=4),
    "ffmpeg_twice.wma": FileTags("T", "A", genres=["Jazz"]),
    "empty_id3v2_and_id3v1.mp3": FileTags(
        "V1 title", "V1 artist", "V1 album", 1987, ["Jazz"], track_number=5
    ),
}
"""Of the files that brought the faults out, what is right."""


@pytest.mark.shared
@pytest.mark.parametrize("name", OF_CASES)
def test_the_files_that_brought_it_out(shared: Path, tmp_path: Path, name: str) -> None:
    path, right = tmp_path / name, OF_CASES[name]
    path.write_bytes((shared / "data/cases" / name).read_bytes())
    assert read_tags(path) == right
    before, packets = formats.load(path), audio_hash(path)
    kept = plan_file(before, WANTS, {}, TagOptions()).kept
    assert kept == ([("genre", "set by hand")] if right.genres else [])
    formats.save(path, plan_file(before, WANTS, {}, TagOptions(overwrite=True)).after)
    assert read_tags(path) == replace(right, genres=["Rock"], own_genres=["Rock"])
    shown = tag_files.ffmpeg_tags(path)
    assert (shown["title"], shown["genre"]) == (right.title, "Rock")
    formats.save(path, before)
    assert same(formats.load(path), before)
    assert (read_tags(path), audio_hash(path)) == (right, packets)
