"""How a recipe learns from songs: a head on the trunk's embeddings, or a network on spectrograms.

Keras is imported only where a network is fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from classifier.arrays import Array
from classifier.audio.quiet import quiet_stderr
from classifier.datasets.examples import SpectralSong
from classifier.datasets.folds import split_validation
from classifier.datasets.songs import TrunkSong
from classifier.model import bundle as bundles
from classifier.model.bundle import Bundle
from classifier.model.linear_head import LinearHead
from classifier.networks.recipes import Recipe
from classifier.training.head_fitting import head_of

if TYPE_CHECKING:
    from classifier.networks.fit import FittedNetwork

Progress = Callable[[int, int], None]
Fitted: TypeAlias = "FittedHead | FittedNetwork"
"""A function of a song: the label probabilities of its segments, (segments, labels)."""


@dataclass(frozen=True)
class FittedHead:
    """A linear head on the musicnn trunk, and what was chosen in fitting it, such as the penalty."""

    head: LinearHead
    choices: Mapping[str, Any]

    def __call__(self, song: TrunkSong) -> Array:
        """Return the label probabilities of a song's segments, (segments, labels)."""
        return self.head.probabilities(song.tags, song.embeddings)


@dataclass(frozen=True)
class Start:
    """The pretrained trunk that musicnn-tuned begins with.

    Attributes
    ----------
    weights
        Its weights by name.
    run
        Patches (n, frames, bands) to their tags (n, 50) and embeddings (n, 200).
    """

    weights: Mapping[str, Array]
    run: Callable[[Array], tuple[Array, Array]]

    def head(self, songs: Sequence[SpectralSong], labels: Sequence[str]) -> LinearHead:
        """Return the head that the trunk would get if it stayed as it is, reading embeddings."""
        return head_of([self._song(song) for song in songs], labels)[0]

    def _song(self, song: SpectralSong) -> TrunkSong:
        tags, embeddings = self.run(np.asarray(song.patches, np.float32))
        means = song.segment_means(embeddings), song.segment_means(tags)
        return TrunkSong(song.name, song.label, song.group, *means, song.durations_s)


def start_of(recipe: Recipe, bundle: Bundle) -> Start | None:
    """Return a bundle's trunk as what a recipe begins with; None where it begins with nothing."""
    if recipe.arch != "musicnn-tuned":
        return None
    from classifier.model.inference import Trunk

    return Start(bundles.read_arrays(bundle.path / bundles.TRUNK_WEIGHTS), Trunk(bundle).run)


def fitter_of(
    recipe: Recipe,
    labels: Sequence[str],
    seed: int,
    start: Start | None = None,
    kept: Path | None = None,
    progress: Progress = lambda epoch, epochs: None,
) -> Callable[[Sequence[Any], Path | None], Fitted]:
    """Return the function that fits a recipe to songs; its folder is where a network's fit keeps its state.

    Parameters
    ----------
    labels
        Names of the outputs, in order.
    seed
        Of every random choice of a network; there is none in a head.
    start
        The pretrained trunk, for musicnn-tuned, which begins with it; None for the others.
    kept
        Where the outputs of layers that are not trained are kept from one fit to the next; None for
        in memory.
    progress
        Called with the epochs done of a network's fit, and the most there may be.
    """
    if not recipe.uses_trunk:
        return _network_fitter(recipe, labels, seed, start, kept, progress)

    def fit(songs: Sequence[TrunkSong], _folder: Path | None = None) -> FittedHead:
        head, chosen = head_of(songs, labels, representative=recipe.representative)
        return FittedHead(head, asdict(chosen))

    return fit


def _network_fitter(
    recipe: Recipe,
    labels: Sequence[str],
    seed: int,
    start: Start | None,
    kept: Path | None,
    progress: Progress,
) -> "Callable[[Sequence[SpectralSong], Path | None], FittedNetwork]":
    """Return the function that fits a network; a fifth of the songs it is given may say when to stop."""
    with quiet_stderr():  # TensorFlow greets its user with notes on processors that it did not find
        from classifier.networks.fit import fit_network
        from classifier.networks.frozen_features import FrozenFeatures

    frozen = FrozenFeatures(kept)

    def fit(songs: Sequence[SpectralSong], folder: Path | None = None) -> "FittedNetwork":
        inside, validation = split_validation(songs)
        return fit_network(
            recipe,
            inside,
            validation,
            labels,
            seed,
            trunk_weights=start.weights if start is not None else None,
            head=start.head(inside, labels) if start is not None else None,
            folder=folder,
            frozen_features=frozen,
            progress=progress,
        )

    return fit
