"""Why songs are similar, held to loops over the same numbers; the sound of passages, and their picture."""

import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from classifier.errors import SilentError, TooShortError
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from recommender import params
from recommender.reasons.plot import AGAINST, FOR, MatchPicture, draw_match, match_figure
from recommender.reasons.sound import BandShares, PassageAnalyser, PassageSound
from recommender.reasons.traits import (
    MatchReasons,
    SoundProfile,
    differences,
    parts_in_words,
    patch_similarities,
    reasons,
    shared_genres,
    shared_tags,
)
from recommender.retrieval.alignment import PassagePair, PatchSequence, align
from tests import synth
from tests.recommender.albums import made_up, write_album

PATCH_S = 2.992
NAMES = ("rock", "jazz", "ambient", "piano", "female vocalists", "guitar")


def patch_sequence(random: np.random.Generator, patches: int, at_s: float = 0.0) -> PatchSequence:
    """Patches on a grid of segments of ten, whose last one ends with its segment."""
    begins = [30.0 * (i // 10) + PATCH_S * (i % 10) for i in range(patches)]
    starts = np.array(begins, np.float32) + np.float32(at_s)
    return PatchSequence(starts, random.standard_normal((patches, 8)).astype(np.float32) + 1, PATCH_S)


def cosine(one: Any, other: Any, centre: Any) -> float:
    a, b = (np.asarray(v, float) / math.dist(v, 0 * v) - centre for v in (one, other))
    return float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))


# The similarity of two passages over time.


@given(st.integers(0, 9999), st.integers(1, 35), st.integers(1, 35), st.floats(0, 0.3))
def test_course_is_the_passages_patch_by_patch(seed: int, n_query: int, n_match: int, pull: float) -> None:
    random = np.random.default_rng(seed)
    query, match = patch_sequence(random, n_query, 60.0), patch_sequence(random, n_match)
    centre = (pull * random.standard_normal(8) / math.sqrt(8)).astype(np.float32)
    passage = align(query, match, centre)
    assert passage is not None
    found = patch_similarities(query, match, passage, centre)
    shorter = min(n_query, n_match)
    assert len(found.cosines) == len(found.query_s) == len(found.match_s) == shorter
    assert found.query_s[0] == passage.query_start_s
    assert found.match_s[-1] + PATCH_S == pytest.approx(passage.match_end_s, abs=1e-4)
    mine, its = list(query.starts_s).index(found.query_s[0]), list(match.starts_s).index(found.match_s[0])
    assert mine == 0 or its == 0
    pairs = [(query.embeddings[mine + i], match.embeddings[its + i]) for i in range(shorter)]
    assert_allclose(found.cosines, [cosine(a, b, centre) for a, b in pairs], atol=1e-5)
    assert_array_equal(found.match_s, match.starts_s[its : its + shorter])
    whole = [np.mean([pair[side] for pair in pairs], axis=0, dtype=float) for side in (0, 1)]
    assert found.together == pytest.approx(cosine(*whole, centre), abs=1e-5)
    assert found.score == pytest.approx(passage.score, abs=1e-5)
    assert found.cosines[found.best] == max(found.cosines)
    assert [row["query_s"] for row in found.describe()] == [round(float(s), 2) for s in found.query_s]


# What both have.

PROBABILITIES = st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6).map(
    lambda values: np.array(values, np.float32)
)


@given(PROBABILITIES, PROBABILITIES, PROBABILITIES)
def test_shared_tags_equal_a_loop(query: Any, match: Any, usual: Any) -> None:
    wanted = {}
    for name, q, m, u in zip(NAMES, *(map(float, v) for v in (query, match, usual)), strict=True):
        if min(q, m) >= np.float32(params.TAG_PRESENT):
            wanted[name] = (q, m, min(q, m) ** 2 / (min(q, m) + u))
    found = shared_tags(NAMES, query, match, usual)
    assert {t.name for t in found} == set(wanted)
    assert [t.weight for t in found] == sorted((t.weight for t in found), reverse=True)
    for trait in found:
        assert_allclose((trait.query, trait.match, trait.weight), wanted[trait.name], rtol=1e-6)
    turned = shared_tags(NAMES, match, query, usual)
    assert [(t.name, t.match, t.query) for t in turned] == [(t.name, t.query, t.match) for t in found]


def test_an_unusual_tag_counts_more_than_one_that_all_songs_have() -> None:
    tags, usual = np.array([0.5, 0.4, 0, 0, 0, 0.09]), np.array([0.5, 0.02, 0, 0, 0, 0])
    found = shared_tags(NAMES, tags, tags, usual)
    assert [(t.name, round(t.weight, 4)) for t in found] == [("jazz", 0.381), ("rock", 0.25)]


def test_shared_genres_are_the_finest_that_both_may_be_of() -> None:
    query = {"rock": 0.6, "rock/punk": 0.35, "rock/other": 0.25, "jazz": 0.4, "pop": 0.1, "folk": 0.2}
    match = {"rock": 0.5, "rock/punk": 0.21, "rock/other": 0.29, "jazz": 0.3, "pop": 0.9, "folk": 0.2}
    found = shared_genres(query, match)
    assert [(t.name, t.query, t.match, t.weight) for t in found] == [
        ("jazz", 0.4, 0.3, 0.3),
        ("rock/punk", 0.35, 0.21, 0.21),
        ("folk", 0.2, 0.2, 0.2),
    ]
    coarse = shared_genres(query, match | {"rock/punk": 0.1, "rock/other": 0.4})
    assert [t.name for t in coarse] == ["rock", "jazz", "folk"]
    assert shared_genres(query, {}) == []


def test_differences_are_large_ones_and_turn_round() -> None:
    query, match = np.array([0.1, 0.8, 0.3, 0.2, 0, 0]), np.array([0.5, 0.1, 0.2, 0.36, 0.14, 0])
    found = [(t.name, round(t.weight, 4)) for t in differences(NAMES, query, match)]
    assert found == [("jazz", -0.7), ("rock", 0.4), ("piano", 0.16)]
    turned = [(t.name, round(-t.weight, 4)) for t in differences(NAMES, match, query)]
    assert turned == found


def test_parts_are_named_by_their_sign_and_small_ones_not_at_all() -> None:
    parts = {"cosine": 0.8, "centring": -0.2, "alignment": 0.004, "hub": -0.05, "agreement": 0.0}
    assert parts_in_words(parts) == [
        ("sounds alike", 0.8),
        ("what all songs here share", -0.2),
        ("near to many songs", -0.05),
    ]
    assert parts_in_words({"hub": 0.05, "discovery": -0.3, "unwanted": -0.1}) == [
        ("near to few songs", 0.05),
        ("played before", -0.3),
        ("like what is unwanted", -0.1),
    ]


def some_reasons(seed: int = 3, patches: int = 10) -> MatchReasons:
    random = np.random.default_rng(seed)
    query, match = patch_sequence(random, patches, 90.0), patch_sequence(random, 20)
    centre = np.full(8, 0.1, np.float32)
    return reasons(
        SoundProfile(np.array([0.6, 0.3, 0.5, 0, 0.2, 0]), {"rock": 0.7, "jazz": 0.3}, query),
        SoundProfile(np.array([0.5, 0.2, 0.1, 0.4, 0, 0]), {"rock": 0.8, "jazz": 0.1}, match),
        NAMES,
        np.full(6, 0.1, np.float32),
        {"cosine": 0.9, "centring": -0.1, "hub": -0.15, "discovery": 0.0},
        align(query, match, centre),
        centre,
    )


def test_reasons_put_everything_together() -> None:
    why = some_reasons()
    described = why.describe()
    assert [t["name"] for t in described["shared_tags"]] == ["rock", "jazz", "ambient"]
    assert [t["name"] for t in described["shared_genres"]] == ["rock"]
    assert [t["name"] for t in described["more"]] == ["piano"]
    assert [t["name"] for t in described["less"]] == ["ambient", "female vocalists"]
    assert sum(part["adds"] for part in described["parts"]) == pytest.approx(0.65)
    assert why.passage is not None
    assert described["passages_score"] == pytest.approx(why.passage.score, abs=1e-4)
    assert len(described["curve"]) == 10
    assert described["curve"][0]["query_s"] == 90.0


def test_without_patches_there_is_no_course() -> None:
    nothing = SoundProfile(np.zeros(6, np.float32), {}, None)
    passage = PassagePair(0, 3, 0, 3, 0.5)
    for given_passage in (None, passage):
        why = reasons(nothing, nothing, NAMES, np.zeros(6, np.float32), {}, given_passage, np.zeros(8))
        assert why.similarities is None
        described = why.describe()
        assert (described["curve"], described["passages_score"], described["shared_tags"]) == ([], None, [])


# What passages sound like.


@pytest.fixture(scope="module")
def analyser(shipped: Bundle) -> PassageAnalyser:
    return PassageAnalyser(shipped)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of one song."""
    return synth.write(tmp_path_factory.mktemp("sound") / "song.wav", synth.music_like(12.0, 5))


def test_a_passage_is_analysed_as_the_trunk_does(analyser: PassageAnalyser, trunk: Trunk, song: Path) -> None:
    (segment,) = trunk.analyse_file(song).segments
    assert segment.patches is not None
    sound = analyser.passage(song, [0.0, PATCH_S, 2 * PATCH_S, 3 * PATCH_S])
    embeddings = trunk.run(sound.patches)[1]
    assert len(embeddings) == len(segment.patches) == 4
    for mine, stored in zip(embeddings, segment.patches.astype(float), strict=True):
        assert cosine(mine, stored, 0 * stored) > 0.995
    assert (sound.start_s, sound.end_s) == (0.0, pytest.approx(4 * PATCH_S))
    assert len(sound.mel) * sound.column_s == pytest.approx(sound.end_s, abs=2 * sound.column_s)
    patch = sound.patches[0]
    width = round(sound.column_s * 16_000 / 256)
    assert_allclose(sound.mel[3], patch[3 * width : 4 * width].mean(axis=0), atol=1e-5)


def test_a_passage_begins_where_it_says(analyser: PassageAnalyser, tmp_path: Path) -> None:
    """A tone from 6 s on, after noise: the passage from 6 s has the tone alone, and few patches are kept."""
    samples = np.concatenate([synth.noise(6.0), synth.sine(24.0, 1000.0)])
    path = synth.write(tmp_path / "late.wav", samples)
    sound = analyser.passage(path, [6.0 + PATCH_S * i for i in range(8)])
    loudest = analyser.edges_hz[sound.mel[1:-1].argmax(axis=1)]
    assert (loudest[:, 0] <= 1000).all()
    assert (loudest[:, 1] >= 1000).all()
    assert len(sound.patches) == params.EXPLAINED_PATCHES
    assert len(sound.mel) <= params.PICTURE_COLUMNS
    before = analyser.passage(path, [3.0])
    assert before.mel.std() < sound.mel.std()


def test_a_passage_of_a_part_of_a_file_is_that_of_the_part_alone(
    analyser: PassageAnalyser, tmp_path: Path
) -> None:
    album = write_album(tmp_path / "album.wav", made_up(3, 8.0, 22_050), 22_050)
    alone = analyser.passage(album.write_separately(tmp_path / "files")[1], [1.0, 1.0 + PATCH_S])
    within = (album.start_s(2), album.start_s(3))
    part = analyser.passage(album.file, [1.0, 1.0 + PATCH_S], within)
    assert (part.start_s, part.end_s) == (alone.start_s, alone.end_s)
    assert_allclose(part.patches, alone.patches, atol=1e-3)
    # It ends where the part does, whatever follows in the file.
    last_s = len(album.tracks[1]) / 22_050 - 1.0
    assert_allclose(
        analyser.passage(album.file, [last_s], within).patches,
        analyser.passage(tmp_path / "files/02.flac", [last_s]).patches,
        atol=0.2,
    )


def test_what_is_not_there_cannot_be_analysed(analyser: PassageAnalyser, song: Path, tmp_path: Path) -> None:
    with pytest.raises(TooShortError, match="before 20 s"):
        analyser.passage(song, [20.0])
    silent = synth.write(tmp_path / "silent.wav", np.zeros(5 * synth.RATE_HZ, np.float32))
    with pytest.raises(SilentError, match="silent from 0 to 3 s"):
        analyser.passage(silent, [0.0])
    cut = analyser.passage(song, [9.0 + i * PATCH_S for i in range(3)])  # the file ends after one of them
    assert len(cut.patches) == 3


class BandMeans:
    """A trunk whose embedding is how loud each band is."""

    def run(self, patches: Any) -> tuple[None, Any]:
        return None, patches.mean(axis=1)


def sounding(patches: Any) -> PassageSound:
    return PassageSound(0.0, 6.0, patches[0], 0.1, patches)


def test_band_shares_equal_a_loop(shipped: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    analyser = PassageAnalyser(shipped)
    monkeypatch.setattr(analyser, "_trunk", BandMeans())
    random = np.random.default_rng(1)
    query, match = (random.uniform(0, 3, (2, 187, 96)).astype(np.float32) for _ in range(2))
    match[..., 24:36] = query[..., 24:36] = 6.0
    centre = np.full(96, 0.05)
    found = analyser.band_shares(sounding(query), sounding(match), centre.astype(np.float32))
    assert found is not None

    def similarity(one: Any, other: Any) -> float:
        rows, others = one.mean(axis=1, dtype=float), other.mean(axis=1, dtype=float)
        single = np.mean([cosine(a, b, centre) for a, b in zip(rows, others, strict=True)])
        return float(cosine(rows.mean(axis=0), others.mean(axis=0), centre) + single) / 2

    wanted = []
    for first in range(0, 96, params.EXPLAINED_BANDS):
        without = [sound.copy() for sound in (query, match)]
        for sound in without:
            sound[..., first : first + params.EXPLAINED_BANDS] = 0
        both, neither = similarity(query, match), similarity(*without)
        wanted.append(both + neither - similarity(query, without[1]) - similarity(without[0], match))
    assert_allclose(found.shares, wanted, atol=2e-5)
    assert int(found.shares.argmax()) == 24 // params.EXPLAINED_BANDS
    assert found.shares[24 // params.EXPLAINED_BANDS] > 0
    assert (found.edges_hz[0, 0], found.edges_hz[-1, 1]) == (0, pytest.approx(8000))
    assert_allclose(found.edges_hz[1:, 0], found.edges_hz[:-1, 1])


def test_coefficients_have_no_bands(analyser: PassageAnalyser, shipped: Bundle) -> None:
    made = PassageAnalyser.__new__(PassageAnalyser)
    made._bundle = replace(shipped, front_end=replace(shipped.front_end, feature="mfcc"))
    sound = sounding(np.zeros((1, 187, 40), np.float32))
    assert made.band_shares(sound, sound, np.zeros(200, np.float32)) is None


# The picture.


def picture(why: MatchReasons, names: tuple[str, str] = ("Ann - One", "Bob - Two")) -> MatchPicture:
    random = np.random.default_rng(2)
    mels = [random.uniform(0, 4, (params.PICTURE_COLUMNS, 96)).astype(np.float32) for _ in range(2)]
    edges = np.linspace(0, 8000, 97)
    bands = np.stack([edges[:-1:12], edges[12::12]], axis=1)
    shares = BandShares(bands, np.linspace(-0.1, 0.4, 8))
    query, match = (
        PassageSound(start_s, start_s + 29.92, mel, 29.92 / len(mel), mel[None])
        for start_s, mel in zip((90.0, 30.0), mels, strict=True)
    )
    edges_hz = np.stack([edges[:-1], edges[1:]], axis=1)
    return MatchPicture(*names, why, query, match, edges_hz, shares)


def test_picture_shows_the_numbers(tmp_path: Path) -> None:
    why = some_reasons()
    figure = match_figure(picture(why))
    curve, parts, mine, traits, its, bands = figure.axes
    assert figure.get_suptitle() == "Ann - One ≈ Bob - Two"
    assert why.similarities is not None
    assert_allclose([bar.get_height() for bar in curve.patches], why.similarities.cosines, rtol=1e-6)
    assert_allclose([bar.get_x() for bar in curve.patches], why.similarities.query_s - 90, atol=1e-4)
    assert [to_hex(bar.get_facecolor()).upper() for bar in curve.patches] == [
        FOR if cosine >= 0 else AGAINST for cosine in why.similarities.cosines
    ]
    assert_allclose([bar.get_width() for bar in parts.patches], [0.9, -0.1, -0.15])
    assert parts.get_title(loc="left") == "score 0.65"
    assert mine.get_xlim() == (90.0, 119.92)
    assert its.get_xlim() == (30.0, 59.92)
    shown = [label.get_text() for label in traits.get_yticklabels()]
    assert shown == ["rock (genre)", "rock", "jazz", "ambient"]
    assert_allclose([b.get_width() for b in traits.patches], [0.7, 0.6, 0.3, 0.5, 0.8, 0.5, 0.2, 0.1])
    assert_allclose([bar.get_width() for bar in bands.patches], np.linspace(-0.1, 0.4, 8))
    assert bands.get_ylim() == mine.get_ylim() == (0, 96)


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (("A$AP $ong", "$x^ - }{"), NAMES),
        (("曲の名前 - 음악", "x" * 300), ("R$B", "$", *NAMES[2:])),
    ],
)
def test_picture_is_a_small_png_whatever_the_names(
    names: tuple[str, str], tags: tuple[str, ...], tmp_path: Path
) -> None:
    why = some_reasons()
    renamed = [replace(t, name=tags[i]) for i, t in enumerate(why.tags)]
    path = tmp_path / "a.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_match(picture(replace(why, tags=renamed), names), path)
    with Image.open(path) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (1050, 660))
    assert path.stat().st_size <= 80_000


def test_picture_of_little(tmp_path: Path) -> None:
    """No traits, a single patch, no bands, and no part of the score."""
    why = replace(some_reasons(patches=1), tags=[], genres=[], parts={})
    draw_match(replace(picture(why), bands=None), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
