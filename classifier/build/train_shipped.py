"""Make the bundle that comes with the package.

Run as ``python -m classifier.build.train_shipped WHEEL TAGGRAMS.npz TAG_NAMES.npz SOUNDS.npz OUT``; the
bundle goes to ``OUT/<bundle_id>`` and is moved to ``classifier/shipped`` by hand once judged.

WHEEL is the published musicnn 0.1.0 wheel, TAGGRAMS the tag probabilities of GTZAN's filtered
training tracks (``taggram``, ``track``, ``genre``), TAG_NAMES any file with the 50 ``tag_names``, SOUNDS
the embeddings of sounds that are not music (``benchmarks/nonmusic.py --set development --features``).

The head is fitted on the log-odds of the tags in windows of 3 s and judged on a track's mean log-odds.
These are a linear function of the embedding, the trunk's last layer, so the head that is shipped reads
the embedding: the mean over a segment is then of log-odds, as in training, and not of probabilities.
"""

import argparse
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.build.convert_trunk import read_wheel
from classifier.build.prune import prune
from classifier.datasets.folds import assign_folds
from classifier.features.frontend import FrontEnd, mel_filters
from classifier.model import bundle
from classifier.model.calibration import Calibration
from classifier.model.linear_head import LinearHead, softmax
from classifier.model.write import Contents, write
from classifier.networks.musicnn_onnx import export_musicnn
from classifier.training.fit_calibration import calibrate
from classifier.training.head_fitting import Examples, HeadFit, choose_fit_on, fit_head
from classifier.training.held_out import HeldOut

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

ROW_STEP = 3  # rows are about a second apart and three seconds long
LEAST = 1e-7
TAXONOMY = Path(__file__).parent / "taxonomy.json"


@dataclass(frozen=True)
class Tracks:
    """The training tracks.

    Attributes
    ----------
    names, labels
        Of each track; the labels that there are, in order.
    truth
        (tracks,) label indices.
    windows
        (windows, 50) log-odds of the tags in each track's windows of 3 s, about a second apart.
    """

    names: Sequence[str]
    labels: tuple[str, ...]
    truth: Indices
    windows: Sequence[Array]

    def folds(self, n_folds: int) -> Indices:
        """Return folds of contiguous blocks of each genre's track numbers, (tracks,)."""
        return assign_folds(
            [self.labels[t] for t in self.truth], [None] * len(self.names), self.names, n_folds
        )

    def means(self) -> Array:
        """Return the mean log-odds of each track, (tracks, 50)."""
        return np.stack([w.mean(axis=0) for w in self.windows])

    def examples(self, chosen: Sequence[int]) -> Examples:
        """Return windows that do not overlap, of some tracks."""
        rows = [self.windows[i][::ROW_STEP] for i in chosen]
        sizes = [len(r) for r in rows]
        return Examples(
            np.concatenate(rows), np.repeat(self.truth[list(chosen)], sizes), np.repeat(chosen, sizes)
        )


def read_tracks(path: Path) -> Tracks:
    """Return the tracks of the taggrams."""
    with np.load(path, allow_pickle=False) as data:
        taggram, track, genre = data["taggram"], data["track"], data["genre"]
    names, first, owner = np.unique(track, return_index=True, return_inverse=True)
    labels, truth = np.unique(genre[first], return_inverse=True)
    p = np.clip(taggram.astype(np.float64), LEAST, 1 - LEAST)
    odds = np.log(p / (1 - p)).astype(np.float32)
    windows = [odds[owner == i] for i in range(len(names))]
    return Tracks([str(n) for n in names], tuple(str(n) for n in labels), truth, windows)


def choose(tracks: Tracks, chosen: Indices) -> HeadFit:
    """Return how to fit, chosen inside some tracks."""
    inside = Tracks(
        [tracks.names[i] for i in chosen],
        tracks.labels,
        tracks.truth[chosen],
        [tracks.windows[i] for i in chosen],
    )
    folds = inside.folds(params.DEFAULT_FOLDS)
    return choose_fit_on(inside.examples(range(len(chosen))), folds, len(tracks.labels), "embedding")


def held_out(tracks: Tracks, n_folds: int) -> HeldOut:
    """Return held-out predictions: of heads that the tracks neither fitted nor chose the fit of."""
    folds, means = tracks.folds(n_folds), tracks.means()
    probabilities = np.zeros((len(folds), len(tracks.labels)), np.float32)
    for fold in range(n_folds):
        inside = np.flatnonzero(folds != fold)
        fit = choose(tracks, inside)
        head = fit_head(tracks.examples(inside.tolist()), len(tracks.labels), fit)
        outside = folds == fold
        probabilities[outside] = softmax(means[outside] @ head.kernel + head.bias)
    return HeldOut(
        labels=tracks.labels,
        names=tuple(tracks.names),
        truth=tracks.truth,
        folds=folds,
        segments=list(probabilities[:, None, :]),
        durations_s=[[params.SEGMENT_S]] * len(folds),
        fit_s=[0.0] * n_folds,
    )


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
        return LinearHead("embedding", self.kernel @ head.kernel, self.bias @ head.kernel + head.bias)

    def calibration(self, calibration: Calibration, embeddings: Array) -> Calibration:
        """Return the calibration for embeddings that is the same as one for log-odds.

        The second argument is what it keeps as examples of sounds that are not music.
        """
        familiar = calibration.familiarity
        if familiar is not None:
            direction = familiar.direction
            familiar = replace(
                familiar,
                whiten=self.kernel @ familiar.whiten,
                centres=familiar.centres - self.bias @ familiar.whiten,
                direction=self.kernel @ direction if direction is not None else None,
                offset=familiar.offset + (float(self.bias @ direction) if direction is not None else 0.0),
            )
        return replace(calibration, familiarity=familiar, examples=embeddings)


def calibrated(tracks: Tracks, predictions: HeldOut, layer: LastLayer, sounds: Array) -> Calibration:
    """Return the calibration of the shipped head, for embeddings."""
    on_odds = calibrate(predictions, list(tracks.means()[:, None, :]), layer.log_odds(sounds))
    return layer.calibration(on_odds, sounds)


def write_trunk(weights: dict[str, Array], front_end: FrontEnd, folder: Path) -> None:
    """Write the trunk's three files: weights, ONNX, mel filters."""
    np.savez(folder / bundle.TRUNK_WEIGHTS, **weights)  # type: ignore[arg-type]
    export_musicnn(weights, folder / bundle.TRUNK_ONNX)
    np.savez(folder / bundle.FRONT_END, mel_filters=mel_filters(front_end))


def record(tracks: Tracks, predictions: HeldOut, fit: HeadFit) -> dict[str, object]:
    """Return what the bundle records of its training."""
    figures, n, n_folds = predictions.songs().to_json(), len(tracks.names), len(predictions.fit_s)
    return {
        "data": f"GTZAN, artist- and fault-filtered training split: tag probabilities of {n} tracks",
        "songs": n,
        "split": f"{n_folds} folds, contiguous blocks of each genre's tracks; all choices nested",
        "chosen": {name: round(v, 4) for name, v in vars(fit).items() if isinstance(v, float)},
        "accuracy": figures["accuracy"],
        "held_out": figures,
        "versions": {
            n: importlib.metadata.version(n)
            for n in ("tensorflow", "keras", "scikit-learn", "scipy", "numpy")
        },
        "trunk": "MSD_musicnn of musicnn 0.1.0 (ISC), pruned exactly",
    }


def main() -> None:
    """Run this step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("wheel", "taggrams", "tag_names", "sounds", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    tracks = read_tracks(args.taggrams)
    weights = prune(read_wheel(args.wheel))
    layer = LastLayer(weights["tags/kernel"], weights["tags/bias"])
    with np.load(args.tag_names, allow_pickle=False) as data:
        tag_names = tuple(str(name) for name in data["tag_names"])
    with np.load(args.sounds, allow_pickle=False) as data:
        sounds = data["embeddings"].astype(np.float32)
    predictions = held_out(tracks, params.DEFAULT_FOLDS)
    everything = np.arange(len(tracks.names))
    fit = choose(tracks, everything)
    head = fit_head(tracks.examples(everything.tolist()), len(tracks.labels), fit)
    contents = Contents(
        front_end=FrontEnd(),
        head=layer.head(head),
        labels=tracks.labels,
        tag_names=tag_names,
        training=record(tracks, predictions, fit),
        embedding_size=params.EMBEDDING_SIZE,
        calibration=calibrated(tracks, predictions, layer, sounds),
        taxonomy=json.loads(TAXONOMY.read_text(encoding="utf-8")),
    )
    with TemporaryDirectory() as folder:
        write_trunk(weights, contents.front_end, Path(folder))
        write(args.out, Path(folder), contents)


if __name__ == "__main__":
    main()
