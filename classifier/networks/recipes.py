"""Recipes of training: architecture, features, fit, augmentation. No Keras here.

A recipe is written as words joined with ``+``: ``cnn``, ``cnn+mfcc+published``,
``vgg16+no-plateau``, ``cnn-mel+mixup``. The first names the architecture, the others change it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal

from classifier import params
from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd

ARCHITECTURES: Final = ("musicnn", "musicnn-tuned", "cnn", "vgg16", "cnn-mel")


@dataclass(frozen=True)
class Augment:
    """Augmentation of training examples, a fresh draw an epoch; zero turns a kind off.

    Attributes
    ----------
    time_shift
        Patches are turned round in time by up to this share of their length.
    gain_db
        Patches are made louder or softer by up to this many dB.
    time_mask, band_mask
        SpecAugment: the widest span masked, as a share of the frames, and of the bands.
    mixup
        Alpha of mixup's beta distribution.
    image_shift, image_zoom
        The study's: a shift along the bands, and a zoom, by up to this share.
    """

    time_shift: float = 0.0
    gain_db: float = 0.0
    time_mask: float = 0.0
    band_mask: float = 0.0
    mixup: float = 0.0
    image_shift: float = 0.0
    image_zoom: float = 0.0


@dataclass(frozen=True)
class Fit:
    """Settings of a network's fit (Adam, categorical cross-entropy).

    Attributes
    ----------
    epochs
        At most this many.
    batch_size
        Patches a step; fewer where an epoch would have fewer than four steps.
    learning_rate
        At the start, or the highest.
    schedule
        ``plateau``: songs held out say when the rate is lowered, when the fit stops and which epoch
        is kept. ``cosine``: the rate rises over the first tenth of the steps, then falls along a
        cosine; all epochs are run and the last is kept, so that no song need be held out. The
        fields below are for ``plateau``.
    stop_patience
        Epochs without a lower validation loss before the fit stops.
    plateau_patience, plateau_factor, min_learning_rate
        After so many epochs without a lower validation loss the rate is multiplied by the factor,
        down to the least; a patience of 0 leaves the rate alone.
    """

    epochs: int = params.NETWORK_EPOCHS
    batch_size: int = params.NETWORK_BATCH
    learning_rate: float = params.NETWORK_LEARNING_RATE
    schedule: Literal["plateau", "cosine"] = "plateau"
    stop_patience: int = params.STOP_PATIENCE
    plateau_patience: int = params.PLATEAU_PATIENCE
    plateau_factor: float = params.PLATEAU_FACTOR
    min_learning_rate: float = params.MIN_LEARNING_RATE


@dataclass(frozen=True)
class Recipe:
    """One way to train a classifier.

    Attributes
    ----------
    arch
        One of `ARCHITECTURES`.
    front_end
        What its network reads; the trunk's own for ``musicnn`` and ``musicnn-tuned``.
    published
        As the study published it, its slips included, or corrected.
    weights
        Of ``vgg16``: ``imagenet``, ``none``, or a path.
    image
        Height and width, in pixels, that ``cnn`` and ``vgg16`` resize their input to.
    fit, augment
        How it is fitted; ``musicnn`` ignores both.
    representative
        Whether the segments most typical of their song weigh more.
    """

    arch: str
    front_end: FrontEnd = field(default_factory=FrontEnd)
    published: bool = False
    weights: str = "none"
    image: tuple[int, int] = params.STUDY_IMAGE
    fit: Fit = field(default_factory=Fit)
    augment: Augment = field(default_factory=Augment)
    representative: bool = False

    @cached_property
    def uses_trunk(self) -> bool:
        """Return whether it learns on the stored features of the musicnn trunk, without audio."""
        return self.arch == "musicnn"

    def describe(self) -> dict[str, Any]:
        """Return everything that the recipe says, for the bundle's record."""
        described = asdict(self)
        described["front_end"] = self.front_end.describe()
        described["image"] = list(self.image)
        return described


def study_front_end(feature: str, *, published: bool) -> FrontEnd:
    """Return the study's features of a segment, as published or with its two slips corrected."""
    return FrontEnd(
        rate_hz=params.STUDY_RATE_HZ,
        n_fft=params.STUDY_N_FFT,
        hop_length=params.STUDY_HOP_LENGTH,
        n_mels=params.STUDY_N_MELS,
        patch_frames=params.STUDY_FRAMES,
        min_rest_s=params.SEGMENT_S / 2,
        reference_rms=None,
        feature="mfcc" if feature == "mfcc" else "log-mel",
        scale="db-twice" if published else "db",
        padding="zero" if published else "silence",
        normalise="limits",
    )


_BASE: Final[Mapping[str, Callable[[], Recipe]]] = {
    "musicnn": lambda: Recipe("musicnn"),
    "musicnn-tuned": lambda: Recipe(
        "musicnn-tuned", fit=Fit(learning_rate=params.TUNED_LEARNING_RATE, epochs=params.TUNED_EPOCHS)
    ),
    "cnn": lambda: Recipe("cnn", study_front_end("mel", published=False)),
    "vgg16": lambda: Recipe("vgg16", study_front_end("mel", published=False)),
    "cnn-mel": lambda: Recipe("cnn-mel", fit=_cnn_mel_fit(), augment=_cnn_mel_augment()),
}


def _cnn_mel_fit() -> Fit:
    """Return how our own network is fitted."""
    return Fit(
        epochs=params.CNN_MEL_EPOCHS,
        batch_size=params.CNN_MEL_BATCH,
        learning_rate=params.CNN_MEL_LEARNING_RATE,
        schedule="cosine",
    )


def _cnn_mel_augment() -> Augment:
    """Return how our own network's examples are varied."""
    return Augment(
        time_shift=params.TIME_SHIFT,
        gain_db=params.GAIN_DB,
        time_mask=params.TIME_MASK,
        band_mask=params.BAND_MASK,
        mixup=params.MIXUP_ALPHA,
    )


def _with_feature(feature: str) -> Callable[[Recipe], Recipe]:
    return lambda r: replace(r, front_end=study_front_end(feature, published=r.published))


def _published(recipe: Recipe) -> Recipe:
    feature = recipe.front_end.feature
    return replace(recipe, published=True, front_end=study_front_end(feature, published=True))


def _augmented(**changes: float) -> Callable[[Recipe], Recipe]:
    return lambda r: replace(r, augment=replace(r.augment, **changes))


_WORDS: Final[Mapping[str, Callable[[Recipe], Recipe]]] = {
    "mel": _with_feature("mel"),
    "mfcc": _with_feature("mfcc"),
    "published": _published,
    "no-plateau": lambda r: replace(r, fit=replace(r.fit, plateau_patience=0)),
    "imagenet": lambda r: replace(r, weights="imagenet"),
    "representative": lambda r: replace(r, representative=True),
    "no-augment": lambda r: replace(r, augment=Augment()),
    "time-shift": _augmented(time_shift=params.TIME_SHIFT),
    "gain": _augmented(gain_db=params.GAIN_DB),
    "specaugment": _augmented(time_mask=params.TIME_MASK, band_mask=params.BAND_MASK),
    "mixup": _augmented(mixup=params.MIXUP_ALPHA),
    "image-shift": _augmented(image_shift=params.IMAGE_SHIFT, image_zoom=params.IMAGE_ZOOM),
}
_STUDYS: Final = ("cnn", "vgg16")
_ONLY_OF: Final = {"mel": _STUDYS, "mfcc": _STUDYS, "published": _STUDYS, "imagenet": ("vgg16",)}


def recipe_of(words: str) -> Recipe:
    """Return the recipe that a line of words joined with ``+`` describes.

    Raises
    ------
    TrainingDataError
        If a word is unknown, or says nothing about this architecture.
    """
    arch, *changes = [word.strip() for word in words.split("+")]
    if arch not in _BASE:
        raise TrainingDataError(f"no architecture '{arch}'; there are: {', '.join(ARCHITECTURES)}")
    recipe = _BASE[arch]()
    for word in changes:
        if word not in _WORDS:
            raise TrainingDataError(f"'{word}' changes no architecture; these do: {', '.join(_WORDS)}")
        if arch not in _ONLY_OF.get(word, ARCHITECTURES):
            raise TrainingDataError(f"'{word}' is said of {' and '.join(_ONLY_OF[word])} only, not of {arch}")
        if arch == "musicnn" and word != "representative":
            raise TrainingDataError(f"'{word}' says nothing about musicnn, whose trunk is not trained")
        recipe = _WORDS[word](recipe)
    return recipe
