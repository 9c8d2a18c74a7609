"""Make the bundle that comes with the package.

Run as ``python -m classifier.build.train_shipped TRUNK DATA OUT``; the bundle goes to ``OUT/<bundle_id>``
and is moved to ``classifier/shipped`` by hand once judged. From the same trunk and data come the same
arrays.

TRUNK is the published musicnn 0.1.0 wheel, or a bundle whose trunk is taken as it is. DATA is a folder with
``gtzan_taggrams/train.npz``, the tag probabilities of GTZAN's filtered training tracks (``taggram``,
``track``, ``genre``); ``emotify/features.npz``, the trunk's features of tracks of Emotify (``track``,
``label``, ``artist``, ``id3_genre``, ``embedding``, ``patch``, …); ``gtzan60``, clips of GTZAN; and
``musicnn/reference.npz``, with the 50 ``tag_names``. All else that the detector learns from is in
``pools.npz`` beside this module (`classifier.build.pools`).

The head is fitted on log-odds of tags (`classifier.training.genre_head`). These are a linear function of the
embedding, the trunk's last layer, so the head that is shipped reads the embedding: the mean over a segment is
then of log-odds, as in training, and not of probabilities.
"""

import argparse
import importlib.metadata
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.build.detector_sounds import DetectorSounds, detector_of, detector_sounds
from classifier.build.labelled_songs import GENRES, GTZAN, Labelled, fit_of, read_emotify, read_taggrams
from classifier.build.pools import Features, read_features, read_pools
from classifier.build.song_features import save_features
from classifier.features.frontend import FrontEnd, mel_filters
from classifier.model import bundle
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead, softmax
from classifier.model.write import BundleContents, write
from classifier.training.genre_head import GenreFit, fit_genre_head
from classifier.training.held_out import HeldOut, fit_temperature

TAGGRAMS: Final = Path("gtzan_taggrams/train.npz")
EMOTIFY_FEATURES: Final = Path("emotify/features.npz")
TAG_NAMES: Final = Path("musicnn/reference.npz")
TAXONOMY = Path(__file__).parent / "taxonomy.json"
PENALTIES: Final = (3.0, 10.0)
FREE_PENALTIES: Final = (0.5, 1.5)
UNSURE_PERCENT: Final = 3.0
"""Of the labelled songs held out, so many are less probable than the least confidence."""


@dataclass(frozen=True)
class LastLayer:
    """The trunk's last layer: embeddings (n, 200) times `kernel` plus `bias` are log-odds (n, 50)."""

    kernel: Array
    bias: Array

    def log_odds(self, embeddings: Array) -> Array:
        """Return the log-odds of the tags, (n, 50), of embeddings (n, 200)."""
        return embeddings @ self.kernel + self.bias

    def head(self, head: LinearHead) -> LinearHead:
        """Return the head on embeddings that is the same as one on log-odds."""
        kernel, bias, of_tags = (a.astype(np.float64) for a in (self.kernel, self.bias, head.kernel))
        moved = bias @ of_tags + head.bias
        return LinearHead("embedding", (kernel @ of_tags).astype(np.float32), moved.astype(np.float32))


def choose(labelled: Labelled, fit: GenreFit) -> GenreFit:
    """Return a fit with the penalties that make the genres of songs held out, fold by fold, most likely."""
    best = (np.inf, fit)
    for penalty, free_penalty in product(PENALTIES, FREE_PENALTIES):
        tried = replace(fit, penalty=penalty, free_penalty=free_penalty)
        scores = fold_scores(labelled, tried)
        loss = fit_loss(scores, labelled)
        best = min(best, (loss, tried), key=lambda found: found[0])
    return best[1]


def fit_loss(scores: Array, labelled: Labelled) -> float:
    """Return the mean loss of scores at their best temperature; a song of several genres may be of any."""
    targets = labelled.songs.targets
    certain = targets.max(axis=1) == 1.0
    temperature = fit_temperature(scores[certain], targets[certain].argmax(axis=1))
    likely = (softmax(scores / np.float32(temperature)) * (targets > 0)).sum(axis=1)
    return float(labelled.songs.weights() @ -np.log(likely))


def fold_scores(labelled: Labelled, fit: GenreFit) -> Array:
    """Return scores (songs, genres) by heads that did not learn the song's fold."""
    return _scores(labelled, lambda inside: fit)


def nested_scores(labelled: Labelled, fit: GenreFit) -> Array:
    """Return scores (songs, genres) by heads that neither learned a song's fold nor chose a penalty on it."""
    return _scores(labelled, lambda inside: choose(inside, fit))


def _scores(labelled: Labelled, chosen: Any) -> Array:
    scores = np.zeros((len(labelled.names), len(GENRES)), np.float32)
    means = labelled.songs.means()
    for fold in np.unique(labelled.folds):
        rest = np.flatnonzero(labelled.folds != fold)
        inside = labelled.of(rest)
        head = fit_genre_head(inside.songs, chosen(inside))
        tested = labelled.folds == fold
        scores[tested] = means[tested] @ head.kernel + head.bias
    return scores


def held_out_gtzan(labelled: Labelled, scores: Array) -> HeldOut:
    """Return the held-out predictions of GTZAN's songs."""
    chosen = labelled.from_source(GTZAN)
    names = tuple(labelled.names[i] for i in chosen)
    return HeldOut(
        labels=GENRES,
        names=names,
        truth=labelled.songs.targets[chosen].argmax(axis=1),
        folds=labelled.folds[chosen],
        segments=list(softmax(scores[chosen])[:, None, :]),
        durations_s=[[params.SEGMENT_S]] * len(names),
        fit_s=[0.0] * params.DEFAULT_FOLDS,
    )


def calibrated(labelled: Labelled, scores: Array) -> Calibration:
    """Return temperature and least confidence by held-out scores; it has no detector yet."""
    certain = labelled.songs.targets.max(axis=1) == 1.0
    temperature = fit_temperature(scores[certain], labelled.songs.targets[certain].argmax(axis=1))
    confidence = softmax(scores / np.float32(temperature)).max(axis=1)
    n = len(labelled.names)
    data = f"{n} songs held out in {params.DEFAULT_FOLDS} folds, {UNSURE_PERCENT:g}% of them called unsure"
    return Calibration(temperature, float(np.percentile(confidence, UNSURE_PERCENT)), data)


def write_trunk(source: Path, folder: Path) -> None:
    """Write the trunk's three files, weights, ONNX, mel filters: of a wheel, or as a bundle has them."""
    if source.is_dir():
        for name in bundle.TRUNK_FILES:
            shutil.copyfile(source / name, folder / name)
        return
    from classifier.build.convert_trunk import read_wheel
    from classifier.build.prune import prune
    from classifier.networks.musicnn_onnx import export_musicnn

    weights = prune(read_wheel(source))
    np.savez(folder / bundle.TRUNK_WEIGHTS, **weights)  # type: ignore[arg-type]
    export_musicnn(weights, folder / bundle.TRUNK_ONNX)
    np.savez(folder / bundle.FRONT_END, mel_filters=mel_filters(FrontEnd()))


def record(labelled: Labelled, predictions: HeldOut, fit: GenreFit) -> dict[str, object]:
    """Return what the bundle records of its training."""
    figures, n = predictions.songs().to_json(), len(predictions.names)
    return {
        "data": f"GTZAN, artist- and fault-filtered training split: tag probabilities of {n} tracks; "
        f"Emotify: features of {len(labelled.names) - n} tracks; the evidence of the trunk's tags",
        "songs": len(labelled.names),
        "split": f"{params.DEFAULT_FOLDS} folds, blocks of GTZAN's tracks, Emotify by artist; nested",
        "chosen": {"penalty": fit.penalty, "penalty of genres without tags": fit.free_penalty},
        "prior": dict(zip(fit.genres, fit.prior.round(4).tolist(), strict=True)),
        "accuracy": figures["accuracy"],
        "held_out": figures,
        "versions": {n: importlib.metadata.version(n) for n in ("scikit-learn", "scipy", "numpy")},
        "trunk": "MSD_musicnn of musicnn 0.1.0 (ISC), pruned exactly",
    }


def last_layer(folder: Path) -> LastLayer:
    """Return the last layer of a trunk whose files lie in a folder."""
    weights = bundle.read_arrays(folder / bundle.TRUNK_WEIGHTS)
    return LastLayer(weights["tags/kernel"], weights["tags/bias"])


def shared_music(data: Path) -> dict[str, Features]:
    """Return the music of a folder of data that the detector learns from, by name."""
    with TemporaryDirectory() as folder:
        clips = Path(folder) / "gtzan60.npz"
        save_features(clips, [data / "gtzan60"])
        return {"emotify": read_features(data / EMOTIFY_FEATURES), "gtzan60": read_features(clips)}


def contents_of(
    layer: LastLayer, labelled: Labelled, tag_names: Sequence[str], sounds: DetectorSounds
) -> BundleContents:
    """Return what the bundle says beside its trunk's files."""
    plain = fit_of(tag_names)
    scores = nested_scores(labelled, plain)
    fit = choose(labelled, plain)
    detector = detector_of(sounds)
    return BundleContents(
        front_end=FrontEnd(),
        head=layer.head(fit_genre_head(labelled.songs, fit)),
        labels=GENRES,
        tag_names=tuple(tag_names),
        training=record(labelled, held_out_gtzan(labelled, scores), fit),
        embedding_size=params.EMBEDDING_SIZE,
        calibration=replace(calibrated(labelled, scores), detector=detector),
        taxonomy=json.loads(TAXONOMY.read_text(encoding="utf-8")),
    )


def read_labelled(data: Path, layer: LastLayer) -> Labelled:
    """Return all labelled songs of a folder of data."""
    folds = params.DEFAULT_FOLDS
    gtzan = read_taggrams(data / TAGGRAMS, folds)
    return gtzan + read_emotify(data / EMOTIFY_FEATURES, layer.kernel, layer.bias, folds)


def main() -> None:
    """Run this step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("trunk", "data", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    with np.load(args.data / TAG_NAMES, allow_pickle=False) as data:
        tag_names = [str(name) for name in data["tag_names"]]
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_trunk(args.trunk, folder)
        layer = last_layer(folder)
        labelled = read_labelled(args.data, layer)
        sounds = detector_sounds(read_pools(), shared_music(args.data), labelled, layer.log_odds)
        write(args.out, folder, contents_of(layer, labelled, tag_names, sounds))


if __name__ == "__main__":
    main()
