"""Seconds and memory of training: the default head on 1,000 ingested tracks, cnn-mel on a folder of clips.

    python benchmarks/train_speed.py MUSIC CLIPS

MUSIC holds a folder a label, of real recordings long enough for 1,000 excerpts of 30 s in all; CLIPS a
folder a genre. Excerpts of one recording fall on both sides of splits here: the accuracy means nothing.
"""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import common
import numpy as np
import numpy.typing as npt
import soundfile

from classifier.audio.decode import DecodeReport, stream_mono

TRACKS = 1000
EXCERPT_S = 30
RATE_HZ = 16_000


def excerpts(music: Path) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yield (label, samples) of excerpts that follow each other through every recording."""
    for path in sorted(p for p in music.rglob("*") if p.suffix in (".ogg", ".mp3", ".flac", ".opus")):
        held = np.zeros(0, np.float32)
        for block in stream_mono(path, RATE_HZ, DecodeReport()):
            held = np.concatenate([held, block])
            while len(held) >= EXCERPT_S * RATE_HZ:
                yield path.relative_to(music).parts[0], held[: EXCERPT_S * RATE_HZ]
                held = held[EXCERPT_S * RATE_HZ :]


def write(music: Path, folder: Path) -> None:
    """Write the first 1,000 excerpts of at least half a second's sound."""
    loud = ((label, s) for label, s in excerpts(music) if np.sqrt(np.mean(s**2)) > 1e-3)
    for number, (label, samples) in enumerate(itertools.islice(loud, TRACKS)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / label / f"{number:04d}.wav", samples, RATE_HZ)


def timed(home: Path, *arguments: object) -> dict[str, Any]:
    """Train and return seconds, memory and what was trained."""
    answer, wall, peak = common.measured_cli(home, "train", *arguments)
    kept = ("arch", "songs", "folds", "labels", "chosen", "segments_predicted")
    return {"wall_s": round(wall, 1), "peak_mb": round(peak / 1e6), **{name: answer[name] for name in kept}}


def main() -> None:
    """Command line of this benchmark."""
    options = common.parser(str(__doc__))
    options.add_argument("music", type=Path)
    options.add_argument("clips", type=Path)
    args = options.parse_args()
    answer: dict[str, Any] = {"machine": common.machine()}
    with tempfile.TemporaryDirectory() as folder:
        library, home = Path(folder, "library"), Path(folder, "home")
        write(args.music, library)
        ingested = common.cli(home, "ingest", library, "--labels", "folders")
        answer["ingested"] = ingested["analysed"]
        answer["head"] = timed(home)
        answer["cnn_mel"] = timed(Path(folder, "other"), args.clips, "--arch", "cnn-mel")
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
