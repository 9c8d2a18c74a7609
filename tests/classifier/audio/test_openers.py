"""Files that are not as they should be: decoded whole, or their fault said."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from classifier.audio import mpg123
from classifier.audio.audio_hash import audio_hash
from classifier.audio.decode import DecodeReport, stream_mono, whole_mono
from classifier.audio.excerpt import read_excerpt
from classifier.audio.inner_files import audio_behind_junk, flac_end, links
from classifier.errors import AudioError, NotAudioError
from classifier.model.inference import Trunk
from tests import synth
from tests.classifier.audio.test_decode import RATE_HZ, Samples, aligned_correlation, decode, one_shot

SECONDS = 12.0
JUNK = np.random.default_rng(7).bytes

needs_library = pytest.mark.skipif(
    mpg123.version() == "not installed", reason="libmpg123 is not installed (Debian: mpg123)"
)


@pytest.fixture(scope="module")
def music() -> Samples:
    return synth.music_like(SECONDS, 3)


@pytest.fixture(scope="module")
def flac(music: Samples, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return synth.write(tmp_path_factory.mktemp("flac") / "whole.flac", music).read_bytes()


def heard_alike(path: Path, length_s: float) -> DecodeReport:
    """Assert that analysis and excerpts hear the same; return what decoding found out."""
    found, report = decode(path)
    excerpt = read_excerpt(path, 0, length_s + 5)
    mono = one_shot(excerpt.samples.mean(axis=1), excerpt.rate_hz)
    assert len(found) / RATE_HZ == pytest.approx(length_s, abs=0.15)
    assert len(mono) / RATE_HZ == pytest.approx(length_s, abs=0.15)
    # Where MP3s join, decoders leave out other parts of what encoders put in front.
    assert aligned_correlation(found[: 3 * RATE_HZ], mono[: 3 * RATE_HZ]) > 0.98
    return report


# FLAC


def with_total(flac: bytes, frames: int) -> bytes:
    """Return a FLAC whose first header says that it has so many frames."""
    fields = int.from_bytes(flac[18:26], "big") >> 36 << 36 | frames
    return flac[:18] + fields.to_bytes(8, "big") + flac[26:]


def first_frame(flac: bytes) -> int:
    return flac.index(b"\xff\xf8")


WHOLE_FLACS: dict[str, Callable[[bytes], bytes]] = {
    "an ID3v1 tag behind": lambda flac: flac + b"TAG" + b"Titel".ljust(125),
    "zeros behind": lambda flac: flac + bytes(5000),
    "noise behind": lambda flac: flac + JUNK(5000),
    "zeros in front": lambda flac: bytes(5000) + flac,
    "noise in front": lambda flac: JUNK(2_000_000) + flac,
    "noise before the first frame": lambda flac: (
        flac[: first_frame(flac)] + JUNK(5000) + flac[first_frame(flac) :]
    ),
    "an understated length": lambda flac: with_total(flac, 6 * synth.RATE_HZ),
    "no length": lambda flac: with_total(flac, 0),
    "no length, an ID3v1 tag": lambda flac: with_total(flac, 0) + b"TAG" + bytes(125),
}


@pytest.mark.parametrize("kind", WHOLE_FLACS)
def test_flac_with_more_or_less_around_it_is_whole(
    flac: bytes, music: Samples, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "music.flac"
    path.write_bytes(WHOLE_FLACS[kind](flac))
    found, report = decode(path)
    assert len(found) == SECONDS * RATE_HZ
    np.testing.assert_allclose(found, one_shot(music, synth.RATE_HZ), rtol=0, atol=1e-4)
    assert report.warnings == []
    assert heard_alike(path, SECONDS).warnings == []


@pytest.mark.parametrize("inserted", [False, True])
def test_flac_goes_on_after_damage(flac: bytes, music: Samples, tmp_path: Path, inserted: bool) -> None:
    middle = len(flac) // 2
    path = tmp_path / "music.flac"
    path.write_bytes(flac[:middle] + JUNK(3000) + flac[middle + (0 if inserted else 3000) :])
    found, report = decode(path, synth.RATE_HZ)
    lost = len(music) - len(found)
    assert 0 < lost <= 3 * 4096
    assert report.warnings == ["damaged: some of its audio could not be decoded and was left out"]
    start = 5 * synth.RATE_HZ
    np.testing.assert_allclose(found[:start], music[:start], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found[-start:], music[-start:], rtol=0, atol=1e-4)


def test_the_last_frames_of_flac_tell_where_it_ends(flac: bytes, tmp_path: Path) -> None:
    path = tmp_path / "music.flac"
    for data, end in ((flac, 12), (flac + bytes(300), 12), (JUNK(50_000), 0), (b"fLaC", 0)):
        path.write_bytes(data)
        assert flac_end(path) == end * synth.RATE_HZ
    for seconds, subtype in ((0.01, "PCM_16"), (70.0, "PCM_24")):
        sound = synth.noise(seconds, 1, 48_000)
        soundfile.write(path, sound, 48_000, subtype=subtype)
        assert flac_end(path) == len(sound)


@pytest.mark.parametrize("between", [b"", JUNK(3_000), b"TAG" + bytes(125)])
@pytest.mark.parametrize(("first_s", "second_s"), [(6, 9), (9, 6), (6, 6)])
@pytest.mark.parametrize("other_hz", [synth.RATE_HZ, 2 * synth.RATE_HZ])
def test_joined_flacs_are_whole(
    tmp_path: Path, between: bytes, first_s: int, second_s: int, other_hz: int
) -> None:
    one = synth.write_flac(tmp_path / "one.flac", synth.music_like(first_s, 1))
    two = synth.write_flac(tmp_path / "two.flac", synth.music_like(second_s, 2, other_hz), other_hz)
    path = tmp_path / "joined.flac"
    path.write_bytes(one.read_bytes() + between + two.read_bytes())
    assert [part.start for part in links(path)] == [0, one.stat().st_size + len(between)]
    found, report = decode(path)
    assert report.warnings == []
    wanted = np.concatenate([decode(one)[0], decode(two)[0]])
    assert len(found) == pytest.approx(len(wanted), abs=2)
    inner = slice(1000, (first_s - 1) * RATE_HZ)
    np.testing.assert_allclose(found[inner], wanted[inner], rtol=0, atol=1e-3)
    assert np.corrcoef(found[-5 * RATE_HZ : -1000], wanted[-5 * RATE_HZ : -1000])[0, 1] > 0.999
    assert len({audio_hash(path), audio_hash(one), audio_hash(two)}) == 3


def test_whole_flacs_are_not_looked_through(flac: bytes, tmp_path: Path) -> None:
    path = tmp_path / "music.flac"
    for data in (flac, flac + bytes(300), flac[: len(flac) // 2]):
        path.write_bytes(data)
        assert links(path) == []


# Ogg


@pytest.mark.parametrize("ext", [".ogg", ".opus"])
def test_chains_are_decoded_link_by_link(tmp_path: Path, ext: str) -> None:
    """As saved web radio is: other channels and other rates follow, each link with tables of its own."""
    stereo = np.stack([synth.tone(6, 300), synth.tone(6, 300, amplitude=0.2)], axis=1)
    parts = [
        synth.write(tmp_path / f"one{ext}", stereo),
        synth.write(tmp_path / f"two{ext}", synth.tone(6, 700, 44_100), 44_100),
        synth.write(tmp_path / f"three{ext}", synth.tone(6, 1100, 16_000), 16_000),
    ]
    path = tmp_path / f"chain{ext}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert [part.end - part.start for part in links(path)] == [part.stat().st_size for part in parts]
    assert heard_alike(path, 18).warnings == []
    found, _ = decode(path)
    for number, hz in enumerate((300, 700, 1100)):
        part = found[(6 * number + 1) * RATE_HZ : (6 * number + 5) * RATE_HZ]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() / 4 == pytest.approx(hz, abs=1)


def test_a_chain_is_known_by_all_its_links(tmp_path: Path) -> None:
    one, two, three = (
        synth.write(tmp_path / f"{seed}.ogg", synth.music_like(4, seed)).read_bytes() for seed in range(3)
    )
    path = tmp_path / "chain.ogg"
    hashes = set()
    for data in (one, one + two, one + three, one + one):
        path.write_bytes(data)
        hashes.add(audio_hash(path))
    assert len(hashes) == 4
    path.write_bytes(one)
    assert links(path) == []


def test_a_link_that_cannot_be_opened_is_damage(tmp_path: Path) -> None:
    one = synth.write(tmp_path / "one.ogg", synth.music_like(6, 1)).read_bytes()
    path = tmp_path / "chain.ogg"
    path.write_bytes(one + b"OggS\0\2" + bytes(20) + b"\1\x1e" + JUNK(3000) + one)
    found, report = decode(path)
    assert len(found) == pytest.approx(12 * RATE_HZ, abs=0.1 * RATE_HZ)
    assert len(report.warnings) == 1


# MP3


@pytest.mark.parametrize("library", [pytest.param(True, marks=needs_library), False])
@pytest.mark.parametrize(("rate_hz", "other_hz"), [(22_050, 24_000), (44_100, 22_050), (22_050, 22_050)])
def test_joined_mp3s_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: bool, rate_hz: int, other_hz: int
) -> None:
    if not library:
        monkeypatch.setattr(mpg123, "_library", lambda: None)
    one = synth.write(tmp_path / "one.mp3", synth.tone(6, 300, rate_hz), rate_hz)
    two = synth.write(tmp_path / "two.mp3", synth.tone(6, 700, other_hz), other_hz)
    path = tmp_path / "joined.mp3"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    found, report = decode(path)
    assert len(found) / RATE_HZ == pytest.approx(12, abs=0.2)
    assert report.warnings == []
    for part, hz in ((found[RATE_HZ : 5 * RATE_HZ], 300), (found[-5 * RATE_HZ : -RATE_HZ], 700)):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() / 4 == pytest.approx(hz, abs=1)


@pytest.mark.parametrize("junk", [bytes(2_000_000), JUNK(2_000_000), b"\xff" * 2_000_000])
def test_two_megabytes_of_junk_before_an_mp3(tmp_path: Path, music: Samples, junk: bytes) -> None:
    path = synth.write(tmp_path / "music.mp3", music)
    wanted = audio_hash(path)
    data = path.read_bytes()
    path.write_bytes(junk + data)
    part = audio_behind_junk(path)
    assert part is not None
    assert part.start == len(junk)
    assert heard_alike(path, SECONDS).warnings == []
    assert audio_hash(path) == wanted


# WAV, AIFF and others


@pytest.mark.parametrize(
    ("riff", "data"),
    [(0, 0), (36, 0), (0, 2**32 - 1), (2**32 - 1, 2**32 - 1), (2**32 - 1, 0), (0x7FFF_F024, 0x7FFF_F000)],
)
def test_wav_whose_sizes_were_never_filled_in(tmp_path: Path, music: Samples, riff: int, data: int) -> None:
    path = synth.write_wav(tmp_path / "recorded.wav", music)
    content = bytearray(path.read_bytes())
    content[4:8], content[40:44] = struct.pack("<I", riff), struct.pack("<I", data)
    path.write_bytes(content)
    found, report = decode(path)
    np.testing.assert_allclose(found, one_shot(music, synth.RATE_HZ), rtol=0, atol=1e-4)
    assert report.warnings == []
    assert heard_alike(path, SECONDS).warnings == []


def test_pictures_that_outlast_the_audio_do_not_cut_it_short(tmp_path: Path) -> None:
    path = tmp_path / "film.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        audio = container.add_stream("aac", rate=synth.RATE_HZ, layout="mono")
        video = container.add_stream("mpeg4", rate=1)
        video.width = video.height = 64
        for number in range(30):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(synth.music_like(8, 2)[None], "fltp", "mono")
        sound.sample_rate, sound.pts = synth.RATE_HZ, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    assert heard_alike(path, 8).warnings == []


def reason(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        list(whole_mono(path, RATE_HZ, DecodeReport()))
    assert isinstance(caught.value, NotAudioError)
    return str(caught.value)


def test_protected_files_are_named_so(tmp_path: Path, music: Samples) -> None:
    path = synth.write(tmp_path / "bought.m4a", music)
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"drms", 1))
    assert "protected (DRM)" in reason(path)
    with pytest.raises(NotAudioError, match="protected"):
        read_excerpt(path, 0, 5)
    path = synth.write(tmp_path / "bought.wma", music)
    data = path.read_bytes()
    header = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e") + struct.pack("<QIIII", 40, 0, 0, 0, 0)
    size, objects = struct.unpack_from("<QI", data, 16)
    grown = struct.pack("<QI", size + len(header), objects + 1)
    path.write_bytes(data[:16] + grown + data[28:30] + header + data[30:])
    assert "protected (DRM)" in reason(path)


@pytest.mark.parametrize("ext", [".flac", ".mp3", ".m4a", ".wv", ".opus"])
def test_what_does_not_decode_is_not_called_too_short(tmp_path: Path, music: Samples, ext: str) -> None:
    path = synth.write(tmp_path / f"music{ext}", music)
    data = bytearray(path.read_bytes())
    start = len(data) // 8
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    report = DecodeReport()
    try:
        length_s = sum(map(len, whole_mono(path, RATE_HZ, report))) / RATE_HZ
    except AudioError as error:
        assert "too short" not in str(error)
        assert isinstance(error, NotAudioError)
    else:
        assert length_s > 3
        assert report.warnings


def test_a_short_file_is_too_short_all_the_same(tmp_path: Path, trunk: Trunk) -> None:
    path = synth.write(tmp_path / "short.flac", synth.music_like(2, 1))
    with pytest.raises(AudioError, match=r"too short: 2\.0 s"):
        trunk.analyse_file(path)


# The smallest files that went wrong for others

CASES = {
    "chained_vorbis.ogg": 8.0,
    "two_rates.mp3": 8.0,
    "trailing_id3v1.flac": 7.5,
    "sizes_zero.wav": 8.0,
    "cover_track_30s.m4a": 8.0,
    "junk_before_first_frame.flac": 7.5,
    "rate_8000.wav": 8.0,
    "rate_4000.wav": 16.0,
}


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_cases(shared: Path, name: str) -> None:
    assert heard_alike(shared / "data/cases" / name, CASES[name]).warnings == []


@pytest.mark.shared
def test_cases_of_junk_and_of_shops(shared: Path, tmp_path: Path) -> None:
    cases = shared / "data/cases"
    path = tmp_path / "junk.mp3"
    path.write_bytes(gzip.decompress((cases / "junk_2mb_front.mp3.gz").read_bytes()))
    assert heard_alike(path, 8.0).warnings == []
    assert "protected" in reason(cases / "protected.m4a")
    assert audio_hash(cases / "rate_8000.wav") != audio_hash(cases / "rate_4000.wav")


def test_blocks_are_bounded_whatever_is_joined(tmp_path: Path) -> None:
    one = synth.write(tmp_path / "one.ogg", synth.music_like(20, 1)).read_bytes()
    path = tmp_path / "chain.ogg"
    path.write_bytes(one * 3)
    assert max(len(block) for block in stream_mono(path, RATE_HZ, DecodeReport())) <= 2 * RATE_HZ
