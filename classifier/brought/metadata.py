"""The JSON beside a published model: what it is called, what its outputs mean, what sound it was trained on.

The form is that of Essentia's model zoo (https://essentia.upf.edu/models.html): ``name``, ``version``,
``link``, ``classes``, ``schema`` with ``inputs`` and ``outputs`` (``name``, ``shape``, ``output_purpose``),
``inference`` with ``sample_rate``, ``algorithm`` and, of a head, ``embedding_model``. What is ours stands
under ``deepcuts``: ``patch_hop`` (frames) and ``reference_rms`` (the level that every segment is scaled to).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classifier import params
from classifier.errors import BundleError
from classifier.genres.label_paths import label_fault
from classifier.model.bounded_files import parsed, read_regular

ZOO: Final = "https://essentia.upf.edu/models/"
ZOO_LICENCE: Final = "CC BY-NC-SA 4.0 (of Essentia's zoo; the file names none)"
NO_LICENCE: Final = "not said: ask who made it before you share what you do with it"
LARGEST_METADATA: Final = 2**20


@dataclass(frozen=True)
class OutputSchema:
    """An output as the metadata describes it; its name may be that of another format of the same model."""

    name: str
    purpose: str


@dataclass(frozen=True)
class ModelMetadata:
    """What is known of a model beside its file.

    Attributes
    ----------
    classes
        Names of what its predictions are of, in order; none where it has no predictions.
    rate_hz
        Sampling rate of the sound that it was trained on; None where that is not said.
    algorithm
        Which of Essentia's algorithms runs it; None where that is not said.
    reads
        Sizes of what it reads, as far as the schema says: 0 where it does not. The first may be the batch.
    made_for
        Name of the model whose embeddings a head reads; None where that is not said.
    own
        What stands under ``deepcuts``.
    """

    name: str
    version: str
    licence: str
    link: str | None
    classes: tuple[str, ...]
    rate_hz: float | None
    algorithm: str | None
    reads: tuple[int, ...]
    outputs: tuple[OutputSchema, ...]
    made_for: str | None
    own: Mapping[str, Any]


def read_metadata(path: Path) -> ModelMetadata:
    """Read the JSON beside a model.

    Raises
    ------
    BundleError
        If it is missing, no JSON, or says something impossible; the text names the file.
    """
    described = parsed(read_regular(path, LARGEST_METADATA), path.name)
    try:
        return _metadata(described)
    except BundleError as error:
        raise BundleError(f"{path.name}: {error}") from error


def _metadata(described: Mapping[str, Any]) -> ModelMetadata:
    schema, inference = _part(described, "schema"), _part(described, "inference")
    inputs, outputs = _list(schema, "inputs"), _list(schema, "outputs")
    link = _text(described, "link")
    rate_hz = inference.get("sample_rate")
    if rate_hz is not None and (isinstance(rate_hz, bool) or not isinstance(rate_hz, int | float)):
        raise BundleError("its sample_rate is not a number")
    return ModelMetadata(
        name=_text(described, "name") or "",
        version=_text(described, "version") or "",
        licence=_licence(described, link),
        link=link,
        classes=_classes(described),
        rate_hz=rate_hz,
        algorithm=_text(inference, "algorithm"),
        reads=_sizes(inputs[0]) if inputs else (),
        outputs=tuple(
            OutputSchema(_text(o, "name") or "", (_text(o, "output_purpose") or "").lower()) for o in outputs
        ),
        made_for=_text(_part(inference, "embedding_model"), "model_name"),
        own=_part(described, "deepcuts"),
    )


def _part(described: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = described.get(name)
    if found is not None and not isinstance(found, dict):
        raise BundleError(f"its {name} is not an object")
    return found or {}


def _list(described: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = described.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BundleError(f"its {name} are not a list of objects")
    return found


def _text(described: Mapping[str, Any], name: str) -> str | None:
    found = described.get(name)
    if found is None or found == "":
        return None
    text = str(found) if isinstance(found, int | float) and not isinstance(found, bool) else found
    if not isinstance(text, str) or len(text) > params.LONGEST_TEXT or not text.isprintable():
        raise BundleError(f"its {name} is not a short text")
    return text


def _licence(described: Mapping[str, Any], link: str | None) -> str:
    said = _text(described, "license") or _text(described, "licence")
    if said is not None:
        return said
    return ZOO_LICENCE if (link or "").startswith(ZOO) else NO_LICENCE


def _classes(described: Mapping[str, Any]) -> tuple[str, ...]:
    classes = described.get("classes", [])
    if not isinstance(classes, list) or len(classes) > params.MOST_TAGS:
        raise BundleError(f"its classes are not a list of {params.MOST_TAGS:,} at most")
    for number, name in enumerate(classes, start=1):
        fault = label_fault(name) if isinstance(name, str) else "something other than a text"
        if fault is not None:
            raise BundleError(f"number {number} of its classes has {fault}")
    if len(set(classes)) != len(classes):
        raise BundleError("two of its classes are the same")
    return tuple(classes)


def _sizes(described: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sizes of an input."""
    shape = described.get("shape")
    sizes = shape if isinstance(shape, list) else []
    return tuple(size if type(size) is int and size > 0 else 0 for size in sizes)
