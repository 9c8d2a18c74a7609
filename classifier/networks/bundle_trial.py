"""Whether a bundle's network is one that can be run: its graph looked at, then run on a patch. Imports ONNX.

Neither is done in a process that has anything to lose: a graph may crash the library that reads it, or
ask for more memory and time than there is. `recommender.bundles` starts a process for it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from classifier import params
from classifier.arrays import Array
from classifier.errors import BundleError
from classifier.features.segments import AudioSegment
from classifier.model.bounded_files import read_regular
from classifier.model.bundle import TRUNK_ONNX, Bundle, load, trunk_files
from classifier.model.inference import Trunk
from classifier.model.onnx_trunk import is_onnx
from classifier.model.runtime import onnxruntime_pybind11_state

CONTROL_FLOW: Final = ("Loop", "Scan", "If", "SequenceMap")
DOMAINS: Final = ("", "ai.onnx")
NAME: Final = "its network"
ONNX_SUFFIX: Final = ".onnx"
ALIKE: Final = 1e-3
"""How much a patch's embedding may change, as a share of its largest value, with what is read beside it."""
REFUSED: Final[tuple[type[Exception], ...]] = tuple(
    kind
    for kind in vars(onnxruntime_pybind11_state).values()
    if isinstance(kind, type) and issubclass(kind, Exception)
)
"""What ONNX Runtime raises; it has no exception of its own that all of them are."""


def try_bundle(folder: Path) -> None:
    """Raise `BundleError` unless a bundle's network is nothing but layers, and works on a patch.

    Parameters
    ----------
    folder
        Of the bundle; nothing outside of it is read.
    """
    bundle = load(folder)
    for name in trunk_files(bundle.architecture):
        if name.endswith(ONNX_SUFFIX):
            check_graph(read_regular(folder / name, params.LARGEST_BUNDLE_FILE), name)
    try:
        _run(bundle)
    except REFUSED as error:
        if "alloc" in str(error):
            raise MemoryError from error
        raise BundleError(f"{NAME} cannot be loaded and run by ONNX Runtime") from error


def check_graph(content: bytes, name: str = TRUNK_ONNX) -> None:
    """Raise `BundleError` unless an ONNX file holds one graph of standard operators with all its weights.

    No operator of other domains, no functions of its own, no graphs inside the graph (there are no loops
    and no branches in a trunk, so that what one patch takes, any takes), no weights in other files.
    """
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise BundleError(f"{name} is damaged, or no ONNX file") from error
    graphs = 0
    for number, message in enumerate(_messages(model)):
        kind = type(message).__name__
        if number > params.MOST_GRAPH_PARTS:
            raise BundleError(
                f"{NAME} has more than {params.MOST_GRAPH_PARTS:,} parts, the most that are read"
            )
        if kind == "TensorProto" and (message.data_location or message.external_data):
            raise BundleError(f"{NAME} keeps weights in another file, which is never read")
        if kind == "NodeProto":
            _check_node(message)
        graphs += kind == "GraphProto"
        if graphs > 1 or kind in ("FunctionProto", "TrainingInfoProto"):
            raise BundleError(f"{NAME} has graphs or functions beside the one that is run")
    if not graphs:
        raise BundleError(f"{NAME} has no graph")


def _messages(model: Any) -> Iterator[Any]:
    """Yield a protobuf message and all those that it consists of."""
    todo = [model]
    while todo:
        message = todo.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                todo.extend([value] if hasattr(value, "ListFields") else value)


def _check_node(node: Any) -> None:
    if node.domain not in DOMAINS:
        raise BundleError(f"{NAME} uses an operator that is not ONNX's own: {node.domain} {node.op_type}")
    if node.op_type in CONTROL_FLOW:
        raise BundleError(f"{NAME} loops or branches ({node.op_type})")


def _run(bundle: Bundle) -> None:
    """Analyse half a minute of noise as a file's segment would be, a batch of patches at the most."""
    trunk = Trunk(bundle, threads=1)
    _check_ends(trunk, bundle)
    rate_hz = bundle.front_end.rate_hz
    noise = np.random.default_rng(params.SEED).uniform(-0.5, 0.5, int(params.SEGMENT_S * rate_hz))
    patches = trunk.patches(AudioSegment(0.0, params.SEGMENT_S, noise.astype(np.float32)))[
        : params.RUN_PATCHES
    ]
    if not len(patches) or not np.isfinite(patches).all():
        raise BundleError(f"its front end makes no patch of numbers of {params.SEGMENT_S:.0f} s of sound")
    for batch in (patches, np.zeros_like(patches[:1])):
        tags, embeddings = trunk.run(batch)
        _check_output("tags", tags, (len(batch), len(bundle.tag_names)))
        _check_output(trunk.ends.embedding, embeddings, (len(batch), bundle.embedding_size))
        if tags.size and not (tags.min() >= 0 and tags.max() <= 1):
            raise BundleError(f"{NAME} gives tags that are no probabilities")
        _check_genres(bundle, tags, embeddings)
    if is_onnx(bundle.architecture):
        _check_embeddings(trunk, patches)


def _check_ends(trunk: Trunk, bundle: Bundle) -> None:
    """Raise unless the graph has the input and the outputs that a trunk has, and no others."""
    ends, brought = trunk.ends, is_onnx(bundle.architecture)
    wanted = sorted(filter(None, (ends.embedding, ends.tags)))
    inputs, outputs = trunk.graph_ends()
    missing = not set(wanted) <= set(outputs) if brought else sorted(outputs) != wanted
    if list(inputs) != [ends.input] or missing:
        raise BundleError(f"{NAME} has other inputs and outputs than {ends.input}, {' and '.join(wanted)}")
    shape = inputs[ends.input]
    patch = (bundle.front_end.patch_frames, bundle.front_end.n_bands)
    sizes = [size if isinstance(size, int) else own for size, own in zip(shape[1:], patch, strict=False)]
    rebuilt = tuple(
        bundle.architecture.get(name, own) for name, own in zip(("frames", "bands"), patch, strict=True)
    )
    fixed = shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else None
    if len(shape) != 3 or fixed != ends.batch or tuple(sizes) != patch or rebuilt != patch:
        raise BundleError(f"{NAME} reads other patches than its front end gives, {patch[0]} × {patch[1]}")


def _check_embeddings(trunk: Trunk, patches: Array) -> None:
    """Raise unless embeddings can be stored, and are a patch's own, whatever is read beside it."""
    together = trunk.run(patches)[1]
    apart = np.concatenate([trunk.run(patch[None])[1] for patch in patches])
    largest = float(np.abs(together).max())
    if largest > params.LARGEST_HALF:
        raise BundleError(f"{NAME} gives embeddings with values beyond {params.LARGEST_HALF:,.0f}")
    if np.abs(together - apart).max() > ALIKE * largest:
        raise BundleError(f"{NAME} gives a patch another embedding when it reads others beside it")


def _check_output(name: str, output: Array, shape: tuple[int, int]) -> None:
    if output.shape != shape or output.dtype != np.float32:
        raise BundleError(f"{NAME} gives {name} of another shape or kind than it should")
    if not (np.abs(output) <= params.LARGEST_WEIGHT).all():
        raise BundleError(f"{NAME} gives {name} that are not finite numbers")


def _check_genres(bundle: Bundle, tags: Array, embeddings: Array) -> None:
    genres = bundle.genres(tags, embeddings)
    nodes = bundle.taxonomy.node_columns(genres, tags)
    whole = np.concatenate([genres, np.stack(list(nodes.values()), axis=1)], axis=1)
    if not (np.isfinite(whole).all() and np.abs(genres.sum(axis=1) - 1).max() < params.SUM_TOLERANCE):
        raise BundleError("its head gives no probabilities that sum to 1")
    if bundle.calibration is not None:
        features = bundle.head.features(tags, embeddings)
        verdict = bundle.calibration.judge(features, genres, [params.SEGMENT_S] * len(genres))
        if not np.isfinite(verdict.distance or 0.0):
            raise BundleError("its calibration gives a distance that is no number")
