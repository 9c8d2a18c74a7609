"""Bundles: what load verifies, what the ids depend on, and that writing is whole or not at all."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier import bundle, bundle_write
from classifier.bundle import Bundle
from classifier.bundle_write import Contents
from classifier.errors import BundleError
from classifier.frontend import FrontEnd
from classifier.linear_head import LinearHead

LABELS = ("blues", "jazz", "rock")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle.SHIPPED, tmp_path / "bundle"))


def a_head(seed: int = 0, n_labels: int = 3) -> LinearHead:
    random = np.random.default_rng(seed)
    kernel = random.standard_normal((200, n_labels)).astype(np.float32)
    return LinearHead("embedding", kernel, random.standard_normal(n_labels).astype(np.float32))


def write(folder: Path, shipped: Bundle, head: LinearHead | None = None, **changes: Any) -> Bundle:
    trunk_files = changes.pop("trunk_files", bundle.SHIPPED)
    arguments: dict[str, Any] = {
        "front_end": shipped.front_end,
        "head": head or a_head(),
        "labels": LABELS,
        "tag_names": shipped.tag_names,
        "training": {"data": "none"},
        "embedding_size": shipped.embedding_size,
    }
    return bundle_write.write(folder, trunk_files, Contents(**(arguments | changes)))


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    description = path / bundle.DESCRIPTION
    described = json.loads(description.read_text(encoding="utf-8"))
    change(described)
    description.write_text(json.dumps(described), encoding="utf-8")


def test_shipped_bundle_loads(shipped: Bundle) -> None:
    assert len(shipped.labels) == 10
    assert list(shipped.labels) == sorted(shipped.labels)
    assert len(shipped.tag_names) == len(set(shipped.tag_names)) == 50
    assert shipped.tag_names[:3] == ("rock", "pop", "alternative")
    assert shipped.head.kernel.shape == ({"tags": 50, "embedding": 200}[shipped.head.input], 10)
    assert shipped.head.bias.shape == (10,)
    assert shipped.embedding_size == 200
    assert shipped.front_end == FrontEnd()  # no default may drift from what the trunk was made with


def test_shipped_ids_are_those_of_its_files(shipped: Bundle) -> None:
    with np.load(bundle.SHIPPED / bundle.TRUNK_WEIGHTS, allow_pickle=False) as archive:
        weights = {name: archive[name] for name in archive.files}
    trunk_id = bundle.trunk_id_of(shipped.front_end, shipped.mel_filters, weights)
    assert trunk_id == shipped.trunk_id
    assert bundle.bundle_id_of(trunk_id, shipped.head, shipped.labels) == shipped.bundle_id


def test_trunk_id_depends_on_all_that_decides_what_an_embedding_means(
    shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {"a": np.arange(4, dtype=np.float32), "b": np.ones((2, 2), np.float32)}
    filters, front_end = shipped.mel_filters, shipped.front_end
    base = bundle.trunk_id_of(front_end, filters, weights)
    assert bundle.trunk_id_of(front_end, filters.copy(), dict(reversed(weights.items()))) == base
    changed = filters.copy()
    changed[50, 100] += 1e-6
    others = [
        bundle.trunk_id_of(replace(front_end, reference_rms=None), filters, weights),
        bundle.trunk_id_of(replace(front_end, reference_rms=0.1), filters, weights),
        bundle.trunk_id_of(replace(front_end, hop_length=255), filters, weights),
        bundle.trunk_id_of(replace(front_end, min_rest_s=1.0), filters, weights),
        bundle.trunk_id_of(front_end, changed, weights),
        bundle.trunk_id_of(front_end, filters, weights | {"b": np.ones((4, 1), np.float32)}),
        bundle.trunk_id_of(front_end, filters, {"a": weights["b"], "b": weights["a"]}),
    ]
    monkeypatch.setitem(bundle.POOLING, "segment", "median of patches")
    others.append(bundle.trunk_id_of(front_end, filters, weights))
    assert len({base, *others}) == 1 + len(others)


def test_bundle_id_depends_on_trunk_head_and_order_of_labels() -> None:
    head = a_head()
    base = bundle.bundle_id_of("trunk-1", head, LABELS)
    others = [
        bundle.bundle_id_of("trunk-2", head, LABELS),
        bundle.bundle_id_of("trunk-1", a_head(1), LABELS),
        bundle.bundle_id_of("trunk-1", replace(head, input="tags"), LABELS),
        bundle.bundle_id_of("trunk-1", replace(head, bias=head.bias + 1), LABELS),
        bundle.bundle_id_of("trunk-1", head, ("jazz", "blues", "rock")),
    ]
    assert len({base, *others}) == 1 + len(others)
    assert bundle.bundle_id_of("trunk-1", a_head(), LABELS) == base


# Damage: the text of the error names the thing.


@pytest.mark.parametrize("name", bundle.FILES)
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_one_changed_byte_is_noticed(copied: Path, name: str, place: float) -> None:
    data = bytearray((copied / name).read_bytes())
    data[int(len(data) * place)] ^= 1
    (copied / name).write_bytes(data)
    with pytest.raises(BundleError, match=name):
        bundle.load(copied)


@pytest.mark.parametrize("name", [*bundle.FILES, bundle.DESCRIPTION])
def test_missing_file_is_named(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(BundleError, match=name):
        bundle.load(copied)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere"):
        bundle.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: d.update(format=3), "format 3"),
        (lambda d: d.pop("format"), "format"),
        (lambda d: d["labels"].reverse(), "bundle_id"),
        (lambda d: d["labels"].pop(), "bundle_id"),
        (lambda d: d["head"].update(input="embedding"), "bundle_id"),
        (lambda d: d["front_end"].update(hop_length=255), "trunk_id"),
        (lambda d: d["front_end"].update(reference_rms=None), "trunk_id"),
        (lambda d: d.update(trunk_id="trunk-0123456789abcdef"), "trunk_id"),
        (lambda d: d.update(bundle_id="bundle-0123456789abcdef"), "bundle_id"),
        (lambda d: d.pop("labels"), "labels"),
        (lambda d: d["front_end"].update(colour="blue"), "colour"),
        (lambda d: d["files"].pop("head.npz"), "head.npz"),
        (lambda d: d.update(files={}), "trunk.npz"),
        (lambda d: d.update(tag_names=d["tag_names"][:49]), "tag"),
        (lambda d: d.update(embedding_size=100), "embedding_size"),
    ],
)
def test_changed_description_is_noticed(
    copied: Path, change: Callable[[dict[str, Any]], None], named: str
) -> None:
    edit(copied, change)
    with pytest.raises(BundleError, match=named):
        bundle.load(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "null"])
def test_description_that_is_no_json_object(copied: Path, text: str) -> None:
    (copied / bundle.DESCRIPTION).write_text(text)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        bundle.load(copied)


def test_pickled_head_is_refused(copied: Path) -> None:
    """Even where its hash was made to match."""
    np.savez(copied / bundle.HEAD, kernel=np.array([{"a": 1}], dtype=object), bias=np.zeros(10))
    digest = bundle.file_hash(copied / bundle.HEAD)
    edit(copied, lambda d: d["files"].update({bundle.HEAD: digest}))
    with pytest.raises(BundleError, match="allow_pickle=False"):
        bundle.load(copied)


def test_head_of_another_number_of_labels_is_named(tmp_path: Path, shipped: Bundle) -> None:
    with pytest.raises(BundleError, match="number of labels"):
        write(tmp_path, shipped, a_head(n_labels=4))
    assert list(tmp_path.iterdir()) == []


# Writing


def test_what_was_written_is_what_was_given(tmp_path: Path, shipped: Bundle) -> None:
    head = a_head()
    training = {"data": "Lieder", "songs": 7}
    written = write(tmp_path / "new" / "bundles", shipped, head, training=training)
    assert written.path == tmp_path / "new" / "bundles" / written.bundle_id
    loaded = bundle.load(written.path)
    np.testing.assert_array_equal(loaded.head.kernel, head.kernel)
    np.testing.assert_array_equal(loaded.head.bias, head.bias)
    assert (loaded.head.input, loaded.labels, loaded.training) == ("embedding", LABELS, training)
    assert (loaded.front_end, loaded.tag_names) == (shipped.front_end, shipped.tag_names)
    np.testing.assert_array_equal(loaded.mel_filters, shipped.mel_filters)
    assert loaded.onnx_path.read_bytes() == shipped.onnx_path.read_bytes()


def test_a_new_head_changes_the_bundle_id_alone(tmp_path: Path, shipped: Bundle) -> None:
    first, second = write(tmp_path, shipped), write(tmp_path, shipped, a_head(1))
    assert first.trunk_id == second.trunk_id == shipped.trunk_id
    assert len({first.bundle_id, second.bundle_id, shipped.bundle_id}) == 3
    assert {path.name for path in tmp_path.iterdir()} == {first.bundle_id, second.bundle_id}


def test_another_level_rule_changes_both_ids(tmp_path: Path, shipped: Bundle) -> None:
    first = write(tmp_path, shipped)
    second = write(tmp_path, shipped, front_end=replace(shipped.front_end, reference_rms=None))
    assert first.trunk_id != second.trunk_id
    assert first.bundle_id != second.bundle_id


def test_the_same_head_written_again_replaces_its_record(tmp_path: Path, shipped: Bundle) -> None:
    first = write(tmp_path, shipped, training={"run": 1})
    second = write(tmp_path, shipped, training={"run": 2})
    assert first.path == second.path
    assert bundle.load(first.path).training == {"run": 2}


@pytest.mark.parametrize("failing", ["copyfile", "savez", "replace"])
def test_failed_write_leaves_nothing(
    tmp_path: Path, shipped: Bundle, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    module = {"copyfile": shutil, "savez": np, "replace": bundle_write.os}[failing]
    monkeypatch.setattr(module, failing, fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, shipped)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_the_bundle_of_the_same_id(
    tmp_path: Path, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the one in use."""
    first = write(tmp_path, shipped, training={"run": 1})

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(bundle_write.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, shipped, training={"run": 2})
    monkeypatch.undo()
    assert bundle.load(first.path).training == {"run": 1}
