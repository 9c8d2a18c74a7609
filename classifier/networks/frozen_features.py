"""Pass songs through a network in batches; through its frozen layers only once. Imports Keras."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.arrays import Array
from classifier.datasets.examples import SpectralSong
from classifier.files import make_folder, whole_file
from classifier.networks.architectures import Network


def last_output(model: keras.Model, patches: npt.NDArray[np.generic]) -> Array:
    """Return a model's last output for patches that may be a memory map, (patches, n) float32."""
    parts = []
    for start in range(0, len(patches), params.PREDICT_BATCH):
        outputs = model.predict_on_batch(
            np.asarray(patches[start : start + params.PREDICT_BATCH], np.float32)
        )
        parts.append(outputs[-1] if isinstance(outputs, list) else outputs)
    return np.concatenate(parts, dtype=np.float32)


@dataclass(frozen=True)
class FrozenFeatures:
    """Outputs of frozen layers for songs, each computed once; hand one to all fits of a recipe.

    Attributes
    ----------
    folder
        Where to keep it on disk, by content; None for in memory.
    """

    folder: Path | None = None
    _held: dict[str, Array] = field(default_factory=dict)

    def passed(self, network: Network, songs: Sequence[SpectralSong]) -> list[SpectralSong]:
        """Return songs that have, for patches, what the network's frozen layers make of them.

        Raises
        ------
        ValueError
            If it has no frozen layers.
        """
        if network.frozen is None:
            raise ValueError("the network has no frozen layers")
        key = _key(network.architecture, network.frozen.get_weights())
        return [replace(song, patches=self._of(network.frozen, key, song)) for song in songs]

    def _of(self, frozen: keras.Model, key: str, song: SpectralSong) -> Array:
        key = _key(key, [song.patches])
        if self.folder is None:
            if key not in self._held:
                self._held[key] = last_output(frozen, song.patches)
            return self._held[key]
        path = self.folder / f"{key}.npy"
        if not path.is_file():
            make_folder(self.folder)
            with whole_file(path, private=True) as file:  # two processes may share the folder
                np.save(file, last_output(frozen, song.patches))
        return np.asarray(np.load(path, mmap_mode="r"))


def _key(description: object, arrays: Sequence[npt.NDArray[np.generic]]) -> str:
    state = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for value in arrays:
        state.update(f"{value.dtype.str} {value.shape}".encode())
        state.update(np.ascontiguousarray(value).tobytes())
    return state.hexdigest()[:32]
