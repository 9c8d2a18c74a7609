"""A network trained from scratch, by the command line: its bundle serves like any other."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from classifier.model.bundle import SHIPPED, TRUNK_WEIGHTS, Bundle, load, read_arrays
from classifier.networks import fit as networks
from classifier.networks.architectures import rebuild
from classifier.networks.checkpoint import Resume
from classifier.networks.frozen_features import last_output
from recommender.retrieval.index.store import read_sidecar
from tests.classifier.model.test_inference import independent_patches
from tests.conftest import REPO
from tests.recommender import support
from tests.recommender.support import Library, counts, deepcuts, query, tracks
from tests.recommender.training.trained import (
    EPOCHS,
    GENRES,
    TRAIN_NETWORK,
    Heard,
    heard_by_network,
    quick,
    quick_workers,
)

N = len(support.SONGS)
N_SEGMENTS = N + 1
SIZE = 96


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return heard_by_network(tmp_path_factory.getbasetemp())


def rows_of(library: Library, trunk_id: str) -> list[Any]:
    sql = """
        SELECT track_id, segment_id, segment.start_s, segment.end_s, embedding, tags, length(patches) AS size,
            genres, bundle_id
        FROM feature JOIN segment ON segment.id = segment_id LEFT JOIN prediction USING (segment_id)
        WHERE trunk_id = ? ORDER BY segment_id
    """
    return query(library.home, sql, trunk_id)


def test_what_train_says(heard: Heard) -> None:
    answer = heard.ran.json
    assert (answer["arch"], answer["labels"]) == ("cnn-mel", list(GENRES))
    assert (answer["songs"], answer["folds"], answer["songs_held_out"]) == (12, 1, 3)
    assert sum(row["songs"] for row in answer["per_genre"]) == 3
    assert 0 <= answer["chosen"]["best_epoch"] < EPOCHS
    assert (answer["segments_predicted"], answer["tracks_to_analyse"]) == (0, N)
    reason = "not audio, or too damaged to be decoded"
    assert answer["skipped"] == [{"path": str(heard.genres / "hum/broken.wav"), "message": reason}]


def test_the_bundle_tells_how_it_was_trained(heard: Heard) -> None:
    bundle = heard.bundle
    assert bundle.path.parent == heard.library.home / "bundles"
    assert (bundle.architecture["name"], bundle.embedding_size, bundle.tag_names) == ("cnn-mel", SIZE, ())
    told = bundle.training
    assert told["recipe"]["fit"]["epochs"] == EPOCHS
    assert told["accuracy"] == heard.ran.json["accuracy"]
    assert set(told["history"]) >= {"loss", "accuracy", "learning_rate"}  # cnn-mel holds no song out
    assert {len(values) for values in told["history"].values()} == {EPOCHS}
    assert str(heard.genres) not in json.dumps(told)
    picture = (bundle.path / "learning_curves.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert bundle.calibration.temperature == heard.ran.json["calibration"]["temperature"]
    assert list((heard.library.home / "cache/runs").iterdir()) == [], (
        "what resumes a run goes when it is done"
    )


def test_status_says_what_waits_until_it_is_ingested(heard: Heard) -> None:
    bundle = heard.bundle
    assert (heard.status["bundle_id"], heard.status["trunk_id"]) == (bundle.bundle_id, bundle.trunk_id)
    assert (heard.status["to_analyse_again"], heard.status["index"]) == (N, "stale")
    assert counts(heard.report) == {"found": N, "analysed": N}
    status = heard.library.run("status", "--json").json
    assert (status["to_analyse_again"], status["index"], status["segments"]) == (0, "current", N_SEGMENTS)
    assert status["labels"] == list(GENRES)


def test_the_index_has_the_bundles_dimension(heard: Heard) -> None:
    sidecar = read_sidecar(heard.library.home / "index")
    assert (sidecar.trunk_id, sidecar.dimension, sidecar.count) == (heard.bundle.trunk_id, SIZE, N_SEGMENTS)
    assert heard.report["index_segments"] == N_SEGMENTS


def test_both_trunks_features_are_of_the_same_segments(heard: Heard) -> None:
    ours, shipped = (rows_of(heard.library, b.trunk_id) for b in (heard.bundle, load(SHIPPED)))
    assert len(ours) == N_SEGMENTS
    assert [r["segment_id"] for r in ours] == [r["segment_id"] for r in shipped]
    assert {(len(r["embedding"]), len(r["tags"]), len(r["genres"])) for r in ours} == {(4 * SIZE, 0, 4 * 3)}
    assert {(len(r["embedding"]), len(r["tags"])) for r in shipped} == {(800, 200)}
    assert all(r["size"] % (2 * SIZE) == 0 for r in ours)
    assert {r["bundle_id"] for r in ours} == {heard.bundle.bundle_id}


def by_keras(bundle: Bundle, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A file of one segment: its embedding by the Keras trunk on librosa's patches, and its genres."""
    import soundfile
    import soxr

    samples, rate_hz = soundfile.read(path, dtype="float32")
    patches = independent_patches(soxr.resample(samples, rate_hz, 16_000))
    trunk = rebuild(bundle.architecture, read_arrays(bundle.path / TRUNK_WEIGHTS))
    embedding = last_output(trunk, patches).mean(axis=0)
    logits = (embedding @ bundle.head.kernel + bundle.head.bias) / bundle.calibration.temperature
    odds = np.exp(logits - logits.max())
    return embedding, odds / odds.sum()


def test_what_is_stored_is_what_the_keras_network_says(heard: Heard) -> None:
    path = heard.library.music / "jazz/delta.wav"
    embedding, genres = by_keras(heard.bundle, path)
    track_id = tracks(heard.library.home)[str(path)]["id"]
    (row,) = [r for r in rows_of(heard.library, heard.bundle.trunk_id) if r["track_id"] == track_id]
    stored, said = np.frombuffer(row["embedding"], "<f4"), np.frombuffer(row["genres"], "<f4")
    assert stored.std() > 1e-3
    assert_allclose(stored, embedding, rtol=0, atol=2e-2 * np.abs(embedding).max())
    assert_allclose(said, genres, rtol=0, atol=5e-3)


def test_classify_and_tag_agree_with_what_is_stored(heard: Heard) -> None:
    files = [heard.library.music / "jazz/delta.wav", heard.library.music / "folk/iota.flac"]
    answers = heard.library.run("classify", *files, "--json").json
    listed = {item["path"]: item for item in heard.library.run("tag", "--json").json}
    assert len(listed) == N
    for answer in answers:
        assert (answer["tags"], answer["facets"]) == ([], {})
        assert {genre["name"] for genre in answer["genres"]} == set(GENRES)
        item = listed[answer["path"]]
        assert (item["genre"], item["unknown"]) == (answer["label"], answer["unknown"])
        found, wanted = ({g["name"]: g["probability"] for g in part["genres"]} for part in (item, answer))
        assert found == pytest.approx(wanted, abs=2e-4)
    assert len(answers[1]["segments"]) == 2
    table = list(csv.DictReader(io.StringIO(support.deepcuts(heard.library.home, "tag").out)))
    assert {row["path"] for row in table} == set(listed)
    assert {row["tags"] for row in table} == {""}
    assert {row["genre"] for row in table} <= {*GENRES, "unsure"}


def test_similar_is_by_the_networks_embeddings(heard: Heard) -> None:
    """Held to a search over what is stored of this trunk."""
    library = heard.library
    asked = tracks(library.home)[str(library.music / "jazz/zeta.m4a")]["id"]
    vectors: dict[int, list[np.ndarray]] = {}
    for row in rows_of(library, heard.bundle.trunk_id):
        vector = np.frombuffer(row["embedding"], "<f4").astype(np.float64)
        vectors.setdefault(row["track_id"], []).append(vector / np.linalg.norm(vector))
    (sound,) = vectors.pop(asked)  # a song of one segment asks for its best match
    cosines = {track: max(segments @ sound) for track, segments in vectors.items()}
    answer = library.similar(asked, "-n", 5, "--no-hub-correction")
    assert answer["trunk_id"] == heard.bundle.trunk_id
    found = {result["track_id"]: result["score_parts"]["cosine"] for result in answer["results"]}
    assert found == pytest.approx({track: cosines[track] for track in found}, abs=1e-5)
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    # What is not listed is no better: alignment only ever adds.
    assert max(cosines[track] for track in set(cosines) - set(found)) <= scores[-1] + 1e-5
    assert [result["tags"] for result in answer["results"]] == [[]] * 5
    shown = library.run("similar", asked, "-n", 5)
    assert shown.code == 0
    assert "tags:" not in shown.out


def test_similar_of_a_file_outside_the_catalogue(heard: Heard, tmp_path: Path) -> None:
    seed = list(support.SONGS).index("jazz/delta.wav")
    copy = support.write_song(tmp_path / "copy.flac", seed, 5.0)
    answer = heard.library.similar(copy, "-n", 3)
    assert answer["query"]["tags"] == []
    first = answer["results"][0]
    assert first["path"] == str(heard.library.music / "jazz/delta.wav")
    assert first["similarity"] > 0.999


def test_going_back_and_forth_needs_no_new_analysis(heard: Heard, tmp_path: Path) -> None:
    copy = heard.library.clone(tmp_path)
    shipped = load(SHIPPED)
    before = {b.trunk_id: [tuple(r)[:7] for r in rows_of(copy, b.trunk_id)] for b in (shipped, heard.bundle)}
    for name, bundle, n_labels in (("shipped", shipped, 15), (heard.bundle.bundle_id, heard.bundle, 3)):
        answer = copy.run("train", "--use", name, "--json").json
        assert (answer["bundle_id"], answer["tracks_to_analyse"]) == (bundle.bundle_id, 0)
        assert answer["segments_predicted"] == N_SEGMENTS
        stored = query(copy.home, "SELECT bundle_id, length(genres) FROM prediction")
        assert {tuple(row) for row in stored} == {(bundle.bundle_id, 4 * n_labels)}
        assert len(stored) == N_SEGMENTS
        again = copy.run("similar", "theta", "--json")
        assert "the index was stale; built again" in again.err
        assert again.json["trunk_id"] == bundle.trunk_id
        assert copy.run("status", "--json").json["to_analyse_again"] == 0
        assert {b: [tuple(r)[:7] for r in rows_of(copy, b)] for b in before} == before
    assert counts(quick(copy.home, "ingest", copy.music, "--json").json) == {"found": N, "unchanged": N}


def test_a_file_that_came_meanwhile_waits_for_the_other_trunk(heard: Heard, tmp_path: Path) -> None:
    copy = heard.library.clone(tmp_path)
    support.write_song(copy.music / "new.flac", 92)
    assert counts(quick(copy.home, "ingest", copy.music, "--json").json)["analysed"] == 1
    answer = copy.run("train", "--use", "shipped", "--json").json
    assert (answer["tracks_to_analyse"], answer["segments_predicted"]) == (1, N_SEGMENTS)
    (row,) = [row for row in copy.run("tag", "--json").json if row["path"].endswith("new.flac")]
    assert row["error"]["kind"] == "not_analysed"
    assert counts(quick(copy.home, "ingest", copy.music, "--json").json) == {
        "found": N + 1,
        "analysed": 1,
        "unchanged": N,
    }
    assert copy.run("status", "--json").json["to_analyse_again"] == 0


SAVING_EVERY_EPOCH = """
import sys
from classifier import params
params.SAVE_EVERY_S = 0.0
import cli
cli.app()
"""


def test_a_training_that_was_killed_goes_on(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of its first fit; in the end it is the bundle of a run that nobody stopped."""
    home, runs = tmp_path / "home", tmp_path / "home/cache/runs"
    arguments = ["--home", str(home), "train", str(heard.genres), *TRAIN_NETWORK, "--jobs", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", SAVING_EVERY_EPOCH, *arguments],
        cwd=REPO,
        env=support.environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + support.TIMEOUT_S
        while not list(runs.glob("*/fold-*/fit.npz")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.002)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not list((home / "bundles").glob("bundle-*"))
    began: list[int] = []

    class Watched(Resume):
        def on_train_begin(self, logs: Any = None) -> None:
            began.append(self.initial_epoch)
            super().on_train_begin(logs)

    monkeypatch.setattr(networks, "Resume", Watched)
    with quick_workers():
        ran = deepcuts(home, "train", heard.genres, *TRAIN_NETWORK)
    assert ran.code == 0, ran.err
    assert began in ([1, 0], [0])  # the second where the kill came an epoch late
    assert list(runs.iterdir()) == []
    resumed = load(Path(ran.json["bundle_path"]))
    assert resumed.training["history"]["loss"] == pytest.approx(
        heard.bundle.training["history"]["loss"], rel=0.02
    )
    assert_allclose(resumed.head.kernel, heard.bundle.head.kernel, rtol=0, atol=0.02)
    assert ran.json["per_genre"] == heard.ran.json["per_genre"]
