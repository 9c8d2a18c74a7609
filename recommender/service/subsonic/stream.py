"""OpenSubsonic: the sound of songs, as it is or as a player can play it."""

from dataclasses import asdict
from http import HTTPStatus
from io import FileIO
from typing import Any, Final

from fastapi import HTTPException
from fastapi.responses import Response
from pydantic import ValidationError

from classifier.audio.stream_encode import ENCODINGS, bits_a_second
from db.models import Track
from recommender.service.decoding.kept_files import content_key
from recommender.service.decoding.transcoding import MEDIA_TYPES, Encode, Transcoder
from recommender.service.http.file_response import file_answer, open_file
from recommender.service.subsonic.context import Content, Later, PlayerCall
from recommender.service.subsonic.envelope import GENERIC, MISSING, NOT_FOUND, SubsonicError
from recommender.service.subsonic.parameters import whole
from recommender.service.subsonic.sound.decision import HTTP, ClientInfo, Decision, Source, Stream, decide
from recommender.service.subsonic.sound.stream_plan import (
    RAW,
    Made,
    StreamRequest,
    estimated_bytes,
    kbps_of,
    limited,
    to_be_made,
)

VERSION: Final = 1
"""Of what is kept: another one is made of the same file, in another way, by another version."""
LATEST_S: Final = 10**6


def stream(call: PlayerCall) -> Response | Later:
    """Return a song, or what it is after some seconds, in the format and bit rate that are asked for."""
    asked, track = call.asked, call.song()
    kind = (asked.one("format") or "").lower() or None
    if kind is not None and kind not in (RAW, *ENCODINGS):
        raise SubsonicError(
            GENERIC, f"no format is called '{kind}'; there are: {', '.join((RAW, *ENCODINGS))}"
        )
    start_s = asked.number("timeOffset", 0, 0, LATEST_S)
    wanted = StreamRequest(kind, asked.number("maxBitRate", 0) or None, start_s)
    made = to_be_made(track, limited(wanted, call.player_limits, call.player))
    if call.request.method != "HEAD" and call.request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        call.request.app.state.play_notes.note(call.user, call.player, track.id)
    if made is None:
        return whole_file(call, track)
    length = None
    if asked.flag("estimateContentLength") and track.duration_s:
        length = estimated_bytes(made, max(0.0, track.duration_s - start_s))
    return _made(call, track, made, start_s, length)


def download(call: PlayerCall) -> Response | Later:
    """Return a song's file as it is, whole or in ranges, to be saved; a part of one is made."""
    track = call.song()
    made = to_be_made(track, StreamRequest(RAW))
    return whole_file(call, track, download=True) if made is None else _made(call, track, made, 0.0)


def whole_file(call: PlayerCall, track: Track, *, download: bool = False) -> Response:
    """Return a song's file as it is, whole or in ranges.

    Raises
    ------
    SubsonicError
        70 if it is gone.
    """
    return file_answer(_opened(track), track.rel_path, call.request, download=download)


def _opened(track: Track) -> FileIO:
    try:
        return open_file(track)
    except HTTPException as error:
        raise SubsonicError(NOT_FOUND, str(error.detail)) from None


def _made(
    call: PlayerCall, track: Track, made: Made, start_s: float, length: int | None = None, *most: int | None
) -> Response | Later:
    """Return what a song is made into: what is kept of it, or else what is made while it is sent."""
    if track.duration_s and start_s >= track.duration_s:
        raise SubsonicError(GENERIC, f"the song is over after {track.duration_s:.0f} s")
    part = track.file_range
    what = Encode(part.path, made.format, made.bit_rate, part.start_s + start_s, part.end_s, *most)
    transcoder: Transcoder = call.request.app.state.transcoder
    try:
        key = content_key(track, VERSION, *(value for name, value in asdict(what).items() if name != "path"))
    except HTTPException as error:
        raise SubsonicError(NOT_FOUND, str(error.detail)) from None
    name = f"{key}.{what.format}"
    kept = transcoder.find(name)
    if kept is not None:
        return file_answer(kept, name, call.request)
    headers = {"Accept-Ranges": "none", "Cache-Control": "private, no-cache"}
    if track.duration_s:
        headers["X-Content-Duration"] = f"{track.duration_s - start_s:.3f}"
    if call.request.method == "HEAD":
        more = {} if length is None else {"Content-Length": str(length)}
        return Response(headers=headers | more, media_type=MEDIA_TYPES[what.format])

    async def begun() -> Response:
        return await transcoder.start(what, name if start_s == 0 else None, headers, length)

    return Later(begun)


def get_transcode_decision(call: PlayerCall) -> Content:
    """Return whether a player can play a song's file, and what is made of it if not."""
    track = _media(call)
    if not call.asked.body:
        raise SubsonicError(MISSING, "what the player can play is missing: send it as JSON, by POST")
    try:
        client = ClientInfo.model_validate_json(call.asked.body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SubsonicError(GENERIC, f"what the player can play: {where}: {first['msg']}") from None
    _opened(track).close()
    transcoder: Transcoder = call.request.app.state.transcoder
    try:
        form = transcoder.form_of(track.file_range.path)
    except HTTPException as error:
        if error.status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        said = str(error.detail)
        return {"transcodeDecision": {"canDirectPlay": False, "canTranscode": False, "errorReason": said}}
    kbps = kbps_of(track)
    source = Source(form, None if kbps is None else 1000 * kbps)
    if track.range_start_s is not None:  # nothing but what is made of it is a part of a file
        client.directPlayProfiles = []
    return {"transcodeDecision": _decided(decide(client, source), source)}


def _media(call: PlayerCall) -> Track:
    if call.asked.need("mediaType") != "song":
        raise SubsonicError(NOT_FOUND, "there are songs, and nothing else")
    return call.song("mediaId")


def _decided(decision: Decision, source: Source) -> Content:
    made = decision.stream
    shape: Content = {
        "canDirectPlay": decision.direct,
        "canTranscode": made is not None,
        "transcodeReason": decision.reasons,
        "sourceStream": _details(source.containers[0], source.codec, source.values),
    }
    if made is None:
        return (
            shape
            if decision.direct
            else {**shape, "errorReason": "nothing that the player knows can be made"}
        )
    stream = _details(made.container, made.format, made.values)
    return {**shape, "transcodeParams": _params_of(made), "transcodeStream": stream}


def _details(container: str, codec: str, values: dict[str, int | None]) -> dict[str, Any]:
    known = {name: value for name, value in values.items() if value is not None}
    return {"protocol": HTTP, "container": container, "codec": codec, **known}


def _params_of(made: Stream) -> str:
    """Return what `get_transcode_stream` makes a stream by, of letters, digits and hyphens."""
    return "-".join((made.format, *(str(n or 0) for n in (made.bit_rate, made.most_hz, made.most_bits))))


def get_transcode_stream(call: PlayerCall) -> Response | Later:
    """Return what was decided to be made of a song; errors have statuses of HTTP here."""
    try:
        return _decided_stream(call)
    except SubsonicError as error:
        status = HTTPStatus.NOT_FOUND if error.code == NOT_FOUND else HTTPStatus.BAD_REQUEST
        raise SubsonicError(error.code, str(error), status) from None


def _decided_stream(call: PlayerCall) -> Response | Later:
    track, start_s = _media(call), call.asked.number("offset", 0, 0, LATEST_S)
    name, *numbers = call.asked.need("transcodeParams").split("-")
    if name not in ENCODINGS or len(numbers) != 3:
        raise SubsonicError(GENERIC, "transcodeParams are those that getTranscodeDecision has returned")
    bit_rate, most_hz, most_bits = (whole("transcodeParams", number) or None for number in numbers)
    return _made(call, track, Made(name, bits_a_second(name, bit_rate)), start_s, None, most_hz, most_bits)
