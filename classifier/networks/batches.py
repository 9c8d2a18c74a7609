"""Batches for training, read from songs as they are asked for. No Keras here.

Nothing but the batch at hand is in memory where the songs' patches are memory maps.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.datasets.examples import SpectralSong, patch_weights
from classifier.networks.augment import Batch, augmented
from classifier.networks.recipes import Augment, Recipe


class Batches:
    """The patches of songs in batches, another order and augmentation every epoch.

    Parameters
    ----------
    songs, labels
        What there is to learn.
    recipe
        Batch size, augmentation, front end.
    seed
        With the epoch it decides order and augmentation; None for neither of them.

    Attributes
    ----------
    epoch
        The current one, to be set.
    n_examples
        The number of patches, which is also the sum of their weights.
    """

    def __init__(
        self, songs: Sequence[SpectralSong], labels: Sequence[str], recipe: Recipe, seed: int | None
    ) -> None:
        self.epoch = 0
        self._songs, self._labels, self._recipe, self._seed = songs, labels, recipe, seed
        few = math.ceil(sum(len(s.patches) for s in songs) / params.MIN_STEPS)
        self._size = min(recipe.fit.batch_size, few)
        self._targets = np.array([labels.index(s.label) for s in songs])
        self._weights = np.concatenate(patch_weights(songs, labels))
        self._song = np.repeat(np.arange(len(songs)), [len(s.patches) for s in songs])
        self.n_examples = len(self._song)
        self._patch = np.concatenate([np.arange(len(s.patches)) for s in songs])

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the current epoch."""
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return math.ceil(len(self._song) / self._size)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch of the current epoch."""
        size = self._size
        examples = self._order()[index * size : (index + 1) * size]
        patches = [self._songs[self._song[i]].patches[self._patch[i]] for i in examples.tolist()]
        targets = np.eye(len(self._labels), dtype=np.float32)[self._targets[self._song[examples]]]
        batch = Batch(np.stack(patches).astype(np.float32), targets, self._weights[examples])
        if self._seed is not None and self._recipe.augment != Augment():
            rng = np.random.default_rng((self._seed, self.epoch, index))
            batch = augmented(batch, self._recipe.augment, self._recipe.front_end, rng)
        return batch

    def _order(self) -> npt.NDArray[np.int64]:
        if self._seed is None:
            return np.arange(len(self._song))
        return np.random.default_rng((self._seed, self.epoch)).permutation(len(self._song))
