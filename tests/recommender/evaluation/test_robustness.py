"""Altered copies are what they are said to be, read back by other means; and what is counted of them."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.audio import transcode as recoding
from classifier.audio.transcode import Recoding, recode
from classifier.errors import NotAudioError, SilentError, TooShortError, UnreadableFileError
from recommender.evaluation.robustness import ALTERATIONS, Survival, altered, robustness
from tests import synth

STEP = 1 / 32_768
LOSSY = 0.08
"""By how much of itself a tone may change; LAME takes 5 % off every sound, to leave room."""
Samples = npt.NDArray[np.float32]


def read(path: Path) -> tuple[Samples, int]:
    """Decode with libsndfile: (frames, channels), rate in Hz."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return samples, rate_hz


def probe(path: Path) -> tuple[str, int, int, float]:
    """What FFmpeg says of a file: codec, rate in Hz, channels, seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        context = stream.codec_context
        return context.codec.canonical_name, context.sample_rate, context.channels, container.duration / 1e6


def strength(samples: Samples, rate_hz: int, hz: float) -> float:
    """Amplitude of a tone in a signal, over its middle second."""
    middle = samples[len(samples) // 2 :][:rate_hz].astype(np.float64)
    turns = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / rate_hz)
    return float(2 * np.abs((middle * turns).mean()))


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """17 s of stereo at 44.1 kHz: 500 Hz at the left; 1 kHz, and faintly 15 kHz, at the right."""
    left = synth.sine(17, 500, 44_100, 0.6)
    right = synth.sine(17, 1000, 44_100, 0.3) + synth.sine(17, 15_000, 44_100, 0.1)
    path = tmp_path_factory.mktemp("song") / "song.wav"
    return synth.write(path, np.stack([left, right], axis=1), 44_100, {"title": "Both Ears"})


def test_levels_change_by_six_decibels_and_loud_samples_clip(song: Path, tmp_path: Path) -> None:
    before, _ = read(song)
    for kind, gain in (("6 dB louder", 1.9953), ("6 dB softer", 0.5012)):
        after, rate_hz = read(altered(song, kind, tmp_path))
        assert rate_hz == 44_100
        np.testing.assert_allclose(after, np.clip(before * gain, -1, 1), rtol=0, atol=2 * STEP)
    louder, _ = read(tmp_path / "song (6 dB louder).flac")
    assert (louder[:, 0] > 0.999).mean() > 0.1  # 0.6 becomes 1.2: cut off
    assert np.abs(louder[:, 1]).max() == pytest.approx(0.4 * 1.9953, abs=0.02)


def test_cut_leaves_the_rest_as_it_was(song: Path, tmp_path: Path) -> None:
    after, rate_hz = read(altered(song, "cut by 10 s", tmp_path))
    assert len(after) == 7 * 44_100 == 7 * rate_hz
    np.testing.assert_allclose(after, read(song)[0][10 * 44_100 :], rtol=0, atol=2 * STEP)


def test_resampled_keeps_what_the_new_rate_can_hold(song: Path, tmp_path: Path) -> None:
    after, rate_hz = read(altered(song, "resampled", tmp_path))
    assert (rate_hz, after.shape) == (22_050, (17 * 22_050, 2))
    assert strength(after[:, 0], rate_hz, 500) == pytest.approx(0.6, rel=0.01)
    assert strength(after[:, 1], rate_hz, 1000) == pytest.approx(0.3, rel=0.01)
    assert strength(after[:, 1], rate_hz, 22_050 - 15_000) < 0.001  # 15 kHz did not fold over


def test_resampled_is_never_as_it_was(tmp_path: Path) -> None:
    source = synth.write(tmp_path / "low.flac", synth.sine(6, 500, 22_050), 22_050)
    after, rate_hz = read(altered(source, "resampled", tmp_path))
    assert (rate_hz, after.shape) == (44_100, (6 * 44_100, 1))
    assert strength(after[:, 0], rate_hz, 500) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "codec", "rate_hz", "bit_rate"),
    [
        ("mp3 64k", "mp3", 44_100, 64_000),
        ("mp3 128k", "mp3", 44_100, 128_000),
        ("opus 96k", "opus", 48_000, 96_000),
    ],
)
def test_encoded_again(
    song: Path, tmp_path: Path, kind: str, codec: str, rate_hz: int, bit_rate: int
) -> None:
    copy = altered(song, kind, tmp_path)
    assert probe(copy)[:3] == (codec, rate_hz, 2)
    assert probe(copy)[3] == pytest.approx(17, abs=0.01)  # the last frame is there, though it is not full
    if codec == "mp3":  # of a constant bit rate; Opus spends on tones what it likes
        assert copy.stat().st_size * 8 / 17 == pytest.approx(bit_rate, rel=0.03)
    samples, found_hz = read(copy)
    assert found_hz == rate_hz
    for channel, hz, amplitude in ((0, 500, 0.6), (1, 1000, 0.3)):
        assert strength(samples[:, channel], rate_hz, hz) == pytest.approx(amplitude, rel=LOSSY)
        assert strength(samples[:, 1 - channel], rate_hz, hz) < 0.05  # each side keeps its own tone


def test_a_lossy_copy_is_the_whole_song_in_time(tmp_path: Path) -> None:
    """Held to the original sample by sample, once moved by the encoder's delay."""
    music = synth.music_like(6, 4, 44_100)
    source = synth.write(tmp_path / "music.flac", music, 44_100)
    samples, _ = read(altered(source, "mp3 128k", tmp_path))
    assert len(samples) == pytest.approx(len(music), abs=0.06 * 44_100)
    like = []
    for delay in (0, 1105):  # a decoder may or may not take it off
        moved = samples[delay:, 0]
        n = min(len(moved), len(music))
        like.append(np.corrcoef(moved[:n], music[:n])[0, 1])
    assert max(like) > 0.98


def test_opus_takes_the_bit_rate_it_is_given(tmp_path: Path) -> None:
    """Twice the bits, about twice the bytes."""
    source = synth.write(tmp_path / "noise.flac", synth.noise(6, rate_hz=48_000), 48_000)
    sizes = []
    for bit_rate in (48_000, 96_000):
        recode(source, tmp_path / "copy.opus", Recoding("opus", bit_rate))
        sizes.append((tmp_path / "copy.opus").stat().st_size)
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.2)


def test_copies_have_no_tags(song: Path, tmp_path: Path) -> None:
    for kind in ALTERATIONS:
        copy = altered(song, kind, tmp_path)
        with av.open(str(copy)) as container:
            words = {**container.metadata, **container.streams.audio[0].metadata}
        assert "Both Ears" not in words.values()
    assert len(list(tmp_path.iterdir())) == len(ALTERATIONS)


def test_many_channels_are_averaged_only_where_they_must_be(tmp_path: Path) -> None:
    sound = np.stack([synth.sine(6, 200.0 * (n + 1), 44_100, 0.1 * (n + 1)) for n in range(6)], axis=1)
    source = synth.write(tmp_path / "surround.wav", sound, 44_100)
    kept, _ = read(altered(source, "6 dB softer", tmp_path))
    np.testing.assert_allclose(kept, sound * 0.5012, rtol=0, atol=3 * STEP)
    mixed, _ = read(altered(source, "mp3 128k", tmp_path))
    assert mixed.shape[1] == 1
    for n in range(6):
        strong = strength(mixed[:, 0], 44_100, 200.0 * (n + 1))
        assert strong == pytest.approx(0.1 * (n + 1) / 6, rel=0.1)


@pytest.mark.parametrize(("rate_hz", "expected_hz"), [(8000, 16_000), (11_025, 16_000), (96_000, 48_000)])
def test_rates_that_mp3_does_not_take(tmp_path: Path, rate_hz: int, expected_hz: int) -> None:
    source = synth.write(tmp_path / "odd.wav", synth.sine(6, 500, rate_hz), rate_hz)
    samples, found_hz = read(altered(source, "mp3 128k", tmp_path))
    assert found_hz == expected_hz
    assert strength(samples[:, 0], found_hz, 500) == pytest.approx(0.5, rel=LOSSY)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".m4a"])
def test_songs_of_any_format(tmp_path: Path, suffix: str) -> None:
    rate_hz = 48_000 if suffix == ".opus" else 44_100
    source = synth.write(tmp_path / f"song{suffix}", synth.sine(16, 500, rate_hz), rate_hz)
    samples, found_hz = read(altered(source, "cut by 10 s", tmp_path))
    assert found_hz == rate_hz
    assert len(samples) / rate_hz == pytest.approx(6, abs=0.1)
    assert strength(samples[:, 0], rate_hz, 500) == pytest.approx(0.5, rel=0.05)


@settings(max_examples=15, deadline=None)
@given(skip=st.integers(0, 5000), sizes=st.lists(st.integers(1, 1500), min_size=1, max_size=8))
def test_skipping_does_not_depend_on_the_blocks(skip: int, sizes: list[int]) -> None:
    whole = np.arange(sum(sizes), dtype=np.float32)[:, None]
    blocks = np.split(whole, np.cumsum(sizes)[:-1])
    left = [block[:, 0] for block in recoding._skip(iter(blocks), skip)]
    np.testing.assert_array_equal(np.concatenate([*left, np.zeros(0)]), whole[skip:, 0])


@pytest.mark.parametrize("codec", ["flac", "mp3", "opus"])
def test_too_little_left_is_refused_and_leaves_no_file(tmp_path: Path, codec: recoding.Codec) -> None:
    source = synth.write(tmp_path / "short.wav", synth.sine(14.9, 500))
    for skip_s in (10, 60):
        with pytest.raises(TooShortError, match=r"^too short: (4\.9|0\.0) s are left$"):
            recode(source, tmp_path / "copy", Recoding(codec, 64_000, skip_s=skip_s))
    assert [path.name for path in tmp_path.iterdir()] == ["short.wav"]
    assert recode(source, tmp_path / "copy", Recoding(codec, 64_000, skip_s=9.9)) == pytest.approx(5.0)


def test_what_cannot_be_read_or_written(song: Path, tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_text("not audio")
    with pytest.raises(NotAudioError):
        altered(tmp_path / "words.mp3", "mp3 64k", tmp_path)
    for kind in ("mp3 64k", "6 dB louder"):
        with pytest.raises(UnreadableFileError, match=r"^cannot write .*: No such file or directory$"):
            altered(song, kind, tmp_path / "nowhere")
    with pytest.raises(KeyError):
        altered(song, "backwards", tmp_path)


def test_names_may_be_odd_and_long(song: Path, tmp_path: Path) -> None:
    """Of an invalid byte and as long as names may be: the copy's name has room for what it is."""
    odd = tmp_path / ("\udcff" * 250 + ".wav")
    odd.write_bytes(song.read_bytes())
    for kind in ("opus 96k", "6 dB softer"):
        assert altered(odd, kind, tmp_path).stat().st_size > 1000


@pytest.mark.parametrize("kind", ["6 dB louder", "resampled"])
def test_long_files_do_not_fill_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Half an hour, 150 MB of samples, through a few blocks."""
    block = np.zeros((220_500, 1), np.float32)

    def half_an_hour(path: Path) -> tuple[int, str, Iterator[Samples]]:
        return 22_050, "PCM_16", (block.copy() for _ in range(180))

    monkeypatch.setattr(recoding, "open_frames", half_an_hour)
    tracemalloc.start()
    try:
        copy = altered(Path("long.wav"), kind, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert soundfile.info(copy).duration == pytest.approx(1800)
    assert peak < 20e6


# Counting.


@pytest.fixture
def songs(tmp_path: Path) -> list[tuple[int, Path]]:
    """Three tones, the last of them too short to be cut; and what is not audio."""
    made = []
    for track_id, seconds in ((7, 16.0), (8, 17.0), (9, 8.0)):
        made.append((track_id, synth.write(tmp_path / f"{track_id}.wav", synth.sine(seconds, 500))))
    (tmp_path / "10.wav").write_text("not audio")
    return [*made, (10, tmp_path / "10.wav")]


def test_ranks_are_counted_by_kind(songs: list[tuple[int, Path]]) -> None:
    asked: list[tuple[int, str]] = []
    ranks = {("6 dB louder", 7): 1, ("6 dB louder", 8): 10, ("6 dB softer", 7): 11, ("cut by 10 s", 7): 1}
    moves: list[tuple[int, int]] = []
    folders = set()

    def rank_of(copy: Path, track_id: int) -> int | None:
        kind = copy.stem.partition("(")[2].rstrip(")")
        assert copy.stem.startswith(str(track_id))
        assert soundfile.info(copy).duration > 5
        assert [path.name for path in copy.parent.iterdir()] == [copy.name]  # the former ones are gone
        folders.add(copy.parent)
        asked.append((track_id, kind))
        if (kind, track_id) == ("6 dB softer", 8):
            raise SilentError("silent")
        return ranks.get((kind, track_id))

    kinds = ["6 dB louder", "6 dB softer", "cut by 10 s"]
    found = robustness(songs, rank_of, kinds, lambda done, total: moves.append((done, total)))
    unreadable = (10, "not audio, or too damaged to be decoded")
    assert found == [
        Survival("6 dB louder", 3, 1, 2, (unreadable,)),
        Survival("6 dB softer", 3, 0, 0, (unreadable,)),
        Survival("cut by 10 s", 2, 1, 1, ((9, "too short: 0.0 s are left"), unreadable)),
    ]
    assert asked == [(i, kind) for i in (7, 8, 9) for kind in kinds if (i, kind) != (9, "cut by 10 s")]
    assert moves == [(n, 12) for n in range(1, 13)]
    assert not any(folder.exists() for folder in folders)


def test_shares_are_of_the_copies_asked_about() -> None:
    said = Survival("cut by 10 s", 3, 1, 2, ((9, "too short"),)).to_json()
    assert said == {
        "kind": "cut by 10 s",
        "songs": 3,
        "first": 1,
        "in_top_10": 2,
        "share_first": 0.3333,
        "share_in_top_10": 0.6667,
        "skipped": [{"track_id": 9, "message": "too short"}],
    }
    assert Survival("cut by 10 s").to_json()["share_first"] is None


def test_every_kind_of_the_plan_is_there() -> None:
    """Those that the issue names, and each of them is another file than the song."""
    bit_rates = {(how.codec, how.bit_rate) for how in ALTERATIONS.values() if how.bit_rate}
    assert bit_rates == {("mp3", 64_000), ("mp3", 128_000), ("opus", 96_000)}
    assert {how.gain_db for how in ALTERATIONS.values()} == {0.0, 6.0, -6.0}
    assert {how.skip_s for how in ALTERATIONS.values()} == {0.0, 10.0}
    assert sum(bool(how.other_rate_hz) for how in ALTERATIONS.values()) == 1
    assert Recoding() not in ALTERATIONS.values()
