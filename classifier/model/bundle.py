"""A model bundle on disk: load and verify (`classifier.model.write` writes).

A bundle is a directory: ``trunk.npz`` (weights, for Keras), ``trunk.onnx`` (the same function, for
serving), ``frontend.npz`` (mel filters), ``head.npz``, ``calibration.npz`` where it is calibrated, and
``bundle.json``, which describes them. One whose network was brought as an ONNX file has no weights for
Keras, and perhaps more heads (`classifier.model.onnx_trunk`). Nothing is pickled. ``trunk_id`` hashes
whatever decides what an embedding means; ``bundle_id`` hashes that and whatever decides what a genre
probability means.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classifier import params
from classifier.arrays import Array
from classifier.errors import BundleError
from classifier.features.frontend import FrontEnd
from classifier.genres.taxonomy import Taxonomy
from classifier.model.bounded_files import arrays_of, file_hash, parsed, read_arrays, read_regular
from classifier.model.bundle_values import (
    MUSICNN,
    POOLING,
    Arrays,
    bundle_id_of,
    check_description,
    check_fit,
    trunk_id_of,
)
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead
from classifier.model.onnx_trunk import HEAD_FILES, hashes, head_files, is_brought, is_onnx

__all__ = ["MUSICNN", "POOLING", "bundle_id_of", "file_hash", "read_arrays", "trunk_id_of"]


SHIPPED: Final = Path(__file__).parent.parent / "shipped"
DESCRIPTION: Final = "bundle.json"
TRUNK_WEIGHTS: Final = "trunk.npz"
TRUNK_ONNX: Final = "trunk.onnx"
FRONT_END: Final = "frontend.npz"
HEAD: Final = "head.npz"
CALIBRATION: Final = "calibration.npz"
TRUNK_FILES: Final = (TRUNK_WEIGHTS, TRUNK_ONNX, FRONT_END)
FILES: Final = (*TRUNK_FILES, HEAD)
"""Of a bundle whose network was made here."""
LEARNING_CURVES: Final = "learning_curves.png"
KNOWN_FILES: Final = (*TRUNK_FILES, HEAD, CALIBRATION, LEARNING_CURVES, *HEAD_FILES)
"""All that a bundle may have beside its description; nothing else is ever read, copied or written."""
ARRAYS_SUFFIX: Final = ".npz"
LONGEST_REASON: Final = 300
FORMAT: Final = 3
# Format 1 knew one architecture, no calibration and no taxonomy; format 2 no detector of what is not music.
READABLE_FORMATS: Final = (1, 2, 3)
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

    @property
    def least_confidence(self) -> float | None:
        """How probable the most probable label is of a song that gets one; None where nobody learned it."""
        least = self.calibration.least_confidence if self.calibration is not None else None
        return None if least == 0 and is_brought(self) else least

    def genres(self, tags: Array, embeddings: Array) -> Array:
        """Return the calibrated probability of each label, (segments, labels), of segments' features."""
        temperature = self.calibration.temperature if self.calibration is not None else 1.0
        return self.head.probabilities(tags, embeddings, temperature)


def load(path: Path) -> Bundle:
    """Load a bundle and verify that its files are those it describes, and say nothing impossible.

    Its network is not run, nor looked at: see `classifier.networks.bundle_trial`.

    Parameters
    ----------
    path
        The bundle's directory.

    Raises
    ------
    BundleError
        If it is missing, damaged, of a newer format, or beyond a limit of `classifier.params`; the text
        names what does not match.
    """
    try:
        described = read_description(path)
        _check_format(described)
        contents = _contents(path, described)
        try:
            check_description(described)
            bundle = _assemble(path, described, contents)
        except (BundleError, AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise BundleError(f"{DESCRIPTION} does not fit its files ({_in_words(error)})") from error
        brought = is_onnx(bundle.architecture)
        if brought:
            _check_hashes(bundle, described["files"])
        weights = {} if brought else arrays_of(contents[TRUNK_WEIGHTS], TRUNK_WEIGHTS)
        _check_ids(bundle, described, weights)
        check_fit(bundle)
    except (BundleError, MemoryError) as error:
        raise BundleError(f"bundle {path}: {_in_words(error)}") from error
    return bundle


def _in_words(error: Exception) -> str:
    """Return what an error says, cut where what it quotes of a bundle is long."""
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    said = f"it has no {error.args[0]}" if isinstance(error, KeyError) else str(error)
    return said if len(said) < LONGEST_REASON else f"{said[:LONGEST_REASON]}…"


def read_description(path: Path) -> dict[str, Any]:
    """Return what a bundle's directory says of itself: a JSON object of bounded size, nothing of it checked.

    Raises
    ------
    BundleError
        If it says nothing.
    """
    return parsed(description_bytes(path), DESCRIPTION)


def description_bytes(path: Path, *, links: bool = True) -> bytes:
    """Return what `read_description` reads; `links` as `open_regular` has it."""
    if not os.path.lexists(path / DESCRIPTION):
        raise BundleError(f"there is none, for there is no {DESCRIPTION}")
    return read_regular(path / DESCRIPTION, params.LARGEST_DESCRIPTION, links=links)


def described_files(described: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of each file that a description names, by name; all of them are of the format.

    Raises
    ------
    BundleError
        If it names others, or not all that there must be.
    """
    files = described.get("files")
    if not isinstance(files, dict):
        raise BundleError(f"{DESCRIPTION} names no files")
    for name in files:
        if name not in KNOWN_FILES:
            raise BundleError(f"{DESCRIPTION} names a file that is no part of a bundle: {name[:60]}")
    calibrated = () if described.get("calibration") is None else (CALIBRATION,)
    for name in (*trunk_files(described.get("architecture", MUSICNN)), HEAD, *calibrated):
        if not isinstance(files.get(name), str):
            raise BundleError(f"{DESCRIPTION} does not say which file {name} is")
    return files


def trunk_files(architecture: object) -> tuple[str, ...]:
    """Return the names of the files that a trunk consists of, by its architecture as it is described."""
    if isinstance(architecture, dict) and is_onnx(architecture):
        return (TRUNK_ONNX, FRONT_END, *head_files(architecture))
    return TRUNK_FILES


def _check_format(described: Mapping[str, Any]) -> None:
    if described.get("format") not in READABLE_FORMATS:
        raise BundleError(
            f"format {json.dumps(described.get('format'))[:60]} is none of those that this version reads, "
            f"{READABLE_FORMATS[0]} to {FORMAT}"
        )
    for name, value in FIXED.items():
        if described.get(name) != value:
            raise BundleError(f"{name} is not {json.dumps(value)}, which this version works with")


def _contents(path: Path, described: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the bytes of a bundle's arrays by file name, all its files being those that were described."""
    contents = {}
    for name, wanted in described_files(described).items():
        if name.endswith(ARRAYS_SUFFIX):
            contents[name] = read_regular(path / name, params.LARGEST_BUNDLE_FILE)
            found = hashlib.sha256(contents[name]).hexdigest()
        else:
            found = file_hash(path / name)
        if found != wanted:
            raise BundleError(f"{name} is not the file that {DESCRIPTION} describes")
    return contents


def _assemble(path: Path, described: dict[str, Any], contents: Mapping[str, bytes]) -> Bundle:
    arrays = arrays_of(contents[HEAD], HEAD)
    labels, tag_names = tuple(described["labels"]), tuple(described["tag_names"])
    return Bundle(
        path=path,
        architecture=described.get("architecture", MUSICNN),
        front_end=FrontEnd.from_description(described["front_end"]),
        mel_filters=arrays_of(contents[FRONT_END], FRONT_END)["mel_filters"],
        head=LinearHead(described["head"]["input"], arrays["kernel"], arrays["bias"]),
        labels=labels,
        tag_names=tag_names,
        calibration=_calibration(described.get("calibration"), contents),
        taxonomy=Taxonomy.of_bundle(described.get("taxonomy"), labels, tag_names),
        trunk_id=described["trunk_id"],
        bundle_id=described["bundle_id"],
        embedding_size=described["embedding_size"],
        training=described["training"],
    )


def _calibration(described: dict[str, Any] | None, contents: Mapping[str, bytes]) -> Calibration | None:
    if described is None:
        return None
    return Calibration.from_parts(described, arrays_of(contents[CALIBRATION], CALIBRATION))


def _check_ids(bundle: Bundle, described: dict[str, Any], weights: Arrays) -> None:
    if bundle.architecture["name"] == MUSICNN["name"]:
        _check_musicnn(bundle, weights)
    trunk_id = trunk_id_of(bundle.front_end, bundle.mel_filters, weights, bundle.architecture)
    if trunk_id != bundle.trunk_id:
        raise BundleError(f"trunk_id {bundle.trunk_id} does not match its trunk")
    bundle_id = bundle_id_of(
        trunk_id, bundle.head, bundle.labels, bundle.calibration, described.get("taxonomy")
    )
    if bundle_id != bundle.bundle_id:
        raise BundleError(f"bundle_id {bundle.bundle_id} does not match its head")
    if bundle.head.kernel.shape[1:] != (len(bundle.labels),):
        raise BundleError(f"the head has another number of labels than {DESCRIPTION}")


def _check_hashes(bundle: Bundle, files: Mapping[str, str]) -> None:
    """Raise unless the files of a network that was brought are those that its trunk's id stands for."""
    for name, wanted in hashes(bundle.architecture, TRUNK_ONNX).items():
        if files.get(name) != wanted:
            raise BundleError(f"{name} is not the file that its architecture stands for")


def _check_musicnn(bundle: Bundle, weights: Arrays) -> None:
    sizes = tuple(weights[name].size if name in weights else 0 for name in ("penultimate/bias", "tags/bias"))
    if sizes != (bundle.embedding_size, len(bundle.tag_names)):
        raise BundleError(
            "embedding_size and tag_names do not fit its trunk, "
            f"which gives {sizes[0]} dimensions and {sizes[1]} tags"
        )
