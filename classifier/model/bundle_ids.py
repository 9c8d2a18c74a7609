"""What a bundle's ids are made of: what decides what an embedding, and a genre probability, mean."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.features.frontend import FrontEnd
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead

Array = npt.NDArray[np.float32]
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
