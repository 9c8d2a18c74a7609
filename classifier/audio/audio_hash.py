"""Identity of a recording's encoding: a hash of its packets and of their form, whatever its tags say."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classifier.audio.ffmpeg import open_demuxer
from classifier.audio.inner_files import links
from classifier.audio.mp3_frames import LARGEST, first_packet, form_of, free_format_start
from classifier.audio.tag_free_file import Part, UntaggedFile
from classifier.errors import NotAudioError

DIGEST_BYTES: Final = 16
FORM_BYTES: Final = 4
"""The same bytes are other audio at another rate, in other channels, or by another codec."""


@dataclass(frozen=True)
class AudioIdentity:
    """What tells a file's audio from any other.

    Attributes
    ----------
    hash
        40 hexadecimal digits, of which the first 32 are of the packets (the version before had them alone),
        the others of codec, rate and channels; None where no audio packet can be read.
    length_s
        How long the packets are, in seconds; None where that need not be known because they say of
        themselves what they are, or where it is not told.
    """

    hash: str | None
    length_s: float | None = None


def audio_hash(path: Path) -> str | None:
    """Return a hash of a file's encoded audio packets, their codec, rate and channels.

    The same before and after any change of tags, and for every copy.

    Returns
    -------
    str or None
        40 hexadecimal digits; None where no audio packet can be read.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    return audio_identity(path).hash


def audio_identity(path: Path) -> AudioIdentity:
    """Return what tells a file's audio from any other; raises as `audio_hash` does."""
    with UntaggedFile(path) as file:
        data = file.read(LARGEST + 1) if path.suffix.lower() == ".mp3" else b""
    first = first_packet(data) if len(data) <= LARGEST else None
    free = free_format_start(data) if first is None else None
    if first is None and free is None:
        return _packets_identity(path)
    packets = hashlib.blake2b(memoryview(data)[first or 0 :], digest_size=DIGEST_BYTES)
    return AudioIdentity(packets.hexdigest() + _digits("mp3", *form_of(data[free or 0 :])))


def _digits(codec: str, rate_hz: int, channels: int) -> str:
    """Return the hash of packets' form."""
    form = f"{codec} {rate_hz} {channels}".encode()
    return hashlib.blake2b(form, digest_size=FORM_BYTES).hexdigest()


def _packets_identity(path: Path) -> AudioIdentity:
    """Hash the packets that FFmpeg finds."""
    import av

    packets, forms = hashlib.blake2b(digest_size=DIGEST_BYTES), []
    parts: Sequence[Part | None] = links(path) or [None]
    length_s: float | None = 0.0
    for part in parts:
        last = None
        try:
            file, container = open_demuxer(path, part)
            with file, container:
                stream = container.streams.audio[0]
                form = _form(stream)
                for packet in container.demux(stream):
                    if packet.size:
                        packets.update(packet)
                        last = packet
        except (NotAudioError, av.error.FFmpegError, IndexError):
            pass  # what could be read before the damage still tells this file from others
        if last is not None:
            end_s = _end_s(last)
            forms.append(form)
            length_s = None if length_s is None or end_s is None else length_s + end_s
    if not forms:
        return AudioIdentity(None)
    form = forms[0] if len(set(forms)) == 1 else _digits(" ".join(forms), 0, 0)
    return AudioIdentity(packets.hexdigest() + form, length_s)


def _form(stream: Any) -> str:
    codec = stream.codec_context
    if codec is None:  # no decoder knows it
        return _digits("unknown", 0, 0)
    return _digits(codec.codec.canonical_name, codec.sample_rate, codec.layout.nb_channels)


def _end_s(packet: Any) -> float | None:
    """Return when a packet ends, in seconds, where it says."""
    if packet.pts is None or not packet.duration or packet.time_base is None:
        return None
    return float((packet.pts + packet.duration) * packet.time_base)
