"""What fields mean in each format: where genres, moods, tempo and so on are, and how texts are stored."""

import base64
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mutagen.id3 import ID3, TCON

from recommender.file_tags.id3 import old_tag, raw
from recommender.file_tags.limits.walk import BOX
from recommender.file_tags.riff import text_of
from recommender.file_tags.stored_tags import (
    APE,
    ASF_ATTRIBUTES,
    ID3_2,
    ID3_3,
    ID3_4,
    INFO_GENRE,
    MP4_ATOMS,
    VORBIS,
    StoredTags,
    TagEntry,
    touched,
)

GENRE, SCORES, TEMPO, KEY = "genre", "scores", "tempo", "key"
FIELDS: Final = (GENRE, "mood", "voice", "era", SCORES, TEMPO, KEY)
SEPARATOR: Final = "; "
"""Between values in ID3v2.3 and 2.2 and INFO lists, which have no other way to hold several."""
MP4_TEXT, MP4_INTEGER = 1, 21
TEMPO_ATOM: Final = "tmpo"
LOWER_CASE: Final = {"INITIALKEY": "initialkey"}
"""Free atoms that others know by a name in lower case; ours are in capitals."""
UTF16, UTF8 = 1, 3

_OWN: Final = ("MOOD", "VOICE", "ERA", "DEEPCUTS")
"""Names of fields that have no key of their own."""
_TXXX: Final = tuple((f"TXXX:{name}",) for name in _OWN[1:])
KEYS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    kind: dict(zip(FIELDS, keys, strict=True))
    for kind, keys in {
        VORBIS: (*((name,) for name in ("GENRE", *_OWN, "BPM")), ("INITIALKEY", "KEY")),
        APE: (*((name.lower(),) for name in ("GENRE", *_OWN, "BPM")), ("initialkey", "key")),
        ID3_4: (("TCON", INFO_GENRE), ("TMOO", "TXXX:MOOD"), *_TXXX, ("TBPM",), ("TKEY",)),
        # TMOO came with version 2.4
        ID3_3: (("TCON", INFO_GENRE), ("TXXX:MOOD", "TMOO"), *_TXXX, ("TBPM",), ("TKEY",)),
        ID3_2: (("TCO",), *((f"TXX:{name}",) for name in _OWN), ("TBP",), ("TKE",)),
        MP4_ATOMS: (
            ("\xa9gen", "gnre"),
            *((f"----:com.apple.iTunes:{name}",) for name in _OWN),
            (TEMPO_ATOM,),
            ("----:com.apple.iTunes:INITIALKEY",),
        ),
        ASF_ATTRIBUTES: (
            *((name,) for name in ("WM/Genre", "WM/Mood", "Voice", "Era", "Deepcuts")),
            *(("WM/BeatsPerMinute",), ("WM/InitialKey",)),
        ),
    }.items()
}
"""Of each field, the key that is written, and others that are read and replaced."""


def texts(tags: StoredTags, field: str) -> list[str]:
    """Return the values of a field, without empty ones; genres of an INFO list that are no others, once."""
    keys = KEYS[tags.kind][field]
    stored = [TagEntry(key, data) for key in keys if key != INFO_GENRE for data in tags.of(key)]
    found = [text for entry in stored for text in decoded(tags.kind, *entry)]
    if tags.kind in (ID3_3, ID3_2) and field != SCORES:
        found = [part for text in found for part in text.split(SEPARATOR.strip())]
    found = [text.strip() for text in found if text.strip()]
    return [*found, *_beside(tags, found)] if INFO_GENRE in keys else found


def _beside(tags: StoredTags, found: list[str]) -> list[str]:
    """Return the genres of an INFO list that are not among those of the tag."""
    said = (text.strip() for data in tags.of(INFO_GENRE) for text in decoded(tags.kind, INFO_GENRE, data))
    parts = (p for text in said if text != SEPARATOR.join(found) for p in text.split(SEPARATOR.strip()))
    known = {name.casefold() for name in found}
    return list(dict.fromkeys(p.strip() for p in parts if p.strip() and p.strip().casefold() not in known))


def with_field(tags: StoredTags, field: str, values: Sequence[str]) -> StoredTags:
    """Return a tag whose field has these values, where its old ones were; none takes the field away."""
    keys = KEYS[tags.kind][field]
    position = next((i for i, entry in enumerate(tags.entries) if entry.key in keys), len(tags.entries))
    kept = [
        [e for e in part if e.key not in keys] for part in (tags.entries[:position], tags.entries[position:])
    ]
    beside = _info(tags, values) if INFO_GENRE in keys else []
    return tags.with_entries([*kept[0], *encoded(tags.kind, keys[0], values), *kept[1], *beside])


def _info(tags: StoredTags, values: Sequence[str]) -> list[TagEntry]:
    """Return what an INFO list is to say; where it has several genres, each of them, so that none moves."""
    if not tags.info or not values:
        return []
    text = SEPARATOR.join(values)
    content = text.encode() + b"\0"
    new = len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
    old = tags.of(INFO_GENRE) or [new]
    return [TagEntry(INFO_GENRE, o if decoded(tags.kind, INFO_GENRE, o) == [text] else new) for o in old]


def scores_text(scores: Mapping[str, Mapping[str, float]]) -> str:
    """Return the text of the private field: for each field, the names that were written and how sure."""
    return json.dumps(scores, ensure_ascii=False, separators=(",", ":"))


def scores_of(tags: StoredTags) -> dict[str, dict[str, float]]:
    """Return what the private field says; nothing where there is none, or it was changed by hand."""
    try:
        found = json.loads((texts(tags, SCORES) or tags.said_beside(SCORES))[0])
        return {
            str(field): {str(name): float(p) for name, p in names.items()} for field, names in found.items()
        }
    except (IndexError, ValueError, AttributeError, TypeError):
        return {}


def decoded(kind: str, key: str, data: bytes) -> Iterable[str]:
    """Return the texts of a stored value, as they are; none where it is no text."""
    if key == INFO_GENRE:
        return [text_of(data)]
    if kind == VORBIS:
        return [data.decode("utf-8", "replace").partition("=")[2]]
    if kind == APE:
        return data[1:].partition(b"\0")[2].decode("utf-8", "replace").split("\0") if data[0] == 0 else []
    if kind == MP4_ATOMS:
        return _from_atom(key, data[4:])
    if kind == ASF_ATTRIBUTES:
        _, number, _, _, content, *_ = json.loads(data)
        return [base64.b64decode(content).decode("utf-16-le", "replace").strip("\0")] if number == 0 else []
    return _from_frame(kind, TagEntry(key, data))


def _from_frame(kind: str, entry: TagEntry) -> list[str]:
    """Read a frame with mutagen, which knows the genres that are written as numbers."""
    tags, file = StoredTags(kind, True, (entry,)), io.BytesIO()
    if kind == ID3_2:
        file.write(old_tag(tags, 0))
    else:
        raw(tags).save(file, v2_version=4 if kind == ID3_4 else 3)
    file.seek(0)
    frames = ID3(file, translate=False, load_v1=False).values()
    return [str(t) for f in frames for t in (f.genres if isinstance(f, TCON) else getattr(f, "text", ()))]


def _from_atom(key: str, content: bytes) -> Iterator[str]:
    """Yield the texts of an atom's data boxes; the name of a genre that is a number."""
    while len(content) >= BOX:
        size = int.from_bytes(content[:4], "big")
        if content[4:BOX] == b"data":
            value = content[2 * BOX : size]
            number = int.from_bytes(value, "big")
            if key == TEMPO_ATOM:
                yield str(number)
            elif key != "gnre":
                yield value.decode("utf-8", "replace")
            elif 0 < number <= len(TCON.GENRES):
                yield TCON.GENRES[number - 1]
        content = content[max(size, BOX) :]


def encoded(kind: str, key: str, values: Sequence[str]) -> list[TagEntry]:
    """Return the entries that say these texts under a key, in a format."""
    if not values:
        return []
    if kind == VORBIS:
        return [TagEntry(key, f"{key}={value}".encode()) for value in values]
    if kind == APE:
        name = key.capitalize()
        return [TagEntry(key, b"\0" + name.encode() + b"\0" + "\0".join(values).encode())]
    if kind == MP4_ATOMS:
        return [_atom(key, values)]
    if kind == ASF_ATTRIBUTES:
        # Repeated attributes are kept in a list of their own, where each has a language and a stream.
        return [TagEntry(key, _attribute(key, value, None if not i else 0)) for i, value in enumerate(values)]
    flags = b"" if kind == ID3_2 else b"\0\0"
    return [TagEntry(key, flags + _frame(kind, key, values))]


def _attribute(key: str, value: str, listed: int | None) -> bytes:
    content = base64.b64encode(value.encode("utf-16-le") + b"\0\0").decode()
    return json.dumps([key, 0, listed, listed, content]).encode()


def _frame(kind: str, key: str, values: Sequence[str]) -> bytes:
    _, described, description = key.partition(":")
    parts = [description] if described else []
    if kind == ID3_4:
        return bytes((UTF8,)) + "\0".join([*parts, *values]).encode()
    texts_of = [*parts, SEPARATOR.join(values)]
    try:
        return b"\0" + "\0".join(texts_of).encode("latin-1")
    except UnicodeEncodeError:
        return bytes((UTF16,)) + b"\0\0".join(b"\xff\xfe" + text.encode("utf-16-le") for text in texts_of)


def _atom(key: str, values: Sequence[str]) -> TagEntry:
    def box(name: str, content: bytes) -> bytes:
        return (len(content) + 8).to_bytes(4, "big") + name.encode() + content

    kind, contents = MP4_TEXT, [text.encode() for text in values]
    if key == TEMPO_ATOM:
        kind, contents = MP4_INTEGER, [int(text).to_bytes(2, "big") for text in values]
    data = b"".join(box("data", kind.to_bytes(4, "big") + bytes(4) + content) for content in contents)
    name, _, own = key.partition(":")
    if own:
        mean, _, own = own.partition(":")
        own = LOWER_CASE.get(own, own)
        data = box("mean", bytes(4) + mean.encode()) + box("name", bytes(4) + own.encode()) + data
    return TagEntry(key, name.encode("latin-1") + data)


def differences(before: StoredTags, after: StoredTags) -> list[tuple[str, list[str], list[str]]]:
    """Return the fields that differ between two states of a tag, each with its texts before and after."""
    changed = set(touched(before, after))
    fields = [field for field, keys in KEYS[before.kind].items() if changed.intersection(keys)]
    return [(field, texts(before, field), texts(after, field)) for field in fields]


def field_names(kind: str, keys: Iterable[str]) -> list[str]:
    """Return the fields that some keys belong to; the key itself where it is none of ours."""
    known = {key: field for field, ours in KEYS[kind].items() for key in ours}
    return list(dict.fromkeys(known.get(key, key) for key in keys))
