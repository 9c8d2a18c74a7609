"""Whether explanations are faithful: silence the decisive seconds, and random ones, and compare.

    python benchmarks/faithfulness.py CLIPS [--seconds S] [--draws N]

CLIPS holds a folder a genre. Of each clip's first segment the most probable genre is explained; the
figure is by how much its log-probability falls, recomputed through ONNX Runtime as it is served.
Beside the curve that `explain` shows stands the plain Grad-CAM of its activations.
"""

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import common
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy.stats import wilcoxon

from classifier import params
from classifier.audio.decode import DecodeReport, stream_mono
from classifier.explanation.attribution import Explainer
from classifier.explanation.explain_song import frame_times, probability_without
from classifier.explanation.explanation import ScoredExcerpt, decisive
from classifier.features.segments import AudioSegment, iter_segments
from classifier.model import bundle
from classifier.model.inference import Trunk

Curve = npt.NDArray[np.float64]
STEP_S = params.EXPLAIN_STEP_S


def plain_grad_cam(explainer: Explainer, patches: npt.NDArray[np.float32], genre: int) -> Curve:
    """Return Selvaraju's map: activations weighted by their mean gradient, what is below 0 left out."""
    activations = explainer._front(tf.constant(patches))
    with tf.GradientTape() as tape:
        tape.watch(activations)
        outputs = explainer._back(activations)
        score = explainer._head([tf.reduce_mean(o, axis=0, keepdims=True) for o in outputs])[0, genre]
    weights = tf.reduce_mean(tape.gradient(score, activations), axis=1, keepdims=True)
    return np.maximum(tf.reduce_sum(weights * activations, axis=2).numpy(), 0).astype(np.float64)


def per_step(effects: Curve, segment: AudioSegment, trunk: Trunk) -> Curve:
    """Return a segment's effects by patch and frame as a curve over its steps."""
    curve = np.zeros(int(np.ceil(segment.end_s / STEP_S)))
    steps = (frame_times(segment, trunk.bundle.front_end) / STEP_S).astype(int)
    np.add.at(curve, np.minimum(steps, len(curve) - 1), effects)
    return curve


class Clip:
    """A clip's first segment, and what silencing excerpts of it costs."""

    def __init__(self, trunk: Trunk, path: Path) -> None:
        rate_hz = trunk.bundle.front_end.rate_hz
        self.trunk = trunk
        self.segment = next(iter_segments(stream_mono(path, rate_hz, DecodeReport()), rate_hz))
        self.patches = trunk.patches(self.segment)
        tags, embeddings = trunk.run(self.patches)
        genres = trunk.bundle.genres(tags.mean(axis=0, keepdims=True), embeddings.mean(axis=0, keepdims=True))
        self.genre = int(np.argmax(genres))
        self.score = float(np.log(genres[0, self.genre]))

    def drop(self, excerpts: list[ScoredExcerpt], *, keep_level: bool = True) -> float:
        """Return by how much the log-probability falls when these are silenced."""
        left = probability_without(self.trunk, self.segment, excerpts, self.genre, keep_level=keep_level)
        return self.score - float(np.log(left))

    def decisive(self, curve: Curve, seconds: float, pieces: int = 1) -> list[ScoredExcerpt]:
        """Return the top excerpts of a curve, `seconds` in all."""
        return decisive(curve, STEP_S, self.segment.end_s, seconds / pieces, pieces)

    def random(self, seconds: float, share: float, pieces: int = 1) -> list[ScoredExcerpt]:
        """Return `seconds` in all, each piece at this share of the positions in its part of the segment."""
        part_s, length_s = self.segment.end_s / pieces, seconds / pieces
        starts = [i * part_s + share * (part_s - length_s) for i in range(pieces)]
        return [ScoredExcerpt(start_s, start_s + length_s, 0.0) for start_s in starts]


def measure(trunk: Trunk, explainer: Explainer, path: Path, seconds: float, draws: int) -> dict[str, float]:
    """Return what silencing costs one clip, in nats, by what is silenced."""
    clip = Clip(trunk, path)
    curve = per_step(explainer.time_effects(clip.patches, clip.genre), clip.segment, trunk)
    plain = per_step(plain_grad_cam(explainer, clip.patches, clip.genre), clip.segment, trunk)
    top = clip.decisive(curve, seconds)
    # One position in each of `draws` equal parts, so that the mean over them varies little.
    random = np.random.default_rng([params.SEED, *path.stem.encode()])
    positions = (np.arange(draws) + random.uniform(size=draws)) / draws
    elsewhere = [clip.random(seconds, share) for share in positions]
    return {
        "decisive": clip.drop(top),
        "random": float(np.mean([clip.drop(s) for s in elsewhere])),
        "decisive_scattered": clip.drop(clip.decisive(curve, seconds, 3)),
        "random_scattered": float(np.mean([clip.drop(clip.random(seconds, s, 3)) for s in positions])),
        "decisive_plain_grad_cam": clip.drop(clip.decisive(plain, seconds)),
        "decisive_level_restored": clip.drop(top, keep_level=False),
        "random_level_restored": float(np.mean([clip.drop(s, keep_level=False) for s in elsewhere])),
    }


def against(top: Curve, random: Curve) -> dict[str, float]:
    """Compare a way to choose with chance."""
    return {
        "mean_drop": round(float(top.mean()), 4),
        "mean_drop_random": round(float(random.mean()), 4),
        "share_above_random": round(float(np.mean(top > random)), 4),
        "wilcoxon_p": float(f"{wilcoxon(top, random, alternative='greater').pvalue:.2g}"),
    }


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("clips", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--draws", type=int, default=20)
    args = parser.parse_args()
    machine = common.machine()
    chosen = bundle.load(bundle.SHIPPED)
    trunk, explainer = Trunk(chosen, threads=1), Explainer(chosen)
    found = [
        measure(trunk, explainer, path, args.seconds, args.draws)
        for path in sorted(args.clips.glob("*/*.flac"))
    ]
    drops = {name: np.array([row[name] for row in found]) for name in found[0]}
    answer: dict[str, Any] = {
        "machine": machine,
        "clips": len(found),
        "seconds": args.seconds,
        "explain": against(drops["decisive"], drops["random"]),
        "explain_in_three_pieces": against(drops["decisive_scattered"], drops["random_scattered"]),
        "plain_grad_cam": against(drops["decisive_plain_grad_cam"], drops["random"]),
        "explain_level_restored": against(drops["decisive_level_restored"], drops["random_level_restored"]),
    }
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
