"""Train a head on labelled songs and say honestly how good it is.

Imports Keras inside `train` only: reading this module's types costs nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.analysis import song_mean
from classifier.errors import TrainingDataError
from classifier.folds import assign_folds, label_units, n_folds_possible
from classifier.linear_head import HeadInput, LinearHead, head_features
from classifier.metrics import LabelScore, label_scores
from classifier.quiet import quiet_stderr

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Song:
    """A labelled song as the trunk sees it.

    Attributes
    ----------
    name
        Its path; neighbours in the sorted order may share an artist.
    label
        Its genre.
    group
        Artist, or whatever must not fall on both sides of a split; None where unknown.
    embeddings, tags
        (segments, 200) and (segments, 50) of its segments that are not silent.
    durations_s
        (segments,) seconds.
    """

    name: str
    label: str
    group: str | None
    embeddings: Array
    tags: Array
    durations_s: Sequence[float]


@dataclass(frozen=True)
class Trained:
    """A head with its figures.

    Attributes
    ----------
    head, labels
        Fitted on all songs.
    folds
        How many folds gave the figures.
    accuracy
        Share of songs recognised, each by a head that saw no song of its fold.
    per_genre
        One row a label.
    notes
        What limits these figures, one sentence each.
    """

    head: LinearHead
    labels: tuple[str, ...]
    songs: int
    folds: int
    accuracy: float
    per_genre: list[LabelScore]
    notes: list[str]


def train(
    songs: Sequence[Song],
    n_folds: int | None = None,
    head_input: HeadInput = "embedding",
    penalty: float = params.HEAD_PENALTY,
    seed: int = params.SEED,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Cross-validate, then fit on everything.

    Parameters
    ----------
    songs
        At least two genres of at least two songs.
    n_folds
        None for five, or fewer where a genre has fewer songs.
    head_input, penalty, seed
        How to fit; see `classifier.heads.HeadFit`.
    progress
        Called with fits done and fits in all.

    Raises
    ------
    TrainingDataError
        If there are too few genres or songs.
    """
    labels = check_songs(songs)
    song_labels, groups = [s.label for s in songs], [s.group for s in songs]
    k = n_folds or n_folds_possible(song_labels, groups, params.DEFAULT_FOLDS)
    if k < 2:
        raise TrainingDataError("at least 2 folds are needed")
    folds = assign_folds(song_labels, groups, [s.name for s in songs], k)
    if len(np.unique(folds)) < 2:
        raise TrainingDataError("all songs are by one artist: no song of another is there to test on")
    predicted = np.zeros(len(songs), np.int64)
    for fold in range(k):
        progress(fold, k + 1)
        held = np.flatnonzero(folds == fold)
        if held.size:
            inside = [songs[i] for i in np.flatnonzero(folds != fold).tolist()]
            head = fit_songs(inside, labels, head_input, penalty, seed)
            predicted[held] = [int(song_probabilities(head, songs[i]).argmax()) for i in held.tolist()]
    progress(k, k + 1)
    truth = np.array([labels.index(label) for label in song_labels])
    head = fit_songs(songs, labels, head_input, penalty, seed)
    progress(k + 1, k + 1)
    accuracy = float((truth == predicted).mean())
    scores = label_scores(truth, predicted, labels)
    return Trained(head, labels, len(songs), k, accuracy, scores, _notes(song_labels, groups))


def _notes(song_labels: Sequence[str], groups: Sequence[str | None]) -> list[str]:
    return [
        f"all songs of '{label}' are by one artist, so none of them could be tested: they count as missed"
        for label, units in sorted(label_units(song_labels, groups).items())
        if units < 2
    ]


def check_songs(songs: Sequence[Song]) -> tuple[str, ...]:
    """Return the labels in order, or raise `TrainingDataError` where they cannot be learned."""
    labels = tuple(sorted({s.label for s in songs}))
    if len(labels) < 2:
        found = f"only '{labels[0]}' is there" if labels else "no labelled song is there"
        raise TrainingDataError(f"training needs songs of at least two genres; {found}")
    counts = {label: sum(s.label == label for s in songs) for label in labels}
    lonely = [label for label, count in counts.items() if count < 2]
    if lonely:
        raise TrainingDataError(
            f"training needs at least two songs a genre; only one of: {', '.join(lonely)}"
        )
    return labels


def song_probabilities(head: LinearHead, song: Song) -> Array:
    """Return a song's label probabilities, (labels,)."""
    return song_mean(head.probabilities(song.tags, song.embeddings), song.durations_s)


def fit_songs(
    songs: Sequence[Song], labels: Sequence[str], head_input: HeadInput, penalty: float, seed: int
) -> LinearHead:
    """Fit a head on all segments of the songs."""
    with quiet_stderr():  # TensorFlow greets its user with notes on processors that it did not find
        from classifier.heads import Examples, HeadFit, fit_head

    sizes = [len(s.embeddings) for s in songs]
    examples = Examples(
        features=np.concatenate([head_features(head_input, s.tags, s.embeddings) for s in songs]),
        targets=np.repeat([labels.index(s.label) for s in songs], sizes),
        songs=np.repeat(np.arange(len(songs)), sizes),
    )
    return fit_head(examples, len(labels), HeadFit(head_input, penalty, seed=seed))
