"""Hierarchies by hand, what must always hold of them, and the shipped one on real songs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from classifier import params
from classifier.errors import BundleError
from classifier.genres.label_paths import ancestor, ancestors, parent_of, with_leaves
from classifier.genres.taxonomy import Placement, Taxonomy, finest, finest_of_songs
from classifier.model.bundle import SHIPPED, Bundle
from classifier.model.inference import Trunk
from classifier.model.predictions import song_mean
from tests.conftest import REPO

Vector = npt.NDArray[Any]
DESCRIBED: dict[str, Any] = json.loads((SHIPPED.parent / "build/taxonomy.json").read_text(encoding="utf-8"))
BUNDLE: dict[str, Any] = json.loads((SHIPPED / "bundle.json").read_text(encoding="utf-8"))
LABELS, TAGS = tuple(BUNDLE["labels"]), tuple(BUNDLE["tag_names"])
THREE_LEVELS = ("rock/punk", "rock/hard/thrash", "rock/hard/doom", "jazz", "rock/hard/sludge/slow")

# By hand: two labels, a genre that only tags know, three children.
SMALL: dict[str, Any] = {
    "format": 1,
    "new_genre": 0.2,
    "weak": 0.1,
    "sharpness": 2,
    "genres": {
        "jazz": {"tags": []},
        "rock": {"tags": ["rock"]},
        "rock/punk": {"tags": ["punk"]},
        "rock/indie": {"tags": ["indie", "indie rock"]},
        "folk": {"tags": ["folk"], "usual": {"jazz": 0.1, "rock": 0.2}},
    },
    "facets": {"mood": ["sad", "happy"]},
}
SMALL_TAGS = ("rock", "punk", "indie", "indie rock", "folk", "sad", "happy")

distributions = hnp.arrays(np.float64, len(LABELS), elements=st.floats(0, 1)).map(
    lambda a: (a + 1e-9) / (a + 1e-9).sum()
)
tag_vectors = hnp.arrays(np.float32, len(TAGS), elements=st.floats(0, 1, width=32))
names = st.lists(st.sampled_from(["a", "b", "other"]), min_size=1, max_size=4).map("/".join)


def the_shipped() -> Taxonomy:
    return Taxonomy.load(DESCRIBED, LABELS, TAGS)


def small(**changes: Any) -> Taxonomy:
    return Taxonomy.load({**SMALL, **changes}, ("jazz", "rock"), SMALL_TAGS)


def check_sums(nodes: dict[str, float]) -> None:
    """Top nodes sum to 1, children to their parent; nothing is negative."""
    sums: dict[str, float] = {}
    for path, p in nodes.items():
        assert p >= 0
        sums[parent_of(path)] = sums.get(parent_of(path), 0.0) + p
    for path, total in sums.items():
        assert total == pytest.approx(nodes[path] if path else 1.0, abs=1e-6)


def test_paths() -> None:
    assert [ancestor("a/b/c", depth) for depth in (1, 2, 3, 4)] == ["a", "a/b", "a/b/c", "a/b/c"]
    assert ancestors("a/b/c") == ["a", "a/b"]
    assert ancestors("a") == []
    assert [parent_of(path) for path in ("a/b/c", "a/b", "a")] == ["a/b", "a", ""]


@pytest.mark.parametrize(
    ("labels", "leaves"),
    [
        (["rock", "jazz"], ["rock", "jazz"]),
        (["rock", "rock/punk", "rocksteady"], ["rock/other", "rock/punk", "rocksteady"]),
        (["rock", "rock/hard", "rock/hard/doom"], ["rock/other", "rock/hard/other", "rock/hard/doom"]),
        (["rock", "rock/other"], ["rock/other", "rock/other"]),
        (["rock", "rock/other/odd"], ["rock/other/other", "rock/other/odd"]),
    ],
)
def test_labels_as_leaves_by_hand(labels: list[str], leaves: list[str]) -> None:
    assert with_leaves(labels) == dict(zip(labels, leaves, strict=True))


@given(st.lists(names, unique=True, max_size=12))
def test_no_leaf_is_above_another_and_each_keeps_its_place(labels: list[str]) -> None:
    leaves = with_leaves(labels)
    assert list(leaves) == labels
    inner = {node for leaf in leaves.values() for node in ancestors(leaf)}
    assert not inner & set(leaves.values())
    for label, leaf in leaves.items():
        assert leaf == label or leaf.startswith(label + "/other")
    assert set(with_leaves(list(leaves.values())).items()) == {(leaf, leaf) for leaf in leaves.values()}


def test_hierarchy_of_a_users_labels_by_hand() -> None:
    taxonomy = Taxonomy.from_labels(THREE_LEVELS)
    nodes = taxonomy.node_probabilities(np.array([0.1, 0.2, 0.05, 0.4, 0.25]), np.zeros(50))
    assert nodes == pytest.approx(
        {
            "rock": 0.6,
            "rock/punk": 0.1,
            "rock/hard": 0.5,
            "rock/hard/thrash": 0.2,
            "rock/hard/doom": 0.05,
            "rock/hard/sludge": 0.25,
            "rock/hard/sludge/slow": 0.25,
            "jazz": 0.4,
        }
    )
    assert taxonomy.facets(np.zeros(50)) == {}
    mixed = Taxonomy.from_labels(["rock", "rock/other", "jazz"])
    assert mixed.node_probabilities(np.array([0.2, 0.3, 0.5]), np.zeros(0)) == pytest.approx(
        {"rock": 0.5, "rock/other": 0.5, "jazz": 0.5}
    )


@given(st.lists(names, unique=True, min_size=1, max_size=8), st.data())
def test_sums_of_a_users_labels(labels: list[str], data: st.DataObject) -> None:
    weights = data.draw(hnp.arrays(np.float32, len(labels), elements=st.floats(0.125, 1, width=32)))
    taxonomy = Taxonomy.from_labels(labels)
    nodes = taxonomy.node_probabilities(weights / weights.sum(), np.zeros(0))
    check_sums(nodes)
    assert set(nodes) >= set(taxonomy.leaves)


def test_top_level_of_the_shipped_rule_by_hand() -> None:
    tags = np.array([0.0, 0, 0, 0, 0.35, 0, 0])
    # Folk of 0.35 where 0.25·0.1 + 0.75·0.2 = 0.175 is usual; what is beyond competes with 0.2.
    share = 0.175 / (0.175 + 0.2)
    nodes = small().node_probabilities(np.array([0.25, 0.75]), tags)
    wanted = {"folk": share, "jazz": 0.25 * (1 - share), "rock": 0.75 * (1 - share)}
    assert {path: p for path, p in nodes.items() if "/" not in path} == pytest.approx(wanted)
    tags[4] = 0.17  # no more than usual: the head's own distribution
    nodes = small().node_probabilities(np.array([0.25, 0.75]), tags)
    assert (nodes["folk"], nodes["jazz"], nodes["rock"]) == (0, pytest.approx(0.25), pytest.approx(0.75))


@pytest.mark.parametrize(
    ("rock", "other"),
    [(0.3, 0.1), (0.65, 0.25)],  # rock beyond its children's 0.4, or not: then the floor
)
def test_children_of_the_shipped_rule_by_hand(rock: float, other: float) -> None:
    tags = np.array([rock, 0.1, 0.2, 0.3, 0, 0, 0])  # punk 0.1; the strongest of indie's two is 0.3
    nodes = small().node_probabilities(np.array([0.2, 0.8]), tags)
    whole = 0.1**2 + 0.3**2 + other**2
    assert nodes["rock/punk"] == pytest.approx(0.8 * 0.1**2 / whole)
    assert nodes["rock/indie"] == pytest.approx(0.8 * 0.3**2 / whole)
    assert nodes["rock/other"] == pytest.approx(0.8 * other**2 / whole)
    assert "jazz/other" not in nodes


def test_evidence_rises_from_below() -> None:
    """A genre shows in its children's tags, and grandchildren share what their parent has."""
    genres: dict[str, Any] = {
        **{path: SMALL["genres"][path] for path in ("jazz", "rock")},
        "folk": {"tags": ["folk"], "usual": {"jazz": 0, "rock": 0}},
        "folk/indie": {"tags": ["indie", "indie rock"]},
        "folk/indie/punk": {"tags": ["punk"]},
    }
    tags = np.array([0, 0.6, 0.2, 0, 0.1, 0, 0])
    nodes = small(genres=genres).node_probabilities(np.array([0.5, 0.5]), tags)
    assert nodes["folk"] == pytest.approx(0.6 / 0.8)
    assert nodes["folk/indie"] == pytest.approx(0.75 * 0.36 / (0.36 + 0.01))
    assert nodes["folk/indie/punk"] == pytest.approx(nodes["folk/indie"] * 0.36 / (0.36 + 0.01))
    check_sums(nodes)


def test_facets_by_hand() -> None:
    tags = np.array([0.9, 0.9, 0, 0, 0, 0.25, 0.5], np.float32)
    assert small().facets(tags) == {"mood": [("happy", 0.5), ("sad", 0.25)]}


@given(distributions, tag_vectors)
def test_sums_of_the_shipped_taxonomy(genres: Vector, tags: Vector) -> None:
    nodes = the_shipped().node_probabilities(genres, tags)
    check_sums(nodes)
    children = {parent_of(path) for path in nodes if "/" in path}
    assert children == {"metal", "pop", "rock", "electronic", "soul"}
    assert all(nodes[f"{parent}/other"] >= 0 for parent in children)
    head = [nodes[label] for label in LABELS]
    assert int(np.argmax(head)) == int(np.argmax(genres)) or max(genres) - np.sort(genres)[-2] < 1e-9


@given(distributions, tag_vectors, st.sampled_from(["House", "folk", "rnb", "ambient", "funk"]))
def test_more_of_a_tag_never_makes_its_genre_less_probable(genres: Vector, tags: Vector, tag: str) -> None:
    path = {"House": "electronic/house", "rnb": "soul/rnb"}.get(tag, tag)
    more = tags.copy()
    more[TAGS.index(tag)] = (1 + tags[TAGS.index(tag)]) / 2
    before, after = (the_shipped().node_probabilities(genres, values) for values in (tags, more))
    assert after[path] >= before[path] - 1e-9


def test_the_shipped_taxonomy_names_every_tag_once_and_every_label() -> None:
    named = [tag for genre in DESCRIBED["genres"].values() for tag in genre["tags"]]
    named += [tag for tags in DESCRIBED["facets"].values() for tag in tags]
    assert sorted(named) == sorted(TAGS)
    assert len(named) == len(set(named)) == 50
    assert set(LABELS) <= set(DESCRIBED["genres"])
    assert {"alternative", "indie", "hard", "punk", "classic", "progressive"} == {
        path.split("/")[1] for path in DESCRIBED["genres"] if path.startswith("rock/")
    }
    assert set(LABELS) == {path for path in DESCRIBED["genres"] if "/" not in path}
    assert {"electronic", "folk", "soul", "funk", "ambient"} < set(LABELS)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 2}, "format 2"),
        ({"facets": {"mood": ["sad"]}}, "each of the trunk's tags"),
        ({"facets": {"mood": ["sad", "happy", "folk"]}}, "each of the trunk's tags"),
        ({"genres": {**SMALL["genres"], "soul/rnb": {"tags": []}}}, "above 'soul/rnb'"),
        ({"genres": {**SMALL["genres"], "soul": {"tags": []}}}, "usual"),
        ({"genres": {path: g for path, g in SMALL["genres"].items() if path != "jazz"}}, "labels"),
        ({"weak": None}, "does not fit"),
        ({"genres": []}, "does not fit"),
    ],
)
def test_a_taxonomy_that_does_not_fit_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BundleError, match=why):
        small(**changes)


NODES = {
    "rock": 0.7,
    "jazz": 0.3,
    "rock/hard": 0.45,
    "rock/punk": 0.25,
    "rock/hard/doom": 0.4,
    "rock/hard/x": 0.05,
}


@pytest.mark.parametrize(
    ("sure", "placed"),
    [
        (0.71, None),
        (0.7, Placement("rock", 0.7)),
        (0.5, Placement("rock", 0.7)),
        (0.45, Placement("rock/hard", 0.45)),
        (0.4, Placement("rock/hard/doom", 0.4)),
        (0.0, Placement("rock/hard/doom", 0.4)),
    ],
)
def test_finest_by_hand(sure: float, placed: Placement | None) -> None:
    assert finest(NODES, sure) == placed


def test_finest_ends_above_other() -> None:
    nodes = {"rock": 0.9, "rock/other": 0.5, "rock/punk": 0.4}
    assert finest(nodes, 0.3) == Placement("rock", 0.9)
    assert finest({"other": 0.9, "rock": 0.1}, 0.5) == Placement("other", 0.9)  # somebody's own label
    assert finest({}, 0.5) is None


@given(distributions, tag_vectors, st.floats(0, 1), st.floats(0, 1))
def test_being_surer_never_places_finer(genres: Vector, tags: Vector, one: float, two: float) -> None:
    nodes = the_shipped().node_probabilities(genres, tags)
    bold, shy = finest(nodes, min(one, two)), finest(nodes, max(one, two))
    if shy:
        assert bold
        assert shy.probability >= max(one, two)
        assert shy.path in (*ancestors(bold.path), bold.path)


def of_tags(**values: float) -> Vector:
    """Tag probabilities: a little of everything, and these (with _ for a space)."""
    tags = np.full(len(TAGS), 0.01)
    for name, value in values.items():
        tags[TAGS.index(name.replace("_", " "))] = value
    return tags


@pytest.mark.parametrize(
    ("label", "tags", "placed"),
    [
        ("electronic", of_tags(dance=0.7, electronic=0.3), "electronic/dance"),
        ("disco", of_tags(dance=0.7, electronic=0.3), "disco"),  # the head decides
        ("metal", of_tags(metal=0.7, heavy_metal=0.1), "metal"),
        ("metal", of_tags(metal=0.2, heavy_metal=0.4), "metal/heavy"),
        ("rock", of_tags(rock=0.3, indie=0.3, alternative=0.1), "rock/indie"),
        ("soul", of_tags(soul=0.3, pop=0.2), "soul"),
        ("soul", of_tags(soul=0.2, rnb=0.5), "soul/rnb"),
        ("classical", of_tags(instrumental=0.4), "classical"),
    ],
)
def test_songs_made_up(label: str, tags: Vector, placed: str) -> None:
    genres = np.where(np.array(LABELS) == label, 0.86, 0.01)
    found = finest(the_shipped().node_probabilities(genres, tags), params.SURE)
    assert found
    assert found.path == placed


@pytest.mark.parametrize(
    ("song", "placed"),
    [
        ("trance/DJ Sjors - Adventure.mp3", "electronic/dance"),
        ("orchestral/Tobias Escher - Unknown Horizons Main Theme.opus", "classical"),
        ("electronica/Ambick - Frustration.ogg", "electronic"),
        ("metal/Muldjord - Mutilated Mime.ogg", "metal"),
    ],
)
def test_songs_of_the_demo(shipped: Bundle, trunk: Trunk, song: str, placed: str) -> None:
    tags, embeddings, durations_s = trunk.analyse_file(REPO / "demo" / "catalog" / song).features()
    genres = song_mean(shipped.head.probabilities(tags, embeddings), durations_s)
    found = finest(the_shipped().node_probabilities(genres, song_mean(tags, durations_s)))
    assert found
    assert found.path == placed


def embeddings_of(shipped: Bundle, taggram: Any, track: Any, tracks: Any) -> Any:
    """Embeddings whose tags have the mean log-odds of each track's windows: the shortest such ones.

    The shipped head looks at nothing else of them.
    """
    with np.load(shipped.path / "trunk.npz", allow_pickle=False) as weights:
        kernel, bias = weights["tags/kernel"].astype(np.float64), weights["tags/bias"]
    odds = np.log(taggram / (1 - taggram))
    of_songs = np.stack([odds[track == name].mean(axis=0) for name in tracks])
    return ((of_songs - bias) @ np.linalg.inv(kernel.T @ kernel) @ kernel.T).astype(np.float32)


@pytest.mark.shared
def test_the_top_level_is_the_heads_and_right_for_the_songs_it_learned(shared: Path, shipped: Bundle) -> None:
    with np.load(shared / "data/gtzan_taggrams/train.npz", allow_pickle=False) as data:
        taggram, track, genre = data["taggram"], data["track"], data["genre"]
    tracks = np.unique(track)
    songs = np.stack([taggram[track == name].mean(axis=0) for name in tracks])
    truth = np.array([genre[track == name][0] for name in tracks])
    heads = shipped.head.probabilities(songs, embeddings_of(shipped, taggram, track, tracks))
    nodes = the_shipped().node_columns(heads, songs)
    tops = np.stack([nodes[label] for label in LABELS], axis=1)
    assert tops == pytest.approx(heads, abs=1e-6)
    assert np.mean(np.array(LABELS)[tops.argmax(axis=1)] == truth) > 0.84


@given(st.floats(0.05, 0.95), st.integers(0, 3))
def test_the_finest_of_many_songs_is_that_of_each(sure: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    genres, tags = random.dirichlet(np.full(len(LABELS), 0.2), 20), random.uniform(size=(20, len(TAGS))) ** 3
    many = finest_of_songs(the_shipped().node_columns(genres, tags), sure)
    each = [finest(the_shipped().node_probabilities(g, t), sure) for g, t in zip(genres, tags, strict=True)]
    assert many == [found.path if found else None for found in each]


@given(distributions, tag_vectors)
def test_the_top_level_alone_is_that_of_all_nodes(genres: Vector, tags: Vector) -> None:
    swapped = genres[::-1].copy()
    both, tags_of_both = np.stack([genres, swapped]), np.stack([tags, tags / 2])
    for taxonomy in (the_shipped(), Taxonomy.from_labels([f"g{n % 4}/{n}" for n in range(len(genres))])):
        tops, nodes = (way(both, tags_of_both) for way in (taxonomy.top_columns, taxonomy.node_columns))
        assert set(tops) == {path for path in nodes if "/" not in path}
        for path, p in tops.items():
            assert p == pytest.approx(nodes[path], abs=1e-12)
