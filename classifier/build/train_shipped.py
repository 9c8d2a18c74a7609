"""Make the bundle that comes with the package.

Run as ``python -m classifier.build.train_shipped WHEEL TAGGRAMS.npz TAG_NAMES.npz OUT``; the bundle
goes to ``OUT/<bundle_id>`` and is moved to ``classifier/shipped`` by hand once judged.

WHEEL is the published musicnn 0.1.0 wheel, TAGGRAMS the tag probabilities of GTZAN's filtered
training tracks (``taggram``, ``track``, ``genre``), TAG_NAMES any file with the 50 ``tag_names``.
The head is softmax regression on the log-odds of the tags, fitted on windows of 3 s and judged on a
track's mean tags; its penalty is the largest within one standard error of the least cross-entropy
in cross-validation by contiguous blocks of each genre's tracks.
"""

import argparse
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from librosa.filters import mel

from classifier import bundle, params
from classifier.build.convert_trunk import read_wheel
from classifier.build.prune import prune
from classifier.export import export_onnx
from classifier.folds import assign_folds
from classifier.frontend import FrontEnd
from classifier.musicnn import build_trunk
from classifier.training import Song, check_songs, fit_songs

PENALTIES = (0.3, 1.0, 3.0, 10.0)
FOLDS = 5
ROW_STEP = 3  # rows are about a second apart and three seconds long


def read_songs(path: Path) -> list[Song]:
    """Return one song a track, its segments being windows of 3 s, with no embedding."""
    with np.load(path, allow_pickle=False) as data:
        taggram, track, genre = data["taggram"], data["track"], data["genre"]
    songs = []
    for name in sorted(set(track)):
        of_track = track == name
        tags = taggram[of_track][::ROW_STEP]
        nothing = np.zeros((len(tags), params.EMBEDDING_SIZE), np.float32)
        songs.append(Song(str(name), str(genre[of_track][0]), None, nothing, tags, [3.0] * len(tags)))
    return songs


@dataclass(frozen=True)
class Score:
    """Figures on songs of folds not trained on: cross-entropy in nats, its standard error, accuracy."""

    cross_entropy: float
    standard_error: float
    accuracy: float


def cross_validate(songs: list[Song], penalty: float) -> Score:
    """Return a penalty's figures.

    Fitted on windows of 3 s, judged on the mean tags of each song, as a segment is when served.
    """
    labels = check_songs(songs)
    folds = assign_folds([s.label for s in songs], [s.group for s in songs], [s.name for s in songs], FOLDS)
    losses, hits = [], []
    for fold in range(FOLDS):
        inside = [song for song, f in zip(songs, folds, strict=True) if f != fold]
        head = fit_songs(inside, labels, "tags", penalty, params.SEED)
        for song in (song for song, f in zip(songs, folds, strict=True) if f == fold):
            mean_tags = song.tags.mean(axis=0, keepdims=True)
            probabilities = head.probabilities(mean_tags, song.embeddings[:1])[0]
            losses.append(-np.log(probabilities[labels.index(song.label)]))
            hits.append(labels[int(probabilities.argmax())] == song.label)
    standard_error = float(np.std(losses) / np.sqrt(len(losses)))
    return Score(float(np.mean(losses)), standard_error, float(np.mean(hits)))


def choose_penalty(scores: dict[float, Score]) -> float:
    """Return the largest penalty within one standard error of the least cross-entropy.

    The rule of Hastie, Tibshirani and Friedman (The Elements of Statistical Learning, 7.10): the
    simplest model that is not measurably worse, which travels best to music unlike the training data.
    """
    best = min(scores.values(), key=lambda score: score.cross_entropy)
    limit = best.cross_entropy + best.standard_error
    return max(penalty for penalty, score in scores.items() if score.cross_entropy <= limit)


def write_trunk(weights: dict[str, npt.NDArray[np.float32]], front_end: FrontEnd, folder: Path) -> None:
    """Write the trunk's three files: weights, ONNX, mel filters."""
    np.savez(folder / bundle.TRUNK_WEIGHTS, **weights)  # type: ignore[arg-type]
    export_onnx(build_trunk(weights), folder / bundle.TRUNK_ONNX, ["tags", "penultimate"])
    filters = mel(sr=front_end.rate_hz, n_fft=front_end.n_fft, n_mels=front_end.n_mels)
    np.savez(folder / bundle.FRONT_END, mel_filters=filters.astype(np.float32))


def main() -> None:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("wheel", "taggrams", "tag_names", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    songs = read_songs(args.taggrams)
    scores = {penalty: cross_validate(songs, penalty) for penalty in PENALTIES}
    penalty = choose_penalty(scores)
    labels = check_songs(songs)
    head = fit_songs(songs, labels, "tags", penalty, params.SEED)
    with np.load(args.tag_names, allow_pickle=False) as data:
        tag_names = tuple(str(name) for name in data["tag_names"])
    training = {
        "data": "GTZAN, artist- and fault-filtered training split: tag probabilities of 443 tracks",
        "songs": len(songs),
        "split": f"{FOLDS} folds, contiguous blocks of each genre's track numbers",
        "seed": params.SEED,
        "penalty": penalty,
        "cross_entropy_by_penalty": {str(p): round(score.cross_entropy, 4) for p, score in scores.items()},
        "accuracy": round(scores[penalty].accuracy, 4),
        "versions": {n: importlib.metadata.version(n) for n in ("tensorflow", "keras", "numpy")},
        "trunk": "MSD_musicnn of musicnn 0.1.0 (ISC), pruned exactly",
    }
    with TemporaryDirectory() as folder:
        trunk = Path(folder)
        front_end = FrontEnd()
        write_trunk(prune(read_wheel(args.wheel)), front_end, trunk)
        bundle.write(args.out, trunk, front_end, head, labels, tag_names, training)


if __name__ == "__main__":
    main()
