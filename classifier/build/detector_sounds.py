"""What the shipped detector of sounds that are not music learns from.

Music is told from other sounds by a song's mean embedding (`classifier.build.pools`). GTZAN's tracks, of
which there are tags alone, take part by the embedding that these make likely (ridge regression on all other
sounds); most rap is theirs. Music with a voice over it is a group of its own, since it is music as long as
the voice does not dominate; where it does (`benchmarks/voice_over.py` says when), it is among the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from classifier import params
from classifier.arrays import Array, Array64, Ints
from classifier.build.labelled_songs import GTZAN, Labelled
from classifier.build.pools import MUSIC, OTHERS, VOICED, Features, Pool
from classifier.model.calibration import MusicDetector
from classifier.training.fit_detector import Sounds, fit_detector, held_out_scores, limit_of_music

LogOdds = Callable[[Array], Array]
RIDGE: Final = 3.0
WRONG: Final = 0.01
"""Of the songs of any set of music, held out, so many may be called no music."""
VOICED_SHARE: Final = 0.15


@dataclass(frozen=True)
class DetectorSounds:
    """All that the detector learns from.

    Attributes
    ----------
    music, others
        Both sides. Folds of music are blocks of the songs of a set, GTZAN's tracks are in none; folds of the
        others are kinds.
    songs
        Where the whole songs of each set of music stand.
    sets
        Where the others of each set stand.
    kinds
        Of each of the others.
    """

    music: Sounds
    others: Sounds
    songs: Mapping[str, Ints]
    sets: Mapping[str, Ints]
    kinds: Sequence[str]


def detector_sounds(
    pools: Mapping[str, Pool], shared: Mapping[str, Features], labelled: Labelled, log_odds: LogOdds
) -> DetectorSounds:
    """Return the sounds of the pools, and of the music that is in no repository: `shared`, by name."""
    music = {name: pools[name] for name in MUSIC} | {name: f.pool() for name, f in shared.items()}
    others = np.concatenate([pools[name].means for name in OTHERS])
    parts: list[Array] = []
    folds: list[Ints] = []
    groups: list[Ints] = []
    songs: dict[str, Ints] = {}
    for name, pool in {**music, VOICED: pools[VOICED]}.items():
        blocks = np.arange(len(pool.means)) * params.DEFAULT_FOLDS // len(pool.means)
        songs[name] = np.arange(len(pool.means)) + sum(len(part) for part in parts)
        parts += [pool.means, pool.excerpts]
        folds += [blocks, blocks[pool.owners]]
        groups.append(np.full(len(pool.means) + len(pool.excerpts), int(name == VOICED)))
    known = np.concatenate(parts)
    likely = _likely_embeddings(np.concatenate([known, others]), log_odds, _gtzan(labelled))
    found = Sounds(
        np.concatenate([known, likely]),
        np.concatenate([*groups, np.zeros(len(likely), np.int64)]),
        np.concatenate([*folds, np.full(len(likely), -1)]),
        (1 - VOICED_SHARE, VOICED_SHARE),
    )
    all_others, sets, kinds = _others(pools, others)
    return DetectorSounds(found, all_others, songs, sets, kinds)


def _others(pools: Mapping[str, Pool], means: Array) -> tuple[Sounds, Mapping[str, Ints], list[str]]:
    sizes = [len(pools[name].means) for name in OTHERS]
    groups = np.repeat(np.arange(len(OTHERS)), sizes)
    kinds = [kind for name in OTHERS for kind in pools[name].kinds]
    named = [f"{group} {kind}" for group, kind in zip(groups, kinds, strict=True)]
    folds = np.unique(named, return_inverse=True)[1]
    sets = {name: np.flatnonzero(groups == number) for number, name in enumerate(OTHERS)}
    return Sounds(means, groups, folds, (1.0,) * len(OTHERS)), sets, kinds


def _gtzan(labelled: Labelled) -> Array:
    """Return the log-odds of tags of GTZAN's tracks, and of one window of each."""
    gtzan = labelled.songs.of(labelled.from_source(GTZAN))
    odds = np.concatenate([gtzan.means(), np.stack([window[0] for window in gtzan.windows])])
    return odds.astype(np.float32)


def _likely_embeddings(known: Array, log_odds: LogOdds, wanted: Array) -> Array:
    """Return the embeddings that are likely for log-odds of tags, by ridge regression."""
    odds = log_odds(known).astype(np.float64)
    centre, middle = odds.mean(axis=0), known.astype(np.float64).mean(axis=0)
    x = odds - centre
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (known - middle))
    return np.asarray((wanted - centre) @ weights + middle, np.float32)


def limit_of(scores: Array64, songs: Mapping[str, Ints]) -> float:
    """Return the least score, 0 or more, above which there is at most `WRONG` of the songs of every set."""
    limit = 0.0
    for name, positions in songs.items():
        if name != VOICED:
            limit = max(limit, limit_of_music(scores[positions], WRONG))
    return limit


def detector_of(sounds: DetectorSounds) -> MusicDetector:
    """Return the detector of some sounds; few songs held out are on the wrong side."""
    whole = sounds.others
    never = Sounds(whole.embeddings, whole.groups, np.full(len(whole.folds), -1), whole.shares)
    scores, _ = held_out_scores(sounds.music, never)
    return fit_detector(sounds.music, whole, limit_of(scores, sounds.songs))
