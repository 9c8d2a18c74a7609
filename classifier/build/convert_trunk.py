"""Read MSD_musicnn's weights out of the published wheel.

Run as ``python -m classifier.build.convert_trunk WHEEL OUT.npz``, where WHEEL is what
``pip download --no-deps musicnn==0.1.0`` leaves. The wheel itself is never installed: it pins an
old numpy. The result holds the 64 variables of the network, none of the optimiser's.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

MODEL_FOLDER = "musicnn/MSD_musicnn/"
OPTIMISER_MARKS = ("Adam", "beta1_power", "beta2_power")


def read_wheel(wheel: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return the checkpoint's variables by name.

    Parameters
    ----------
    wheel
        The published wheel, a zip file.

    Returns
    -------
    dict
        Variable name (``conv2d/kernel``, ``batch_normalization_1/gamma``, …) to float32 array in
        TensorFlow's layout.

    Raises
    ------
    FileNotFoundError
        If the wheel, or the checkpoint within it, is missing.
    """
    # `tf.train.load_checkpoint` fails here: the `checkpoint` file names its author's own path.
    from tensorflow.python.training.py_checkpoint_reader import NewCheckpointReader

    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.startswith(MODEL_FOLDER)]
        if not members:
            raise FileNotFoundError(f"no {MODEL_FOLDER} in {wheel}")
        archive.extractall(folder, members)
        reader = NewCheckpointReader(f"{folder}/{MODEL_FOLDER}")
        names = sorted(reader.get_variable_to_shape_map())
        kept = [n for n in names if not any(mark in n for mark in OPTIMISER_MARKS)]
        return {name: np.asarray(reader.get_tensor(name), np.float32) for name in kept}


def main() -> None:
    """Run this step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    np.savez(args.out, **read_wheel(args.wheel))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
