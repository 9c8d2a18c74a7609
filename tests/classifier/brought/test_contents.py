"""What a brought model's bundle says: front end, genres, facets; what it is refused for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from classifier.brought.class_names import KnownWords
from classifier.brought.contents import BroughtHead, BroughtTrunk, contents_of, front_end_of
from classifier.brought.metadata import NO_LICENCE, ModelMetadata, read_metadata
from classifier.brought.outputs import TrunkOutputs, check_reads, trunk_outputs
from classifier.errors import BundleError
from classifier.features.frontend import FrontEnd
from classifier.model.bundle_values import check_front_end
from tests.recommender.models.published import STYLES, effnet_json, head_json

HASH = "0" * 64


def said(tmp_path: Path, **more: Any) -> ModelMetadata:
    path = tmp_path / "said.json"
    path.write_text(json.dumps(effnet_json(**more)), encoding="utf-8")
    return read_metadata(path)


def trunk(metadata: ModelMetadata, frames: int = 128) -> BroughtTrunk:
    outputs = TrunkOutputs("activations", "embeddings", 40)
    return BroughtTrunk("effnet.onnx", HASH, "melspectrogram", metadata, frames, outputs)


def test_metadata_as_published(tmp_path: Path) -> None:
    found = said(tmp_path)
    assert (found.name, found.version, found.classes, found.rate_hz) == ("EffnetDiscogs", "1", STYLES, 16000)
    assert found.reads == (0, 128, 96), "the first is any number"
    assert [(o.name, o.purpose) for o in found.outputs] == [
        ("PartitionedCall:0", "predictions"),
        ("PartitionedCall:1", "embeddings"),
    ]
    assert found.licence.startswith("CC BY-NC-SA 4.0")
    assert said(tmp_path, license="MIT").licence == "MIT"
    assert said(tmp_path, link="https://example.org/x.pb").licence == NO_LICENCE


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"classes": "rock"}, "its classes are not a list"),
        ({"classes": ["rock", 7]}, "number 2 of its classes has something other than a text"),
        ({"classes": ["rock", "rock"]}, "two of its classes are the same"),
        ({"classes": ["a\nb"]}, "number 1 of its classes has control characters"),
        ({"schema": []}, "its schema is not an object"),
        ({"schema": {"inputs": [1]}}, "its inputs are not a list of objects"),
        ({"inference": {"sample_rate": "16 kHz"}}, "its sample_rate is not a number"),
        ({"name": ["x"]}, "its name is not a short text"),
    ],
)
def test_metadata_that_say_something_impossible(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    with pytest.raises(BundleError, match=rf"^said\.json: {reason}"):
        said(tmp_path, **more)


def test_the_front_end_is_what_it_was_trained_on(tmp_path: Path) -> None:
    assert front_end_of(trunk(said(tmp_path))) == FrontEnd(patch_frames=128, patch_hop=62, reference_rms=None)
    musicnn = said(tmp_path, inference={"algorithm": "TensorflowPredictMusiCNN"})
    assert front_end_of(trunk(musicnn, 187)) == FrontEnd(reference_rms=None)
    own = said(tmp_path, deepcuts={"reference_rms": 0.2, "patch_hop": 64})
    assert front_end_of(trunk(own)) == FrontEnd(patch_frames=128, patch_hop=64)
    long = said(tmp_path, inference={})
    assert front_end_of(trunk(long, 500)).padding == "silence", "a song of 3 s has no such patch"


def test_another_front_end_is_refused(tmp_path: Path) -> None:
    vggish = said(tmp_path, inference={"algorithm": "TensorflowPredictVGGish"})
    with pytest.raises(BundleError, match="run by TensorflowPredictVGGish"):
        front_end_of(trunk(vggish))
    with pytest.raises(BundleError, match="say hop under deepcuts"):
        front_end_of(trunk(said(tmp_path, deepcuts={"hop": 1})))


def test_genres_are_the_squared_odds_of_the_classes_that_are_genres(tmp_path: Path) -> None:
    happy = BroughtHead("h.onnx", HASH, "embeddings", said(tmp_path), "activations")
    path = tmp_path / "happy.json"
    path.write_text(json.dumps(head_json("mood happy", ["happy", "non_happy"])), encoding="utf-8")
    happy = BroughtHead("happy.onnx", HASH, "embeddings", read_metadata(path), "activations")
    made = contents_of("mine", trunk(said(tmp_path)), [happy], KnownWords())
    assert made.labels == (
        "electronic/house",
        "electronic/ambient",
        "electronic/experimental",
        "rock/punk",
        "rock/experimental",
        "funk & soul/soul",
    )
    assert made.tag_names == (*made.labels, "happy")
    assert made.taxonomy == {"format": 1, "facets": {"mood": ["happy"]}}
    tags = np.array([[0.5, 0.2, 0.1, 0.05, 0.01, 0.002, 0.9]], np.float32)
    odds = (tags[0, :6].astype(float) / (1 - tags[0, :6].astype(float))) ** 2
    assert_allclose(made.head.probabilities(tags, np.zeros((1, 40))), [odds / odds.sum()], rtol=1e-4)
    assert made.architecture["heads"][0]["columns"] == [0]
    assert made.training["model"]["level"] == "as it is in the file"


def test_words_for_one_genre_count_as_their_mean(tmp_path: Path) -> None:
    metadata = said(tmp_path, classes=["alternative", "alternative rock", "jazz"])
    known = KnownWords({"alternative": "rock/alt", "alternative rock": "rock/alt", "jazz": "jazz"})
    made = contents_of("mine", trunk(metadata), [], known)
    assert made.labels == ("rock/alt", "jazz")
    assert_allclose(made.head.kernel, [[1, 0], [1, 0], [0, 2]])


def test_a_model_that_knows_no_genre_takes_them_from_a_head_or_is_refused(tmp_path: Path) -> None:
    plain = trunk(said(tmp_path, classes=[]))
    with pytest.raises(BundleError, match="none of its classes is a genre"):
        contents_of("mine", plain, [], KnownWords())
    styles = BroughtHead("g.onnx", HASH, "embeddings", said(tmp_path), "activations")
    made = contents_of("mine", plain, [styles, styles], KnownWords())
    assert len(made.labels) == len(STYLES)
    assert made.taxonomy is not None
    assert set(made.taxonomy["facets"]) == {"style"}, "those of the second head are no genres beside them"
    assert len(set(made.tag_names)) == 2 * len(STYLES)


def test_which_output_is_what(tmp_path: Path) -> None:
    metadata = said(tmp_path)
    by_name = {"embeddings": 40, "activations": 6, "logits": 6}
    assert trunk_outputs(by_name, metadata) == TrunkOutputs("activations", "embeddings", 40)
    graph = {"PartitionedCall:1": 6, "PartitionedCall:0": 6}
    assert trunk_outputs(graph, metadata) == TrunkOutputs("PartitionedCall:0", "PartitionedCall:1", 6)
    by_size = {"a": 40, "b": 6}
    assert trunk_outputs(by_size, metadata) == TrunkOutputs("b", "a", 40)


@pytest.mark.parametrize(
    ("gives", "reason"),
    [
        ({"activations": 6}, "none of its outputs is an embedding"),
        ({"activations": 7, "embeddings": 40}, "names? 6 classes, but its output activations has 7 numbers"),
        ({"a": 6, "b": 6, "embeddings": 40}, "which output they are of is not clear"),
        ({"activations": 6, "embeddings": 5000}, "its embedding has 5,000 numbers; at most 4,096"),
    ],
)
def test_outputs_that_do_not_fit(tmp_path: Path, gives: dict[str, int], reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        trunk_outputs(gives, said(tmp_path))


def test_what_it_reads(tmp_path: Path) -> None:
    assert check_reads([128, 96], said(tmp_path)) == 128
    with pytest.raises(BundleError, match="reads 64 values a frame, not the 96 mel bands"):
        check_reads([96, 64], said(tmp_path))
    with pytest.raises(BundleError, match="trained on sound of 44,100 Hz"):
        check_reads([128, 96], said(tmp_path, inference={"sample_rate": 44100}))
    with pytest.raises(BundleError, match="do not say the sample_rate"):
        check_reads([128, 96], said(tmp_path, inference={}))


def paths(said: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in JSON, its own first."""
    inside = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [above, *(path for name, value in inside for path in paths(value, (*above, name)))]


def changed(said: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(said))
    if not path:
        return value
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return copy


STRANGE = (None, True, -1, 1.5, 10**30, "", "x" * 300, "a\nb", [], {}, [[]], [{}], {"a": 1}, ["---", "a---"])


def test_whatever_metadata_say_is_used_or_refused(tmp_path: Path) -> None:
    """Each of its values replaced by each of some strange ones."""
    good = effnet_json(deepcuts={"patch_hop": 62, "reference_rms": 0.2})
    path = tmp_path / "said.json"
    used = refused = 0
    for place in paths(good):
        for value in STRANGE:
            path.write_text(json.dumps(changed(good, place, value)), encoding="utf-8")
            try:
                metadata = read_metadata(path)
                check_reads([128, 96], metadata)
                trunk_outputs({"activations": 6, "embeddings": 40}, metadata)
                made = contents_of("mine", trunk(metadata), [], KnownWords())
                check_front_end(made.front_end)
                used += 1
            except BundleError as error:
                assert "\n" not in str(error) and len(str(error)) < 400
                refused += 1
    assert used > 100 and refused > 100
