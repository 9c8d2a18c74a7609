"""OpenSubsonic: what a player is sent of a song: the file as it is, or what it asks to have made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from classifier.audio.stream_encode import ENCODINGS, bits_a_second
from db.file_range import file_of
from db.models import Track
from recommender.errors import ServiceError

RAW: Final = "raw"
ANY_PLAYER: Final = "*"
COMPATIBLE: Final = "mp3"
"""What everything plays."""
OF_SUFFIX: Final = {
    ".mp3": "mp3",
    ".opus": "opus",
    ".aac": "aac",
    ".m4a": "aac",
    ".m4b": "aac",
    ".mp4": "aac",
    ".flac": "flac",
}
LOSSLESS: Final = (".wav", ".aiff", ".aif", ".ape", ".wv", ".tta", ".dsf")
"""A part of such a file is sent as FLAC, which players know."""
LOSSLESS_KBPS: Final = 400
"""An MP4 of a higher bit rate holds ALAC, which players that know AAC need not know."""
HEAD_BYTES: Final = 4096
SPREAD: Final = {"mp3": 1.0, "aac": 1.15, "opus": 1.2}
"""An answer whose length is estimated is said to have so many times the bytes of its bit rate, and some more:
it must not turn out longer. MP3 keeps its rate, the others about."""


@dataclass(frozen=True)
class StreamRequest:
    """What a player asks to be sent; `format` may be ``raw``; None where it does not say."""

    format: str | None = None
    max_kbps: int | None = None
    start_s: float = 0.0


@dataclass(frozen=True)
class Made:
    """What is made of a file: a format, and its bits a second, None for one that loses nothing."""

    format: str
    bit_rate: int | None


def parsed_limits(texts: list[str]) -> dict[str, StreamRequest]:
    """Return what players are sent at most, by their names in lower case.

    Parameters
    ----------
    texts
        ``NAME=FORMAT``, ``NAME=KBPS`` or ``NAME=FORMAT:KBPS``, each; the name ``*`` is that of all others.

    Raises
    ------
    ServiceError
        If one is none of these.
    """
    return dict(map(_parsed_limit, texts))


def _parsed_limit(text: str) -> tuple[str, StreamRequest]:
    name, equals, said = text.rpartition("=")
    kind, colon, rate = said.partition(":")
    if not colon and kind.isdigit():
        kind, rate = "", kind
    if (
        not equals
        or not name
        or (kind and kind not in ENCODINGS)
        or (rate and not _is_rate(rate))
        or not said
    ):
        formats = ", ".join(ENCODINGS)
        raise ServiceError(
            f"'{text}' is no limit of a player: say NAME=FORMAT:KBPS, or one of both; formats are {formats}"
        )
    return name.lower(), StreamRequest(kind or None, int(rate) if rate else None)


def _is_rate(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= 10_000


def limited(wanted: StreamRequest, limits: Mapping[str, StreamRequest], player: str) -> StreamRequest:
    """Return what a player asks for, within what is set for it; what it asks for as it is stays so."""
    limit = limits.get(player.lower(), limits.get(ANY_PLAYER))
    if limit is None or wanted.format == RAW:
        return wanted
    rates = [rate for rate in (wanted.max_kbps, limit.max_kbps) if rate]
    return StreamRequest(wanted.format or limit.format, min(rates, default=None), wanted.start_s)


def to_be_made(track: Track, wanted: StreamRequest) -> Made | None:
    """Return what is to be made of a song's file; None where it is sent as it is.

    It is made anew where it is in another format than is asked for, where its bit rate is higher, where it is
    to begin later than at its beginning, and where it is a part of a file.
    """
    is_file = track.range_start_s is None
    if wanted.format == RAW:
        if is_file:
            return None
        wanted = StreamRequest(start_s=wanted.start_s)
    own, own_kbps = source_format(track), kbps_of(track)
    too_high = bool(wanted.max_kbps) and (own_kbps is None or own_kbps > (wanted.max_kbps or 0))
    fits = wanted.format in (None, own) and not too_high
    if fits and is_file and wanted.start_s <= 0:
        return None
    target = wanted.format or own or _usual_format(track, is_file)
    if wanted.format is None and target == "flac" and too_high:
        target = COMPATIBLE  # what loses nothing has no bit rate that could be lowered
    return Made(target, _bit_rate(target, wanted.max_kbps, own_kbps))


def _usual_format(track: Track, is_file: bool) -> str:
    lossless = PurePath(file_of(track.rel_path)).suffix.lower() in LOSSLESS
    return "flac" if lossless and not is_file else COMPATIBLE


def _bit_rate(name: str, max_kbps: int | None, own_kbps: int | None) -> int | None:
    """Return the bits a second of a format: as many as may be, but not many more than the source has."""
    usual = bits_a_second(name, None)
    if usual is None or not max_kbps:
        return usual
    enough = usual if own_kbps is None else max(usual, 1000 * own_kbps)
    return bits_a_second(name, min(1000 * max_kbps, enough))


def source_format(track: Track) -> str | None:
    """Return the format of a song's file, by the names that players use; None for any other."""
    found = OF_SUFFIX.get(PurePath(file_of(track.rel_path)).suffix.lower())
    return None if found == "aac" and (kbps_of(track) or 0) > LOSSLESS_KBPS else found


def kbps_of(track: Track) -> int | None:
    """Return the kilobits a second of a song's file; None where it is not known, of a part always."""
    if track.range_start_s is not None or not track.duration_s:
        return None
    return round(track.size * 8 / 1000 / track.duration_s)


def estimated_bytes(made: Made, duration_s: float) -> int | None:
    """Return how many bytes a song has at most once it is encoded; None where that cannot be told."""
    if made.bit_rate is None:
        return None
    return round(SPREAD[made.format] * duration_s * made.bit_rate / 8) + HEAD_BYTES
