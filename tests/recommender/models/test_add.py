"""`model add`: a file of musicnn's signature is the shipped trunk; files that are wrong in many ways."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto, helper

from classifier import params
from classifier.errors import BundleError
from classifier.features.segments import AudioSegment
from classifier.model import bundle as bundles
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from classifier.model.onnx_trunk import is_brought
from recommender import bundles as store
from recommender import trial_process
from recommender.errors import RecommenderError
from recommender.home import Home
from recommender.models import add
from recommender.models.add import add_model
from recommender.models.listing import models
from recommender.models.remove import remove_model
from tests import synth
from tests.recommender.models import published
from tests.recommender.models.published import described, effnet, effnet_json, head, head_json, save


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let networks be tried in this process: those here are wrong, but do no harm."""
    for module in (add, store):
        monkeypatch.setattr(module, "in_trial", lambda task, *given: trial_process._task(task)(*given))


def musicnn_json(shipped: Bundle) -> dict[str, Any]:
    return described(
        "MSD MusiCNN",
        shipped.tag_names,
        (187, 96),
        [("model/Sigmoid", 50, "predictions"), ("model/dense/BiasAdd", 200, "embeddings")],
        inference={"sample_rate": 16000, "algorithm": "TensorflowPredictMusiCNN"},
        deepcuts={"reference_rms": params.REFERENCE_RMS},
    )


def test_the_shipped_trunk_as_a_published_file_gives_the_same(
    home: Home, shipped: Bundle, trunk: Trunk, tmp_path: Path
) -> None:
    """Really tried in a process of its own; the names are the TensorFlow graph's, as in some exports."""
    names = {
        "patch": "model/Placeholder:0",
        "tags": "model/Sigmoid:0",
        "penultimate": "model/dense/BiasAdd:0",
    }
    file = save(tmp_path / "msd-musicnn-1.onnx", published.musicnn(names), musicnn_json(shipped))
    added = add_model(home, file)
    assert added.name == "msd-musicnn-1"
    assert added.bundle.path == home.bundles_dir / added.bundle.bundle_id
    assert added.bundle.trunk_id != shipped.trunk_id
    assert added.bundle.front_end == shipped.front_end
    assert added.bundle.onnx_path.read_bytes() == file.read_bytes(), "a model is kept as it was made"
    assert not (added.bundle.path / bundles.TRUNK_WEIGHTS).exists()
    assert added.seconds_a_minute > 0
    assert added.bytes_a_minute == 2 * (10 * 200 * 2 + (200 + 50 + len(added.bundle.labels)) * 4)
    samples = synth.music_like(30.0, 3, 16_000).astype(np.float32)
    segment = AudioSegment(0.0, 30.0, samples)
    stages = {"mel": 0.0, "network": 0.0}
    ours, theirs = (t.analyse_segment(segment, stages) for t in (trunk, Trunk(added.bundle, threads=1)))
    assert ours.tags is not None and theirs.tags is not None and theirs.embedding is not None
    assert_allclose(theirs.tags, ours.tags, atol=1e-4)
    assert_allclose(theirs.embedding, ours.embedding, atol=1e-4)
    assert home.bundle().bundle_id == shipped.bundle_id, "it is not used before it is chosen"


@pytest.mark.usefixtures("quick")
def test_a_model_of_effnets_signature_with_heads(home: Home, tmp_path: Path) -> None:
    file = save(tmp_path / "discogs-effnet-bsdynamic-1.onnx", effnet(), effnet_json())
    happy = save(tmp_path / "happy.onnx", head(2), head_json("mood happy", ["non_happy", "happy"]))
    other = head_json("danceability", ["danceable", "not_danceable"])
    other["inference"]["embedding_model"]["model_name"] = "msd-musicnn-1"
    dance = save(tmp_path / "dance.onnx", head(2, seed=9), other)
    added = add_model(home, file, heads=[happy, dance], name="effnet")
    bundle = added.bundle
    assert bundle.front_end.patch_hop == 62
    assert is_brought(bundle) and not is_brought(bundles.load(bundles.SHIPPED))
    assert bundle.taxonomy.facet_names() == {"mood": ["happy"], "danceability": ["danceable"]}
    assert len(added.notes) == 1 and added.notes[0].startswith("dance.onnx was made for")
    patches = np.random.default_rng(1).uniform(0, 3, (5, 128, 96)).astype(np.float32)
    tags, embeddings = Trunk(bundle, threads=1).run(patches)
    assert tags.shape == (5, len(published.STYLES) + 2) and embeddings.shape == (5, 40)
    kernel = onnx.numpy_helper.to_array(head(2).graph.initializer[0])
    scores = np.exp(embeddings @ kernel)
    assert_allclose(tags[:, -2], scores[:, 1] / scores.sum(axis=1), rtol=1e-4)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_a_batch_size_that_is_fixed_is_filled_up(home: Home, tmp_path: Path, batch: int) -> None:
    """As of discogs-effnet-bs64-1; the numbers are those of the same network with a free one."""
    free = add_model(home, save(tmp_path / "free.onnx", effnet(), effnet_json())).bundle
    said = effnet_json()
    said["schema"]["inputs"][0]["shape"] = [batch, 128, 96]
    fixed = add_model(home, save(tmp_path / "fixed.onnx", effnet(batch=batch), said)).bundle
    assert fixed.architecture["batch"] == batch
    patches = np.random.default_rng(1).uniform(0, 3, (9, 128, 96)).astype(np.float32)
    (tags, embeddings), (same_tags, same) = (Trunk(b, threads=1).run(patches) for b in (free, fixed))
    assert_allclose(same, embeddings, atol=1e-6)
    assert_allclose(same_tags, tags, atol=1e-6)


@pytest.mark.usefixtures("quick")
def test_sizes_that_the_graph_leaves_open_are_the_metadatas(home: Home, tmp_path: Path) -> None:
    """Those of msd-musicnn-1 say the patch alone, without the batch."""
    model = effnet()
    for size in model.graph.input[0].type.tensor_type.shape.dim:
        size.ClearField("dim_value")
    said = effnet_json()
    said["schema"]["inputs"][0]["shape"] = [128, 96]
    assert add_model(home, save(tmp_path / "m.onnx", model, said)).bundle.front_end.patch_frames == 128
    del said["schema"]["inputs"]
    with pytest.raises(BundleError, match=r"^n\.onnx: its network does not say, and its metadata neither"):
        add_model(home, save(tmp_path / "n.onnx", model, said))


@pytest.mark.usefixtures("quick")
def test_names_are_taken_once_and_the_same_model_twice_is_one(home: Home, tmp_path: Path) -> None:
    first = add_model(home, save(tmp_path / "a b.onnx", effnet(), effnet_json()))
    assert first.name == "a-b"
    again = add_model(home, tmp_path / "a b.onnx")
    assert again.bundle.bundle_id == first.bundle.bundle_id
    assert again.notes == ()
    third = add_model(home, tmp_path / "a b.onnx", name="other")
    assert (third.name, third.notes) == ("a-b", ("this very model is here already, called a-b",))
    another = save(tmp_path / "another.onnx", effnet(size=24), effnet_json(size=24))
    with pytest.raises(RecommenderError, match=f"another model called a-b .{first.bundle.bundle_id}"):
        add_model(home, another, name="a-b")
    for name in ("shipped", "bundle-0123456789abcdef", "../x", "", "-x"):
        with pytest.raises(RecommenderError, match="cannot be called"):
            add_model(home, another, name=name)
    assert [path.name for path in home.bundles_dir.iterdir()] == [first.bundle.bundle_id]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"labels": 7}, ("", "trained", "it says something impossible of itself")),
        ({"training": {"model": {"name": "../../x" * 50}}}, ("", "trained", None)),
        (
            {"training": {"model": {"name": "mine", "heads": [7, {"licence": "A"}]}}},
            ("mine", "brought", None),
        ),
        ({"training": 7}, ("", "trained", None)),
    ],
)
def test_a_bundle_that_says_strange_things_is_listed_all_the_same(
    home: Home, tmp_path: Path, change: dict[str, Any], row: tuple[str, str, str | None]
) -> None:
    folder = add_model(home, save(tmp_path / "mine.onnx", effnet(), effnet_json())).bundle.path
    said = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**said, **change}))
    name, kind, fault = row
    (found,) = models(home, None)[1:]
    assert (found.name, found.kind, found.fault) == (name or folder.name, kind, fault)


@pytest.mark.usefixtures("quick")
def test_listed_and_removed(home: Home, shipped: Bundle, tmp_path: Path) -> None:
    added = add_model(home, save(tmp_path / "mine.onnx", effnet(), effnet_json(license="MIT")))
    rows = models(home, None)
    assert [(r.name, r.kind, r.active, r.genres, r.dimensions, r.licence) for r in rows] == [
        ("shipped", "shipped", True, len(shipped.labels), 200, None),
        ("mine", "brought", False, 6, 40, "MIT"),
    ]
    home.activate(added.bundle)
    with pytest.raises(RecommenderError, match="mine is in use"):
        remove_model(home, None, "mine")
    with pytest.raises(RecommenderError, match="comes with deepcuts"):
        remove_model(home, None, "shipped")
    home.activate(shipped)
    with pytest.raises(RecommenderError, match="no model 'her'; there are: shipped, mine"):
        remove_model(home, None, "her")
    assert remove_model(home, None, "mine").bundle_id == added.bundle.bundle_id
    assert {path.name for path in home.bundles_dir.iterdir()} == {"active"}


def custom() -> onnx.ModelProto:
    model = effnet()
    model.graph.node[1].domain, model.graph.node[1].op_type = "com.example", "Magic"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    return model


def elsewhere() -> onnx.ModelProto:
    model = effnet()
    model.graph.initializer[1].ClearField("raw_data")
    model.graph.initializer[1].data_location = TensorProto.EXTERNAL
    entry = model.graph.initializer[1].external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return model


def loud() -> onnx.ModelProto:
    """Its activations are scores, not probabilities."""
    model = effnet()
    model.graph.node[-1].op_type = "Identity"
    return model


def undefined() -> onnx.ModelProto:
    model = effnet()
    model.graph.node[3].op_type = "Log"  # of numbers below 0, too
    return model


def mixing() -> onnx.ModelProto:
    """A patch's embedding depends on what else is read."""
    model = effnet()
    model.graph.node[1].input[:] = ["mean", "average"]
    model.graph.node.insert(1, helper.make_node("ReduceMean", ["mean"], ["average"], axes=[0], keepdims=1))
    return model


def lone() -> onnx.ModelProto:
    model = effnet()
    del model.graph.output[1]
    return model


Change = Callable[[Path], None]


def written(model: onnx.ModelProto, **more: Any) -> Change:
    return lambda file: str(save(file, model, effnet_json(**more))) and None


def _headed(model: onnx.ModelProto, said: dict[str, Any]) -> Change:
    def change(file: Path) -> None:
        save(file, effnet(), effnet_json())
        save(file.with_name("head.onnx"), model, said)

    return change


def _large(file: Path) -> None:
    save(file, effnet(), effnet_json())
    with open(file, "r+b") as opened:
        opened.truncate(params.LARGEST_BUNDLE_FILE + 1)


def _text(file: Path) -> None:
    save(file, effnet(), effnet_json())
    file.write_text("<html>404 Not Found</html>")


def _no_json(file: Path) -> None:
    save(file, effnet(), None)


def _bad_json(file: Path) -> None:
    save(file, effnet(), None)
    file.with_suffix(".json").write_text("{'name': 1}")


WRONG: dict[str, tuple[Change, str]] = {
    "no ONNX file": (_text, r"m\.onnx: it is damaged, or no ONNX file"),
    "too large": (_large, r"m\.onnx has more than 512 MiB, the most that is read of it"),
    "no metadata": (
        _no_json,
        r"m\.onnx: nothing says what its outputs mean; there is no m\.json: give --meta",
    ),
    "metadata that are no JSON": (_bad_json, r"m\.json is not JSON"),
    "an operator of its own": (
        written(custom()),
        r"m\.onnx: its network uses an operator that is not ONNX's",
    ),
    "weights elsewhere": (written(elsewhere()), r"m\.onnx: its network keeps weights in another file, which"),
    "a large batch": (written(effnet(batch=999)), r"m\.onnx: its network reads 999 at a time; at most 256"),
    "other bands": (written(effnet(bands=64)), r"m\.onnx: it reads 64 values a frame, not the 96 mel bands"),
    "another rate": (
        written(effnet(), inference={"sample_rate": 44100}),
        r"m\.onnx: it was trained on sound of 44,100 Hz; here it would get 16,000 Hz",
    ),
    "another front end": (
        written(effnet(), inference={"sample_rate": 16000, "algorithm": "TensorflowPredictMAEST"}),
        r"m\.onnx: its metadata say that it is run by TensorflowPredictMAEST, which hears otherwise",
    ),
    "other classes": (
        written(effnet(), classes=published.STYLES[:5]),
        r"m\.onnx: its metadata name 5 classes, but its output activations has 6 numbers",
    ),
    "no embedding": (written(lone()), r"m\.onnx: none of its outputs is an embedding: one must be called"),
    "no genre": (
        written(effnet(), classes=list("abcdef")),
        r"m\.onnx: none of its classes is a genre \(Genre---Style",
    ),
    "no probabilities": (written(loud()), r"m\.onnx: its network gives tags that are no probabilities"),
    "no numbers": (written(undefined()), r"m\.onnx: its network gives (tags|embeddings) that are not finite"),
    "a patch is not its own": (
        written(mixing()),
        r"m\.onnx: its network gives a patch another embedding when",
    ),
    "an impossible hop": (
        written(effnet(), deepcuts={"patch_hop": 1}),
        r"m\.onnx: patch_hop is 1, not within 8 to 128",
    ),
    "a head of another model": (
        _headed(head(2, size=200), head_json("mood happy", ["happy", "non_happy"])),
        r"head\.onnx: it reads embeddings of 200 numbers; those of m\.onnx have 40",
    ),
    "a head without classes": (
        _headed(head(2), head_json("mood happy", [])),
        r"head\.onnx: its metadata name no classes",
    ),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_wrong_is_named_with_the_reason_and_leaves_nothing(
    home: Home, tmp_path: Path, name: str
) -> None:
    change, reason = WRONG[name]
    file = tmp_path / "m.onnx"
    change(file)
    heads = [path for path in [tmp_path / "head.onnx"] if path.exists()]
    with pytest.raises(BundleError, match=f"^{reason}") as raised:
        add_model(home, file, heads=heads)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300
    assert list(home.bundles_dir.iterdir()) == []


def test_a_network_that_takes_all_memory_is_ended_in_its_own_process(home: Home, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["sizes"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
        helper.make_node("ReduceMean", ["melspectrogram"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Add", ["mean", "sum"], ["embeddings"]),
        helper.make_node("Sigmoid", ["embeddings"], ["activations"]),
    ]
    arrays = {"sizes": np.array([100_000, 100_000], np.int64)}
    reads = ("melspectrogram", ["batch", 128, 96])
    model = published.model_of(nodes, arrays, reads, {"activations": 96, "embeddings": 96})
    styles = [f"Rock---{number}" for number in range(96)]
    file = save(tmp_path / "m.onnx", model, effnet_json(styles, 96))
    with pytest.raises(BundleError, match=r"^m\.onnx: its network takes more than 2 GiB of memory$"):
        add_model(home, file)


def test_what_a_bundle_says_of_brought_files_is_checked(home: Home, quick: None, tmp_path: Path) -> None:
    added = add_model(home, save(tmp_path / "m.onnx", effnet(), effnet_json()))
    folder = added.bundle.path
    said = json.loads((folder / "bundle.json").read_text())
    for change, reason in (
        ({"sha256": "f" * 64}, "not the file that its architecture stands for"),
        ({"heads": [{}]}, "has a head that is not described"),
        ({"heads": "none"}, "heads that are no list"),
        ({"batch": 0}, "a batch size that is none"),
        ({"input": 7}, "names an input or output by something other"),
        ({"more": 1}, "does not say what an ONNX file reads and gives"),
    ):
        changed = {**said, "architecture": {**said["architecture"], **change}}
        (folder / "bundle.json").write_text(json.dumps(changed))
        with pytest.raises(BundleError, match=reason):
            bundles.load(folder)
