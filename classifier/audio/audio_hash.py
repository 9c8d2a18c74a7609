"""Identity of a recording's encoding: a hash of its audio packets, whatever its tags say."""

import hashlib
from pathlib import Path
from typing import Final

from classifier.audio.ffmpeg import OPTIONS
from classifier.audio.mp3_frames import LARGEST, first_packet
from classifier.audio.tag_free_file import UntaggedFile

DIGEST_BYTES: Final = 16


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
    with UntaggedFile(path) as file:
        data = file.read(LARGEST + 1) if path.suffix.lower() == ".mp3" else b""
    first = first_packet(data) if len(data) <= LARGEST else None
    if first is not None:
        return hashlib.blake2b(memoryview(data)[first:], digest_size=DIGEST_BYTES).hexdigest()
    return _packets_hash(path)


def _packets_hash(path: Path) -> str | None:
    """Hash the packets that FFmpeg finds."""
    import av  # costly, and most queries name a catalogued track

    av.logging.set_level(av.logging.PANIC)
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    n_packets = 0
    try:
        with (
            UntaggedFile(path) as file,
            av.open(file, options=OPTIONS, metadata_errors="replace") as container,
        ):
            for packet in container.demux(container.streams.audio[0]):
                if packet.size:
                    state.update(packet)
                    n_packets += 1
    except (av.error.FFmpegError, IndexError):
        pass  # what could be read before the damage still tells this file from others
    return state.hexdigest() if n_packets else None
