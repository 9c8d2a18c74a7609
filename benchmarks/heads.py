"""What heads are worth, how each idea for a better one fared, and what is called unknown.

    python benchmarks/heads.py CLIPS TAGGRAMS.npz [--music FOLDER]

CLIPS holds a folder a genre, TAGGRAMS the tag probabilities that the shipped head is trained on; MUSIC any
unlabelled music. Every choice is made inside the songs trained on: penalty, shrinkage and blend by inner
folds, the temperature by the other outer folds. The clips that are not among the tracks choose nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import common
import nonmusic
import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.build.train_shipped import LastLayer, Tracks, calibrated, choose, held_out, read_tracks
from classifier.datasets.folds import assign_folds
from classifier.model import bundle
from classifier.model.calibration import Calibration
from classifier.model.inference import Trunk
from classifier.model.linear_head import LinearHead, log_odds, softmax
from classifier.model.predictions import song_mean
from classifier.training.head_fitting import Examples, choose_fit_on, fit_head
from classifier.training.metrics import cross_entropy, expected_calibration_error
from classifier.training.temperature import at_temperature, fit_temperature

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
CLIP_FOLDS = 3
EVALUATION_FILES = 50
DEVELOPMENT_FILES = 75


@dataclass(frozen=True)
class Songs:
    """Songs to learn from: rows to fit on, and one vector a song to judge on."""

    names: Sequence[str]
    truth: Indices
    rows: Sequence[Array]
    means: Array

    def examples(self, chosen: Indices) -> Examples:
        """Return the rows of some songs."""
        rows = [self.rows[i] for i in chosen]
        sizes = [len(r) for r in rows]
        return Examples(np.concatenate(rows), np.repeat(self.truth[chosen], sizes), np.repeat(chosen, sizes))

    def folds(self, chosen: Indices, n_folds: int) -> Indices:
        """Return contiguous blocks of some songs."""
        labels = [str(t) for t in self.truth[chosen]]
        return assign_folds(labels, [None] * len(chosen), [self.names[i] for i in chosen], n_folds)


def heads_of(songs: Songs, chosen: Indices, inner_folds: int) -> dict[str, LinearHead]:
    """Return both classifiers and their blend, chosen and fitted inside some songs."""
    examples, n = songs.examples(chosen), int(songs.truth.max()) + 1
    fit = choose_fit_on(examples, songs.folds(chosen, inner_folds), n, "embedding")
    plain, both = fit_head(examples, n, replace(fit, blend=0.0)), fit_head(examples, n, fit)
    rest = LinearHead("embedding", both.kernel - plain.kernel, both.bias - plain.bias)
    return {"softmax": plain, "discriminant": rest, "both": both}


def nested(songs: Songs, outer: Indices, inner_folds: int) -> dict[str, dict[str, Any]]:
    """Return the figures of each classifier on the songs of outer folds held out in turn."""
    scores: dict[str, Array] = {}
    for fold in np.unique(outer):
        for name, head in heads_of(songs, np.flatnonzero(outer != fold), inner_folds).items():
            said = scores.setdefault(name, np.zeros((len(outer), head.kernel.shape[1]), np.float32))
            said[outer == fold] = songs.means[outer == fold] @ head.kernel + head.bias
    return {name: figures(said, songs.truth, outer) for name, said in scores.items()}


def figures(scores: Array, truth: Indices, outer: Indices) -> dict[str, Any]:
    """Return accuracy, and cross-entropy and calibration error before and after the temperature."""
    after = np.zeros_like(scores)
    for fold in np.unique(outer):
        temperature = fit_temperature(scores[outer != fold], truth[outer != fold])
        after[outer == fold] = softmax(scores[outer == fold] / np.float32(temperature))
    before = softmax(scores)
    right = int((scores.argmax(axis=1) == truth).sum())
    return {
        "right": right,
        "accuracy": round(right / len(truth), 4),
        "cross_entropy": round(cross_entropy(after, truth), 4),
        "calibration_error_before": round(expected_calibration_error(before, truth), 4),
        "calibration_error_after": round(expected_calibration_error(after, truth), 4),
    }


@dataclass(frozen=True)
class Clip:
    """A clip's label, and of its patches the embeddings; of the whole the mean tags and embedding."""

    name: str
    label: str
    patches: Array
    tags: Array
    embedding: Array


def read_clips(folder: Path, trunk: Trunk) -> list[Clip]:
    """Analyse the clips."""
    clips = []
    for path in sorted(folder.glob("*/*.flac")):
        analysis = trunk.analyse_file(path)
        tags, embeddings, durations_s = analysis.features()
        patches = np.concatenate([s.patches for s in analysis.segments if s.patches is not None])
        means = song_mean(tags, durations_s), song_mean(embeddings, durations_s)
        clips.append(
            Clip(f"{path.parent.name}/{path.stem}", path.parent.name, patches.astype(np.float32), *means)
        )
    return clips


def clip_table(clips: Sequence[Clip]) -> dict[str, Any]:
    """Return the figures on the clips alone, in contiguous blocks, by input and number of inner folds."""
    tags, embeddings = log_odds(np.stack([c.tags for c in clips])), np.stack([c.embedding for c in clips])
    inputs = {"embedding": embeddings, "tags": tags, "tags and embedding": np.hstack([tags, embeddings])}
    labels = sorted({c.label for c in clips})
    truth = np.array([labels.index(c.label) for c in clips])
    table: dict[str, Any] = {}
    for name, means in inputs.items():
        songs = Songs([c.name for c in clips], truth, list(means[:, None, :]), means)
        outer = songs.folds(np.arange(len(clips)), CLIP_FOLDS)
        for inner in (2, 3, 4) if name == "embedding" else (4,):
            table[f"{name}, {inner} inner folds"] = nested(songs, outer, inner)
    patches = [c.patches for c in clips]
    table["embedding, fitted on patches"] = nested(Songs(songs.names, truth, patches, embeddings), outer, 4)
    return table


# What a head may read of a song's windows of log-odds: rows to fit on, and the song's own vector.
Reading = Callable[[Array, int], tuple[Array, Array]]


def _clipped(least: float) -> Reading:
    bound = np.float32(np.log(1 / least - 1))
    return lambda w, step: (w[::step].clip(-bound, bound), w.clip(-bound, bound).mean(axis=0))


def _of_mean_tags(windows: Array, step: int) -> tuple[Array, Array]:
    tags = np.asarray(1 / (1 + np.exp(-windows)), np.float32)
    return log_odds(tags[::step]), log_odds(tags.mean(axis=0))


def _song_level(*statistics: Callable[[Array], Array]) -> Reading:
    def read(windows: Array, step: int) -> tuple[Array, Array]:
        song = np.concatenate([statistic(windows[::step]) for statistic in statistics])
        return song[None], song

    return read


def _mean(w: Array) -> Array:
    return np.asarray(w.mean(axis=0))


READINGS: dict[str, Reading] = {
    "log-odds of the mean tags (before)": _of_mean_tags,
    "mean log-odds (shipped)": _clipped(1e-7),
    "mean log-odds, clipped at 0.0001": _clipped(1e-4),
    "mean log-odds, clipped at 0.001": _clipped(1e-3),
    "mean log-odds, clipped at 0.01": _clipped(1e-2),
    "mean log-odds, fitted on song means": _song_level(_mean),
    "mean and deviation": _song_level(_mean, lambda w: w.std(axis=0)),
    "mean, 10th and 90th percentile": _song_level(
        _mean, lambda w: np.percentile(w, [10, 90], axis=0).ravel()
    ),
    "mean and maximum": _song_level(_mean, lambda w: w.max(axis=0)),
}


def track_table(tracks: Tracks, unseen: Sequence[Clip], layer: LastLayer) -> dict[str, Any]:
    """Return how each reading of the tracks fared, and how many unseen clips its head names right."""
    everything, table = np.arange(len(tracks.names)), {}
    for name, read in READINGS.items():
        rows, means = zip(*(read(w, 3) for w in tracks.windows), strict=True)
        songs = Songs(tracks.names, tracks.truth, [r.astype(np.float32) for r in rows], np.stack(means))
        table[name] = nested(songs, songs.folds(everything, params.DEFAULT_FOLDS), params.DEFAULT_FOLDS)
        of_clips = np.stack([read(layer.log_odds(c.patches), 1)[1] for c in unseen])
        for method, head in heads_of(songs, everything, params.DEFAULT_FOLDS).items():
            answers = (of_clips @ head.kernel + head.bias).argmax(axis=1)
            right = sum(tracks.labels[a] == c.label for a, c in zip(answers, unseen, strict=True))
            table[name][method]["unseen_clips_right"] = right
    return table


def sounds(trunk: Trunk, which: nonmusic.Set, n_files: int, seed: int = 0) -> tuple[list[str], Array]:
    """Return the kinds and mean embeddings of sounds that are not music."""
    with TemporaryDirectory() as folder:
        paths = nonmusic.write_set(Path(folder), which, n_files, seed)
        found = [trunk.analyse_file(path).features() for path in paths]
    embeddings = np.stack([song_mean(embeddings, seconds) for _, embeddings, seconds in found])
    return [path.stem.rsplit("-", 1)[0] for path in paths], embeddings


def unknown(calibration: Calibration, head: LinearHead, embeddings: Array) -> npt.NDArray[np.bool_]:
    """Return which songs, of one segment each, are unknown."""
    said = at_temperature(softmax(embeddings @ head.kernel + head.bias), calibration.temperature)
    verdicts = [calibration.judge(e[None], p[None], [1.0]) for e, p in zip(embeddings, said, strict=True)]
    return np.array([verdict.unknown for verdict in verdicts])


def _share(flags: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {"unknown": int(flags.sum()), "of": len(flags), "share": round(float(flags.mean()), 4)}


def unknown_table(
    tracks: Tracks, unseen: Sequence[Clip], layer: LastLayer, trunk: Trunk, music: Path | None
) -> dict[str, Any]:
    """Return what the shipped head calls unknown; each kind also by limits that did not know it."""
    everything = np.arange(len(tracks.names))
    fitted = fit_head(tracks.examples(everything.tolist()), len(tracks.labels), choose(tracks, everything))
    said, head = held_out(tracks, params.DEFAULT_FOLDS), layer.head(fitted)
    kinds, known = sounds(trunk, "development", DEVELOPMENT_FILES)
    calibration = calibrated(tracks, said, layer, known)
    answer: dict[str, Any] = {"calibration": calibration.data}
    for seed in range(3):
        names, heard = sounds(trunk, "evaluation", EVALUATION_FILES, seed)
        flags = unknown(calibration, head, heard)
        missed = [name for name, flag in zip(names, flags, strict=True) if not flag]
        answer[f"evaluation, seed {seed}"] = {**_share(flags), "missed": missed}
    for title, depth in (("kind", 2), ("family", 1)):
        of = np.array(["-".join(kind.split("-")[:depth]) for kind in kinds])
        flags = np.zeros(len(of), np.bool_)
        for name in np.unique(of):
            apart = calibrated(tracks, said, layer, known[of != name])
            flags[of == name] = unknown(apart, head, known[of == name])
        answer[f"development, each {title} judged without it"] = _share(flags)
    answer["unseen clips"] = _share(unknown(calibration, head, np.stack([c.embedding for c in unseen])))
    if music is not None:
        answer["other music"] = _share(unknown(calibration, head, _music(music, trunk)))
    return answer


def _music(folder: Path, trunk: Trunk) -> Array:
    """Return the mean embedding of every file of a folder."""
    rows = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".ogg", ".opus", ".mp3", ".flac")):
        _, embeddings, seconds = trunk.analyse_file(path).features()
        rows.append(song_mean(embeddings, seconds))
    return np.stack(rows)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("clips", type=Path)
    parser.add_argument("taggrams", type=Path)
    parser.add_argument("--music", type=Path)
    args = parser.parse_args()
    shipped = bundle.load(bundle.SHIPPED)
    trunk, tracks = Trunk(shipped, threads=1), read_tracks(args.taggrams)
    weights = bundle.read_arrays(shipped.path / bundle.TRUNK_WEIGHTS)
    layer = LastLayer(weights["tags/kernel"], weights["tags/bias"])
    clips = read_clips(args.clips, trunk)
    unseen = [clip for clip in clips if clip.name not in set(tracks.names)]
    answer = {
        "clips_in_3_blocks": clip_table(clips),
        "tracks_in_5_blocks": track_table(tracks, unseen, layer),
        "unknown": unknown_table(tracks, unseen, layer, trunk, args.music),
    }
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
