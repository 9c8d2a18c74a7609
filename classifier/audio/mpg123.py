"""MP3s to one channel, by the system's libmpg123 where there is one.

libsndfile carries a libmpg123 of its own, but has it decode both channels, and gives up at the first damage.
The library can average channels ahead of its synthesis, which is then done once (an eighth less time, the
same samples to 3e-6), and look for the next frame that is whole.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from classifier import params
from classifier.audio.quiet import quiet_stderr
from classifier.audio.report import DecodeReport, Samples
from classifier.audio.tag_free_file import UntaggedFile

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

    What cannot be decoded is passed over, and so are frames of another sampling rate.

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
        if _feed_header(library, handle, file) and _is_mono(library, handle, rate_hz):
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


def _is_mono(library: ctypes.CDLL, handle: int, rate_hz: int) -> bool:
    """Whether what is decoded next is one channel of floats at this rate."""
    rate, channels, form = ctypes.c_long(), ctypes.c_int(), ctypes.c_int()
    answers = (ctypes.byref(rate), ctypes.byref(channels), ctypes.byref(form))
    known = library.mpg123_getformat(handle, *answers) == _OK
    return known and (rate.value, channels.value, form.value) == (rate_hz, 1, _FLOAT_32)


def _blocks(
    library: ctypes.CDLL, handle: int, file: UntaggedFile, rate_hz: int, report: DecodeReport, held: ExitStack
) -> Iterator[Samples]:
    """Yield the samples and close what is held."""
    block = np.empty(int(params.BLOCK_S * rate_hz), np.float32)
    n_bytes, data = ctypes.c_size_t(), b""
    place, done = block.ctypes.data, ctypes.byref(n_bytes)
    fits, left_out_n = True, 0
    with held:
        while True:
            with quiet_stderr():  # it tells of some damage whatever it is asked
                result = library.mpg123_decode(handle, data, len(data), place, block.nbytes, done)
            data, n = b"", n_bytes.value // block.itemsize
            if n and fits:
                yield block[:n]
            elif n:
                left_out_n += n
            if result == _NEW_FORMAT:
                fits = _is_mono(library, handle, rate_hz)
            elif result == _NEED_MORE:
                data = _read(file, report)
            if result not in (_OK, _NEW_FORMAT) and not data:
                break
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
