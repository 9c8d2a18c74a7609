"""Whether a 30 s excerpt off the segment grid leads to its track and to the right place in it.

    python benchmarks/passages.py HOME [--excerpts 100]

HOME is a catalogue whose files are there. Excerpts are cut at random places of random tracks of 40 s or more,
written as FLAC as they are and 6 dB softer and louder (16 bit, so that what is too loud clips), and asked
for as `similar FILE` does. Counts the right track being first, and stated and true passage overlapping by
half or more (intersection over union).
"""

import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np
import soundfile
from sqlalchemy import select

from classifier.audio.decode import read_clip
from classifier.features.segments import AudioSegment
from db.models import Track
from recommender.home import Home
from recommender.library.file_reader import FileReader
from recommender.retrieval.index.store import open_index
from recommender.retrieval.query import resolve
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import Match, similar

GAINS_DB = (0.0, -6.0, 6.0)
LENGTH_S = 30.0
RATE_HZ = 44_100


def overlap(start_s: float, match: Match) -> float:
    """Return intersection over union of the true and the stated passage, in seconds of the track."""
    if match.passage is None:
        return 0.0
    a, b = match.passage.match_start_s, match.passage.match_end_s
    common_s = max(0.0, min(b, start_s + LENGTH_S) - max(a, start_s))
    return common_s / (max(b, start_s + LENGTH_S) - min(a, start_s))


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--excerpts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    home = Home(args.home)
    catalog, bundle = home.existing_catalog(), home.bundle()
    index, _ = open_index(catalog, home.index_dir, bundle.trunk_id)
    found: dict[float, list[dict[str, Any]]] = {gain: [] for gain in GAINS_DB}
    with (
        catalog.transaction() as session,
        tempfile.TemporaryDirectory() as folder,
        FileReader(bundle) as reader,
    ):
        rows = session.scalars(select(Track).where(Track.duration_s >= 40, Track.missing.is_(False)))
        long_enough = sorted((t for t in rows if t.error_kind is None), key=lambda t: t.id)
        while len(found[GAINS_DB[-1]]) < args.excerpts:
            track = long_enough[random.integers(len(long_enough))]
            start_s = float(random.uniform(0, track.duration_s - LENGTH_S))
            samples = read_clip(Path(track.path), RATE_HZ, start_s, LENGTH_S)
            if AudioSegment(0, LENGTH_S, samples).silent:
                continue
            for gain in GAINS_DB:
                path = Path(folder) / "excerpt.flac"
                soundfile.write(path, np.clip(samples * 10 ** (gain / 20), -1, 1), RATE_HZ, "PCM_16")
                query = resolve(session, str(path), bundle, reader.analyse_query)
                first = similar(session, index, bundle, [query], ListRequest(n=1)).matches[0]
                right = first.track.id == track.id
                iou = overlap(start_s, first) if right else 0.0
                found[gain].append({"track": track.id, "start_s": start_s, "right": right, "overlap": iou})
    answer = {
        f"{gain:+.0f} dB": {
            "excerpts": len(rows),
            "right_track_first": float(np.mean([r["right"] for r in rows])),
            "overlap_of_half_or_more": float(np.mean([r["overlap"] >= 0.5 for r in rows])),
            "median_overlap": round(float(np.median([r["overlap"] for r in rows])), 3),
            "missed": [r for r in rows if r["overlap"] < 0.5],
        }
        for gain, rows in found.items()
    }
    common.report({"machine": common.machine(), "tracks": len(long_enough), **answer}, args.output)


if __name__ == "__main__":
    main()
