"""A file's audio hash: blind to tags and copies, not to the audio."""

import hashlib
import shutil
import struct
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen import apev2, id3

from classifier.audio.audio_hash import audio_hash, audio_identity
from classifier.audio.decode import DecodeReport, stream_mono
from tests import synth

TAGS = {"title": "Ein Lied", "artist": "Jemand", "genre": "Jazz"}
TAGGED = tuple(ext for ext in synth.EXTENSIONS if ext != ".aac")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hashes")
    music = synth.music_like(4, 1)
    return {ext: synth.write(folder / f"music{ext}", music) for ext in synth.EXTENSIONS}


def copy_of(path: Path, folder: Path) -> Path:
    return Path(shutil.copy(path, folder / f"copy{path.suffix}"))


def id3_tag(text_size: int) -> id3.ID3:
    tag = id3.ID3()
    tag.add(id3.TIT2(encoding=3, text="Titel"))
    tag.add(
        id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=bytes(range(256)) * (text_size // 256))
    )
    return tag


@pytest.mark.parametrize("ext", synth.EXTENSIONS)
def test_hash_is_40_hexadecimal_digits_and_a_copys_own(
    files: dict[str, Path], tmp_path: Path, ext: str
) -> None:
    found = audio_hash(files[ext])
    assert found is not None
    assert len(found) == 40
    int(found, 16)
    assert audio_hash(copy_of(files[ext], tmp_path)) == found


@pytest.mark.parametrize("ext", TAGGED)
def test_tags_do_not_change_it(files: dict[str, Path], tmp_path: Path, ext: str) -> None:
    path = copy_of(files[ext], tmp_path)
    synth.tag(path, TAGS)
    assert path.read_bytes() != files[ext].read_bytes()
    assert audio_hash(path) == audio_hash(files[ext])
    synth.tag(path, {"title": "Ein anderer, sehr viel längerer Titel " * 200})
    assert audio_hash(path) == audio_hash(files[ext])
    mutagen.File(path).delete()
    assert audio_hash(path) == audio_hash(files[ext])


@pytest.mark.parametrize("ext", [".mp3", ".aac", ".wav", ".aiff"])
def test_large_id3v2_does_not_change_it(files: dict[str, Path], tmp_path: Path, ext: str) -> None:
    path = copy_of(files[ext], tmp_path)
    if ext in (".wav", ".aiff"):
        file = mutagen.File(path)
        file.add_tags()
        file.tags.update(id3_tag(3_000_000))
        file.save()
    else:
        id3_tag(3_000_000).save(path)
    assert path.stat().st_size > 3_000_000
    assert audio_hash(path) == audio_hash(files[ext])


@pytest.mark.parametrize("ext", [".mp3", ".aac", ".wv"])
def test_id3v1_and_apev2_at_the_end_do_not_change_it(
    files: dict[str, Path], tmp_path: Path, ext: str
) -> None:
    """A cover picture of random bytes, in which a demuxer that reads on would find frames."""
    path = copy_of(files[ext], tmp_path)
    apev2.delete(path)
    bare = audio_hash(path)
    assert bare == audio_hash(files[ext])
    ape = apev2.APEv2()
    ape["Title"] = "Titel"
    ape["Cover Art (Front)"] = apev2.APEValue(np.random.default_rng(0).bytes(200_000), apev2.BINARY)
    ape.save(path)
    assert b"APETAGEX" in path.read_bytes()[-32:]
    assert audio_hash(path) == bare
    with path.open("ab") as file:
        file.write(b"TAG" + b"Titel".ljust(125))
    assert audio_hash(path) == bare


# Six letters, and six bytes that are no UTF-8: what a program of the last century left.
PLAIN, LATIN_1 = b"Zqxjkz", b"Zq\xe9\xfc\xe8z"


@pytest.mark.parametrize("ext", [".wav", ".aiff", ".flac", ".m4a", ".mp3", ".wv"])
def test_tags_that_are_not_utf8_do_not_change_it(tmp_path: Path, ext: str) -> None:
    path, music = tmp_path / f"old{ext}", synth.music_like(4, 1)
    if ext in (".wav", ".aiff"):  # the format's own text chunks, not ID3
        with soundfile.SoundFile(path, "w", synth.RATE_HZ, 1, "PCM_16", format=ext[1:].upper()) as file:
            file.artist = PLAIN.decode()
            file.write(music)
    else:
        synth.write(path, music, tags={"artist": PLAIN.decode()})
    data = path.read_bytes()
    assert PLAIN in data
    wanted = audio_hash(path)
    path.write_bytes(data.replace(PLAIN, LATIN_1))
    assert audio_hash(path) == wanted
    blocks = list(stream_mono(path, 16_000, DecodeReport()))
    assert sum(map(len, blocks)) == pytest.approx(4 * 16_000, abs=1600)


def test_flac_cover_picture_and_padding_do_not_change_it(files: dict[str, Path], tmp_path: Path) -> None:
    path = copy_of(files[".flac"], tmp_path)
    file = mutagen.File(path)
    picture = mutagen.flac.Picture()
    picture.data, picture.mime, picture.type = bytes(100_000), "image/png", 3
    file.add_picture(picture)
    file.save(padding=lambda info: 70_000)
    assert path.stat().st_size > files[".flac"].stat().st_size + 170_000
    assert audio_hash(path) == audio_hash(files[".flac"])


@pytest.mark.parametrize("ext", synth.EXTENSIONS)
def test_other_audio_changes_it(files: dict[str, Path], tmp_path: Path, ext: str) -> None:
    music = synth.music_like(4, 1)
    music[len(music) // 2 :] *= np.float32(0.9)
    assert audio_hash(synth.write(tmp_path / f"other{ext}", music)) != audio_hash(files[ext])


@pytest.mark.parametrize("ext", [".wav", ".aiff", ".flac", ".mp3"])
def test_shorter_audio_changes_it(files: dict[str, Path], tmp_path: Path, ext: str) -> None:
    path = copy_of(files[ext], tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    assert audio_hash(path) not in (None, audio_hash(files[ext]))


def test_a_single_flipped_bit_changes_it(files: dict[str, Path], tmp_path: Path) -> None:
    path = copy_of(files[".wav"], tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert audio_hash(path) != audio_hash(files[".wav"])


@pytest.mark.parametrize("ext", [".mp3", ".flac", ".m4a", ".wv", ".txt"])
@pytest.mark.parametrize(
    "content", [b"", b"no audio at all " * 1000, bytes(10_000), b"TAG", b"APETAGEX" * 20]
)
def test_none_where_there_is_no_audio(tmp_path: Path, ext: str, content: bytes) -> None:
    path = tmp_path / f"file{ext}"
    path.write_bytes(content)
    assert audio_hash(path) is None


def test_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        audio_hash(tmp_path / "nothing.mp3")


def test_playlist_does_not_hash_another_file(files: dict[str, Path], tmp_path: Path) -> None:
    copy_of(files[".flac"], tmp_path)
    path = tmp_path / "list.mp3"
    path.write_text("ffconcat version 1.0\nfile 'copy.flac'\n")
    assert audio_hash(path) is None


def wav_of(rate_hz: int, channels: int, bits: int = 16, kind: int = 1) -> bytes:
    """Return a WAV of the same 128,000 bytes of samples, whatever its header says that they are."""
    samples = (synth.music_like(8, 3, 8000) * 20_000).astype("<i2").tobytes()
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * frame, frame, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(chunks) + len(samples)) + chunks + samples


@pytest.mark.parametrize(
    ("other", "length_s"),
    [
        (wav_of(4000, 1), 16),
        (wav_of(8000, 2), 4),
        (wav_of(8000, 1, 8), 16),
        (wav_of(8000, 1, 32, 3), 4),
    ],
)
def test_the_same_bytes_at_another_rate_in_other_channels_or_codec_are_other_audio(
    tmp_path: Path, other: bytes, length_s: float
) -> None:
    """As in cases/rate_8000.wav and rate_4000.wav; only the part that tells the packets is the same."""
    paths = [tmp_path / "one.wav", tmp_path / "other.wav"]
    for path, data in zip(paths, (wav_of(8000, 1), other), strict=True):
        path.write_bytes(data)
    one, found = map(audio_identity, paths)
    assert one.hash is not None
    assert found.hash is not None
    assert one.hash != found.hash
    assert one.hash[:32] == found.hash[:32] == hashlib.blake2b(wav_of(1, 1)[44:], digest_size=16).hexdigest()
    assert (one.length_s, found.length_s) == (pytest.approx(8), pytest.approx(length_s))


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (22_050, 1), (48_000, 1), (8_000, 2)])
def test_an_mp3_is_the_same_whichever_way_it_is_hashed(tmp_path: Path, rate_hz: int, channels: int) -> None:
    """Its frames are counted here, and by FFmpeg where the name does not say that it is one."""
    sound = np.repeat(synth.music_like(8, 2, rate_hz)[:, None], channels, axis=1)
    path = synth.write(tmp_path / "music.mp3", sound, rate_hz)
    other = Path(shutil.copy(path, tmp_path / "music.bin"))
    assert len(audio_hash(path) or "") == 40
    assert audio_hash(path) == audio_hash(other)
