"""Whether a published file of musicnn's signature gives the shipped trunk's numbers and lists.

    python benchmarks/brought_model.py WORK WHEEL FOLDER...

WORK is an empty folder. WHEEL is the published musicnn 0.1.0 wheel, whose network is written as a plain ONNX
graph of all its 792,079 weights, nothing pruned or laid out anew, with the ends of Essentia's msd-musicnn-1.
The folders are ingested with the shipped bundle, then with this one; tags of every segment and the lists of
every track are compared. Last, a stand-in with the sizes of discogs-effnet-bsdynamic-1 (400 styles, 1,280
dimensions) says what such embeddings take in a catalogue; it is no EfficientNet, and its speed means nothing.
"""

import argparse
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import common
import numpy as np
import onnx

sys.path.insert(0, str(common.ROOT))
from classifier.build.convert_trunk import read_wheel
from classifier.build.prune import BRANCHES, MID_END, Weights, batch_norm
from classifier.model import bundle
from tests.recommender.models import published

NAME = "msd-musicnn-1"
FRAMES, BANDS = 187, 96


class _Graph:
    """Nodes and constants of a graph as they are added."""

    def __init__(self, weights: Weights) -> None:
        self.weights, self.nodes = weights, list[onnx.NodeProto]()
        self.arrays: dict[str, Any] = {}

    def add(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def array(self, name: str, values: Any) -> str:
        self.arrays[name] = np.ascontiguousarray(values)
        return name

    def norm(self, x: str, name: str, shape: tuple[int, ...]) -> str:
        """Add a batch norm, its parameters being of a shape."""
        scale, offset = (np.float32(part).reshape(shape) for part in batch_norm(self.weights, name))
        scaled = self.add("Mul", [x, self.array(f"{name}/scale", scale)], f"{name}/scaled")
        return self.add("Add", [scaled, self.array(f"{name}/offset", offset)], f"{name}/normed")

    def convolve(self, x: str, name: str, kernel: Any, pads: list[int]) -> str:
        bias = self.array(f"{name}/bias", self.weights[f"{name}/bias"])
        convolved = self.add(
            "Conv", [x, self.array(f"{name}/kernel", kernel), bias], f"{name}/out", pads=pads
        )
        return self.add("Relu", [convolved], f"{name}/relu")

    def dense(self, x: str, name: str) -> str:
        parts = [self.array(f"{name}/{part}", self.weights[f"{name}/{part}"]) for part in ("kernel", "bias")]
        return self.add("Gemm", [x, *parts], f"{name}/out")


def whole_musicnn(weights: Weights) -> onnx.ModelProto:
    """Return the network of ../shared/docs/musicnn.md, layer by layer."""
    graph = _Graph(weights)
    image = graph.add("Unsqueeze", ["melspectrogram", graph.array("axes", np.array([1]))], "image")
    image = graph.norm(image, "batch_normalization", (1, 1, 1, 1))
    maxima = []
    for conv, norm, name in BRANCHES:
        kernel = weights[f"{conv}/kernel"].transpose(3, 2, 0, 1)
        before = 3 if name.startswith("timbral") else (kernel.shape[2] - 1) // 2
        after = 3 if name.startswith("timbral") else kernel.shape[2] - 1 - before
        x = graph.convolve(image, conv, kernel, [before, 0, after, 0])
        x = graph.norm(x, norm, (1, -1, 1, 1))
        maxima.append(graph.add("ReduceMax", [x], f"{name}/max", axes=[3], keepdims=0))
    front = x = graph.add("Concat", maxima, "front", axis=1)
    layers = [front]
    for number, (conv, norm, name) in enumerate(MID_END):
        kernel = weights[f"{conv}/kernel"][:, :, 0].transpose(2, 1, 0)
        made = graph.norm(graph.convolve(x, conv, kernel, [3, 3]), norm, (1, -1, 1))
        x = made if not number else graph.add("Add", [x, made], f"{name}/sum")
        layers.append(x)
    features = graph.add("Concat", layers, "features", axis=1)
    pooled = [graph.add(f"Reduce{kind}", [features], kind, axes=[2], keepdims=1) for kind in ("Max", "Mean")]
    joined = graph.add("Flatten", [graph.add("Concat", pooled, "pairs", axis=2)], "joined")
    x = graph.dense(graph.norm(joined, "batch_normalization_9", (1, -1)), "dense")
    x = graph.norm(graph.add("Relu", [x], "hidden"), "batch_normalization_10", (1, -1))
    graph.add("Identity", [x], "embeddings")
    graph.add("Sigmoid", [graph.dense(x, "dense_1")], "activations")
    reads = ("melspectrogram", ["batch", FRAMES, BANDS])
    return published.model_of(graph.nodes, graph.arrays, reads, {"activations": 50, "embeddings": 200})


def said_of_musicnn() -> dict[str, Any]:
    """Return its metadata, with the level and the patches of the shipped trunk."""
    outputs = [("model/Sigmoid", 50, "predictions"), ("model/dense/BiasAdd", 200, "embeddings")]
    said = published.described(
        "MSD MusiCNN", bundle.load(bundle.SHIPPED).tag_names, (FRAMES, BANDS), outputs, license="ISC"
    )
    inference = {"sample_rate": 16000, "algorithm": "TensorflowPredictMusiCNN"}
    return {**said, "inference": inference, "deepcuts": {"reference_rms": 0.2}}


def lists(home: Path, ids: list[int]) -> dict[int, list[tuple[int, float]]]:
    """Return ten neighbours of every track, with their scores."""
    answers = {i: common.cli(home, "similar", i, "-n", 10)["results"] for i in ids}
    return {i: [(row["track_id"], row["score"]) for row in rows] for i, rows in answers.items()}


def vectors(home: Path, trunk_id: str, what: str) -> Any:
    """Return what a trunk says of all segments, (segments, n)."""
    query = f"SELECT {what} FROM feature WHERE trunk_id = ? ORDER BY segment_id"
    with sqlite3.connect(home / "catalog.sqlite") as database:
        return np.stack([np.frombuffer(raw, "<f4") for (raw,) in database.execute(query, [trunk_id])])


def compare(work: Path, wheel: Path, folders: list[Path]) -> dict[str, Any]:
    """Ingest with both, and return how far apart they are."""
    home = work / "home"
    first = common.cli(home, "ingest", *folders)
    with sqlite3.connect(home / "catalog.sqlite") as database:
        ids = [i for (i,) in database.execute("SELECT id FROM track WHERE error_kind IS NULL ORDER BY id")]
    before = lists(home, ids)
    file = published.save(work / f"{NAME}.onnx", whole_musicnn(read_wheel(wheel)), said_of_musicnn())
    added = common.cli(home, "model", "add", file)
    common.cli(home, "model", "use", NAME)
    again = common.cli(home, "ingest", *folders)
    after = lists(home, ids)
    common.cli(home, "model", "use", "shipped")
    trunks = (bundle.load(bundle.SHIPPED).trunk_id, added["trunk_id"])
    apart = {
        what: float(np.abs(np.subtract(*(vectors(home, trunk, what) for trunk in trunks))).max())
        for what in ("tags", "embedding")
    }
    same = [[i for i, _ in before[track]] == [i for i, _ in after[track]] for track in ids]
    scores = [abs(a - b) for t in ids for (_, a), (_, b) in zip(before[t], after[t], strict=False)]
    return {
        "tracks": len(ids),
        "segments": len(vectors(home, trunks[0], "tags")),
        "analysed": [first["analysed"], again["analysed"]],
        "cpu_seconds_a_minute": added["seconds_a_minute"],
        "largest_difference": apart,
        "lists_identical": sum(same),
        "largest_difference_of_scores": max(scores, default=0.0),
        "lists_identical_after_going_back": sum(before[t] == found for t, found in lists(home, ids).items()),
    }


def size_of_effnet(work: Path) -> dict[str, Any]:
    """Return what `model add` says of a stand-in of the published sizes."""
    styles = [f"Genre {number // 30}---Style {number}" for number in range(400)]
    file = published.save(
        work / "effnet.onnx", published.effnet(styles, 1280), published.effnet_json(styles, 1280)
    )
    added = common.cli(work / "effnet", "model", "add", file)
    return {name: added[name] for name in ("embedding_size", "bytes_a_minute")} | {
        "labels": len(added["labels"])
    }


def main() -> None:
    """Run this benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    answer = {"musicnn": compare(args.work, args.wheel, args.folders), "effnet": size_of_effnet(args.work)}
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
