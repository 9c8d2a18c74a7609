"""The one door to what mutagen reads of files: their tags, within the limits of `classifier.params`."""

import errno
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import mutagen
from mutagen._iff import InvalidChunk
from mutagen.aac import AAC
from mutagen.aiff import AIFF, AIFFFile
from mutagen.apev2 import APEv2File
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import Frames, Frames_2_2, ID3FileType
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.musepack import Musepack
from mutagen.ogg import OggFileType
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggtheora import OggTheora
from mutagen.oggvorbis import OggVorbis
from mutagen.trueaudio import TrueAudio
from mutagen.wave import WAVE, _WaveFile
from mutagen.wavpack import WavPack

from classifier.errors import LimitError
from recommender.file_tags.limits import Budget, MeteredFile
from recommender.file_tags.walk import check_ape, check_asf, check_flac, check_mp4, check_ogg
from recommender.file_tags.walk_id3 import check_id3

UNREADABLE: Final = (
    *(mutagen.MutagenError, struct.error, OSError, ValueError, LookupError, EOFError, TypeError),
    *(AttributeError, AssertionError, ArithmeticError, RuntimeError),
)
"""What a reader of tags raises where they are damaged."""
DAMAGE: Final = (None, errno.EINVAL)
"""What the system says where a damaged file makes a reader ask for a place before its start."""
KINDS: Final = (
    *(MP3, TrueAudio, OggTheora, OggSpeex, OggVorbis, OggFLAC, OggOpus, FLAC, AIFF, APEv2File, MP4),
    *(ID3FileType, WavPack, Musepack, MonkeysAudio, ASF, AAC, WAVE),
)
"""What mutagen knows, as far as deepcuts analyses its audio."""
CHUNKED: Final = {WAVE: (_WaveFile, "id3"), AIFF: (AIFFFile, "ID3")}
"""Kinds of files whose ID3 tag is in a chunk of a name."""
OF_ID3V1: Final = ("TIT2", "TPE1", "TALB", "TDRC", "TYER", "COMM", "TRCK", "TCON")
"""Frames that an ID3v1 tag is read as."""
HEAD: Final = 128
"""Bytes by which a file's kind is told."""


def system_error(error: Exception) -> OSError | None:
    """Return what the system refused, where that is why tags cannot be read; None where they are damaged."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        if isinstance(cause, OSError) and cause.errno not in DAMAGE:
            return cause
        seen.append(cause)
        waiting += [*cause.args, cause.__context__, cause.__cause__]  # mutagen wraps the system's errors
    return None


class KnownFrames(dict[str, Any]):
    """Frames of ID3 tags that are to be read; others are kept as they are, and not looked into.

    mutagen asks this for what it knows, to tell how sizes are written: all that it knows otherwise.
    """

    def __init__(self, *names: str) -> None:
        known = Frames | Frames_2_2
        super().__init__({name: known[name] for name in (*OF_ID3V1, *names)})

    def __contains__(self, name: object) -> bool:
        return name in Frames or name in Frames_2_2


def open_tagged(path: Path, frames: KnownFrames | None = None) -> Any:
    """Return a file as mutagen has it, or None where its format is none that has tags.

    Parameters
    ----------
    path
        The file.
    frames
        The frames to be read of an ID3 tag; all without it.

    Raises
    ------
    LimitError
        If its tags exceed a limit.
    *UNREADABLE
        If they, or the file, cannot be read.
    """
    with MeteredFile(path) as file:
        try:
            kind = _kind(file)
            if kind is None:
                return None
            file.again()
            _check(kind, file)
            file.again()
            has_frames = kind in CHUNKED or issubclass(kind, ID3FileType)
            options = {"known_frames": frames} if frames is not None and has_frames else {}
            return _without_length(kind)(file, **options)
        except LimitError:
            raise
        except UNREADABLE:
            if file.exceeded is not None:
                raise file.exceeded from None
            raise


def check_tags(path: Path) -> None:
    """Make sure that a file may be given to a demuxer, which takes in its tags without any limit.

    Raises
    ------
    LimitError
        If its tags exceed a limit; what else is wrong with the file, or them, others tell.
    """
    with suppress(*UNREADABLE), MeteredFile(path) as file:
        kind = _kind(file)
        if kind is not None:
            file.again()
            _check(kind, file)


def _kind(file: MeteredFile) -> Any:
    """Return the class that mutagen takes for a file, or None."""
    head = file.read(HEAD)
    scored = [(kind.score(file.name, file, head), kind.__name__, kind) for kind in KINDS]
    score, _, kind = max(scored, key=lambda found: found[:2])
    return kind if score > 0 else None


def _check(kind: Any, file: MeteredFile) -> None:
    """Count what the tags of a file of this kind hold."""
    budget = Budget()
    if kind in CHUNKED:
        reader, name = CHUNKED[kind]
        with suppress(KeyError, InvalidChunk):
            check_id3(file, reader(file)[name].data_offset, budget)
    elif issubclass(kind, ID3FileType):
        check_id3(file, 0, budget)
    elif issubclass(kind, FLAC):
        check_flac(file, budget)
    elif issubclass(kind, OggFileType):
        check_ogg(file, budget)
    elif issubclass(kind, APEv2File):
        check_ape(file, budget)
    elif issubclass(kind, MP4):
        check_mp4(file, budget)
    elif issubclass(kind, ASF):
        check_asf(file, budget)


def _without_length(kind: Any) -> Any:
    """Return a kind that does not look for the end of the audio: in some Ogg files page by page."""
    if not issubclass(kind, OggFileType):
        return kind
    info = type(kind._Info.__name__, (kind._Info,), {"_post_tags": lambda _self, _file: None})
    return type(kind.__name__, (kind,), {"_Info": info})
