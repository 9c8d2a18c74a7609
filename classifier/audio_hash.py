"""Identity of a recording's encoding: a hash of its audio packets, whatever its tags say."""

import hashlib
import io
import os
from pathlib import Path
from typing import Final

from classifier.decode import FFMPEG_FORMATS

ID3V1_SIZE: Final = 128
APE_FOOTER_SIZE: Final = 32
APE_HAS_HEADER: Final = 1 << 31


class _Untagged(io.RawIOBase):
    """A file that ends before the tags at its end.

    Some demuxers (Monkey's Audio, WavPack, MP3) count what follows the last frame as part of it.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb")
        self._end = _end_of_audio(self._file)
        self._file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._end - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._file.seek(self._end + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def _end_of_audio(file: io.BufferedReader) -> int:
    """Return where an ID3v1 tag and an APEv2 tag at the end of a file begin."""
    end = file.seek(0, os.SEEK_END)
    if end >= ID3V1_SIZE:
        file.seek(end - ID3V1_SIZE)
        if file.read(3) == b"TAG":
            end -= ID3V1_SIZE
    if end >= APE_FOOTER_SIZE:
        file.seek(end - APE_FOOTER_SIZE)
        footer = file.read(APE_FOOTER_SIZE)
        if footer[:8] == b"APETAGEX":
            size = int.from_bytes(footer[12:16], "little")
            flags = int.from_bytes(footer[20:24], "little")
            size += APE_FOOTER_SIZE if flags & APE_HAS_HEADER else 0
            end -= size if size <= end else 0
    return end


def audio_hash(path: Path) -> str | None:
    """Return a hash of a file's encoded audio packets.

    The same before and after any change of tags, and for every copy.

    Returns
    -------
    str or None
        32 hexadecimal digits; None where no audio packet can be read.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    import av  # costly, and most queries name a catalogued track

    av.logging.set_level(av.logging.PANIC)
    state = hashlib.blake2b(digest_size=16)
    n_packets = 0
    file = _Untagged(path)
    try:
        with file, av.open(file, options={"format_whitelist": FFMPEG_FORMATS}) as container:
            for packet in container.demux(container.streams.audio[0]):
                if packet.size:
                    state.update(packet)
                    n_packets += 1
    except (av.error.FFmpegError, IndexError):
        pass  # what could be read before the damage still tells this file from others
    return state.hexdigest() if n_packets else None
