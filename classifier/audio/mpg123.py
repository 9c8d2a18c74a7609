"""MP3s to one channel, by the system's libmpg123 where there is one.

libsndfile carries a libmpg123 of its own, but has it decode both channels, and gives up at the first damage.
The library can average channels ahead of its synthesis, which is then done once (an eighth less time, the
same samples to 3e-6), and look for the next frame that is whole.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from classifier import params
from classifier.audio.quiet import quiet_stderr
from classifier.audio.report import DecodeReport, Samples, channels_cancel
from classifier.audio.tag_free_file import UntaggedFile
from classifier.measures.loudness import ChannelPassages

LIBRARY: Final = "libmpg123.0.dylib" if sys.platform == "darwin" else "libmpg123.so.0"
"""With the version of its interface, which has not changed since 2008."""
FED_BYTES: Final = 64 << 10
"""At a time: reading by itself, the library asks the system for each frame's header and for its body."""
FEEDS_BEFORE_AUDIO: Final = 16
MISSED_S: Final = 0.1
"""Some frames: encoders miscount by one."""

# Of mpg123.h: results, parameters, flags, and a sample's form.
_OK, _NEED_MORE, _NEW_FORMAT, _DONE = 0, -10, -11, -12
_ADD_FLAGS, _RESYNC_LIMIT = 2, 14
_MONO_MIX, _QUIET, _GAPLESS, _FORCE_FLOAT, _SKIP_ID3V2 = 0x4, 0x20, 0x40, 0x400, 0x2000
_FLAGS: Final = _MONO_MIX | _QUIET | _GAPLESS | _FORCE_FLOAT | _SKIP_ID3V2
_FLOAT_32: Final = 0x200
_STEREO_FLAGS: Final = 0x8 | 0x20 | 0x400 | 0x2000
_ONE_CHANNEL: Final = 0b11

PROBES: Final = 4
"""Passages, evenly spread, in which it is seen whether the channels cancel each other."""
LOUDNESS_PROBES: Final = 8
"""As many where they also say how loud both channels are."""
PROBE_BYTES: Final = 8 << 10
PROBE_SAMPLES: Final = 1 << 16
"""Of both channels; three quarters of a second."""
PROBE_SKIPPED: Final = 2 * 1152
"""Frames at the beginning of a passage, which need what comes before it."""


def version() -> str:
    """Return the version of this machine's library, so far as it tells, or that there is none."""
    library = _library()
    if library is None:
        return "not installed"
    tell = getattr(library, "mpg123_distversion", None)  # since 1.32
    if tell is None:
        return "installed"
    tell.restype = ctypes.c_char_p
    return str((tell(None, None, None) or b"installed").decode())


def open_mono(path: Path, rate_hz: int, report: DecodeReport) -> Iterator[Samples] | None:
    """Open an MP3 whose blocks are the average of its channels.

    What cannot be decoded is passed over, and so are single frames of another sampling rate; where there are
    many, as in recordings joined end to end, they are resampled.

    Parameters
    ----------
    path
        The file.
    rate_hz
        Its sampling rate, in Hz.
    report
        Told if audio is missing at the end from the length that the file declares, or was left out.

    Returns
    -------
    iterator of numpy.ndarray or None
        (samples,) float32, each overwritten by the next; None where there is no library, or it sees
        another kind of file.
    """
    library = _library()
    if library is None:
        return None
    with ExitStack() as held:
        file = held.enter_context(UntaggedFile(path))
        handle = library.mpg123_new(None, None)
        held.callback(library.mpg123_delete, handle)
        library.mpg123_param(handle, _ADD_FLAGS, _FLAGS, 0.0)
        library.mpg123_param(handle, _RESYNC_LIMIT, -1, 0.0)
        library.mpg123_open_feed(handle)
        if _feed_header(library, handle, file) and _form(library, handle) == (rate_hz, 1):
            return _blocks(library, handle, file, rate_hz, report, held.pop_all())
    return None


def _feed_header(library: ctypes.CDLL, handle: int, file: UntaggedFile) -> bool:
    """Give the decoder what it needs to see a first frame; return whether there is one."""
    for _ in range(FEEDS_BEFORE_AUDIO):
        data = file.read(FED_BYTES)
        library.mpg123_feed(handle, data, len(data))
        result = library.mpg123_getformat(handle, None, None, None)
        if result != _NEED_MORE:
            return bool(result == _OK)
    return False


def _form(library: ctypes.CDLL, handle: int) -> tuple[int, int]:
    """Return the rate in Hz and the channels of floats that are decoded next; zeros where it is no such."""
    rate, channels, form = ctypes.c_long(), ctypes.c_int(), ctypes.c_int()
    answers = (ctypes.byref(rate), ctypes.byref(channels), ctypes.byref(form))
    known = library.mpg123_getformat(handle, *answers) == _OK and form.value == _FLOAT_32
    return (rate.value, channels.value) if known else (0, 0)


def _other_rate(library: ctypes.CDLL, handle: int, rate_hz: int) -> "_OtherRate | None":
    """Return what makes of the samples that come next such as have this rate; None where they have it."""
    form = _form(library, handle)
    return None if form == (rate_hz, 1) else _OtherRate(form, rate_hz)


class _OtherRate:
    """Samples of another rate amid a file, which are held back until there are too many to be a mistake.

    Attributes
    ----------
    held_n
        How many were held back and not given out.
    """

    def __init__(self, form: tuple[int, int], rate_hz: int) -> None:
        from_hz, channels = form
        self._usable = channels == 1 and from_hz > 0
        self._enough = params.CUT_SHORT_S * from_hz
        self._held: list[Samples] = []
        self.held_n = 0
        if self._usable:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, rate_hz, 1, dtype="float32", quality="HQ")
        self._given = False

    def resampled(self, samples: Samples) -> Iterator[Samples]:
        """Yield what is known by now."""
        if self._given:
            yield self._stream.resample_chunk(samples)
            return
        self._held.append(samples.copy())
        self.held_n += len(samples)
        if self._usable and self.held_n >= self._enough:
            yield self._stream.resample_chunk(np.concatenate(self._held))
            self._held, self.held_n, self._given = [], 0, True
        elif not self._usable:
            self._held.clear()

    def rest(self) -> Iterator[Samples]:
        """Yield what is left at their end."""
        if self._given:
            yield self._stream.resample_chunk(np.zeros(0, np.float32), last=True)


def cancels(path: Path, rate_hz: int = 0, loudness: ChannelPassages | None = None) -> bool:
    """Whether the channels of an MP3 cancel each other somewhere, by some passages of it.

    The average that is made ahead of the synthesis would not show it.

    Where `loudness` is given there are more passages, at this rate in Hz, and it is told of them.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    library = _library()
    if library is None:
        return False
    with UntaggedFile(path) as file:
        head = file.read(4)
        if len(head) < 4 or head[3] >> 6 == _ONE_CHANNEL:
            return False
        n_passages = PROBES if loudness is None else LOUDNESS_PROBES
        stereo = list(_passages(library, file, n_passages))
    if any(map(channels_cancel, stereo)):
        return True
    if loudness is not None:
        for frames in stereo:
            loudness.add(frames, rate_hz)
        loudness.complete = True
    return False


def _passages(library: ctypes.CDLL, file: UntaggedFile, n_passages: int) -> Iterator[Samples]:
    """Yield passages of an MP3, evenly spread, (frames, 2)."""
    handle = library.mpg123_new(None, None)
    try:
        library.mpg123_param(handle, _ADD_FLAGS, _STEREO_FLAGS, 0.0)
        library.mpg123_param(handle, _RESYNC_LIMIT, -1, 0.0)
        for number in range(n_passages):
            file.seek((2 * number + 1) * file.size // (2 * n_passages))
            yield _both_channels(library, handle, file.read(PROBE_BYTES))
    finally:
        library.mpg123_delete(handle)


def _both_channels(library: ctypes.CDLL, handle: int, data: bytes) -> Samples:
    """Return what can be decoded of a piece of an MP3, (frames, 2), but for the first frames."""
    library.mpg123_open_feed(handle)
    out = np.empty(PROBE_SAMPLES, np.float32)
    n_bytes, n, fed = ctypes.c_size_t(), 0, data
    with quiet_stderr():
        while n < len(out):
            left, done = out[n:], ctypes.byref(n_bytes)
            result = library.mpg123_decode(handle, fed, len(fed), left.ctypes.data, left.nbytes, done)
            fed = b""
            n += n_bytes.value // out.itemsize
            if result not in (_OK, _NEW_FORMAT):
                break
    return out[: n // 2 * 2].reshape(-1, 2)[PROBE_SKIPPED:]


def _blocks(
    library: ctypes.CDLL, handle: int, file: UntaggedFile, rate_hz: int, report: DecodeReport, held: ExitStack
) -> Iterator[Samples]:
    """Yield the samples and close what is held."""
    block = np.empty(int(params.BLOCK_S * rate_hz), np.float32)
    n_bytes, data = ctypes.c_size_t(), b""
    address, done = block.ctypes.data, ctypes.byref(n_bytes)
    other = None
    left_out_n = 0
    with held, open(os.devnull, "wb") as null:
        while True:
            with quiet_stderr(null.fileno()):  # it tells of some damage whatever it is asked
                result = library.mpg123_decode(handle, data, len(data), address, block.nbytes, done)
            data, n = b"", n_bytes.value // block.itemsize
            if n and other is None:
                yield block[:n]
            elif n and other is not None:
                yield from other.resampled(block[:n])
            if result == _NEW_FORMAT:
                if other is not None:
                    yield from other.rest()
                    left_out_n += other.held_n
                other = _other_rate(library, handle, rate_hz)
            elif result == _NEED_MORE:
                data = _read(file, report)
            if result not in (_OK, _NEW_FORMAT) and not data:
                break
    if other is not None:
        yield from other.rest()
        left_out_n += other.held_n
    if report.declared_s is None:
        lost = left_out_n > 0 or result not in (_NEED_MORE, _DONE)
    else:  # little that was left out is not missed: it looked like audio by chance
        missing_s = report.declared_s - report.decoded_s
        lost = missing_s > MISSED_S or left_out_n > params.CUT_SHORT_S * rate_hz
    report.damaged |= lost


def _read(file: UntaggedFile, report: DecodeReport) -> bytes:
    """Read on; where the disk fails the file ends, damaged."""
    try:
        return file.read(FED_BYTES)
    except OSError:
        report.damaged = report.disk_failed = True
        return b""


@cache
def _library() -> ctypes.CDLL | None:
    """Return the library, its functions declared; None where there is none, or not this one."""
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    try:
        library = ctypes.CDLL(LIBRARY)
        library.mpg123_new.restype = pointer
        library.mpg123_new.argtypes = [ctypes.c_char_p, pointer]
        library.mpg123_param.argtypes = [pointer, integer, ctypes.c_long, ctypes.c_double]
        library.mpg123_open_feed.argtypes = [pointer]
        library.mpg123_feed.argtypes = [pointer, ctypes.c_char_p, ctypes.c_size_t]
        library.mpg123_getformat.argtypes = [pointer, pointer, pointer, pointer]
        fed, made = (ctypes.c_char_p, ctypes.c_size_t), (pointer, ctypes.c_size_t)
        library.mpg123_decode.argtypes = [pointer, *fed, *made, pointer]
        library.mpg123_delete.argtypes = [pointer]
        library.mpg123_init()  # of no effect since 1.27
    except (OSError, AttributeError):
        return None
    return library
