"""Which output of a network is what: by the names in its metadata, by the usual ones, by its size.

The names in the metadata are those of the TensorFlow graph, of which the ONNX file may have kept some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from classifier import params
from classifier.brought.metadata import ModelMetadata
from classifier.errors import BundleError

PREDICTIONS: Final = "predictions"
EMBEDDINGS: Final = "embeddings"
ACTIVATIONS: Final = "activations"
"""What the models of Essentia's zoo call their outputs in ONNX, and what the metadata calls the purpose."""


@dataclass(frozen=True)
class TrunkOutputs:
    """What a trunk gives.

    Attributes
    ----------
    activations
        Name of the output that has a number for every class; None where there are no classes.
    embedding
        Name of the output that is the embedding.
    embedding_size
        How many numbers that has.
    """

    activations: str | None
    embedding: str
    embedding_size: int


def trunk_outputs(gives: Mapping[str, int], metadata: ModelMetadata) -> TrunkOutputs:
    """Return which of a trunk's outputs is what.

    Parameters
    ----------
    gives
        How many numbers each output has, by its name.

    Raises
    ------
    BundleError
        If it has no embedding, or not a number for every class.
    """
    embedding = _named(gives, metadata, EMBEDDINGS, EMBEDDINGS)
    activations = _activations({n: s for n, s in gives.items() if n != embedding}, metadata)
    if embedding is None:
        others = [name for name in gives if name != activations]
        if len(others) != 1:
            raise BundleError(
                "none of its outputs is an embedding: one must be called embeddings, or its metadata say "
                f"which it is (it gives: {_in_words(gives)})"
            )
        (embedding,) = others
    size = gives[embedding]
    if size > params.LARGEST_EMBEDDING:
        raise BundleError(
            f"its embedding has {size:,} numbers; at most {params.LARGEST_EMBEDDING:,} are used"
        )
    return TrunkOutputs(activations, embedding, size)


def head_output(gives: Mapping[str, int], metadata: ModelMetadata) -> str:
    """Return the name of a head's output that has a number for every class.

    Raises
    ------
    BundleError
        If there is none.
    """
    found = _activations(gives, metadata)
    if found is None:
        raise BundleError("its metadata name no classes, so that nobody knows what it says")
    return found


def _activations(gives: Mapping[str, int], metadata: ModelMetadata) -> str | None:
    n_classes = len(metadata.classes)
    if not n_classes:
        return None
    found = _named(gives, metadata, PREDICTIONS, ACTIVATIONS)
    if found is None:
        fitting = [name for name, size in gives.items() if size == n_classes]
        if len(fitting) != 1:
            raise BundleError(
                f"its metadata name {n_classes:,} classes, but which output they are of is not clear "
                f"(it gives: {_in_words(gives)})"
            )
        (found,) = fitting
    if gives[found] != n_classes:
        raise BundleError(
            f"its metadata name {n_classes:,} classes, but its output {found} has {gives[found]:,} numbers"
        )
    return found


def _named(gives: Mapping[str, int], metadata: ModelMetadata, purpose: str, usual: str) -> str | None:
    wanted = [output.name for output in metadata.outputs if output.purpose == purpose]
    plain = {name.removesuffix(":0"): name for name in gives}
    for name in (*wanted, usual):
        if name in gives:
            return name
        if name.removesuffix(":0") in plain:
            return plain[name.removesuffix(":0")]
    return None


def _in_words(gives: Mapping[str, int]) -> str:
    return ", ".join(f"{name[:40]} of {size:,}" for name, size in list(gives.items())[:8]) or "nothing"


def check_reads(reads: Any, metadata: ModelMetadata) -> int:
    """Return how many frames a trunk reads at a time, of patches such as the front end makes.

    Raises
    ------
    BundleError
        If it was trained on other patches, or on sound of another rate.
    """
    frames, bands = reads
    if bands != params.N_MELS:
        raise BundleError(
            f"it reads {bands} values a frame, not the {params.N_MELS} mel bands that there are here"
        )
    if metadata.rate_hz is None:
        raise BundleError("its metadata do not say the sample_rate of the sound that it was trained on")
    if metadata.rate_hz != params.RATE_HZ:
        raise BundleError(
            f"it was trained on sound of {metadata.rate_hz:,.0f} Hz; here it would get {params.RATE_HZ:,} Hz"
        )
    return int(frames)
