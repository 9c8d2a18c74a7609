"""Songs encoded anew while they are read: what comes out, by value, and from where in the song."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from classifier.audio import stream_encode
from classifier.audio.excerpt import open_frames_at, read_excerpt
from classifier.audio.stream_encode import (
    ENCODINGS,
    StreamForm,
    encoded,
    encoded_excerpt,
    rate_for,
    stream_form,
)
from classifier.errors import AudioError
from tests import synth

RATE = 44_100
ENDS = ("flac", "mp3", "ogg", "m4a")
NOTES_HZ = np.array([220.0, 330.0, 440.0, 550.0, 660.0, 770.0, 880.0, 990.0])


def notes(seconds: int, rate_hz: int = RATE) -> np.ndarray:
    """Return a second of each note in turn, in two channels, the right one at half the level."""
    one = [synth.sine(1.0, NOTES_HZ[i % len(NOTES_HZ)], rate_hz, 0.5) for i in range(seconds)]
    left = np.concatenate(one)
    return np.stack([left, left / 2], axis=1)


def decoded(data: bytes) -> tuple[int, np.ndarray]:
    """Return the rate and the samples, (samples, channels), of encoded audio."""
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler("fltp")
        parts = [
            part.to_ndarray()
            for frame in [*container.decode(audio=0), None]
            for part in resampler.resample(frame)
        ]
    return rate, np.concatenate(parts, axis=1).T


def loudest_hz(samples: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A song of 24 notes of a second each, in several formats."""
    folder = tmp_path_factory.mktemp("notes")
    return {end: synth.write(folder / f"song.{end}", notes(24), RATE) for end in ENDS}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("start_s", [0.0, 3.5, 17.25])
def test_what_comes_out_is_the_song_from_there(song: dict[str, Path], name: str, start_s: float) -> None:
    rate, samples = decoded(b"".join(encoded(song["flac"], name, None, start_s)))
    assert rate == rate_for(name, RATE)
    assert samples.shape[1] == 2
    assert len(samples) / rate == pytest.approx(24 - start_s, abs=0.1)
    for second in range(int(np.ceil(start_s)), 24):
        first = round((second + 0.3 - start_s) * rate)
        part = samples[first : first + rate // 2]
        assert loudest_hz(part[:, 0], rate) == pytest.approx(NOTES_HZ[second % len(NOTES_HZ)], abs=3)
        levels = np.sqrt(np.mean(part**2, axis=0))
        assert levels == pytest.approx([0.3535, 0.1768], rel=0.15)


@pytest.mark.parametrize("end", ENDS)
def test_a_song_begins_where_it_is_asked_to(song: dict[str, Path], end: str) -> None:
    """The border of two notes is where it is in the file: within 50 ms, by ear the same place."""
    rate, _, blocks = open_frames_at(song[end], 12.75)
    samples = np.concatenate([block.copy() for block in blocks])[:, 0]
    assert len(samples) / rate == pytest.approx(24 - 12.75, abs=0.1)
    before, after = NOTES_HZ[12 % len(NOTES_HZ)], NOTES_HZ[13 % len(NOTES_HZ)]
    border = round(0.25 * rate)
    assert loudest_hz(samples[: border - rate // 20], rate) == pytest.approx(before, abs=6)
    assert loudest_hz(samples[border + rate // 20 : border + rate // 4], rate) == pytest.approx(after, abs=6)


def test_what_comes_before_is_not_decoded(song: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("decoded from its beginning")

    monkeypatch.setattr("classifier.audio.excerpt.open_range", refused)
    rate, _, blocks = open_frames_at(song["mp3"], 20.0)
    assert sum(map(len, blocks)) / rate == pytest.approx(4.0, abs=0.1)


def test_a_part_of_a_song(song: dict[str, Path]) -> None:
    rate, samples = decoded(b"".join(encoded(song["flac"], "flac", None, 2.0, 5.0)))
    assert len(samples) == 3 * rate
    assert loudest_hz(samples[: rate // 2, 0], rate) == pytest.approx(NOTES_HZ[2], abs=3)


def test_flac_of_flac_loses_nothing(song: dict[str, Path]) -> None:
    _, before = decoded(song["flac"].read_bytes())
    _, after = decoded(b"".join(encoded(song["flac"], "flac", None)))
    assert np.array_equal(before, after)


def test_it_is_made_as_it_is_read(song: dict[str, Path]) -> None:
    blocks = encoded(song["flac"], "mp3", 128_000)
    assert 0 < len(next(blocks)) < 4096
    blocks.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "kbps"), [("mp3", 64), ("mp3", 320), ("opus", 64), ("aac", 96)])
def test_bit_rates_are_kept(tmp_path: Path, name: str, kbps: int) -> None:
    song = synth.write_flac(tmp_path / "a.flac", synth.music_like(20.0, 3, RATE), RATE)
    size = sum(map(len, encoded(song, name, 1000 * kbps)))
    assert size * 8 / 20 / 1000 == pytest.approx(kbps, rel=0.02 if name == "mp3" else 0.35)


def test_a_rate_that_must_not_be_exceeded(tmp_path: Path) -> None:
    song = synth.write_flac(tmp_path / "a.flac", synth.sine(3.0, 440.0, 96_000), 96_000)
    rate, samples = decoded(b"".join(encoded(song, "flac", None, most_hz=48_000)))
    assert (rate, len(samples)) == (48_000, 144_000)
    assert decoded(b"".join(encoded(song, "flac", None)))[0] == 96_000


def test_six_channels_become_two(tmp_path: Path) -> None:
    import soundfile

    samples = np.repeat(synth.sine(2.0, 440.0, RATE)[:, None], 6, axis=1)
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    assert decoded(b"".join(encoded(tmp_path / "a.wav", "mp3", None)))[1].shape[1] == 2


def test_what_is_no_audio_is_an_error(tmp_path: Path, song: dict[str, Path]) -> None:
    (tmp_path / "a.mp3").write_bytes(b"no audio" * 100)
    for path, start_s in ((tmp_path / "a.mp3", 0.0), (tmp_path / "b.mp3", 0.0), (song["ogg"], 100.0)):
        with pytest.raises(AudioError):
            list(encoded(path, "mp3", None, start_s))


def test_what_a_file_is(song: dict[str, Path]) -> None:
    form = stream_form(song["flac"])
    assert form == StreamForm("flac", "flac", RATE, 2, 16)
    assert stream_form(song["mp3"]).bits is None


def test_libraries_are_loaded_without_a_file() -> None:
    stream_encode.load_libraries()


@pytest.mark.parametrize("end", ENDS)
def test_an_excerpt_is_what_is_there_sample_by_sample(song: dict[str, Path], end: str) -> None:
    made = encoded_excerpt(song[end], "flac", None, 3.25, 9.75)
    rate, samples = decoded(made)
    expected = read_excerpt(song[end], 3.25, 9.75)
    assert (rate, len(samples)) == (expected.rate_hz, round(6.5 * RATE))
    assert np.abs(samples - expected.samples).max() <= 1.01 / 2**15
    with av.open(io.BytesIO(made)) as container:  # its header says how long it is
        assert container.duration == pytest.approx(6.5e6, abs=1000)


def test_an_excerpt_as_mp3_sounds_the_same_and_says_how_long_it_is(song: dict[str, Path]) -> None:
    made = encoded_excerpt(song["flac"], "mp3", 256_000, 3.0, 9.0)
    rate, samples = decoded(made)
    with av.open(io.BytesIO(made)) as container:
        assert container.duration == pytest.approx(6e6, abs=60_000)
    for second in range(6):
        part = samples[round((second + 0.2) * rate) : round((second + 0.8) * rate), 0]
        assert loudest_hz(part, rate) == pytest.approx(NOTES_HZ[(second + 3) % len(NOTES_HZ)], rel=0.01)


def test_an_excerpt_beyond_the_end_is_an_error(song: dict[str, Path]) -> None:
    with pytest.raises(AudioError):
        encoded_excerpt(song["flac"], "flac", None, 99.0, 129.0)
