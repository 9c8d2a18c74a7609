"""A model bundle on disk: load and verify (`classifier.bundle_write` writes).

A bundle is a directory: ``trunk.npz`` (weights, for Keras), ``trunk.onnx`` (the same function, for
serving), ``frontend.npz`` (mel filters), ``head.npz``, ``calibration.npz`` where it is calibrated, and
``bundle.json``, which describes them. Nothing is pickled. ``trunk_id`` hashes whatever decides what an
embedding means; ``bundle_id`` hashes that and whatever decides what a genre probability means.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.calibration import Calibration
from classifier.errors import BundleError
from classifier.frontend import FrontEnd
from classifier.linear_head import LinearHead
from classifier.taxonomy import Taxonomy

Array = npt.NDArray[np.float32]
Arrays = Mapping[str, Array]

SHIPPED: Final = Path(__file__).parent / "shipped"
DESCRIPTION: Final = "bundle.json"
TRUNK_WEIGHTS: Final = "trunk.npz"
TRUNK_ONNX: Final = "trunk.onnx"
FRONT_END: Final = "frontend.npz"
HEAD: Final = "head.npz"
CALIBRATION: Final = "calibration.npz"
TRUNK_FILES: Final = (TRUNK_WEIGHTS, TRUNK_ONNX, FRONT_END)
FILES: Final = (*TRUNK_FILES, HEAD)
FORMAT: Final = 2
# Format 1 knew one architecture, no calibration and no taxonomy.
READABLE_FORMATS: Final = (1, 2)
MUSICNN: Final[Mapping[str, Any]] = {"name": "musicnn"}
POOLING: Final = {"segment": "mean of patches", "song": "duration-weighted mean of segments"}
# Rules that bundles name and that no bundle may change.
FIXED: Final = {
    "segment_s": params.SEGMENT_S,
    "silence_dbfs": params.SILENCE_DBFS,
    "pooling": POOLING,
}


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Attributes
    ----------
    path
        Its directory.
    front_end, mel_filters
        How audio becomes log-mel patches; filters are (n_mels, 1 + n_fft/2).
    architecture
        What builds the trunk in Keras: its ``name`` and what else that needs.
    head, labels, tag_names
        The genre classifier, the names of its outputs and those of the trunk's tags, in order; a
        trunk other than musicnn has no tags.
    calibration
        What makes the probabilities honest and says when they mean nothing; None where unknown.
    taxonomy
        The hierarchy of which the labels, and perhaps the tags, are leaves.
    trunk_id, bundle_id
        What embeddings, and what genre probabilities, may be compared with each other.
    embedding_size
        Dimensions of a segment's embedding.
    training
        What the head was trained on and how: data, split, seed, scores, versions.
    """

    path: Path
    architecture: Mapping[str, Any]
    front_end: FrontEnd
    mel_filters: Array
    head: LinearHead
    labels: tuple[str, ...]
    tag_names: tuple[str, ...]
    calibration: Calibration | None
    taxonomy: Taxonomy
    trunk_id: str
    bundle_id: str
    embedding_size: int
    training: dict[str, Any]

    @property
    def onnx_path(self) -> Path:
        """Where the trunk's ONNX file lies."""
        return self.path / TRUNK_ONNX

    def genres(self, tags: Array, embeddings: Array) -> Array:
        """Return the calibrated probability of each label, (segments, labels), of segments' features."""
        temperature = self.calibration.temperature if self.calibration is not None else 1.0
        return self.head.probabilities(tags, embeddings, temperature)


def _digest(description: object, *groups: Arrays) -> str:
    """Hash a description and arrays, independent of how files store them."""
    state = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for arrays in groups:
        for name in sorted(arrays):
            value = np.ascontiguousarray(arrays[name])
            state.update(f"{name} {value.dtype.str} {value.shape}".encode())
            state.update(value.tobytes())
    return state.hexdigest()


def trunk_id_of(
    front_end: FrontEnd, mel_filters: Array, weights: Arrays, architecture: Mapping[str, Any] = MUSICNN
) -> str:
    """Return the id of what an embedding means: front end, level rule, pooling, network, weights."""
    described: dict[str, Any] = {
        "front_end": front_end.describe(),
        "pooling": POOLING,
        "segment_s": params.SEGMENT_S,
    }
    if dict(architecture) != MUSICNN:  # which ids of format 1 did not name
        described["architecture"] = dict(architecture)
    return "trunk-" + _digest(described, weights, {"mel_filters": mel_filters})[:16]


def bundle_id_of(
    trunk_id: str,
    head: LinearHead,
    labels: tuple[str, ...],
    calibration: Calibration | None = None,
    taxonomy: Mapping[str, Any] | None = None,
) -> str:
    """Return the id of what a genre probability means: trunk, head, labels, calibration, taxonomy."""
    described: dict[str, Any] = {"trunk_id": trunk_id, "input": head.input, "labels": labels}
    arrays: dict[str, Array] = {"kernel": head.kernel, "bias": head.bias}
    if calibration is not None:
        described["calibration"] = calibration.describe()
        arrays |= {f"calibration/{name}": value for name, value in calibration.to_arrays().items()}
    if taxonomy is not None:
        described["taxonomy"] = dict(taxonomy)
    return "bundle-" + _digest(described, arrays)[:16]


def read_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays of an .npz file by name."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_files(path: Path, hashes: dict[str, str]) -> None:
    for name in dict.fromkeys((*FILES, *hashes)):
        if not (path / name).is_file():
            raise BundleError(f"bundle {path}: {name} is missing")
        if file_hash(path / name) != hashes.get(name):
            raise BundleError(f"bundle {path}: {name} is not the file that {DESCRIPTION} describes")


def load(path: Path) -> Bundle:
    """Load a bundle and verify that its files are those it describes.

    Parameters
    ----------
    path
        The bundle's directory.

    Raises
    ------
    BundleError
        If it is missing, damaged, or of a newer format; the text names what does not match.
    """
    try:
        described = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"no bundle at {path}: it has no {DESCRIPTION}") from error
    except ValueError as error:
        raise BundleError(f"bundle {path}: {DESCRIPTION} is not JSON") from error
    if not isinstance(described, dict):
        raise BundleError(f"bundle {path}: {DESCRIPTION} is not a JSON object")
    if described.get("format") not in READABLE_FORMATS:
        raise BundleError(
            f"bundle {path}: format {described.get('format')} is none of those that this version reads, "
            f"{READABLE_FORMATS[0]} to {FORMAT}"
        )
    if not isinstance(described.get("files"), dict):
        raise BundleError(f"bundle {path}: {DESCRIPTION} names no files")
    for name, value in FIXED.items():
        if described.get(name) != value:
            raise BundleError(
                f"bundle {path}: {name} is {described.get(name)}, this version works with {value}"
            )
    _check_files(path, described["files"])
    try:
        bundle = _assemble(path, described)
    except (BundleError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"bundle {path}: {DESCRIPTION} does not fit its files ({error})") from error
    _check_ids(bundle, described)
    return bundle


def _assemble(path: Path, described: dict[str, Any]) -> Bundle:
    arrays = read_arrays(path / HEAD)
    labels, tag_names = tuple(described["labels"]), tuple(described["tag_names"])
    return Bundle(
        path=path,
        architecture=described.get("architecture", MUSICNN),
        front_end=FrontEnd.from_description(described["front_end"]),
        mel_filters=read_arrays(path / FRONT_END)["mel_filters"],
        head=LinearHead(described["head"]["input"], arrays["kernel"], arrays["bias"]),
        labels=labels,
        tag_names=tag_names,
        calibration=_calibration(path, described.get("calibration")),
        taxonomy=Taxonomy.of_bundle(described.get("taxonomy"), labels, tag_names),
        trunk_id=described["trunk_id"],
        bundle_id=described["bundle_id"],
        embedding_size=described["embedding_size"],
        training=described["training"],
    )


def _calibration(path: Path, described: dict[str, Any] | None) -> Calibration | None:
    if described is None:
        return None
    return Calibration.from_parts(described, read_arrays(path / CALIBRATION))


def _check_ids(bundle: Bundle, described: dict[str, Any]) -> None:
    weights = read_arrays(bundle.path / TRUNK_WEIGHTS)
    if bundle.architecture["name"] == MUSICNN["name"]:
        _check_musicnn(bundle, weights)
    trunk_id = trunk_id_of(bundle.front_end, bundle.mel_filters, weights, bundle.architecture)
    if trunk_id != bundle.trunk_id:
        raise BundleError(f"bundle {bundle.path}: trunk_id {bundle.trunk_id} does not match its trunk")
    bundle_id = bundle_id_of(
        trunk_id, bundle.head, bundle.labels, bundle.calibration, described.get("taxonomy")
    )
    if bundle_id != bundle.bundle_id:
        raise BundleError(f"bundle {bundle.path}: bundle_id {bundle.bundle_id} does not match its head")
    if bundle.head.kernel.shape[1] != len(bundle.labels):
        raise BundleError(f"bundle {bundle.path}: the head has another number of labels than {DESCRIPTION}")


def _check_musicnn(bundle: Bundle, weights: Arrays) -> None:
    sizes = (len(weights["penultimate/bias"]), len(weights["tags/bias"]))
    if sizes != (bundle.embedding_size, len(bundle.tag_names)):
        raise BundleError(
            f"bundle {bundle.path}: embedding_size and tag_names do not fit its trunk, "
            f"which gives {sizes[0]} dimensions and {sizes[1]} tags"
        )
