"""Whether networks made for Essentia's front end are given the same by ours.

    python benchmarks/essentia_front_end.py WORK PYTHON FILE... [--quality 4]

PYTHON is one in whose environment PyPI's essentia and soundfile are installed; no model is needed. The
samples that we decode are given to Essentia's TensorflowInputMusiCNN, and its log-mel compared with ours;
then Essentia decodes the files itself, at 16 kHz, by resampling of this quality (0 is the best, 4 the one
in its examples). What the difference means is said by the shipped network, at the level of the file: the
largest difference of a tag of a song, and the least cosine of its mean embeddings.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import common
import numpy as np
import soundfile

sys.path.insert(0, str(common.ROOT))
from classifier import params
from classifier.audio.decode import DecodeReport, whole_mono
from classifier.features.frontend import FrontEnd, log_mel
from classifier.features.segments import patch_starts
from classifier.model import bundle
from classifier.model.inference import Trunk

THEIRS = """
import sys
import numpy as np, soundfile
import essentia.standard as es
read, wav, quality, out = sys.argv[1:]
bands = es.TensorflowInputMusiCNN()
if read == "samples":
    samples, _ = soundfile.read(wav, dtype="float32")
else:
    samples = es.MonoLoader(filename=wav, sampleRate=16000, resampleQuality=int(quality))()
frames = es.FrameGenerator(samples, frameSize=512, hopSize=256, startFromZero=False)
np.save(out, np.array([bands(frame) for frame in frames]))
"""


def theirs(python: str, read: str, path: Path, quality: int, out: Path) -> Any:
    """Return Essentia's log-mel of a file, or None where it cannot read it; its loader may crash then."""
    command = [python, "-c", THEIRS, read, str(path), str(quality), str(out)]
    done = subprocess.run(command, capture_output=True, check=False)
    return np.load(out) if done.returncode == 0 else None


def song(trunk: Trunk, mel: Any) -> tuple[Any, Any]:
    """Return the mean tags and the mean embedding of a song's patches."""
    length = trunk.bundle.front_end.patch_frames
    starts = patch_starts(len(mel), length, length)
    tags, embeddings = trunk.run(np.stack([mel[s : s + length] for s in starts]).astype(np.float32))
    return tags.mean(axis=0), embeddings.mean(axis=0)


def apart(trunk: Trunk, ours: Any, other: Any) -> dict[str, float]:
    """Return how far two log-mels of a song are apart, by themselves and by what the network says of them."""
    n = min(len(ours), len(other))
    (tags, one), (their_tags, two) = (song(trunk, mel[:n]) for mel in (ours, other))
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    return {
        "mean": float(np.abs(ours[:n] - other[:n]).mean()),
        "tag": float(np.abs(tags - their_tags).max()),
        "cosine": float(cosine),
    }


def summary(rows: list[dict[str, float]]) -> dict[str, float | int]:
    """Return the figures of all songs."""
    return {
        "songs": len(rows),
        "mean_difference_of_log_mel": round(float(np.mean([row["mean"] for row in rows])), 5),
        "largest_difference_of_a_tag": round(max(row["tag"] for row in rows), 5),
        "least_cosine_of_embeddings": round(min(row["cosine"] for row in rows), 6),
        "median_cosine_of_embeddings": round(float(np.median([row["cosine"] for row in rows])), 6),
    }


def main() -> None:
    """Run this benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("python")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--quality", type=int, default=4)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    shipped = bundle.load(bundle.SHIPPED)
    trunk, front_end = Trunk(shipped, threads=1), FrontEnd(reference_rms=None)
    rows: dict[str, list[dict[str, float]]] = {"samples": [], "file": []}
    for path in args.files:
        samples = np.concatenate(list(whole_mono(path, params.RATE_HZ, DecodeReport())))
        ours, wav = log_mel(samples, shipped.mel_filters, front_end), args.work / "samples.wav"
        soundfile.write(wav, samples, params.RATE_HZ, subtype="FLOAT")
        for read, given in (("samples", wav), ("file", path)):
            other = theirs(args.python, read, given, args.quality, args.work / "theirs.npy")
            if other is not None:
                rows[read].append(apart(trunk, ours, other))
    answer = {"same samples": summary(rows["samples"]), "decoded by each": summary(rows["file"])}
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
