"""``explain``: through the real command line, on small audio."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests import synth
from tests.recommender.support import Ran, deepcuts, deepcuts_process, write_song


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds in stereo."""
    left = synth.music_like(10.0, 4)
    return synth.write(tmp_path_factory.mktemp("music") / "song.flac", np.stack([left, left[::-1]], axis=1))


@pytest.fixture(scope="module")
def ran(song: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Everything at once."""
    outputs = ("-o", song.with_name("why.png"), "--clip", song.with_name("clip.wav"), "--clip-s", "2.5")
    return deepcuts_process(tmp_path_factory.mktemp("home"), "explain", song, *outputs, "--json")


def test_json_says_what_drove_the_most_probable_genre(ran: Ran, song: Path, tmp_path: Path) -> None:
    assert (ran.code, ran.err) == (0, "")
    answer = ran.json
    assert list(answer) == [
        *("path", "genre", "probability", "duration_s", "passages", "bands", "curve", "warnings")
    ]
    (classified,) = deepcuts(tmp_path, "classify", song, "--json").json
    best = classified["genres"][0]
    assert (answer["genre"], answer["probability"]) == (best["name"], pytest.approx(best["probability"]))
    assert (answer["path"], answer["duration_s"], answer["warnings"]) == (str(song), 10.0, [])
    assert answer["curve"]["step_s"] == 0.25
    effects = answer["curve"]["effects"]
    assert len(effects) == 40
    for passage in answer["passages"]:
        steps = slice(round(4 * passage["start_s"]), round(4 * passage["end_s"]))
        assert passage["end_s"] - passage["start_s"] == 2.5
        assert passage["effect"] == pytest.approx(sum(effects[steps]), abs=1e-3)
        assert 0 <= passage["probability_without"] <= 1
    edges = [(band["low_hz"], band["high_hz"]) for band in answer["bands"]]
    assert len(edges) == 96
    assert (edges[0][0], edges[-1][1]) == (0, 8000)


def test_the_clip_is_the_first_passage_of_the_original(ran: Ran, song: Path) -> None:
    first = ran.json["passages"][0]
    original, rate_hz = soundfile.read(song, dtype="int16")
    clip, clip_rate_hz = soundfile.read(song.with_name("clip.wav"), dtype="int16")
    assert clip_rate_hz == rate_hz == synth.RATE_HZ
    place = slice(round(first["start_s"] * rate_hz), round(first["end_s"] * rate_hz))
    np.testing.assert_array_equal(clip, original[place])
    assert clip.shape[1] == 2


def test_the_picture_is_a_png(ran: Ran, song: Path) -> None:
    assert ran.code == 0
    with Image.open(song.with_name("why.png")) as picture:
        assert picture.format == "PNG"
        assert picture.size == (1000, 520)


def test_in_words_and_for_a_genre_of_choice(song: Path, tmp_path: Path) -> None:
    ran = deepcuts(tmp_path / "home", "explain", song, "--genre", "Reggae")
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{song} (0:10): reggae ")
    assert "reggae without it" in ran.out
    assert "bands: " in ran.out
    assert not (tmp_path / "home").exists()


def test_what_cannot_be_explained_is_one_line(song: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("not audio")
    silent = synth.write(tmp_path / "silent.wav", np.zeros(5 * synth.RATE_HZ, np.float32))
    for arguments, said in [
        ((song, "--genre", "polka"), "no genre 'polka'; the bundle knows: ambient, blues, "),
        ((tmp_path / "text.mp3",), "not audio, or too damaged to be decoded"),
        ((tmp_path / "nowhere.mp3",), "cannot be read: no such file or directory"),
        ((silent,), "silent throughout"),
    ]:
        ran = deepcuts(tmp_path, "explain", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"deepcuts: {said}")
        assert ran.err.count("\n") == 1


def test_outputs_that_cannot_be_written(song: Path, tmp_path: Path) -> None:
    short = write_song(tmp_path / "short.wav", 1, 4.0)
    content = short.read_bytes()
    for option, name in (("-o", "why.png"), ("--clip", "clip.wav")):
        ran = deepcuts(tmp_path, "explain", short, option, tmp_path / "nowhere" / name)
        assert ran.code == 1
        said = f"{tmp_path / 'nowhere' / name} cannot be written: its folder does not exist"
        assert ran.err == f"deepcuts: {said}\n"
    (tmp_path / "folder.wav").mkdir()
    ran = deepcuts(tmp_path, "explain", short, "--clip", tmp_path / "folder.wav")
    assert ran.code == 1
    assert ran.err == f"deepcuts: {tmp_path / 'folder.wav'} cannot be written: Is a directory\n"
    for option, target in (("-o", tmp_path / "why.jpg"), ("--clip", tmp_path / "a.mp3"), ("--clip", short)):
        ran = deepcuts(tmp_path, "explain", short, option, target)
        assert ran.code == 2
        assert option in ran.err
    assert short.read_bytes() == content
