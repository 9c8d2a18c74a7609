"""Recipes: what their words mean, and the ones that mean nothing."""

import json
from dataclasses import replace

import pytest

from classifier import params
from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd
from classifier.networks.recipes import ARCHITECTURES, Augment, Fit, recipe_of, study_front_end


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_architecture_is_a_recipe(arch: str) -> None:
    recipe = recipe_of(arch)
    assert recipe.arch == arch
    assert not recipe.published
    assert not recipe.representative
    assert recipe.uses_trunk == (arch == "musicnn")


@pytest.mark.parametrize("arch", ["musicnn", "musicnn-tuned", "cnn-mel"])
def test_our_own_read_the_trunks_front_end(arch: str) -> None:
    assert recipe_of(arch).front_end == FrontEnd()


def test_the_studys_numbers() -> None:
    """As ../shared/docs/source-study.md states them."""
    recipe = recipe_of("cnn+mfcc+published")
    front_end = recipe.front_end
    assert (front_end.rate_hz, front_end.n_fft, front_end.hop_length) == (22_050, 2048, 512)
    assert (front_end.n_mels, front_end.n_mfcc, front_end.patch_frames) == (128, 40, 1290)
    assert front_end.limits == (-20.0, 80.0)
    assert front_end.reference_rms is None
    fit = recipe.fit
    assert (fit.learning_rate, fit.stop_patience) == (1e-3, 10)
    assert (fit.plateau_patience, fit.plateau_factor, fit.min_learning_rate) == (5, 0.1, 1e-6)
    assert 50 <= fit.batch_size <= 100
    assert 30 <= fit.epochs <= 50
    assert recipe.augment == Augment()


@pytest.mark.parametrize("arch", ["cnn", "vgg16"])
@pytest.mark.parametrize("feature", ["mel", "mfcc"])
def test_published_has_the_slips_and_corrected_has_not(arch: str, feature: str) -> None:
    corrected, published = recipe_of(f"{arch}+{feature}"), recipe_of(f"{arch}+{feature}+published")
    assert (corrected.front_end.scale, corrected.front_end.padding) == ("db", "silence")
    assert (published.front_end.scale, published.front_end.padding) == ("db-twice", "zero")
    assert replace(published.front_end, scale="db", padding="silence") == corrected.front_end
    assert published.published
    assert corrected.front_end == study_front_end(feature, published=False)
    assert {corrected.front_end.feature, published.front_end.feature} == {
        {"mel": "log-mel", "mfcc": "mfcc"}[feature]
    }


def test_the_order_of_words_does_not_matter() -> None:
    assert recipe_of("cnn+mfcc+published") == recipe_of("cnn+published+mfcc")
    assert recipe_of("cnn-mel+no-plateau+representative") == recipe_of("cnn-mel+representative+no-plateau")
    assert recipe_of(" cnn + mfcc ") == recipe_of("cnn+mfcc")


@pytest.mark.parametrize(
    ("words", "plain", "fields"),
    [
        ("cnn+no-plateau", "cnn", {"fit": Fit(plateau_patience=0)}),
        ("vgg16+imagenet", "vgg16", {"weights": "imagenet"}),
        ("musicnn+representative", "musicnn", {"representative": True}),
        ("cnn-mel+no-augment", "cnn-mel", {"augment": Augment()}),
        ("cnn+time-shift", "cnn", {"augment": Augment(time_shift=params.TIME_SHIFT)}),
        ("cnn+gain", "cnn", {"augment": Augment(gain_db=params.GAIN_DB)}),
        (
            "cnn+specaugment",
            "cnn",
            {"augment": Augment(time_mask=params.TIME_MASK, band_mask=params.BAND_MASK)},
        ),
        ("cnn+mixup", "cnn", {"augment": Augment(mixup=params.MIXUP_ALPHA)}),
        ("cnn+image-shift", "cnn", {"augment": Augment(image_shift=0.1, image_zoom=0.1)}),
        (
            "cnn+mixup+gain",
            "cnn",
            {"augment": Augment(mixup=params.MIXUP_ALPHA, gain_db=params.GAIN_DB)},
        ),
    ],
)
def test_a_word_changes_what_it_says_and_no_more(words: str, plain: str, fields: dict[str, object]) -> None:
    assert recipe_of(words) == replace(recipe_of(plain), **fields)
    assert recipe_of(words) != recipe_of(plain)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("resnet", "no architecture 'resnet'; there are: musicnn, musicnn-tuned, cnn, vgg16, cnn-mel"),
        ("", "no architecture ''"),
        ("mfcc+cnn", "no architecture 'mfcc'"),
        ("cnn+blurred", "'blurred' changes no architecture; these do: mel, mfcc, published"),
        ("cnn+", "'' changes no architecture"),
        ("cnn-mel+mfcc", "'mfcc' is said of cnn and vgg16 only, not of cnn-mel"),
        ("musicnn+published", "'published' is said of cnn and vgg16 only, not of musicnn"),
        ("musicnn+mixup", "'mixup' says nothing about musicnn, whose trunk is not trained"),
    ],
)
def test_words_that_mean_nothing_are_refused(words: str, message: str) -> None:
    with pytest.raises(TrainingDataError) as caught:
        recipe_of(words)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", ["cnn+imagenet", "cnn-mel+imagenet"])
def test_imagenet_weights_are_vgg16s_alone(words: str) -> None:
    with pytest.raises(TrainingDataError, match="'imagenet' is said of vgg16 only"):
        recipe_of(words)


def test_descriptions_are_json_and_tell_recipes_apart() -> None:
    words = ["musicnn", "musicnn-tuned", "cnn", "cnn+mfcc", "cnn+published", "vgg16", "vgg16+imagenet"]
    words += ["cnn+no-plateau", "cnn+representative", "cnn+mixup", "cnn-mel", "cnn-mel+no-augment"]
    told = {json.dumps(recipe_of(each).describe(), sort_keys=True) for each in words}
    assert len(told) == len(words)
    one = recipe_of("cnn+mfcc").describe()
    assert FrontEnd.from_description(one["front_end"]) == recipe_of("cnn+mfcc").front_end
