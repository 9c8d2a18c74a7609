"""Bundles that lie consistently: their hashes and ids are those of what they hold."""

import io
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from classifier.features.frontend import FrontEnd
from classifier.model import bundle
from classifier.model.bundle import bundle_id_of, trunk_id_of
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead


def stranger(folder: Path) -> Path:
    """Make a good bundle that is not the shipped one: its head says a little else."""
    shutil.copytree(bundle.SHIPPED, folder)
    bias = load_arrays(folder / bundle.HEAD)["bias"] + np.float32(0.001)
    forge(folder, **{bundle.HEAD: arrays(folder, bundle.HEAD, bias=bias)})
    return folder


def described(folder: Path) -> dict[str, Any]:
    """Return a bundle's description."""
    found: dict[str, Any] = json.loads((folder / bundle.DESCRIPTION).read_text(encoding="utf-8"))
    return found


def forge(folder: Path, change: Callable[[dict[str, Any]], object] = lambda d: None, **files: bytes) -> None:
    """Change files and the description of a bundle, and let all hashes and ids be right that can be."""
    told = described(folder)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        told["files"][name] = bundle.file_hash(folder / name)
    change(told)
    with suppress(Exception):  # an id of what has no id
        told["trunk_id"], told["bundle_id"] = _ids(folder, told)
    (folder / bundle.DESCRIPTION).write_text(json.dumps(told), encoding="utf-8")


def _ids(folder: Path, told: dict[str, Any]) -> tuple[str, str]:
    files = {n: load_arrays(folder / n) for n in told["files"] if n.endswith(".npz")}
    front_end = FrontEnd.from_description(told["front_end"])
    filters, weights = files[bundle.FRONT_END]["mel_filters"], files[bundle.TRUNK_WEIGHTS]
    trunk_id = trunk_id_of(front_end, filters, weights, told["architecture"])
    head = LinearHead(told["head"]["input"], files[bundle.HEAD]["kernel"], files[bundle.HEAD]["bias"])
    calibration = Calibration.from_parts(told["calibration"], files[bundle.CALIBRATION])
    return trunk_id, bundle_id_of(trunk_id, head, tuple(told["labels"]), calibration, told["taxonomy"])


def load_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a file by name, whatever they are."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def arrays(folder: Path, name: str, **changes: Any) -> bytes:
    """Return a file of arrays in which some are others."""
    stream = io.BytesIO()
    np.savez(stream, **{**load_arrays(folder / name), **changes})
    return stream.getvalue()
