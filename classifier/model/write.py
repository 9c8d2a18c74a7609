"""Write or copy a model bundle, whole or not at all (`classifier.model.bundle` says what one is)."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier import params
from classifier.features.frontend import FrontEnd
from classifier.files import close_to_others, make_folder, replace_folder, sync_descriptor, sync_folder
from classifier.model.bounded_files import blocks_of, open_regular, parsed
from classifier.model.bundle import (
    CALIBRATION,
    DESCRIPTION,
    FIXED,
    FORMAT,
    FRONT_END,
    HEAD,
    MUSICNN,
    TRUNK_WEIGHTS,
    Bundle,
    bundle_id_of,
    described_files,
    description_bytes,
    file_hash,
    load,
    read_arrays,
    trunk_files,
    trunk_id_of,
)
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead
from classifier.model.onnx_trunk import is_onnx

PART: Final = ".part-"
REPLACED: Final = ".old-"
"""What the names of folders begin with that hold half a bundle, and one that is being replaced."""


@dataclass(frozen=True)
class BundleContents:
    """What a bundle says beside its trunk's files; see `Bundle`.

    Attributes
    ----------
    taxonomy
        Description of a tree; None for the one that the labels spell out.
    pictures
        Files to keep beside the others, such as learning curves: name to path.
    """

    front_end: FrontEnd
    head: LinearHead
    labels: tuple[str, ...]
    tag_names: tuple[str, ...]
    training: Mapping[str, Any]
    embedding_size: int
    architecture: Mapping[str, Any] = field(default_factory=lambda: dict(MUSICNN))
    calibration: Calibration | None = None
    taxonomy: Mapping[str, Any] | None = None
    pictures: Mapping[str, Path] = field(default_factory=dict)


def write(folder: Path, trunk_folder: Path, contents: BundleContents) -> Bundle:
    """Write a bundle into ``folder/<bundle_id>``, whole or not at all.

    Parameters
    ----------
    folder
        Directory of bundles, made if absent.
    trunk_folder
        Directory that holds the trunk's files; they are copied.
    contents
        Everything else.

    Returns
    -------
    Bundle
        The bundle, loaded from where it was written.
    """
    described = _description(trunk_folder, contents)
    make_folder(folder)
    part = Path(tempfile.mkdtemp(prefix=PART, dir=folder))
    try:
        _fill(part, trunk_folder, contents, described)
        target = folder / str(described["bundle_id"])
        replace_folder(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return load(target)


def _description(trunk_folder: Path, c: BundleContents) -> dict[str, Any]:
    """Return what a bundle says of itself, but for the hashes of its files."""
    filters = read_arrays(trunk_folder / FRONT_END)["mel_filters"]
    weights = {} if is_onnx(c.architecture) else read_arrays(trunk_folder / TRUNK_WEIGHTS)
    trunk_id = trunk_id_of(c.front_end, filters, weights, c.architecture)
    return {
        "format": FORMAT,
        "bundle_id": bundle_id_of(trunk_id, c.head, c.labels, c.calibration, c.taxonomy),
        "trunk_id": trunk_id,
        "architecture": c.architecture,
        "labels": c.labels,
        "front_end": c.front_end.describe(),
        **FIXED,
        "embedding_size": c.embedding_size,
        "tag_names": c.tag_names,
        "head": {"type": "softmax regression", "input": c.head.input},
        "calibration": c.calibration.describe() if c.calibration is not None else None,
        "taxonomy": c.taxonomy,
        "training": c.training,
    }


def copy_bundle(source: Path, target: Path) -> None:
    """Copy a bundle's description and the files that it names, none of them a link, into an empty directory.

    Raises
    ------
    BundleError
        If one is no regular file, or larger than it may be, or if together they are.
    OSError
        If they cannot be written.
    """
    content = description_bytes(source, links=False)
    names = described_files(parsed(content, DESCRIPTION))
    _write_new(target / DESCRIPTION, [content])
    left = params.LARGEST_BUNDLE
    for name in names:
        most = min(left, params.LARGEST_BUNDLE_FILE)
        with open_regular(source / name, links=False) as file:
            left -= _write_new(target / name, blocks_of(file, most, name))
    sync_folder(target)


def _write_new(path: Path, blocks: Iterable[bytes]) -> int:
    """Write a new file that its owner alone may read, for good, and return its size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        for block in blocks:
            file.write(block)
        size = file.tell()
        file.flush()
        sync_descriptor(file.fileno())
    return size


def _sync(path: Path) -> None:
    """Bring a file to the disk."""
    with open(path, "r+b") as file:
        sync_descriptor(file.fileno())


def _fill(part: Path, trunk_folder: Path, contents: BundleContents, described: dict[str, Any]) -> None:
    """Write a bundle's files into a directory, and read them back before anyone else does."""
    copied = {name: trunk_folder / name for name in trunk_files(dict(contents.architecture))}
    copied |= contents.pictures
    for name, source in copied.items():
        shutil.copyfile(source, part / name)
    np.savez(part / HEAD, kernel=contents.head.kernel, bias=contents.head.bias)
    names = [*copied, HEAD]
    if contents.calibration is not None:
        np.savez(part / CALIBRATION, **contents.calibration.to_arrays())  # type: ignore[arg-type]
        names.append(CALIBRATION)
    whole = {**described, "files": {name: file_hash(part / name) for name in names}}
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    (part / DESCRIPTION).write_text(text, encoding="utf-8")
    for name in (*names, DESCRIPTION):
        with suppress(OSError):  # some file systems have no modes
            close_to_others(part / name)
        _sync(part / name)
    sync_folder(part)
    load(part)
