"""What artist and title name: a song, a version of it, an issue of it.

A remark such as ``(live)``, ``[Remastered 2011]`` or ``feat. X`` is read by two rules. Whoever looks for
the same recording by its sound wants to know the song and its version, and rather sees a version too many
(`song_named`, `versions_named`). Whoever looks for the track that a play meant has nothing but its name, and
leaves out no more than what is surely the same recording (`loose_key`, `issue_key`).
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from db.tracks import search_key

Key = tuple[str, str]

NAMES_KEPT: Final = 20_000
"""Songs whose names are not taken apart again."""

MARKS: Final = ("Mn", "Mc")
"""Kinds of characters that stand with letters: vowel signs of Indian scripts, tones of Thai."""
PICTURED: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Marks that say whether a symbol is shown as a picture."""

_TO_A_GUEST: Final = r"(?:feat\.?|ft\.|featuring)\s.*$"

# By sound: what makes no other recording of a song, and what makes one; in lower case without accents.
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
GUEST = re.compile(rf"\s{_TO_A_GUEST}")

# By name: "(ft. B)" or "[featuring B]", or " feat. B" to the end.
FEATURED = re.compile(rf"\s*[(\[]\s*(?:feat|ft|featuring)\b[^)\]]*[)\]]|\s+{_TO_A_GUEST}")
OTHER_ARTISTS = re.compile(r"\s*;.*$")
# What a title ends with, in brackets or after a dash: the same recording in another issue, or another one.
SUFFIXES = (re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]\s*$"), re.compile(r"\s+[-–—]\s+([^-–—]+)$"))
ISSUE = re.compile(
    r"\bremaster(?:ed)?\b|\b(?:album|mono|stereo) version\b|\bbonus track\b|^(?:mono|stereo|explicit)$"
)
OTHER_TAKE = re.compile(r"\b(?:live|demo|remix|acoustic|instrumental|edit|session|take)\b")


@lru_cache(maxsize=NAMES_KEPT)
def song_named(artist: str, title: str) -> Key | None:
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
    """Return the words of a title that distinguish a version of a song from the others: ``live``."""
    return _split(title)[1]


def same_recording_named(one: Key, other: Key) -> bool | None:
    """Return whether tags, (artist, title) each, name the same recording; None where they do not say."""
    songs = song_named(*one), song_named(*other)
    if None in songs:
        return None
    return songs[0] == songs[1] and versions_named(one[1]) == versions_named(other[1])


def _split(title: str) -> tuple[str, frozenset[str]]:
    """Return a title without remarks on its version, and those words of them that distinguish it."""
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
    plain = text.replace("&", " and ")
    if plain.isascii():  # which is most of it
        return " ".join(re.findall(r"\w+", plain))
    return " ".join("".join(c if is_letter(c) or c == "_" else " " for c in plain).split())


def is_letter(c: str) -> bool:
    """Return whether a character is of a word: a letter, a digit, or a mark that makes another word of it."""
    return c.isalnum() or (unicodedata.category(c) in MARKS and c not in PICTURED)


def exact_key(artist: str, title: str) -> Key:
    """Return artist and title without accents and case."""
    return search_key(artist), search_key(title)


def loose_key(artist: str, title: str) -> Key:
    """Return artist and title without guests, further artists and punctuation, too."""
    plain = search_key(artist)
    return _bare(OTHER_ARTISTS.sub("", plain) or plain), _bare(search_key(title))


def issue_key(artist: str, title: str) -> Key:
    """Return the loose key of a title without the remark that names an issue of the same recording."""
    plain = search_key(title)
    return loose_key(artist, _without_issue(FEATURED.sub("", plain) or plain))


def _without_issue(title: str) -> str:
    match = next((found for suffix in SUFFIXES if (found := suffix.search(title))), None)
    if match is None or not match.start() or not ISSUE.search(match[1]) or OTHER_TAKE.search(match[1]):
        return title
    return _without_issue(title[: match.start()])


def _bare(plain: str) -> str:
    """Return a text of letters and digits alone, without guests; one of punctuation alone as it is."""
    named = FEATURED.sub("", plain) or plain
    words = "".join(c if is_letter(c) else " " for c in named.replace("'", "").replace("’", "")).split()
    return " ".join(words) or named
