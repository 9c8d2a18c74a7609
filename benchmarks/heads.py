"""What the shipped head and the detector of what is not music are worth, and how other ideas fared.

    python benchmarks/heads.py DATA [--also NAME.npz ...]

DATA is what `classifier.build.train_shipped` reads. GTZAN is held out in blocks, Emotify by artist;
penalties are chosen inside the songs trained on. The other constants of the fit were chosen with these
folds in sight, so Emotify is also split by artist in ten other ways, and each genre that has tags is told
by these alone, its labels taken away. Of sounds that are not music, each kind is judged unheard; of music,
each fifth of a set. What `classifier.build.song_features` saved of more files (``--also``) is judged by the
shipped bundle.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import common
import numpy as np
import numpy.typing as npt

from classifier.build.detector_sounds import VOICED, DetectorSounds, detector_sounds, limit_of
from classifier.build.labelled_songs import EMOTIFY, GENRES, GTZAN, ONLY_TAGS, Labelled, fit_of
from classifier.build.pools import read_features, read_pools
from classifier.build.train_shipped import (
    EMOTIFY_FEATURES,
    fit_loss,
    fold_scores,
    last_layer,
    nested_scores,
    read_labelled,
    shared_music,
)
from classifier.datasets.examples import Examples
from classifier.model import bundle
from classifier.model.bundle import Bundle
from classifier.model.linear_head import softmax
from classifier.training.fit_detector import held_out_scores
from classifier.training.genre_head import GenreFit, fit_genre_head
from classifier.training.head_fitting import HeadFit, fit_head

Array = npt.NDArray[np.float32]
EMOTIFY_RIGHT = {
    "electronic": ("electronic",),
    "classical": ("classical",),
    "rock": ("rock", "pop", "metal"),
    "pop": ("rock", "pop", "metal"),
}
OTHER_SPLITS = 10


def figures(scores: Array, labelled: Labelled) -> dict[str, Any]:
    """Return how many songs are right: GTZAN's among all genres and among its ten, Emotify's by label."""
    gtzan = labelled.from_source(GTZAN)
    truth = labelled.songs.targets[gtzan].argmax(axis=1)
    ten = sorted({GENRES.index(labelled.labels[i]) for i in gtzan})
    among_ten = np.array(ten)[scores[gtzan][:, ten].argmax(axis=1)]
    answer: dict[str, Any] = {
        "gtzan": round(float((scores[gtzan].argmax(axis=1) == truth).mean()), 4),
        "gtzan_among_ten": round(float((among_ten == truth).mean()), 4),
        "loss": round(fit_loss(scores, labelled), 4),
    }
    said: dict[str, Counter[str]] = {}
    by_id3: Counter[str] = Counter()
    electronic = [GENRES.index(name) for name in ("electronic", "ambient")]
    for i in labelled.from_source(EMOTIFY):
        label, called = labelled.labels[i], GENRES[int(scores[i].argmax())]
        said.setdefault(label, Counter())[called] += 1
        if label in ("rock", "pop") and not labelled.songs.targets[i, electronic].any():
            by_id3[called] += 1
    for name, counts in (
        ("electronic", said["electronic"]),
        ("classical", said["classical"]),
        ("rock or pop", said["rock"] + said["pop"]),
        ("rock or pop, by ID3 genre too", by_id3),
    ):
        right = sum(counts[genre] for genre in EMOTIFY_RIGHT[name.split()[0]])
        answer[f"emotify {name}"] = f"{right} of {counts.total()} = {right / counts.total():.3f}"
    return answer


def softmax_scores(labelled: Labelled, sources: Sequence[str]) -> Array:
    """Return scores by softmax regression on songs of some sources; a song is of its first genre alone."""
    means, truth = labelled.songs.means().astype(np.float32), labelled.songs.targets.argmax(axis=1)
    scores = np.zeros((len(truth), len(GENRES)), np.float32)
    used = np.isin(labelled.sources, sources)
    for fold in np.unique(labelled.folds):
        rows = np.flatnonzero((labelled.folds != fold) & used)
        head = fit_head(Examples(means[rows], truth[rows], rows), len(GENRES), HeadFit("tags", penalty=10.0))
        tested = labelled.folds == fold
        scores[tested] = means[tested] @ head.kernel + head.bias
    return scores


def variants(fit: GenreFit) -> dict[str, GenreFit]:
    """Return other ways to fit the head, by name."""
    none: dict[str, dict[int, float]] = {"rock": fit.evidence["rock"]}
    return {
        "shipped": fit,
        "penalty 3": replace(fit, penalty=3.0),
        "penalty 30": replace(fit, penalty=30.0),
        "penalty of genres without tags 1.5": replace(fit, free_penalty=1.5),
        "ambient apart from electronic": replace(fit, moves_with={}),
        "tags alone": replace(fit, penalty=1e6),
        "without tags as evidence": replace(fit, evidence=none, only_tags=(), moves_with={}),
        "no priors": replace(fit, prior_power=0.0),
        "priors to the power 0.6": replace(fit, prior_power=0.6),
        "priors to the power 0.7": replace(fit, prior_power=0.7),
        "priors to the power 0.85": replace(fit, prior_power=0.85),
        "priors in full": replace(fit, prior_power=1.0),
        "leak 0.5": replace(fit, leak=0.5),
        "leak 1": replace(fit, leak=1.0),
    }


def head_table(labelled: Labelled, fit: GenreFit) -> dict[str, Any]:
    """Return the figures of each way to fit the head on the same folds."""
    table: dict[str, Any] = {"nested": figures(nested_scores(labelled, fit), labelled)}
    fit = replace(fit, penalty=10.0, free_penalty=0.5)
    for name, tried in variants(fit).items():
        table[name] = figures(fold_scores(labelled, tried), labelled)
    table["softmax regression, joint"] = figures(softmax_scores(labelled, (GTZAN, EMOTIFY)), labelled)
    table["softmax regression, GTZAN alone"] = figures(softmax_scores(labelled, (GTZAN,)), labelled)
    return table


def other_splits(labelled: Labelled, fit: GenreFit, artists: Sequence[str]) -> dict[str, Any]:
    """Return the mean share of Emotify that is right, by label, over other splits by artist."""
    songs, names = labelled.from_source(EMOTIFY), sorted(set(artists))
    found: dict[str, list[float]] = {}
    for seed in range(OTHER_SPLITS):
        drawn = np.random.default_rng(seed).permutation(np.arange(len(names)) % 5)
        folds = labelled.folds.copy()
        folds[songs] = drawn[[names.index(artist) for artist in artists]]
        split = replace(labelled, folds=folds)
        for name, text in figures(fold_scores(split, fit), split).items():
            if isinstance(text, str):
                found.setdefault(name, []).append(float(text.split("= ")[1]))
    return {
        name: {"mean": round(np.mean(v), 3), "least": min(v), "most": max(v)} for name, v in found.items()
    }


def without_labels(labelled: Labelled, fit: GenreFit) -> dict[str, Any]:
    """Return how each genre that has tags fares if its labelled songs are taken away.

    Recall of these; the share of others, held out, that are called so; the share of others that are right.
    """
    means, answer = labelled.songs.means(), {}
    for genre in (name for name in fit.evidence if name not in ONLY_TAGS):
        number = GENRES.index(genre)
        is_it = labelled.songs.targets[:, number]
        apart = replace(fit, only_tags=(*ONLY_TAGS, genre), moves_with={})
        others = labelled.of(np.flatnonzero(is_it == 0))
        head = fit_genre_head(others.songs, apart)
        called = (means[is_it == 1] @ head.kernel + head.bias).argmax(axis=1)
        of_others = fold_scores(others, apart).argmax(axis=1)
        right = others.songs.targets[np.arange(len(of_others)), of_others] > 0
        figures_of = ((called == number).mean(), (of_others == number).mean(), right.mean())
        answer[genre] = [round(float(figure), 3) for figure in figures_of]
    answer["mean"] = [round(float(figure), 3) for figure in np.mean(list(answer.values()), axis=0)]
    return answer


def detector_table(sounds: DetectorSounds) -> dict[str, Any]:
    """Return the share of each set of music, and of each kind of other sounds, that is called no music."""
    of_music, of_others = held_out_scores(sounds.music, sounds.others)
    limit, answer = limit_of(of_music, sounds.songs), {}
    for name, positions in sounds.songs.items():
        called = f"music: {name}{' with a voice over it' if name == VOICED else ''}, held out"
        answer[called] = round(float((of_music[positions] > limit).mean()), 4)
    for name, positions in sounds.sets.items():
        answer[f"sounds: {name}, kinds held out"] = round(float((of_others[positions] > limit).mean()), 4)
    field_recordings = sounds.sets["esc5"]
    for kind in sorted({sounds.kinds[i] for i in field_recordings}):
        its = [i for i in field_recordings if sounds.kinds[i] == kind]
        answer[f"esc5: {kind}"] = round(float((of_others[its] > limit).mean()), 4)
    return answer


def shipped_table(files: list[Path], shipped: Bundle) -> dict[str, Any]:
    """Return the share of each set that the shipped bundle calls no music, and unsure."""
    calibration, answer = shipped.calibration, {}
    assert calibration is not None and calibration.detector is not None  # noqa: S101
    for path in files:
        features = read_features(path)
        logits = shipped.head.logits(np.zeros((len(features.names), 50), np.float32), features.embeddings)
        sure = (
            softmax(logits / np.float32(calibration.temperature)).max(axis=1) >= calibration.least_confidence
        )
        other = calibration.detector.score(features.embeddings) > 0
        answer[path.stem] = {
            "songs": len(other),
            "not_music": round(float(other.mean()), 4),
            "unsure": round(float((~sure & ~other).mean()), 4),
        }
    return answer


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--also", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    shipped = bundle.load(bundle.SHIPPED)
    layer = last_layer(shipped.path)
    labelled, fit = read_labelled(args.data, layer), fit_of(shipped.tag_names)
    chosen = replace(fit, penalty=10.0, free_penalty=0.5)
    artists = read_features(args.data / EMOTIFY_FEATURES).kinds
    sounds = detector_sounds(read_pools(), shared_music(args.data), labelled, layer.log_odds)
    answer = {
        "head": head_table(labelled, fit),
        "other splits": other_splits(labelled, chosen, artists),
        "labels taken away": without_labels(labelled, chosen),
        "detector": detector_table(sounds),
        "shipped": shipped_table([args.data / EMOTIFY_FEATURES, *args.also], shipped),
    }
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
