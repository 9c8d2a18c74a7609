"""Attacks by what is sent: JSON, forms, hostile files, and what players may ask."""

import gzip
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
from PIL import Image

from benchmarks.campaign.attack_requests import OPEN, PLAYERS_CHANGES, Attack, request
from recommender.service.subsonic.router import EVERY
from tests.conftest import REPO
from tests.recommender.service.test_security import INJECTIONS, NUMBERS

CASES = REPO.parent / "shared" / "data" / "cases" / "unbreakable"
MEANT = "X-Requested-With: campaign"
JSONS: tuple[bytes, ...] = (
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"name": "x", "track_ids": [NaN, Infinity, -Infinity]}',
    b'{"name": "x", "track_ids": [' + b"9" * 5000 + b"]}",
    b'{"name": "x", "track_ids": [1e400]}',
    b'{"name": "x", "track_ids": [-0]}',
    b'{"name": "\\ud800", "track_ids": [2147483647]}',
    b'{"name": "\\u0000", "track_ids": [2147483647]}',
    b'{"name": "' + b"x" * 900_000 + b'"}',
    b'{"name": "x", "track_ids": [' + b"1," * 400_000 + b"1]}",
    b'{"name": "x", "track_ids": [' + b'"a",' * 9000 + b'"a"]}',
    b'{"name": "x", ' + b",".join(b'"k%d": 1' % n for n in range(50_000)) + b"}",
    b'{"name": "x", "name": 1}',
    b'{"name": null}',
    b'{"name": {"$ne": ""}}',
    b'{"__proto__": {}, "name": ["x"]}',
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b"",
    b"null",
    b"1",
    b'"x"',
    gzip.compress(b"{}" * 1000),
)


def jsons(rng: random.Random) -> Iterator[Attack]:
    """Yield playlists that are none, in JSON that is deep, large, or none."""
    while True:
        body = rng.choice(JSONS)
        if rng.random() < 0.3 and body:
            place = rng.randrange(len(body))
            body = body[:place] + bytes([rng.randrange(128, 256)]) + body[place + 1 :]
        kind = rng.choice(
            ("application/json", "application/json; charset=utf-16", "application/x+json", "text/json")
        )
        line = rng.choice(("POST /api/playlists", "PUT /api/playlists/999"))
        made = [f"Content-Type: {kind}", f"Content-Length: {len(body)}", MEANT]
        made += ["Content-Encoding: gzip"] if body.startswith(b"\x1f\x8b") else []
        yield Attack(f"json {body[:30]!r}", (request(line, *made, body=body),), refused=True, wait_s=5.0)


PART = b'Content-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
FORMS: tuple[bytes, ...] = (
    b"",
    b"--b",
    b"--b--\r\n",
    b"--b\r\n",
    b"--b\r\n" + PART + b"x",
    b"--b\r\n" + PART + b"x\r\n--b\r\n" + PART + b"y\r\n--b--\r\n",
    (b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n" * 20_000) + b"--b--\r\n",
    b"--b\r\n" + b"X-H: y\r\n" * 100_000 + b"\r\nx\r\n--b--\r\n",
    b"--b\r\nX-H: " + b"z" * 2_000_000 + b"\r\n\r\nx\r\n--b--\r\n",
    b"--b\r\n" + b"N" * 2_000_000 + b": x\r\n\r\nx\r\n--b--\r\n",
    b"--b\r\n" + PART.replace(b"a.mp3", b"a" * 100_000) + b"x\r\n--b--\r\n",
    b"--b\r\n" + PART.replace(b"a.mp3", b"../../../../etc/cron.d/x\x00.mp3") + b"x\r\n--b--\r\n",
    b"--b\r\n" + PART + b"\r\n--" * 300_000 + b"\r\n--b--\r\n",
    b"--b\r\n" + PART + b"\r" * 2_000_000 + b"\r\n--b--\r\n",
    b"\r\n" * 500_000 + b"--b\r\n" + PART + b"x\r\n--b--\r\n",
    b"--b\n" + PART + b"x\n--b--\n",
    b"preamble" * 50_000,
)
BOUNDARIES = ("b", "", '"b', "x" * 71, "\x00", "b; boundary=c", "'b'", "é")


def forms(rng: random.Random) -> Iterator[Attack]:
    """Yield uploads that are no forms, or have endless parts and headers."""
    while True:
        body, boundary = rng.choice(FORMS), rng.choice(("b", "b", "b", *BOUNDARIES))
        made = [f"Content-Type: multipart/form-data; boundary={boundary}", f"Content-Length: {len(body)}"]
        line = rng.choice(("POST /api/classify", "POST /api/similar"))
        yield Attack(f"form {boundary[:9]!r} {body[:50]!r}", (request(line, *made, body=body),), wait_s=20.0)


def form_of(content: bytes, name: str) -> bytes:
    """Return a request that sends a file to be classified."""
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = head + content + b"\r\n--b--\r\n"
    kind = "Content-Type: multipart/form-data; boundary=b"
    return request("POST /api/classify", kind, f"Content-Length: {len(body)}", body=body)


def _wav(
    channels: int = 1, rate_hz: int = 44_100, bits: int = 16, codec: int = 1, data: bytes = b"\0\1" * 9000
) -> bytes:
    form = struct.pack("<HHIIHH", codec, channels & 0xFFFF, rate_hz, rate_hz * 2 & 0xFFFFFFFF, 2, bits)
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt \x10\0\0\0" + form
    return head + b"data" + struct.pack("<I", len(data)) + data


def _size(number: int) -> bytes:
    return bytes((number >> shift) & 127 for shift in (21, 14, 7, 0))


def _id3(frames: bytes) -> bytes:
    return b"ID3\x04\0\0" + _size(len(frames)) + frames


def _bomb_frame(megabytes: int) -> bytes:
    packed = zlib.compress(b"\3" + b"x" * (megabytes << 20), 9)
    inner = struct.pack(">I", megabytes << 20) + packed
    return b"TIT2" + _size(len(inner)) + b"\0\x09" + inner


def _nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = struct.pack(">I", len(inner) + 8) + b"moov" + inner
    return struct.pack(">I", 16) + b"ftypM4A \0\0\0\0" + inner


def _zip(megabytes: int) -> bytes:
    import zipfile

    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mp3", bytes(megabytes << 20))
    return written.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "bomb.zip as mp3": lambda: _zip(200),
    "gzip as flac": lambda: gzip.compress(bytes(50 << 20)),
    "1024 channels.wav": lambda: _wav(channels=1024),
    "rate 0.wav": lambda: _wav(rate_hz=0),
    "rate 1.wav": lambda: _wav(rate_hz=1),
    "rate 4e9.wav": lambda: _wav(rate_hz=2**32 - 1),
    "no codec.wav": lambda: _wav(codec=0x6969),
    "0 bits.wav": lambda: _wav(bits=0),
    "a size that lies.wav": lambda: _wav()[:40] + b"\xff\xff\xff\xff" + bytes(9000),
    "compressed frame.mp3": lambda: _id3(_bomb_frame(600)) + bytes(2000),
    "60,000 frames.mp3": lambda: _id3(b"TXXX\0\0\0\5\0\0\3x\0yz" * 60_000) + bytes(2000),
    "nested.m4a": lambda: _nested(3000),
    "deeper.m4a": lambda: _nested(100_000),
    "endless.ogg": lambda: b"OggS\0\2" + bytes(20) + b"\1\xff" + bytes(255) * 40,
    "only a header.flac": lambda: b"fLaC\0\0\0\x22" + b"\xff" * 34,
    "a playlist.m3u8": lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\nhttp://127.0.0.1/x\n",
    "a list of others.ffconcat": lambda: b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a page.html": lambda: b"<html><script>alert(1)</script>" * 100,
    "nothing": lambda: b"",
}


def uploads(rng: random.Random) -> Iterator[Attack]:
    """Yield files that are not what they seem, and some of them with bytes changed."""
    shared = {path.name: path for path in sorted(CASES.glob("*"))} if CASES.is_dir() else {}
    while True:
        for name in (*shared, *FILES):
            content = shared[name].read_bytes() if name in shared else FILES[name]()
            if rng.random() < 0.2 and content:
                changed = bytearray(content)
                for _ in range(10):
                    changed[rng.randrange(min(len(changed), 4000))] = rng.randrange(256)
                content = bytes(changed)
            yield Attack(f"upload {name}", (form_of(content, name),), wait_s=140.0)


def players(rng: random.Random) -> Iterator[Attack]:
    """Yield calls of OpenSubsonic with ids, sizes, formats and versions of all kinds."""
    ids = (*NUMBERS, "al-", "ar-", "pl-0", "al-" + "x" * 900, "../../etc/passwd", "1", "2", *INJECTIONS)
    names = (
        *(
            "id",
            "albumId",
            "artistId",
            "playlistId",
            "songId",
            "type",
            "size",
            "count",
            "offset",
            "songCount",
        ),
        *(
            "songCount",
            "musicFolderId",
            "username",
            "query",
            "genre",
            "fromYear",
            "toYear",
            "ifModifiedSince",
            "v",
        ),
    )
    formats = ("xml", "json", "jsonp", "JSONP", "yaml", "", "json&callback=alert(1)", "xml&f=json")
    calls = sorted(EVERY - {one.partition("?")[0] for one in PLAYERS_CHANGES})
    while True:
        asked = [(rng.choice(names), rng.choice(ids)) for _ in range(rng.choice((0, 1, 3, 3000)))]
        if len(asked) == 3000 and rng.random() < 0.7:
            body = urlencode(asked * 20).encode()[: 2**20]
            kind = "Content-Type: application/x-www-form-urlencoded"
            sent = request(f"POST /rest/{rng.choice(calls)}", kind, f"Content-Length: {len(body)}", body=body)
            yield Attack("a form of 60,000 fields", (sent,), wait_s=10.0)
            continue
        call = f"{rng.choice(calls)}?{urlencode(asked[:200])}&f={rng.choice(formats)}"
        yield Attack(f"player {call[:60]}", (request(f"GET /rest/{call}"),), wait_s=20.0)


def covers(_rng: random.Random) -> Iterator[Attack]:
    """Yield requests for the covers that `write_covers` has put beside and into songs."""
    while True:
        for track in range(1, 9):
            for size in ("0", "64", "99999", "-1", "x"):
                for call in (
                    f"getCoverArt?id={track}&size={size}",
                    f"getCoverArt?id={quote('al-x')}&size={size}",
                ):
                    yield Attack(f"cover {call}", (request(f"GET /rest/{call}"),), OPEN, wait_s=60.0)


def picture_bomb(width: int, height: int) -> bytes:
    """Return a PNG of few bytes and many pixels."""
    written = io.BytesIO()
    Image.fromarray(np.zeros((height, width), np.uint8)).convert("1").save(written, "PNG")
    return written.getvalue()


def write_covers(music: Path) -> None:
    """Put hostile pictures beside the songs of some folders, and hostile tags into the songs of others."""
    for folder, data in (
        ("a", picture_bomb(30_000, 30_000)),
        ("b", picture_bomb(6000, 6000)[:500]),
        ("c", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"),
        ("d", picture_bomb(6300, 6300)),
    ):
        (music / folder / "cover.png").write_bytes(data)


def hostile_tags(content: bytes) -> dict[str, bytes]:
    """Return songs whose tags are hostile, by the folder that they are to lie in."""
    return {
        "e": _id3(_bomb_frame(300)) + content,
        "f": _id3(b"TXXX\0\0\0\5\0\0\3x\0yz" * 60_000) + content,
        "g": _id3(b"APIC" + _size(2**20) + b"\0\0\0image/png\0\3\0" + bytes(2**20 - 13)) + content,
        "h": content,
    }


KINDS: dict[str, Callable[[random.Random], Iterator[Attack]]] = {
    "json": jsons,
    "forms": forms,
    "uploads": uploads,
    "players": players,
    "covers": covers,
}
