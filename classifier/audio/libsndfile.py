"""Decode through libsndfile: WAV, AIFF, FLAC and Ogg Vorbis; an MP3 is opened, for others to decode."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from classifier.audio.inner_files import flac_end
from classifier.audio.limits import block_frames, check_form
from classifier.audio.quiet import quiet_stderr
from classifier.audio.report import DecodeReport, Samples
from classifier.audio.tag_free_file import Part, UntaggedFile
from classifier.errors import LimitError, NotAudioError, UnreadableFileError

if TYPE_CHECKING:
    from soundfile import SoundFile

MP3: Final = "MPEG_LAYER_III"
"""What libsndfile calls the samples of an MP3, which it may end before its end."""
EXACT: Final = ("PCM_", "FLOAT", "DOUBLE")
"""Beginnings of what it calls samples of which it finds each one again: those of FLAC, too."""
SYSTEM_ERROR: Final = 2
"""What libsndfile calls an error of the system's, not of the file."""


def open_soundfile(path: Path, part: Part | None = None) -> "SoundFile":
    """Return a file, or a part of one, as libsndfile has it.

    Raises
    ------
    NotAudioError
        If it does not know it, or does not read it well.
    UnreadableFileError, LimitError
    """
    import soundfile  # not at the top: most queries decode nothing

    try:
        with quiet_stderr():
            file = soundfile.SoundFile(os.fsencode(path) if part is None else UntaggedFile(path, part))
    except soundfile.LibsndfileError as error:
        if error.code == SYSTEM_ERROR:
            raise UnreadableFileError("cannot be read: the system refuses it") from error
        raise NotAudioError(str(error)) from error
    try:
        check_form(file.samplerate, file.channels)
        # libsndfile 1.2 ends some Opus streams early when read in blocks, believes a header that says that
        # there is nothing, and reads no FLAC beyond what its first header tells; FFmpeg does not.
        understated = file.format == "FLAC" and flac_end(path, part) > file.frames
        if file.subtype == "OPUS" or not file.frames or understated:
            raise NotAudioError("left to FFmpeg")
    except (LimitError, NotAudioError):
        file.close()
        raise
    return file


def passed_over(file: "SoundFile", seconds: float) -> int:
    """Go on to where reading is to begin; return how many frames that passes over.

    None in what is not seekable to the very sample: all of it is decoded then.

    Raises
    ------
    NotAudioError
        If it cannot go there although it should.
    """
    import soundfile

    if not (file.seekable() and file.subtype.startswith(EXACT)):
        return 0
    try:
        return int(file.seek(min(round(seconds * file.samplerate), file.frames)))
    except soundfile.LibsndfileError as error:
        raise NotAudioError(str(error)) from error


def read_frames(file: "SoundFile", report: DecodeReport) -> Iterator[Samples]:
    """Yield blocks of (frames, channels), each overwritten by the next; damage ends them and is reported."""
    # Not `file.read`: after every block it seeks to where it is, for which libsndfile decodes some frames
    # of an MP3 again, and it does not tell how much was decoded before an error.
    from soundfile import _ffi, _snd

    with file:
        # One for the whole file: fresh memory for every block takes a tenth of the decoder's own time.
        block = np.empty((block_frames(file.samplerate, file.channels), file.channels), np.float32)
        data = _ffi.from_buffer("float[]", block, require_writable=True)
        frames = len(block)
        while frames > 0 and not report.damaged:
            with quiet_stderr():
                frames = _snd.sf_readf_float(file._file, data, len(block))
                error = _snd.sf_error(file._file)
            report.damaged, report.disk_failed = error != 0, error == SYSTEM_ERROR
            if frames > 0:
                yield block[:frames]
