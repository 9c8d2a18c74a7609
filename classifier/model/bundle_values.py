"""What a bundle says, checked before it is believed: types, ranges, arrays that fit each other; and its ids.

A text of `BundleError` names the part and, where it exceeds a limit of `classifier.params`, the limit.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.errors import BundleError
from classifier.features.frontend import FrontEnd
from classifier.genres.label_paths import label_fault
from classifier.genres.tag_rule import TagRule
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead
from classifier.model.onnx_trunk import ONNX, check_onnx, is_onnx

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle


ARCHITECTURES: Final = ("musicnn", "cnn", "vgg16", "cnn-mel", ONNX)
"""Of a trunk, as `classifier.networks.architectures.rebuild` knows them; and of one that was brought."""

_TYPES: Final[Mapping[str, type]] = {
    "labels": list,
    "tag_names": list,
    "front_end": dict,
    "head": dict,
    "embedding_size": int,
    "training": dict,
    "trunk_id": str,
    "bundle_id": str,
}
_PERHAPS: Final[Mapping[str, type]] = {"architecture": dict, "calibration": dict, "taxonomy": dict}
_WORDS: Final = {list: "a list", dict: "an object", int: "a whole number", str: "a text"}
_ID: Final = re.compile(r"bundle-[0-9a-f]{16}")


def is_bundle_id(text: str) -> bool:
    """Whether a text has the form of a bundle's id, which names its folder in a home."""
    return _ID.fullmatch(text) is not None


def check_description(described: Mapping[str, Any]) -> None:
    """Raise `BundleError` unless the parts of a description are of the types, and as many, as they may be."""
    for name, kind in (*_TYPES.items(), *_PERHAPS.items()):
        value = described.get(name)
        if value is None and name in _PERHAPS:
            continue
        if name not in described:
            raise BundleError(f"it has no {name}")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BundleError(f"{name} is not {_WORDS[kind]}")
    _check_names("labels", described["labels"], params.MOST_LABELS)
    _check_names("tag_names", described["tag_names"], params.MOST_TAGS)
    if not described["labels"]:
        raise BundleError("it has no labels")
    if described.get("architecture", {"name": "musicnn"}).get("name") not in ARCHITECTURES:
        raise BundleError(f"its architecture is none of: {', '.join(ARCHITECTURES)}")
    if is_onnx(described.get("architecture", {})):
        check_onnx(described["architecture"])
    _check_between("embedding_size", described["embedding_size"], 1, params.LARGEST_EMBEDDING)


def _check_names(what: str, names: Sequence[object], most: int) -> None:
    if len(names) > most:
        raise BundleError(f"it has {len(names):,} {what.replace('_', ' ')}; at most {most:,} are read")
    for number, name in enumerate(names, start=1):
        fault = label_fault(name) if isinstance(name, str) else "something other than a text"
        if fault is not None:
            raise BundleError(f"number {number} of its {what.replace('_', ' ')} has {fault}")
    if len(set(names)) != len(names):
        raise BundleError(f"two of its {what.replace('_', ' ')} are the same")


def _check_between(what: str, value: object, low: float, high: float) -> None:
    """Raise unless a value is a number between two others, both included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BundleError(f"{what} is not a number")
    if not low <= value <= high:
        said = f"{value:.6g}" if abs(value) < params.LARGEST_WEIGHT else "far too large"
        raise BundleError(f"{what} is {said}, not within {low:,.6g} to {high:,.6g}")


def check_front_end(front_end: FrontEnd) -> None:
    """Raise `BundleError` unless a front end's numbers are some that could be worked with."""
    kinds = get_type_hints(FrontEnd)
    for field in fields(FrontEnd):
        value, kind = getattr(front_end, field.name), kinds[field.name]
        if kind is int and (isinstance(value, bool) or not isinstance(value, int)):
            raise BundleError(f"{field.name} is not a whole number")
        if field.name in ("feature", "scale", "padding", "normalise") and value not in get_args(kind):
            raise BundleError(f"{field.name} is none of: {', '.join(get_args(kind))}")
    _check_between("rate_hz", front_end.rate_hz, params.LOWEST_RATE_HZ, params.HIGHEST_NETWORK_RATE_HZ)
    _check_between("n_fft", front_end.n_fft, 2, params.LONGEST_WINDOW)
    _check_between("hop_length", front_end.hop_length, 1, params.LONGEST_WINDOW)
    _check_between("n_mels", front_end.n_mels, 1, front_end.n_fft)
    _check_between("n_mfcc", front_end.n_mfcc, 1, params.LONGEST_WINDOW)
    _check_between("log_scale", front_end.log_scale, 1e-30, 1e30)
    _check_between("min_rest_s", front_end.min_rest_s, 0, params.SEGMENT_S)
    _check_between("patch_frames", front_end.patch_frames, 1, params.LARGEST_PATCH / front_end.n_bands)
    if front_end.patch_hop is not None:
        if type(front_end.patch_hop) is not int:
            raise BundleError("patch_hop is not a whole number")
        least = front_end.patch_frames / params.MOST_OVERLAPPING
        _check_between("patch_hop", front_end.patch_hop, least, front_end.patch_frames)
    if front_end.reference_rms is not None:
        _check_between("reference_rms", front_end.reference_rms, 1e-6, 1e6)
    low, high = front_end.limits
    _check_between("limits", low, -1e6, 1e6)
    _check_between("limits", high, math.nextafter(low, math.inf), 1e6)
    transformed = front_end.rate_hz / front_end.hop_length * front_end.n_fft
    if transformed > params.MOST_TRANSFORMED:
        raise BundleError(
            f"its front end would transform {transformed:,.0f} values for a second of audio; "
            f"at most {params.MOST_TRANSFORMED:,} are"
        )


def check_fit(bundle: "Bundle") -> None:
    """Raise `BundleError` unless a bundle's arrays fit what it says, and each other."""
    front_end, head = bundle.front_end, bundle.head
    check_front_end(front_end)
    _check_architecture(bundle.architecture)
    _check_array("mel_filters", bundle.mel_filters, (front_end.n_mels, 1 + front_end.n_fft // 2))
    sizes = {"tags": len(bundle.tag_names), "embedding": bundle.embedding_size}
    sizes["both"] = sum(sizes.values())
    if not sizes.get(head.input):
        raise BundleError("its head reads neither tags that there are, nor the embedding, nor both")
    _check_array("kernel", head.kernel, (sizes[head.input], len(bundle.labels)))
    _check_array("bias", head.bias, (len(bundle.labels),))
    if bundle.calibration is not None:
        _check_calibration(bundle.calibration, sizes[head.input], bundle.embedding_size)
    if bundle.taxonomy.rule is not None:
        _check_rule(bundle.taxonomy.rule)


def _check_architecture(architecture: Mapping[str, Any]) -> None:
    """Raise unless a trunk that is rebuilt from this would read patches, or pictures, of sane sizes."""
    if is_onnx(architecture):
        return  # of which nothing is rebuilt
    for name in ("frames", "bands"):
        _check_between(name, architecture.get(name, 1), 1, params.LARGEST_PATCH)
    image = architecture.get("image", [1, 1])
    if not isinstance(image, list) or len(image) != 2:
        raise BundleError("its architecture has a picture without height and width")
    for side in image:
        _check_between("image", side, 1, params.LONGEST_PICTURE)
    if not isinstance(architecture.get("published", False), bool):
        raise BundleError("its architecture is neither as published nor otherwise")


def _check_array(name: str, array: Array, shape: tuple[int | None, ...]) -> None:
    """Raise unless an array has this shape, None being any length from 1 on, and no monstrous values."""
    alike = len(array.shape) == len(shape) and all(
        found == wanted or (wanted is None and found)
        for found, wanted in zip(array.shape, shape, strict=True)
    )
    if not alike:
        raise BundleError(f"its array {name} has the shape {_sizes(array.shape)}, not {_sizes(shape)}")
    if not (np.abs(array) <= params.LARGEST_WEIGHT).all():
        raise BundleError(f"its array {name} has values beyond {params.LARGEST_WEIGHT:.0e}")


def _sizes(shape: Sequence[int | None]) -> str:
    return " × ".join("any" if size is None else f"{size:,}" for size in shape) or "of a single number"


def _check_calibration(calibration: Calibration, n_features: int, embedding_size: int) -> None:
    _check_between("temperature", calibration.temperature, *params.TEMPERATURES)
    _check_between("least_confidence", calibration.least_confidence, 0, 1)
    if calibration.examples is not None:
        _check_array("examples", calibration.examples, (None, embedding_size))
    detector = calibration.detector
    if detector is not None:
        _check_array("not_music_linear", detector.linear, (embedding_size,))
        _check_array("not_music_square", detector.square, (embedding_size,))
        _check_between("not_music_offset", detector.offset, -params.LARGEST_WEIGHT, params.LARGEST_WEIGHT)
    familiar = calibration.familiarity
    if familiar is None:
        return
    _check_between("limit", familiar.limit, params.LEAST_DISTANCE, params.LARGEST_WEIGHT)
    _check_between("offset", familiar.offset, -params.LARGEST_WEIGHT, params.LARGEST_WEIGHT)
    _check_array("whiten", familiar.whiten, (n_features, None))
    _check_array("centres", familiar.centres, (None, familiar.whiten.shape[1]))
    if len(familiar.centres) > params.MOST_LABELS:
        raise BundleError(
            f"it has {len(familiar.centres):,} centres; at most {params.MOST_LABELS:,} are read"
        )
    if familiar.direction is not None:
        _check_array("direction", familiar.direction, (n_features,))


def _check_rule(rule: TagRule) -> None:
    _check_names("genres", list(rule.tags_of), params.MOST_LABELS)
    for name in ("new_genre", "weak", "sharpness"):
        _check_between(name, getattr(rule, name), 1e-6, 1e3)
    for of_labels in rule.usual.values():
        for p in of_labels.values():
            _check_between("usual", p, 0, 1)


Arrays = Mapping[str, Array]

MUSICNN: Final[Mapping[str, Any]] = {"name": "musicnn"}
POOLING: Final = {"segment": "mean of patches", "song": "duration-weighted mean of segments"}


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
