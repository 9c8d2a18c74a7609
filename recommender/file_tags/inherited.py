"""What the other tags of a file say: a person's genres among it, and what a new tag would hide.

Many players look at one tag and, once that says anything, at no other; so a tag that has said nothing is
given what the others say before a genre is written into it.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mutagen.apev2 import BINARY, APEv2
from mutagen.id3 import ID3Tags

from recommender.file_tags.genre_fields import GENRE, SCORES, encoded, texts
from recommender.file_tags.genre_fields import KEYS as GENRE_KEYS
from recommender.file_tags.open_file import TagSystem
from recommender.file_tags.read import (
    FIELDS,
    JOINED,
    LARGEST_NUMBER,
    PRIVATE,
    by_name,
    says_nothing,
    separate,
    texts_of,
)
from recommender.file_tags.stored_tags import (
    APE,
    ASF_ATTRIBUTES,
    ID3,
    ID3_2,
    ID3_3,
    ID3_4,
    MP4_ATOMS,
    VORBIS,
    StoredTags,
    TagEntry,
)

COMMENT, COMPOSER, COPYRIGHT = "comment", "composer", "copyright"
BESIDE: Final = {
    GENRE: FIELDS[GENRE],
    **{name: (name, f"txxx:{name}", f"txx:{name}") for name in ("voice", "era")},
    "mood": ("tmoo", "mood", "txxx:mood", "txx:mood"),
    SCORES: PRIVATE,
}
"""Of the fields that are written here, what other tags call them."""
NAMES: Final = {
    **FIELDS,
    COMPOSER: ("tcom", "tcm", "composer", "imus"),
    COMMENT: ("comm", "com", "comment", "icmt", "anno"),
    COPYRIGHT: ("tcop", "tcr", "copyright", "icop", "(c)"),
}
"""Of the fields that every format has, what the tags call them that may stand beside another one."""
KEYS: Final = {
    field: dict(zip((ID3_4, ID3_2, VORBIS, APE, MP4_ATOMS, ASF_ATTRIBUTES), keys, strict=True))
    for field, keys in {
        "title": ("TIT2", "TT2", "TITLE", "title", "\xa9nam", "Title"),
        "artist": ("TPE1", "TP1", "ARTIST", "artist", "\xa9ART", "Author"),
        "album": ("TALB", "TAL", "ALBUM", "album", "\xa9alb", "WM/AlbumTitle"),
        "year": ("TDRC", "TYE", "DATE", "year", "\xa9day", "WM/Year"),
        "album_artist": ("TPE2", "TP2", "ALBUMARTIST", "album artist", "aART", "WM/AlbumArtist"),
        "track": ("TRCK", "TRK", "TRACKNUMBER", "track", "trkn", "WM/TrackNumber"),
        "disc": ("TPOS", "TPA", "DISCNUMBER", "disc", "disk", "WM/PartOfSet"),
        "genre": ("TCON", "TCO", "GENRE", "genre", "\xa9gen", "WM/Genre"),
        COMPOSER: ("TCOM", "TCM", "COMPOSER", "composer", "\xa9wrt", "WM/Composer"),
        COMMENT: ("COMM", "COM", "COMMENT", "comment", "\xa9cmt", "Description"),
        COPYRIGHT: ("TCOP", "TCR", "COPYRIGHT", "copyright", "cprt", "Copyright"),
    }.items()
}
"""Of each field, the key that is written; see `genre_fields.KEYS`."""
OTHERS: Final = {
    **{"TBPM": "BPM", "TSRC": "ISRC", "TPUB": "PUBLISHER", "TEXT": "LYRICIST", "TPE3": "CONDUCTOR"},
    **{"TIT1": "GROUPING", "TIT3": "SUBTITLE", "TLAN": "LANGUAGE", "TCMP": "COMPILATION"},
}
"""Frames of ID3 that other formats have fields of a plain name for; beside those of `KEYS`."""
Values = Mapping[str, Any]
"""What a tag says, by names in lower case."""
PICTURE: Final = "cover art (front)"
FRONT: Final = 3


def with_others(tags: StoredTags, systems: Sequence[TagSystem]) -> StoredTags:
    """Return a tag with what the others of its file say, and its own genres that have an unusual name.

    Parameters
    ----------
    tags
        What the tag holds that is written.
    systems
        All tags of the file, in order of precedence.
    """
    own = next((i for i, system in enumerate(systems) if tags.present and system.kind == tags.kind), None)
    others = [system for i, system in enumerate(systems) if i != own]
    values = [by_name(system.tags) for system in others]
    said = by_name(systems[own].tags) if own is not None else {}
    silent = all(says_nothing(texts_of(said, key)) for keys in FIELDS.values() for key in keys)
    other_names = [key for key in FIELDS[GENRE] if key not in map(str.lower, GENRE_KEYS[tags.kind][GENRE])]
    own_genres = ((GENRE, text) for key in other_names for text in texts_of(said, key))
    beside = ((field, text) for field in BESIDE for text in _beside(others, values, field))
    inherited = _inherited(tags, others, values) if silent else ()
    return replace(tags, beside=(*own_genres, *beside), inherited=tuple(inherited))


def _beside(others: Sequence[TagSystem], values: Sequence[Values], field: str) -> list[str]:
    """Return what tags say of a field, all of them, each text once."""
    found: dict[str, str] = {}
    for system, of in zip(others, values, strict=True):
        for key in BESIDE[field]:
            said = texts_of(of, key)
            for text in separate(said) if system.kind in JOINED and field != SCORES else said:
                found.setdefault(text.casefold(), text)
    return list(found.values())


def _inherited(tags: StoredTags, others: Sequence[TagSystem], values: Sequence[Values]) -> Iterator[TagEntry]:
    """Yield entries for what others say, of each field the first; none for what is there already."""
    taken = {entry.key for entry in tags.entries}
    for field in NAMES:
        said = (_said(of, field) for of in values)
        found = next((some for some in said if not says_nothing(some)), [])
        if found and not (field == GENRE and texts(tags, GENRE)):
            yield from (entry for entry in _entries(tags.kind, field, found) if entry.key not in taken)
    known = {key for keys in (*NAMES.values(), *BESIDE.values()) for key in keys}
    for system in others:
        for name, value in system.tags.items() if isinstance(system.tags, dict | APEv2 | ID3Tags) else ():
            entry = (
                None if str(name).lower() in known else _of_any_name(tags.kind, system.kind, str(name), value)
            )
            if entry is not None and entry.key not in taken:
                taken.add(entry.key)
                yield entry


def _said(values: Values, field: str) -> list[str]:
    """Return what a tag says of a field; all genres, and the first of all else."""
    keys = NAMES[field]
    if field == COMMENT:  # in ID3 a description and a language follow
        plain = [key for key in values if key.partition(":")[0] in ("comm", "com")]
        keys = (
            *(
                key
                for key in plain
                if key.split(":")[1:2]
                in (
                    [
                        "",
                    ],
                    ["id3v1 comment"],
                )
            ),
            *keys,
        )
    found = [text for key in keys for text in texts_of(values, key)]
    return found if field == GENRE else found[:1]


def _entries(kind: str, field: str, found: list[str]) -> list[TagEntry]:
    """Return the entries of a field in a format."""
    key = KEYS[field][ID3_4 if kind == ID3_3 else kind]
    if kind == ID3_3 and field == "year":
        return encoded(kind, "TYER", [found[0][:4]])
    if kind == MP4_ATOMS and field in ("track", "disc"):
        return _number_atom(key, found[0])
    if kind in ID3 and field == COMMENT:
        (entry,) = encoded(kind, f"{key}:", found)  # a description that is empty, and then the text
        flags = 0 if kind == ID3_2 else 2
        return [TagEntry(key, entry.data[: flags + 1] + b"XXX" + entry.data[flags + 1 :])]
    return encoded(kind, key, found)


def _number_atom(key: str, text: str) -> list[TagEntry]:
    """Return the atom of a number, of how many: 3/12."""
    numbers = [int(part) for part in re.findall("[0-9]+", text)[:2] if int(part) <= LARGEST_NUMBER]
    if not numbers:
        return []
    value = struct.pack(">IIHHH", 0, 0, 0, *[*numbers, 0][:2]) + (bytes(2) if key == "trkn" else b"")
    return [TagEntry(key, key.encode() + struct.pack(">I4s", len(value) + 8, b"data") + value)]


def _of_any_name(kind: str, from_kind: str, name: str, value: Any) -> TagEntry | None:
    """Return an entry for a field that has the name which somebody gave it, or that few formats have."""
    if from_kind == APE:
        if getattr(value, "kind", BINARY) == BINARY:
            return _picture(kind, name, value)
        plain, found = name, str(value).split("\0")
    elif from_kind in ID3:
        plain = name[5:] if name.startswith("TXXX:") else OTHERS.get(name, "")
        found = [str(text) for text in getattr(value, "text", ())]
    else:
        return None
    frames = {plain: frame for frame, plain in OTHERS.items()}
    if not plain or "=" in plain or not plain.isascii() or not plain.isprintable() or says_nothing(found):
        return None
    keys = {VORBIS: plain.upper(), APE: plain.lower(), ID3_2: f"TXX:{plain.upper()}"}
    if kind in (ID3_4, ID3_3):
        keys[kind] = frames.get(plain.upper(), f"TXXX:{plain.upper()}")
    return encoded(kind, keys[kind], found)[0] if kind in keys else None


def _picture(kind: str, name: str, value: Any) -> TagEntry | None:
    """Return the frame of a front cover that an APEv2 tag holds."""
    if kind not in (ID3_4, ID3_3) or name.lower() != PICTURE:
        return None
    data = value.value.partition(b"\0")[2]
    mime = b"image/png" if data.startswith(b"\x89PNG") else b"image/jpeg"
    return TagEntry("APIC", b"\0\0" + b"\0" + mime + b"\0" + bytes((FRONT,)) + b"\0" + data)
