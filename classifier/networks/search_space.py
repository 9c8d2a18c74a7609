"""The search space of a tuning: parameters of a recipe by name, grids of their values, and random draws.

Nothing here trains or reads a file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Final

import numpy as np

from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd, mel_filters
from classifier.networks.recipes import Augment, Fit, Recipe

Number = int | float
Values = Mapping[str, Number]
"""The values that a trial sets, by the parameters' names."""

_FRONT_END: Final = ("n_fft", "hop_length", "n_mels", "n_mfcc", "rate_hz")
_LEAST: Final = {"stop_patience": 1, "plateau_patience": 0, "epochs": 1, "batch_size": 1}
# A share of the input, or a factor, cannot be more.
_SHARES: Final = ("time_shift", "time_mask", "band_mask", "image_shift", "image_zoom", "plateau_factor")
# Draws that may repeat an earlier one before the space is taken for exhausted.
_PATIENCE: Final = 1000

SECTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_FRONT_END, "front_end"),
    **{field.name: "fit" for field in fields(Fit)},
    **{field.name: "augment" for field in fields(Augment)},
}
"""Every parameter that can be tuned, and the part of a recipe that it belongs to."""
_WHOLE: Final = {*_FRONT_END, *(field.name for field in fields(Fit) if field.type is int)}


@dataclass(frozen=True)
class Axis:
    """A parameter and the values to try."""

    name: str
    values: tuple[Number, ...]

    def draw(self, random: np.random.Generator) -> Number:
        """Return one of them."""
        return self.values[int(random.integers(len(self.values)))]


@dataclass(frozen=True)
class ValueRange:
    """A parameter and the interval to draw from; evenly, or evenly on a logarithmic scale."""

    name: str
    low: Number
    high: Number
    log: bool = False

    def draw(self, random: np.random.Generator) -> Number:
        """Return a value within the interval, both ends possible; rounded for a whole parameter."""
        if self.name in _WHOLE and not self.log:
            return int(random.integers(int(self.low), int(self.high) + 1))
        if self.log:
            drawn = math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = random.uniform(self.low, self.high)
        if self.name in _WHOLE:
            return min(max(round(drawn), int(self.low)), int(self.high))
        return float(f"{drawn:.4g}")


STUDYS_GRID: Final = (
    Axis("n_fft", (1024, 2048)),
    Axis("hop_length", (256, 512)),
    Axis("n_mels", (128, 256)),
)
"""The eight combinations of the study."""


def parse_axis(text: str) -> Axis:
    """Return the axis that ``name=value,value,…`` names.

    Raises
    ------
    TrainingDataError
        If the name is unknown, or a value is none of this parameter.
    """
    name, _, listed = text.partition("=")
    values = [_number(name.strip(), value) for value in listed.split(",")]
    return Axis(name.strip(), tuple(dict.fromkeys(values)))


def parse_range(text: str) -> ValueRange:
    """Return the range that ``name=low:high`` or ``name=low:high:log`` names.

    Raises
    ------
    TrainingDataError
        If the name is unknown, or the interval is none.
    """
    name, _, interval = text.partition("=")
    name, parts = name.strip(), interval.split(":")
    if len(parts) not in (2, 3) or parts[2:] not in ([], ["log"]):
        _check_name(name)
        raise TrainingDataError(f"'{text}' is no range; write {name}=LOW:HIGH or {name}=LOW:HIGH:log")
    low, high = (_number(name, part) for part in parts[:2])
    if low >= high or (low <= 0 and len(parts) == 3):
        above = ", and above 0 for log" if len(parts) == 3 else ""
        raise TrainingDataError(f"'{text}' is no range: the first end must be below the second{above}")
    return ValueRange(name, low, high, len(parts) == 3)


def _check_name(name: str) -> None:
    if name not in SECTIONS:
        raise TrainingDataError(f"no parameter '{name}'; there are: {', '.join(SECTIONS)}")


def _number(name: str, text: str) -> Number:
    """Return a parameter's value, checked."""
    _check_name(name)
    kind = int if name in _WHOLE else float
    try:
        value = kind(text.strip())
    except ValueError as error:
        wanted = "a whole number" if kind is int else "a number"
        raise TrainingDataError(f"{name} must be {wanted}, not '{text.strip()}'") from error
    least = _LEAST.get(name, 1 if kind is int else 0)
    if not (math.isfinite(value) and least <= value) or (name in _SHARES and value > 1):
        most = " and at most 1" if name in _SHARES else ""
        raise TrainingDataError(f"{name} must be at least {least}{most}, not {text.strip()}")
    return value


def grid(axes: Sequence[Axis]) -> list[Values]:
    """Return all combinations, the last parameter changing fastest."""
    _check_distinct(axes)
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]


def sample(space: Sequence[Axis | ValueRange], n: int, seed: int) -> list[Values]:
    """Return combinations drawn at random, no two the same: `n`, or all there are where those are fewer.

    A longer draw with the same seed begins with the shorter one, so that a search can be extended.
    """
    _check_distinct(space)
    random = np.random.default_rng(seed)
    found: dict[tuple[Number, ...], Values] = {}
    repeats = 0
    while len(found) < n and repeats < _PATIENCE:
        drawn = {part.name: part.draw(random) for part in space}
        repeats = repeats + 1 if tuple(drawn.values()) in found else 0
        found.setdefault(tuple(drawn.values()), drawn)
    return list(found.values())


def _check_distinct(space: Sequence[Axis | ValueRange]) -> None:
    names = [part.name for part in space]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TrainingDataError(f"{twice} is named twice")


def check_tunable(recipe: Recipe, names: Sequence[str]) -> None:
    """Raise `TrainingDataError` where a parameter means nothing to a recipe."""
    if recipe.uses_trunk:
        raise TrainingDataError(
            "musicnn has no front end or fit to tune: its trunk is trained already, and its penalty is "
            "chosen in every fold; tune cnn-mel, cnn, vgg16, or the fit of musicnn-tuned"
        )
    of_front_end = [name for name in names if SECTIONS[name] == "front_end"]
    if recipe.arch == "musicnn-tuned" and of_front_end:
        raise TrainingDataError(
            f"musicnn-tuned has no front end to tune, its trunk has its own ({', '.join(of_front_end)}); "
            "its fit and augmentation can be, such as learning_rate=1e-5,1e-4"
        )
    if "n_mfcc" in names and recipe.front_end.feature != "mfcc":
        raise TrainingDataError("n_mfcc says nothing about log-mel features; add '+mfcc' to the recipe")


def with_values(recipe: Recipe, values: Values) -> Recipe:
    """Return a recipe with some of its parameters changed.

    Where the hop or the rate changes, so does the number of frames: a patch keeps its seconds.

    Raises
    ------
    TrainingDataError
        If more coefficients than mel bands are asked for.
    """
    parts: dict[str, Any] = {"front_end": recipe.front_end, "fit": recipe.fit, "augment": recipe.augment}
    for section, part in parts.items():
        changes = {name: value for name, value in values.items() if SECTIONS[name] == section}
        if changes:
            parts[section] = replace(part, **changes)
    changed: FrontEnd = parts["front_end"]
    frames = round(recipe.front_end.read_s * changed.rate_hz / changed.hop_length)
    parts["front_end"] = replace(changed, patch_frames=max(1, frames))
    if changed.feature == "mfcc" and changed.n_mfcc > changed.n_mels:
        raise TrainingDataError(f"{changed.n_mfcc} coefficients (n_mfcc) need as many n_mels")
    return replace(recipe, **parts)


def empty_bands(front_end: FrontEnd) -> int:
    """Return how many mel bands are narrower than the spectrum's lines and hence always empty."""
    return int((mel_filters(front_end).max(axis=1) == 0).sum())
