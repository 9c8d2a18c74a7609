"""What a player is sent of a song, and what is decided for one that tells what it can."""

import pytest

from classifier.audio.stream_encode import StreamForm
from db.models import Track
from recommender.errors import ServiceError
from recommender.service.subsonic.sound.decision import ClientInfo, Source, decide
from recommender.service.subsonic.sound.stream_plan import (
    Made,
    StreamRequest,
    estimated_bytes,
    limited,
    parsed_limits,
    to_be_made,
)


def song(name: str, kbps: int) -> Track:
    return Track(rel_path=name, size=kbps * 1000 // 8 * 100, duration_s=100.0)


FLAC, MP3, OGG = song("a.flac", 900), song("a.mp3", 256), song("a.ogg", 96)


@pytest.mark.parametrize(
    ("track", "wanted", "made"),
    [
        (FLAC, StreamRequest(), None),
        (FLAC, StreamRequest("raw", 64, 10.0), None),
        (FLAC, StreamRequest("flac", 1000), None),
        (FLAC, StreamRequest("mp3"), Made("mp3", 192_000)),
        (FLAC, StreamRequest("mp3", 320), Made("mp3", 320_000)),
        (FLAC, StreamRequest("mp3", 10), Made("mp3", 32_000)),
        (FLAC, StreamRequest(None, 128), Made("mp3", 128_000)),
        (FLAC, StreamRequest(start_s=5.0), Made("flac", None)),
        (MP3, StreamRequest("mp3", 256), None),
        (MP3, StreamRequest("mp3", 128), Made("mp3", 128_000)),
        (MP3, StreamRequest(None, 128), Made("mp3", 128_000)),
        (MP3, StreamRequest("flac"), Made("flac", None)),
        (MP3, StreamRequest("opus", 128), Made("opus", 128_000)),
        (MP3, StreamRequest("mp3", None, 5.0), Made("mp3", 192_000)),
        (OGG, StreamRequest("mp3", 320), Made("mp3", 192_000)),
        (OGG, StreamRequest(None, 64), Made("mp3", 64_000)),
        (OGG, StreamRequest(None, 128), None),
        (song("a.m4a", 200), StreamRequest("aac"), None),
        (song("a.m4a", 900), StreamRequest("aac"), Made("aac", 160_000)),
        (
            Track(rel_path="a.mp3", size=10**6, duration_s=None),
            StreamRequest("mp3", 128),
            Made("mp3", 128_000),
        ),
    ],
    ids=lambda value: value.rel_path if isinstance(value, Track) else str(value),
)
def test_what_is_made(track: Track, wanted: StreamRequest, made: Made | None) -> None:
    assert to_be_made(track, wanted) == made


def test_limits_are_read() -> None:
    found = parsed_limits(["DSub=opus:96", "*=320", "a=b=mp3"])
    assert found == {
        "dsub": StreamRequest("opus", 96),
        "*": StreamRequest(None, 320),
        "a=b": StreamRequest("mp3"),
    }


@pytest.mark.parametrize("text", ["", "mp3", "=mp3", "a=", "a=wav", "a=mp3:0", "a=mp3:-1", "a=mp3:x", "a=0"])
def test_what_is_no_limit_is_said(text: str) -> None:
    with pytest.raises(ServiceError, match="NAME=FORMAT:KBPS"):
        parsed_limits([text])


def test_a_limit_holds_for_its_player_and_that_of_all_for_the_others() -> None:
    limits = {"dsub": StreamRequest("opus", 96), "*": StreamRequest(None, 320)}
    assert limited(StreamRequest(), limits, "DSub") == StreamRequest("opus", 96)
    assert limited(StreamRequest("mp3", 64, 3.0), limits, "DSub") == StreamRequest("mp3", 64, 3.0)
    assert limited(StreamRequest("mp3", 128), limits, "dsub") == StreamRequest("mp3", 96)
    assert limited(StreamRequest(), limits, "other") == StreamRequest(None, 320)
    assert limited(StreamRequest("raw"), limits, "dsub") == StreamRequest("raw")


def test_an_estimate_holds_what_may_come() -> None:
    assert estimated_bytes(Made("flac", None), 100.0) is None
    assert 2_400_000 < (estimated_bytes(Made("mp3", 192_000), 100.0) or 0) < 2_410_000


SOURCE = Source(StreamForm("flac", "flac", 96_000, 2, 24), 3_000_000)
DIRECT = {"containers": ["flac"], "audioCodecs": ["flac"], "protocols": ["http"]}
TARGETS = [
    {"container": "mp4", "audioCodec": "aac", "protocol": "hls"},
    {"container": "flac", "audioCodec": "flac", "protocol": "http"},
    {"container": "mp3", "audioCodec": "mp3", "protocol": "http"},
]


def limitation(name: str, comparison: str, *values: str, required: bool = True) -> dict[str, object]:
    return {"name": name, "comparison": comparison, "values": list(values), "required": required}


def client(*limits: dict[str, object], codec: str = "flac", **more: object) -> ClientInfo:
    said = {"directPlayProfiles": [DIRECT], "transcodingProfiles": TARGETS, **more}
    return ClientInfo(**said, codecProfiles=[{"name": codec, "limitations": limits}])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "reasons"),
    [
        (client(), []),
        (client(directPlayProfiles=[{}]), []),
        (client(directPlayProfiles=[]), []),
        (client(directPlayProfiles=[{"containers": ["mp3"]}, {"protocols": ["hls"]}]),
         ["ContainerNotSupported", "ProtocolNotSupported"]),
        (client(directPlayProfiles=[{"audioCodecs": ["alac"]}]), ["AudioCodecNotSupported"]),
        (client(directPlayProfiles=[{"maxAudioChannels": 1}]), ["AudioChannelsNotSupported"]),
        (client(maxAudioBitrate=320_000), ["AudioBitrateNotSupported"]),
        (client(limitation("audioSamplerate", "LessThanEqual", "48000")), ["AudioSamplerateNotSupported"]),
        (client(limitation("audioBitdepth", "Equals", "16", "24")), []),
        (client(limitation("audioBitdepth", "NotEquals", "24")), ["AudioBitdepthNotSupported"]),
        (client(limitation("audioProfile", "Equals", "LC")), ["AudioProfileNotSupported"]),
        (client(limitation("audioProfile", "Equals", "LC", required=False)), []),
        (client(limitation("audioSamplerate", "LessThanEqual", "48000"), codec="mp3"), []),
    ],
)  # fmt: skip
def test_why_a_file_is_not_played_as_it_is(told: ClientInfo, reasons: list[str]) -> None:
    found = decide(told, SOURCE)
    assert found.reasons == reasons
    assert found.direct == (not reasons and bool(told.directPlayProfiles))


def test_the_first_that_can_be_made_is() -> None:
    told = client(limitation("audioSamplerate", "LessThanEqual", "48000"))
    stream = decide(told, SOURCE).stream
    assert stream is not None
    assert (stream.format, stream.rate_hz, stream.bit_rate, stream.most_hz) == ("flac", 48_000, None, 48_000)
    impossible = limitation("audioSamplerate", "Equals", "12345")
    stream = decide(client(impossible, directPlayProfiles=[]), SOURCE).stream
    assert stream is not None
    assert (stream.format, stream.bit_rate) == ("mp3", 192_000)
    low = client(directPlayProfiles=[], maxTranscodingAudioBitrate=96_000, transcodingProfiles=TARGETS[2:])
    stream = decide(low, SOURCE).stream
    assert stream is not None and stream.bit_rate == 96_000
    assert decide(client(directPlayProfiles=[], transcodingProfiles=TARGETS[:1]), SOURCE).stream is None
