"""The probabilities of many songs at once, against a loop that takes one song and one number at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from classifier.genres.taxonomy import Taxonomy
from tests.classifier.genres import test_taxonomy
from tests.classifier.genres.test_taxonomy import BUNDLE, LABELS, TAGS

Vectors = npt.NDArray[Any]
DESCRIBED: dict[str, Any] = BUNDLE["taxonomy"]
FLAT = ("rock", "jazz", "polka")
HIERARCHY = ("rock", "rock/punk", "rock/hard/thrash", "jazz/bop", "rock/other", "polka/krakow/fast")

# By hand: as in the other module, and a child of the genre that only tags know.
FOLK = {"folk": {"tags": ["folk"], "usual": {"jazz": 0.1, "rock": 0.3}}, "folk/sad": {"tags": ["sad folk"]}}
SMALL: dict[str, Any] = {
    **test_taxonomy.SMALL,
    "new_genre": 0.25,
    "genres": {**test_taxonomy.SMALL["genres"], **FOLK},
    "facets": {"mood": ["happy"]},
}
SMALL_TAGS = ("rock", "punk", "indie", "indie rock", "folk", "sad folk", "happy")


def the_shipped() -> Taxonomy:
    return Taxonomy.of_bundle(DESCRIBED, LABELS, TAGS)


def several(width: int, *, a_distribution: bool) -> st.SearchStrategy[Vectors]:
    """Five songs' probabilities as the catalogue keeps them, sometimes all zero: not analysed."""
    whole = hnp.arrays(np.float32, (5, width), elements=st.floats(0, 1, width=32))
    return (
        whole.map(lambda a: a / np.maximum(a.sum(axis=1, keepdims=True), 1e-9)) if a_distribution else whole
    )


def by_the_rule(genres: dict[str, float], tags: dict[str, float]) -> dict[str, float]:
    """What the head of `classifier.genres.tag_rule` says, for one song, from the shipped description."""
    described = DESCRIBED["genres"]

    def strongest(path: str) -> float:
        return max(
            (tags[t] for p, g in described.items() if f"{p}/".startswith(f"{path}/") for t in g["tags"]),
            default=0.0,
        )

    new = [path for path in described if "/" not in path and path not in genres]
    usual = {path: sum(genres[g] * described[path]["usual"][g] for g in genres) for path in new}
    evidence = {path: max(0.0, strongest(path) - usual[path]) for path in new}
    e = sum(evidence.values())
    share = e / (e + DESCRIBED["new_genre"])
    nodes = {path: p * (1 - share) for path, p in genres.items()}
    nodes |= {path: share * evidence[path] / e if e else 0.0 for path in new}
    for parent in [*nodes, *[path for path in described if "/" in path]]:
        children = [path for path in described if path.rpartition("/")[0] == parent]
        if not children:
            continue
        strengths = {child: strongest(child) for child in children}
        own = max((tags[tag] for tag in described[parent]["tags"]), default=0.0)
        strengths[f"{parent}/other"] = max(DESCRIBED["weak"], own - sum(strengths.values()))
        raised = {child: strength ** DESCRIBED["sharpness"] for child, strength in strengths.items()}
        nodes |= {child: nodes[parent] * r / sum(raised.values()) for child, r in raised.items()}
    return nodes


def check_songs(
    taxonomy: Taxonomy, genres: Vectors, tags: Vectors, wanted: Sequence[dict[str, float]]
) -> None:
    """Many songs at once, and each by itself, have the wanted nodes, in one order."""
    columns = taxonomy.node_columns(genres, tags)
    for song, of_song in enumerate(wanted):
        assert set(columns) == set(of_song)
        assert {path: float(p[song]) for path, p in columns.items()} == pytest.approx(of_song, abs=1e-6)
        alone = taxonomy.node_probabilities(genres[song], tags[song])
        assert list(alone) == list(columns)
        assert alone == pytest.approx(of_song, abs=1e-6)


@given(several(len(LABELS), a_distribution=True), several(len(TAGS), a_distribution=False))
def test_shipped_taxonomy_equals_a_loop(genres: Vectors, tags: Vectors) -> None:
    wanted = [
        by_the_rule(dict(zip(LABELS, g, strict=True)), dict(zip(TAGS, t, strict=True)))
        for g, t in zip(genres.astype(float).tolist(), tags.astype(float).tolist(), strict=True)
    ]
    check_songs(the_shipped(), genres, tags, wanted)


@given(several(len(FLAT), a_distribution=True))
def test_labels_without_a_hierarchy_are_their_own_nodes(genres: Vectors) -> None:
    wanted = [dict(zip(FLAT, song, strict=True)) for song in genres.tolist()]
    check_songs(Taxonomy.from_labels(FLAT), genres, np.zeros((5, 0), np.float32), wanted)


@given(several(len(HIERARCHY), a_distribution=True))
def test_a_users_hierarchy_is_sums_of_leaves(genres: Vectors) -> None:
    """Also where facets are all that the bundle describes of the tags."""
    wanted = [
        {
            "rock": rock + punk + thrash + other,
            "rock/other": rock + other,
            "rock/punk": punk,
            "rock/hard": thrash,
            "rock/hard/thrash": thrash,
            "jazz": bop,
            "jazz/bop": bop,
            "polka": fast,
            "polka/krakow": fast,
            "polka/krakow/fast": fast,
        }
        for rock, punk, thrash, bop, other, fast in genres.astype(float).tolist()
    ]
    taxonomy = Taxonomy.of_bundle({"facets": {"mood": ["sad"]}}, HIERARCHY, ("sad", "loud"))
    check_songs(taxonomy, genres, np.full((5, 2), 0.5, np.float32), wanted)


def test_songs_side_by_side_by_hand() -> None:
    """One with folk beyond the usual and weak rock, one with no more than usual and little but rock."""
    taxonomy = Taxonomy.load(SMALL, ("jazz", "rock"), SMALL_TAGS)
    tags = np.array([[0.4, 0.1, 0.2, 0.3, 0.35, 0.5, 1], [0.5, 0, 0.1, 0, 0.2, 0, 1]])
    found = taxonomy.node_columns(np.array([[0.25, 0.75], [0.5, 0.5]]), tags)
    # Folk is 0.5 by its child, where 0.25·0.1 + 0.75·0.3 = 0.25 is usual; and 0.2 where 0.2 is.
    rock = np.array([0.75 * 0.5, 0.5])  # 0.25 is left beyond, against 0.25
    wanted = {
        "jazz": [0.125, 0.5],
        "rock": rock,
        "folk": [0.5, 0],
        "rock/punk": rock * [0.01 / 0.11, 0],  # of 0.1², 0.3² and 0.1², and of 0², 0.1² and 0.4²
        "rock/indie": rock * [0.09 / 0.11, 0.01 / 0.17],
        "rock/other": rock * [0.01 / 0.11, 0.16 / 0.17],
        "folk/sad": [0.5 * 0.25 / 0.26, 0],
        "folk/other": [0.5 * 0.01 / 0.26, 0],
    }
    assert set(found) == set(wanted)
    for path, p in wanted.items():
        assert_allclose(found[path], p, atol=1e-12, err_msg=path)


@pytest.mark.parametrize("taxonomy", [the_shipped(), Taxonomy.from_labels(LABELS)])
def test_no_song_has_every_node(taxonomy: Taxonomy) -> None:
    found = taxonomy.node_columns(np.zeros((0, len(LABELS))), np.zeros((0, len(TAGS))))
    assert list(found) == list(taxonomy.node_probabilities(np.zeros(len(LABELS)), np.zeros(len(TAGS))))
    assert {p.shape for p in found.values()} == {(0,)}


def test_what_was_given_is_left_as_it_was() -> None:
    genres, tags = np.full((3, len(LABELS)), 0.1), np.full((3, len(TAGS)), 0.2)
    for taxonomy in (the_shipped(), Taxonomy.from_labels(LABELS)):
        for p in taxonomy.node_columns(genres, tags).values():
            np.add(p, 1, out=p)
    assert (genres == 0.1).all()
    assert (tags == 0.2).all()
