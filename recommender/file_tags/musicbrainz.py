"""The id that MusicBrainz gives a recording, as taggers leave it in a file's tags."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from recommender.file_tags.open_file import KnownFrames, open_tags
from recommender.file_tags.read import by_name, texts_of

FRAMES: Final = KnownFrames("UFID", "UFI")
OWNED: Final = ("ufid:http://musicbrainz.org", "ufi:http://musicbrainz.org")
FIELDS: Final = (
    "musicbrainz_trackid",
    "musicbrainz/track id",
    "----:com.apple.itunes:musicbrainz track id",
    "txxx:musicbrainz recording id",
)
IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def recording_id(path: Path) -> str:
    """Return a file's recording at MusicBrainz in lower case; nothing where it names none."""
    try:
        systems = open_tags(path, FRAMES)
    except OSError:
        return ""
    for system in systems:
        values = by_name(system.tags)
        for text in (*_owned(values), *(text for name in FIELDS for text in texts_of(values, name))):
            if found := IDENTIFIER.fullmatch(text.strip().lower()):
                return found[0]
    return ""


def recording_ids(paths: Mapping[int, Path]) -> dict[int, str]:
    """Return the recordings of those files that name one, by the same keys."""
    found = {key: recording_id(path) for key, path in paths.items()}
    return {key: name for key, name in found.items() if name}


def _owned(values: Mapping[str, object]) -> list[str]:
    frames = [values[name] for name in OWNED if name in values]
    return [bytes(getattr(frame, "data", b"")).decode("ascii", "replace") for frame in frames]
