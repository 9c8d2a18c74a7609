"""What an ONNX file reads and gives: looked at, opened and run once. Imports ONNX.

Like `classifier.networks.bundle_trial`, for a process that has nothing to lose.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifier import params
from classifier.errors import BundleError
from classifier.model.bounded_files import read_regular
from classifier.model.runtime import onnxruntime
from classifier.networks.bundle_trial import NAME, REFUSED, check_graph

FLOATS = "tensor(float)"
ROWS = 2
"""That are read at a time where any number may be."""


def ends_of_file(path: Path, reads: Sequence[int]) -> dict[str, Any]:
    """Return what a network reads and gives, as JSON can hold it.

    Parameters
    ----------
    path
        An ONNX file.
    reads
        Sizes of what it reads at a time, such as frames and bands, where the file itself leaves them open.

    Returns
    -------
    dict
        ``input``: its name; ``reads``: the sizes of one of what it reads; ``batch``: how many it reads at a
        time, None for any number; ``gives``: by the name of each output that has a row for every one of them,
        how many numbers there are in it.

    Raises
    ------
    BundleError
        If it is no network that reads arrays of floating-point numbers.
    """
    content = read_regular(path, params.LARGEST_BUNDLE_FILE)
    check_graph(content, "it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        name, batch, sizes = _input(session, reads)
        rows = batch or ROWS
        given = session.run(None, {name: np.zeros((rows, *sizes), np.float32)})
    except REFUSED as error:
        if "alloc" in str(error):
            raise MemoryError from error
        raise BundleError(f"{NAME} cannot be loaded and run by ONNX Runtime") from error
    outputs = zip((output.name for output in session.get_outputs()), given, strict=True)
    gives = {output: values.shape[1] for output, values in outputs if _has_rows(values, rows)}
    return {"input": name, "batch": batch, "reads": sizes, "gives": gives}


def _input(session: Any, reads: Sequence[int]) -> tuple[str, int | None, list[int]]:
    """Return the name of the one input, how many it reads at a time, and the sizes of one of them."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise BundleError(f"{NAME} has {len(inputs)} inputs, not one")
    (found,) = inputs
    if found.type != FLOATS:
        raise BundleError(f"{NAME} reads something other than 32-bit floating-point numbers")
    batch, *sizes = found.shape or [None]
    fixed = batch if isinstance(batch, int) and batch > 0 else None
    if fixed is not None and fixed > params.LARGEST_BATCH:
        raise BundleError(f"{NAME} reads {fixed:,} at a time; at most {params.LARGEST_BATCH} are given")
    if len(sizes) != len(reads):
        raise BundleError(f"{NAME} reads arrays of {len(sizes) + 1} dimensions, not {len(reads) + 1}")
    whole = [size if isinstance(size, int) else own for size, own in zip(sizes, reads, strict=True)]
    if not all(0 < size <= params.LARGEST_PATCH for size in whole) or np.prod(whole) > params.LARGEST_PATCH:
        raise BundleError(f"{NAME} does not say, and its metadata neither, how much it reads at a time")
    return found.name, fixed, whole


def _has_rows(values: Any, rows: int) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[0] == rows
