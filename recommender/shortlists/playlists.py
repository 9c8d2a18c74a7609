"""Songs as M3U8: by absolute paths, by paths relative to the library, or by addresses of the service."""

import enum
from collections.abc import Sequence
from pathlib import Path, PurePath

from db.file_range import file_of
from db.models import Track
from recommender.playlist import PlaylistEntry, common_folder, write_playlist


class Naming(enum.StrEnum):
    """What a playlist calls its songs."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    ADDRESSES = "addresses"


def tracks_m3u8(
    tracks: Sequence[Track], naming: Naming, service: str = ""
) -> tuple[bytes, list[tuple[str, str]]]:
    """Return tracks as M3U8, and (path, reason) of each that it cannot name.

    Parameters
    ----------
    naming
        Relative paths are from the folder that holds all of their libraries' folders: of a library of one
        folder, from that.
    service
        The address of the service, with a slash at its end; for addresses alone.
    """
    base = common_folder([track.root.path for track in tracks]) if naming is Naming.RELATIVE else None
    entries = [_addressed(t, service) if naming is Naming.ADDRESSES else _in_file(t) for t in tracks]
    return write_playlist(entries, None, "m3u8", None if base is None else Path(base))


def _in_file(track: Track) -> PlaylistEntry:
    return PlaylistEntry(
        track.path,
        track.title,
        track.artist,
        track.duration_s,
        start_s=track.range_start_s,
        end_s=track.range_end_s,
    )


def _addressed(track: Track, service: str) -> PlaylistEntry:
    title = track.title or PurePath(file_of(track.path)).stem
    return PlaylistEntry(f"{service}api/tracks/{track.id}/audio", title, track.artist, track.duration_s)
