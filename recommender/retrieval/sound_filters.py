"""What the model says of songs as filters ask it: genres, tags, moods, sung or instrumental, music or not."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints, Mask
from classifier.genres.label_paths import SEPARATOR, ancestors
from classifier.genres.taxonomy import Taxonomy
from classifier.model.bundle import Bundle
from classifier.params import SURE
from db.models import Track
from db.sound.index_rows import index_rows
from db.sound.predictions import song_predictions
from db.tracks import labels_by_id
from recommender import params
from recommender.errors import FilterError
from recommender.retrieval.index.segment_index import SegmentIndex

SONGS_AT_ONCE = 8192
MEANT: Final = 0.75
"""How alike a name is to what was typed, from which on it may have been meant (as difflib says it)."""
MOODS: Final = "mood"
VOICES: Final = "voice"
"""Facets of a bundle that filters know."""
INSTRUMENTAL: Final = "instrumental"
Voice = Literal["sung", "instrumental"]


def song_tags(index: SegmentIndex, bundle: Bundle) -> Array:
    """Return the indexed songs' tags, (tracks, tags), of an empty index too, which knows of none."""
    return index.rows.tags.reshape(len(index.rows.track_ids), len(bundle.tag_names))


def song_genres(session: Session, bundle: Bundle, track_ids: Ints) -> Array:
    """Return the songs' genres, (tracks, labels), of tracks by ascending id: stored, or else computed.

    There are none stored in a home that another version of this program wrote, until it is written to.
    """
    found = song_predictions(session, bundle.bundle_id, track_ids, len(bundle.labels))
    lacking = np.flatnonzero(found.sum(axis=1) == 0)
    found = found.copy() if len(lacking) else found
    for rows in index_rows(session, bundle.trunk_id, track_ids[lacking]) if len(lacking) else ():
        ids, firsts = np.unique(rows.track_ids, return_index=True)
        seconds = rows.durations_s[:, None]
        sums = np.add.reduceat(bundle.genres(rows.tags, rows.embeddings) * seconds, firsts)
        found[np.searchsorted(track_ids, ids)] = sums / np.add.reduceat(seconds, firsts)
    return found


def are_music(index: SegmentIndex, bundle: Bundle, positions: Ints | None = None) -> Mask:
    """Return which indexed songs, of some or of all, are music; all are for a bundle without a detector."""
    means = index.rows.means if positions is None else index.rows.means[positions]
    if bundle.calibration is None or not len(means):
        return np.ones(len(means), np.bool_)
    blocks = np.array_split(means, -(-len(means) // SONGS_AT_ONCE))
    return ~np.concatenate([bundle.calibration.not_music_songs(block) for block in blocks])


def by_tags(wanted: Sequence[str], names: Sequence[str], tags: Array) -> Mask:
    """Return which songs have all the tags, (tracks,).

    Parameters
    ----------
    wanted
        Names, in any case.
    names, tags
        The trunk's tags, and the songs' probabilities, (tracks, tags).

    Raises
    ------
    FilterError
        If the trunk has no such tag.
    """
    passed = np.ones(len(tags), bool)
    columns = {name.casefold(): position for position, name in enumerate(names)}
    for name in wanted:
        if name.casefold() not in columns:
            raise _unknown("tag", name, names)
        passed &= tags[:, columns[name.casefold()]] >= params.TAG_PRESENT
    return passed


def by_moods(wanted: Sequence[str], bundle: Bundle, tags: Array) -> Mask:
    """Return which songs have all the moods, (tracks,), by their tags, (tracks, tags).

    Raises
    ------
    FilterError
        If the bundle has no such mood.
    """
    passed = np.ones(len(tags), np.bool_)
    columns = {name.casefold(): column for name, column in bundle.taxonomy.facet_tags.get(MOODS, ())}
    for name in wanted:
        if name.casefold() not in columns:
            raise _unknown("mood", name, moods_of(bundle))
        passed &= tags[:, columns[name.casefold()]] >= params.TAG_PRESENT
    return passed


def _unknown(kind: str, name: str, known: Sequence[str]) -> FilterError:
    """Return what is wrong with a name: what may have been meant, and all that there is."""
    from difflib import get_close_matches  # hardly ever wanted

    by_key = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), by_key, n=1, cutoff=MEANT)
    meant = f"; did you mean {by_key[near[0]]}? There are" if near else "; there are"
    return FilterError(f"no {kind} is called '{name}'{meant}: {', '.join(known) or 'none'}")


def moods_of(bundle: Bundle) -> list[str]:
    """Return the moods that a bundle tells."""
    return [name for name, _ in bundle.taxonomy.facet_tags.get(MOODS, ())]


def tells_voices(bundle: Bundle) -> bool:
    """Whether a bundle tells what is sung from what is instrumental."""
    return any(name == INSTRUMENTAL for name, _ in bundle.taxonomy.facet_tags.get(VOICES, ()))


def by_voice(wanted: Voice, bundle: Bundle, tags: Array) -> Mask:
    """Return which songs are sung, or instrumental, (tracks,), by their tags, (tracks, tags).

    A song is instrumental if it has the tag "instrumental", and none of the voices is as probable; else it
    is sung.

    Raises
    ------
    FilterError
        If the bundle tells neither.
    """
    if not tells_voices(bundle):
        raise FilterError("the model in use does not tell sung from instrumental")
    columns = dict(bundle.taxonomy.facet_tags[VOICES])
    instrumental = tags[:, columns.pop(INSTRUMENTAL)]
    voices = tags[:, list(columns.values())].max(axis=1, initial=0)
    found = (instrumental >= params.TAG_PRESENT) & (instrumental > voices)
    return np.asarray(found if wanted == INSTRUMENTAL else ~found, np.bool_)


def by_genres(
    wanted: Sequence[str],
    taxonomy: Taxonomy,
    genres: Array,
    tags: Array,
    labels: Sequence[str | None],
    music: Mask,
    least: float = SURE,
) -> Mask:
    """Return which songs are of one of the genres, (tracks,).

    Parameters
    ----------
    wanted
        Nodes of the hierarchy, whole paths or last names, or labels of the user's own; in any case.
    taxonomy, genres, tags
        The bundle's hierarchy, and the songs' probabilities, (tracks, labels) and (tracks, tags).
    labels
        (tracks,) the user's.
    music
        (tracks,) whether they are music: what is not is of no genre of the model's.
    least
        How probable its most probable label is of a song that the model gives a label.
    """
    asked = [name.casefold() for name in wanted]
    own = {label for label in set(labels) if label and _is_one(_with_above(label), asked)}
    passed = np.array([label in own for label in labels], bool)
    for path, found in _nodes_passed(taxonomy, genres, tags, least).items():
        if _is_one([path], asked):
            passed |= found & music
    return passed


def _nodes_passed(taxonomy: Taxonomy, genres: Array, tags: Array, least: float) -> dict[str, Mask]:
    """Return which songs pass the filter of each node, (tracks,): of all that it is sure of, and its verdict.

    The verdict where no node is sure is the most probable top one, if a label is probable enough.
    """
    nodes = taxonomy.node_columns(genres, tags)
    tops = [path for path in nodes if SEPARATOR not in path]
    best = np.argmax([nodes[path] for path in tops], axis=0)
    labelled = genres.max(axis=1, initial=0) >= least
    found = {path: p >= SURE for path, p in nodes.items()}
    return found | {path: found[path] | labelled & (best == i) for i, path in enumerate(tops)}


def least_of(bundle: Bundle) -> float:
    """Return how probable the most probable label is of a song that a bundle gives a label."""
    return SURE if bundle.least_confidence is None else bundle.least_confidence


def count_genres(session: Session, index: SegmentIndex, bundle: Bundle) -> dict[str, int]:
    """Return how many songs pass the filter of each genre and label that there are, by its whole path."""
    ids, tags = index.rows.track_ids, song_tags(index, bundle)
    genres = song_genres(session, bundle, ids)
    labels = labels_by_id(session)
    music = are_music(index, bundle)
    passed = _nodes_passed(bundle.taxonomy, genres, tags, least_of(bundle))
    masks = {path: found & music for path, found in passed.items()}
    own: dict[str, list[int]] = {}
    for position, track_id in enumerate(ids.tolist()):
        for path in _with_above(labels[track_id]) if labels.get(track_id) else ():
            own.setdefault(path, []).append(position)
    for path, positions in own.items():
        masks[path] = masks.get(path, np.zeros(len(ids), bool)).copy()
        masks[path][positions] = True
    by_name: dict[str, list[Mask]] = {}
    for path, mask in masks.items():
        for name in {path.casefold(), path.casefold().rpartition("/")[2]}:
            by_name.setdefault(name, []).append(mask)
    return {path: int(np.any(by_name[path.casefold()], axis=0).sum()) for path in masks}


def count_tags(index: SegmentIndex, bundle: Bundle) -> dict[str, int]:
    """Return how many songs pass the filter of each of the trunk's tags."""
    counts = (song_tags(index, bundle)[are_music(index, bundle)] >= params.TAG_PRESENT).sum(axis=0)
    return dict(zip(bundle.tag_names, counts.tolist(), strict=True))


def known_genres(session: Session, bundle: Bundle) -> set[str]:
    """Return the whole paths of the hierarchy's nodes, and of the catalogue's labels with those above."""
    n_labels, n_tags = len(bundle.labels), len(bundle.tag_names)
    known = set(bundle.taxonomy.node_probabilities(np.full(n_labels, 1 / n_labels), np.zeros(n_tags)))
    for label in session.scalars(select(Track.label).where(Track.label.is_not(None)).distinct()):
        known.update(_with_above(label or ""))
    return known


def check_genres(session: Session, bundle: Bundle, wanted: Sequence[str]) -> None:
    """Raise `FilterError` for a genre that neither the hierarchy nor any label of the catalogue has."""
    known = known_genres(session, bundle)
    for name in wanted:
        if not any(_names(path, name.casefold()) for path in known):
            raise _unknown("genre", name, sorted(known))


def _is_one(paths: Sequence[str], asked: Sequence[str]) -> bool:
    return any(_names(path, name) for path in paths for name in asked)


def _with_above(label: str) -> list[str]:
    """Return a label and the nodes above it."""
    return [*ancestors(label), label]


def _names(path: str, asked: str) -> bool:
    return path.casefold() == asked or path.casefold().rpartition("/")[2] == asked
