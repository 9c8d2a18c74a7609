"""Roots and tracks: find, list, count, relocate."""

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from db.errors import CatalogError
from db.file_range import PART_MARK
from db.models import Root, Track
from db.values import in_parts, known_as, words_of

LISTED_MATCHES = 20


@dataclass(frozen=True)
class Counts:
    """How many tracks are in which state."""

    tracks: int
    analysed: int
    missing: int
    failed: int
    warned: int
    labelled: int
    played: int


ACCENTS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
"""Marks of Latin, Greek and Cyrillic letters, points of Hebrew, vowels of Arabic."""


@lru_cache(maxsize=65_536)
def search_key(*texts: str) -> str:
    """Return what a search compares: no accents, no case, single spaces.

    Only what is an accent to those who write so goes: the voicing marks of Japanese, or the vowel signs and
    viramas of Indian scripts, make other words.
    """
    text = " ".join(texts)
    if text.isascii():  # which is most of it, and has neither
        return " ".join(text.casefold().split())
    decomposed = unicodedata.normalize("NFKD", text)
    plain = ACCENTS.sub("", decomposed)
    return " ".join(unicodedata.normalize("NFC", plain.casefold()).split())


def all_roots(session: Session) -> list[Root]:
    """Return the library roots, by path."""
    return sorted(session.scalars(select(Root)), key=lambda root: root.path)


def is_within(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it, by name."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def root_of(session: Session, path: str) -> Root | None:
    """Return the root that a path belongs to, or None; roots never overlap."""
    above = [path]
    while above[-1] != (parent := os.path.dirname(above[-1])):
        above.append(parent)
    return session.scalar(select(Root).where(Root.path.in_(above)))


def roots_below(session: Session, folder: str) -> list[Root]:
    """Return the roots that are a folder or lie below it, by path."""
    query = select(Root).where(*_from_to(Root.path, folder.rstrip(os.sep)))
    return sorted((r for r in session.scalars(query) if is_within(r.path, folder)), key=lambda r: r.path)


def _from_to(column: Any, path: str) -> tuple[ColumnElement[bool], ...]:
    """Return conditions that what lies below a path meets, and little else: an index answers them."""
    return column >= path, column < path + chr(ord(os.sep) + 1)


def root_for(session: Session, folder: str) -> Root:
    """Return the root that a folder belongs to, making it if there is none.

    A folder below a known root belongs to that root. A folder above known roots becomes their new
    root, and their tracks keep their ids.
    """
    known = root_of(session, folder)
    if known is not None:
        return known
    below = roots_below(session, folder)
    widened = Root(path=folder)
    session.add(widened)
    session.flush()
    for root in below:
        prefix = os.path.relpath(root.path, folder)
        for track in tracks_of(session, root):
            track.rel_path = os.path.join(prefix, track.rel_path)
            track.root = widened
        session.flush()
        session.delete(root)
    session.flush()
    return widened


def tracks_of(session: Session, root: Root) -> list[Track]:
    """Return the tracks of a root."""
    return list(session.scalars(select(Track).where(Track.root_id == root.id)))


def below(root: Root, folder: str) -> tuple[ColumnElement[bool], ...]:
    """Return conditions on Track that a root's tracks in a folder meet, and few others.

    Whoever asks by them looks at the paths of the tracks that are found, by `is_within`.
    """
    of_root = Track.root_id == root.id
    if is_within(root.path, folder):
        return (of_root,)
    return of_root, *_from_to(Track.rel_path, os.path.relpath(folder, root.path))


def at_path(session: Session, path: str) -> Track | None:
    """Return the track at an absolute path, or None."""
    root = root_of(session, path)
    return None if root is None else in_root(session, root, path)


def in_root(session: Session, root: Root, path: str) -> Track | None:
    """Return the track at an absolute path below a root, or None."""
    rel_path = os.path.relpath(path, root.path)
    return session.scalar(select(Track).where(Track.root_id == root.id, Track.rel_path == rel_path))


def at_paths(session: Session, root: Root, paths: Sequence[str]) -> dict[str, Track]:
    """Return the tracks at absolute paths below a root, by path; those that are not there are left out."""
    by_rel_path = {os.path.relpath(path, root.path): path for path in paths}
    found = {}
    for some in in_parts(list(by_rel_path)):
        query = select(Track).where(Track.root_id == root.id, Track.rel_path.in_(some))
        for track in session.scalars(query):
            found[by_rel_path[track.rel_path]] = track
    return found


def parts_of(session: Session, path: str) -> list[Track]:
    """Return the present tracks that are parts of the file at an absolute path, by path."""
    root = root_of(session, path)
    if root is None:
        return []
    rel_path = os.path.relpath(path, root.path)
    between = (Track.rel_path > rel_path + PART_MARK, Track.rel_path < rel_path + chr(ord(PART_MARK) + 1))
    query = select(Track).where(Track.root_id == root.id, *between)
    parts = session.scalars(query.where(Track.range_start_s.is_not(None), Track.missing.is_(False)))
    return sorted(parts, key=lambda track: track.path)


def with_content(session: Session, content_hash: str) -> list[Track]:
    """Return the tracks whose audio has a hash, by id; those with older hashes as far as these tell."""
    query = select(Track).where(Track.content_hash.in_(known_as(content_hash))).order_by(Track.id)
    return list(session.scalars(query))


def matching(session: Session, words: str) -> list[Track]:
    """Return the present tracks whose artist and title hold all the words, by artist and title."""
    query, asked = select(Track).where(Track.missing.is_(False)), words_of(search_key(words))
    if asked is None:
        return []
    for word in asked:
        query = query.where(Track.search_text.contains(word, autoescape=True))
    # Sorted here: databases differ in how they order text.
    return sorted(session.scalars(query), key=lambda track: (track.artist, track.title, track.id))


def by_ids(session: Session, ids: Sequence[int]) -> dict[int, Track]:
    """Return tracks by their ids."""
    found: dict[int, Track] = {}
    for some in in_parts(ids):
        query = select(Track).where(Track.id.in_(some))
        found.update((track.id, track) for track in session.scalars(query))
    return found


def check_known(session: Session, ids: Sequence[int]) -> None:
    """Make sure that there is a track of each id.

    Raises
    ------
    KeyError
        With the first id that none has.
    """
    known = known_ids(session, ids)
    for track_id in ids:
        if track_id not in known:
            raise KeyError(track_id)


def known_ids(session: Session, ids: Sequence[int]) -> set[int]:
    """Return those of some ids that a track has."""
    found: set[int] = set()
    for some in in_parts(ids):
        found.update(session.scalars(select(Track.id).where(Track.id.in_(some))))
    return found


def failures(session: Session) -> list[Track]:
    """Return the present tracks that could not be analysed, by path."""
    query = select(Track).where(Track.error_kind.is_not(None), Track.missing.is_(False))
    return sorted(session.scalars(query), key=lambda track: track.path)


def missing_tracks(session: Session) -> list[Track]:
    """Return the tracks whose file is gone, by path."""
    return sorted(session.scalars(select(Track).where(Track.missing)), key=lambda track: track.path)


def labels_by_id(session: Session) -> dict[int, str]:
    """Return the user's labels of the tracks that have one."""
    query = select(Track.id, Track.label).where(Track.label.is_not(None))
    return {track_id: label or "" for track_id, label in session.execute(query)}


def labelled(session: Session) -> list[Track]:
    """Return the present, analysed tracks that carry a label, by path."""
    query = select(Track).where(
        Track.label.is_not(None), Track.missing.is_(False), Track.error_kind.is_(None)
    )
    return sorted(session.scalars(query), key=lambda track: track.path)


def present(session: Session, folder: str | None = None) -> list[Track]:
    """Return the tracks that are there, by path; only those below a folder where one is given."""
    query = select(Track).where(Track.missing.is_(False))
    if folder is not None:
        root = root_of(session, folder)
        roots = select(Root.id).where(*_from_to(Root.path, folder.rstrip(os.sep)))
        query = query.where(*([Track.root_id.in_(roots)] if root is None else below(root, folder)))
    tracks = session.scalars(query)
    return sorted((t for t in tracks if folder is None or is_within(t.path, folder)), key=lambda t: t.path)


def remarked(session: Session) -> list[Track]:
    """Return the present tracks that could not be analysed, or not without a warning, by path."""
    query = select(Track).where(
        Track.missing.is_(False), or_(Track.error_kind.is_not(None), Track.warning.is_not(None))
    )
    return sorted(session.scalars(query), key=lambda track: track.path)


def count(session: Session) -> Counts:
    """Count the tracks by state."""
    here = Track.missing.is_(False)
    counted = {
        "tracks": true(),
        "analysed": here & Track.error_kind.is_(None),
        "missing": Track.missing,
        "failed": here & Track.error_kind.is_not(None),
        "warned": here & Track.warning.is_not(None),
        "labelled": here & Track.label.is_not(None),
        "played": here & (Track.plays > 0),
    }
    row = session.execute(
        select(*(func.count().filter(one).label(name) for name, one in counted.items())).select_from(Track)
    ).one()
    return Counts(**row._asdict())


def relocate(session: Session, old: str, new: str) -> int:
    """Move a root to another folder and return how many tracks moved with it.

    Raises
    ------
    CatalogError
        If `old` is no root, or `new` already is one or overlaps one.
    """
    roots = all_roots(session)
    moved = next((root for root in roots if root.path == old), None)
    if moved is None:
        known = ", ".join(root.path for root in roots) or "none yet"
        raise CatalogError(f"{old} is not a library root; the roots are: {known}")
    for root in roots:
        if root is not moved and (is_within(new, root.path) or is_within(root.path, new)):
            raise CatalogError(f"{new} overlaps the library root {root.path}")
    moved.path = new
    return session.scalar(select(func.count(Track.id)).where(Track.root_id == moved.id)) or 0
