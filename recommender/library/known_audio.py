"""The tracks that hold each audio a run has met: which can be copied from, and which lost their file.

A library may hold thousands of files of one recording. What is known of an audio is read from the
catalogue once a run, not once a file: the cost of a file does not grow with the number of its copies.
"""

import os
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from heapq import heappop, heappush

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.file_range import file_of
from db.models import Root, Track
from db.sound.features import has_features_of
from db.values import PACKET_DIGITS, in_parts, known_as, same_content


@dataclass
class _Holders:
    """The analysed tracks of one audio, as they were when it was first asked for.

    Attributes
    ----------
    ids
        Those that it can be copied from, in descending order; one that is no good any more is left out
        when it is met.
    free
        Those whose file may be gone.
    in_order, by_name
        Heaps of them, and of others that were met already: all, and by file name.
    """

    ids: list[int]
    free: set[int] = field(default_factory=set)
    in_order: list[int] = field(default_factory=list)
    by_name: dict[str, list[int]] = field(default_factory=dict)

    def offer(self, track_id: int, name: str) -> None:
        """Say that a track's file may be gone."""
        self.free.add(track_id)
        heappush(self.in_order, track_id)
        heappush(self.by_name.setdefault(name, []), track_id)

    def take(self, name: str) -> int | None:
        """Return a track whose file may be gone, one of a name before others, and offer it no more."""
        for heap in (self.by_name.get(name, []), self.in_order):
            while heap:
                track_id = heappop(heap)
                if track_id in self.free:
                    self.free.discard(track_id)
                    return track_id
        return None


class KnownAudio:
    """What a run knows of the audio in the catalogue.

    Parameters
    ----------
    trunk_id
        Analyses of other trunks do not count.
    """

    def __init__(self, trunk_id: str) -> None:
        self._trunk_id = trunk_id
        self._holders: dict[str, _Holders] = {}

    def forget(self, content_hash: str | None) -> None:
        """Have the catalogue asked again: another track was analysed as holding an audio."""
        self._holders.pop(content_hash or "", None)

    def held(self, session: Session, content_hashes: Set[str]) -> set[str]:
        """Return those of some hashes of audio that tracks have: most files of a first run are new."""
        met = content_hashes & self._holders.keys()  # of one audio there may be thousands of tracks
        names = [name for content_hash in content_hashes - met for name in known_as(content_hash)]
        found: set[str | None] = set()
        for some in in_parts(names):
            query = select(Track.content_hash).where(Track.content_hash.in_(some))
            found.update(session.scalars(query))
        return {one for one in content_hashes if one in met or not found.isdisjoint(known_as(one))}

    def offer(self, session: Session, tracks: Iterable[Track], wanted: Set[str]) -> None:
        """Say that the files of analysed tracks have other audio now: a file with theirs may be theirs.

        Parameters
        ----------
        wanted
            Hashes of audio that tracks are looked for of.
        """
        of_packets: dict[str, list[str]] = {}
        for content_hash in wanted:
            of_packets.setdefault(content_hash[:PACKET_DIGITS], []).append(content_hash)
        for track in tracks:
            for content_hash in of_packets.get((track.content_hash or "")[:PACKET_DIGITS], ()):
                if _is_of(track, content_hash):
                    self._of(session, content_hash).offer(track.id, os.path.basename(track.path))

    def with_lost_file(
        self, session: Session, content_hash: str, name: str, displaced: Set[str]
    ) -> Track | None:
        """Return a track of an audio whose path leads nowhere, or to other audio, and offer it no more.

        Parameters
        ----------
        name
            A track whose file was called so is returned before others; else the one with the lowest id.
        displaced
            Paths that lead to other audio now.
        """
        holders = self._of(session, content_hash)
        while (track_id := holders.take(name)) is not None:
            track = self._good(session, track_id, content_hash)
            if track is None:
                continue
            if track.path in displaced or _is_lost(track.path, track.range_start_s, is_missing=track.missing):
                return track
        return None

    def analysed(self, session: Session, content_hash: str) -> Track | None:
        """Return a track with the analysis of an audio, the one with the lowest id, or None."""
        holders = self._of(session, content_hash)
        while holders.ids:
            track = self._good(session, holders.ids[-1], content_hash)
            if track is not None:
                return track
            holders.ids.pop()
        return None

    def _good(self, session: Session, track_id: int, content_hash: str) -> Track | None:
        """Return a track, if its analysis still is of an audio."""
        track = session.get(Track, track_id)
        return track if track is not None and _is_of(track, content_hash) else None

    def _of(self, session: Session, content_hash: str) -> _Holders:
        """Return the holders of an audio; those of one that no track has are not kept."""
        if content_hash in self._holders:
            return self._holders[content_hash]
        names = known_as(content_hash)
        analysed = Track.analysed_hash.in_(names) & has_features_of(self._trunk_id)
        columns = (Track.id, Root.path, Track.rel_path, Track.range_start_s, Track.missing)
        query = select(*columns, analysed.label("analysed"))
        query = query.join(Root, Root.id == Track.root_id).where(Track.content_hash.in_(names))
        rows = session.execute(query.order_by(Track.id)).all()
        holders = _Holders([row.id for row in reversed(rows) if row.analysed])
        for track_id, root, rel_path, start_s, missing, is_analysed in rows:
            path = os.path.join(root, rel_path)
            if is_analysed and _is_lost(path, start_s, is_missing=missing):
                holders.offer(track_id, os.path.basename(path))
        if rows:
            self._holders[content_hash] = holders
        return holders


def _is_lost(path: str, start_s: float | None, *, is_missing: bool) -> bool:
    """Whether a track's file is not there, or is not cut any more as the track was."""
    if start_s is None:
        return not os.path.lexists(path)
    return is_missing or not os.path.lexists(file_of(path))


def _is_of(track: Track, content_hash: str) -> bool:
    """Whether a track was analysed as holding an audio, and still has it."""
    return same_content(track.content_hash, content_hash) and same_content(track.analysed_hash, content_hash)
