"""Values that lie: arrays of other shapes, or no numbers; sizes and rates that nothing could be made with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.campaign.forge import arrays, forge, load_arrays
from classifier.model import bundle

Make = Callable[[Path], object]


def values() -> Iterator[tuple[str, Make]]:
    """Yield arrays and numbers that lie."""
    for file, name in _ARRAYS:
        for what, change in _LIES.items():
            yield f"{name}: {what}", lambda f, a=(file, name, change): _lie(f, *a)
    for path, values in _NUMBERS.items():
        for value in values:
            yield f"{path}: {str(value)[:30]}", lambda f, a=(path, value): forge(f, lambda d: _put(d, *a))


_ARRAYS: Final = (
    (bundle.HEAD, "kernel"),
    (bundle.HEAD, "bias"),
    (bundle.FRONT_END, "mel_filters"),
    (bundle.CALIBRATION, "not_music_linear"),
    (bundle.CALIBRATION, "not_music_square"),
    (bundle.CALIBRATION, "examples"),
)
_LIES: Final[dict[str, Callable[[Any], Any]]] = {
    "NaN": lambda a: np.full_like(a, np.nan),
    "an infinity": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 3, np.inf, a).astype(np.float32),
    "10^30": lambda a: np.full_like(a, 1e30),
    "a row more": lambda a: np.concatenate([a, a[:1]]) if a.shape[0] != 75 else a[:, :-1],
    "no dimensions": lambda a: np.float32(1),
}


_EXAMPLES: Final = np.zeros((75, 200), np.float32)
"""Embeddings of sounds that are not music, as calibrations may hold them; the shipped one does not."""


def _lie(folder: Path, file: str, name: str, change: Callable[[Any], Any]) -> None:
    array = load_arrays(folder / file).get(name, _EXAMPLES)
    content = arrays(folder, file, **{name: change(array)})
    forge(folder, **{file: content})


def _put(told: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for step in above:
        told = told[step]
    told[last] = value


_NAMES: Final = [f"l{n}" for n in range(15)]
_NUMBERS: Final[dict[str, list[Any]]] = {
    "labels": [
        [str(n) for n in range(10**6)],
        _NAMES[:-1],
        ["a"] * len(_NAMES),
        [*_NAMES[:-1], "x\n\x1b[2J"],
        [*_NAMES[:-1], ""],
    ],
    "tag_names": [["t"] * 50, [str(n) for n in range(49)], [str(n) for n in range(10**5)], list(range(50))],
    "embedding_size": [0, -1, 10**9, 199, 200.5],
    "front_end.rate_hz": [0, -1, 10**9, 0.5],
    "front_end.n_fft": [0, 1, 10**9],
    "front_end.hop_length": [0, -256, 1],
    "front_end.n_mels": [0, 10**7],
    "front_end.patch_frames": [0, 10**9, 186],
    "front_end.log_scale": [0, -1, "x"],
    "front_end.scale": ["exec"],
    "front_end.limits": [[5, 1], [1], [1, 2, 3]],
    "calibration.temperature": [0, -1, 1e9, "x"],
    "calibration.not_music_offset": [1e300, "x", None],
    "calibration.least_confidence": [-1, 2],
    "taxonomy.new_genre": [0, -1, 1e300],
    "taxonomy.sharpness": [1e6, "x"],
    "architecture": [{"name": "exec"}, {"name": "cnn", "frames": 10**12, "bands": 96, "image": [1, 1]}],
    "head": [{"input": "both"}, {"input": "soul"}, {}],
    "format": [4, 0, "2"],
}
