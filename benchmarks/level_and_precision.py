"""What the reference level buys, and what storing patch embeddings in few bits costs.

    python benchmarks/level_and_precision.py CLIPS TAGGRAMS.npz MUSIC

CLIPS as for gtzan60.py; MUSIC is a folder of whole tracks, unlabelled. For each level: accuracy of
the shipped head on clips that it was not trained on, same-genre share of the five nearest clips,
and how often the right track comes first for 30 s excerpts off the segment grid, as they are and 6 dB
softer or louder. The shipped head was fitted on tags of music at its own level.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import common
import numpy as np
import numpy.typing as npt

from classifier.audio.decode import DecodeReport, stream_mono
from classifier.errors import AudioError
from classifier.features.segments import AudioSegment, iter_segments
from classifier.model import bundle
from classifier.model.inference import Trunk
from recommender.retrieval.index.unit_vectors import unit_rows

Array = npt.NDArray[np.float32]
LEVELS = (None, 0.05, 0.1, 0.15, 0.2, 0.25)
GAINS_DB = (0.0, -6.0, 6.0)
EXCERPT_START_S, EXCERPT_S = 47.0, 30.0


def samples_of(path: Path, rate_hz: int, at_most_s: float) -> Array:
    """Return the first part of a file, mono."""
    found, n = [], 0
    for block in stream_mono(path, rate_hz, DecodeReport()):
        found.append(block)
        n += len(block)
        if n >= at_most_s * rate_hz:
            break
    return np.concatenate(found)[: int(at_most_s * rate_hz)]


def embed(trunk: Trunk, samples: Array) -> tuple[Array, Array]:
    """Return tags and embeddings of the segments of some samples."""
    rate_hz = trunk.bundle.front_end.rate_hz
    results = [trunk.run(trunk.patches(s)) for s in iter_segments(iter([samples]), rate_hz) if not s.silent]
    return np.stack([tags.mean(axis=0) for tags, _ in results]), np.stack(
        [e.mean(axis=0) for _, e in results]
    )


def clip_figures(trunk: Trunk, clips: list[Path], trained_on: set[str]) -> dict[str, float]:
    """Return the head's accuracy on unseen clips and the same-genre share of the five nearest."""
    genres = np.array([clip.parent.name for clip in clips])
    unseen = np.array([f"{clip.parent.name}/{clip.stem}" not in trained_on for clip in clips])
    heard = [embed(trunk, samples_of(clip, trunk.bundle.front_end.rate_hz, 60)) for clip in clips]
    tags, vectors = np.concatenate([t for t, _ in heard]), unit_rows(np.concatenate([e for _, e in heard]))
    right = np.array(trunk.bundle.labels)[trunk.bundle.genres(tags, vectors).argmax(axis=1)] == genres
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1)[:, :5]
    return {
        "accuracy_unseen": round(float(right[unseen].mean()), 4),
        "accuracy_trained_on": round(float(right[~unseen].mean()), 4),
        "same_genre_share": round(float((genres[nearest] == genres[:, None]).mean()), 4),
    }


def excerpt_figures(trunk: Trunk, tracks: list[Array]) -> dict[str, float]:
    """Return how often the right track is first for an excerpt off the grid, by gain."""
    rate_hz = trunk.bundle.front_end.rate_hz
    start, length = int(EXCERPT_START_S * rate_hz), int(EXCERPT_S * rate_hz)
    vectors = [unit_rows(embed(trunk, samples)[1]) for samples in tracks]
    owners = np.repeat(np.arange(len(tracks)), [len(v) for v in vectors])
    matrix = np.concatenate(vectors)
    found = {}
    for gain_db in GAINS_DB:
        gain = np.float32(10 ** (gain_db / 20))
        queries = unit_rows(
            np.concatenate([embed(trunk, s[start : start + length] * gain)[1] for s in tracks])
        )
        first = owners[(queries @ matrix.T).argmax(axis=1)]
        found[f"right_first_{gain_db:+.0f}_db"] = round(float((first == np.arange(len(tracks))).mean()), 4)
    return found


def precision(trunk: Trunk, tracks: list[Array]) -> dict[str, Any]:
    """Return how far patch embeddings of fewer bits are from float32, and how often the nearest changes."""
    rate_hz = trunk.bundle.front_end.rate_hz
    patches = np.concatenate(
        [
            trunk.run(trunk.patches(s))[1]
            for samples in tracks
            for s in iter_segments(iter([samples]), rate_hz)
            if not s.silent
        ]
    )
    exact = unit_rows(patches)
    step = np.abs(patches).max(axis=1, keepdims=True) / 127
    kinds = {
        "float16": (patches.astype(np.float16).astype(np.float32), 2),
        "int8_per_patch_scale": ((np.round(patches / step) * step).astype(np.float32), 1),
    }
    cosines = exact @ exact.T
    np.fill_diagonal(cosines, -2)
    answer: dict[str, Any] = {"patches": len(patches)}
    for name, (stored, size) in kinds.items():
        other = unit_rows(stored)
        again = other @ other.T
        np.fill_diagonal(again, -2)
        chosen, best = again.argmax(axis=1), cosines.max(axis=1)
        lost = best - cosines[np.arange(len(cosines)), chosen]
        answer[name] = {
            "bytes_a_patch": size * patches.shape[1],
            "least_cosine_to_float32": round(float((exact * other).sum(axis=1).min()), 7),
            "nearest_patch_changed": round(float((chosen != cosines.argmax(axis=1)).mean()), 5),
            "most_cosine_lost_by_that": round(float(lost.max()), 7),
        }
    return answer


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    for name in ("clips", "taggrams", "music"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--tracks", type=int, default=80)
    args = parser.parse_args()
    shipped = bundle.load(bundle.SHIPPED)
    rate_hz = shipped.front_end.rate_hz
    clips = sorted(args.clips.glob("*/*.flac"))
    with np.load(args.taggrams, allow_pickle=False) as data:
        trained_on = set(data["track"].tolist())
    tracks = []
    for path in sorted(p for p in args.music.rglob("*") if p.suffix in (".ogg", ".mp3", ".opus")):
        try:
            samples = samples_of(path, rate_hz, 120)
        except AudioError:
            continue
        excerpt = AudioSegment(
            0,
            EXCERPT_S,
            samples[int(EXCERPT_START_S * rate_hz) : int((EXCERPT_START_S + EXCERPT_S) * rate_hz)],
        )
        if len(samples) >= 100 * rate_hz and not excerpt.silent and len(tracks) < args.tracks:
            tracks.append(samples)
    answer: dict[str, Any] = {"clips": len(clips), "tracks": len(tracks), "levels": {}}
    for level in LEVELS:
        trunk = Trunk(replace(shipped, front_end=replace(shipped.front_end, reference_rms=level)))
        answer["levels"][str(level)] = clip_figures(trunk, clips, trained_on) | excerpt_figures(trunk, tracks)
    answer["patch_precision"] = precision(Trunk(shipped), tracks[:30])
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
