"""Bundles: what load verifies, what the ids depend on, and that writing is whole or not at all."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.errors import BundleError
from classifier.features.frontend import FrontEnd
from classifier.model import bundle
from classifier.model import write as bundle_write
from classifier.model.bundle import Bundle
from classifier.model.bundle_values import check_front_end
from classifier.model.calibration import Calibration, Familiarity
from classifier.model.linear_head import LinearHead
from classifier.model.write import BundleContents

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
    return bundle_write.write(folder, trunk_files, BundleContents(**(arguments | changes)))


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    description = path / bundle.DESCRIPTION
    described = json.loads(description.read_text(encoding="utf-8"))
    change(described)
    description.write_text(json.dumps(described), encoding="utf-8")


def test_shipped_bundle_loads(shipped: Bundle) -> None:
    assert len(shipped.labels) == 15
    assert list(shipped.labels) == sorted(shipped.labels)
    assert len(shipped.tag_names) == len(set(shipped.tag_names)) == 50
    assert shipped.tag_names[:3] == ("rock", "pop", "alternative")
    assert shipped.head.kernel.shape == ({"tags": 50, "embedding": 200}[shipped.head.input], 15)
    assert shipped.head.bias.shape == (15,)
    assert shipped.embedding_size == 200
    assert shipped.front_end == FrontEnd()  # no default may drift from what the trunk was made with


def test_shipped_ids_are_those_of_its_files(shipped: Bundle) -> None:
    with np.load(bundle.SHIPPED / bundle.TRUNK_WEIGHTS, allow_pickle=False) as archive:
        weights = {name: archive[name] for name in archive.files}
    trunk_id = bundle.trunk_id_of(shipped.front_end, shipped.mel_filters, weights)
    assert trunk_id == shipped.trunk_id
    described = json.loads((bundle.SHIPPED / bundle.DESCRIPTION).read_text(encoding="utf-8"))
    assert (
        bundle.bundle_id_of(
            trunk_id, shipped.head, shipped.labels, shipped.calibration, described.get("taxonomy")
        )
        == shipped.bundle_id
    )


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
        (lambda d: d.update(format=4), "format 4"),
        (lambda d: d.pop("format"), "format"),
        (lambda d: d["labels"].reverse(), "bundle_id"),
        (lambda d: d["labels"].pop(), r"^bundle /.*bundle\.json does not fit its files \(the taxonomy"),
        (lambda d: d["head"].update(input="both"), "bundle_id"),
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


def test_front_end_that_would_take_very_long_is_refused() -> None:
    shipped = bundle.load(bundle.SHIPPED).front_end
    check_front_end(replace(shipped, hop_length=5))
    with pytest.raises(BundleError, match="would transform 2,048,000 values for a second"):
        check_front_end(replace(shipped, hop_length=4))


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


# Calibration, hierarchy, architecture


def a_calibration(seed: int = 5, **changes: Any) -> Calibration:
    random = np.random.default_rng(seed)
    familiarity = Familiarity(
        whiten=random.standard_normal((200, 3)).astype(np.float32),
        centres=random.standard_normal((3, 3)).astype(np.float32),
        limit=2.5,
        direction=random.standard_normal(200).astype(np.float32),
        offset=-0.25,
    )
    examples = random.standard_normal((4, 200)).astype(np.float32)
    return replace(Calibration(0.7, 0.35, "7 songs held out", familiarity, examples), **changes)


FACETS = {"format": 1, "facets": {"voice": ["female vocalists", "male vocalists"], "mood": ["sad"]}}


def test_calibration_and_hierarchy_come_back(tmp_path: Path, shipped: Bundle) -> None:
    given = a_calibration()
    labels = ("jazz", "rock", "rock/punk")
    loaded = bundle.load(write(tmp_path, shipped, calibration=given, taxonomy=FACETS, labels=labels).path)
    found = loaded.calibration
    assert found.describe() == given.describe()
    for name, value in given.to_arrays().items():
        np.testing.assert_array_equal(found.to_arrays()[name], value)
    assert set(found.to_arrays()) == {"whiten", "centres", "direction", "examples"}
    assert loaded.taxonomy.leaves == ("jazz", "rock/other", "rock/punk")
    assert loaded.taxonomy.facet_names() == FACETS["facets"]
    tags = np.zeros(50, np.float32)
    tags[shipped.tag_names.index("male vocalists")] = 0.75
    voices = loaded.taxonomy.facets(tags)["voice"]
    assert voices == [("male vocalists", 0.75), ("female vocalists", 0.0)]


def test_a_bundle_without_either_says_so(tmp_path: Path, shipped: Bundle) -> None:
    loaded = write(tmp_path, shipped)
    assert loaded.calibration is None
    assert loaded.taxonomy.leaves == LABELS
    assert loaded.taxonomy.facet_names() == {}
    assert not (loaded.path / bundle.CALIBRATION).exists()


def test_genres_are_at_the_temperature_of_the_calibration(tmp_path: Path, shipped: Bundle) -> None:
    head = a_head()
    random = np.random.default_rng(1)
    tags, embeddings = np.full((2, 50), 0.5, np.float32), random.standard_normal((2, 200)).astype(np.float32)
    logits = embeddings @ head.kernel + head.bias
    for calibration, temperature in ((None, 1.0), (a_calibration(temperature=4.0), 4.0)):
        odds = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
        said = write(tmp_path, shipped, head, calibration=calibration).genres(tags, embeddings)
        np.testing.assert_allclose(said, odds / odds.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)


def test_calibration_and_hierarchy_change_the_bundles_id_and_not_the_trunks(
    tmp_path: Path, shipped: Bundle
) -> None:
    whole = a_calibration()
    familiar = whole.familiarity
    given: list[dict[str, Any]] = [
        {},
        {"calibration": whole},
        {"calibration": replace(whole, temperature=0.8)},
        {"calibration": replace(whole, least_confidence=0.3)},
        {"calibration": replace(whole, familiarity=None)},
        {"calibration": replace(whole, familiarity=replace(familiar, limit=2.0))},
        {"calibration": replace(whole, familiarity=replace(familiar, offset=0.0))},
        {"calibration": replace(whole, familiarity=replace(familiar, centres=familiar.centres + 1))},
        {"calibration": replace(whole, familiarity=replace(familiar, whiten=familiar.whiten * 2))},
        {"calibration": replace(whole, familiarity=replace(familiar, direction=None))},
        {"taxonomy": FACETS},
        {"taxonomy": {**FACETS, "facets": {"mood": ["sad"]}}},
        {"taxonomy": FACETS, "calibration": whole},
    ]
    made = [write(tmp_path, shipped, **changes) for changes in given]
    assert len({one.bundle_id for one in made}) == len(given)
    assert {one.trunk_id for one in made} == {shipped.trunk_id}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: d["labels"].pop(), "bundle_id"),
        (lambda d: d["calibration"].update(temperature=1.0), "bundle_id"),
        (lambda d: d["calibration"].update(limit=9.0), "bundle_id"),
        (lambda d: d.update(calibration=None), "bundle_id"),
        (lambda d: d["calibration"].pop("data"), "data"),
        (lambda d: d["taxonomy"]["facets"].update(mood=["happy"]), "bundle_id"),
        (lambda d: d.update(taxonomy=None), "bundle_id"),
        (lambda d: d["architecture"].update(bands=3), "trunk_id"),
    ],
)
def test_changed_calibration_hierarchy_or_architecture_is_noticed(
    tmp_path: Path, shipped: Bundle, change: Callable[[dict[str, Any]], None], named: str
) -> None:
    made = write(tmp_path, shipped, calibration=a_calibration(), taxonomy=FACETS)
    edit(made.path, change)
    with pytest.raises(BundleError, match=named):
        bundle.load(made.path)


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_damaged_calibration_is_named(tmp_path: Path, shipped: Bundle, how: str) -> None:
    path = write(tmp_path, shipped, calibration=a_calibration()).path / bundle.CALIBRATION
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink() if how == "missing" else path.write_bytes(data)
    with pytest.raises(BundleError, match=bundle.CALIBRATION):
        bundle.load(path.parent)


def test_another_architecture_is_another_trunk(tmp_path: Path, shipped: Bundle) -> None:
    described = {"name": "cnn-mel", "frames": 187, "bands": 96}
    plain, named, other = (
        write(tmp_path, shipped, architecture=architecture, tag_names=names)
        for architecture, names in (
            ({"name": "musicnn"}, shipped.tag_names),
            (described, ()),
            ({**described, "frames": 100}, ()),
        )
    )
    assert plain.trunk_id == shipped.trunk_id
    assert len({one.trunk_id for one in (plain, named, other)}) == 3
    assert len({one.bundle_id for one in (plain, named, other)}) == 3
    assert bundle.load(named.path).architecture == described


def test_pictures_are_kept_and_their_damage_is_noticed(tmp_path: Path, shipped: Bundle) -> None:
    picture = tmp_path / "any.png"
    picture.write_bytes(b"picture")
    made = write(tmp_path / "bundles", shipped, pictures={"learning_curves.png": picture})
    kept = made.path / "learning_curves.png"
    assert kept.read_bytes() == b"picture"
    assert made.bundle_id == write(tmp_path / "others", shipped).bundle_id, "a picture decides nothing"
    kept.write_bytes(b"another")
    with pytest.raises(BundleError, match=r"learning_curves\.png"):
        bundle.load(made.path)


# The first format


def digest(described: object, *groups: dict[str, np.ndarray]) -> str:
    """Ids of the first format, computed here."""
    state = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for arrays in groups:
        for name in sorted(arrays):
            value = np.ascontiguousarray(arrays[name])
            state.update(f"{name} {value.dtype.str} {value.shape}".encode() + value.tobytes())
    return state.hexdigest()[:16]


def test_a_bundle_of_the_first_format_is_read(copied: Path, shipped: Bundle) -> None:
    """It knew no architecture, no calibration and no hierarchy."""
    head = a_head(3, 15)
    np.savez(copied / bundle.HEAD, kernel=head.kernel, bias=head.bias)
    described = json.loads((copied / bundle.DESCRIPTION).read_text(encoding="utf-8"))
    with np.load(copied / bundle.TRUNK_WEIGHTS, allow_pickle=False) as archive:
        weights = dict(archive)
    decides = {name: described[name] for name in ("front_end", "pooling", "segment_s")}
    trunk_id = "trunk-" + digest(decides, weights, {"mel_filters": shipped.mel_filters})
    said = {"trunk_id": trunk_id, "input": "embedding", "labels": described["labels"]}
    old = {
        name: value
        for name, value in described.items()
        if name not in ("architecture", "calibration", "taxonomy")
    }
    old |= {
        "format": 1,
        "trunk_id": trunk_id,
        "bundle_id": "bundle-" + digest(said, {"kernel": head.kernel, "bias": head.bias}),
        "head": {"type": "softmax regression", "input": "embedding"},
        "files": {name: bundle.file_hash(copied / name) for name in bundle.FILES},
    }
    (copied / bundle.CALIBRATION).unlink(missing_ok=True)
    (copied / bundle.DESCRIPTION).write_text(json.dumps(old), encoding="utf-8")
    loaded = bundle.load(copied)
    assert loaded.calibration is None
    assert loaded.architecture == {"name": "musicnn"}
    assert loaded.taxonomy.leaves == loaded.labels == shipped.labels
    assert loaded.trunk_id == shipped.trunk_id, "its features can still be compared"
    np.testing.assert_array_equal(loaded.head.kernel, head.kernel)
    again = bundle_write.write(
        copied.parent / "again",
        copied,
        BundleContents(
            loaded.front_end, loaded.head, loaded.labels, loaded.tag_names, {}, loaded.embedding_size
        ),
    )
    assert again.bundle_id == loaded.bundle_id, "an id means the same in both formats"
