"""From a model and its metadata to the contents of a bundle of the house's own format.

Its front end is ours, for the models that are taken are those that share it; but segments keep the level
that they have in their file, which is what such models were trained on. Genres are its classes that are
genres: their odds, squared and made to sum to 1. The square is that of `classifier.genres.tag_rule`; without
it what is hardly there in hundreds of styles would weigh as much as the one that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.brought.class_names import (
    KnownWords,
    NamedClass,
    apart,
    classes_of_head,
    classes_of_trunk,
    without_genres,
)
from classifier.brought.metadata import ModelMetadata
from classifier.brought.outputs import TrunkOutputs
from classifier.errors import BundleError
from classifier.features.frontend import FrontEnd
from classifier.genres.taxonomy import FORMAT
from classifier.model.linear_head import LinearHead
from classifier.model.onnx_trunk import HEAD_FILES, MOST_HEADS, Ends, HeadEnds, described_ends
from classifier.model.write import BundleContents

EFFNET: Final = "TensorflowPredictEffnetDiscogs"
ALGORITHMS: Final = (EFFNET, "TensorflowPredictMusiCNN", "TensorflowPredict")
"""Essentia's algorithms that feed a model what our front end makes."""
EFFNET_FRAMES: Final = 128
EFFNET_HOP: Final = 62
SHARPNESS: Final = 2.0
OWN_KEYS: Final = ("patch_hop", "reference_rms")


@dataclass(frozen=True)
class BroughtFile:
    """An ONNX file and what was found out about it.

    Attributes
    ----------
    file, sha256
        Its name where it came from, and its hash.
    input
        Name of what it reads.
    """

    file: str
    sha256: str
    input: str
    metadata: ModelMetadata


@dataclass(frozen=True)
class BroughtTrunk(BroughtFile):
    """A network that reads patches of so many frames, so many at a time; None for any number."""

    frames: int
    outputs: TrunkOutputs
    batch: int | None = None


@dataclass(frozen=True)
class BroughtHead(BroughtFile):
    """A network that reads embeddings, and the name of its output that is used."""

    output: str


def contents_of(
    name: str, trunk: BroughtTrunk, heads: Sequence[BroughtHead], known: KnownWords
) -> BundleContents:
    """Return what the bundle of a model says.

    Parameters
    ----------
    name
        What the user calls it.
    known
        Places of plain words in a tree.

    Raises
    ------
    BundleError
        If it names no genre, or not all of it fits.
    """
    if len(heads) > MOST_HEADS:
        raise BundleError(f"it has {len(heads)} heads; at most {MOST_HEADS} are read")
    own, of_heads = _classes(trunk, heads, known)
    classes = [*own, *(one for head in of_heads for one in head)]
    labels, kernel = _genres(classes)
    ends = Ends(
        input=trunk.input,
        tags=trunk.outputs.activations,
        embedding=trunk.outputs.embedding,
        batch=trunk.batch,
        heads=tuple(
            HeadEnds(file, head.sha256, head.input, head.output, tuple(one.column for one in named))
            for file, head, named in zip(HEAD_FILES, heads, of_heads, strict=False)
        ),
    )
    front_end = front_end_of(trunk)
    return BundleContents(
        front_end=front_end,
        head=LinearHead("tags", kernel, np.zeros(len(labels), np.float32)),
        labels=labels,
        tag_names=tuple(one.tag for one in classes),
        training={"model": _record(name, trunk, heads, front_end)},
        embedding_size=trunk.outputs.embedding_size,
        architecture=described_ends(ends, trunk.sha256),
        taxonomy=_taxonomy(classes),
    )


def front_end_of(trunk: BroughtTrunk) -> FrontEnd:
    """Return the front end of a model: ours, with the patches and the level that it was trained on.

    Raises
    ------
    BundleError
        If it was trained on what another front end makes, or asks for impossible patches.
    """
    metadata, own = trunk.metadata, trunk.metadata.own
    if metadata.algorithm is not None and metadata.algorithm not in ALGORITHMS:
        raise BundleError(f"its metadata say that it is run by {metadata.algorithm}, which hears otherwise")
    strange = sorted(set(own) - set(OWN_KEYS))
    if strange:
        raise BundleError(f"its metadata say {strange[0][:60]} under deepcuts, which is none of {OWN_KEYS}")
    effnet = metadata.algorithm == EFFNET or trunk.frames == EFFNET_FRAMES
    hop = own.get("patch_hop", EFFNET_HOP if effnet else trunk.frames)
    level = own.get("reference_rms")
    if level is not None and (isinstance(level, bool) or not isinstance(level, int | float)):
        raise BundleError("its reference_rms is not a number")
    longer = trunk.frames * params.HOP_LENGTH > params.MIN_TRACK_S * params.RATE_HZ
    return FrontEnd(
        patch_frames=trunk.frames,
        patch_hop=None if hop == trunk.frames else hop,
        reference_rms=level,
        padding="silence" if longer else "none",
    )


def _classes(
    trunk: BroughtTrunk, heads: Sequence[BroughtHead], known: KnownWords
) -> tuple[list[NamedClass], list[list[NamedClass]]]:
    """Return the classes of the trunk and of each head; the genres are those of the first that has any."""
    groups = [(trunk.metadata.name, classes_of_trunk(trunk.metadata.classes, known))]
    groups += [(h.metadata.name, classes_of_head(h.metadata.classes, h.metadata.name)) for h in heads]
    with_genres = [i for i, (_, classes) in enumerate(groups) if any(one.label for one in classes)]
    if not with_genres:
        raise BundleError(
            "none of its classes is a genre (Genre---Style, or a word that the shipped tree knows); "
            "give it a head that knows some, with --head"
        )
    kept = [
        (name, classes if i == with_genres[0] else without_genres(classes))
        for i, (name, classes) in enumerate(groups)
    ]
    own, *of_heads = apart(kept)
    return own, of_heads


def _genres(classes: Sequence[NamedClass]) -> tuple[tuple[str, ...], Array]:
    """Return the labels, and the kernel (tags, labels) that makes their scores of the tags' log-odds."""
    labels = tuple(dict.fromkeys(one.label for one in classes if one.label is not None))
    kernel = np.zeros((len(classes), len(labels)), np.float32)
    for row, one in enumerate(classes):
        if one.label is not None:
            kernel[row, labels.index(one.label)] = SHARPNESS
    return labels, kernel / np.maximum(1, np.count_nonzero(kernel, axis=0)).astype(np.float32)


def _taxonomy(classes: Sequence[NamedClass]) -> Mapping[str, Any] | None:
    facets: dict[str, list[str]] = {}
    for one in classes:
        if one.facet is not None:
            facets.setdefault(one.facet, []).append(one.tag)
    return {"format": FORMAT, "facets": facets} if facets else None


def _record(
    name: str, trunk: BroughtTrunk, heads: Sequence[BroughtHead], front_end: FrontEnd
) -> dict[str, Any]:
    """Return what the bundle keeps of where the model came from, and how it is fed."""
    level = front_end.reference_rms
    return {
        "name": name,
        **_origin(trunk),
        "level": "as it is in the file" if level is None else f"every segment scaled to an RMS of {level:g}",
        "patches": f"{front_end.patch_frames} frames, {front_end.patch_hop or front_end.patch_frames} apart",
        "heads": [_origin(head) for head in heads],
    }


def _origin(brought: BroughtFile) -> dict[str, Any]:
    metadata = brought.metadata
    return {
        "called": metadata.name,
        "version": metadata.version,
        "licence": metadata.licence,
        "link": metadata.link,
        "file": brought.file,
        "sha256": brought.sha256,
    }
