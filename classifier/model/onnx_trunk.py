"""What a bundle says of a network that was brought as it is: the names of its ends, and heads beside it.

Such a bundle keeps the ONNX files byte for byte, and no weights for Keras: its architecture names their
hashes, so that the trunk's id stands for them.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from classifier import params
from classifier.errors import BundleError

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle

ONNX: Final = "onnx"
"""The name of the architecture of all networks of which no more is known than the file."""
MOST_HEADS: Final = 32
HEAD_FILES: Final = tuple(f"head-{number:02}.onnx" for number in range(1, MOST_HEADS + 1))

_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HeadEnds:
    """A network that reads embeddings, and what of it is used.

    Attributes
    ----------
    file, sha256
        Its file in the bundle, and that file's hash.
    input, output
        Names of what it reads, (n, dimensions), and gives, (n, classes).
    columns
        Those of its classes that are tags of the bundle.
    """

    file: str
    sha256: str
    input: str
    output: str
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Ends:
    """The names of what a trunk reads and gives.

    Attributes
    ----------
    input
        Patches, (n, frames, bands).
    tags
        Probabilities, (n, tags); None where it has none.
    embedding
        (n, dimensions).
    heads
        What reads the embeddings of patches; their tags follow the trunk's own.
    batch
        How many patches it reads at a time; None for any number.
    """

    input: str = "patch"
    tags: str | None = "tags"
    embedding: str = "penultimate"
    heads: tuple[HeadEnds, ...] = ()
    batch: int | None = None


def is_onnx(architecture: Mapping[str, Any]) -> bool:
    """Whether an architecture is that of a network which was brought as it is."""
    return architecture.get("name") == ONNX


def is_brought(bundle: "Bundle") -> bool:
    """Whether a bundle's genres are those of a model that was brought, and not of a head trained here."""
    return is_onnx(bundle.architecture) and "model" in bundle.training


def described_ends(ends: Ends, sha256: str) -> dict[str, Any]:
    """Return the architecture that a bundle's description has for such a network, whose hash is given."""
    return {"name": ONNX, "sha256": sha256, **_plain(asdict(ends))}


def _plain(value: Any) -> Any:
    """Return the same as JSON will have it."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


def ends_of(architecture: Mapping[str, Any], n_tags: int) -> Ends:
    """Return the ends of a bundle's trunk, of one that was made here as of one that was brought."""
    if not is_onnx(architecture):
        return Ends(tags="tags" if n_tags else None)
    return Ends(
        input=architecture["input"],
        tags=architecture["tags"],
        embedding=architecture["embedding"],
        batch=architecture["batch"],
        heads=tuple(
            HeadEnds(**{**head, "columns": tuple(head["columns"])}) for head in architecture["heads"]
        ),
    )


def hashes(architecture: Mapping[str, Any], trunk_file: str) -> dict[str, str]:
    """Return the hash of each file that a checked architecture stands for, by the file's name."""
    return {trunk_file: architecture["sha256"]} | {h["file"]: h["sha256"] for h in architecture["heads"]}


def head_files(architecture: object) -> tuple[str, ...]:
    """Return the names of the files of heads that an architecture has, of which nothing was checked."""
    heads = architecture.get("heads") if isinstance(architecture, dict) and is_onnx(architecture) else None
    named = [head.get("file") for head in heads if isinstance(head, dict)] if isinstance(heads, list) else []
    return tuple(name for name in named if name in HEAD_FILES)


def check_onnx(architecture: Mapping[str, Any]) -> None:
    """Raise `BundleError` unless the description of a network that was brought is a possible one."""
    heads = architecture.get("heads")
    if set(architecture) != {"name", "sha256", "input", "tags", "embedding", "heads", "batch"}:
        raise BundleError("its architecture does not say what an ONNX file reads and gives")
    if not isinstance(heads, list) or len(heads) > MOST_HEADS:
        raise BundleError(f"its architecture has heads that are no list of {MOST_HEADS} at most")
    batch = architecture["batch"]
    if batch is not None and not (type(batch) is int and 0 < batch <= params.LARGEST_BATCH):
        raise BundleError("its architecture has a batch size that is none")
    if architecture["tags"] is not None:
        _check_name(architecture["tags"])
    for name in (architecture["input"], architecture["embedding"]):
        _check_name(name)
    _check_hash(architecture["sha256"])
    for head, file in zip(heads, HEAD_FILES, strict=False):
        if not isinstance(head, dict) or set(head) != {"file", "sha256", "input", "output", "columns"}:
            raise BundleError("its architecture has a head that is not described")
        if head["file"] != file:
            raise BundleError("its architecture has heads in other files than those of a bundle")
        _check_name(head["input"])
        _check_name(head["output"])
        _check_hash(head["sha256"])
        _check_columns(head["columns"])


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= params.LONGEST_TEXT:
        raise BundleError("its architecture names an input or output by something other than a short text")


def _check_hash(text: object) -> None:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise BundleError("its architecture has a hash that is none")


def _check_columns(columns: object) -> None:
    whole = isinstance(columns, list) and all(type(c) is int and 0 <= c < params.MOST_TAGS for c in columns)
    if not whole or not columns or len(set(columns)) != len(columns):  # type: ignore[arg-type, call-overload]
        raise BundleError("its architecture has a head of which nothing, or something impossible, is used")
