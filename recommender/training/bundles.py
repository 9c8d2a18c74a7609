"""Train a bundle on a library, activate it, and predict the whole catalogue again."""

import importlib.metadata
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from classifier.audio.quiet import quiet_stderr
from classifier.datasets.song_patches import SpectralSong
from classifier.datasets.songs import LabelledSong, Song
from classifier.features.frontend import mel_filters
from classifier.genres.taxonomy import FORMAT
from classifier.model import bundle as bundles
from classifier.model.bundle import Bundle
from classifier.model.write import Contents, write
from classifier.networks.recipes import Recipe
from classifier.training.cross_validation import run_key
from classifier.training.train import Start, Trained, train_head, train_network
from db.features import tracks_with_features
from db.predictions import (
    add_predictions,
    bundles_of_all,
    drop_other_predictions,
    features_without_predictions,
)
from db.session import Catalog
from db.tracks import present
from recommender.home import Home
from recommender.training.data import TrainingData

Array = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]


def base_bundle() -> Bundle:
    """Return the bundle whose pretrained trunk heads are trained on, and tuned networks begin with.

    It is the shipped one whatever is active: a trunk tuned on some songs has seen those that would
    be held out.
    """
    return bundles.load(bundles.SHIPPED)


def not_music(bundle: Bundle) -> Array | None:
    """Return a bundle's embeddings of sounds that are not music, None where it has none."""
    return bundle.calibration.examples if bundle.calibration is not None else None


def start_of(recipe: Recipe, bundle: Bundle) -> Start | None:
    """Return a bundle's trunk as what a recipe begins with; None where it begins with nothing."""
    if recipe.arch != "musicnn-tuned":
        return None
    from classifier.model.inference import Trunk

    return Start(bundles.read_arrays(bundle.path / bundles.TRUNK_WEIGHTS), Trunk(bundle).run)


def train_bundle(
    data: TrainingData,
    songs: list[Song] | list[SpectralSong],
    recipe: Recipe,
    n_folds: int | None,
    seed: int,
    progress: Progress,
) -> tuple[Trained, Bundle]:
    """Train on songs of some data, as the recipe's network reads them, and write the bundle into the home."""
    if recipe.uses_trunk:
        trained = train_head(cast(list[Song], songs), recipe, n_folds, not_music(data.bundle), progress)
        return trained, _write_head(data, trained, _record(data, trained, songs, seed))
    folder = data.home.cache_dir / "runs" / run_key({**recipe.describe(), "folds": n_folds}, songs, seed)
    spectral = cast(list[SpectralSong], songs)
    trained = train_network(spectral, recipe, start_of(recipe, data.bundle), n_folds, seed, folder, progress)
    written = _write_network(data, trained, _record(data, trained, songs, seed))
    shutil.rmtree(folder, ignore_errors=True)
    return trained, written


def _record(data: TrainingData, trained: Trained, songs: Sequence[LabelledSong], seed: int) -> dict[str, Any]:
    """Return what the bundle tells of its training."""
    figures = trained.held_out.songs().to_json()
    network = trained.network
    return {
        "data": data.describe(trained.songs),
        "songs": trained.songs,
        "skipped": len(data.failures),
        "recipe": trained.recipe.describe(),
        "chosen": dict(trained.choices),
        "split": _split(songs, trained),
        "seed": seed,
        "accuracy": figures["accuracy"],
        "held_out": figures,
        "segments": trained.held_out.by_segment().to_json()["accuracy"],
        "history": dict(network.history) if network is not None else None,
        "versions": {
            n: importlib.metadata.version(n) for n in ("tensorflow", "keras", "scikit-learn", "numpy")
        },
    }


def _split(songs: Sequence[LabelledSong], trained: Trained) -> str:
    grouped = sum(song.group is not None for song in songs)
    return (
        f"{trained.folds} fold(s) held out; {grouped} songs by artist or group, "
        f"{trained.songs - grouped} by contiguous blocks of each genre's sorted paths"
    )


def _write_head(data: TrainingData, trained: Trained, record: dict[str, Any]) -> Bundle:
    bundle = data.bundle
    contents = Contents(
        front_end=bundle.front_end,
        head=trained.head,
        labels=trained.labels,
        tag_names=bundle.tag_names,
        training=record,
        embedding_size=bundle.embedding_size,
        architecture=bundle.architecture,
        calibration=trained.calibration,
        taxonomy=facets_alone(bundle),
    )
    return write(data.home.bundles_dir, bundle.path, contents)


def _write_network(data: TrainingData, trained: Trained, record: dict[str, Any]) -> Bundle:
    with quiet_stderr():
        from classifier.networks.export import export_trunk
    from classifier.plotting.evaluation import draw_learning_curves

    if trained.network is None:
        raise ValueError("only a trained network has a trunk of its own")
    front_end, network = trained.recipe.front_end, trained.network.network
    with_tags = len(network.trunk.outputs) == 2
    with TemporaryDirectory() as folder:
        files = Path(folder)
        np.savez(files / bundles.TRUNK_WEIGHTS, **network.trunk_weights())  # type: ignore[arg-type]
        np.savez(files / bundles.FRONT_END, mel_filters=mel_filters(front_end))
        export_trunk(network, files / bundles.TRUNK_ONNX)
        curves = files / "learning_curves.png"
        draw_learning_curves(trained.network.history, curves, f"{trained.recipe.arch}: the final fit")
        contents = Contents(
            front_end=front_end,
            head=trained.head,
            labels=trained.labels,
            tag_names=data.bundle.tag_names if with_tags else (),
            training=record,
            embedding_size=trained.head.kernel.shape[0],
            architecture=network.architecture,
            calibration=trained.calibration,
            taxonomy=facets_alone(data.bundle) if with_tags else None,
            pictures={curves.name: curves},
        )
        return write(data.home.bundles_dir, files, contents)


def facets_alone(bundle: Bundle) -> dict[str, Any]:
    """Return the description of a taxonomy of the labels' own, with a bundle's facets beside it."""
    return {"format": FORMAT, "facets": bundle.taxonomy.facet_names()}


def switch_bundle(home: Home, catalog: Catalog | None, chosen: Bundle) -> int:
    """Make a bundle the active one, its predictions first, and return how many segments got new ones.

    The old predictions are dropped only once the new ones are stored and the bundle is active. Those that
    another home on the same server needs are kept, if it ever ingested or chose a bundle: one that only
    reads is not known there.
    """
    if catalog is None:
        home.activate(chosen)
        return 0
    home.note_bundle(catalog, chosen.bundle_id, replaces=False)
    predicted = predict_catalog(catalog, chosen)
    home.activate(chosen)
    home.note_bundle(catalog, chosen.bundle_id)
    with catalog.transaction() as session:
        drop_other_predictions(session, {chosen.bundle_id, *bundles_of_all(session)})
    return predicted


def predict_catalog(catalog: Catalog, chosen: Bundle) -> int:
    """Give every analysed segment the bundle's predictions; return how many lacked them."""
    predicted = 0
    while True:
        with catalog.transaction() as session:
            batch = features_without_predictions(session, chosen.trunk_id, chosen.bundle_id)
            if batch is None:
                return predicted
            segment_ids, tags, embeddings = batch
            genres = chosen.genres(tags, embeddings)
            add_predictions(session, chosen.bundle_id, segment_ids, genres)
            predicted += len(segment_ids)


def waiting_tracks(catalog: Catalog | None, chosen: Bundle) -> int:
    """Return how many of the catalogue's tracks a bundle's trunk has not analysed."""
    if catalog is None:
        return 0
    with catalog.transaction() as session:
        analysed = tracks_with_features(session, chosen.trunk_id)
        return sum(t.error_kind is None and t.id not in analysed for t in present(session))
