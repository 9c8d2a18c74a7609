"""Which songs are on one album, as people see it: compilations and sets of discs are one, no name is none.

An album is what one artist made under one name: its album artist, or else the artist of its songs, guests
left out. Songs of several artists without an album artist are one album where they have one name and lie in
one folder. "(Disc 2)" and "CD2" at a name's end, or a folder's, are left out. It is the rule for the limits
of lists as for what players and the page show.
"""

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol

from db.tracks import search_key

Key = tuple[str, ...]

_NOT_KNOWN: Final = (
    "none",
    "n/a",
    "null",
    "-",
    "?",
    "???",
    "unknown",
    "unknown album",
    "no album",
    "non-album",
    "non-album tracks",
)
UNKNOWN: Final = frozenset(
    f"{left}{words}{right}" for left, right in ("<>", "[]", "()", ("", "")) for words in _NOT_KNOWN
)
"""What programs write where they know of no album."""

VARIOUS: Final = "Various Artists"
"""Whom a compilation is by whose files name no album artist."""
VARIOUS_KEYS: Final = frozenset(("various artists", "various", "va", "v.a.", "v/a", "diverse"))
"""Album artists that say so."""

NUMBERS: Final = ("one", "two", "three", "four", "five", "six")
_NUMBER: Final = rf"(?:dis[ck]|cd)\s*[-_#.]?\s*(\d{{1,2}}|{'|'.join(NUMBERS)})\b"
_OF: Final = r"(?:\s*(?:of|/)\s*\d{1,2})?"
BRACKETED: Final = re.compile(rf"\s*[(\[]\s*{_NUMBER}[^)\]]*[)\]]\s*$", re.IGNORECASE)
AT_END: Final = re.compile(rf"(?:^|[\s,:;_.–-]+){_NUMBER}{_OF}\s*$", re.IGNORECASE)
AT_START: Final = re.compile(rf"^{_NUMBER}{_OF}\s*[\s,:;_.–-]", re.IGNORECASE)
GUESTS: Final = re.compile(r"\s*;.*$|\s*[(\[]?\b(?:feat\.?|ft\.|featuring)\s.*$", re.IGNORECASE)

OWN_ALBUMS: Final = 3
"""Artists with so many songs each, and of the same numbers, have albums of one name in one folder."""


KEPT: Final = 2**15
"""Names that are not looked at again: songs of an album have them in common."""


class OnAlbum(Protocol):
    """What tells a song's album."""

    @property
    def album(self) -> str:
        """Its name, as the file's tags have it."""

    @property
    def artist(self) -> str:
        """Who sings; empty where no tag says."""

    @property
    def album_artist(self) -> str:
        """Who made the album; empty where no tag says."""

    @property
    def root_id(self) -> int:
        """The library root of the song's file."""

    @property
    def rel_path(self) -> str:
        """The file's path below that."""

    @property
    def disc_number(self) -> int | None:
        """The disc that the tags name."""

    @property
    def track_number(self) -> int | None:
        """Its number on that."""


@lru_cache(KEPT)
def is_album(name: str) -> bool:
    """Return whether a tag names an album, and does not say that none is known."""
    plain = search_key(name)
    return bool(plain) and plain not in UNKNOWN


@lru_cache(KEPT)
def without_disc(name: str) -> str:
    """Return a name, without case and accents, that says nothing of a disc; empty if it says nothing else."""
    return _bare(search_key(name))


def _bare(name: str) -> str:
    return AT_END.sub("", BRACKETED.sub("", name))


def shown_album(name: str) -> str:
    """Return what an album is called to people, by a song's tag; empty where that names none."""
    return (_bare(name.strip()) or name.strip()) if is_album(name) else ""


def folder_of(rel_path: str) -> str:
    """Return the folder of an album: the one that a file is in, or the one of all discs above it."""
    return _above_discs(rel_path.rpartition(os.sep)[0])


@lru_cache(KEPT)
def _above_discs(folder: str) -> str:
    above, name = os.path.split(folder)
    bare = "" if AT_START.match(name) else _bare(name)
    return os.path.join(above, bare) if bare else above


@lru_cache(KEPT)
def lead_artist(artist: str) -> str:
    """Return the first of a song's artists, without guests; all of them where nothing would be left."""
    return GUESTS.sub("", artist).strip() or artist


def disc_of(song: OnAlbum) -> int | None:
    """Return a song's disc: as the tags number it, else as the album's name or the folder's does."""
    if song.disc_number is not None:
        return song.disc_number
    return _disc_named(song.album) or _disc_of_folder(song.rel_path.rpartition(os.sep)[0])


@lru_cache(KEPT)
def _disc_of_folder(folder: str) -> int | None:
    return _disc_named(os.path.basename(folder))


@lru_cache(KEPT)
def _disc_named(name: str) -> int | None:
    """Return the disc that a name ends or begins with."""
    for pattern in (BRACKETED, AT_END, AT_START):
        if found := pattern.search(name):
            word = found[1].lower()
            return NUMBERS.index(word) + 1 if word in NUMBERS else int(word)
    return None


def albums_of(songs: Sequence[OnAlbum]) -> list[Key | None]:
    """Return what is the same for all songs of an album, and for no others, of each; None for one on none.

    Returns
    -------
    list
        (name, artist), or (name, root, folder) for songs of several artists, or of none; all of it without
        case and accents.
    """
    keys = [_key(song) for song in songs]
    in_folders: dict[Key, list[int]] = {}
    for i, key in enumerate(keys):
        if key is not None and len(key) > 2 and key[0]:
            in_folders.setdefault(key, []).append(i)
    for (name, *_), some in in_folders.items():
        artists = [search_key(lead_artist(songs[i].artist)) for i in some]
        if len(set(artists)) == 1 or _are_of_each([songs[i] for i in some], artists):
            for i, artist in zip(some, artists, strict=True):
                keys[i] = (name, artist) if artist else keys[i]
    return keys


def are_told_by_themselves(songs: Sequence[OnAlbum]) -> bool:
    """Return whether `albums_of` tells some songs apart alike, whatever others there are.

    Not so where songs of several artists lie in one folder, or one artist's of one name in several.
    """
    of_artist: dict[Key, Key] = {}
    of_folder: dict[Key, str] = {}
    for song in songs:
        key = _key(song)
        if key is None:
            continue
        artist = search_key(lead_artist(song.artist))
        in_folder = len(key) > 2
        if in_folder and of_folder.setdefault(key, artist) != artist:
            return False
        if of_artist.setdefault((key[0], artist) if in_folder else key, key) != key:
            return False
    return True


def _key(song: OnAlbum) -> Key | None:
    if not is_album(song.album):
        return None
    name, artist = without_disc(song.album), search_key(song.album_artist)
    if artist and name:
        return (name, artist)
    return (name, str(song.root_id), search_key(folder_of(song.rel_path)))


def _are_of_each(songs: Sequence[OnAlbum], artists: Sequence[str]) -> bool:
    """Return whether songs of one name and folder are albums of each artist: ``Greatest Hits``, say."""
    if len(songs) < OWN_ALBUMS * len(set(artists)):
        return False
    owners: dict[tuple[int | None, int], str] = {}
    for song, artist in zip(songs, artists, strict=True):
        if song.track_number is not None:
            place = (disc_of(song), song.track_number)
            if owners.setdefault(place, artist) != artist:
                return True
    return False
