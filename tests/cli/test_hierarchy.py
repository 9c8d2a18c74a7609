"""Eleven classes, and three levels of them: train, evaluate, classify, tag. Sounds that are no music."""

import csv
import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from classifier.genres.label_paths import ancestor
from classifier.model.bundle import Bundle, load
from classifier.model.calibration import UNLIKE, Calibration, Familiarity
from classifier.model.inference import Trunk
from classifier.model.write import BundleContents, write
from classifier.params import SURE
from recommender.commands.output import percent
from tests import synth
from tests.recommender.support import Ran
from tests.recommender.training.trained import quick

SECONDS = 3.2
SONGS = 4


def wobble(n: int, hz: float) -> synth.Samples:
    times = synth.seconds_of(SECONDS, synth.RATE_HZ)
    return (0.5 * np.sin(2 * np.pi * hz * times + 8 * np.sin(2 * np.pi * (4 + n / 4) * times))).astype(
        np.float32
    )


def trembling(n: int, sound: synth.Samples) -> synth.Samples:
    times = synth.seconds_of(SECONDS, synth.RATE_HZ)
    return (sound * (0.5 + 0.5 * np.sin(2 * np.pi * (5 + n / 4) * times))).astype(np.float32)


def coloured(n: int, pole: float) -> synth.Samples:
    sound = lfilter([1 - abs(pole)], [1, -pole], synth.noise(SECONDS, n, rms=0.5))
    return (0.2 * sound / sound.std()).clip(-1, 1).astype(np.float32)


KINDS: dict[str, Callable[[int], synth.Samples]] = {
    "beat/fast/dense": lambda n: synth.clicks(SECONDS, 24.0 + n),
    "beat/fast/sparse": lambda n: synth.clicks(SECONDS, 9.0 + 0.5 * n),
    "beat/slow": lambda n: synth.clicks(SECONDS, 1.6 + 0.1 * n),
    "noise/bright": lambda n: coloured(n, -0.9),
    "noise/dark/deep": lambda n: coloured(n, 0.995),
    "noise/dark/dim": lambda n: coloured(n, 0.9),
    "noise/waves": lambda n: trembling(n, synth.noise(SECONDS, n, rms=0.2)),
    "tone/high": lambda n: synth.tone(SECONDS, 1400.0 + 30 * n),
    "tone/low/plain": lambda n: synth.tone(SECONDS, 75.0 + 2 * n, harmonics=(1.0, 0.5)),
    "tone/low/rich": lambda n: synth.tone(SECONDS, 75.0 + 2 * n, harmonics=(1.0,) * 40),
    "tone/siren": lambda n: wobble(n, 500.0 + 10 * n),
}
"""Eleven kinds of sound, by their places in a hierarchy of three levels."""
FLAT = {name: name.replace("/", "-") for name in KINDS}


class Lab:
    """The eleven kinds as a flat folder and as a nested one, and a home that has heard them."""

    def __init__(self, place: Path) -> None:
        self.home, self.flat, self.nested = place / "home", place / "flat", place / "nested"
        for name, make in KINDS.items():
            for folder in (self.flat / FLAT[name], self.nested / name):
                folder.mkdir(parents=True)
            for n in range(SONGS):
                synth.write(self.flat / FLAT[name] / f"{n}.wav", make(n))
                shutil.copy(self.flat / FLAT[name] / f"{n}.wav", self.nested / name / f"{n}.wav")

    def run(self, *arguments: str | Path | int) -> Ran:
        return quick(self.home, *arguments)

    def json(self, *arguments: str | Path | int) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    def csv(self, folder: Path) -> str:
        output = self.home.parent / "tags.csv"
        assert self.run("tag", folder, "-o", output).code == 0
        return output.read_text(encoding="utf-8")

    def files(self, folder: Path) -> list[Path]:
        return sorted(folder.rglob("*.wav"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def eleven(lab: Lab) -> Any:
    return lab.json("train", lab.flat)


@pytest.fixture(scope="module")
def three_levels(lab: Lab, eleven: Any) -> Any:
    """Trained after the flat one; the same audio is not decoded again."""
    return lab.json("train", lab.nested, "--label-depth", 3)


# Eleven classes


def test_eleven_folders_are_eleven_labels(eleven: Any) -> None:
    assert eleven["labels"] == sorted(FLAT.values())
    assert (eleven["songs"], eleven["songs_held_out"], eleven["skipped"]) == (44, 44, [])
    assert eleven["accuracy"] >= 0.9
    assert [row["songs"] for row in eleven["per_genre"]] == [SONGS] * 11


def test_eleven_classes_are_evaluated(lab: Lab, eleven: Any) -> None:
    (row,) = lab.json("evaluate", "classifier", lab.flat)["recipes"]
    assert row["by_song"]["labels"] == eleven["labels"]
    assert row["accuracy"] == pytest.approx(eleven["accuracy"], abs=1e-4), "the same folds, the same heads"
    assert np.array(row["by_song"]["confusion"]).shape == (11, 11)
    assert row["accuracy"] <= row["top_3"] <= 1
    assert len(row["by_level"]) == 1


def test_eleven_classes_are_told_apart(lab: Lab, eleven: Any) -> None:
    files = lab.files(lab.flat)
    lab.run("train", "--use", eleven["bundle_id"])
    answers = lab.json("classify", *files)
    right = [a["genres"][0]["name"] == Path(a["path"]).parent.name for a in answers]
    assert np.mean(right) >= 0.95
    assert all({g["name"] for g in a["genres"]} == set(FLAT.values()) for a in answers)
    assert sum(answer["unknown"] is None for answer in answers) >= 40
    for answer in answers:
        assert answer["label"] in ("unsure", answer["genres"][0]["name"])


# Three levels


def test_nested_folders_are_labels_of_three_levels(eleven: Any, three_levels: Any) -> None:
    assert three_levels["labels"] == sorted(KINDS)
    assert three_levels["accuracy"] == eleven["accuracy"], "the same songs, heads and folds"


def test_three_levels_are_evaluated(lab: Lab, three_levels: Any) -> None:
    answer = lab.json("evaluate", "classifier", lab.nested, "--label-depth", 3)
    (row,) = answer["recipes"]
    fine = row["by_song"]
    for depth, level in enumerate(row["by_level"], start=1):
        assert level["labels"] == sorted({ancestor(label, depth) for label in KINDS})
        assert level["n"] == 44
        songs = {one["label"]: one["n"] for one in level["per_label"]}
        for label, n in songs.items():
            assert n == SONGS * sum(ancestor(kind, depth) == label for kind in KINDS)
    assert [len(level["labels"]) for level in row["by_level"]] == [3, 8, 11]
    assert row["by_level"][2] == fine
    accuracies = [level["accuracy"] for level in row["by_level"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] >= 0.95
    shown = lab.run("evaluate", "classifier", lab.nested, "--label-depth", 3).out
    for depth, (level, n) in enumerate(zip(row["by_level"], (3, 8, 11), strict=True), start=1):
        figures = f"accuracy {level['accuracy']:.3f}, macro F1 {level['macro_f1']:.3f} ({n} labels)"
        assert f"Level {depth}: {figures}\n" in shown


def nodes_of(answer: Any) -> dict[str, float]:
    """The probability of every node that is shown, and of every top one."""
    tops = {genre["name"]: genre["probability"] for genre in answer["genres"]}
    return tops | {node["name"]: node["probability"] for node in answer["hierarchy"]}


def walk(nodes: dict[str, float]) -> str:
    """The finest node that is sure enough, else the most probable top one."""
    place, best = "", max((n for n in nodes if "/" not in n), key=nodes.__getitem__)
    top = best
    while nodes[best] >= SURE:
        place = best
        below = [n for n in nodes if n.rpartition("/")[0] == place]
        if not below:
            break
        best = max(below, key=nodes.__getitem__)
    return place or top


@pytest.fixture(scope="module")
def said(lab: Lab, three_levels: Any) -> Any:
    lab.run("train", "--use", three_levels["bundle_id"])
    return lab.json("classify", *lab.files(lab.nested))


def test_children_sum_to_their_parents(said: Any) -> None:
    inner = {ancestor(kind, depth) for kind in KINDS for depth in (1, 2) if kind.count("/") >= depth}
    for answer in said:
        nodes = nodes_of(answer)
        assert sum(p for name, p in nodes.items() if "/" not in name) == pytest.approx(1, abs=1e-3)
        for parent in inner & set(nodes):
            below = {ancestor(k, parent.count("/") + 2) for k in KINDS if k.startswith(f"{parent}/")}
            hidden = 0.05 * len(below - set(nodes))  # each less probable than what is shown
            assert -6e-4 <= nodes[parent] - sum(nodes.get(child, 0) for child in below) <= hidden + 6e-4


def test_classify_says_the_finest_level_that_is_sure(said: Any) -> None:
    known = [answer for answer in said if answer["unknown"] is None]
    assert len(known) >= 40
    for answer in known:
        nodes = nodes_of(answer)
        assert answer["label"] == walk(nodes)
        assert answer["label_probability"] == pytest.approx(nodes[answer["label"]], abs=6e-4)
    right = [f"{Path(a['path']).parent.as_posix()}/".find(f"nested/{a['label']}/") > 0 for a in known]
    assert np.mean(right) >= 0.95


def calibrated(lab: Lab, trained: Bundle, calibration: Calibration | None) -> Bundle:
    """A bundle of the same head with another calibration."""
    contents = BundleContents(
        front_end=trained.front_end,
        head=trained.head,
        labels=trained.labels,
        tag_names=trained.tag_names,
        training={},
        embedding_size=trained.embedding_size,
        calibration=calibration,
    )
    return write(lab.home.parent / "made", trained.path, contents)


def test_a_bundle_less_sure_of_itself_says_coarser_labels(lab: Lab, three_levels: Any) -> None:
    trained = load(Path(three_levels["bundle_path"]))
    temperature = 4 * trained.calibration.temperature
    doubtful = calibrated(lab, trained, Calibration(temperature, 0.0, "by hand"))
    lab.run("train", "--use", doubtful.path)
    answers = lab.json("classify", *lab.files(lab.nested))
    depths = set()
    for answer in answers:
        nodes = nodes_of(answer)
        if min(abs(p - SURE) for p in nodes.values()) > 1e-3:  # which rounding could take for sure
            assert answer["label"] == walk(nodes)
        depths.add(answer["label"].count("/") + 1)
    assert depths == {1, 2, 3}


def test_tag_says_the_same_of_a_library(lab: Lab, three_levels: Any, said: Any, tmp_path: Path) -> None:
    lab.run("train", "--use", three_levels["bundle_id"])
    lab.run("ingest", lab.nested)
    listed = {item["path"]: item for item in lab.json("tag")}
    assert len(listed) == 44
    for answer in said:
        item = listed[answer["path"]]
        assert (item["genre"], item["unknown"]) == (answer["label"], answer["unknown"])
        if answer["unknown"] is None:
            assert item["confidence"] == pytest.approx(answer["label_probability"], abs=2e-4)
        shown = {node["name"]: node["probability"] for node in item["hierarchy"]}
        for node in answer["hierarchy"]:
            if node["probability"] > 0.051:
                assert shown[node["name"]] == pytest.approx(node["probability"], abs=2e-4)
    output = tmp_path / "library.csv"
    assert lab.run("tag", "-o", output).code == 0
    for row in csv.DictReader(io.StringIO(output.read_text(), newline="")):
        item = listed[row["path"]]
        assert (row["genre"], row["unknown"]) == (item["genre"], item["unknown"] or "")
        assert row["confidence"] == str(item["confidence"] if item["confidence"] is not None else "")
        moods = [m["name"] for m in item["facets"].get("mood", []) if m["probability"] >= 0.1]
        assert row["mood"] == "; ".join(moods)


# Sounds that are no music


@pytest.fixture(scope="module")
def musical(lab: Lab) -> Bundle:
    """A bundle of two kinds of songs that knows how far one of its songs may lie from all the others."""
    folder = lab.home.parent / "music"
    for seed in range(24):
        path = folder / ("major", "minor")[seed % 2] / f"{seed:02d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        synth.write(path, synth.music_like(SECONDS, seed))
    trained = load(Path(lab.json("train", folder)["bundle_path"]))
    trunk = Trunk(trained, threads=1)
    songs = np.concatenate([trunk.analyse_file(path).features()[1] for path in lab.files(folder)])
    apart = np.linalg.norm(songs[:, None] - songs, axis=2) + np.diag(np.full(len(songs), np.inf))
    limit = 1.05 * float(apart.min(axis=1).max())
    familiarity = Familiarity(np.eye(songs.shape[1], dtype=np.float32), songs, limit)
    calibration = replace(trained.calibration, familiarity=familiarity, least_confidence=0.0)
    return calibrated(lab, trained, calibration)


@pytest.fixture(scope="module")
def strange(lab: Lab) -> dict[str, Path]:
    """Sounds that are no music, and songs that the bundle has not heard."""
    folder = lab.home.parent / "strange"
    folder.mkdir()
    sounds = {
        "white": synth.noise(SECONDS, 50, rms=0.2),
        "tone": synth.sine(SECONDS, 1000.0),
        **{f"song {n}": synth.music_like(SECONDS, 100 + n) for n in range(6)},
    }
    return {name: synth.write(folder / f"{name}.wav", sound) for name, sound in sounds.items()}


def test_sounds_that_are_no_music_are_unknown_with_their_guesses(
    lab: Lab, musical: Bundle, strange: dict[str, Path]
) -> None:
    lab.run("train", "--use", musical.path)
    answers = dict(zip(strange, lab.json("classify", *strange.values()), strict=True))
    for name in ("white", "tone"):
        answer = answers[name]
        assert (answer["label"], answer["label_probability"]) == ("unsure", None)
        assert answer["unknown"] == UNLIKE
        assert [g["name"] for g in answer["genres"]] in (["major", "minor"], ["minor", "major"])
        assert sum(g["probability"] for g in answer["genres"]) == pytest.approx(1, abs=1e-3)
        shown = lab.run("classify", strange[name])
        assert shown.code == 0
        nearest = percent(answer["genres"], 3)
        assert answer["nearest"] == answer["genres"][0]
        names = [g["name"] for g in answer["genres"] if g["probability"] >= 0.1]
        assert answer["verdict"] == f"unsure: {' or '.join(names)}"
        expected = f"{strange[name]} (0:03): {answer['verdict']} ({answer['unknown']}; {nearest})\n"
        assert shown.out.startswith(expected)
        assert "\n  genres: m" in shown.out
    songs = [answer for name, answer in answers.items() if name.startswith("song")]
    assert [answer["unknown"] for answer in songs] == [None] * 6


def test_tag_calls_them_unknown_too(lab: Lab, musical: Bundle, strange: dict[str, Path]) -> None:
    lab.run("train", "--use", musical.path)
    folder = strange["white"].parent
    listed = {Path(item["path"]).stem: item for item in lab.json("tag", folder)}
    assert set(listed) == set(strange)
    said = dict(zip(strange, lab.json("classify", *strange.values()), strict=True))
    for name, item in listed.items():
        assert (item["genre"], item["unknown"]) == (said[name]["label"], said[name]["unknown"])
    rows = {Path(r["path"]).stem: r for r in csv.DictReader(io.StringIO(lab.csv(folder), newline=""))}
    assert (rows["white"]["genre"], rows["white"]["confidence"]) == ("unsure", "")
    assert rows["white"]["unknown"] == listed["white"]["unknown"]
    assert rows["white"]["nearest"] == listed["white"]["nearest"]["name"]
    assert rows["white"]["genres"].startswith(rows["white"]["nearest"])


def test_without_a_calibration_nothing_is_unknown(
    lab: Lab, musical: Bundle, strange: dict[str, Path]
) -> None:
    plain = calibrated(lab, musical, None)
    assert plain.bundle_id != musical.bundle_id
    lab.run("train", "--use", plain.path)
    for answer in lab.json("classify", *strange.values()):
        assert (answer["unknown"], answer["label"]) == (None, answer["genres"][0]["name"])
