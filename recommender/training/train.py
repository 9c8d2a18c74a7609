"""Train a bundle on labelled songs: the whole way, each step once and in this order.

Labelled data → examples → fit → held-out predictions → calibration → contents → written bundle → rows.
`evaluate classifier` and `tune` (`recommender.training.evaluation`) go as far as the held-out predictions.
"""

import importlib.metadata
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.audio.quiet import quiet_stderr
from classifier.datasets.songs import LabelledSong, label_units
from classifier.errors import TrainingDataError
from classifier.features.frontend import mel_filters
from classifier.genres.taxonomy import FORMAT
from classifier.model import bundle as bundles
from classifier.model.bundle import Bundle
from classifier.model.calibration import Calibration, MusicDetector
from classifier.model.linear_head import LinearHead
from classifier.model.onnx_trunk import is_onnx
from classifier.model.write import BundleContents, write
from classifier.networks.recipes import Recipe
from classifier.training.cross_validation import EpochCount, held_out, run_key, split_of
from classifier.training.fit_calibration import calibrate
from classifier.training.fit_detector import calls_music
from classifier.training.fitters import Fitted, FittedHead, Start, fitter_of, start_of
from classifier.training.held_out import BY_CHANCE, HeldOut
from classifier.training.metrics import Figures
from recommender.training.bundles import use_bundle
from recommender.training.data import TrainingData

if TYPE_CHECKING:
    from classifier.networks.fit import FittedNetwork

Progress = Callable[[int, int], None]


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
    choices
        What was chosen inside the training songs, such as the penalty.
    held_out
        The predictions of classifiers trained the same way for songs that they did not see.
    figures
        Of `held_out`, by song.
    calibration
        Fitted on `held_out`.
    songs, folds
        How many songs, and how many folds of them were held out in turn.
    notes
        What limits these figures, one sentence each.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    head: LinearHead
    network: "FittedNetwork | None"
    choices: Mapping[str, Any]
    held_out: HeldOut
    figures: Figures
    calibration: Calibration
    songs: int
    folds: int
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class TrainingPlan:
    """How a classifier is trained.

    Attributes
    ----------
    recipe, seed
        What to train, and the seed of every random choice of a network; there is none in a head.
    n_folds
        Every one of so many folds is held out in turn; None for five folds of a head, or fewer where a genre
        has fewer songs, and for one of five of a network.
    start
        The pretrained trunk, for musicnn-tuned, which begins with it; None for the others.
    not_music
        What the trunk's bundle knows of sounds that are not music; None where it knows nothing.
    folder
        Where finished folds and unfinished fits are kept, so that a stopped run goes on; None for nowhere.
    """

    recipe: Recipe
    n_folds: int | None = None
    seed: int = params.SEED
    start: Start | None = None
    not_music: Array | MusicDetector | None = None
    folder: Path | None = None


def train(
    data: TrainingData,
    recipe: Recipe,
    n_folds: int | None,
    seed: int,
    bar: Callable[[], AbstractContextManager[Progress]],
    skipped: Callable[[Sequence[tuple[str, str]]], None] = lambda failures: None,
) -> tuple[Trained, Bundle, int, int]:
    """Return a classifier of some data, its bundle, now the active one, and what `use_bundle` returns of it.

    Parameters
    ----------
    n_folds
        As `TrainingPlan` has it.
    bar, skipped
        Once the songs are read: opens what shows how much is done of how much; is given the data's failures.
    """
    songs = data.songs(recipe)
    skipped(data.failures)
    plan = plan_of(data, songs, recipe, n_folds, seed)
    with bar() as progress:
        trained = train_classifier(songs, plan, progress)
        with _trunk_files(trained, data.bundle) as files:
            contents = contents_of(trained, data, songs, seed, files)
            written = write(data.home.bundles_dir, files, contents)
        if plan.folder is not None:
            shutil.rmtree(plan.folder, ignore_errors=True)
    return trained, written, *use_bundle(data.home, written)


def plan_of(
    data: TrainingData, songs: Sequence[LabelledSong], recipe: Recipe, n_folds: int | None, seed: int
) -> TrainingPlan:
    """Return how a recipe is trained on songs of some data."""
    if recipe.uses_trunk:
        known = data.bundle.calibration
        return TrainingPlan(recipe, n_folds, seed, not_music=known.not_music if known is not None else None)
    folder = data.home.cache_dir / "runs" / run_key({**recipe.describe(), "folds": n_folds}, songs, seed)
    return TrainingPlan(recipe, n_folds, seed, start_of(recipe, data.bundle), folder=folder)


def train_classifier(
    songs: Sequence[Any], plan: TrainingPlan, progress: Progress = lambda done, total: None
) -> Trained:
    """Return a classifier, judged on songs held out, then fitted on all of them, as the recipe reads them.

    Parameters
    ----------
    progress
        Called with the fits of a head, or the epochs of networks, done of how many.

    Raises
    ------
    TrainingDataError
        If there are fewer than two genres of two songs, or they teach nothing.
    """
    recipe, folder, n_folds = plan.recipe, plan.folder, plan.n_folds
    split = split_of(songs, n_folds, one_fold=n_folds is None and not recipe.uses_trunk)
    n_fits, frozen = len(split.tested) + 1, folder and folder / "frozen"
    count = EpochCount(progress, n_fits, 1 if recipe.uses_trunk else recipe.fit.epochs)
    fit = fitter_of(recipe, split.labels, plan.seed, plan.start, frozen, count.within_fit)
    predictions = held_out(songs, split, fit, count.fits_done, folder)
    if recipe.uses_trunk:
        predictions.check_worth()
    fitted = fit(songs, folder and folder / "final")
    count.fits_done(n_fits, n_fits)
    return Trained(
        recipe=recipe,
        labels=split.labels,
        head=fitted.head,
        network=None if isinstance(fitted, FittedHead) else fitted,
        choices=fitted.choices,
        held_out=predictions,
        figures=predictions.songs(),
        calibration=_calibration(predictions, fitted, songs, plan.not_music),
        songs=len(songs),
        folds=n_fits - 1,
        notes=_notes(songs, predictions),
    )


def _calibration(
    predictions: HeldOut, fitted: Fitted, songs: Sequence[Any], not_music: Array | MusicDetector | None
) -> Calibration:
    """Return the calibration of a classifier, by its songs' features where these are of one trunk."""
    own = [fitted(song) for song in songs]
    if not all(np.isfinite(of_song).all() for of_song in [*own, *predictions.segments]):
        raise TrainingDataError("training came to no finite numbers; a lower learning_rate may help")
    if isinstance(not_music, MusicDetector):
        if calls_music(not_music, songs):
            return replace(calibrate(predictions, None, None, own), detector=not_music)
        not_music = None
    features = None
    if isinstance(fitted, FittedHead):
        read = {song.name: fitted.head.features(song.tags, song.embeddings) for song in songs}
        features = [read[name] for name in predictions.names]
    return calibrate(predictions, features, not_music, own)


def _notes(songs: Sequence[LabelledSong], predictions: HeldOut) -> list[str]:
    """Return what limits the figures of these songs, one sentence each."""
    units = label_units([s.label for s in songs], [s.group for s in songs])
    alone = [
        f"all songs of '{label}' are by one artist, so none of them could be tested: they count as missed, "
        "and the calibration rests on the others"
        for label, n in sorted(units.items())
        if n < 2
    ]
    chance = [f"{BY_CHANCE}: its probabilities are not calibrated, and mean little"]
    return alone + (chance if predictions.by_chance else [])


@contextmanager
def _trunk_files(trained: Trained, base: Bundle) -> Iterator[Path]:
    """Give a folder that holds the files of the trunk: the base's, or those of a network that was trained."""
    if trained.network is None:
        yield base.path
        return
    with quiet_stderr():
        from classifier.networks.export import export_trunk
    from classifier.plotting.evaluation import draw_learning_curves

    network = trained.network.network
    with TemporaryDirectory() as folder:
        files = Path(folder)
        np.savez(files / bundles.TRUNK_WEIGHTS, **network.trunk_weights())  # type: ignore[arg-type]
        np.savez(files / bundles.FRONT_END, mel_filters=mel_filters(trained.recipe.front_end))
        export_trunk(network, files / bundles.TRUNK_ONNX)
        title = f"{trained.recipe.arch}: the final fit"
        draw_learning_curves(trained.network.history, files / bundles.LEARNING_CURVES, title)
        yield files


def contents_of(
    trained: Trained, data: TrainingData, songs: Sequence[LabelledSong], seed: int, files: Path
) -> BundleContents:
    """Return what the bundle says beside its trunk's files, which lie in a folder."""
    base, network = data.bundle, trained.network
    with_tags = network is None or len(network.network.trunk.outputs) == 2
    curves = files / bundles.LEARNING_CURVES
    return BundleContents(
        front_end=base.front_end if network is None else trained.recipe.front_end,
        head=trained.head,
        labels=trained.labels,
        tag_names=base.tag_names if with_tags else (),
        training=_record(trained, data, songs, seed),
        embedding_size=base.embedding_size if network is None else trained.head.kernel.shape[0],
        architecture=base.architecture if network is None else network.network.architecture,
        calibration=trained.calibration,
        taxonomy=facets_alone(base) if with_tags else None,
        pictures={curves.name: curves} if network is not None else {},
    )


def facets_alone(bundle: Bundle) -> dict[str, Any]:
    """Return the description of a taxonomy of the labels' own, with a bundle's facets beside it."""
    return {"format": FORMAT, "facets": bundle.taxonomy.facet_names()}


def base_of(bundle: Bundle) -> Mapping[str, Any] | None:
    """Return what a bundle keeps of the model that its network was brought as; None of one made here."""
    told = bundle.training.get("model") or bundle.training.get("network")
    return told if is_onnx(bundle.architecture) else None


def _record(trained: Trained, data: TrainingData, songs: Sequence[LabelledSong], seed: int) -> dict[str, Any]:
    """Return what the bundle records of its training."""
    figures = trained.figures.to_json()
    grouped = sum(song.group is not None for song in songs)
    return {
        "data": data.describe(trained.songs),
        "songs": trained.songs,
        "skipped": len(data.failures),
        "recipe": trained.recipe.describe(),
        "chosen": dict(trained.choices),
        "split": f"{trained.folds} fold(s) held out; {grouped} songs by artist or group, "
        f"{trained.songs - grouped} by contiguous blocks of each genre's sorted paths",
        "seed": seed,
        "accuracy": figures["accuracy"],
        "held_out": figures,
        "segments": round(trained.held_out.segment_accuracy(), 4),
        "history": dict(trained.network.history) if trained.network is not None else None,
        "network": base_of(data.bundle),
        "versions": {
            n: importlib.metadata.version(n) for n in ("tensorflow", "keras", "scikit-learn", "numpy")
        },
    }
