"""Fit a network on the spectrograms of labelled songs. Imports Keras."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import callbacks

from classifier import params
from classifier.arrays import Array
from classifier.datasets.examples import SpectralSong
from classifier.files import make_folder
from classifier.model.linear_head import LinearHead, softmax
from classifier.networks.architectures import PENULTIMATE, Network, build
from classifier.networks.batches import Batches
from classifier.networks.checkpoint import STATE, Log, Resume
from classifier.networks.frozen_features import FrozenFeatures, last_output
from classifier.networks.musicnn import Weights
from classifier.networks.recipes import Augment, Fit, Recipe

Progress = Callable[[int, int], None]
History = dict[str, list[float]]

BEST = "best.weights.h5"


@dataclass(frozen=True)
class FittedNetwork:
    """A network after its fit, with the weights of its best epoch.

    Attributes
    ----------
    network
        Its parts.
    history
        Lists of one value an epoch: ``loss``, ``accuracy``, ``learning_rate``, and ``val_loss`` and
        ``val_accuracy`` where songs were held out.
    best_epoch
        From 0.
    seconds
        That the fit took, since it was last resumed.
    frozen_features
        Of the songs seen so far, where the network has frozen layers.
    """

    network: Network
    history: History
    best_epoch: int
    seconds: float
    frozen_features: FrozenFeatures

    def embeddings(self, song: SpectralSong) -> Array:
        """Return the penultimate embedding of each segment, (segments, n): the mean of its patches'."""
        if self.network.tail is None:
            return song.segment_means(last_output(self.network.trunk, song.patches))
        features = self.frozen_features.passed(self.network, [song])[0].patches
        return song.segment_means(np.asarray(self.network.tail.get_layer(PENULTIMATE)(features)))

    @cached_property
    def head(self) -> LinearHead:
        """Return the last layer."""
        return self.network.head()

    @property
    def choices(self) -> dict[str, Any]:
        """Return what was chosen inside the training songs."""
        return {"best_epoch": self.best_epoch}

    def __call__(self, song: SpectralSong) -> Array:
        """Return the label probabilities of a song's segments as serving does, (segments, labels)."""
        embeddings = self.embeddings(song)
        return softmax(self.head.logits(np.zeros((0, 0), np.float32), embeddings))


def fit_network(
    recipe: Recipe,
    songs: Sequence[SpectralSong],
    validation: Sequence[SpectralSong] | None,
    labels: Sequence[str],
    seed: int,
    *,
    trunk_weights: Weights | None = None,
    head: LinearHead | None = None,
    folder: Path | None = None,
    frozen_features: FrozenFeatures | None = None,
    save_every_s: float = params.SAVE_EVERY_S,
    progress: Progress = lambda epoch, epochs: None,
) -> FittedNetwork:
    """Return a network, fitted.

    Parameters
    ----------
    recipe, songs, labels
        What to fit, on what, and the names of the outputs, in order.
    validation
        Songs whose loss decides when to stop and which epoch is best; None where the training loss is to
        decide. On the schedule ``cosine`` nothing is to be decided, and they are learned from.
    seed
        Of initial weights, order, dropout and augmentation: the same seed gives the same fit.
    trunk_weights, head
        Where ``musicnn-tuned`` starts; other networks may start from a head too.
    folder, save_every_s
        Where the fit keeps its state, and how often: called again after a kill, it goes on from there.
    frozen_features, progress
        Shared between fits with the same frozen layers; called with the epochs done, and the most of them.
    """
    started, frozen = perf_counter(), frozen_features or FrozenFeatures()
    network = build(recipe, len(labels), seed=seed, trunk_weights=trunk_weights, head=head)
    model, inputs = _inputs(network, _Inputs(recipe, songs, validation or [], labels, seed), frozen)
    with tempfile.TemporaryDirectory() as temporary:
        files = _FitFiles(folder or Path(temporary), save_every_s if folder else None)
        history = _fit(model, inputs, files, progress)
    return FittedNetwork(network, history, _best_epoch(recipe, history), perf_counter() - started, frozen)


def _best_epoch(recipe: Recipe, history: History) -> int:
    if recipe.fit.schedule == "cosine":
        return len(history["loss"]) - 1
    return int(np.argmin(history.get("val_loss", history["loss"])))


@dataclass(frozen=True)
class _Inputs:
    """All that a fit depends on."""

    recipe: Recipe
    songs: Sequence[SpectralSong]
    held: Sequence[SpectralSong]
    labels: Sequence[str]
    seed: int

    def fit_id(self, model: keras.Model) -> str:
        """Return a name of the fit that another one does not have."""
        songs = [[(s.name, s.label, s.patches.shape) for s in part] for part in (self.songs, self.held)]
        shapes = [list(variable.shape) for variable in model.variables]
        described = [self.recipe.describe(), songs, list(self.labels), self.seed, keras.__version__, shapes]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def _inputs(network: Network, given: _Inputs, frozen: FrozenFeatures) -> tuple[keras.Model, _Inputs]:
    """Return what is fitted of a network, and on what: behind frozen layers, on their outputs."""
    inputs = given
    if given.recipe.fit.schedule == "cosine":
        inputs = replace(given, songs=[*given.songs, *given.held], held=[])
    if network.tail is None or given.recipe.augment != Augment():
        return network.model, inputs
    songs, held = frozen.passed(network, inputs.songs), frozen.passed(network, inputs.held)
    return network.tail, replace(inputs, songs=songs, held=held)


@dataclass(frozen=True)
class _FitFiles:
    """The folder of a fit's files, and how often its state is saved; None for never."""

    folder: Path
    every_s: float | None


def _fit(model: keras.Model, inputs: _Inputs, files: _FitFiles, progress: Progress) -> History:
    """Return the history of a fit, begun or gone on with; the model is left with its best weights."""
    fit = inputs.recipe.fit
    data = Batches(inputs.songs, inputs.labels, inputs.recipe, inputs.seed)
    held = Batches(inputs.held, inputs.labels, inputs.recipe, None) if inputs.held else None
    # XLA's convolutions take several times as long on processors as oneDNN's.
    model.compile(
        _Adam(_rate(fit, fit.epochs * len(data)), name="adam"),
        "categorical_crossentropy",
        weighted_metrics=["accuracy"],
        jit_compile=False,
    )
    make_folder(files.folder)
    best = files.folder / BEST
    log = Log(progress, fit.epochs)
    watchers = _watchers(inputs.recipe, best, "val_loss" if held else "loss")
    resume = Resume(files.folder / STATE, inputs.fit_id(model), log, watchers, files.every_s)
    finished = resume.finished
    if not finished:
        calls = callbacks.CallbackList([log, *watchers, resume], model=model)
        _run(model, data, held, calls, range(resume.initial_epoch, fit.epochs))
    _without_optimizer(model).load_weights(best)
    return resume.history if finished else log.history


class _Adam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras's, without the merge over replicas: TensorFlow never frees the graph of a fit that has one."""

    def _backend_update_step(
        self, grads: list[Any], trainable_variables: list[keras.Variable], learning_rate: Any
    ) -> None:
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(gradient, variable, learning_rate)


def _rate(fit: Fit, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if fit.schedule == "plateau":
        return fit.learning_rate
    warm_up = round(params.WARM_UP_SHARE * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=fit.learning_rate, warmup_steps=warm_up
    )


def _run(
    model: keras.Model, data: Batches, held: Batches | None, calls: callbacks.CallbackList, epochs: range
) -> None:
    """Run epochs until a callback stops them.

    What Keras's own loop does, less tf.data: TensorFlow's datasets of Python generators make the C
    library give memory back after every step, which takes half the time of a large network.
    """
    calls.on_train_begin()
    model.stop_training = False
    for epoch in epochs:
        data.epoch = epoch
        calls.on_epoch_begin(epoch)
        figures = _pass(model.train_on_batch, model, data)
        if held is not None:
            figures |= {f"val_{n}": v for n, v in _pass(model.test_on_batch, model, held).items()}
        calls.on_epoch_end(epoch, figures)
        if model.stop_training:
            break
    calls.on_train_end()


def _pass(step: Callable[..., dict[str, float]], model: keras.Model, data: Batches) -> dict[str, float]:
    """Return the weighted mean loss and accuracy over all examples, after a step a batch."""
    totals = {"loss": 0.0, "accuracy": 0.0}
    for batch in data:
        model.reset_metrics()
        figures = step(batch.patches, batch.targets, batch.weights, return_dict=True)
        # Keras divides the weighted losses of a batch by its size, its weighted hits by its weights.
        totals["loss"] += float(figures["loss"]) * len(batch.weights)
        totals["accuracy"] += float(figures["accuracy"]) * float(batch.weights.sum())
    return {name: total / data.n_examples for name, total in totals.items()}


class _Checkpoint(callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras's, but of the weights alone: it would write the optimizer's state, twice their size, too."""

    def set_model(self, model: keras.Model) -> None:
        super().set_model(_without_optimizer(model))


def _without_optimizer(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs, model.outputs)


def _watchers(recipe: Recipe, best: Path, monitor: str) -> list[keras.callbacks.Callback]:
    fit = recipe.fit
    if fit.schedule == "cosine":
        return [_Checkpoint(str(best), save_weights_only=True)]
    watchers = [
        callbacks.EarlyStopping(monitor, patience=fit.stop_patience),
        _Checkpoint(str(best), monitor, save_best_only=True, save_weights_only=True),
    ]
    if fit.plateau_patience:
        watchers.append(
            callbacks.ReduceLROnPlateau(
                monitor,
                factor=fit.plateau_factor,
                patience=fit.plateau_patience,
                min_lr=fit.min_learning_rate,
            )
        )
    return watchers
