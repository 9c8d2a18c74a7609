"""What tracks are coloured by: classes, their names, and who is of which."""

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from recommender.map.colours import (
    STEPS,
    MapClasses,
    decade_classes,
    label_classes,
    play_classes,
    scale_step,
    tempo_classes,
)
from recommender.map.plot import SCALE
from tests.processes import REPO

STYLE = (REPO / "recommender" / "service" / "static" / "style.css").read_text(encoding="utf-8")
SCALES = [
    re.findall(r"--scale-\d: (#[0-9a-f]{6});", line) for line in STYLE.splitlines() if "--scale-0" in line
]
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""What is seen of linear red, green and blue (Machado, Oliveira, Fernandes, 2009)."""


def said(classes: MapClasses) -> list[str]:
    return [classes.names[number] for number in classes.of]


def test_decades_are_in_order_and_the_earliest_together() -> None:
    classes = decade_classes([1994, None, 2003, 1970, 0, 1999])
    assert said(classes) == ["1990s", "no year", "2000s", "1970s", "no year", "1990s"]
    assert classes.names == ["1970s", "1980s", "1990s", "2000s", "no year"]
    assert (classes.grey, classes.ordered) == (1, True)
    classes = decade_classes([1901, 1959, 1960, 2024, 1969])
    assert said(classes) == ["1960s and before"] * 3 + ["2020s", "1960s and before"]
    assert len(classes.names) == STEPS and classes.grey == 0
    assert decade_classes([None]).names == ["no year"] and decade_classes([]).names == []


def test_tempi_and_plays_fall_between_their_limits() -> None:
    classes = tempo_classes([69.4, 69.6, 84.4, 84.6, None, 150, 220, 129.49, 12])
    names = ["under 70 bpm", "70-84 bpm", "70-84 bpm", "85-99 bpm", "no tempo", "150 bpm and more"]
    assert said(classes) == [*names, "150 bpm and more", "115-129 bpm", "under 70 bpm"]
    assert len(classes.names) - classes.grey == STEPS
    classes = play_classes([0, 1, 2, 4, 5, 9, 10, 19, 20, 49, 50, 100_000])
    steps = ["never", "once", "2-4 times", "5-9 times", "10-19 times", "20-49 times", "50 times and more"]
    assert classes.names == steps and (classes.grey, len(steps)) == (0, STEPS)
    assert classes.of.tolist() == [0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]


def test_labels_are_kinds_the_most_frequent_first_and_what_says_nothing_is_grey() -> None:
    labels = ["jazz", "unsure", "rock", "rock", "not music", "polka"]
    classes = label_classes(labels, 2)
    assert classes.names == ["rock", "jazz", "other", "unsure", "not music"]
    assert (classes.grey, classes.ordered) == (3, False)
    assert said(classes) == ["jazz", "unsure", "rock", "rock", "not music", "other"]
    assert label_classes(["a"] * 3).names == ["a"]


def test_few_classes_use_the_whole_scale() -> None:
    assert [scale_step(number, STEPS) for number in range(STEPS)] == list(range(STEPS))
    assert [scale_step(number, 3) for number in range(3)] == [0, 3, 6]
    assert scale_step(0, 1) == STEPS - 1


def linear(colour: str) -> npt.NDArray[np.float64]:
    values = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lightness(colour: str, blindness: str) -> float:
    seen = np.clip(np.array(BLINDNESS[blindness]) @ linear(colour), 0, 1)
    return float(116 * np.cbrt(seen @ [0.2126, 0.7152, 0.0722]) - 16)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_steps_of_the_scales_differ_in_lightness_for_every_eye(blindness: str) -> None:
    """On light paper each is darker than the one before, on dark paper lighter."""
    light, dark, same = SCALES
    assert tuple(light) == SCALE and dark == same
    for scale, sign in ((light, -1), (dark, 1)):
        assert len(scale) == STEPS
        for one, next_one in pairwise(lightness(colour, blindness) for colour in scale):
            assert sign * (next_one - one) > 4
