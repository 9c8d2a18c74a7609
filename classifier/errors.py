"""Typed errors of the classifier package. `kind` is the stable name that JSON output shows."""

from typing import ClassVar


class ClassifierError(Exception):
    """Anything the classifier package refuses to do; its text is one plain line."""

    kind: ClassVar[str] = "classifier"


class AudioError(ClassifierError):
    """A file that cannot be analysed."""

    kind: ClassVar[str] = "audio"


class UnreadableFileError(AudioError):
    """The operating system does not let the file be read."""

    kind: ClassVar[str] = "unreadable"


class EmptyFileError(AudioError):
    """The file has no bytes."""

    kind: ClassVar[str] = "empty"


class NotAudioError(AudioError):
    """No decoder recognises the file, or it has no audio stream."""

    kind: ClassVar[str] = "not_audio"


class UnknownCodecError(NotAudioError):
    """The file has an audio stream, which no decoder knows."""


class TooShortError(AudioError):
    """Less audio than one patch of the classifier."""

    kind: ClassVar[str] = "too_short"


class SilentError(AudioError):
    """Nothing in the file is louder than the silence threshold."""

    kind: ClassVar[str] = "silent"


class LimitError(AudioError):
    """The file is, or takes, more than a limit of `classifier.params` allows; the text names the limit."""

    kind: ClassVar[str] = "limit"


class CrashError(AudioError):
    """A decoder ended the process that it ran in."""

    kind: ClassVar[str] = "crash"


class UnexpectedError(AudioError):
    """A decoder, or what reads tags, failed as nobody foresaw."""

    kind: ClassVar[str] = "unexpected"


class BundleError(ClassifierError):
    """A model bundle that is missing, damaged or does not match what is asked of it."""

    kind: ClassVar[str] = "bundle"


class TrainingDataError(ClassifierError):
    """Labelled songs that cannot train a classifier."""

    kind: ClassVar[str] = "training_data"


class PictureError(ClassifierError):
    """A picture that cannot be drawn or written."""

    kind: ClassVar[str] = "picture"


class WeightsError(ClassifierError):
    """Pretrained weights of a network that are missing or do not fit it."""

    kind: ClassVar[str] = "weights"
