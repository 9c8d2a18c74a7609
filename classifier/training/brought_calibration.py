"""Calibrate a network that was brought, by songs and sounds of the user.

It learned its genres elsewhere, so that all songs which the user labelled are held out: they say at which
temperature its probabilities are honest, and when it is hardly sure. That a temperature helps is shown on
songs of other artists than those that asked for it; where none does, none is used. What tells sounds that
are not music is learned like the shipped detector, with every kind of them, and every fold of the music,
held out in turn.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from classifier import params
from classifier.arrays import Array, Array64, Ints, Mask
from classifier.datasets.folds import assign_folds
from classifier.datasets.songs import TrunkSong
from classifier.errors import TrainingDataError
from classifier.genres.label_paths import OTHER, SEPARATOR
from classifier.model.bundle import Bundle
from classifier.model.calibration import MusicDetector
from classifier.model.linear_head import softmax
from classifier.model.predictions import song_mean
from classifier.training.fit_calibration import weak
from classifier.training.fit_detector import Sounds, fit_detector, held_out_scores, limit_of_music
from classifier.training.held_out import fit_temperature

LEAST_SONGS: Final = 10
"""Labelled songs that a temperature is asked of."""
LEAST_MUSIC: Final = 20
LEAST_SOUNDS: Final = 10
WRONG: Final = 0.01
"""Of the music, held out, so much may be called no music."""
MOST_FOLDS: Final = 10
"""So many times kinds of sounds are held out at the most, several together where there are more kinds."""
LEAST_TOLD: Final = 0.5
"""A detector that tells fewer of the sounds of kinds held out is not worth having."""


@dataclass(frozen=True)
class GenreCalibration:
    """What labelled songs say of a network's genres.

    Attributes
    ----------
    temperature
        1 where none made songs of other artists more likely.
    least_confidence
        Few songs' most probable label is less probable.
    songs, genres
        How many songs, of how many of the user's labels, the network has a genre for.
    left_out
        The user's labels that no genre of the network is called, and how many songs have them.
    accuracy
        Share of these songs whose most probable top genre is the one that they were labelled with.
    loss_before, loss_after
        Mean negative logarithm of the probability of what a song was labelled with: as the network has it,
        and at the temperature that songs of other folds ask for.
    """

    temperature: float
    least_confidence: float
    songs: int
    genres: int
    left_out: Mapping[str, int]
    accuracy: float
    loss_before: float
    loss_after: float


@dataclass(frozen=True)
class LearnedDetector:
    """A detector, and what it learned from; the shares of sounds and of music, held out, called no music."""

    detector: MusicDetector
    sounds: int
    kinds: int
    music: int
    told: float
    wrong: float


def labels_within(label: str, leaves: Sequence[str]) -> Mask:
    """Return which leaves of a tree are meant by a label of the user, (leaves,), in any case.

    It is the path of a genre of the tree, which stands for all that is below it, or the last word of one.
    """
    wanted = label.casefold().removesuffix(SEPARATOR + OTHER)
    paths = [leaf.casefold() for leaf in leaves]
    found = np.array([path == wanted or path.startswith(wanted + SEPARATOR) for path in paths], np.bool_)
    if found.any():
        return found
    return np.array([path.rsplit(SEPARATOR, 1)[-1] == wanted for path in paths], np.bool_)


def calibrate_genres(bundle: Bundle, songs: Sequence[TrunkSong]) -> GenreCalibration:
    """Return what labelled songs say of a network's genres; it has not learned from any of them.

    Raises
    ------
    TrainingDataError
        If too few of them are of its genres.
    """
    leaves = bundle.taxonomy.leaves
    meant = [labels_within(song.label, leaves) for song in songs]
    left_out = Counter(song.label for song, its in zip(songs, meant, strict=True) if not its.any())
    known = [i for i, its in enumerate(meant) if its.any()]
    chosen, truth = [songs[i] for i in known], np.array([meant[i] for i in known])
    folds = _folds(chosen)
    logits = [bundle.head.logits(song.tags, song.embeddings) for song in chosen]
    before = _losses(chosen, logits, truth, np.ones(len(chosen)))
    asked = {int(f): _temperature(chosen, logits, truth, folds != f) for f in np.unique(folds)}
    after = _losses(chosen, logits, truth, np.array([asked[int(f)] for f in folds]))
    helps = after.mean() < before.mean()
    temperature = _temperature(chosen, logits, truth, folds >= 0) if helps else 1.0
    songs_p = _song_probabilities(chosen, logits, np.full(len(chosen), temperature))
    return GenreCalibration(
        temperature=temperature,
        least_confidence=weak(list(songs_p.max(axis=1))),
        songs=len(chosen),
        genres=len({song.label for song in chosen}),
        left_out=dict(sorted(left_out.items())),
        accuracy=float(_tops_right(songs_p, truth, leaves).mean()),
        loss_before=float(before.mean()),
        loss_after=float(after.mean()),
    )


def _folds(songs: Sequence[TrunkSong]) -> Ints:
    labels = [song.label for song in songs]
    if len(songs) < LEAST_SONGS or len(set(labels)) < 2:
        raise TrainingDataError(
            f"calibrating takes {LEAST_SONGS} labelled songs of two genres that the model knows; there are "
            f"{len(songs)} of {len(set(labels))}"
        )
    groups = [song.group for song in songs]
    folds = assign_folds(labels, groups, [song.name for song in songs], params.DEFAULT_FOLDS)
    if len(np.unique(folds)) < 2:
        raise TrainingDataError("calibrating takes songs by two artists; all of these are by one")
    return folds


def _temperature(songs: Sequence[TrunkSong], logits: Sequence[Array], truth: Mask, used: Mask) -> float:
    """Return the temperature that some of the songs ask for."""
    chosen = np.flatnonzero(used).tolist()
    return fit_temperature(
        scores=np.concatenate([logits[i] for i in chosen]),
        truth=truth[chosen],
        songs=np.repeat(np.arange(len(chosen)), [len(logits[i]) for i in chosen]),
        weights=np.concatenate([np.asarray(songs[i].durations_s, np.float64) for i in chosen]),
    )


def _song_probabilities(songs: Sequence[TrunkSong], logits: Sequence[Array], temperatures: Array64) -> Array:
    """Return the probabilities of songs, (songs, labels), each at a temperature."""
    whole = zip(songs, logits, temperatures, strict=True)
    return np.stack([song_mean(softmax(of_song / np.float32(t)), s.durations_s) for s, of_song, t in whole])


def _losses(
    songs: Sequence[TrunkSong], logits: Sequence[Array], truth: Mask, temperatures: Array64
) -> Array64:
    likely = (_song_probabilities(songs, logits, temperatures) * truth).sum(axis=1, dtype=np.float64)
    return np.asarray(-np.log(np.maximum(likely, np.finfo(np.float64).tiny)), np.float64)


def _tops_right(probabilities: Array, truth: Mask, leaves: Sequence[str]) -> Mask:
    """Return of which songs the most probable top genre has a leaf that is meant by their label, (songs,)."""
    tops, owner = np.unique([leaf.split(SEPARATOR, 1)[0] for leaf in leaves], return_inverse=True)
    of_tops = np.stack([probabilities[:, owner == top].sum(axis=1) for top in range(len(tops))], axis=1)
    best = of_tops.argmax(axis=1)
    return np.array([its[owner == top].any() for its, top in zip(truth, best, strict=True)])


def learn_detector(music: Sequence[TrunkSong], sounds: Sequence[TrunkSong]) -> LearnedDetector:
    """Return what tells sounds that are not music, labelled with their kinds, from music.

    Raises
    ------
    TrainingDataError
        If there are too few of either, or what is learned of some kinds says too little of others.
    """
    kinds, numbers = np.unique([sound.label for sound in sounds], return_inverse=True)
    if len(sounds) < LEAST_SOUNDS or len(kinds) < 2 or len(music) < LEAST_MUSIC:
        raise TrainingDataError(
            f"telling what is not music takes {LEAST_SOUNDS} sounds of two kinds, a folder each, and "
            f"{LEAST_MUSIC} songs; there are {len(sounds)} of {len(kinds)}, and {len(music)} songs"
        )
    groups, names = [song.group for song in music], [song.name for song in music]
    blocks = assign_folds(["music"] * len(music), groups, names, params.DEFAULT_FOLDS)
    songs, others = _one_group(music, blocks), _one_group(sounds, numbers % MOST_FOLDS)
    of_songs, of_others = held_out_scores(songs, others)
    limit = limit_of_music(of_songs, WRONG)
    told = float((of_others > limit).mean())
    if told < LEAST_TOLD:
        raise TrainingDataError(
            f"of sounds of a kind that was not learned from only {told:.0%} are told from music: more kinds "
            "may help"
        )
    wrong = float((of_songs > limit).mean())
    detector = fit_detector(songs, others, limit)
    return LearnedDetector(detector, len(sounds), len(kinds), len(music), told, wrong)


def _one_group(songs: Sequence[TrunkSong], folds: Ints) -> Sounds:
    means = np.stack([song_mean(song.embeddings, song.durations_s) for song in songs])
    return Sounds(means, np.zeros(len(means), np.int64), folds, (1.0,))
