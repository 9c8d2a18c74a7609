"""Search among very many segments: speed, recall, memory and disk, against exact searches.

    python benchmarks/large_index.py catalogue WORK [--segments 1000000]
    python benchmarks/large_index.py vectors WORK [--segments 10000000]
    python benchmarks/large_index.py sizes WORK

`catalogue` fills a home below WORK with a synthetic library (tracks, segments, embeddings, patches,
predictions; about 5.5 KB a segment), builds its index through the command line, and times `similar` with
all corrections, in one process, as a service would. `vectors` builds the index alone, from generated
embeddings, stage by stage, and times single queries in another process; after a first run in WORK it
makes the inverted file alone again. `sizes` tells from how many segments on an inverted file is quicker
than scoring every song. Songs are drawn round 2,000 styles of very different sizes, segments round
songs: synthetic, but clustered as music is. Queries are new segments of the same kind.
"""

import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import common
import numpy as np
import numpy.typing as npt

from db.models import Feature, Prediction, Segment, Setting, Track
from db.session import open_catalog
from db.sound.index_rows import IndexRows, IndexTracks
from db.tracks import root_for, search_key
from recommender.retrieval.index.segment_index import SegmentIndex

Array = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

DIMENSIONS, TAGS, STYLES, RANK = 200, 50, 2000, 40
BLOCK = 8192
MEAN_SEGMENTS = 20 / 3
QUERIES = 300
SIZES = (25_000, 50_000, 100_000, 200_000, 400_000)
SONG_SEGMENTS = 7


class Library:
    """A synthetic library of a given size; the same for the same seed."""

    def __init__(self, n_segments: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        n_tracks = round(n_segments / MEAN_SEGMENTS)
        self.counts = np.maximum(1, random.poisson(MEAN_SEGMENTS, n_tracks)).astype(np.int64)
        self.basis = (random.standard_normal((RANK, DIMENSIONS)) / math.sqrt(RANK)).astype(np.float32)
        self.styles = (random.standard_normal((STYLES, RANK)) @ self.basis).astype(np.float32)
        sizes = random.pareto(1.2, STYLES) + 1
        self.of_track = random.choice(STYLES, n_tracks, p=sizes / sizes.sum())

    @property
    def held(self) -> IndexTracks:
        """All tracks, as the catalogue would name them."""
        ids = np.arange(1, len(self.counts) + 1)
        return IndexTracks(ids, self.counts, ids)

    def embeddings(self, tracks: Ints, seed: int = 1) -> Array:
        """Return the segments of some tracks, side by side."""
        random = np.random.default_rng([seed, int(tracks[0])])
        n = int(self.counts[tracks].sum())
        songs = self.styles[self.of_track[tracks]]
        songs = songs + 0.5 * random.standard_normal((len(tracks), RANK), np.float32) @ self.basis
        songs += 0.25 * random.standard_normal((len(tracks), DIMENSIONS), np.float32)
        noise = 0.35 * random.standard_normal((n, DIMENSIONS), np.float32)
        return np.asarray(np.repeat(songs, self.counts[tracks], axis=0) + noise, np.float32)

    def blocks(self) -> Iterator[Ints]:
        """Yield the numbers of all tracks, some at a time."""
        for first in range(0, len(self.counts), BLOCK):
            yield np.arange(first, min(first + BLOCK, len(self.counts)))

    def read(self, _track_ids: Ints | None) -> Iterator[IndexRows]:
        """Yield all segments, as the catalogue would give them."""
        ends = np.cumsum(self.counts)
        for tracks in self.blocks():
            vectors = self.embeddings(tracks)
            n = len(vectors)
            yield IndexRows(
                segment_ids=np.arange(ends[tracks[-1]] - n, ends[tracks[-1]]) + 1,
                track_ids=np.repeat(tracks + 1, self.counts[tracks]),
                durations_s=np.full(n, 30, np.float32),
                embeddings=vectors,
                tags=np.full((n, TAGS), 0.02, np.float32),
            )

    def queries(self, n: int) -> Array:
        """Return new segments: drawn as the library's are, and none of them."""
        random = np.random.default_rng(99)
        tracks = np.sort(random.choice(len(self.counts), n, replace=False))
        firsts = np.cumsum(self.counts[tracks]) - self.counts[tracks]
        return self.embeddings(tracks, seed=77)[firsts]


# The whole catalogue.


def fill(library: Library, home: Path) -> None:
    """Write the library into a new home's catalogue."""
    from classifier.model import bundle

    shipped = bundle.load(bundle.SHIPPED)
    catalog = open_catalog(home / "catalog.sqlite")
    with catalog.transaction() as session:
        root = root_for(session, "/library")
        session.flush()
        root_id = root.id
        session.add(Setting(name="vectors_token", value="made"))
    noise = np.random.default_rng(5).standard_normal((4096, 10, DIMENSIONS)).astype(np.float16)
    genres = np.random.default_rng(6).dirichlet(np.full(len(shipped.labels), 0.3), 4096).astype("<f4")
    ends = np.cumsum(library.counts)
    for tracks in library.blocks():
        vectors, counts = library.embeddings(tracks), library.counts[tracks]
        first_id = int(ends[tracks[-1]]) - len(vectors) + 1
        owners = np.repeat(tracks + 1, counts)
        within = np.arange(len(vectors)) - np.repeat(np.cumsum(counts) - counts, counts)
        with catalog.engine.begin() as connection:
            connection.execute(Track.__table__.insert(), [_track(int(t), root_id, library) for t in tracks])
            connection.execute(
                Segment.__table__.insert(),
                [
                    {"id": first_id + i, "track_id": int(t), "start_s": 30.0 * w, "end_s": 30.0 * (w + 1),
                     "level_dbfs": -14.0, "silent": False}
                    for i, (t, w) in enumerate(zip(owners, within.tolist(), strict=True))
                ],
            )  # fmt: skip
            connection.execute(
                Feature.__table__.insert(),
                [
                    {"segment_id": first_id + i, "trunk_id": shipped.trunk_id, "embedding": v.tobytes(),
                     "tags": _TAGS, "patches": _patches(v, noise[(first_id + i) % 4096])}
                    for i, v in enumerate(vectors)
                ],
            )  # fmt: skip
            connection.execute(
                Prediction.__table__.insert(),
                [
                    {"segment_id": first_id + i, "bundle_id": shipped.bundle_id,
                     "genres": genres[(first_id + i) % 4096].tobytes()}
                    for i in range(len(vectors))
                ],
            )  # fmt: skip
    catalog.close()


_TAGS = np.full(TAGS, 0.02, "<f4").tobytes()


def _patches(embedding: Array, noise: npt.NDArray[np.float16]) -> bytes:
    return (embedding.astype(np.float16) + noise).tobytes()


def _track(number: int, root_id: int, library: Library) -> dict[str, Any]:
    artist, title = f"artist {number // 12}", f"song {number}"
    return {
        "id": number + 1, "root_id": root_id, "rel_path": f"{number // 12}/{number}.mp3", "size": 1,
        "mtime_ns": 1, "content_hash": f"{number:040x}", "analysed_hash": f"{number:040x}", "missing": False,
        "title": title, "artist": artist, "album": f"album {number // 12}", "year": 1900 + number % 1000,
        "file_genres": [], "search_text": search_key(f"{artist} {title}"),
        "duration_s": 30.0 * int(library.counts[number]), "plays": number % 7,
    }  # fmt: skip


def catalogue(args: Namespace) -> dict[str, Any]:
    """Measure `similar` on a whole catalogue."""
    home = args.work / "home"
    library = Library(args.segments)
    if not (home / "catalog.sqlite").exists():
        home.mkdir(parents=True, exist_ok=True)
        fill(library, home)
    shutil.rmtree(home / "index", ignore_errors=True)
    _, built_s, peak = common.measured_cli(home, "similar", 1)
    _, cold_s, opened_peak = common.measured_cli(home, "similar", 2)
    return {
        "tracks": len(library.counts),
        "segments": int(library.counts.sum()),
        "catalogue_bytes": (home / "catalog.sqlite").stat().st_size,
        "index_bytes": _size(home / "index"),
        "index_built_s": round(built_s, 1),
        "index_built_peak_mb": round(peak / 1e6),
        "one_process_s": round(cold_s, 3),
        "one_process_peak_mb": round(opened_peak / 1e6),
        **asked_often(home, len(library.counts)),
    }


def asked_often(home: Path, n_tracks: int) -> dict[str, Any]:
    """Time `similar` in one process: songs, passages, and filters; compare with exact candidates."""
    from recommender import params
    from recommender.home import Home
    from recommender.retrieval.filters import Filters, Range
    from recommender.retrieval.index.store import open_index
    from recommender.retrieval.query import Span, resolve
    from recommender.retrieval.request import ListRequest
    from recommender.retrieval.similar import similar

    opened = Home(home)
    catalog, bundle = opened.existing_catalog(), opened.bundle()
    started = time.perf_counter()
    index, _ = open_index(catalog, opened.index_dir, bundle.trunk_id)
    answer: dict[str, Any] = {"open_s": round(time.perf_counter() - started, 3)}
    ids = np.random.default_rng(3).choice(n_tracks, QUERIES, replace=False) + 1

    def ask(track_id: int, list_request: ListRequest, span: Span | None = None) -> list[int]:
        with catalog.transaction() as session:
            query = resolve(session, str(track_id), bundle, lambda *_: sys.exit("a file?"), span)
            return [m.track.id for m in similar(session, index, bundle, [query], list_request).matches]

    few = ListRequest(filters=Filters(years=Range(1950, 1950)))  # one year of a thousand
    kinds: dict[str, Callable[[int], list[int]]] = {
        "similar": lambda i: ask(i, ListRequest()),
        "similar_passage": lambda i: ask(i, ListRequest(), Span(0, 30)),
        "similar_discover_diverse": lambda i: ask(i, ListRequest(discover=0.5, diversity=0.3)),
        "similar_of_a_thousandth": lambda i: ask(i, few),
    }
    lists = {}
    for name, kind in kinds.items():
        some = ids if name == "similar" else ids[:100]
        for i in ids[-20:]:
            kind(int(i))  # the pages that every query touches are read
        lists[name], answer[f"{name}_ms"] = timed(kind, some)
        answer[f"{name}_lists_of_ten"] = sum(len(one) == 10 for one in lists[name]) / len(some)
    exact_limit, params.EXACT_SEGMENTS = params.EXACT_SEGMENTS, 10**12  # type: ignore[misc]
    exact, answer["similar_all_scored_ms"] = timed(kinds["similar"], ids[:40])
    params.EXACT_SEGMENTS = exact_limit  # type: ignore[misc]
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(exact, lists["similar"], strict=False)]
    answer["similar_list_of_ten_as_if_all_scored"] = round(float(np.mean(shared)), 4)
    answer["memory_mb"] = memory()
    return answer


def timed(ask: Callable[[int], list[int]], ids: Ints) -> tuple[list[list[int]], dict[str, float]]:
    """Ask for each; return the answers, and the median and 95th percentile in milliseconds."""
    answers, seconds = [], []
    for i in ids:
        started = time.perf_counter()
        answers.append(ask(int(i)))
        seconds.append(1000 * (time.perf_counter() - started))
    return answers, {
        "median": round(statistics.median(seconds), 1),
        "p95": round(float(np.quantile(seconds, 0.95)), 1),
    }


# The index alone.


def vectors(args: Namespace) -> dict[str, Any]:
    """Build an index stage by stage; measure single queries in a process of their own."""
    from recommender.retrieval.index import inverted_build
    from recommender.retrieval.index.build import build_index
    from recommender.retrieval.index.files import LISTS, Arrays
    from recommender.retrieval.index.store import arrays_of, index_of

    folder = args.work / "index"
    folder.mkdir(parents=True, exist_ok=True)
    library = Library(args.segments)
    seconds: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        done = work()
        seconds[name] = round(time.perf_counter() - started, 1)
        return done

    stage("generating_alone", lambda: [None for _ in library.read(None)])
    if not (folder / "reference_centre.npy").exists():
        arrays = Arrays(folder)
        index = stage("arrays_and_hub_offsets", lambda: build_index(library.held, library.read, arrays))
        arrays.save(arrays_of(index))
    index = index_of(mapped(folder))
    made = stage("lists_learnt_and_filled", lambda: inverted_build.fill(index))
    recall = stage("recall_measured", lambda: inverted_build.measure(made, index))
    stage("written", lambda: made.save(folder / LISTS))
    answer = {
        "segments": len(index),
        "tracks": len(library.counts),
        "probes": made.probes,
        "build_s": seconds,
        "build_peak_mb_mapped_files_included": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        ),
        "disk_bytes": _size(folder),
        "lists_bytes": (folder / LISTS).stat().st_size,
        "recall_at_10_in_sidecar": round(recall, 4),
    }
    command = [sys.executable, __file__, "queries", str(args.work), "--segments", str(args.segments)]
    done = subprocess.run(
        [*command, "--probes", str(answer["probes"])], capture_output=True, text=True, check=True
    )
    return answer | json.loads(done.stdout)


def mapped(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a folder, as an index that is opened has them."""
    return {
        path.stem: np.asarray(np.load(path, mmap_mode="r" if path.stat().st_size > 2**20 else None))
        for path in folder.glob("*.npy")
    }


def queries(args: Namespace) -> dict[str, Any]:
    """Measure single queries on an index that was made before."""
    from recommender.retrieval.index import inverted_file
    from recommender.retrieval.index.files import LISTS
    from recommender.retrieval.index.hubness import centred
    from recommender.retrieval.index.segment_index import PLAIN
    from recommender.retrieval.index.store import index_of
    from recommender.retrieval.index.unit_vectors import unit_rows

    folder, library = args.work / "index", Library(args.segments)
    started = time.perf_counter()
    index = index_of(mapped(folder))
    index.inverted = inverted_file.load(folder / LISTS, args.probes)
    opened_s = time.perf_counter() - started
    asked = centred(unit_rows(library.queries(QUERIES)), index.reference.centre)
    everything = np.arange(len(library.counts))

    def nearest(query: Array, allowed: Ints) -> list[int]:
        tracks = index.candidates(query[None], PLAIN, 1, allowed)
        found, _, places = index.vectors_of(tracks)
        return [int(i) for i in places[np.argsort(-(found @ query))[:10]]]

    _, first_times = timed(lambda i: nearest(asked[i], everything), np.arange(QUERIES))
    found, times = timed(lambda i: nearest(asked[i], everything), np.arange(QUERIES))
    thousandth = np.flatnonzero(np.random.default_rng(8).random(len(everything)) < 0.001)
    few, filtered = timed(lambda i: nearest(asked[i], thousandth), np.arange(100))
    used = memory()
    exact = exact_nearest(index.vectors, asked)
    hits = [len(set(a) & set(b)) / 10 for a, b in zip(found, exact.tolist(), strict=True)]
    return {
        "inverted": inverted_file.description(len(index), index.inverted.faiss.d),
        "opened_s": round(opened_s, 3),
        "recall_at_10_of_new_queries": round(float(np.mean(hits)), 4),
        "single_query_asked_for_the_first_time_ms": first_times,
        "single_query_ms": times,
        "single_query_of_a_thousandth_ms": filtered,
        "lists_of_ten_of_a_thousandth": sum(len(one) == 10 for one in few) / len(few),
        "memory_mb": used,
    }


def sizes(_args: Namespace) -> dict[str, Any]:
    """Time the scores of a song with all others, and with those that an inverted file names."""
    from recommender import params
    from recommender.retrieval.index import inverted_build
    from recommender.retrieval.index.build import build_index
    from recommender.retrieval.index.files import Arrays
    from recommender.retrieval.index.scoring import song_scores
    from recommender.retrieval.index.segment_index import SONG

    rows = []
    limit, params.EXACT_SEGMENTS = params.EXACT_SEGMENTS, 0  # type: ignore[misc]
    for n in SIZES:
        library = Library(n)
        index = build_index(library.held, library.read, Arrays(None))
        index.inverted = inverted_build.fill(index)
        recall = inverted_build.measure(index.inverted, index)
        asked = np.flatnonzero(library.counts == SONG_SEGMENTS)[:100]
        everything = np.arange(len(library.counts))

        def scored(place: int, index: SegmentIndex = index, among: Ints | None = everything) -> list[int]:
            song = index.block(place)
            if among is None:
                among = index.candidates(song, SONG, 1, np.arange(len(index.rows.track_ids)))
            vectors, starts, _ = index.vectors_of(among)
            return [int(i) for i in np.argsort(-song_scores(song, vectors, starts))[:10]]

        _, exact_ms = timed(scored, asked)
        _, inverted_ms = timed(lambda place, f=scored: f(place, among=None), asked)
        row = {"segments": len(index), "all_scored_ms": exact_ms, "inverted_file_ms": inverted_ms}
        rows.append(row | {"probes": index.inverted.probes, "recall_at_10": round(recall, 4)})
    params.EXACT_SEGMENTS = limit  # type: ignore[misc]
    return {"song_segments": SONG_SEGMENTS, "limit": limit, "sizes": rows}


def exact_nearest(vectors: Array, queries: Array) -> Ints:
    """Return the places of each query's ten nearest segments, by the plain cosine, all of them scored."""
    scores = np.full((len(queries), 10), -2, np.float32)
    places = np.zeros((len(queries), 10), np.int64)
    for start in range(0, len(vectors), 50_000):
        found = queries @ vectors[start : start + 50_000].T
        best = np.argpartition(-found, 9, axis=1)[:, :10]
        scores = np.concatenate([scores, np.take_along_axis(found, best, axis=1)], axis=1)
        places = np.concatenate([places, best + start], axis=1)
        order = np.argsort(-scores, axis=1)[:, :10]
        scores, places = np.take_along_axis(scores, order, axis=1), np.take_along_axis(places, order, axis=1)
    return places


def memory() -> dict[str, int]:
    """Return this process's own memory, and what it has touched of mapped files, which can be dropped."""
    lines = Path(f"/proc/{os.getpid()}/status").read_text(encoding="utf-8").splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")}
    return {"own": round(found["RssAnon"] / 1000), "mapped_files": round(found["RssFile"] / 1000)}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("what", choices=("catalogue", "vectors", "queries", "sizes"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--segments", type=int)
    parser.add_argument("--probes", type=int, default=1, help="for queries")
    args = parser.parse_args()
    args.segments = args.segments or (1_000_000 if args.what == "catalogue" else 10_000_000)
    machine = {} if args.what == "queries" else {"machine": common.machine()}
    measured = {"catalogue": catalogue, "vectors": vectors, "queries": queries, "sizes": sizes}[args.what](
        args
    )
    common.report(machine | measured, args.output)


if __name__ == "__main__":
    main()
