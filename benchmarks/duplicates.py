"""Duplicates among real music: tracks planted again under other encodings, found and false ones.

    python benchmarks/duplicates.py FOLDER... [--home HOME] [--plants 20] [--hard]

Random tracks are encoded again, without their tags, as MP3 at 128 kbit/s and as Opus; `--hard` adds MP3 at
64 kbit/s and 6 dB softer, and a FLAC that begins 1.3 s later. `--home` names a home that holds the folders
already; it is copied. Also printed: how well planted copies agree with their originals, how well distinct
works of the catalogue agree with each other at most, and what is found where nothing was planted.
"""

import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import common
import numpy as np
import numpy.typing as npt
import soundfile

from classifier.model import bundle
from db.session import open_catalog
from db.sound.patches import track_patches
from db.tracks import present
from recommender.retrieval.duplicates.evidence import leeway_s, lengths_agree, sound_agreement

Samples = npt.NDArray[np.float32]
BLOCK = 1 << 16


@dataclass(frozen=True)
class Planting:
    """How a copy is made: suffix, FFmpeg's codec, bits a second, and what is done to the samples before."""

    suffix: str
    codec: str
    bit_rate: int | None
    change: Callable[[Samples, int], Samples]


def _as_is(samples: Samples, rate_hz: int) -> Samples:
    return samples


EASY = {
    "mp3 128k": Planting(".mp3", "libmp3lame", 128_000, _as_is),
    "opus 96k": Planting(".opus", "libopus", 96_000, _as_is),
}
HARD = {
    "mp3 64k, -6 dB": Planting(".64k.mp3", "libmp3lame", 64_000, lambda samples, rate_hz: samples / 2),
    "begins 1.3 s later": Planting(
        ".cut.flac", "flac", None, lambda samples, rate_hz: samples[round(1.3 * rate_hz) :]
    ),
}


def encode(samples: Samples, rate_hz: int, target: Path, planting: Planting) -> None:
    """Encode samples, (samples, channels)."""
    samples = planting.change(samples[:, :2], rate_hz).clip(-1, 1)
    layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
    out_hz = 48_000 if planting.codec == "libopus" else rate_hz
    with av.open(str(target), "w") as container:
        stream = container.add_stream(planting.codec, rate=out_hz, layout=layout)
        if planting.bit_rate:
            stream.bit_rate = planting.bit_rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format.name,
            layout=layout,
            rate=out_hz,
            frame_size=stream.codec_context.frame_size or 4096,
        )
        for start in range(0, len(samples), BLOCK):
            part = np.ascontiguousarray(samples[start : start + BLOCK].T)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
            for even in resampler.resample(frame):
                container.mux(stream.encode(even))
        for even in resampler.resample(None):
            container.mux(stream.encode(even))
        container.mux(stream.encode(None))


def plant(sources: list[Path], folder: Path, plantings: dict[str, Planting]) -> dict[Path, tuple[Path, str]]:
    """Write the copies; return the original and the kind of each."""
    made = {}
    for number, source in enumerate(sources):
        samples, rate_hz = soundfile.read(source, dtype="float32", always_2d=True)
        for kind, planting in plantings.items():
            target = folder / f"{number:03}{planting.suffix}"
            encode(samples, rate_hz, target, planting)
            made[target] = (source, kind)
    return made


def works_of(home: Path) -> list[Path]:
    """Return the present, analysed tracks of a home."""
    catalog = open_catalog(home / "catalog.sqlite")
    with catalog.transaction() as session:
        found = [Path(track.path) for track in present(session) if track.error_kind is None]
    catalog.close()
    return found


def counted(answer: Any, planted: dict[Path, tuple[Path, str]]) -> dict[str, Any]:
    """Hold the groups that were found to what was planted."""
    original = {path: source for path, (source, _) in planted.items()}
    of_kind: dict[str, list[bool]] = {}
    together: dict[Path, set[Path]] = {}
    for group in answer["groups"]:
        if group["kind"] != "other version":
            paths = {Path(track["path"]) for track in group["tracks"]}
            together.update(dict.fromkeys(paths, paths))
    for path, (source, kind) in planted.items():
        of_kind.setdefault(kind, []).append(source in together.get(path, ()))
    sets = {frozenset(paths) for paths in together.values()}
    works = [{original.get(path, path) for path in paths} for paths in sets]
    return {
        "found": {kind: f"{sum(found)} of {len(found)}" for kind, found in of_kind.items()},
        "sets": len(sets),
        "sets_of_distinct_works": [sorted(map(str, found)) for found in works if len(found) > 1],
    }


def margins(home: Path, planted: dict[Path, tuple[Path, str]]) -> dict[str, Any]:
    """Return how well copies agree with their originals, and distinct works with each other at most."""
    heard = bundle.load(bundle.SHIPPED)
    catalog = open_catalog(home / "catalog.sqlite")
    with catalog.transaction() as session:
        tracks = {Path(t.path): t for t in present(session) if t.error_kind is None}
        ids = [t.id for t in tracks.values()]
        patches = track_patches(session, ids, heard.trunk_id, heard.front_end.patch_s)
    catalog.close()
    copies: dict[str, list[tuple[float, float]]] = {}
    for path, (source, kind) in planted.items():
        one, other = tracks[source], tracks[path]
        found = sound_agreement(patches[one.id], patches[other.id], leeway_s(one.duration_s or 0))
        copies.setdefault(kind, []).append(
            (found.temporal_correlation, found.cosine) if found else (0.0, 0.0)
        )
    works = [track for path, track in tracks.items() if path not in planted]
    distinct = []
    for one, other in combinations(works, 2):
        if lengths_agree(one.duration_s, other.duration_s):
            found = sound_agreement(patches[one.id], patches[other.id], leeway_s(one.duration_s or 0))
            if found:
                distinct.append(
                    (found.temporal_correlation, found.cosine, Path(one.path).stem, Path(other.path).stem)
                )
    return {
        "copies": {
            kind: {
                "course_least_and_median": [
                    round(float(f(np.array(v)[:, 0])), 3) for f in (np.min, np.median)
                ],
                "cosine_least_and_median": [
                    round(float(f(np.array(v)[:, 1])), 3) for f in (np.min, np.median)
                ],
            }
            for kind, v in copies.items()
        },
        "distinct_pairs_of_a_length": len(distinct),
        "distinct_highest_course": sorted(distinct, reverse=True)[:5],
        "distinct_highest_cosine": sorted(distinct, key=lambda row: -row[1])[:5],
    }


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--plants", type=int, default=20)
    parser.add_argument("--hard", action="store_true")
    args = parser.parse_args()
    plantings = EASY | (HARD if args.hard else {})
    with tempfile.TemporaryDirectory() as folder:
        home, copies = Path(folder) / "home", Path(folder) / "copies"
        copies.mkdir()
        if args.home:
            shutil.copytree(args.home, home)
        for music in args.folders:
            common.cli(home, "ingest", music)
        works = works_of(home)
        before = common.cli(home, "duplicates")["groups"]
        planted = plant(random.Random(0).sample(works, args.plants), copies, plantings)
        common.cli(home, "ingest", copies)
        after, wall_s, _ = common.measured_cli(home, "duplicates")
        answer = {
            "works": len(works),
            "planted": len(planted),
            "seconds": round(wall_s, 1),
            **counted(after, planted),
            **margins(home, planted),
            "without_plants": [
                {"kind": g["kind"], "files": [Path(t["path"]).name for t in g["tracks"]]} for g in before
            ],
        }
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
