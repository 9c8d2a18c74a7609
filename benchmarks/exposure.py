"""Whom lists show under the usual limits, before and after limits choose by how often they show a song.

    python benchmarks/exposure.py HOME [--labels FOLDERS]

Every track of the catalogue is asked for, n = 10: without limits; with the usual ones and the nearest songs
of every artist; and as `similar` answers. For each: tracks in nobody's list, Gini's coefficient of exposure,
the share of the same genre, by the labels of the catalogue or by the names of the folders below FOLDERS, how
many of the nearest songs, the first one and the first three, are still listed, and the mean score. Copies of
one audio are never listed beside each other, so what is in no list and Gini's coefficient are also told of
recordings.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import common
import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Ints
from classifier.model.bundle import Bundle
from db.rows import rows_by_ids
from recommender.evaluation import exposure
from recommender.evaluation.list_metrics import numbered
from recommender.evaluation.relevance import NONE, precision
from recommender.home import Home
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.store import open_index
from recommender.retrieval.query import from_track
from recommender.retrieval.request import ListRequest
from recommender.retrieval.similar import similar

USUAL = ListRequest(n=10, passages=False)


def answers(
    session: Session, index: SegmentIndex, bundle: Bundle, request: ListRequest
) -> tuple[Any, float, float]:
    """Return every track's list by positions, (tracks, n), the mean score, and the milliseconds of a list."""
    ids = [int(i) for i in index.rows.track_ids]
    rows = rows_by_ids(session, ids)
    found, scores = np.full((len(ids), request.n), NONE, np.int64), []
    began = time.perf_counter()
    for number, track_id in enumerate(ids):
        query = from_track(session, rows[track_id], bundle)
        matches = similar(session, index, bundle, [query], request).matches
        listed = [match.track.id for match in matches]
        found[number, : len(listed)] = np.searchsorted(index.rows.track_ids, listed)
        scores += [match.score for match in matches]
    return found, float(np.mean(scores)), (time.perf_counter() - began) * 1000 / max(1, len(ids))


def kept(lists: Any, nearest: Any, first: int) -> float:
    """Return the share of the first songs of other lists that these have, too."""
    pairs = zip(lists, nearest[:, :first], strict=True)
    return float(np.mean([len(set(some) & set(best)) / first for some, best in pairs]))


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--labels", type=Path, metavar="FOLDERS")
    args = parser.parse_args()
    home = Home(args.home)
    catalog, bundle = home.existing_catalog(), home.bundle()
    index, _ = open_index(catalog, home.index_dir, bundle.trunk_id)
    blind = replace_offsets(index)
    answer: dict[str, Any] = {"machine": common.machine(), "tracks": len(index.rows.track_ids), "n": USUAL.n}
    with catalog.snapshot() as session:
        labels = labels_of(session, index, args.labels)
        recordings = recordings_of(session, index)
        asked = {
            "no limits": (index, replace(USUAL, per_artist=0, per_album=0)),
            "limits, the nearest": (blind, USUAL),
            "limits, evenly": (index, USUAL),
        }
        lists = {name: answers(session, one, bundle, request) for name, (one, request) in asked.items()}
    nearest = lists["limits, the nearest"][0]
    for name, (found, score, ms) in lists.items():
        counts = exposure.occurrence(found, len(labels))
        of_recordings = np.bincount(recordings, weights=counts)
        judged, genre = precision(found, numbered(labels))
        answer[name] = {
            "in_no_list": int((counts == 0).sum()),
            "gini": round(exposure.gini(counts) or 0.0, 4),
            "recordings_in_no_list": int((of_recordings == 0).sum()),
            "gini_of_recordings": round(exposure.gini(of_recordings) or 0.0, 4),
            "most": int(counts.max()),
            "same_genre": None if not judged else round(genre or 0.0, 4),
            "first_kept": round(kept(found, nearest, 1), 4),
            "first_three_kept": round(kept(found, nearest, 3), 4),
            "mean_score": round(score, 4),
            "ms_a_list": round(ms, 1),
        }
    common.report(answer, args.output)


def replace_offsets(index: SegmentIndex) -> SegmentIndex:
    """Return the same index, as if it knew nothing of what limits show."""
    none = np.zeros_like(index.rows.limit_offsets)
    return SegmentIndex(
        index.vectors, replace(index.rows, limit_offsets=none), index.reference, index.inverted
    )


def recordings_of(session: Session, index: SegmentIndex) -> Ints:
    """Return a number for each track, the same for those of one audio."""
    ids = [int(i) for i in index.rows.track_ids]
    rows = rows_by_ids(session, ids)
    return np.unique([rows[i].content_hash or str(i) for i in ids], return_inverse=True)[1]


def labels_of(session: Session, index: SegmentIndex, folders: Path | None) -> Sequence[str | None]:
    """Return each track's genre: its label, or the folder that it lies in."""
    rows = rows_by_ids(session, [int(i) for i in index.rows.track_ids])
    tracks = [rows[int(i)] for i in index.rows.track_ids]
    if folders is None:
        return [track.label for track in tracks]
    paths = [Path(track.path) for track in tracks]
    return [path.parent.name if path.is_relative_to(folders) else None for path in paths]


if __name__ == "__main__":
    main()
