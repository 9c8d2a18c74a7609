"""Typed errors of the classifier package, and what the system's say. `kind` is the name that JSON shows."""

import errno
from typing import ClassVar, Final


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


WHAT_TO_DO: Final = {
    errno.ENOSPC: "make room there and run it again",
    errno.EDQUOT: "make room there and run it again",
    errno.EFBIG: "the limit of this shell or file system is lower than what it needs (ulimit -f)",
    errno.EIO: "its disk may be failing",
    errno.EMFILE: "raise the limit (ulimit -n), or close other programs",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "close other programs, or raise the limit (ulimit -v)",
    errno.EAGAIN: "the limit of processes or memory may be reached (ulimit -u, -v)",
    errno.EROFS: "nothing can be written there",
}


def said(error: OSError) -> str:
    """Return what the system says of a failed call."""
    return error.strerror or str(error).partition("\n")[0] or "it was refused"


def in_words(error: OSError) -> str:
    """Return what the system says of a failed call, and what may be done about it."""
    hint = WHAT_TO_DO.get(error.errno or 0)
    return f"{said(error)}; {hint}" if hint else said(error)
