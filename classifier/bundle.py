"""A model bundle on disk: load, verify, write.

A bundle is a directory: ``trunk.npz`` (weights, for Keras), ``trunk.onnx`` (the same function, for
serving), ``frontend.npz`` (mel filters), ``head.npz``, and ``bundle.json``, which describes them.
Nothing is pickled. ``trunk_id`` hashes whatever decides what an embedding means; ``bundle_id``
hashes that and whatever decides what a genre probability means.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.errors import BundleError
from classifier.frontend import FrontEnd
from classifier.linear_head import LinearHead

Array = npt.NDArray[np.float32]
Arrays = Mapping[str, Array]

SHIPPED: Final = Path(__file__).parent / "shipped"
DESCRIPTION: Final = "bundle.json"
TRUNK_WEIGHTS: Final = "trunk.npz"
TRUNK_ONNX: Final = "trunk.onnx"
FRONT_END: Final = "frontend.npz"
HEAD: Final = "head.npz"
FILES: Final = (TRUNK_WEIGHTS, TRUNK_ONNX, FRONT_END, HEAD)
FORMAT: Final = 1
POOLING: Final = {"segment": "mean of patches", "song": "duration-weighted mean of segments"}
# Rules that bundles name and that no bundle may change.
_FIXED: Final = {
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
    head, labels, tag_names
        The genre classifier, the names of its outputs and those of the trunk's tags, in order.
    trunk_id, bundle_id
        What embeddings, and what genre probabilities, may be compared with each other.
    embedding_size
        Dimensions of a segment's embedding.
    training
        What the head was trained on and how: data, split, seed, scores, versions.
    """

    path: Path
    front_end: FrontEnd
    mel_filters: Array
    head: LinearHead
    labels: tuple[str, ...]
    tag_names: tuple[str, ...]
    trunk_id: str
    bundle_id: str
    embedding_size: int
    training: dict[str, Any]

    @property
    def onnx_path(self) -> Path:
        """Where the trunk's ONNX file lies."""
        return self.path / TRUNK_ONNX


def _digest(description: object, *groups: Arrays) -> str:
    """Hash a description and arrays, independent of how files store them."""
    state = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for arrays in groups:
        for name in sorted(arrays):
            value = np.ascontiguousarray(arrays[name])
            state.update(f"{name} {value.dtype.str} {value.shape}".encode())
            state.update(value.tobytes())
    return state.hexdigest()


def trunk_id_of(front_end: FrontEnd, mel_filters: Array, weights: Arrays) -> str:
    """Return the id of what an embedding means: front end, level rule, pooling, weights."""
    described = {"front_end": asdict(front_end), "pooling": POOLING, "segment_s": params.SEGMENT_S}
    return "trunk-" + _digest(described, weights, {"mel_filters": mel_filters})[:16]


def bundle_id_of(trunk_id: str, head: LinearHead, labels: tuple[str, ...]) -> str:
    """Return the id of what a genre probability means: trunk, head, labels."""
    described = {"trunk_id": trunk_id, "input": head.input, "labels": labels}
    return "bundle-" + _digest(described, {"kernel": head.kernel, "bias": head.bias})[:16]


def _read_arrays(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_files(path: Path, hashes: dict[str, str]) -> None:
    for name in FILES:
        if not (path / name).is_file():
            raise BundleError(f"bundle {path}: {name} is missing")
        if _file_hash(path / name) != hashes.get(name):
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
    if described.get("format") != FORMAT:
        raise BundleError(
            f"bundle {path}: format {described.get('format')} is not {FORMAT}, which this version reads"
        )
    if not isinstance(described.get("files"), dict):
        raise BundleError(f"bundle {path}: {DESCRIPTION} names no files")
    for name, value in _FIXED.items():
        if described.get(name) != value:
            raise BundleError(
                f"bundle {path}: {name} is {described.get(name)}, this version works with {value}"
            )
    _check_files(path, described["files"])
    try:
        bundle = _assemble(path, described)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"bundle {path}: {DESCRIPTION} does not fit its files ({error})") from error
    _check_ids(bundle, described)
    return bundle


def _assemble(path: Path, described: dict[str, Any]) -> Bundle:
    arrays = _read_arrays(path / HEAD)
    return Bundle(
        path=path,
        front_end=FrontEnd(**described["front_end"]),
        mel_filters=_read_arrays(path / FRONT_END)["mel_filters"],
        head=LinearHead(described["head"]["input"], arrays["kernel"], arrays["bias"]),
        labels=tuple(described["labels"]),
        tag_names=tuple(described["tag_names"]),
        trunk_id=described["trunk_id"],
        bundle_id=described["bundle_id"],
        embedding_size=described["embedding_size"],
        training=described["training"],
    )


def _check_ids(bundle: Bundle, described: dict[str, Any]) -> None:
    weights = _read_arrays(bundle.path / TRUNK_WEIGHTS)
    sizes = (len(weights["penultimate/bias"]), len(weights["tags/bias"]))
    if sizes != (bundle.embedding_size, len(bundle.tag_names)):
        raise BundleError(
            f"bundle {bundle.path}: embedding_size and tag_names do not fit its trunk, "
            f"which gives {sizes[0]} dimensions and {sizes[1]} tags"
        )
    trunk_id = trunk_id_of(bundle.front_end, bundle.mel_filters, weights)
    if trunk_id != bundle.trunk_id:
        raise BundleError(f"bundle {bundle.path}: trunk_id {bundle.trunk_id} does not match its trunk")
    if bundle_id_of(trunk_id, bundle.head, bundle.labels) != bundle.bundle_id:
        raise BundleError(f"bundle {bundle.path}: bundle_id {bundle.bundle_id} does not match its head")
    if bundle.head.kernel.shape[1] != len(bundle.labels):
        raise BundleError(f"bundle {bundle.path}: the head has another number of labels than {DESCRIPTION}")


def write(
    folder: Path,
    trunk_files: Path,
    front_end: FrontEnd,
    head: LinearHead,
    labels: tuple[str, ...],
    tag_names: tuple[str, ...],
    training: dict[str, Any],
) -> Bundle:
    """Write a bundle into ``folder/<bundle_id>``, whole or not at all.

    Parameters
    ----------
    folder
        Directory of bundles, made if absent.
    trunk_files
        Directory that holds the trunk's three files; they are copied.
    front_end, head, labels, tag_names, training
        As `Bundle` has them.

    Returns
    -------
    Bundle
        The bundle, loaded from where it was written.
    """
    mel_filters = _read_arrays(trunk_files / FRONT_END)["mel_filters"]
    trunk_id = trunk_id_of(front_end, mel_filters, _read_arrays(trunk_files / TRUNK_WEIGHTS))
    described = {
        "format": FORMAT,
        "bundle_id": bundle_id_of(trunk_id, head, labels),
        "trunk_id": trunk_id,
        "labels": labels,
        "front_end": asdict(front_end),
        **_FIXED,
        "embedding_size": params.EMBEDDING_SIZE,
        "tag_names": tag_names,
        "head": {"type": "softmax regression", "input": head.input},
        "training": training,
    }
    folder.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        _fill(part, trunk_files, head, described)
        target = folder / str(described["bundle_id"])
        _replace_folder(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return load(target)


def _replace_folder(new: Path, target: Path) -> None:
    """Put a directory in the place of another; the old one is put back if that fails."""
    if not target.exists():
        os.replace(new, target)
        return
    old = Path(tempfile.mkdtemp(prefix=".old-", dir=target.parent))
    os.replace(target, old)
    try:
        os.replace(new, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old)


def _fill(part: Path, trunk_files: Path, head: LinearHead, described: dict[str, Any]) -> None:
    """Write a bundle's files into a directory, and read them back before anyone else does."""
    for name in (TRUNK_WEIGHTS, TRUNK_ONNX, FRONT_END):
        shutil.copyfile(trunk_files / name, part / name)
    np.savez(part / HEAD, kernel=head.kernel, bias=head.bias)
    whole = {**described, "files": {name: _file_hash(part / name) for name in FILES}}
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    (part / DESCRIPTION).write_text(text, encoding="utf-8")
    load(part)
    part.chmod(0o755)
