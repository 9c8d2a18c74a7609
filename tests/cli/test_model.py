"""A model that was brought, in use: everything that deepcuts does, and back to the shipped one and again."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.model import bundle
from classifier.training import brought_calibration
from tests import databases, synth
from tests.processes import group_members, kill_all
from tests.recommender import held_ingest, support
from tests.recommender.models.published import effnet, effnet_json, head, head_json, save
from tests.recommender.service.conftest import serving
from tests.recommender.support import Library, counts, query
from tests.recommender.training.trained import GENRES, quick, quick_workers, write_genres
from tests.waiting import until

NAME = "discogs-effnet-bsdynamic-1"
N = len(support.SONGS)
SEED_SONG = "rock/beta.flac"


def write_model(folder: Path) -> tuple[Path, Path]:
    """Write a stand-in of the signature of discogs-effnet-bsdynamic-1, and a head for moods."""
    file = save(folder / f"{NAME}.onnx", effnet(), effnet_json())
    return file, save(folder / "happy.onnx", head(2), head_json("mood happy", ["happy", "non_happy"]))


class Brought:
    """The small library after `model add`, `model use` and another ingest; what each of them said."""

    def __init__(self, library: Library, place: Path) -> None:
        self.library, home = library, library.home
        self.before = library.similar(library.music / SEED_SONG)
        file, happy = write_model(place)
        self.added = support.deepcuts(home, "model", "add", file, "--head", happy, "--json")
        self.used = support.deepcuts(home, "model", "use", NAME, "--json")
        with quick_workers():
            self.ingested = support.ingest(home, library.music)

    @property
    def trunk_id(self) -> str:
        found: str = self.added.json["trunk_id"]
        return found


@pytest.fixture(scope="module")
def brought(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Brought:
    place = tmp_path_factory.mktemp("brought")
    return Brought(ingested.clone(place), place)


def test_it_is_analysed_anew_beside_what_was_there(brought: Brought) -> None:
    answer = brought.added.json
    assert (brought.added.code, answer["name"], answer["called"]) == (0, NAME, "EffnetDiscogs")
    assert answer["licence"].startswith("CC BY-NC-SA")
    assert (answer["embedding_size"], answer["facets"]) == (40, {"mood": ["happy"]})
    assert answer["level"] == "as it is in the file"
    assert brought.used.json["tracks_to_analyse"] == N
    assert counts(brought.ingested) == {"found": N, "analysed": N}
    sizes = query(
        brought.library.home, "SELECT trunk_id, length(embedding), count(*) FROM feature GROUP BY 1, 2"
    )
    shipped = bundle.load(bundle.SHIPPED).trunk_id
    assert {tuple(row) for row in sizes} == {(shipped, 800, N + 1), (brought.trunk_id, 160, N + 1)}


def test_every_other_patch_is_kept(brought: Brought) -> None:
    """36 s are a segment of 30 s, 29 patches, and one of 6 s, 5 patches: 15 and 3 are kept."""
    sql = """
        SELECT length(patches) FROM feature JOIN segment ON segment.id = segment_id
        JOIN track ON track.id = track_id WHERE title = 'Iota' AND trunk_id = ? ORDER BY segment.start_s
    """
    kept = [row[0] // (2 * 40) for row in query(brought.library.home, sql, brought.trunk_id)]
    assert kept == [15, 3]


def test_it_is_listed(brought: Brought) -> None:
    rows = brought.library.run("model", "list", "--json").json
    assert [(row["name"], row["active"], row["tracks"]) for row in rows] == [
        ("shipped", False, N),
        (NAME, True, N),
    ]
    shown = brought.library.run("model", "list").out
    assert NAME in shown and "brought" in shown


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_similar_goes_by_its_embedding(brought: Brought) -> None:
    """Songs of one segment, plain cosines: the list is that of the vectors in the rows."""
    library = brought.library
    answer = library.similar(library.music / SEED_SONG, "--no-hub-correction", "-n", N, "--per-artist", "0")
    assert [row["path"] for row in answer["results"]] != [row["path"] for row in brought.before["results"]]
    sql = """
        SELECT track.id, embedding FROM feature JOIN segment ON segment.id = segment_id
        JOIN track ON track.id = track_id WHERE trunk_id = ? ORDER BY track.id, segment.start_s
    """
    rows = query(library.home, sql, brought.trunk_id)
    ids = np.array([row[0] for row in rows])
    vectors = unit(np.stack([np.frombuffer(row[1], "<f4") for row in rows]).astype(float))
    own = library.row(SEED_SONG)["id"]
    cosines = vectors @ vectors[ids == own][0]
    best = {i: cosines[ids == i].max() for i in set(ids.tolist()) - {own}}
    single = {i for i in best if (ids == i).sum() == 1}
    expected = sorted(single, key=lambda i: -best[i])
    found = [row["track_id"] for row in answer["results"] if row["track_id"] in single]
    assert found == expected


def test_a_file_from_elsewhere_finds_what_its_copy_in_the_catalogue_finds(
    brought: Brought, tmp_path: Path
) -> None:
    library = brought.library
    by_id = library.similar(library.row("folk/iota.flac")["id"], "-n", 4)
    copy = tmp_path / "copy.flac"
    copy.write_bytes((library.music / "folk/iota.flac").read_bytes())
    ran = quick(library.home, "similar", copy, "-n", 5, "--json")
    assert ran.code == 0, ran.err
    own = library.row("folk/iota.flac")["id"]
    found = [row["track_id"] for row in ran.json["results"] if row["track_id"] != own]
    assert found[:3] == [row["track_id"] for row in by_id["results"]][:3]


def test_passages_are_matched_by_the_patches_that_are_kept(brought: Brought) -> None:
    """They begin 124 frames, 1.984 s, after each other: so many times that is every passage long."""
    library = brought.library
    song = library.music / "folk/iota.flac"
    ran = quick(library.home, "similar", song, "--from", "0:08", "--to", "0:24", "-n", N, "--json")
    assert ran.code == 0, ran.err
    assert len(ran.json["results"]) == N - 1
    for row in ran.json["results"]:
        begins, ends = row["match_start_s"], row["match_end_s"]
        assert 0 <= begins < ends <= 36.1
        assert (ends - begins) / 1.984 == pytest.approx(round((ends - begins) / 1.984), abs=0.05)


def test_classify_tag_and_filters_speak_its_words(brought: Brought) -> None:
    library = brought.library
    (answer,) = quick(library.home, "classify", library.music / SEED_SONG, "--json").json
    labels = set(brought.added.json["labels"])
    assert {"electronic/house", "rock/punk", "funk & soul/soul"} <= labels
    assert {item["name"] for item in answer["tags"]} <= {*labels, "happy"}
    tops = {item["name"]: item["probability"] for item in answer["hierarchy"] if "/" not in item["name"]}
    assert set(tops) <= {"electronic", "rock", "funk & soul"}
    assert [item["name"] for item in answer["facets"]["mood"]] == ["happy"]
    by_path = {item["path"]: item for item in library.run("tag", "--json").json}
    assert len(by_path) == N
    item = by_path[str(library.music / SEED_SONG)]
    assert item["nearest"]["name"] == answer["nearest"]["name"]
    found = library.run("similar", library.music / SEED_SONG, "--genre", "rock", "--json")
    assert found.code == 0, found.err


def test_explain_says_in_a_line_that_there_are_no_gradients(brought: Brought, tmp_path: Path) -> None:
    library = brought.library
    ran = library.run("explain", library.music / SEED_SONG)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: explain needs a network's gradients") and ran.err.count("\n") == 1
    why = quick(library.home, "similar", library.music / SEED_SONG, "--explain", "--json")
    assert why.code == 0, why.err
    assert why.json["results"][0]["reasons"]["words"]


def test_map_duplicates_and_check(brought: Brought, tmp_path: Path) -> None:
    library = brought.library
    ran = library.run("map", "-o", tmp_path / "map.png", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.json["tracks"]) == N
    assert library.run("duplicates", "--json").code == 0
    assert library.run("check").code == 0


def test_it_is_served(brought: Brought) -> None:
    with serving(brought.library) as service:
        track_id = service.id_of(SEED_SONG)
        expected = brought.library.similar(track_id, "-n", 5)["results"]
        found = service.get(f"/api/tracks/{track_id}/similar", params={"n": 5})["results"]
        assert [row["track_id"] for row in found] == [row["track_id"] for row in expected]
        song = (brought.library.music / SEED_SONG).read_bytes()
        answer = service.client.post("/api/classify", files={"file": ("a.flac", song)})
        assert answer.status_code == 200
        tops = {item["name"].partition("/")[0] for item in answer.json()["genres"]}
        assert tops == {"electronic", "rock", "funk & soul"}


def test_back_to_the_shipped_one_at_once_and_again(brought: Brought, tmp_path: Path) -> None:
    library = brought.library.clone(tmp_path)
    there = library.similar(library.row(SEED_SONG)["id"])["results"]
    back = library.run("model", "use", "shipped", "--json").json
    assert (back["tracks_to_analyse"], back["segments_predicted"]) == (0, N + 1)
    home_again = library.similar(library.music / SEED_SONG)["results"]
    assert [row["track_id"] for row in home_again] == [row["track_id"] for row in brought.before["results"]]
    assert [row["score"] for row in home_again] == [row["score"] for row in brought.before["results"]]
    assert library.run("model", "use", NAME, "--json").json["tracks_to_analyse"] == 0
    assert library.similar(library.row(SEED_SONG)["id"])["results"] == there
    assert library.run("model", "remove", NAME).code == 1, "it is in use"
    library.run("model", "use", "shipped")
    removed = library.run("model", "remove", NAME, "--json").json
    kept = databases.kind() == databases.POSTGRESQL  # where another home may need it
    assert (removed["name"], removed["segments"]) == (NAME, 0 if kept else N + 1)
    assert query(library.home, "SELECT count(DISTINCT trunk_id) FROM feature")[0][0] == 1 + kept
    gone = library.run("model", "use", NAME)
    assert gone.err == f"deepcuts: no model '{NAME}'; there are: shipped\n"


def test_a_head_is_trained_on_its_embedding(brought: Brought, tmp_path: Path) -> None:
    library = brought.library.clone(tmp_path)
    folder = write_genres(tmp_path / "genres")
    ran = quick(library.home, "train", folder, "--folds", "2", "--json")
    assert ran.code == 0, ran.err
    answer = ran.json
    assert answer["labels"] == sorted(GENRES)
    assert answer["tracks_to_analyse"] == 0, "its network is the one that analysed them"
    made = bundle.load(library.home / "bundles" / answer["bundle_id"])
    assert (made.trunk_id, made.embedding_size) == (brought.trunk_id, 40)
    assert made.training["network"]["called"] == "EffnetDiscogs"
    assert made.taxonomy.facet_names() == {"mood": ["happy"]}
    assert library.run("model", "remove", NAME, "--json").json["segments"] == 0, "the head needs the features"
    assert library.run("model", "list", "--json").json[1]["kind"] == "trained"
    again = quick(library.home, "train", folder, "--folds", "2", "--json")
    assert again.json["bundle_id"] == answer["bundle_id"], (
        "a head's network is the one that it was trained on"
    )


def write_sounds(folder: Path, kinds: dict[str, Any], n: int) -> Path:
    """Write `n` files of each kind of sound, made of a number, in a folder of its own."""
    for kind, sound in kinds.items():
        (folder / kind).mkdir(parents=True)
        for number in range(n):
            synth.write(folder / kind / f"{number}.wav", sound(number))
    return folder


def test_it_is_calibrated_by_labelled_songs_and_by_sounds_that_are_not_music(
    brought: Brought, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brought_calibration, "LEAST_MUSIC", 5)
    library = brought.library.clone(tmp_path)
    labelled = write_sounds(
        tmp_path / "labelled",
        {
            "house": lambda i: synth.tone(3.5, 80.0 + 9 * i),
            "Punk": lambda i: synth.clicks(3.5, 2.0 + i),
            "soul": lambda i: synth.music_like(3.5, 40 + i),
            "polka": lambda i: synth.music_like(3.5, 60 + i),
        },
        4,
    )
    not_music = write_sounds(
        tmp_path / "sounds",
        {"rain": lambda i: synth.noise(3.5, i), "sea": lambda i: synth.noise(3.5, 50 + i, rms=0.07)},
        5,
    )
    before = {row["name"]: row for row in library.run("model", "list", "--json").json}
    assert [before[name]["calibrated"] for name in ("shipped", NAME)] == [True, False]
    assert [before[name]["tells_not_music"] for name in ("shipped", NAME)] == [True, False]
    assert "its probabilities are not calibrated and it calls nothing 'not music'" in brought.used.err
    ran = quick(library.home, "model", "calibrate", labelled, "--not-music", not_music, "--json")
    assert ran.code == 0, ran.err
    answer = ran.json
    assert (answer["name"], answer["trunk_id"]) == (NAME, brought.trunk_id)
    assert (answer["genres"]["songs"], answer["labels_left_out"]) == (12, {"polka": 4})
    assert (answer["tracks_to_analyse"], answer["segments_predicted"]) == (0, N + 1)
    assert (answer["not_music"]["sounds"], answer["not_music"]["sounds_told"]) == (10, 1.0)
    assert [path.name for path in (library.home / "bundles").glob("bundle-*")] == [answer["bundle_id"]]
    (row,) = (row for row in library.run("model", "list", "--json").json if row["name"] == NAME)
    assert (row["active"], row["calibrated"], row["tells_not_music"]) == (True, True, True)
    rain, song = synth.write(tmp_path / "rain.wav", synth.noise(4.0, 99)), library.music / SEED_SONG
    said = quick(library.home, "classify", rain, song, "--json").json
    assert said[0]["verdict"] == "not music" != said[1]["verdict"]
    _hold_to_the_temperature(library, answer["bundle_id"])
    assert library.run("model", "use", NAME).err == ""
    library.run("model", "use", "shipped")
    refused = library.run("model", "calibrate")
    assert refused.code == 1
    assert refused.err.startswith("deepcuts: only a model that was brought is calibrated so, and none is in")


def _hold_to_the_temperature(library: Library, bundle_id: str) -> None:
    """Compare the genres that are stored with squared odds of the tags, at the temperature."""
    used = bundle.load(library.home / "bundles" / bundle_id)
    assert used.calibration is not None and used.calibration.temperature != 1.0
    sql = """
        SELECT tags, genres FROM feature JOIN prediction ON prediction.segment_id = feature.segment_id
        WHERE trunk_id = ? AND bundle_id = ?
    """
    rows = query(library.home, sql, used.trunk_id, bundle_id)
    assert len(rows) == N + 1
    for tags, genres in rows:
        p = np.clip(np.frombuffer(tags, "<f4")[: len(used.labels)], 1e-3, 1 - 1e-3)
        powers = (p / (1 - p)) ** (2 / used.calibration.temperature)
        np.testing.assert_allclose(np.frombuffer(genres, "<f4"), powers / powers.sum(), atol=1e-4)


def test_what_an_older_version_analysed_is_kept_beside_it(brought: Brought, tmp_path: Path) -> None:
    """Its hashes had 32 digits, and are renewed as the files are met."""
    library = brought.library.clone(tmp_path)
    query(library.home, "DELETE FROM feature WHERE trunk_id = ?", brought.trunk_id)
    for column in ("content_hash", "analysed_hash"):
        query(library.home, f"UPDATE track SET {column} = substr({column}, 1, 32)")
    expected = features(brought.library.home)
    with quick_workers():
        assert counts(support.ingest(library.home, library.music)) == {"found": N, "analysed": N}
    assert features(library.home) == expected


def n_analysed(home: Path, trunk_id: str) -> int:
    """Return how many tracks a trunk has analysed."""
    sql = "SELECT count(DISTINCT track_id) FROM feature JOIN segment ON segment.id = segment_id"
    return int(query(home, f"{sql} WHERE trunk_id = ?", trunk_id)[0][0])


def test_killed_in_the_middle_of_the_analysis_and_resumed(brought: Brought, tmp_path: Path) -> None:
    library = brought.library.clone(tmp_path)
    query(library.home, "DELETE FROM feature WHERE trunk_id = ?", brought.trunk_id)
    expected = features(brought.library.home)
    held = held_ingest.command(N - 1, tmp_path / "never")
    process = subprocess.Popen(
        [*held, "--home", str(library.home), "ingest", str(library.music), "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=support.environment(library.home),
        start_new_session=True,
    )
    try:
        until(lambda: n_analysed(library.home, brought.trunk_id) >= 2)
        os.killpg(process.pid, signal.SIGKILL)
        until(lambda: not group_members(process.pid))
    finally:
        kill_all(process.pid)
        process.communicate()
    done = n_analysed(library.home, brought.trunk_id)
    assert 2 <= done < N
    assert library.run("status", "--json").json["to_analyse_again"] == N - done
    with quick_workers():
        report = support.ingest(library.home, library.music)
    assert counts(report) == {"found": N, "analysed": N - done, "unchanged": done}
    assert features(library.home) == expected


def features(home: Path) -> list[tuple[Any, ...]]:
    """Return what all trunks say of all segments."""
    sql = """
        SELECT title, segment.start_s, trunk_id, embedding, tags, patches FROM feature
        JOIN segment ON segment.id = segment_id JOIN track ON track.id = track_id ORDER BY 1, 2, 3
    """
    return [tuple(row) for row in query(home, sql)]


def test_a_model_that_does_not_fit_is_a_line(tmp_path: Path) -> None:
    file = save(tmp_path / "m.onnx", effnet(bands=64), effnet_json())
    ran = support.deepcuts(tmp_path / "home", "model", "add", file)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "deepcuts: m.onnx: it reads 64 values a frame, not the 96 mel bands that there are here\n"
    )
