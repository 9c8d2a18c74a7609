"""How often tempo and key are right, beside librosa's and Essentia's estimators, and how far loudness is off.

    python benchmarks/tempo_key.py ANNOTATIONS [--essentia PYTHON] [--others FILE...] [--loudness FILE...]

ANNOTATIONS is a CSV of `clip,bpm,key` beside the clips, an empty cell where something is not annotated.
PYTHON is one in whose environment PyPI's essentia is installed. Of each estimator:

- tempo within 4 % of the annotation; and within 4 % of it, its double, triple, half or third;
- the exact key; and MIREX's score: 1 for the key, 0.5 for the fifth above it, 0.3 for the relative and 0.2
  for the parallel key, as in `mir_eval`.

"nested" is ours with settings that are chosen, among a grid of them, on nine tenths of the clips and judged
on the last tenth, 20 times: what the choice itself could have made better than it is. "confidence" has the
weights of the confidences as fitted here, with recordings of no tempo and key counted as wrong, a tenth as
much as the clips; and Brier's score of confidences fitted without the clip, beside that of the mean.
"""

import argparse
import csv
import itertools
import json
import subprocess
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
import numpy as np

sys.path.insert(0, str(common.ROOT))
from classifier import params
from classifier.audio.decode import read_clip
from classifier.features.frontend import log_mel, reference_gain
from classifier.measures import key, tempo
from classifier.model import bundle
from classifier.model.inference import Trunk
from tests.ebur128 import ffmpegs_lufs

FRAME_HZ = params.RATE_HZ / params.HOP_LENGTH
TOLERANCE = 0.04
REPEATS, FOLDS = 20, 10
OTHERS = 0.1
"""Of what has no tempo and key, all together, by the weight of all clips."""
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}

TEMPO_GRID = [
    tempo.TempoSettings(lag_s=lag, n_bands=bands, local_s=local, prior_bpm=bpm, prior_octaves=octaves)
    for lag, bands, local in itertools.product((0.016, 0.032, 0.048), (4, 8), (0.5, 1.0, 2.0))
    for bpm, octaves in itertools.product((105.0, 113.0, 120.0), (0.9, 1.1, 1.3))
]
KEY_GRID = [
    key.KeySettings(n_fft=n_fft, hop_length=n_fft, highest_hz=highest, least=least, power=power, gated=gated)
    for n_fft, highest in itertools.product((1024, 1536, 2048), (1000.0, 1400.0))
    for least, power, gated in itertools.product((0.1, 0.15, 0.2), (0.7, 1.0), (0.0, 0.5, 1.0))
]

ESSENTIA = """
import json, sys
import essentia
essentia.log.infoActive = essentia.log.warningActive = False
import essentia.standard as es
found = []
for path in json.load(sys.stdin):
    samples = es.MonoLoader(filename=path, sampleRate=44100)()
    bpm = es.RhythmExtractor2013(method="multifeature")(samples)[0]
    tonic, mode, _ = es.KeyExtractor()(samples)
    found.append([float(bpm), f"{tonic} {mode}"])
json.dump(found, sys.stdout)
"""
KRUMHANSL = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)

Found = tuple[float, str]


@dataclass(frozen=True)
class Clip:
    """An annotated clip, its samples at 16 kHz and its log-mel spectrogram."""

    path: Path
    bpm: float | None
    key: str | None
    samples: Any
    mel: Any


def clips_of(annotations: Path) -> list[Clip]:
    """Return the clips of a table."""
    found = []
    with annotations.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = next(annotations.parent.glob(f"{row['clip']}.*"))
            found.append(clip_of(path, float(row["bpm"]) if row["bpm"] else None, row["key"] or None))
    return found


def clip_of(path: Path, bpm: float | None, name: str | None) -> Clip:
    """Return a clip."""
    shipped = bundle.load(bundle.SHIPPED)
    samples = read_clip(path, params.RATE_HZ, 0, 60)
    gain = reference_gain(float(np.sqrt(np.mean(samples**2))), shipped.front_end)
    return Clip(path, bpm, name, samples, log_mel(samples, shipped.mel_filters, shipped.front_end, gain))


def tempo_scores(bpm: float, truth: float) -> tuple[bool, bool]:
    """Return whether a tempo is right, and whether it is but for a factor of 2 or 3."""
    right = [abs(bpm - truth * by) <= TOLERANCE * truth * by for by in (1, 2, 3, 1 / 2, 1 / 3)]
    return right[0], any(right)


def key_score(name: str, truth: str) -> float:
    """Return MIREX's score of a key."""
    (tonic, mode), (true_tonic, true_mode) = parsed(name), parsed(truth)
    up = (tonic - true_tonic) % 12
    if mode == true_mode:
        return {0: 1.0, 7: 0.5}.get(up, 0.0)
    relative = 9 if true_mode == "major" else 3
    return {relative: 0.3, 0: 0.2}.get(up, 0.0)


def parsed(name: str) -> tuple[int, str]:
    """Return tonic and mode of a key's name."""
    tonic, mode = name.split()
    return key.PITCH_CLASSES.index(FLATS.get(tonic, tonic)), mode


def ours(clips: Iterable[Clip]) -> list[Found]:
    """Return tempo and key of each file as an analysis finds them."""
    trunk = Trunk(bundle.load(bundle.SHIPPED), threads=1)
    measured = [trunk.analyse_file(clip.path).measures for clip in clips]
    return [(m.tempo_bpm or 0.0, m.key or "C major") for m in measured]


def librosas(clips: Iterable[Clip]) -> list[Found]:
    """Return what librosa's beat tracker, and its chroma with Krumhansl's profiles, find."""
    import librosa
    from librosa.beat import beat_track

    found = []
    for clip in clips:
        samples, rate_hz = librosa.load(clip.path)
        bpm = float(np.atleast_1d(beat_track(y=samples, sr=rate_hz)[0])[0])
        classes = librosa.feature.chroma_stft(y=samples, sr=rate_hz).mean(axis=1)
        rows = [np.roll(profile, tonic) for profile in KRUMHANSL for tonic in range(12)]
        best = int(np.argmax([np.corrcoef(row, classes)[0, 1] for row in rows]))
        found.append((bpm, key.KEYS[best]))
    return found


def essentias(clips: Iterable[Clip], python: str) -> list[Found]:
    """Return what Essentia's RhythmExtractor2013 and KeyExtractor find."""
    paths = json.dumps([str(clip.path) for clip in clips])
    done = subprocess.run([python, "-c", ESSENTIA], input=paths, capture_output=True, check=True, text=True)
    return [(bpm, name) for bpm, name in json.loads(done.stdout)]


def figures(clips: Sequence[Clip], found: Sequence[Found]) -> dict[str, float | int]:
    """Return the scores of an estimator."""
    tempi = [tempo_scores(f[0], c.bpm) for c, f in zip(clips, found, strict=True) if c.bpm is not None]
    keys = [key_score(f[1], c.key) for c, f in zip(clips, found, strict=True) if c.key is not None]
    return _summary(np.array(tempi, float), np.array([(score == 1, score) for score in keys], float))


def _summary(tempi: Any, keys: Any) -> dict[str, float | int]:
    names = ("tempo", "tempo_with_octaves", "key", "mirex")
    means = (*tempi.mean(axis=0), *keys.mean(axis=0))
    scores = {name: round(float(mean), 3) for name, mean in zip(names, means, strict=True)}
    return {**scores, "tempi": len(tempi), "keys": len(keys)}


def nested(clips: Sequence[Clip]) -> dict[str, float | int]:
    """Return our scores with settings that are chosen on other clips."""
    rng = np.random.default_rng(params.SEED)
    tempi = np.array([_tempi_right(clips, settings) for settings in TEMPO_GRID], float)
    keys = np.array([_keys_right(clips, settings) for settings in KEY_GRID], float)
    return _summary(_chosen_elsewhere(tempi, rng), _chosen_elsewhere(keys, rng))


def _tempi_right(clips: Sequence[Clip], settings: tempo.TempoSettings) -> list[tuple[bool, bool]]:
    right = []
    for clip in clips:
        if clip.bpm is not None:
            onsets = tempo.onsets_of(clip.mel, FRAME_HZ, settings)
            found = tempo.tempo_of([tempo.tempogram(onsets, FRAME_HZ, settings)], [1.0], settings)
            right.append(tempo_scores(found.bpm if found else 0.0, clip.bpm))
    return right


def _keys_right(clips: Sequence[Clip], settings: key.KeySettings) -> list[tuple[bool, float]]:
    right = []
    for clip in clips:
        if clip.key is not None:
            classes = key.chroma(clip.samples, params.RATE_HZ, settings)
            found = key.key_of([classes], [1.0], settings)
            score = key_score(found.name if found else "C major", clip.key)
            right.append((score == 1, score))
    return right


def _chosen_elsewhere(scores: Any, rng: np.random.Generator) -> Any:
    """Return the scores, (clips, 2), of settings that are best on other clips, of (settings, clips, 2)."""
    total = np.zeros(scores.shape[1:])
    for _ in range(REPEATS):
        fold = rng.permutation(scores.shape[1]) % FOLDS
        for number in range(FOLDS):
            held = fold == number
            elsewhere = scores[:, ~held].sum(axis=(1, 2))
            best = np.isclose(elsewhere, elsewhere.max())
            total[held] += scores[best][:, held].mean(axis=0)
    return total / REPEATS


def confidences(clips: Sequence[Clip], others: Sequence[Path]) -> dict[str, Any]:
    """Return weights of the confidences, fitted here, and how good they are on clips left out of the fit.

    What has neither tempo nor key, `others`, is fitted as what is wrong, and not counted.
    """
    tempi = [(tempo_evidence(c.mel), c.bpm) for c in clips if c.bpm is not None]
    keys = [(key_evidence(c.samples), c.key) for c in clips if c.key is not None]
    empty = [clip_of(path, None, None) for path in others]
    evidence = {
        "tempo": [(found[1:], tempo_scores(found[0], bpm)[0]) for found, bpm in tempi],
        "key": [(found[1:], key_score(key.KEYS[int(found[0])], name) == 1) for found, name in keys],
    }
    nothing = {
        "tempo": [tempo_evidence(clip.mel)[1:] for clip in empty],
        "key": [key_evidence(clip.samples)[1:] for clip in empty],
    }
    return {name: _reliability(rows, nothing[name]) for name, rows in evidence.items()}


def tempo_evidence(mel: Any) -> tuple[float, ...]:
    """Return a segment's tempo in beats per minute, 0 for none, and what its confidence is made of."""
    gram = tempo.tempogram(tempo.onsets_of(mel, FRAME_HZ), FRAME_HZ)
    found = tempo.tempo_of([gram], [1.0])
    return (found.bpm if found else 0.0), *tempo.tempo_evidence(gram)


def key_evidence(samples: Any) -> tuple[float, ...]:
    """Return a segment's key by its number, and what its confidence is made of."""
    return key.key_evidence([key.chroma(samples, params.RATE_HZ)], [1.0])


def _reliability(
    rows: Sequence[tuple[tuple[float, ...], bool]], nothing: Sequence[tuple[float, ...]]
) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    given, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    none = np.array(nothing).reshape(-1, given.shape[1])
    all_given = np.vstack([given, none])
    all_right = np.concatenate([right, np.zeros(len(none), bool)])
    weight = np.concatenate([np.ones(len(rows)), np.full(len(none), OTHERS * len(rows) / max(1, len(none)))])
    apart = np.zeros(len(rows))
    for number in [*range(len(rows)), -1]:
        kept = np.arange(len(weight)) != number
        model = LogisticRegression(C=10.0)
        model.fit(all_given[kept], all_right[kept], weight[kept])
        if number >= 0:
            apart[number] = model.predict_proba(given[[number]])[0, 1]
    order = np.array_split(np.argsort(apart), 3)
    return {
        "weights": [round(float(w), 2) for w in (*model.intercept_, *model.coef_[0])],
        "brier": round(float(np.mean((apart - right) ** 2)), 3),
        "brier_of_the_mean": round(float(right.mean() * (1 - right.mean())), 3),
        "said_and_right_by_thirds": [
            [round(float(apart[part].mean()), 2), round(float(right[part].mean()), 2)] for part in order
        ],
        "said": round(float(apart.mean()), 3),
        "said_of_others": round(float(model.predict_proba(all_given)[len(rows) :, 1].mean()), 3),
    }


def loudness(files: Sequence[Path]) -> dict[str, float | int]:
    """Return how far our loudness of files is from FFmpeg's meter."""
    trunk = Trunk(bundle.load(bundle.SHIPPED), threads=1)
    measured = [trunk.analyse_file(path).measures for path in files]
    errors = np.array(
        [(m.loudness_lufs or 0.0) - ffmpegs_lufs(p) for m, p in zip(measured, files, strict=True)]
    )
    return {
        "files": len(files),
        "median_error": round(float(np.median(np.abs(errors))), 2),
        "root_mean_square_error": round(float(np.sqrt(np.mean(errors**2))), 2),
        "largest_error": round(float(np.abs(errors).max()), 2),
        "within_half": round(float((np.abs(errors) <= 0.5).mean()), 3),
        "confidence": round(float(np.mean([m.loudness_confidence for m in measured])), 3),
    }


def main() -> None:
    """Run this benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("--essentia", help="a Python that has Essentia")
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="recordings of no tempo and key")
    parser.add_argument("--loudness", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    clips = clips_of(args.annotations)
    report: dict[str, Any] = {"ours": figures(clips, ours(clips)), "nested": nested(clips)}
    report["librosa"] = figures(clips, librosas(clips))
    if args.essentia:
        report["essentia"] = figures(clips, essentias(clips, args.essentia))
    report["confidence"] = confidences(clips, args.others)
    if args.loudness:
        report["loudness"] = loudness(args.loudness)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
