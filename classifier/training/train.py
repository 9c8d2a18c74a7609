"""Train a classifier on labelled songs and say honestly how good it is.

Keras is imported only where a network is trained: reading this module's types costs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.audio.quiet import quiet_stderr
from classifier.datasets.folds import split_validation
from classifier.datasets.song_patches import SpectralSong
from classifier.datasets.songs import Song, check_features, check_songs, check_testable
from classifier.errors import TrainingDataError
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead
from classifier.networks.recipes import Recipe
from classifier.training.cross_validation import Fit, folds_of, held_out, last_tested
from classifier.training.figures_worth import chance_of, check_worth, limits_of
from classifier.training.fit_calibration import calibrate
from classifier.training.head_fitting import HeadFit, choose_fit, examples_of, fit_head
from classifier.training.held_out import HeldOut

if TYPE_CHECKING:
    from classifier.networks.fit import FittedNetwork

Array = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FittedHead:
    """A linear head on the musicnn trunk, and how it came to be fitted so."""

    head: LinearHead
    fit: HeadFit

    def __call__(self, song: Song) -> Array:
        """Return the label probabilities of a song's segments, (segments, labels)."""
        return self.head.probabilities(song.tags, song.embeddings)


@dataclass(frozen=True)
class Trained:
    """A classifier with its figures.

    Attributes
    ----------
    recipe, labels
        How, and what it tells apart.
    head
        The last layer, fitted on all songs.
    network
        What the head reads, where the recipe trains one; None on the musicnn trunk as it is.
    held_out
        What classifiers trained the same way said of songs that they did not see.
    calibration
        Fitted on `held_out`.
    songs, folds
        How many songs, and how many folds of them were held out in turn.
    choices
        What was chosen inside the training songs, such as the penalty.
    notes
        What limits these figures, one sentence each.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    head: LinearHead
    network: "FittedNetwork | None"
    held_out: HeldOut
    calibration: Calibration
    songs: int
    folds: int
    choices: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


def head_fitter(
    recipe: Recipe, labels: Sequence[str]
) -> "Callable[[Sequence[Song], Path | None], FittedHead]":
    """Return the function that fits a head, its penalty chosen inside the songs it is given."""

    def fit(songs: Sequence[Song], _folder: Path | None) -> FittedHead:
        chosen = choose_fit(songs, labels)
        return FittedHead(fit_songs(songs, labels, chosen, representative=recipe.representative), chosen)

    return fit


def fit_songs(
    songs: Sequence[Song], labels: Sequence[str], fit: HeadFit, *, representative: bool = False
) -> LinearHead:
    """Fit a head on all segments of the songs."""
    return fit_head(examples_of(songs, labels, fit.input, representative=representative), len(labels), fit)


def network_fitter(
    recipe: Recipe,
    labels: Sequence[str],
    seed: int,
    start: "Start | None",
    kept: Path | None = None,
    progress: Progress = lambda epoch, epochs: None,
) -> "Callable[[Sequence[SpectralSong], Path | None], FittedNetwork]":
    """Return the function that fits a network; a fifth of the songs it is given may say when to stop.

    Parameters
    ----------
    start
        The pretrained trunk, for musicnn-tuned, which begins with it; None for the others.
    kept
        Where the outputs of layers that are not trained are kept from one fit to the next; None for
        in memory.
    """
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


def predictions(
    fit: "Callable[[Sequence[SpectralSong], Path | None], FittedNetwork]",
) -> Fit[SpectralSong]:
    """Return a fitter of networks as `validation.held_out` takes it."""
    return lambda songs, folder: fit(songs, folder).segment_probabilities


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
        seen = [self._song(song) for song in songs]
        return fit_songs(seen, labels, choose_fit(seen, labels))

    def _song(self, song: SpectralSong) -> Song:
        tags, embeddings = self.run(np.asarray(song.patches, np.float32))
        means = song.segment_means(embeddings), song.segment_means(tags)
        return Song(song.name, song.label, song.group, *means, song.durations_s)


def train_head(
    songs: Sequence[Song],
    recipe: Recipe,
    n_folds: int | None = None,
    not_music: Array | None = None,
    progress: Progress = lambda done, total: None,
) -> Trained:
    """Cross-validate a head on the musicnn trunk, then fit it on everything.

    Parameters
    ----------
    songs
        At least two genres of at least two songs.
    n_folds
        None for five, or fewer where a genre has fewer songs.
    not_music
        (sounds, 200) embeddings of sounds that are not music; None where there are none.

    Raises
    ------
    TrainingDataError
        If there are too few genres or songs.
    """
    labels = check_songs(songs)
    check_testable(songs)
    check_features(songs)
    folds = folds_of(songs, n_folds)
    k = len(np.unique(folds))
    fit = head_fitter(recipe, labels)
    said = held_out(songs, labels, folds, fit, lambda done, _total: progress(done, k + 1))
    check_worth(said)
    fitted = fit(songs, None)
    progress(k + 1, k + 1)
    return Trained(
        recipe=recipe,
        labels=labels,
        head=fitted.head,
        network=None,
        held_out=said,
        calibration=calibrate(
            said, _read_by(fitted.head, said, songs), not_music, [fitted(song) for song in songs]
        ),
        songs=len(songs),
        folds=k,
        choices=asdict(fitted.fit),
        notes=limits_of(songs),
    )


def _read_by(head: LinearHead, said: HeldOut, songs: Sequence[Song]) -> list[Array]:
    """Return what a head reads of each song that was held out, (segments, features) a song."""
    by_name = {song.name: song for song in songs}
    return [head.features(by_name[name].tags, by_name[name].embeddings) for name in said.names]


def train_network(
    songs: Sequence[SpectralSong],
    recipe: Recipe,
    start: Start | None,
    n_folds: int | None = None,
    seed: int = params.SEED,
    folder: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Trained:
    """Judge a network on songs held out, then fit it on everything.

    Parameters
    ----------
    songs
        As `train_head` has them.
    recipe, seed
        What to train, and the seed of every random choice.
    start
        As `network_fitter` has it.
    n_folds
        Every one of so many folds is held out in turn; None to hold out one of five.
    folder
        Where finished folds and unfinished fits are kept, so that a stopped run goes on.
    """
    labels = check_songs(songs)
    check_testable(songs)
    folds = folds_of(songs, n_folds)
    only = [last_tested(songs, folds)] if n_folds is None else None
    n_fits = 1 + (len(np.unique(folds)) if only is None else 1)
    epochs = _EpochCount(n_fits * recipe.fit.epochs, recipe.fit.epochs, progress)
    kept = folder / "frozen" if folder is not None else None
    fit = network_fitter(recipe, labels, seed, start, kept, epochs.within_fit)
    said = held_out(songs, labels, folds, predictions(fit), epochs.fits_done, folder, only)
    network = fit(songs, folder / "final" if folder is not None else None)
    own = [network.segment_probabilities(song) for song in songs]
    if not all(np.isfinite(said_of_song).all() for said_of_song in [*own, *said.segments]):
        raise TrainingDataError("training came to no finite numbers; a lower learning_rate may help")
    epochs.fits_done(n_fits, n_fits)
    return Trained(
        recipe=recipe,
        labels=labels,
        head=network.network.head(),
        network=network,
        held_out=said,
        calibration=calibrate(said, None, own=own),
        songs=len(songs),
        folds=n_fits - 1,
        choices={"best_epoch": network.best_epoch},
        notes=[*limits_of(songs), *chance_of(said)],
    )


class _EpochCount:
    """Progress over several fits, in epochs: a fit that stops early still counts as whole."""

    def __init__(self, total: int, per_fit: int, progress: Progress) -> None:
        self._total, self._per_fit, self._progress = total, per_fit, progress
        self._done_fits = 0

    def fits_done(self, fits: int, _n_fits: int) -> None:
        self._done_fits = fits
        self._progress(fits * self._per_fit, self._total)

    def within_fit(self, epoch: int, _epochs: int) -> None:
        self._progress(self._done_fits * self._per_fit + epoch, self._total)
