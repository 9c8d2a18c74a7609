"""The passages of a query and of a track that match best."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from db.features import TrackFeatures
from recommender import params
from recommender.retrieval.alignment import PassagePair, PatchSequence, align
from recommender.retrieval.index.exact import unit_rows
from recommender.retrieval.index.hubness import centred
from recommender.retrieval.query import Query

Array = npt.NDArray[np.float32]


def matching_passage(
    queries: Sequence[Query], features: TrackFeatures, patches: PatchSequence, centre: Array
) -> tuple[int, PassagePair | None]:
    """Return which query's passage matches best, and the pair of passages; None where there are none.

    A passage that was asked for is moved along the whole track. Of a song, the segment that is most like
    one of the track's is moved along that one and what lies around it.

    Parameters
    ----------
    queries
        At least one.
    features, patches
        Of the track: its segments and its patches.
    centre
        The index's.
    """
    best: tuple[int, PassagePair | None] = (0, None)
    for number, query in enumerate(queries):
        if query.passage:
            found = align(query.patches, patches, centre)
        else:
            found = _of_songs(query, features, patches, centre)
        if found is not None and (best[1] is None or found.score > best[1].score):
            best = (number, found)
    return best


def _of_songs(
    query: Query, features: TrackFeatures, patches: PatchSequence, centre: Array
) -> PassagePair | None:
    cosines = centred(query.units, centre) @ centred(unit_rows(features.embeddings), centre).T
    mine, its = divmod(int(cosines.argmax()), cosines.shape[1])
    span, start_s, around_s = query.spans[mine], features.starts_s[its], params.AROUND_S
    around = patches.within(start_s - around_s, start_s + features.durations_s[its] + around_s)
    return align(query.patches.within(span.start_s, span.end_s), around, centre)
