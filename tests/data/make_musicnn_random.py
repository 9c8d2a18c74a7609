"""Make musicnn_random.npz: the golden values whose inputs are random numbers, not research-only audio.

Run as ``python tests/data/make_musicnn_random.py`` where the project's shared data lies beside the
repository. The original graph of MSD_musicnn computed ``tags`` and ``penultimate``.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
REFERENCE = HERE.parents[2] / "shared" / "data" / "musicnn" / "reference.npz"
OUT = HERE / "musicnn_random.npz"


def main() -> None:
    """Copy the rows of the random patches."""
    with np.load(REFERENCE, allow_pickle=False) as reference:
        random = reference["patch_index"] == -1
        rows = {name: reference[name][random] for name in ("patch", "tags", "penultimate")}
    np.savez_compressed(OUT, **rows)


if __name__ == "__main__":
    main()
