"""``train``: a classifier of the user's own genres, its figures, and what it changes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from classifier import params
from classifier.model import bundle
from recommender.training import train as training
from tests.recommender import support
from tests.recommender.support import Library, deepcuts, deepcuts_process, query, tracks, write_song
from tests.recommender.training.trained import SONGS_A_GENRE, quick, write_genres

N_SEGMENTS = len(support.SONGS) + 1


class Trained:
    """A copy of the small library before and after `train DIR`."""

    def __init__(self, library: Library, folder: Path) -> None:
        self.library, self.folder = library, folder
        self.tracks = {path: tuple(row) for path, row in tracks(library.home).items()}
        self.features = features(library)
        self.index = index_files(library)
        self.ran = deepcuts_process(library.home, "train", folder, "--folds", "2", "--json")

    @property
    def answer(self) -> Any:
        return self.ran.json

    @property
    def path(self) -> Path:
        return self.library.home / "bundles" / self.answer["bundle_id"]


def features(library: Library) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in query(library.home, "SELECT * FROM feature ORDER BY segment_id")]


def index_files(library: Library) -> dict[str, bytes]:
    return support.index_files(library.home)


@pytest.fixture(scope="module")
def trained(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp("trained")
    library = ingested.clone(place)
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
    low, high = answer["accuracy_interval"]
    assert 0 <= low < answer["accuracy"] <= high <= 1
    assert (answer["arch"], answer["songs_held_out"], answer["tracks_to_analyse"]) == ("musicnn", 12, 0)
    assert {"input", "penalty", "shrinkage", "blend"} <= set(answer["chosen"])


def test_a_file_that_is_not_audio_is_named_and_skipped(trained: Trained) -> None:
    path, reason = str(trained.folder / "hum/broken.wav"), "not audio, or too damaged to be decoded"
    assert trained.answer["skipped"] == [{"path": path, "message": reason}]
    assert trained.ran.err == f"Skipped: {path}: {reason}\n"
    described = json.loads((trained.path / "bundle.json").read_text())
    assert described["training"]["skipped"] == 1


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
    """By value: a softmax regression on the stored embeddings, at the temperature that was learned."""
    temperature = trained.answer["calibration"]["temperature"]
    with np.load(trained.path / "head.npz", allow_pickle=False) as head:
        kernel, bias = head["kernel"].astype(np.float64), head["bias"].astype(np.float64)
    sql = "SELECT bundle_id, genres, embedding FROM prediction JOIN feature USING (segment_id)"
    rows = query(trained.library.home, sql)
    assert len(rows) == trained.answer["segments_predicted"] == N_SEGMENTS
    assert {row["bundle_id"] for row in rows} == {trained.answer["bundle_id"]}
    for row in rows:
        genres, embedding = (np.frombuffer(row[name], "<f4") for name in ("genres", "embedding"))
        logits = (embedding @ kernel + bias) / temperature
        odds = np.exp(logits - logits.max())
        assert_allclose(genres, odds / odds.sum(), atol=1e-5)


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
    assert {tuple(row) for row in rows} == {(shipped.bundle_id, 4 * 15)}
    assert len(rows) == N_SEGMENTS + 1
    assert trained.library.run("status", "--json").json["bundle_id"] == shipped.bundle_id
    again = trained.library.run("train", "--use", trained.answer["bundle_id"], "--json")
    assert again.json["segments_predicted"] == N_SEGMENTS + 1
    assert trained.library.run("status", "--json").json["bundle_id"] == trained.answer["bundle_id"]


def test_train_on_the_labelled_tracks_of_the_catalogue(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nine songs alike are told apart hardly better than by chance: on some machines, not even that.
    monkeypatch.setattr(params, "MEANINGLESS_TEMPERATURE", np.inf)
    library.ingest(library.music, "--labels", "folders")
    query(library.home, "UPDATE track SET artist = '' WHERE artist != 'Ann Arbor'")
    ran = library.run("train", "--folds", "2", "--seed", "5")
    assert ran.code == 0
    lines = ran.out.splitlines()
    for genre, songs in (("folk", 3), ("jazz", 3), ("rock", 3)):
        (line,) = [line for line in lines if line.split()[:1] == [genre]]
        assert line.split()[1] == str(songs)
    assert "on 9 songs not trained on (9 songs, 2 folds, " in ran.out
    status = library.run("status", "--json").json
    assert status["labels"] == ["folk", "jazz", "rock"]
    described = json.loads((library.home / "bundles" / status["bundle_id"] / "bundle.json").read_text())
    assert described["training"]["seed"] == 5
    assert described["training"]["split"].startswith(
        "2 fold(s) held out; 4 songs by artist or group, 5 by"  # two of Ann Arbor's, two in folk/deep
    )
    labels = query(library.home, "SELECT label, count(*) FROM track GROUP BY label")
    assert {tuple(row) for row in labels} == {(None, 1), ("folk", 3), ("jazz", 3), ("rock", 3)}


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


def test_catalogue_without_labels(library: Library) -> None:
    ran = library.run("train")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "deepcuts: training needs songs of at least two genres; no labelled song is there\n"


def test_labels_that_cannot_be_used(tmp_path: Path) -> None:
    ran = deepcuts(tmp_path / "home", "train", tmp_path, "--labels", "nowhere.csv")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: --labels nowhere.csv is neither")


class Sounds:
    """The three genres and a home that has heard them, for one small training after another."""

    def __init__(self, place: Path) -> None:
        self.home, self.folder = place / "home", write_genres(place / "genres")

    def csv(self, name: str, rows: list[tuple[str, ...]]) -> Path:
        path = self.folder / name
        path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
        return path

    def train(self, *arguments: str | Path, code: int = 0) -> Any:
        ran = quick(self.home, "train", *arguments, "--json")
        assert ran.code == code, ran.err
        return ran.json

    def described(self, answer: Any) -> Any:
        return json.loads((Path(answer["bundle_path"]) / "bundle.json").read_text())


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    return Sounds(tmp_path_factory.mktemp("sounds"))


def test_groups_of_a_csv_are_never_on_both_sides(sounds: Sounds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each group holds every second song, where blocks of the sorted paths would cut it in two."""
    rows = [(f"{g}/{n}.wav", g, f"{g} {n % 2}") for g in ("hum", "rain") for n in range(4)]
    table = sounds.csv("groups.csv", [("path", "label", "group"), *rows, ("rain/none.wav", "rain", "")])
    seen: list[Any] = []
    real = training.held_out

    def spy(songs: Any, split: Any, *others: Any) -> Any:
        seen.append((songs, split.folds))
        return real(songs, split, *others)

    monkeypatch.setattr(training, "held_out", spy)
    answer = sounds.train(table, "--folds", "2")
    ((songs, folds),) = seen
    one, other = ({s.group for s, f in zip(songs, folds, strict=True) if f == fold} for fold in (0, 1))
    assert one | other == {"hum 0", "hum 1", "rain 0", "rain 1"}
    assert not one & other
    assert (answer["labels"], answer["songs"]) == (["hum", "rain"], 8)
    assert sounds.described(answer)["training"]["split"].startswith("2 fold(s) held out; 8 songs by artist")
    (skipped,) = answer["skipped"]
    assert skipped == {"path": str(sounds.folder / "rain/none.wav"), "message": "there is no such file"}


def test_a_label_above_others_becomes_other(sounds: Sounds) -> None:
    rows = [(f"rain/{n}.wav", "rock" if n < 2 else "rock/punk") for n in range(4)]
    rows += [(f"{g}/{n}.wav", g) for g in ("hum", "tick") for n in range(4)]
    table = sounds.csv("above.csv", [("path", "label"), *rows])
    answer = sounds.train(table, "--folds", "2")
    assert answer["labels"] == ["hum", "rock/other", "rock/punk", "tick"]
    assert [(row["label"], row["songs"]) for row in answer["per_genre"]] == [
        ("hum", 4),
        ("rock/other", 2),
        ("rock/punk", 2),
        ("tick", 4),
    ]
    (said,) = quick(sounds.home, "classify", sounds.folder / "rain/3.wav", "--json").json
    nodes = {node["name"]: node["probability"] for node in said["hierarchy"]}
    tops = {genre["name"]: genre["probability"] for genre in said["genres"]}
    below = [nodes.get(f"rock/{name}", 0.0) for name in ("other", "punk")]  # shown from 0.05 on
    assert nodes["rock"] == pytest.approx(sum(below), abs=0.0502)
    assert tops["rock"] == nodes["rock"]
    assert nodes["rock"] > 0.5
    assert set(tops) == {"hum", "rock", "tick"}


@pytest.mark.parametrize("seed", ["0", "7"])
def test_a_head_is_the_same_whatever_the_seed(sounds: Sounds, seed: str) -> None:
    """Nothing in it is random: another run on the same songs is the same bundle."""
    answer = sounds.train(sounds.folder, "--seed", seed)
    again = sounds.train(sounds.folder, "--seed", "3")
    assert again["bundle_id"] == answer["bundle_id"]
    assert sounds.described(again)["training"]["seed"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "cnnn"], "no architecture 'cnnn'; there are: musicnn, "),
        (["--arch", "cnn-mel+polka"], "'polka' changes no architecture; these do: "),
        (["--arch", "musicnn+mixup"], "'mixup' says nothing about musicnn"),
        (["--weights", "none"], "--weights is said of vgg16 only, not of musicnn"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_recipes_that_cannot_be(sounds: Sounds, arguments: list[str], message: str) -> None:
    ran = quick(sounds.home, "train", sounds.folder, *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"deepcuts: {message}")
    assert ran.err.count("\n") == 1
