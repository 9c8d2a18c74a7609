"""OpenSubsonic: whether a player can play a file, or what of what it can play is to be made of it."""

from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import BaseModel, Field

from classifier.audio.stream_encode import StreamForm, bits_a_second, rate_for

HTTP: Final = "http"
STEREO: Final = 2
FORMATS: Final = {
    "mp3": ("mp3", ("mp3",)),
    "opus": ("opus", ("ogg", "opus")),
    "aac": ("aac", ("aac", "adts")),
    "flac": ("flac", ("flac",)),
}
"""Of each format that can be made: its codec, and what players call its container."""
CONTAINERS: Final = {
    "mov,mp4,m4a,3gp,3g2,mj2": ("mp4", "m4a", "mov"),
    "matroska,webm": ("mkv", "mka", "webm", "matroska"),
    "aac": ("aac", "adts"),
    "ogg": ("ogg", "oga", "opus"),
    "aiff": ("aiff", "aif"),
    "asf": ("asf", "wma"),
}
"""What players call what FFmpeg calls so; the first is said to them."""


class Profile(BaseModel):
    """What a player can play as it is: each an empty list for any."""

    containers: list[str] = []
    audioCodecs: list[str] = []  # noqa: N815 - the specification's names, here and below
    protocols: list[str] = []
    maxAudioChannels: int | None = None  # noqa: N815


class Target(BaseModel):
    """What a player can play if it is made."""

    container: str
    audioCodec: str  # noqa: N815
    protocol: str = HTTP
    maxAudioChannels: int | None = None  # noqa: N815


class Limitation(BaseModel):
    """What must hold of audio of a codec."""

    name: Literal["audioChannels", "audioBitrate", "audioProfile", "audioSamplerate", "audioBitdepth"]
    comparison: Literal["Equals", "NotEquals", "LessThanEqual", "GreaterThanEqual"]
    values: list[str] = Field(min_length=1)
    required: bool = False


class CodecProfile(BaseModel):
    """What must hold of all audio of a codec."""

    name: str
    limitations: list[Limitation] = []


class ClientInfo(BaseModel):
    """What a player can do; bit rates in bits a second."""

    name: str = ""
    platform: str = ""
    maxAudioBitrate: int | None = None  # noqa: N815
    maxTranscodingAudioBitrate: int | None = None  # noqa: N815
    directPlayProfiles: list[Profile] = []  # noqa: N815
    transcodingProfiles: list[Target] = []  # noqa: N815
    codecProfiles: list[CodecProfile] = []  # noqa: N815


@dataclass(frozen=True)
class Source:
    """A file, and its bits a second."""

    form: StreamForm
    bit_rate: int | None

    @property
    def containers(self) -> tuple[str, ...]:
        """What players call its container."""
        return CONTAINERS.get(self.form.container, (self.form.container,))

    @property
    def codec(self) -> str:
        """What players call its codec."""
        return "pcm" if self.form.codec.startswith("pcm") else self.form.codec.removesuffix("float")

    @property
    def values(self) -> dict[str, int | None]:
        """What limitations speak of; None for what is not known, or there is none of."""
        return {
            "audioChannels": self.form.channels,
            "audioBitrate": self.bit_rate,
            "audioSamplerate": self.form.rate_hz,
            "audioBitdepth": self.form.bits,
        }


@dataclass(frozen=True)
class Stream:
    """What is made of a file: a format, and what it is held to; None for no limit."""

    format: str
    container: str
    bit_rate: int | None
    rate_hz: int
    channels: int
    most_hz: int | None
    most_bits: int | None

    @property
    def values(self) -> dict[str, int | None]:
        """What limitations speak of."""
        return {
            "audioChannels": self.channels,
            "audioBitrate": self.bit_rate,
            "audioSamplerate": self.rate_hz,
            "audioBitdepth": self.most_bits,
        }


@dataclass(frozen=True)
class Decision:
    """What is to be done for a player.

    Attributes
    ----------
    reasons
        Why it cannot play the file as it is, one for each of its profiles.
    stream
        What is made for it; None where nothing it knows can be made.
    """

    direct: bool
    reasons: list[str] = field(default_factory=list)
    stream: Stream | None = None


def decide(client: ClientInfo, source: Source) -> Decision:
    """Return whether a player can play a file, and what is made of it where it cannot."""
    reasons = [_reason(client, source, profile) for profile in client.directPlayProfiles]
    if None in reasons:
        return Decision(True)
    made = (_stream(client, source, target) for target in client.transcodingProfiles)
    found = next((stream for stream in made if stream is not None), None)
    return Decision(False, [reason for reason in reasons if reason is not None], found)


def _reason(client: ClientInfo, source: Source, profile: Profile) -> str | None:
    """Return why a player cannot play a file as one of its profiles says, or None."""
    if not _named(profile.protocols, (HTTP,)):
        return "ProtocolNotSupported"
    if not _named(profile.containers, source.containers):
        return "ContainerNotSupported"
    if not _named(profile.audioCodecs, (source.codec,)):
        return "AudioCodecNotSupported"
    if profile.maxAudioChannels and source.form.channels > profile.maxAudioChannels:
        return "AudioChannelsNotSupported"
    if client.maxAudioBitrate and (source.bit_rate or 0) > client.maxAudioBitrate:
        return "AudioBitrateNotSupported"
    for limit in _limitations(client, source.codec):
        if not _holds(limit, source.values.get(limit.name)):
            return f"A{limit.name[1:]}NotSupported"
    return None


def _named(named: list[str], ours: tuple[str, ...]) -> bool:
    return not named or any(one.lower() in (*ours, "*") for one in named)


def _limitations(client: ClientInfo, codec: str) -> list[Limitation]:
    some = (profile for profile in client.codecProfiles if profile.name.lower() in (codec, "*"))
    return [limit for profile in some for limit in profile.limitations]


def _holds(limit: Limitation, value: int | None) -> bool:
    """Whether a limitation is kept; of what is not known, whether it need not be."""
    if value is None:
        return not limit.required
    if limit.comparison in ("Equals", "NotEquals"):
        return (str(value) in limit.values) == (limit.comparison == "Equals")
    bound = _whole(limit.values[0])
    if bound is None:
        return not limit.required
    return value <= bound if limit.comparison == "LessThanEqual" else value >= bound


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _stream(client: ClientInfo, source: Source, target: Target) -> Stream | None:
    """Return what is made of a file for one of a player's profiles; None where that cannot be made."""
    named = (target.container.lower(), target.audioCodec.lower())
    kind = next((k for k, (codec, boxes) in FORMATS.items() if named[0] in boxes and named[1] == codec), None)
    channels = min(source.form.channels, STEREO)
    if kind is None or target.protocol not in (HTTP, "*") or channels > (target.maxAudioChannels or channels):
        return None
    limits = _limitations(client, named[1])
    rates = [client.maxTranscodingAudioBitrate, client.maxAudioBitrate, _most(limits, "audioBitrate")]
    bit_rate = _bit_rate(kind, min((rate for rate in rates if rate), default=None), source)
    most_hz, most_bits = _most(limits, "audioSamplerate"), _most(limits, "audioBitdepth")
    rate_hz = rate_for(kind, source.form.rate_hz, most_hz)
    made = Stream(kind, target.container, bit_rate, rate_hz, channels, most_hz, most_bits)
    return (
        made
        if all(_holds(limit, made.values.get(limit.name)) or not limit.required for limit in limits)
        else None
    )


def _bit_rate(kind: str, most: int | None, source: Source) -> int | None:
    usual = bits_a_second(kind, None)
    if usual is None or most is None:
        return usual
    return bits_a_second(kind, min(most, max(usual, source.bit_rate or usual)))


def _most(limits: list[Limitation], name: str) -> int | None:
    """Return the most that limitations allow of something; None where they do not say."""
    some = [
        limit for limit in limits if limit.name == name and limit.comparison in ("LessThanEqual", "Equals")
    ]
    highest = (max(filter(None, map(_whole, limit.values)), default=None) for limit in some)
    return min((value for value in highest if value is not None), default=None)
