"""``classify``: genres and tags of files, without a catalogue."""

from pathlib import Path

import numpy as np
import pytest

from classifier.model import bundle
from recommender.commands.output import label_in_words
from tests import synth
from tests.conftest import REPO
from tests.ebur128 import ffmpegs_lufs
from tests.recommender.support import deepcuts, deepcuts_process, write_song


def test_answers_are_in_the_order_of_the_arguments_with_errors_in_place(tmp_path: Path) -> None:
    good = write_song(tmp_path / "good.flac", 1, 36.0)
    other = write_song(tmp_path / "b.ogg", 2)
    (tmp_path / "text.mp3").write_text("not audio")
    (tmp_path / "empty.wav").touch()
    files = [tmp_path / "text.mp3", good, tmp_path / "empty.wav", tmp_path / "nowhere.mp3", other, tmp_path]
    ran = deepcuts_process(tmp_path / "home", "classify", *files, "--json")
    assert ran.code == 3
    assert [answer["path"] for answer in ran.json] == [str(file) for file in files]
    errors = [answer.get("error", {}).get("kind") for answer in ran.json]
    assert errors == ["not_audio", None, "empty", "unreadable", None, "unreadable"]
    assert ran.json[0] == {
        "path": str(files[0]),
        "error": {"kind": "not_audio", "message": "not audio, or too damaged to be decoded"},
    }
    assert not (tmp_path / "home").exists()
    shown = deepcuts(tmp_path / "home", "classify", *files[:2])
    assert shown.code == 3
    assert shown.err == f"Failed: {files[0]}: not audio, or too damaged to be decoded\n"
    verdict, tags, genres, *_ = shown.out.splitlines()
    assert verdict == f"{good} (0:36): {label_in_words(ran.json[1])}"
    assert (tags[:10], genres[:10]) == ("  tags:   ", "  genres: ")
    assert "0:30-0:36" in shown.out


def test_song_is_the_mean_of_its_segments_by_their_length(tmp_path: Path) -> None:
    sound = np.concatenate(
        [synth.music_like(30, 1), np.zeros(30 * synth.RATE_HZ, np.float32), synth.noise(10)]
    )
    (answer,) = deepcuts(tmp_path, "classify", synth.write(tmp_path / "a.flac", sound), "--json").json
    assert {"path", "duration_s", "genres", "tags", "segments"} <= set(answer)
    assert answer["duration_s"] == 70.0
    places = [(s["start_s"], s["end_s"], s["silent"]) for s in answer["segments"]]
    assert places == [(0, 30, False), (30, 60, True), (60, 70, False)]
    first, silent, last = answer["segments"]
    assert silent["genres"] == silent["tags"] == []
    shipped = bundle.load(bundle.SHIPPED)
    whole, one, other = (
        {item["name"]: item["probability"] for item in part["genres"]} for part in (answer, first, last)
    )
    assert set(whole) == set(shipped.labels)
    for name in shipped.labels:
        assert whole[name] == pytest.approx((30 * one[name] + 10 * other[name]) / 40, abs=2e-4)
    for part in (answer, first, last):
        for kind in ("genres", "tags"):
            probabilities = [item["probability"] for item in part[kind]]
            assert probabilities == sorted(probabilities, reverse=True)
            assert all(0 <= p <= 1 for p in probabilities)
        assert {item["name"] for item in part["tags"]} <= set(shipped.tag_names)


def test_tempo_key_loudness_and_energy_have_confidences(tmp_path: Path) -> None:
    clicks = synth.clicks(40, 2.0) / 4 + synth.tone(40, 220.0) / 20
    path = synth.write(tmp_path / "a.flac", clicks)
    (answer,) = deepcuts(tmp_path, "classify", path, "--json").json
    names = ("tempo_bpm", "key", "loudness_lufs", "energy")
    for part in (answer, *answer["segments"]):
        assert part["tempo_bpm"] == pytest.approx(120, rel=0.01)
        assert part["loudness_lufs"] == pytest.approx(ffmpegs_lufs(path), abs=1)
        assert part["key"].startswith("A ")
        assert 0 < part["energy"] < 1
        assert all(0 <= part[f"{name.split('_')[0]}_confidence"] <= 1 for name in names)
    shown = deepcuts(tmp_path, "classify", path).out.splitlines()[3]
    assert shown.startswith(
        f"  sound:  120 bpm ({100 * answer['tempo_confidence']:.0f} %), {answer['key']} ("
    )
    assert len(shown) <= 80


def test_what_is_silent_has_no_tempo(tmp_path: Path) -> None:
    sound = np.concatenate([synth.music_like(30, 1), np.zeros(30 * synth.RATE_HZ, np.float32)])
    (answer,) = deepcuts(tmp_path, "classify", synth.write(tmp_path / "a.flac", sound), "--json").json
    _, silent = answer["segments"]
    assert (silent["tempo_bpm"], silent["key"], silent["loudness_lufs"], silent["energy"]) == (None,) * 4
    assert answer["loudness_lufs"] is not None


def test_cut_file_is_classified_with_a_warning(tmp_path: Path) -> None:
    path = write_song(tmp_path / "cut.mp3", 3, 20.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ran = deepcuts(tmp_path, "classify", path, "--json")
    assert ran.code == 0
    (warning,) = ran.json[0]["warnings"]
    assert warning.startswith("cut short: decodes to ")
    assert 9 < ran.json[0]["duration_s"] < 11


def test_real_music_sounds_like_what_it_is(tmp_path: Path) -> None:
    catalog = REPO / "demo/catalog"
    files = [next((catalog / "metal").glob("*Armygeddon*")), next((catalog / "classical").glob("Czech*"))]
    answers = deepcuts(tmp_path, "classify", *files, "--json").json
    assert [answer["genres"][0]["name"] for answer in answers] == ["metal", "classical"]


@pytest.mark.shared
def test_most_clips_that_the_head_never_saw_are_recognised(shared: Path, tmp_path: Path) -> None:
    with np.load(shared / "data/gtzan_taggrams/train.npz", allow_pickle=False) as data:
        seen = set(data["track"].tolist())
    clips = sorted((shared / "data/gtzan60").glob("*/*.flac"))
    unseen = [clip for clip in clips if f"{clip.parent.name}/{clip.stem}" not in seen]
    assert (len(clips), len(unseen)) == (60, 36)
    answers = deepcuts(tmp_path, "classify", *unseen, "--json").json
    right = [Path(a["path"]).parent.name == a["genres"][0]["name"] for a in answers]
    assert sum(right) >= 26  # among fifteen genres; the head of ten had 28 (docs/MODEL_CARD.md)
