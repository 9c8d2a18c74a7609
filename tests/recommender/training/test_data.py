"""Songs to train on, from folders, CSVs and the catalogue; decoded once."""

import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.datasets import dataset
from classifier.features.frontend import FrontEnd, mel_filters
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from recommender.library.workers import tasks
from recommender.library.workers.boundary import attempt
from recommender.training import data as training_data
from recommender.training.data import TrainingData
from tests import synth
from tests.databases import home_at
from tests.recommender.here import Here
from tests.recommender.support import Library, write_song

RATE_HZ = 8_000
FRONT_END = FrontEnd(rate_hz=RATE_HZ, n_fft=256, hop_length=200, n_mels=24, patch_frames=100)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, trunk: Trunk) -> list[str]:
    """The paths handed to a decoder; whoever asks for this fixture runs without worker processes."""
    Here.decoded = []
    monkeypatch.setattr(training_data, "Workers", Here)
    monkeypatch.setattr(tasks, "_trunk", trunk)
    return Here.decoded


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genres, one with sub-genres, and three files that cannot be learned from."""
    folder = tmp_path_factory.mktemp("music")
    names = ("jazz/a.flac", "jazz/b.mp3", "rock/c.wav", "rock/punk/d.flac", "rock/punk/1977/e.ogg", "f.wav")
    for seed, name in enumerate(names):
        write_song(folder / name, seed, 4)
    (folder / "jazz/broken.wav").write_text("not audio")
    synth.write(folder / "rock/quiet.wav", np.zeros(4 * synth.RATE_HZ, np.float32))
    shutil.copy(folder / "jazz/a.flac", folder / "rock/copy of a.flac")
    return folder


@pytest.fixture
def data(shipped: Bundle, tmp_path: Path, music: Path) -> Callable[..., TrainingData]:
    def make(source: Path | None = music, home: Path | None = None, **more: Any) -> TrainingData:
        return TrainingData(home_at(home or tmp_path / "home"), shipped, source, **more)

    return make


Make = Callable[..., TrainingData]


def told(songs: Iterable[Any], folder: Path) -> dict[str, tuple[str, str | None]]:
    return {str(Path(s.name).relative_to(folder)): (s.label, s.group) for s in songs}


def test_a_folder_of_genres(data: Make, music: Path, decoded: list[str]) -> None:
    source = data()
    assert told(source.spectral_songs(FRONT_END), music) == {
        "jazz/a.flac": ("jazz", None),
        "jazz/b.mp3": ("jazz", None),
        "rock/c.wav": ("rock", None),
        "rock/punk/d.flac": ("rock", "rock/punk"),
        "rock/punk/1977/e.ogg": ("rock", "rock/punk"),
    }
    assert dict(source.failures) == {
        str(music / "jazz/broken.wav"): "not audio, or too damaged to be decoded",
        str(music / "rock/quiet.wav"): "silent throughout",
        str(music / "rock/copy of a.flac"): f"the same recording as {music / 'jazz/a.flac'}",
    }
    assert str(music / "f.wav") not in decoded


def test_nested_folders_are_sub_genres_and_their_parent_a_leaf_beside_them(
    data: Make, music: Path, decoded: list[str]
) -> None:
    songs = told(data(depth=2).spectral_songs(FRONT_END), music)
    assert songs == {
        "jazz/a.flac": ("jazz", None),
        "jazz/b.mp3": ("jazz", None),
        "rock/c.wav": ("rock/other", None),
        "rock/punk/d.flac": ("rock/punk", None),
        "rock/punk/1977/e.ogg": ("rock/punk", "rock/punk/1977"),
    }


def test_patches_are_the_files(data: Make, music: Path, decoded: list[str]) -> None:
    songs = data().spectral_songs(FRONT_END)
    assert [s.name for s in songs] == sorted(s.name for s in songs)
    for song in songs:
        expected = dataset.patches_of(Path(song.name), FRONT_END, mel_filters(FRONT_END))
        np.testing.assert_array_equal(song.patches, expected["patches"])
        np.testing.assert_array_equal(song.segments, expected["segments"])
        assert list(song.durations_s) == expected["durations_s"].tolist()


@pytest.mark.parametrize("kind", ["patches", "trunk"])
def test_a_second_run_decodes_nothing_but_what_failed(
    data: Make, music: Path, decoded: list[str], kind: str
) -> None:
    def songs(source: TrainingData) -> list[Any]:
        return source.trunk_songs() if kind == "trunk" else source.spectral_songs(FRONT_END)

    first = songs(data())
    assert len(decoded) == 7
    decoded.clear()
    again = data()
    second = songs(again)
    failed = {str(music / "jazz/broken.wav"), str(music / "rock/quiet.wav")}
    assert set(decoded) == failed
    assert {path for path, _ in again.failures} == failed | {str(music / "rock/copy of a.flac")}
    assert [s.name for s in second] == [s.name for s in first]
    for one, other in zip(first, second, strict=True):
        name = "embeddings" if kind == "trunk" else "patches"
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_moved_and_retagged_files_are_not_decoded_again(
    data: Make, music: Path, decoded: list[str], tmp_path: Path
) -> None:
    first = data().spectral_songs(FRONT_END)
    decoded.clear()
    other = tmp_path / "elsewhere/genres"
    (other / "swing").mkdir(parents=True)
    shutil.copy(music / "jazz/a.flac", other / "swing/new name.flac")
    synth.tag(other / "swing/new name.flac", {"artist": "Ann"})
    (song,) = data(other).spectral_songs(FRONT_END)
    assert decoded == []
    assert (song.label, song.group) == ("swing", "Ann")
    np.testing.assert_array_equal(song.patches, first[0].patches)


def test_another_front_end_is_another_entry(data: Make, decoded: list[str]) -> None:
    source = data()
    source.spectral_songs(FRONT_END)
    decoded.clear()
    other = FrontEnd(rate_hz=RATE_HZ, n_fft=256, hop_length=200, n_mels=16, patch_frames=100)
    assert {s.patches.shape[2] for s in source.spectral_songs(other)} == {16}
    assert len(decoded) == 7


def test_failures_are_named_once_however_many_front_ends(data: Make, decoded: list[str]) -> None:
    source = data()
    source.spectral_songs(FRONT_END)
    named = list(source.failures)
    source.spectral_songs(FrontEnd(rate_hz=RATE_HZ, n_fft=256, hop_length=200, n_mels=16, patch_frames=100))
    assert source.failures == named
    assert len(set(named)) == len(named)


def test_what_this_run_made_outlives_a_full_cache(
    data: Make, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where worker processes stored it, whose cache objects are their own."""
    monkeypatch.setattr("classifier.params.CACHE_BYTES", 1)
    monkeypatch.setattr(Here, "run", _with_copied_cache)
    assert len(data().spectral_songs(FRONT_END)) == 5


def _with_copied_cache(
    _workers: Here, paths: Iterable[tuple[str, str]], task: Callable[[str], object]
) -> Iterator[tuple[str, object]]:
    for key, path in paths:
        yield key, attempt(partial(pickle.loads(pickle.dumps(task)), path))


def test_songs_as_the_trunk_sees_them(data: Make, music: Path, decoded: list[str], trunk: Trunk) -> None:
    songs = data().trunk_songs()
    assert set(told(songs, music)) == {
        "jazz/a.flac",
        "jazz/b.mp3",
        "rock/c.wav",
        "rock/punk/d.flac",
        "rock/punk/1977/e.ogg",
    }
    tags, embeddings, durations_s = trunk.analyse_file(Path(songs[0].name)).features()
    np.testing.assert_array_equal(songs[0].embeddings, embeddings)
    np.testing.assert_array_equal(songs[0].tags, tags)
    assert songs[0].durations_s == pytest.approx(durations_s)


def test_a_csv_with_groups(data: Make, music: Path, decoded: list[str], tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    rows = [
        f"{music}/jazz/a.flac,swing,Session 1",
        f"{music}/jazz/b.mp3,swing,",
        f"{music}/f.wav,rock/punk,Session 1",
        f"{music}/rock/c.wav,rock,",
        f"{music}/jazz/broken.wav,swing,",
        "nowhere/gone.mp3,rock,",
        f"{tmp_path},rock,",
    ]
    table.write_text("path,label,group\n" + "\n".join(rows) + "\n")
    source = data(table)
    assert told(source.spectral_songs(FRONT_END), music) == {
        "f.wav": ("rock/punk", "Session 1"),
        "jazz/a.flac": ("swing", "Session 1"),
        "jazz/b.mp3": ("swing", None),
        "rock/c.wav": ("rock/other", None),
    }
    assert dict(source.failures) == {
        str(music / "jazz/broken.wav"): "not audio, or too damaged to be decoded",
        str(tmp_path / "nowhere/gone.mp3"): "there is no such file",
        str(tmp_path): "there is no such file",
    }
    assert source.describe(4) == "4 songs of a labelled CSV"


def test_the_catalogues_labels(data: Make, library: Library, decoded: list[str]) -> None:
    library.ingest(library.music, "--labels", "folders")
    source = data(None, library.home)
    spectral = told(source.spectral_songs(FRONT_END), library.music)
    assert spectral == told(source.trunk_songs(), library.music)
    assert set(spectral) == {name for name in spectral if "/" in name}
    assert len(spectral) == 9  # all but the one that lies in no folder
    assert spectral["jazz/epsilon.opus"] == ("jazz", "Café Müller")
    assert spectral["folk/deep/theta.mp3"] == ("folk", "Emil Folk")
    assert len(decoded) == 9  # the trunk's features are the catalogue's
    assert source.describe(9) == "9 songs of the catalogue's labelled tracks"
    (library.music / "rock/alpha.mp3").unlink()
    fewer = data(None, library.home)
    assert "rock/alpha.mp3" not in told(fewer.spectral_songs(FRONT_END), library.music)
    assert fewer.failures == [(str(library.music / "rock/alpha.mp3"), "there is no such file")]


def test_a_track_that_changed_since_it_was_ingested_is_named(
    data: Make, library: Library, decoded: list[str]
) -> None:
    library.ingest(library.music, "--labels", "folders")
    write_song(library.music / "rock/beta.flac", 99, 4.5)
    source = data(None, library.home)
    songs = told(source.spectral_songs(FRONT_END), library.music)
    assert "rock/beta.flac" not in songs
    assert source.failures == [(str(library.music / "rock/beta.flac"), "has changed since it was ingested")]


def test_the_same_in_worker_processes(data: Make, music: Path) -> None:
    source = data(jobs=1)
    songs = source.spectral_songs(FRONT_END)
    assert len(songs) == 5
    assert len(source.failures) == 3


def test_descriptions_name_no_paths(data: Make, music: Path) -> None:
    assert data().describe(5) == "5 songs of a labelled folder"
    assert str(music) not in data().describe(5)
