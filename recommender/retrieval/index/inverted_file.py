"""FAISS's inverted file: which tracks are near a query, among more segments than can all be scored.

Vectors lie in lists by the nearest of many centres, each quantised to a byte a dimension, or to less of
ever more. Only the lists nearest to a query are looked at. What is found is a set of candidates: they are
scored exactly afterwards, from the vectors in full precision.

Behind a vector's own dimensions come minus its track's hub offset as a song and for passages, and zeros
that fill up. A query that goes on with (1, 0) or (0, 1) so finds neighbours by the corrected score, one
that goes on with (0, 0) by the plain cosine.

Sources: Jégou, Douze and Schmid 2011 (product quantisation, inverted file); Douze et al. 2024 (FAISS).
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from classifier.arrays import Array, Ints
from recommender import params

FILLED_UP_TO = 16
"""FAISS compares scalar quantised vectors with the processor's wide registers only in multiples of this."""
QUANTISED_TOGETHER = 4
"""Dimensions that product quantisation turns into a byte."""


def stored(vectors: Array, offsets: Array) -> Array:
    """Return vectors as they are stored.

    Parameters
    ----------
    vectors
        (segments, dimensions) centred, of length 1.
    offsets
        (segments, 2) of their tracks, as songs and for passages.
    """
    return _filled_up(vectors, -offsets)


def asked(queries: Array, kind: tuple[float, float]) -> Array:
    """Return queries as `InvertedFile.near` takes them, with the corrected score to search by."""
    return _filled_up(queries, np.tile(np.array(kind, np.float32), (len(queries), 1)))


def _filled_up(vectors: Array, last: Array) -> Array:
    width = vectors.shape[1] + last.shape[1]
    zeros = np.zeros((len(vectors), -width % FILLED_UP_TO), np.float32)
    return np.ascontiguousarray(np.concatenate([vectors, last, zeros], axis=1), np.float32)


def description(n_vectors: int, width: int) -> str:
    """Return FAISS's description of an inverted file for so many vectors."""
    fitting = 2 ** round(np.log2(max(1.0, params.LISTS_PER_ROOT * np.sqrt(n_vectors))))
    lists = max(1, min(fitting, params.MOST_LISTS, n_vectors // params.LEAST_PER_LIST))
    coarse = n_vectors > params.SCALAR_QUANTISED
    return f"IVF{lists},{f'PQ{width // QUANTISED_TOGETHER}' if coarse else 'SQ8'}"


class InvertedFile:
    """Vectors of segments in lists, under the ids of their tracks.

    Attributes
    ----------
    faiss
        FAISS's index.
    probes
        How many lists are looked at, where not more are asked for.
    """

    def __init__(self, faiss_index: Any, probes: int) -> None:
        self.faiss = faiss_index
        self.probes = probes

    def __len__(self) -> int:
        return int(self.faiss.ntotal)

    @property
    def n_lists(self) -> int:
        """Return the number of lists."""
        return int(self.faiss.nlist)

    def near(self, queries: Array, reach: int, effort: int = 1, allowed: Ints | None = None) -> Ints:
        """Return the ids of the tracks that own the segments nearest to any query, ascending.

        Parameters
        ----------
        queries
            (queries, width) as of `asked`.
        reach
            Neighbours of each query.
        effort
            So many times the usual number of lists is looked at.
        allowed
            Ids of the only tracks that count, ascending; None for all.
        """
        search = faiss.SearchParametersIVF(nprobe=min(self.probes * effort, self.n_lists))  # type: ignore[call-arg]
        if allowed is not None:
            bits = np.zeros(int(allowed[-1]) + 1 if len(allowed) else 1, bool)
            bits[allowed] = True
            search.sel = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))  # type: ignore[call-arg, arg-type]
        faiss.omp_set_num_threads(1)  # a search is shorter than the wait for a second thread may be
        _, found = self.faiss.search(queries, min(reach, max(1, len(self))), params=search)
        return np.unique(found[found >= 0])

    def without(self, track_ids: Ints) -> None:
        """Take some tracks out."""
        if len(track_ids):
            self.faiss.remove_ids(faiss.IDSelectorBatch(track_ids))

    def add(self, blocks: Iterable[tuple[Array, Ints]]) -> None:
        """Put segments in, under the ids of their tracks."""
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        for vectors, track_ids in blocks:
            self.faiss.add_with_ids(vectors, track_ids)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        faiss.write_index(self.faiss, str(path))


def load(path: Path, probes: int, *, changing: bool = False) -> InvertedFile:
    """Return an inverted file from disk; its lists are mapped into memory unless it is to be changed."""
    if changing:
        return InvertedFile(faiss.read_index(str(path)), probes)
    found: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    # Else every search starts threads that read ahead what is in memory already.
    lists: Any = faiss.downcast_InvertedLists(found.invlists)
    lists.prefetch_nthread = 0
    return InvertedFile(found, probes)


def train(n_vectors: int, sample: Array) -> InvertedFile:
    """Return an empty inverted file for so many vectors, its lists and quantiser learnt from a sample.

    Parameters
    ----------
    n_vectors
        That it is going to hold.
    sample
        (vectors, width) of them, as stored; see `sample_size`.
    """
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    kind = description(n_vectors, sample.shape[1])
    made: Any = faiss.index_factory(sample.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    made.cp.niter = params.LIST_ROUNDS
    made.cp.min_points_per_centroid = 1
    made.train(sample)
    return InvertedFile(made, 1)


def sample_size(n_vectors: int, width: int) -> int:
    """Return how many vectors are enough to learn from."""
    lists = int(description(n_vectors, width).partition(",")[0].removeprefix("IVF"))
    return min(n_vectors, max(params.LEARNT_FROM, lists * params.LEAST_PER_LIST))


def tune(made: InvertedFile, queries: Array, wanted: Ints) -> float:
    """Return the recall at the least number of `probes` that finds enough, which is set.

    Parameters
    ----------
    queries
        (queries, width) as of `asked`.
    wanted
        (queries, neighbours) ids of the tracks that own each query's nearest segments, by an exact search.

    Returns
    -------
    float
        Recall, 0..1: the share of the wanted that are among the candidates.
    """
    recall = 0.0
    made.probes = 1
    while True:
        found = [made.near(query[None], params.FIRST_NEIGHBOURS) for query in queries]
        recall = float(np.mean([np.isin(w, f).mean() for w, f in zip(wanted, found, strict=True)]))
        if recall >= params.LEAST_RECALL or made.probes >= made.n_lists:
            return recall
        made.probes = min(2 * made.probes, made.n_lists)
