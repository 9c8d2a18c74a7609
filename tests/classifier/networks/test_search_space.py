"""What a tuning tries, and what it refuses to."""

from dataclasses import fields

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd
from classifier.networks.recipes import Augment, Fit, recipe_of
from classifier.networks.search_space import (
    SECTIONS,
    STUDYS_GRID,
    Axis,
    ValueRange,
    check_tunable,
    empty_bands,
    grid,
    parse_axis,
    parse_range,
    sample,
    with_values,
)


def test_the_default_is_the_studys_grid() -> None:
    """Its table's rows, in its order."""
    rows = [(v["n_fft"], v["hop_length"], v["n_mels"]) for v in grid(STUDYS_GRID)]
    assert rows == [
        (1024, 256, 128),
        (1024, 256, 256),
        (1024, 512, 128),
        (1024, 512, 256),
        (2048, 256, 128),
        (2048, 256, 256),
        (2048, 512, 128),
        (2048, 512, 256),
    ]


def test_every_field_of_fit_and_augment_has_a_name_and_they_are_distinct() -> None:
    parts = {
        "front_end": ["n_fft", "hop_length", "n_mels", "n_mfcc", "rate_hz"],
        "fit": [f.name for f in fields(Fit)],
        "augment": [f.name for f in fields(Augment)],
    }
    assert sum(map(len, parts.values())) == len(SECTIONS)
    assert {name: SECTIONS[name] for name in SECTIONS} == {n: p for p, names in parts.items() for n in names}
    assert {f.name for f in fields(FrontEnd)} > set(parts["front_end"])


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("n_fft=1024,2048", Axis("n_fft", (1024, 2048))),
        (" n_mels = 64 , 96 ,64", Axis("n_mels", (64, 96))),
        ("learning_rate=1e-3,0.01", Axis("learning_rate", (0.001, 0.01))),
        ("plateau_patience=0,5", Axis("plateau_patience", (0, 5))),
        ("mixup=0,.3", Axis("mixup", (0.0, 0.3))),
    ],
)
def test_axes_are_read(text: str, axis: Axis) -> None:
    assert parse_axis(text) == axis
    assert [type(v) for v in parse_axis(text).values] == [type(v) for v in axis.values]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rate=1e-4:1e-2:log", ValueRange("learning_rate", 1e-4, 1e-2, True)),
        ("mixup=0:0.5", ValueRange("mixup", 0.0, 0.5)),
        ("batch_size=8:64:log", ValueRange("batch_size", 8, 64, True)),
    ],
)
def test_ranges_are_read(text: str, expected: ValueRange) -> None:
    assert parse_range(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "n_fttt=1",
            "no parameter 'n_fttt'; there are: n_fft, hop_length, n_mels, n_mfcc, rate_hz, epochs, ",
        ),
        ("1024", "no parameter '1024'"),
        ("n_fft=", "n_fft must be a whole number, not ''"),
        ("n_fft=1024,,2048", "n_fft must be a whole number, not ''"),
        ("n_fft=1024.5", "n_fft must be a whole number, not '1024.5'"),
        ("n_fft=0", "n_fft must be at least 1, not 0"),
        ("learning_rate=fast", "learning_rate must be a number, not 'fast'"),
        ("learning_rate=nan", "learning_rate must be at least 0, not nan"),
        ("learning_rate=inf", "learning_rate must be at least 0, not inf"),
        ("mixup=-1", "mixup must be at least 0, not -1"),
        ("time_mask=1.5", "time_mask must be at least 0 and at most 1, not 1.5"),
    ],
)
def test_axes_that_are_none(text: str, message: str) -> None:
    with pytest.raises(TrainingDataError) as caught:
        parse_axis(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed=1:2", "no parameter 'speed'"),
        ("speed", "no parameter 'speed'"),
        ("mixup=1", "'mixup=1' is no range; write mixup=LOW:HIGH"),
        ("mixup=0:1:linear", "'mixup=0:1:linear' is no range"),
        ("mixup=0:1:log", "'mixup=0:1:log' is no range: the first end must be below the second, and above 0"),
        ("mixup=1:1", "'mixup=1:1' is no range: the first end must be below the second"),
        ("n_fft=1:2.5", "n_fft must be a whole number"),
    ],
)
def test_ranges_that_are_none(text: str, message: str) -> None:
    with pytest.raises(TrainingDataError) as caught:
        parse_range(text)
    assert str(caught.value).startswith(message)


def test_a_parameter_named_twice_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="mixup is named twice"):
        sample([Axis("mixup", (0.1,)), ValueRange("mixup", 0.0, 1.0)], 3, 0)
    with pytest.raises(TrainingDataError, match="n_fft is named twice"):
        grid([Axis("n_fft", (1,)), Axis("n_fft", (2,))])


SPACE = (
    ValueRange("learning_rate", 1e-4, 1e-2, True),
    ValueRange("batch_size", 8, 64),
    Axis("mixup", (0.0, 0.3)),
)


@given(n=st.integers(1, 30), seed=st.integers(0, 1000))
def test_draws_lie_within_their_ranges_and_differ(n: int, seed: int) -> None:
    drawn = sample(SPACE, n, seed)
    assert len(drawn) == n == len({tuple(v.items()) for v in drawn})
    for values in drawn:
        assert list(values) == ["learning_rate", "batch_size", "mixup"]
        assert 1e-4 <= values["learning_rate"] <= 1e-2
        assert 8 <= values["batch_size"] <= 64
        assert isinstance(values["batch_size"], int)
        assert values["mixup"] in (0.0, 0.3)
    assert sample(SPACE, n, seed) == drawn
    assert sample(SPACE, n + 5, seed)[:n] == drawn


def test_log_draws_are_even_in_orders_of_magnitude_and_others_in_value() -> None:
    log = [v["learning_rate"] for v in sample([ValueRange("learning_rate", 1e-5, 1e-1, True)], 400, 0)]
    assert np.mean(np.log10(log)) == pytest.approx(-3, abs=0.2)
    even = [v["learning_rate"] for v in sample([ValueRange("learning_rate", 0.0, 1.0)], 400, 0)]
    assert np.mean(even) == pytest.approx(0.5, abs=0.05)
    whole = [v["n_mels"] for v in sample([ValueRange("n_mels", 1, 3)], 10, 0)]
    assert sorted(whole) == [1, 2, 3]  # both ends, and no more than there are
    powers = [v["n_fft"] for v in sample([ValueRange("n_fft", 256, 4096, True)], 300, 1)]
    assert np.median(powers) == pytest.approx(1024, rel=0.25)
    assert 256 <= min(powers) <= max(powers) <= 4096


def test_a_finite_space_is_drawn_whole() -> None:
    drawn = sample(STUDYS_GRID, 100, 3)
    assert sorted(map(str, drawn)) == sorted(map(str, grid(STUDYS_GRID)))


def test_values_go_to_the_part_that_has_them_and_nothing_else_changes() -> None:
    recipe = recipe_of("cnn-mel")
    values = {"n_mels": 64, "learning_rate": 0.5, "epochs": 3, "mixup": 0.9}
    changed = with_values(recipe, values)
    assert changed.front_end.n_mels == 64
    assert (changed.fit.learning_rate, changed.fit.epochs) == (0.5, 3)
    assert changed.augment.mixup == 0.9
    back = with_values(
        changed,
        {
            "n_mels": recipe.front_end.n_mels,
            "learning_rate": recipe.fit.learning_rate,
            "epochs": recipe.fit.epochs,
            "mixup": recipe.augment.mixup,
        },
    )
    assert back == recipe
    assert with_values(recipe, {}) == recipe


@pytest.mark.parametrize("words", ["cnn", "cnn+mfcc", "cnn-mel"])
@pytest.mark.parametrize("hop_length", [128, 256, 500, 512])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050])
def test_a_patch_keeps_its_seconds(words: str, hop_length: int, rate_hz: int) -> None:
    recipe = recipe_of(words)
    changed = with_values(recipe, {"hop_length": hop_length, "rate_hz": rate_hz}).front_end
    assert changed.patch_s == pytest.approx(recipe.front_end.patch_s, abs=hop_length / rate_hz / 2 + 1e-9)
    assert changed.patch_s <= 30  # of a segment


def test_the_window_alone_leaves_the_frames() -> None:
    assert with_values(recipe_of("cnn"), {"n_fft": 1024, "n_mels": 256}).front_end.patch_frames == 1290
    assert with_values(recipe_of("cnn"), {"hop_length": 256}).front_end.patch_frames == 2580


@pytest.mark.parametrize(
    ("words", "names", "message"),
    [
        ("musicnn", ["n_fft"], "musicnn has no front end or fit to tune"),
        ("musicnn", ["learning_rate"], "musicnn has no front end or fit to tune"),
        (
            "musicnn-tuned",
            ["epochs", "n_fft", "n_mels"],
            r"musicnn-tuned has no front end .*\(n_fft, n_mels\)",
        ),
        ("cnn", ["n_mfcc"], "n_mfcc says nothing about log-mel features"),
    ],
)
def test_parameters_that_mean_nothing_to_a_recipe(words: str, names: list[str], message: str) -> None:
    with pytest.raises(TrainingDataError, match=message) as caught:
        check_tunable(recipe_of(words), names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("cnn", ["n_fft", "image_shift"]),
        ("cnn+mfcc", ["n_mfcc"]),
        ("musicnn-tuned", ["learning_rate", "mixup"]),
        ("cnn-mel", list(SECTIONS)[:3]),
    ],
)
def test_parameters_that_mean_something(words: str, names: list[str]) -> None:
    check_tunable(recipe_of(words), names)


def test_no_more_coefficients_than_bands() -> None:
    with pytest.raises(TrainingDataError, match=r"50 coefficients \(n_mfcc\) need as many n_mels"):
        with_values(recipe_of("cnn+mfcc"), {"n_mfcc": 50, "n_mels": 40})


def test_empty_bands_are_those_that_librosa_warns_of() -> None:
    for values in grid(STUDYS_GRID):
        assert empty_bands(with_values(recipe_of("cnn"), values).front_end) == 0
    narrow = with_values(recipe_of("cnn"), {"n_fft": 512, "n_mels": 256}).front_end
    with pytest.warns(UserWarning, match="Empty filters detected"):
        filters = librosa.filters.mel(sr=22_050, n_fft=512, n_mels=256)
    assert empty_bands(narrow) == int((filters.sum(axis=1) == 0).sum()) > 0
