"""Which tracks are names of one file, by symbolic links."""

import os

from sqlalchemy.orm import Session

from db.plays import known_songs


def links_of(session: Session) -> dict[str, list[int]]:
    """Return the tracks of files that symbolic links lead to, all of each, by the file's own path.

    Looked up once for many files: to ask for the other tracks of each one's audio takes, where there are
    thousands of copies, thousands of questions a file.
    """
    paths = {song.track_id: song.path for song in known_songs(session) if not song.missing}
    real = {track_id: os.path.realpath(path) for track_id, path in paths.items()}
    elsewhere = {path for track_id, path in real.items() if path != paths[track_id]}
    links: dict[str, list[int]] = {}
    for track_id, path in real.items():
        if path in elsewhere:
            links.setdefault(path, []).append(track_id)
    return links
