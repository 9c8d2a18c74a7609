"""Small models such as others publish them: ONNX files of the signatures of Essentia's, and their JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from classifier.model import bundle

STYLES = (
    "Electronic---House",
    "Electronic---Ambient",
    "Electronic---Experimental",
    "Rock---Punk",
    "Rock---Experimental",
    "Funk / Soul---Soul",
)
LINK = "https://essentia.upf.edu/models/feature-extractors/discogs-effnet/discogs-effnet-bs64-1.pb"
OPSET, IR_VERSION = 15, 8


def described(
    name: str,
    classes: Sequence[str],
    reads: Sequence[int],
    outputs: Sequence[tuple[str, int, str]] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return the JSON of a model in the form of Essentia's; `more` replaces what is at its top."""
    return {
        "name": name,
        "type": "auto-tagging",
        "link": LINK,
        "version": "1",
        "author": "Nobody",
        "framework": "tensorflow",
        "classes": list(classes),
        "model_types": ["frozen_model", "onnx"],
        "schema": {
            "inputs": [{"name": "serving_default_melspectrogram", "type": "float", "shape": ["n", *reads]}],
            "outputs": [
                {
                    "name": output,
                    "type": "float",
                    "shape": ["n", size],
                    "op": "Sigmoid",
                    "output_purpose": why,
                }
                for output, size, why in outputs
            ],
        },
        "inference": {"sample_rate": 16000, "algorithm": "TensorflowPredictEffnetDiscogs"},
        **more,
    }


def save(path: Path, model: onnx.ModelProto, said: Mapping[str, Any] | None) -> Path:
    """Write a model, and what is said of it beside it."""
    path.write_bytes(model.SerializeToString())
    if said is not None:
        path.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
    return path


def model_of(
    nodes: Sequence[onnx.NodeProto],
    arrays: Mapping[str, Any],
    reads: tuple[str, Sequence[int | str]],
    gives: Mapping[str, int],
    *,
    more_opsets: Sequence[str] = (),
) -> onnx.ModelProto:
    """Return a model of some nodes; of what it reads the first size is the batch's."""
    name, shape = reads
    graph = helper.make_graph(
        list(nodes),
        "stand-in",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", size]) for n, size in gives.items()],
        [numpy_helper.from_array(np.asarray(value), n) for n, value in arrays.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, 1) for domain in more_opsets)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def effnet(
    styles: Sequence[str] = STYLES,
    size: int = 40,
    frames: int = 128,
    batch: int | str = "batch",
    bands: int = 96,
) -> onnx.ModelProto:
    """Return a network of the signature of discogs-effnet-bsdynamic-1, whose embedding follows the spectrum.

    It is the mean over time of what the patch is, less its usual level, through a random matrix.
    """
    random = np.random.default_rng(7)
    arrays = {
        "axes": np.array([1], np.int64),
        "usual": np.float32(1.5),
        "into": random.normal(0, 1 / np.sqrt(bands), (bands, size)).astype(np.float32),
        "out": random.normal(0, 1.5 / np.sqrt(size), (size, len(styles))).astype(np.float32),
    }
    nodes = [
        helper.make_node("ReduceMean", ["melspectrogram"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Sub", ["mean", "usual"], ["centred"]),
        helper.make_node("MatMul", ["centred", "into"], ["mixed"]),
        helper.make_node("Tanh", ["mixed"], ["embeddings"]),
        helper.make_node("MatMul", ["embeddings", "out"], ["scores"]),
        helper.make_node("Sigmoid", ["scores"], ["activations"]),
    ]
    del arrays["axes"]
    gives = {"activations": len(styles), "embeddings": size}
    return model_of(nodes, arrays, ("melspectrogram", [batch, frames, bands]), gives)


def effnet_json(styles: Sequence[str] = STYLES, size: int = 40, **more: Any) -> dict[str, Any]:
    """Return what is said of it; the names are those of the TensorFlow graph, as in the published file."""
    outputs = [
        ("PartitionedCall:0", len(styles), "predictions"),
        ("PartitionedCall:1", size, "embeddings"),
    ]
    return {**described("EffnetDiscogs", styles, (128, 96), outputs), **more}


def head(classes: int, size: int = 40, seed: int = 3) -> onnx.ModelProto:
    """Return a network that reads embeddings and gives probabilities of classes that exclude each other."""
    random = np.random.default_rng(seed)
    arrays = {"kernel": random.normal(0, 0.5, (size, classes)).astype(np.float32)}
    nodes = [
        helper.make_node("MatMul", ["embeddings", "kernel"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["activations"], axis=1),
    ]
    return model_of(nodes, arrays, ("embeddings", ["batch", size]), {"activations": classes})


def head_json(name: str, classes: Sequence[str], size: int = 40) -> dict[str, Any]:
    """Return what is said of a head."""
    inference = {
        "sample_rate": 16000,
        "algorithm": "TensorflowPredict2D",
        "embedding_model": {
            "algorithm": "TensorflowPredictEffnetDiscogs",
            "model_name": "discogs-effnet-bs64-1",
        },
    }
    outputs = [("model/Softmax", len(classes), "predictions")]
    return described(name, classes, (size,), outputs, inference=inference)


def musicnn(ends: Mapping[str, str]) -> onnx.ModelProto:
    """Return the shipped trunk with other names: those that it has to those that it gets."""
    model = onnx.load(str(bundle.SHIPPED / bundle.TRUNK_ONNX))
    for node in model.graph.node:
        node.input[:] = [ends.get(name, name) for name in node.input]
        node.output[:] = [ends.get(name, name) for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = ends.get(value.name, value.name)
    return model
