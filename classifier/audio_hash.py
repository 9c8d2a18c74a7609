"""Identity of a recording's encoding: a hash of its audio packets, whatever its tags say."""

import hashlib
from pathlib import Path

from classifier.decode_ffmpeg import OPTIONS
from classifier.untagged import UntaggedFile


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
