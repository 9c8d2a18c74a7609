"""Fit a head whose genres are known from labelled songs, from the evidence of tags, or from both.

Every genre has a logistic regression of its own, against all others, on standardised log-odds of tags.
What it begins with is the evidence of the genre's own tags, by a slope and an offset that all genres share;
labelled
songs then move it away from there, against a penalty. A genre without labelled songs keeps its evidence:
its own tag tells it from others better than any place between the labelled genres would (a softmax
regression gives a
genre that it has no songs of no room at all). The softmax of these scores is the head, and stays linear.

Priors are added at the end. A genre that only its tags tell is moved until the labelled songs of others
give it `leak` times its prior on average: what it may take from them by chance. A song whose label may
hold the genre counts half in this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from classifier.arrays import Array64, Ints, Mask
from classifier.model.linear_head import LinearHead, softmax
from classifier.training.logistic import LogisticProblem, minimum

LEAST_SONGS = 4.0
LEAK_ROUNDS = 400
SLOPE_PENALTY = 1e-3
"""Keeps the slope of evidence within bounds where that tells all songs apart."""
MAY_BE = 0.5
"""What a song counts against a genre that its label may hold."""


@dataclass(frozen=True)
class GenreSongs:
    """Songs that a head is fitted on.

    Attributes
    ----------
    windows
        (windows, features) log-odds of tags of each song's windows.
    targets
        (songs, genres) how much each song is of each genre; rows sum to 1.
    may_be
        (songs, genres) whether a song's label may hold a genre that only tags tell.
    """

    windows: Sequence[Array64]
    targets: Array64
    may_be: Mask

    def means(self) -> Array64:
        """Return the mean of each song's windows, (songs, features)."""
        return np.stack([of_song.mean(axis=0) for of_song in self.windows])

    def of(self, chosen: Ints) -> "GenreSongs":
        """Return some of the songs."""
        return GenreSongs([self.windows[i] for i in chosen], self.targets[chosen], self.may_be[chosen])

    def weights(self) -> Array64:
        """Return what each song counts, (songs,), so that all genres count alike; they sum to 1."""
        songs = self.targets.sum(axis=0)
        weights = (self.targets / np.where(songs > 0, songs, 1.0)).sum(axis=1)
        return np.asarray(weights / weights.sum(), np.float64)


@dataclass(frozen=True)
class GenreFit:
    """How a head of genres is fitted.

    Attributes
    ----------
    genres
        Names, in order.
    evidence
        For each genre that tags tell, their columns and weights.
    only_tags
        Genres that labelled songs say nothing of.
    prior
        How frequent each genre is, (genres,); sums to 1.
    prior_power
        What the logarithm of the prior is multiplied with before it is added; the fit itself is balanced.
    penalty, free_penalty
        On the weights of genres that have evidence, and of those that have none.
    leak
        See the head of this module.
    moves_with
        For a genre that only tags tell, the one whose labelled songs move it too.
    """

    genres: tuple[str, ...]
    evidence: Mapping[str, Mapping[int, float]]
    only_tags: tuple[str, ...]
    prior: Array64
    prior_power: float = 0.5
    penalty: float = 10.0
    free_penalty: float = 1.5
    leak: float = 0.25
    moves_with: Mapping[str, str] = field(default_factory=dict)

    def learned(self) -> list[int]:
        """Return the genres that labelled songs move, by number."""
        return [number for number, name in enumerate(self.genres) if name not in self.only_tags]

    def free_columns(self, n_features: int) -> Ints:
        """Return the columns that are no tag of a genre without labelled songs."""
        taken = {column for name in self.only_tags for column in self.evidence[name]}
        return np.array([column for column in range(n_features) if column not in taken])


@dataclass(frozen=True)
class _Standardised:
    """Features standardised over balanced songs: (rows, features), and what that took."""

    x: Array64
    centre: Array64
    deviation: Array64


def _standardised(x: Array64, weights: Array64) -> _Standardised:
    centre = weights @ x
    deviation = np.sqrt(weights @ (x - centre) ** 2)
    return _Standardised((x - centre) / deviation, centre, deviation)


def fit_genre_head(songs: GenreSongs, fit: GenreFit) -> LinearHead:
    """Return the head of some songs; it reads what their windows are of.

    Raises
    ------
    ValueError
        If no genre has both evidence and labelled songs.
    """
    sizes = [len(of_song) for of_song in songs.windows]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    of_songs, means = songs.weights(), songs.means()
    weights = of_songs[owner] / np.array(sizes)[owner]
    rows = _standardised(np.concatenate(songs.windows).astype(np.float64), weights)
    kernel, bias = _begin(songs, fit, rows)
    _move(kernel, bias, songs, fit, rows, owner, weights)
    kernel = kernel / rows.deviation[:, None]
    bias = bias - rows.centre @ kernel + fit.prior_power * np.log(fit.prior * len(fit.genres))
    bias = _without_leaks(means @ kernel, bias, songs, fit)
    return LinearHead("tags", kernel.astype(np.float32), bias.astype(np.float32))


def _move(
    kernel: Array64,
    bias: Array64,
    songs: GenreSongs,
    fit: GenreFit,
    rows: _Standardised,
    owner: Ints,
    weights: Array64,
) -> None:
    """Move every genre away from its evidence, as its labelled songs ask for; `owner` has each row's song."""
    columns = fit.free_columns(rows.x.shape[1])
    begun, offsets = kernel.copy(), bias.copy()
    for number in fit.learned():
        if songs.targets[:, number].sum() < LEAST_SONGS:
            continue
        name = fit.genres[number]
        sides = len(songs.windows) * np.stack(
            _two_sides(songs.targets[owner, number], weights, len(fit.genres))
        )
        penalty = fit.penalty if name in fit.evidence else fit.free_penalty
        start = rows.x @ begun[:, number] + offsets[number]
        found = minimum(LogisticProblem(rows.x[:, columns], sides[0], sides[1], penalty, start))
        for moved in (number, *(fit.genres.index(n) for n, other in fit.moves_with.items() if other == name)):
            kernel[columns, moved] += found[:-1]
            bias[moved] += found[-1]


def _begin(songs: GenreSongs, fit: GenreFit, rows: _Standardised) -> tuple[Array64, Array64]:
    """Return each genre's evidence as kernel (features, genres) and bias, for standardised windows.

    The slope is fitted on song means, standardised by themselves, whose evidence has unit variance.
    """
    weights = songs.weights()
    means = _standardised(songs.means(), weights)
    kernel = np.zeros((means.x.shape[1], len(fit.genres)))
    for name, columns in fit.evidence.items():
        number = fit.genres.index(name)
        kernel[list(columns), number] = list(columns.values())
        kernel[:, number] /= np.sqrt(weights @ (means.x @ kernel[:, number]) ** 2)
    known = [n for n in fit.learned() if fit.genres[n] in fit.evidence]
    known = [n for n in known if songs.targets[:, n].sum() >= LEAST_SONGS]
    if not known:
        raise ValueError("no genre has both tags and labelled songs")
    sides = [np.stack(_two_sides(songs.targets[:, n], weights, len(fit.genres))) for n in known]
    evidence = np.concatenate([means.x @ kernel[:, n] for n in known])[:, None]
    yes, no = np.concatenate(sides, axis=1)
    slope, offset = minimum(LogisticProblem(evidence, yes, no, SLOPE_PENALTY))
    raw = slope * kernel / means.deviation[:, None]
    bias = offset - means.centre @ raw + rows.centre @ raw
    return raw * rows.deviation[:, None], bias


def _two_sides(target: Array64, weights: Array64, n_genres: int) -> tuple[Array64, Array64]:
    """Return what each row counts as one of a genre, and as none, which together count one in `n_genres`."""
    yes, no = weights * target, weights * (1 - target)
    return yes / yes.sum() / n_genres, no / no.sum() * (1 - 1 / n_genres)


def _without_leaks(scores: Array64, bias: Array64, songs: GenreSongs, fit: GenreFit) -> Array64:
    """Return biases at which genres that only tags tell take their `leak` from songs of others."""
    bias, weights = bias.copy(), songs.weights()
    alone = [fit.genres.index(name) for name in fit.only_tags]
    for _ in range(LEAK_ROUNDS if alone else 0):
        p = softmax((scores + bias).astype(np.float32)).astype(np.float64)
        for number in alone:
            counted = np.where(songs.may_be[:, number], MAY_BE, 1.0)
            others = weights * (1 - songs.targets[:, number]) * counted
            bias[number] += 0.7 * np.log(
                fit.leak * fit.prior[number] * others.sum() / (others @ p[:, number])
            )
    return bias
