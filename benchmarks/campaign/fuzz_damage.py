"""Ways to damage a file: by chance, where its structure is, and with tags made to hurt."""

import random
import struct
import zlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

NAMES: Final = (
    *(b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"id3 ", b"ID3 ", b"FORM", b"COMM", b"SSND"),
    *(b"fLaC", b"OggS", b"OpusHead", b"OpusTags", b"vorbis", b"ID3", b"TAG", b"APETAGEX", b"wvpk", b"MAC "),
    *(b"ftyp", b"moov", b"mvhd", b"trak", b"mdia", b"mdhd", b"hdlr", b"minf", b"stbl", b"stsd", b"mp4a"),
    *(b"esds", b"stts", b"stsc", b"stsz", b"stco", b"udta", b"meta", b"ilst", b"covr", b"\xa9nam", b"----"),
    *(b"APIC", b"TIT2", b"TXXX", b"CHAP", b"CTOC", b"SYLT", b"POPM", b"PIC", b"alac", b"Xing", b"Info"),
    *(bytes.fromhex(guid) for guid in ("3026b2758e66cf11", "a1dcab8c47a9cf11", "9107dcb7b7a9cf11")),
    *(bytes.fromhex(guid) for guid in ("3326b2758e66cf11", "40a4d0d207e3d211", "b503bf5f2ea9cf11")),
)
"""What the structures of the formats begin with."""
EXTREMES: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x400, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HUGE: Final = (2**63 - 1, 2**63, 2**64 - 1, 2**40)
ENDINGS: Final = (
    *(".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".wav", ".aiff", ".wma", ".ape", ".wv", ".oga"),
    *(".mp4", ".asf", ".m4b", ".aif"),
)

Damage = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def _flip(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    reach = len(changed) if chance.random() < 0.5 else min(len(changed), 4096)
    for _ in range(chance.choice((1, 4, 30, 400))):
        changed[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    reach = len(data) if chance.random() < 0.5 else min(len(data), 1024)
    return data[: chance.randrange(1, reach)]


def _headless(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    return data[chance.randrange(1, min(len(data), 4096)) :]


def _splice(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return data[: chance.randrange(1, len(data))] + other[chance.randrange(len(other)) :]


def _run(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data)) if chance.random() < 0.6 else chance.randrange(64)
    size = chance.choice((4, 64, 1024, 20_000))
    return data[:start] + chance.choice((b"\0", b"\xff", b"\x7f")) * size + data[start + size :]


def _missing(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.choice((1, 7, 300, 9000)) :]


def _repeated(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data))
    part = data[start : start + chance.choice((8, 200, 5000))]
    return data[:start] + part * chance.choice((2, 50)) + data[start:]


def _joined(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    return data + chance.choice((data, chance.choice(others), bytes(5000), chance.randbytes(5000)))


def _noise(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    return data[: chance.choice((0, 4, 12, 64))] + chance.randbytes(chance.choice((10, 3000, 100_000)))


def _field(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Set numbers beside a name of the structure to extremes."""
    changed = bytearray(data)
    present = [name for name in NAMES if name in data]
    for _ in range(chance.choice((1, 1, 2, 5))):
        name = chance.choice(present) if present else b""
        places = _places(data, name)
        near = chance.choice(places) + (-4 if chance.random() < 0.3 else len(name) + chance.randrange(48))
        width, order = chance.choice((1, 2, 4, 4, 8)), chance.choice(("little", "big"))
        value = chance.choice(HUGE if width == 8 else EXTREMES) % (1 << 8 * width)
        if 0 <= near <= len(changed) - width:
            changed[near : near + width] = value.to_bytes(width, order)
    return _summed(bytes(changed)) if chance.random() < 0.7 else bytes(changed)


def _places(data: bytes, name: bytes) -> list[int]:
    found, place = [0], data.find(name)
    while place >= 0 and len(found) < 50 and name:
        found.append(place)
        place = data.find(name, place + 1)
    return found[1:] or found


def _summed(data: bytes) -> bytes:
    """Return Ogg pages with their checksums put right, so that readers look into them."""
    from mutagen._util import cdata

    if not data.startswith(b"OggS"):
        return data
    changed = bytearray(data)
    starts = [*_places(data, b"OggS"), len(data)]
    for start, end in pairwise(starts):
        page = bytes(changed[start : start + 22]) + bytes(4) + bytes(changed[start + 26 : end])
        summed = (~zlib.crc32(page.translate(cdata.bitswap), -1)) & 0xFFFFFFFF
        changed[start + 22 : start + 26] = summed.to_bytes(4, "big").translate(cdata.bitswap)
    return bytes(changed[: len(data)])


def _size7(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _frame(name: bytes, body: bytes, flags: bytes = b"\0\0", bits: int = 7) -> bytes:
    return name + (_size7(len(body)) if bits == 7 else struct.pack(">I", len(body))) + flags + body


def _id3(body: bytes, version: int = 4, flags: int = 0) -> bytes:
    return b"ID3" + bytes((version, 0, flags)) + _size7(len(body)) + body


def _hostile_id3(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Put a tag in front that unpacks, nests, repeats or claims without end."""
    n = chance.choice((3, 300, 20_000))
    bomb = zlib.compress(bytes(chance.choice((10_000, 40_000_000))), 9)
    chapter = b"TIT2\0\0\0\2\0\0\3a"
    depth = chance.choice((5, 40, 1500))
    for _ in range(depth):
        chapter = _frame(b"CHAP", b"c\0" + bytes(16) + chapter)
    bodies = (
        lambda: _frame(b"TIT2", struct.pack(">I", 40_000_000) + bomb, b"\0\x09"),
        lambda: _frame(b"APIC", bytes(4) + bomb, b"\0\x80", 8),
        lambda: chapter,
        lambda: b"".join(_frame(b"TXXX", b"\3k%d\0v" % i) for i in range(n)),
        lambda: _frame(b"APIC", b"\0image/png\0\3\0x") * min(n, 2000),
        lambda: _frame(b"TIT2", b"\3" + b"a\0" * n),
        lambda: _frame(b"TPE1", b"\1\xff\xfe" + b"a\0\0\0" * n),
        lambda: _frame(b"TCON", b"\3(" + b"9" * n),
        lambda: _frame(b"TIT2", chance.randbytes(50), bytes((0, chance.randrange(256)))),
        lambda: _frame(b"SYLT", b"\3eng\1\1\0" + b"a\0\0\0\0\0" * n),
        lambda: chance.randbytes(n),
        lambda: b"\xff\0" * n,
    )
    tag = _id3(chance.choice(bodies)(), chance.choice((2, 3, 4, 4)), chance.choice((0, 0, 0x80, 0x40, 0x10)))
    return tag * chance.choice((1, 1, 1, 3)) + data


def _hostile_end(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Put an APEv2 tag behind whose counts, sizes and items do not agree."""
    n = chance.choice((1, 50, 30_000))
    item = chance.choice((b"\0\0\0\0\0\0\0\0ab\0", b"\2\0\0\0\0\0\0\0Title\0xy", chance.randbytes(20)))
    items = item * n if chance.random() < 0.7 else struct.pack("<II", 5, 0) + b"k" * n
    size = chance.choice((len(items) + 32, 32, 0, 2**31, 0xFFFFFFFF))
    flags = chance.choice((0, 1 << 31))
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, size, chance.choice((n, 2**31)), flags) + bytes(8)
    return data + items + footer + chance.choice((b"", b"TAG" + bytes(125)))


def _hostile_inside(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Nest atoms, or add chunks and blocks by the thousand, where the format has any."""
    n = chance.choice((40, 1500, 30_000))
    if data[4:8] == b"ftyp":
        name = chance.choice((b"moov", b"udta", b"trak", b"meta", b"ilst"))
        nested = b"".join(
            struct.pack(">I4s", 8 * (min(n, 3000) - i), name) + bytes(4 * (name == b"meta"))
            for i in range(min(n, 3000))
        )
        place = chance.choice((int.from_bytes(data[:4], "big"), len(data)))
        return data[:place] + nested + data[place:]
    if data[:4] in (b"RIFF", b"FORM"):
        chunk = chance.choice((b"junk\0\0\0\0", b"LIST\4\0\0\0INFO", b"id3 \0\0\0\0", b"ID3 \0\0\0\0"))
        return data[:12] + chunk * n + data[12:]
    if data[:4] == b"fLaC":
        block = chance.choice((b"\1\0\0\0", b"\4\0\0\x08\0\0\0\0\xff\xff\xff\xff", b"\6\0\0\0", b"\3\0\0\0"))
        return data[:42] + block * n + data[42:]
    if data[:8] == bytes.fromhex("3026b2758e66cf11"):
        inner = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
        changed = data[:24] + struct.pack("<I", n) + data[28:30]
        return (
            changed
            + b"".join(inner + struct.pack("<Q", 46 * (90 - i)) + bytes(22) for i in range(90))
            + data[30:]
        )
    return _repeated(data, chance, _others)


KINDS: Final[tuple[tuple[Damage, int], ...]] = (
    (_field, 6),
    (_flip, 3),
    (_hostile_id3, 3),
    (_hostile_inside, 2),
    (_cut, 2),
    (_splice, 2),
    (_run, 2),
    (_joined, 2),
    (_hostile_end, 1),
    (_headless, 1),
    (_missing, 1),
    (_repeated, 1),
    (_noise, 1),
)
"""Each with how often it is chosen."""


def damage(data: bytes, ending: str, chance: random.Random, others: Sequence[bytes]) -> tuple[bytes, str]:
    """Return a damaged file and the ending of its name, which now and then is that of another format."""
    kinds, weights = zip(*KINDS, strict=True)
    for kind in chance.choices(kinds, weights, k=chance.choice((1, 1, 1, 2, 3))):
        data = kind(data, chance, others) or b"\0"
    return data, chance.choice(ENDINGS) if chance.random() < 0.07 else ending
