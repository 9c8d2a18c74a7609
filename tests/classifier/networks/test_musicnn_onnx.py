"""The trunk's ONNX graph: against the full network in numpy, and what decides its layout."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.build.prune import prune
from classifier.model import bundle
from classifier.model.inference import Trunk
from classifier.networks.architectures import build
from classifier.networks.export import export_onnx, export_trunk
from classifier.networks.musicnn import build_trunk
from classifier.networks.musicnn_onnx import export_musicnn, musicnn_model, temporal_groups
from classifier.networks.recipes import recipe_of
from tests.classifier.build.test_prune import CONVOLUTIONS, full_network, random_weights

Array = npt.NDArray[np.float32]

TOLERANCE = 1e-4


def run(path: Path, patches: Array) -> tuple[Array, Array]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["tags", "penultimate"], {"patch": patches})


# Live filters of the five branches: the shipped trunk's, whole blocks, and what fits none.
@pytest.mark.parametrize(
    "live", [(23, 14, 3, 7, 17), (16, 32, 16, 16, 16), (1, 2, 40, 1, 5), (5, 3, 2, 19, 33)]
)
def test_the_graph_is_the_full_network(
    live: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, n_live in zip(list(CONVOLUTIONS), live, strict=False):
        monkeypatch.setitem(CONVOLUTIONS, name, (CONVOLUTIONS[name][0], n_live))
    weights = random_weights(seed=sum(live))
    export_musicnn(prune(weights), tmp_path / "trunk.onnx")
    patches = np.random.default_rng(1).uniform(0, 3, (2, 187, 96)).astype(np.float32)
    tags, penultimate = run(tmp_path / "trunk.onnx", patches)
    for k, patch in enumerate(patches):
        expected_tags, expected_penultimate = full_network(weights, patch)
        scale = np.abs(expected_penultimate).max()
        np.testing.assert_allclose(penultimate[k], expected_penultimate, rtol=0, atol=TOLERANCE * scale)
        np.testing.assert_allclose(tags[k], expected_tags, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("position", [0, 1, 57, 58, 59, 95])
def test_every_band_and_both_edges_in_time_count(position: int, tmp_path: Path) -> None:
    """A patch with one loud band or frame: what a shifted filter that misses its position would lose."""
    weights = random_weights(seed=3)
    export_musicnn(prune(weights), tmp_path / "trunk.onnx")
    patches = np.zeros((2, 187, 96), np.float32)
    patches[0, :, position] = 5
    patches[1, 186 - position] = 5
    _, penultimate = run(tmp_path / "trunk.onnx", patches)
    for k, patch in enumerate(patches):
        expected = full_network(weights, patch)[1]
        np.testing.assert_allclose(penultimate[k], expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def test_the_shipped_file_is_what_the_exporter_makes() -> None:
    weights = bundle.read_arrays(bundle.SHIPPED / bundle.TRUNK_WEIGHTS)
    assert onnx.load(bundle.SHIPPED / bundle.TRUNK_ONNX) == musicnn_model(weights)


def test_the_ids_are_those_of_the_plain_graph() -> None:
    """Catalogues made before the graph was laid out for speed stay valid."""
    shipped = bundle.load(bundle.SHIPPED)
    assert shipped.trunk_id == "trunk-e876a727254c71d5"
    assert shipped.bundle_id == "bundle-3426bf704a54ccf4"


def test_a_bundle_with_the_plain_graph_serves_the_same(tmp_path: Path, trunk: Trunk) -> None:
    plain = tmp_path / "bundle"
    shutil.copytree(bundle.SHIPPED, plain)
    weights = bundle.read_arrays(plain / bundle.TRUNK_WEIGHTS)
    shipped_hash = bundle.file_hash(plain / bundle.TRUNK_ONNX)
    export_onnx(build_trunk(weights), plain / bundle.TRUNK_ONNX, ["tags", "penultimate"])
    text = (plain / bundle.DESCRIPTION).read_text(encoding="utf-8")
    text = text.replace(shipped_hash, bundle.file_hash(plain / bundle.TRUNK_ONNX))
    (plain / bundle.DESCRIPTION).write_text(text, encoding="utf-8")
    loaded = bundle.load(plain)
    assert loaded.trunk_id == trunk.bundle.trunk_id
    patches = np.random.default_rng(5).uniform(0, 4, (7, 187, 96)).astype(np.float32)
    for found, expected in zip(trunk.run(patches), Trunk(loaded, threads=1).run(patches), strict=True):
        assert np.ptp(expected) > 1e-3
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_tuned_trunk_is_laid_out_for_speed_too(tmp_path: Path) -> None:
    weights = bundle.read_arrays(bundle.SHIPPED / bundle.TRUNK_WEIGHTS)
    network = build(recipe_of("musicnn-tuned"), 3, seed=1, trunk_weights=weights)
    export_trunk(network, tmp_path / "trunk.onnx")
    assert onnx.load(tmp_path / "trunk.onnx") == musicnn_model(weights)


def test_groups_of_the_shipped_trunk() -> None:
    groups = temporal_groups({"temporal_128": (128, 3), "temporal_64": (64, 7), "temporal_32": (32, 17)})
    assert [(g.taps, len(g.filters), g.steps) for g in groups] == [(32, 16, 2), (64, 8, 4), (128, 3, 10)]
    assert groups[1].filters[-1] == ("temporal_32", 16)
    # 32 channels of 33 taps every other frame, of 67 every fourth, 30 of 137 in 32 every tenth
    assert [g.cost for g in groups] == pytest.approx([528, 536, 438.4])


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.tuples(st.integers(1, 128), st.integers(1, 70))))
def test_groups_keep_every_filter_within_its_taps(sizes: Mapping[str, tuple[int, ...]]) -> None:
    groups = temporal_groups(sizes)
    found = [one for group in groups for one in group.filters]
    assert sorted(found) == sorted((name, i) for name, (_, n) in sizes.items() for i in range(n))
    assert all(sizes[name][0] <= group.taps for group in groups for name, _ in group.filters)
    alone = sum(temporal_groups({name: size})[0].cost for name, size in sizes.items())
    assert sum(group.cost for group in groups) <= alone * (1 + 1e-9)
