"""Which song the tags name, and which version of it: ``(live)``, ``[Remastered 2011]``, ``feat. X``."""

import re

from db.tracks import search_key

# What makes no other recording of a song, and what makes one; compared in lower case without accents.
SAME_RECORDING = re.compile(
    r"\b(?:(?:digital(?:ly)? )?remaster(?:ed)?|feat|ft|featuring|bonus(?: track)?|deluxe|explicit|clean"
    r"|album version|original (?:version|mix)|anniversary(?: edition)?|\d{4})\b"
)
OTHER_VERSION = re.compile(
    r"\b(?:live|unplugged|acoustic|acapella|a cappella|demo|instrumental|karaoke|remix|mix|edit|version"
    r"|cover|alternate|take \d+|sessions?|rehearsal|radio|extended|single|mono|stereo|dub|reprise"
    r"|orchestral)\b"
)
BRACKETS = re.compile(r"(?<=\S)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\])")
AFTER_DASH = re.compile(r"(?<=\S)\s+-\s+([^-]+)$")
GUEST = re.compile(r"\s(?:feat\.?|ft\.|featuring)\s.*$")


def song_named(artist: str, title: str) -> tuple[str, str] | None:
    """Return what stands for the song that tags name, the same for all its versions.

    Returns
    -------
    tuple or None
        Artist and title without case, accents, punctuation, guests and versions; None where either is
        missing.
    """
    plain, _ = _split(title)
    key = (_words(GUEST.sub("", search_key(artist))), _words(plain))
    return key if all(key) else None


def versions_named(title: str) -> frozenset[str]:
    """Return the words of a title that tell its version from the song's others: ``live``, ``remix``."""
    return _split(title)[1]


def same_recording_named(one: tuple[str, str], other: tuple[str, str]) -> bool | None:
    """Whether tags, (artist, title) each, name the same recording; None where they do not say."""
    songs = song_named(*one), song_named(*other)
    if None in songs:
        return None
    return songs[0] == songs[1] and versions_named(one[1]) == versions_named(other[1])


def _split(title: str) -> tuple[str, frozenset[str]]:
    """Return a title without remarks on its version, and the words of those that tell it from others."""
    found: set[str] = set()

    def drop(remark: re.Match[str]) -> str:
        inside = " ".join(filter(None, remark.groups()))
        others = OTHER_VERSION.findall(SAME_RECORDING.sub(" ", inside))
        found.update(others)
        return "" if others or SAME_RECORDING.search(inside) else remark[0]

    plain = BRACKETS.sub(drop, search_key(title))
    plain = AFTER_DASH.sub(drop, plain)
    return GUEST.sub("", plain), frozenset(found)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.replace("&", " and ")))
