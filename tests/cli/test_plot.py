"""``plot features``: the picture of a clip."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from PIL import Image

from classifier.audio.decode import DecodeReport, stream_mono
from classifier.errors import TooShortError
from classifier.plotting import evaluation
from classifier.plotting.clip_features import clip_features, read_clip
from tests import synth
from tests.recommender.support import WITHOUT_PRIVILEGE, deepcuts, deepcuts_process

RATE_HZ = 22_050


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s, the middle third of them loud."""
    sound = synth.music_like(12, 3)
    sound[: 4 * RATE_HZ] *= 0.1
    sound[8 * RATE_HZ :] *= 0.1
    return synth.write(tmp_path_factory.mktemp("song") / "song.flac", sound)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        return image.size


def test_a_picture_from_the_real_command_line(song: Path, tmp_path: Path) -> None:
    ran = deepcuts_process(None, "plot", "features", song, "-o", tmp_path / "out.png")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"12.0 s drawn in {tmp_path / 'out.png'}\n"
    assert size_of(tmp_path / "out.png") == (800, 320)
    answer = deepcuts(None, "plot", "features", song, "-o", tmp_path / "out.png", "--json")
    assert (answer.code, answer.json["seconds"], answer.json["kind"]) == (0, 12.0, "mel")
    assert (tmp_path / "out.png").stat().st_size < 200_000
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_needs_no_home_and_makes_none(song: Path, tmp_path: Path) -> None:
    ran = deepcuts(tmp_path / "home", "plot", "features", song, "-o", tmp_path / "out.png")
    assert ran.code == 0
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("kind", ["mel", "mfcc"])
def test_what_is_drawn_is_librosas(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """By value, at the numbers of the study, for a clip from the middle."""
    drawn = []
    monkeypatch.setattr(evaluation, "draw_features", lambda *arguments: drawn.append(arguments))
    output = tmp_path / "out.png"
    arguments = ["--kind", kind, "--start", "2.5", "--seconds", "4"]
    ran = deepcuts(None, "plot", "features", song, "-o", output, *arguments)
    assert ran.code == 0
    ((features, rate_hz, hop_length, drawn_kind, path),) = drawn
    assert (rate_hz, hop_length, drawn_kind, path) == (RATE_HZ, 512, kind, output)
    samples = np.concatenate(list(stream_mono(song, RATE_HZ, DecodeReport())))
    clip = samples[round(2.5 * RATE_HZ) : round(6.5 * RATE_HZ)]
    power = librosa.feature.melspectrogram(y=clip, sr=RATE_HZ, n_fft=2048, hop_length=512, n_mels=128)
    expected = librosa.power_to_db(power)
    if kind == "mfcc":
        expected = librosa.feature.mfcc(S=expected, n_mfcc=40)
    np.testing.assert_allclose(features, expected.T, rtol=0, atol=0.02)


def test_both_kinds_and_clips_look_different(song: Path, tmp_path: Path) -> None:
    pictures = []
    for number, arguments in enumerate(([], ["--kind", "mfcc"], ["--start", "4", "--seconds", "4"])):
        output = tmp_path / f"{number}.png"
        assert deepcuts(None, "plot", "features", song, "-o", output, *arguments).code == 0
        pictures.append(output.read_bytes())
        size_of(output)
    assert len(set(pictures)) == 3


def test_a_loud_passage_is_drawn_brighter(song: Path, tmp_path: Path) -> None:
    """What the picture says, read back from it: the clip's loud middle has the brighter pixels."""
    assert deepcuts(None, "plot", "features", song, "-o", tmp_path / "out.png").code == 0
    with Image.open(tmp_path / "out.png") as image:
        pixels = np.asarray(image.convert("L"), np.float64)[20:260]
    thirds = [pixels[:, 80 + 220 * n : 280 + 220 * n].mean() for n in range(3)]
    assert thirds[1] > thirds[0] + 5
    assert thirds[1] > thirds[2] + 5


@pytest.mark.parametrize(("start_s", "seconds"), [(0.0, 30.0), (0.0, 2.0), (3.3, 4.4), (11.9, 30.0)])
def test_clips_are_stretches_of_the_whole(song: Path, start_s: float, seconds: float) -> None:
    whole = np.concatenate(list(stream_mono(song, RATE_HZ, DecodeReport())))
    found = read_clip(song, RATE_HZ, start_s, seconds)
    first = round(start_s * RATE_HZ)
    np.testing.assert_array_equal(found, whole[first : round((start_s + seconds) * RATE_HZ)])


def test_nothing_after_the_clip_is_decoded(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_arguments: object) -> object:
        while True:
            yield np.zeros(1000, np.float32)

    monkeypatch.setattr("classifier.audio.decode.stream_mono", endless)
    assert len(read_clip(song, 1000, 2.0, 3.5)) == 3500


def test_a_clip_after_the_end_is_refused(song: Path) -> None:
    with pytest.raises(TooShortError, match=r"too short: it ends after 12.0 s, before 12 s"):
        clip_features(song, "mel", 12.0, 30.0)


def test_silence_and_a_very_short_clip_can_be_drawn(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "silent.wav", np.zeros(5 * RATE_HZ, np.float32))
    for seconds in ("30", "0.1"):
        output = tmp_path / "out.png"
        assert deepcuts(None, "plot", "features", path, "-o", output, "--seconds", seconds).code == 0
        size_of(output)


def test_mistakes_are_one_plain_line(song: Path, tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_text("not audio")
    (tmp_path / "empty.mp3").write_bytes(b"")
    output = tmp_path / "out.png"
    for file, place, message in (
        (tmp_path / "words.mp3", output, "not audio, or too damaged to be decoded"),
        (tmp_path / "empty.mp3", output, "the file is empty"),
        (tmp_path / "gone.mp3", output, "cannot be read: no such file or directory"),
        (tmp_path, output, "cannot be read: is a directory"),
        (song, tmp_path / "nowhere/out.png", f"cannot write {tmp_path / 'nowhere/out.png'}: "),
        (song, tmp_path / "words.mp3/out.png", f"cannot write {tmp_path / 'words.mp3/out.png'}: "),
    ):
        ran = deepcuts(None, "plot", "features", file, "-o", place)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"deepcuts: {message}")
        assert ran.err.count("\n") == 1
    assert not output.exists()


def test_a_folder_that_may_not_be_written(song: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    ran = deepcuts_process(None, "plot", "features", song, "-o", folder / "out.png", prefix=WITHOUT_PRIVILEGE)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"deepcuts: cannot write {folder / 'out.png'}: Permission denied\n"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-o", "out.jpg"],
        ["-o", "out.png", "--kind", "chroma"],
        ["-o", "out.png", "--start", "-1"],
        ["-o", "out.png", "--seconds", "0"],
    ],
    ids=" ".join,
)
def test_usage_errors(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = deepcuts(None, "plot", "features", song, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage:" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_plot_alone_shows_its_help() -> None:
    ran = deepcuts(None, "plot")
    assert ran.code == 2
    assert "features" in ran.out + ran.err
