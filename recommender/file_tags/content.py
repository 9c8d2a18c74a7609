"""What a file is by its content, whatever its name says: which tags it may have, and where."""

import re
from typing import Any, Final, NamedTuple

from mutagen.aac import AAC
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2File
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import ID3FileType
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
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from classifier.audio.tag_free_file import HEADER_SIZE, ID3V2_HAS_FOOTER, tag_size
from recommender.file_tags.limits.budget import MB, MeteredFile

KINDS: Final = (
    *(MP3, TrueAudio, OggTheora, OggSpeex, OggVorbis, OggFLAC, OggOpus, FLAC, AIFF, APEv2File, MP4),
    *(ID3FileType, WavPack, Musepack, MonkeysAudio, ASF, AAC, WAVE),
)
"""What mutagen knows, as far as deepcuts analyses its audio."""
HEAD: Final = 128
"""Bytes by which a file's kind is told."""
MOST_IN_FRONT: Final = 32
"""ID3v2 tags in a row that are looked at."""
RIFF, RF64, W64, FORM = "RIFF", "RF64", "W64", "FORM"
"""Files of chunks: WAV, its two kinds for large files, and AIFF."""
AU, CAF, DSF, DFF, EBML = "AU", "CAF", "DSF", "DFF", "EBML"
"""Files that mutagen does not know; EBML is of Matroska and WebM."""
OTHERS: Final = {b".snd": AU, b"caff": CAF, b"DSD ": DSF, b"FRM8": DFF, b"\x1aE\xdf\xa3": EBML}
W64_MARK: Final = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
MARKS: Final = (
    *((b"fLaC", FLAC), (b"MAC ", MonkeysAudio), (b"wvpk", WavPack), (b"MPCK", Musepack), (b"MP+", Musepack)),
    *((b"TTA1", TrueAudio), (b"TTA2", TrueAudio), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ASF)),
)
FRAME: Final = re.compile(rb"\xff[\xe2-\xe7\xf2-\xff]")
JUNK: Final = 4 * MB
"""Bytes before the first frame that are looked through for it."""
ATOMS: Final = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")


class Content(NamedTuple):
    """What a file is.

    Attributes
    ----------
    kind
        The class that mutagen has for it, None where that is none.
    chunks
        `RIFF`, `RF64`, `W64` or `FORM` where it consists of such, a value of `OTHERS`; else empty.
    fronts
        Where ID3v2 tags stand before the audio, one behind the other.
    start
        Where what is no ID3v2 tag begins.
    sound
        Whether there may be frames of audio where only the ending says what it is.
    """

    kind: Any
    chunks: str
    fronts: tuple[int, ...]
    start: int
    sound: bool


def content_of(file: MeteredFile) -> Content:
    """Return what a file is; its first bytes are read."""
    fronts: list[int] = []
    start = 0
    while len(fronts) < MOST_IN_FRONT:
        file.seek(start)
        head = file.read(HEADER_SIZE)
        size = tag_size(head)
        if not size or start + size > file.size + HEADER_SIZE:
            break
        fronts.append(start)
        start += size + (HEADER_SIZE if head[5] & ID3V2_HAS_FOOTER else 0)
    file.seek(start)
    head = file.read(HEAD)
    if fronts and not head.strip(b"\0"):  # some programs leave room behind the tag that is not part of it
        start, head = _behind_zeros(file, start, head)
    chunks = _chunks(head)
    kind = _kind(file, head, chunks)
    sound = kind is not MP3 or head[:1] == b"\xff" or _has_frames(file, start)
    return Content(kind, chunks, tuple(fronts), start, sound)


def _has_frames(file: MeteredFile, start: int) -> bool:
    """Whether anything that may be the header of a frame follows, at whatever distance junk leaves."""
    file.seek(start)
    return FRAME.search(file.read(JUNK)) is not None


def _behind_zeros(file: MeteredFile, start: int, head: bytes) -> tuple[int, bytes]:
    """Return where zeros end, and what follows; the same place where they go on for long."""
    file.seek(start)
    data = file.read(1 << 16)
    zeros = len(data) - len(data.lstrip(b"\0"))
    rest = data[zeros : zeros + HEAD]
    return (start + zeros, rest) if rest.startswith(tuple(mark for mark, _ in MARKS)) else (start, head)


def _chunks(head: bytes) -> str:
    form, kind = head[:4], head[8:12]
    if kind == b"WAVE" and form in (b"RIFF", b"RF64", b"BW64"):
        return RIFF if form == b"RIFF" else RF64
    if form == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return FORM
    return W64 if head.startswith(W64_MARK) else OTHERS.get(form, "")


def _kind(file: MeteredFile, head: bytes, chunks: str) -> Any:
    """Return the class that mutagen has for what begins so."""
    if chunks:
        return {RIFF: WAVE, FORM: AIFF}.get(chunks)
    for mark, kind in MARKS:
        if head.startswith(mark):
            return kind
    if head[4:8] in ATOMS:
        return MP4
    if head[:1] == b"\xff" and len(head) > 1:
        if head[1] & 0xF6 == 0xF0:  # ADTS has no layer
            return AAC
        if head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
            return MP3
    return _by_mutagen(file, head)


def _by_mutagen(file: MeteredFile, head: bytes) -> Any:
    """Return what mutagen takes it for, which goes by the ending where the content says nothing."""
    ogg = head.startswith(b"OggS")
    kinds = [kind for kind in KINDS if issubclass(kind, OggFileType)] if ogg else KINDS
    scored = [(kind.score(file.name, file, head), kind.__name__, kind) for kind in kinds]
    score, _, found = max(scored, key=lambda one: one[:2])
    return found if score > 0 else None
