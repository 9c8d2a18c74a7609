"""The tags of every format: what others read of them, the same audio, and the very bytes back."""

import errno
import io
import itertools
import json
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen import id3
from mutagen.apev2 import APEv2
from mutagen.mp4 import MP4

from classifier.audio.audio_hash import audio_hash
from recommender.errors import TagError
from recommender.file_tags import formats, genre_fields, stored_tags
from recommender.file_tags.limits.budget import MeteredFile
from recommender.file_tags.read import read_tags
from recommender.file_tags.snapshots import describe, take_back
from recommender.file_tags.stored_tags import StoredTags, TagEntry
from tests import synth
from tests.conftest import SHARED
from tests.data import make_tone_ape
from tests.recommender import tag_files
from tests.recommender.tag_files import GENRE, MAKERS

GENRES = ["Rock", "Indie Röck ☃"]
SCORES = {"genre": {"Rock": 0.8, "Indie Röck ☃": 0.4}}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of every kind; not to be changed."""
    folder = tmp_path_factory.mktemp("formats")
    for name in MAKERS:
        tag_files.make(folder, name)
    return folder


@pytest.fixture
def file(originals: Path, tmp_path: Path, name: str) -> Path:
    return Path(shutil.copyfile(originals / name, tmp_path / name))


def written(path: Path) -> tuple[StoredTags, StoredTags]:
    """Write genres, a mood and the private field; return the tag before and after."""
    before = formats.load(path)
    after = before.with_entries((*before.inherited, *before.entries))
    after = genre_fields.with_field(after, "genre", GENRES)
    after = genre_fields.with_field(after, "mood", ["Sad"])
    after = genre_fields.with_field(after, "scores", [genre_fields.scores_text(SCORES)])
    formats.save(path, after)
    return before, after


FFMPEG_LOOKS_ELSEWHERE = ("v1.ape",)
"""It takes no look before an ID3v1 tag."""

every_kind = pytest.mark.parametrize("name", MAKERS)


@every_kind
def test_others_read_what_was_written(file: Path, name: str) -> None:
    before, _ = written(file)
    old_version = before.kind in (stored_tags.ID3_3, stored_tags.ID3_2)
    expected = ["; ".join(GENRES)] if old_version else GENRES
    assert tag_files.mutagen_genres(file) == expected
    ours = formats.load(file)
    assert genre_fields.texts(ours, "genre") == GENRES
    assert genre_fields.scores_of(ours) == SCORES
    told = tag_files.ffmpeg_tags(file)
    if name in FFMPEG_LOOKS_ELSEWHERE:
        return
    if name == "info.wav":  # what its list says is shown, which has neither moods nor scores
        assert told["genre"] == "; ".join(GENRES)
        return
    # FFmpeg itself shows but the first of several values in most formats.
    assert told["genre"].split(";")[0] == GENRES[0]
    assert "Sad" in (told.get("mood"), told.get("tmoo"), told.get("wm/mood"))
    assert json.loads(told["deepcuts"]) == SCORES


@every_kind
def test_tempo_and_key_are_read_by_others_and_taken_back(file: Path, name: str) -> None:
    before, original = formats.load(file), file.read_bytes()
    after = before.with_entries((*before.inherited, *before.entries))
    for field, text in (("tempo", "174"), ("key", "F#m")):
        after = genre_fields.with_field(after, field, [text])
    formats.save(file, after)
    found = formats.load(file)
    assert stored_tags.same(found, after)
    assert (genre_fields.texts(found, "tempo"), genre_fields.texts(found, "key")) == (["174"], ["F#m"])
    if name not in (*FFMPEG_LOOKS_ELSEWHERE, "info.wav"):
        told = tag_files.ffmpeg_tags(file)
        if name.endswith(".m4a"):  # FFmpeg shows no tempo there, whoever wrote it
            told["bpm"] = str(MP4(file).tags["tmpo"][0])
        assert "174" in [told.get(key) for key in ("bpm", "tbpm", "tbp", "wm/beatsperminute")]
        assert "F#m" in [told.get(key) for key in ("initialkey", "tkey", "tke", "wm/initialkey")]
    touched = stored_tags.touched(before, after)
    restored, left = take_back(found, [(describe(before, touched), describe(after, touched))])
    assert not left
    formats.save(file, restored)
    assert stored_tags.same(formats.load(file), before)
    if before.present:
        assert abs(len(file.read_bytes()) - len(original)) <= 8192  # padding alone


@every_kind
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe; FFmpeg's library is asked above")
def test_ffprobe_reads_it(file: Path, name: str) -> None:
    if name in FFMPEG_LOOKS_ELSEWHERE:
        return
    written(file)
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(file)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    tags = said["format"].get("tags", {}) | said["streams"][0].get("tags", {})
    assert {name.lower(): value for name, value in tags.items()}["genre"].startswith("Rock")


@every_kind
def test_all_else_stays(file: Path) -> None:
    """Title and artist as mutagen reads them, the audio as FFmpeg decodes it, and the packets."""
    shown, sound, packets = other_tags(file), tag_files.decoded(file), audio_hash(file)
    written(file)
    assert other_tags(file) == shown
    np.testing.assert_array_equal(tag_files.decoded(file), sound)
    assert audio_hash(file) == packets
    assert packets is not None


def other_tags(path: Path) -> dict[str, str]:
    """What mutagen reads, without what is written here."""
    tags = tag_files.mutagen_tags(path) or {}
    ours = ("TCON", "TMOO", "TXXX:MOOD", "TXXX:mood", "\xa9gen", "WM/Genre", "WM/Mood", "genre", "mood")
    if isinstance(tags, APEv2):
        ours = ("Genre", "genre", "Mood")
    return {
        key: str(tags[key])
        for key in tags.keys()  # noqa: SIM118 - some are lists of pairs
        if key not in ours and "deepcuts" not in key.lower() and "MOOD" not in key
    }


@every_kind
def test_what_was_there_comes_back_byte_for_byte(file: Path, name: str) -> None:
    whole, sound, tagged = file.read_bytes(), tag_files.decoded(file), bool(mutagen.File(file).tags)
    raw = raw_values(file)
    before, after = written(file)
    keys = stored_tags.touched(before, after)
    back, kept = take_back(formats.load(file), [(describe(before, keys), describe(after, keys))])
    assert kept == []
    formats.save(file, back)

    assert raw_values(file) == raw
    assert bool(mutagen.File(file).tags) == tagged
    np.testing.assert_array_equal(tag_files.decoded(file), sound)
    if not name.startswith(("plain", "flac in ogg", "v2.2")):  # there, room for padding is all that is new
        assert file.read_bytes() == whole


def raw_values(path: Path) -> Any:
    """The values of a file's tag, read without the code that is tested, as near to the bytes as can be."""
    file = mutagen.File(path)
    if file.tags is None:
        return None
    if path.suffix in (".mp3", ".wav", ".aiff"):
        data = path.read_bytes()
        return sorted(raw_frames(data[data.index(b"ID3") :])) if b"ID3" in data else None
    if hasattr(file.tags, "vendor"):
        return list(file.tags)
    return sorted((key, repr(file.tags[key])) for key in file.tags.keys())  # noqa: SIM118


def raw_frames(data: bytes) -> list[bytes]:
    bits = 7 if data[3] == 4 else 8
    size = sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    body, found = data[10 : 10 + size], []
    head, sizes = (6, slice(3, 6)) if data[3] == 2 else (10, slice(4, 8))
    while len(body) > head and body[0]:
        length = head + sum(byte << bits * digit for digit, byte in enumerate(reversed(body[sizes])))
        found.append(body[:length])
        body = body[length:]
    return found


def test_the_ape_file_is_what_its_generator_says() -> None:
    sound = make_tone_ape.sound()
    found = tag_files.decoded(tag_files.APE) / 2**15
    np.testing.assert_allclose(found, np.stack([sound] * 2), atol=1 / 2**15)


@pytest.mark.parametrize("name", ["v2.3.mp3"])
def test_frames_of_an_older_version_stay_as_they_are(file: Path) -> None:
    old = raw_frames(file.read_bytes())
    written(file)
    data = file.read_bytes()
    assert data[3] == 3
    new = raw_frames(data)
    kept = [frame for frame in old if frame[:4] in (b"TIT2", b"TPE1", b"TYER", b"APIC")]
    assert len(kept) == 4
    assert [frame for frame in new if frame in old] == kept
    frames = id3.ID3(file, translate=False)
    assert (frames["TCON"].encoding, frames["TCON"].text) == (1, ["Rock; Indie Röck ☃"])
    assert [str(frame) for frame in frames.getall("TXXX") if frame.desc.lower() == "mood"] == ["Sad"]


@pytest.mark.parametrize("name", ["v1.mp3"])
def test_a_new_tag_holds_what_it_would_hide(file: Path) -> None:
    behind = file.read_bytes()[-128:]
    written(file)
    frames = id3.ID3(file, load_v1=False)
    assert (str(frames["TIT2"]), str(frames["TPE1"])) == ("Old Title", tag_files.ARTIST)
    assert file.read_bytes()[-128:] == behind


@pytest.mark.parametrize("name", ["v2.4 and others.mp3", "v1.ape"])
def test_tags_behind_the_audio_stay_as_they_are(file: Path, name: str) -> None:
    behind = file.read_bytes()[-128:]
    assert behind[:3] == b"TAG"
    gain = APEv2(file).get("REPLAYGAIN_TRACK_GAIN")
    written(file)
    assert file.read_bytes()[-128:] == behind
    assert APEv2(file).get("REPLAYGAIN_TRACK_GAIN") == gain
    assert (gain is not None) == name.endswith(".mp3")


@pytest.mark.parametrize("name", ["tagged.m4a"])
def test_a_genre_that_is_a_number_is_read_and_comes_back(file: Path) -> None:
    tags = formats.load(file)
    numbered = b"gnre" + b"\0\0\0\x12data" + bytes(8) + b"\0\x12"
    entries = [TagEntry("gnre", numbered) if e.key == "\xa9gen" else e for e in tags.entries]
    formats.save(file, tags.with_entries(entries))
    assert numbered in file.read_bytes()
    name = MP4(file).tags["\xa9gen"]
    assert genre_fields.texts(formats.load(file), "genre") == name == ["Rock"]
    before, after = written(file)
    assert numbered not in file.read_bytes()
    keys = stored_tags.touched(before, after)
    back, _ = take_back(formats.load(file), [(describe(before, keys), describe(after, keys))])
    formats.save(file, back)
    assert numbered in file.read_bytes()


@pytest.mark.parametrize(
    ("frame", "genres"),
    [(b"\x00(17)\x00", ["Rock"]), (b"\x0017", ["Rock"]), (b"\x03Acid Jazz\0Ska\0", ["Acid Jazz", "Ska"])],
)
def test_genres_of_id3_are_read_as_mutagen_reads_them(frame: bytes, genres: list[str]) -> None:
    tags = StoredTags(stored_tags.ID3_4, True, (TagEntry("TCON", b"\0\0" + frame),))
    assert genre_fields.texts(tags, "genre") == genres


def refuse(path: Path) -> str:
    before = path.read_bytes()
    with pytest.raises(TagError) as caught:
        formats.load(path)
    assert path.read_bytes() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("not audio at all, but words")
    refuse(text)


def test_comments_that_would_be_lost_are_refused(tmp_path: Path) -> None:
    file = tag_files.make(tmp_path, "tagged.flac")
    data = file.read_bytes()
    assert data.count(tag_files.ARTIST.encode()) == 1
    file.write_bytes(data.replace(tag_files.ARTIST.encode(), b"\xe9" + tag_files.ARTIST.encode()[1:]))
    assert "damaged" in refuse(file)


def test_a_file_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        formats.load(tmp_path / "gone.flac")


@pytest.mark.parametrize("name", ["ffmpeg.wma"])
def test_an_artist_in_two_objects_stays_in_both(file: Path) -> None:
    whole = file.read_bytes()
    assert whole.count("Author\0".encode("utf-16-le")) == 1
    assert [entry.key for entry in formats.load(file).entries].count("Author") == 2
    written(file)
    data = file.read_bytes()
    assert data != whole
    assert data.count("Author\0".encode("utf-16-le")) == 1
    assert data.count((tag_files.ARTIST + "\0").encode("utf-16-le")) == 2
    assert read_tags(file).artist == tag_files.ARTIST
    assert read_tags(file).genres == GENRES


@pytest.mark.shared
def test_a_wma_of_ffmpegs_is_written_and_comes_back(tmp_path: Path) -> None:
    original = SHARED / "data/cases/ffmpeg_twice.wma"
    file = Path(shutil.copy(original, tmp_path))
    before, after = written(file)
    assert (read_tags(file).artist, read_tags(file).genres) == ("A", GENRES)
    assert audio_hash(file) == audio_hash(original)
    keys = stored_tags.touched(before, after)
    formats.save(file, take_back(formats.load(file), [(describe(before, keys), describe(after, keys))])[0])
    assert file.read_bytes() == original.read_bytes()


def test_what_was_recorded_of_a_wma_before_is_taken_back(tmp_path: Path) -> None:
    """Attributes without their position, as they were once kept; mutagen put them where it liked."""
    file = tag_files.make(tmp_path, "tagged.wma")
    tags = formats.load(file)
    assert all(len(json.loads(entry.data)) == 5 for entry in tags.entries)
    old = mutagen.File(file)
    old.tags["WM/Genre"] = ["Rock", "Pop"]
    old.save()
    now = formats.load(file)
    assert genre_fields.texts(now, "genre") == ["Rock", "Pop"]
    keys = ["WM/Genre"]
    back, kept = take_back(now, [(describe(tags, keys), describe(now, keys))])
    assert kept == []
    formats.save(file, back)
    assert genre_fields.texts(formats.load(file), "genre") == [GENRE]


@pytest.mark.parametrize("name", ["tagged.wma"])
@pytest.mark.parametrize("offset", [16, 24, 46, 50])
def test_a_damaged_header_is_refused(file: Path, offset: int) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= 0x15
    file.write_bytes(data)
    assert "damaged" in refuse(file) or "read" in refuse(file)


# Invariants of what is stored.

frame_ids = st.sampled_from(["TCON", "TMOO", "TIT2", "PRIV", "COMM"])
frames = st.builds(TagEntry, frame_ids, st.binary(min_size=1, max_size=300).map(lambda data: b"\0\0" + data))


@settings(max_examples=60, deadline=None)
@given(st.lists(frames, max_size=6), st.sampled_from([stored_tags.ID3_3, stored_tags.ID3_4]))
def test_any_frames_are_kept_as_they_are(entries: list[TagEntry], kind: str) -> None:
    from recommender.file_tags.id3 import RAW, raw, stored

    tags = StoredTags(kind, True, tuple(entries))
    file = io.BytesIO()
    raw(tags).save(file, v2_version=4 if kind == stored_tags.ID3_4 else 3)
    file.seek(0)
    assert stored(id3.ID3(file, known_frames=RAW, translate=False, load_v1=False)) == tags


words = st.text(
    st.characters(codec="utf-8", exclude_characters="\0;", exclude_categories=["C", "Z"]), min_size=1
)
kinds = st.sampled_from(sorted(genre_fields.KEYS))


@settings(max_examples=200, deadline=None)
@given(kinds, st.lists(words, min_size=1, max_size=4), st.sampled_from(["genre", "mood", "era"]))
def test_texts_come_back_as_they_were_given(kind: str, values: list[str], field: str) -> None:
    tags = genre_fields.with_field(StoredTags(kind, True, ()), field, values)
    numbered = field == "genre" and kind in stored_tags.ID3
    if not (numbered and any(v[0] in "(" or v.isdigit() or v in ("RX", "CR") for v in values)):
        assert genre_fields.texts(tags, field) == values


keys = st.sampled_from(["GENRE", "MOOD", "TITLE", "DEEPCUTS"])
entries = st.lists(st.builds(TagEntry, keys, st.binary(max_size=3)), max_size=8).map(tuple)


@settings(max_examples=300)
@given(entries, entries, entries)
def test_any_changes_are_taken_back(first: Any, second: Any, third: Any) -> None:
    states = [StoredTags(stored_tags.VORBIS, bool(state), state) for state in (first, second, third)]
    changes = []
    for before, after in itertools.pairwise(states):
        touched = stored_tags.touched(before, after)
        changes.append((describe(before, touched), describe(after, touched)))
    back, kept = take_back(states[-1], changes[::-1])
    assert kept == []
    assert not stored_tags.touched(back, states[0])
    of_first = {e.key for e in states[0].entries}
    # The order of fields is kept where none of them was there meanwhile.
    if not of_first & {e.key for e in states[1].entries}:
        assert back.entries == states[0].entries


def test_what_somebody_else_changed_is_kept() -> None:
    def tag(genre: bytes, mood: bytes) -> StoredTags:
        return StoredTags(stored_tags.VORBIS, True, (TagEntry("GENRE", genre), TagEntry("MOOD", mood)))

    before, after, now = tag(b"a", b"b"), tag(b"c", b"d"), tag(b"by hand", b"d")
    changes = [(describe(before, ["GENRE", "MOOD"]), describe(after, ["GENRE", "MOOD"]))]
    assert take_back(now, changes) == (tag(b"by hand", b"b"), ["GENRE"])
    # Whoever sets by hand what was once written here has set it by hand.
    newest = (describe(tag(b"x", b"d"), ["GENRE"]), describe(tag(b"y", b"d"), ["GENRE"]))
    assert take_back(after, [newest, *changes]) == (tag(b"c", b"b"), ["GENRE"])
    # Between two writes of ours: what that person set comes back, and nothing older.
    later = [(describe(now, ["GENRE"]), describe(tag(b"again", b"d"), ["GENRE"])), *changes]
    assert take_back(tag(b"again", b"d"), later) == (tag(b"by hand", b"b"), [])


def test_genre_of_the_fixtures_is_the_persons(originals: Path) -> None:
    assert genre_fields.texts(formats.load(originals / "tagged.flac"), "genre") == [GENRE]


@pytest.mark.parametrize(
    "name", ["tagged.mp3", "v2.3.mp3", "tagged.flac", "tagged.ape", "tagged.m4a", "tagged.wma"]
)
def test_another_program_that_writes_all_fields_anew_changes_nothing_of_ours(file: Path) -> None:
    """mutagen ends texts otherwise, and makes ID3v2.4 of ID3v2.3; the genre alone is a person's then."""
    old = raw_values(file)
    before, after = written(file)
    synth.tag(file, {"title": "New"})
    tags = genre_fields.with_field(formats.load(file), "genre", ["By Hand"])
    formats.save(file, tags)
    keys = stored_tags.touched(before, after)
    back, kept = take_back(formats.load(file), [(describe(before, keys), describe(after, keys))])
    assert genre_fields.field_names(before.kind, kept) == ["genre"]
    formats.save(file, back)
    assert tag_files.mutagen_genres(file) == ["By Hand"]
    assert genre_fields.texts(formats.load(file), "mood") == (
        ["angry"] if b"angry" in str(old).encode() else []
    )
    assert genre_fields.scores_of(formats.load(file)) == {}


def id3_4(flags: int, *frames: bytes) -> bytes:
    body = b"".join(frames)
    size = bytes(len(body) >> 7 * digit & 0x7F for digit in (3, 2, 1, 0))
    return b"ID3\x04\0" + bytes((flags,)) + size + body


PICTURE = b"\0image/png\0\x03\0" + bytes(range(1, 128)) * 3


@pytest.mark.parametrize(
    "tag",
    [
        # As iTunes once wrote sizes; where bytes that look like the start of a packet are broken up.
        id3_4(0, b"APIC" + len(PICTURE).to_bytes(4, "big") + b"\0\0" + PICTURE, b"TIT2\0\0\0\x04\0\0\0Old"),
        id3_4(0x80, b"TIT2\0\0\0\x04\0\0\0Old", b"PRIV\0\0\0\x08\0\0me\0\xff\0\xe0\xff\0"),
        id3_4(0x80, b"TIT2\0\0\0\x04\0\x02\0Old", b"PRIV\0\0\0\x08\0\x02me\0\xff\0\xe0\xff\0"),
    ],
)
def test_frames_as_other_programs_write_them_are_kept(tmp_path: Path, tag: bytes) -> None:
    file = tag_files.make(tmp_path, "plain.mp3")
    file.write_bytes(tag + file.read_bytes())
    before = {key: repr(frame) for key, frame in id3.ID3(file).items()}
    assert len(before) == 2
    written(file)
    after = {key: repr(frame) for key, frame in id3.ID3(file).items()}
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize("name", ["plain.ape", "tagged.wv"])
def test_a_tag_of_any_size_comes_back(file: Path) -> None:
    """One of 131 bytes has, where an ID3v1 tag would begin, the same letters in its own mark."""
    before, packets = formats.load(file), audio_hash(file)
    sizes = set()
    for letters in range(60):
        after = genre_fields.with_field(before, "genre", ["x" * letters, "y"])
        formats.save(file, after)
        assert stored_tags.same(formats.load(file), after)
        assert audio_hash(file) == packets
        sizes.add(len(file.read_bytes()) - file.read_bytes().rindex(b"APETAGEX", 0, -32))
        formats.save(file, before)
        assert stored_tags.same(formats.load(file), before)
        assert file.read_bytes().count(b"APETAGEX") == 2 * before.present
    assert 131 in sizes or min(sizes) > 131


@pytest.mark.parametrize("name", ["plain.ape"])
def test_a_tag_that_holds_nothing_stays(file: Path) -> None:
    formats.save(file, StoredTags(stored_tags.APE, True, ()))
    whole = file.read_bytes()
    before = formats.load(file)
    assert (before.present, before.entries) == (True, ())
    written(file)
    formats.save(file, before)
    assert file.read_bytes() == whole


@pytest.mark.parametrize("name", ["v2.2.mp3"])
def test_a_tag_of_the_second_version_stays_one(file: Path) -> None:
    old = raw_frames(file.read_bytes())
    assert genre_fields.texts(formats.load(file), "genre") == ["Ambient"]
    written(file)
    data = file.read_bytes()
    assert data[3] == 2
    assert old[0] in raw_frames(data)
    frames = id3.ID3(file)
    assert (str(frames["TIT2"]), frames["TCON"].genres) == (tag_files.TITLE, ["Rock; Indie Röck ☃"])


def test_a_chunk_with_a_tag_of_the_second_version_is_refused(tmp_path: Path) -> None:
    file = tag_files.make(tmp_path, "tagged.wav")
    data = file.read_bytes()
    offset = data.index(b"ID3\x04")
    file.write_bytes(data[:offset] + b"ID3\x02" + data[offset + 4 :])
    assert "ID3v2.2" in refuse(file)


@pytest.mark.parametrize("whole_reads", [0, 1, 2, 4, 8])
@pytest.mark.parametrize("extension", [".flac", ".mp3", ".m4a", ".ogg", ".wma", ".wav"])
def test_a_disk_that_fails_is_no_damage_of_the_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str, whole_reads: int
) -> None:
    path = synth.write(tmp_path / f"song{extension}", synth.sine(1.0), tags={"title": "Here"})
    reads, read = iter(range(whole_reads)), MeteredFile.read

    def failing(file: MeteredFile, size: int = -1) -> bytes:
        if next(reads, None) is None:
            raise OSError(errno.EIO, "Input/output error")
        return read(file, size)

    monkeypatch.setattr(MeteredFile, "read", failing)
    if whole_reads == 0:
        with pytest.raises(OSError, match="Input/output error"):
            formats.load(path)
    else:
        with suppress(OSError):  # no TagError, as for damage; or all was read before
            formats.load(path)
