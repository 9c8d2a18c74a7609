"""``train``: a classifier of the user's own genres, its figures, and what it changes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from classifier import bundle
from tests import synth
from tests.recommender import support
from tests.recommender.support import Library, deepcuts, query, tracks, write_song

N_SEGMENTS = len(support.SONGS) + 1
SONGS_A_GENRE = 4


def write_genres(folder: Path) -> Path:
    """Write three genres that anyone could tell apart, and a file that is not audio."""
    for number in range(SONGS_A_GENRE):
        sounds = {
            "hum": synth.tone(3.5, 80.0 + 9 * number),
            "rain": synth.noise(3.5, number),
            "tick": synth.clicks(3.5, 2.0 + number),
        }
        for genre, sound in sounds.items():
            path = folder / genre / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            synth.write(path, sound)
    (folder / "hum/broken.wav").write_text("not audio")
    return folder


class Trained:
    """A copy of the small library before and after `train DIR`."""

    def __init__(self, library: Library, folder: Path) -> None:
        self.library, self.folder = library, folder
        self.tracks = {path: tuple(row) for path, row in tracks(library.home).items()}
        self.features = features(library)
        self.index = index_files(library)
        self.ran = deepcuts(library.home, "train", folder, "--folds", "2", "--json")

    @property
    def answer(self) -> Any:
        return self.ran.json

    @property
    def path(self) -> Path:
        return self.library.home / "bundles" / self.answer["bundle_id"]


def features(library: Library) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in query(library.home, "SELECT * FROM feature ORDER BY segment_id")]


def index_files(library: Library) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (library.home / "index").iterdir()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp("trained")
    library = support.ingested_library(tmp_path_factory.getbasetemp()).clone(place, here=True)
    return Trained(library, write_genres(place / "genres"))


def test_figures(trained: Trained) -> None:
    assert trained.ran.code == 0
    answer = trained.answer
    assert {"bundle_id", "labels", "songs", "folds", "accuracy", "per_genre", "seconds"} <= set(answer)
    assert answer["labels"] == ["hum", "rain", "tick"]
    assert (answer["songs"], answer["folds"]) == (3 * SONGS_A_GENRE, 2)
    assert [(row["label"], row["songs"]) for row in answer["per_genre"]] == [
        (label, SONGS_A_GENRE) for label in answer["labels"]
    ]
    recalled = sum(row["recall"] * row["songs"] for row in answer["per_genre"])
    assert answer["accuracy"] == pytest.approx(recalled / answer["songs"], abs=1e-4)
    assert answer["accuracy"] >= 10 / 12
    assert trained.ran.err == (
        f"Skipped: {trained.folder / 'hum/broken.wav'}: not audio, or too damaged to be decoded\n"
    )


def test_bundle_is_active_and_describes_itself(trained: Trained) -> None:
    status = trained.library.run("status", "--json").json
    assert status["bundle_id"] == trained.answer["bundle_id"]
    assert status["labels"] == ["hum", "rain", "tick"]
    shipped = bundle.load(bundle.SHIPPED)
    assert status["trunk_id"] == shipped.trunk_id
    described = json.loads((trained.path / "bundle.json").read_text())
    assert described["labels"] == ["hum", "rain", "tick"]
    assert described["training"]["songs"] == 12
    assert described["training"]["seed"] == 0
    assert described["training"]["accuracy"] == trained.answer["accuracy"]
    assert str(trained.folder) not in json.dumps(described), "a bundle that is passed on tells no one's paths"
    left = sorted(path.name for path in (trained.library.home / "bundles").iterdir())
    assert left == ["active", trained.answer["bundle_id"]]


def test_every_segment_has_the_new_predictions_alone(trained: Trained) -> None:
    """By value: a softmax regression on the stored embeddings."""
    with np.load(trained.path / "head.npz", allow_pickle=False) as head:
        kernel, bias = head["kernel"].astype(np.float64), head["bias"].astype(np.float64)
    sql = "SELECT bundle_id, genres, embedding FROM prediction JOIN feature USING (segment_id)"
    rows = query(trained.library.home, sql)
    assert len(rows) == trained.answer["segments_predicted"] == N_SEGMENTS
    assert {row["bundle_id"] for row in rows} == {trained.answer["bundle_id"]}
    for row in rows:
        genres, embedding = (np.frombuffer(row[name], "<f4") for name in ("genres", "embedding"))
        logits = np.exp(embedding @ kernel + bias - (embedding @ kernel + bias).max())
        assert_allclose(genres, logits / logits.sum(), atol=1e-5)


def test_features_index_and_tracks_stay(trained: Trained) -> None:
    assert features(trained.library) == trained.features
    assert index_files(trained.library) == trained.index
    rows = {path: tuple(row) for path, row in tracks(trained.library.home).items()}
    assert rows == trained.tracks, "the folder is trained on, not ingested"


def test_new_genres_are_used_from_now_on(trained: Trained) -> None:
    file = trained.folder / "rain/0.wav"
    (answer,) = trained.library.run("classify", file, "--json").json
    assert answer["genres"][0]["name"] == "rain"
    assert {genre["name"] for genre in answer["genres"]} == {"hum", "rain", "tick"}
    results = trained.library.similar("theta", "-n", 3)["results"]
    assert {genre["name"] for result in results for genre in result["genres"]} == {"hum", "rain", "tick"}
    write_song(trained.library.music / "new.flac", 66)
    trained.library.ingest()
    rows = query(trained.library.home, "SELECT bundle_id, length(genres) FROM prediction")
    assert {tuple(row) for row in rows} == {(trained.answer["bundle_id"], 12)}
    assert len(rows) == N_SEGMENTS + 1


def test_going_back_to_the_shipped_bundle(trained: Trained) -> None:
    """The last step on the trained library."""
    shipped = bundle.load(bundle.SHIPPED)
    ran = trained.library.run("train", "--use", "shipped")
    assert ran.code == 0
    assert shipped.bundle_id in ran.out
    rows = query(trained.library.home, "SELECT bundle_id, length(genres) FROM prediction")
    assert {tuple(row) for row in rows} == {(shipped.bundle_id, 40)}
    assert len(rows) == N_SEGMENTS + 1
    assert trained.library.run("status", "--json").json["bundle_id"] == shipped.bundle_id
    again = trained.library.run("train", "--use", trained.answer["bundle_id"], "--json")
    assert again.json["segments_predicted"] == N_SEGMENTS + 1
    assert trained.library.run("status", "--json").json["bundle_id"] == trained.answer["bundle_id"]


def test_train_on_the_labelled_tracks_of_the_catalogue(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    library = support.ingested_library(tmp_path_factory.getbasetemp()).clone(tmp_path, here=True)
    library.ingest(library.music, "--labels", "folders")
    query(library.home, "UPDATE track SET artist = '' WHERE artist != 'Ann Arbor'")
    ran = library.run("train", "--folds", "2", "--seed", "5")
    assert ran.code == 0
    lines = ran.out.splitlines()
    for genre, songs in (("folk", 3), ("jazz", 3), ("rock", 3)):
        (line,) = [line for line in lines if line.split()[:1] == [genre]]
        assert line.split()[1] == str(songs)
    assert "(9 songs, 2 folds," in ran.out
    status = library.run("status", "--json").json
    assert status["labels"] == ["folk", "jazz", "rock"]
    described = json.loads((library.home / "bundles" / status["bundle_id"] / "bundle.json").read_text())
    assert described["training"]["seed"] == 5
    assert described["training"]["split"].startswith("2 folds; 2 songs by artist or group, 7 by")
    labels = query(library.home, "SELECT label, count(*) FROM track GROUP BY label ORDER BY label")
    assert [tuple(row) for row in labels] == [(None, 1), ("folk", 3), ("jazz", 3), ("rock", 3)]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            ["a/1.wav", "a/2.wav", "a/3.wav"],
            "training needs songs of at least two genres; only 'a' is there",
        ),
        (["a/1.wav", "b/2.wav", "b/3.wav"], "training needs at least two songs a genre; only one of: a"),
    ],
    ids=["one genre", "one song"],
)
def test_too_little_to_learn_from(tmp_path: Path, files: list[str], message: str) -> None:
    (tmp_path / "music").mkdir()
    for seed, name in enumerate(files):
        write_song(tmp_path / "music" / name, seed, 3.2)
    ran = deepcuts(tmp_path / "home", "train", tmp_path / "music", "--jobs", "1")
    assert (ran.code, ran.out, ran.err) == (1, "", f"deepcuts: {message}\n")
    assert not (tmp_path / "home/bundles/active").exists()
    assert not (tmp_path / "home/catalog.sqlite").exists()


def test_catalogue_without_labels(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    library = support.ingested_library(tmp_path_factory.getbasetemp()).clone(tmp_path)
    ran = library.run("train")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "deepcuts: training needs songs of at least two genres; no labelled song is there\n"


def test_labels_that_cannot_be_used(tmp_path: Path) -> None:
    ran = deepcuts(tmp_path / "home", "train", tmp_path, "--labels", "nowhere.csv")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: --labels nowhere.csv is neither")
