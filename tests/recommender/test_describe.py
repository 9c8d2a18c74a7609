"""What a bundle says of a song in words: the finest sure label; or unsure, or not music."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.features.frontend import FrontEnd
from classifier.genres.taxonomy import Taxonomy
from classifier.model.bundle import MUSICNN, Bundle
from classifier.model.calibration import NOT_MUSIC, UNLIKE, WEAK, Calibration, Familiarity, MusicDetector
from classifier.model.linear_head import LinearHead
from classifier.params import SURE
from db.models import Root
from db.session import Catalog
from recommender.describe import (
    Sound,
    judgement,
    labels_of_tracks,
    named,
    named_of_tracks,
    sound_of,
    track_sound,
    track_sounds,
    unsure_between,
)
from tests.databases import open_catalog
from tests.db.rows import TRUNK, new_track, store_embeddings

LABELS = ("folk", "rock/hard/doom", "rock/hard/sludge", "rock/punk")
TAGS = ("sad", "loud", "guitar")
FACETS = {"format": 1, "facets": {"mood": ["sad"], "sound": ["guitar", "loud"]}}
FAMILIAR = Familiarity(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32) * 3, limit=4.0)


def a_bundle(
    calibration: Calibration | None = None,
    labels: tuple[str, ...] = LABELS,
    taxonomy: Any = FACETS,
    size: int = 4,
) -> Bundle:
    """A bundle whose logits are the embedding's own four values."""
    return Bundle(
        path=Path("nowhere"),
        architecture=MUSICNN,
        front_end=FrontEnd(),
        mel_filters=np.zeros((1, 1), np.float32),
        head=LinearHead("embedding", np.eye(size, 4, dtype=np.float32), np.zeros(4, np.float32)),
        labels=labels,
        tag_names=TAGS,
        calibration=calibration,
        taxonomy=Taxonomy.of_bundle(taxonomy, labels, TAGS),
        trunk_id=TRUNK,
        bundle_id="bundle-x",
        embedding_size=size,
        training={},
    )


def calibrated(temperature: float = 1.0, least: float = 0.0, familiar: Familiarity | None = None) -> Bundle:
    return a_bundle(Calibration(temperature, least, "by hand", familiar))


def logits_of(*probabilities: float) -> np.ndarray:
    """Embeddings of one segment that the head gives these probabilities."""
    return np.log(np.array([probabilities], np.float32))


def said(bundle: Bundle, embeddings: np.ndarray, durations_s: tuple[float, ...] = (30.0,)) -> dict[str, Any]:
    tags = np.tile(np.array([0.2, 0.1, 0.7], np.float32), (len(embeddings), 1))
    return judgement(sound_of(bundle, tags, embeddings, durations_s))


@pytest.mark.parametrize(
    ("probabilities", "label", "probability"),
    [
        ((0.1, 0.6, 0.1, 0.2), "rock/hard/doom", 0.6),
        ((0.1, 0.3, 0.3, 0.3), "rock/hard", 0.6),
        ((0.1, 0.15, 0.15, 0.6), "rock/punk", 0.6),
        ((0.3, 0.2, 0.15, 0.35), "rock", 0.7),
        ((0.7, 0.1, 0.1, 0.1), "folk", 0.7),
    ],
)
def test_the_finest_label_that_is_sure_enough(
    probabilities: tuple[float, ...], label: str, probability: float
) -> None:
    assert SURE == 0.4  # which these cases were made for
    answer = said(a_bundle(), logits_of(*probabilities))
    assert (answer["label"], answer["unknown"]) == (label, None)
    assert answer["label_probability"] == pytest.approx(probability, abs=1e-4)


def test_where_nothing_is_sure_it_is_the_most_probable_top_label() -> None:
    labels = ("a", "b", "c/d", "c/e")
    answer = said(a_bundle(labels=labels, taxonomy=None), logits_of(0.32, 0.3, 0.19, 0.19))
    assert (answer["label"], answer["unknown"]) == ("c", None)
    assert answer["label_probability"] == pytest.approx(0.38, abs=1e-4)


def test_the_song_is_the_mean_of_its_segments_by_their_length() -> None:
    embeddings = np.concatenate([logits_of(0.9, 0.04, 0.03, 0.03), logits_of(0.1, 0.1, 0.1, 0.7)])
    answer = said(a_bundle(), embeddings, (30.0, 10.0))
    guesses = {genre["name"]: genre["probability"] for genre in answer["genres"]}
    assert guesses["folk"] == pytest.approx((3 * 0.9 + 0.1) / 4, abs=1e-4)
    assert guesses["rock"] == pytest.approx((3 * 0.1 + 0.9) / 4, abs=1e-4)
    assert list(guesses) == ["folk", "rock"]
    nodes = {node["name"]: node["probability"] for node in answer["hierarchy"]}
    assert nodes["rock/punk"] == pytest.approx((3 * 0.03 + 0.7) / 4, abs=1e-4)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
def test_children_sum_to_their_parent_and_the_top_to_one(drawn: list[float]) -> None:
    p = np.array(drawn) / sum(drawn)
    sound = sound_of(a_bundle(), np.zeros((1, 3), np.float32), logits_of(*p), [30.0])
    nodes = sound.nodes
    assert set(nodes) == {"folk", "rock", "rock/hard", *LABELS}
    assert nodes["folk"] + nodes["rock"] == pytest.approx(1, abs=1e-5)
    assert nodes["rock"] == pytest.approx(nodes["rock/hard"] + nodes["rock/punk"], abs=1e-6)
    assert nodes["rock/hard"] == pytest.approx(p[1] + p[2], abs=1e-5)
    shown = judgement(sound)["hierarchy"]
    assert {node["name"] for node in shown} == {path for path, q in nodes.items() if q >= 0.05}
    assert [n["probability"] for n in shown] == sorted((n["probability"] for n in shown), reverse=True)


UNSURE = logits_of(0.3, 0.25, 0.25, 0.2)


def test_of_a_brought_model_a_song_is_unsure_where_no_top_genre_is_sure() -> None:
    """Nothing was learned that would say so better; heads trained on it have their own calibration."""
    brought = replace(
        a_bundle(labels=("a", "b", "c/x", "c/y")), architecture={"name": "onnx"}, training={"model": {}}
    )
    for probabilities, label in (
        ((0.3, 0.39, 0.2, 0.11), "unsure"),
        ((0.3, 0.29, 0.21, 0.2), "c"),
        ((0.1, 0.45, 0.25, 0.2), "b"),
    ):
        embeddings = logits_of(*probabilities)
        assert (
            judgement(sound_of(brought, np.zeros((1, 3), np.float32), embeddings, [30.0]))["label"] == label
        )
    made_here = replace(brought, training={})
    assert (
        sound_of(made_here, np.zeros((1, 3), np.float32), logits_of(0.3, 0.39, 0.2, 0.11), [30.0]).unknown
        is None
    )


@pytest.mark.parametrize(
    ("bundle", "embeddings", "reason"),
    [
        (calibrated(least=0.31), UNSURE, WEAK),
        (calibrated(least=0.29), UNSURE, None),
        (calibrated(2.0, least=0.5), np.array([[2, 0, 0, 0]], np.float32), WEAK),
        (calibrated(2.0, least=0.45), np.array([[2, 0, 0, 0]], np.float32), None),
        (calibrated(familiar=FAMILIAR), np.array([[3, 0, 0, 3.9]], np.float32), None),
        (calibrated(familiar=FAMILIAR), np.array([[3, 0, 0, 0], [3, 0, 0, 0]], np.float32), None),
        (calibrated(familiar=FAMILIAR), np.array([[8, 0, 0, 0]], np.float32), UNLIKE),
        (
            calibrated(
                familiar=Familiarity(
                    FAMILIAR.whiten, FAMILIAR.centres, 4.0, np.array([1, 0, 0, 0], np.float32), -2.0
                )
            ),
            np.array([[3, 0, 0, 0]], np.float32),
            NOT_MUSIC,
        ),
        (a_bundle(), UNSURE, None),
    ],
    ids=[
        "weak",
        "just enough",
        "weak at its temperature",
        "just enough at it",
        "near",
        "at home",
        "far",
        "no music",
        "not calibrated",
    ],
)
def test_unknown_has_a_reason_and_keeps_its_guesses(
    bundle: Bundle, embeddings: np.ndarray, reason: str | None
) -> None:
    answer = said(bundle, embeddings, (30.0,) * len(embeddings))
    assert answer["unknown"] == reason
    nodes = {node["name"]: node["probability"] for node in answer["hierarchy"]}
    sure = [name for name, p in nodes.items() if p >= SURE]
    assert answer["nearest"]["name"] in sure, "the nearest guess, whether it may decide or not"
    assert not [name for name in sure if name.startswith(f"{answer['nearest']['name']}/")]
    assert answer["nearest"]["probability"] == nodes[answer["nearest"]["name"]]
    words = {None: answer["nearest"]["name"], NOT_MUSIC: "not music"}
    assert answer["label"] == words.get(reason, "unsure")
    assert (answer["label_probability"] is None) == (reason is not None)
    assert {genre["name"] for genre in answer["genres"]} == {"folk", "rock"}
    assert sum(genre["probability"] for genre in answer["genres"]) == pytest.approx(1, abs=1e-3)
    assert answer["hierarchy"], "the nearest guesses, in a hierarchy too"


def test_a_song_is_unlike_by_its_mean_and_not_by_one_passage() -> None:
    far = np.array([[3, 0, 0, 0], [3, 0, 0, 7.9]], np.float32)
    assert said(calibrated(familiar=FAMILIAR), far, (30.0, 30.0))["unknown"] is None
    assert said(calibrated(familiar=FAMILIAR), far, (10.0, 30.0))["unknown"] == UNLIKE


def test_a_detector_decides_what_is_not_music_by_the_mean_of_the_segments() -> None:
    detector = MusicDetector(np.array([1, 0, 0, 0], np.float32), np.array([0, 0, 0, -0.5], np.float32), -2.0)
    bundle = a_bundle(Calibration(1.0, 0.0, "by hand", detector=detector))
    loud, quiet = [6.0, 0, 0, 0], [0.0, 0, 0, 0]
    assert said(bundle, np.array([loud, quiet], np.float32), (30.0, 30.0))["label"] == "not music"  # 3 − 2
    assert said(bundle, np.array([loud, quiet], np.float32), (10.0, 50.0))["unknown"] is None  # 1 − 2
    assert said(bundle, np.array([[3.0, 0, 0, 2.0]], np.float32))["unknown"] is None  # 3 − 2 − 0.5 · 2²


def test_probabilities_are_at_the_calibrations_temperature() -> None:
    embeddings = np.array([[2.0, 0.0, 0.0, 0.0]], np.float32)
    genres = {g["name"]: g["probability"] for g in said(calibrated(temperature=2.0), embeddings)["genres"]}
    assert genres["folk"] == pytest.approx(np.e / (np.e + 3), abs=1e-4)


def test_stored_genres_are_used_as_they_are() -> None:
    """They are calibrated already; the temperature is not applied twice."""
    stored = np.array([[0.7, 0.1, 0.1, 0.1]], np.float32)
    sound = sound_of(calibrated(temperature=9.0), np.zeros((1, 3), np.float32), UNSURE, [30.0], stored)
    assert [sound.nodes[label] for label in LABELS] == pytest.approx(stored[0].tolist(), abs=1e-6)


def test_facets_are_named_with_the_mean_of_their_tags() -> None:
    tags = np.array([[0.2, 0.1, 0.7], [0.6, 0.5, 0.1]], np.float32)
    embeddings = np.concatenate([UNSURE, UNSURE])
    answer = judgement(sound_of(a_bundle(), tags, embeddings, [30.0, 10.0]))
    assert answer["facets"] == {
        "mood": [{"name": "sad", "probability": pytest.approx(0.3, abs=1e-4)}],
        "sound": [
            {"name": "guitar", "probability": pytest.approx(0.55, abs=1e-4)},
            {"name": "loud", "probability": pytest.approx(0.2, abs=1e-4)},
        ],
    }


def test_a_trunk_without_tags_has_no_facets() -> None:
    bundle = a_bundle(taxonomy=None)
    sound: Sound = sound_of(bundle, np.zeros((1, 0), np.float32), UNSURE, [30.0])
    assert (sound.tags.shape, sound.facets, judgement(sound)["facets"]) == ((0,), {}, {})


def test_named_is_by_probability_and_ties_by_place() -> None:
    values = np.array([0.25, 0.5, 0.25], np.float32)
    assert [item["name"] for item in named(TAGS, values)] == ["loud", "sad", "guitar"]
    assert named(TAGS, values, 1) == [{"name": "loud", "probability": 0.5}]


def test_a_track_without_predictions_of_the_bundle_is_given_them(catalog: Catalog) -> None:
    """What is stored of another bundle is not shown as this one's."""
    bundle = a_bundle(labels=("a", "b", "c", "d"), taxonomy=None, size=200)
    embedding = np.zeros(200, np.float32)
    embedding[2] = 5
    with catalog.transaction() as session:
        track = new_track(session, Root(path="/music"), "a.mp3")
        other = new_track(session, track.root, "b.mp3")
        store_embeddings(session, track, [embedding])  # with ten equal genres of bundle-a
        sound = track_sound(session, track.id, bundle)
        assert sound is not None
        assert sound.placement.path == "c"
        assert sound.nodes["c"] == pytest.approx(np.exp(5) / (np.exp(5) + 3), abs=1e-4)
        assert track_sound(session, other.id, bundle) is None


# One verdict.


@pytest.mark.parametrize(
    ("nodes", "nearest", "verdict"),
    [
        ({"folk": 0.5, "rock": 0.5, "rock/punk": 0.4}, "folk", "unsure: folk or rock"),
        ({"folk": 0.2, "rock": 0.8, "rock/punk": 0.7}, "rock/punk", "unsure: rock/punk or folk"),
        ({"folk": 0.09, "rock": 0.91}, "rock", "unsure: rock"),
        ({"folk": 1.0}, "folk", "unsure: folk"),
    ],
)
def test_unsure_names_the_nearest_and_another_that_may_be(
    nodes: dict[str, float], nearest: str, verdict: str
) -> None:
    assert unsure_between(nodes, nearest) == verdict


DETECTOR = MusicDetector(np.array([1, 0, 0, 0], np.float32), np.zeros(4, np.float32), -2.0)
JUDGES = {
    "none": None,
    "weak": Calibration(1.0, 0.6, "by hand"),
    "familiar": Calibration(1.0, 0.0, "by hand", FAMILIAR),
    "detector": Calibration(1.0, 0.5, "by hand", detector=DETECTOR),
}


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize("judge", JUDGES)
def test_lists_give_the_verdict_that_each_song_has(database: str, tmp_path: Path, judge: str) -> None:
    bundle = a_bundle(JUDGES[judge])
    random = np.random.default_rng(3)
    catalog = open_catalog(tmp_path / "catalog.sqlite")
    with catalog.transaction() as session:
        root = Root(path="/music")
        session.add(root)
        session.flush()
        ids = []
        for number in range(40):
            track = new_track(session, root, f"{number}.mp3")
            store_embeddings(session, track, 3 * random.standard_normal((1 + number % 3, 4)))
            ids.append(track.id)
        sounds = track_sounds(session, ids, bundle)
        whole = {i: sound.verdict for i, sound in sounds.items()}
        shown = named_of_tracks(session, ids, bundle, 2)
        labels = labels_of_tracks(session, ids, bundle)
    catalog.close()
    assert {i: one["verdict"] for i, one in shown.items()} == whole
    assert labels == {i: sound.label for i, sound in sounds.items()}
    assert len(set(whole.values())) > 3
    kinds = {verdict.split(":")[0] for verdict in whole.values()} - {*LABELS, "rock", "rock/hard"}
    assert (
        kinds
        == {"none": set(), "weak": {"unsure"}, "familiar": {"unsure"}, "detector": {"unsure", "not music"}}[
            judge
        ]
    )
