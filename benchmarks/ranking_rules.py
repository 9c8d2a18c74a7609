"""Every rule from matching segments to a track's score, with every correction of hubs.

    python benchmarks/ranking_rules.py HOME

Rules: the best match; the mean of best matches, one-sided and symmetric; the soft best match, symmetric; the
cosine of the songs' means. Corrections, each on plain and on centred embeddings: none, CSLS, local scaling,
mutual proximity, Sinkhorn at several temperatures on the whole table. For each: same-genre share of the
five nearest where there are labels, and for lists of ten the tracks in nobody's list, Gini and skewness
of the k-occurrence, and its rank correlation with duration.
"""

from pathlib import Path
from typing import Any

import common
import numpy as np
import numpy.typing as npt

from recommender import params
from recommender.evaluation.corrections import ON_CENTRED
from recommender.evaluation.list_metrics import choose_neighbours, figures
from recommender.evaluation.score_tables import facts_of, recordings_of
from recommender.home import Home
from recommender.retrieval.index.hubness import balance
from recommender.retrieval.index.store import open_index
from recommender.retrieval.index.unit_vectors import unit_rows

Array = npt.NDArray[np.float64]
TEMPERATURES = (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3)
SOFT = (0.05, 0.1, 0.2)


def rules(vectors: Array, starts: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Return the tables of scores, (tracks, tracks), by rule."""
    lengths = np.diff(np.append(starts, len(vectors)))
    cosines = vectors @ vectors.T
    best = np.maximum.reduceat(cosines, starts, axis=1)
    one_sided = np.add.reduceat(best, starts, axis=0) / lengths[:, None]
    means = unit_rows(np.add.reduceat(vectors, starts, axis=0)).astype(np.float64)
    found = {
        "best match": np.maximum.reduceat(best, starts, axis=0),
        "mean of best, one-sided": one_sided,
        "mean of best, symmetric": (one_sided + one_sided.T) / 2,
        "cosine of means": means @ means.T,
    }
    for tau in SOFT:
        soft = tau * np.log(np.add.reduceat(np.exp(cosines / tau), starts, axis=1) / lengths)
        both = np.add.reduceat(soft, starts, axis=0) / lengths[:, None]
        found[f"soft best {tau}, symmetric"] = (both + both.T) / 2
    return found


def sinkhorn(scores: Array, temperature: float) -> Array:
    """Return scores less the offsets that balance the table."""
    kept, params.HUB_TEMPERATURE = params.HUB_TEMPERATURE, temperature  # type: ignore[misc]
    alone = scores.copy()
    np.fill_diagonal(alone, -1e9)
    offsets = balance(alone, np.zeros(len(alone)))[1]
    params.HUB_TEMPERATURE = kept  # type: ignore[misc]
    return scores - offsets


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    args = parser.parse_args()
    home = Home(args.home)
    catalog, bundle = home.existing_catalog(), home.bundle()
    index, _ = open_index(catalog, home.index_dir, bundle.trunk_id)
    places = np.arange(len(index.rows.track_ids))
    with catalog.transaction() as session:
        facts = facts_of(session, index, places)
        recordings = recordings_of(session, index, places)
    vectors, starts, rows = index.vectors_of(None)
    kinds = {"plain": index.uncentred(vectors, rows), "centred": vectors}
    answer: dict[str, Any] = {"machine": common.machine(), "tracks": len(places), "rules": []}
    for kind, embeddings in kinds.items():
        for rule, scores in rules(np.asarray(embeddings, np.float64), starts).items():
            corrected = {"none": scores} | {name: method(scores) for name, method in ON_CENTRED.items()}
            corrected |= {f"sinkhorn {tau}": sinkhorn(scores, tau) for tau in TEMPERATURES}
            for correction, table in corrected.items():
                lists = choose_neighbours(table, places, 10, recordings=recordings)
                found, top_5 = figures(lists, facts, 10), figures(lists, facts, 5)
                answer["rules"].append(
                    {
                        "embeddings": kind,
                        "rule": rule,
                        "correction": correction,
                        "same_genre_of_5": _rounded(top_5.genre_precision),
                        "in_no_list": _rounded(found.in_no_list),
                        "gini": _rounded(found.gini),
                        "skewness": _rounded(found.skewness),
                        "duration_correlation": _rounded(found.duration_correlation),
                    }
                )
    common.report(answer, args.output)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


if __name__ == "__main__":
    main()
