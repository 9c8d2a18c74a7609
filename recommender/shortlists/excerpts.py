"""Excerpts of a shortlist's songs: which seconds of which file, what each file is called, its tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from classifier.datasets.songs import most_representative
from classifier.model.bundle import Bundle
from db.models import Track
from db.sound.features import features_of
from db.tracks import by_ids
from db.values import in_parts
from recommender import params
from recommender.playlist import safe_file_name
from recommender.presentation.text import called, clock, title_of

FORMATS: Final = ("flac", "mp3")


@dataclass(frozen=True)
class ExcerptFile:
    """A file that is to be cut out of a song.

    Attributes
    ----------
    track
        The song.
    start_s, end_s
        From where to where in it.
    name
        Of the file, without its ending; unlike those of the others.
    tags
        Title, artist, album and comment.
    """

    track: Track
    start_s: float
    end_s: float
    name: str
    tags: Mapping[str, str]


def excerpt_files(session: Session, answer: dict[str, Any], bundle: Bundle) -> list[ExcerptFile]:
    """Return the excerpts of a shortlist, in order.

    Each has 30 s from the beginning of its passage, earlier where the song ends before; of a song without
    a passage, of its most typical segment.

    Parameters
    ----------
    answer
        As `recommender.presentation.shortlists.shortlist_answer` gives it.
    """
    entries = answer["entries"]
    tracks = by_ids(session, sorted({entry["track"]["track_id"] for entry in entries}))
    whole = {entry["track"]["track_id"] for entry in entries if entry["match_start_s"] is None}
    typical = _typical_starts(session, sorted(whole), bundle)
    digits = max(2, len(str(len(entries))))
    found = []
    for number, entry in enumerate(entries, start=1):
        track = tracks[entry["track"]["track_id"]]
        start_s = entry["match_start_s"]
        start_s = typical.get(track.id, 0.0) if start_s is None else start_s
        start_s, end_s = excerpt_span(start_s, track.duration_s)
        name = safe_file_name(f"{number:0{digits}d} {called(entry['track'])}")
        found.append(ExcerptFile(track, start_s, end_s, name, _tags(entry, start_s, end_s)))
    return found


def excerpt_span(start_s: float, duration_s: float | None) -> tuple[float, float]:
    """Return from where to where an excerpt goes that should begin somewhere: 30 s, or all of the song."""
    if duration_s is None:
        return start_s, start_s + params.EXCERPT_S
    start_s = max(0.0, min(start_s, duration_s - params.EXCERPT_S))
    return start_s, min(start_s + params.EXCERPT_S, duration_s)


def _typical_starts(session: Session, track_ids: list[int], bundle: Bundle) -> dict[int, float]:
    """Return where the most typical segment of each song begins; songs without an analysis are left out."""
    found = {}
    for some in in_parts(track_ids):
        for track_id, features in features_of(session, some, bundle.trunk_id).items():
            best = most_representative(features.embeddings, features.durations_s)
            found[track_id] = float(features.starts_s[best])
    return found


def _tags(entry: dict[str, Any], start_s: float, end_s: float) -> dict[str, str]:
    track = entry["track"]
    said = f"Excerpt {clock(round(start_s))}-{clock(round(end_s))}"
    words = {
        "title": title_of(track),
        "artist": track["artist"],
        "album": track["album"],
        "comment": f"{said}. {entry['note']}" if entry["note"] else said,
    }
    return {name: text.encode("utf-8", "replace").decode() for name, text in words.items() if text}


def tagged(content: bytes, format: str, tags: Mapping[str, str]) -> bytes:
    """Return a FLAC or MP3 file with tags."""
    from mutagen.flac import FLAC
    from mutagen.id3 import COMM, ID3, TALB, TIT2, TPE1

    file = BytesIO(content)
    if format == "flac":
        flac = FLAC(file)
        for name, text in tags.items():
            flac[name] = text
        file.seek(0)
        flac.save(file)
        return file.getvalue()
    made, frames = ID3(), {"title": TIT2, "artist": TPE1, "album": TALB}
    for name, frame in frames.items():
        if name in tags:
            made.add(frame(encoding=1, text=tags[name]))
    if "comment" in tags:
        made.add(COMM(encoding=1, lang="eng", desc="", text=tags["comment"]))
    made.save(file, v2_version=3)
    return file.getvalue()


def cut_excerpt(path: str, format: str, start_s: float, end_s: float) -> bytes:
    """Return an excerpt of a file as a file of its own; runs in a worker.

    Raises
    ------
    AudioError
        If it cannot be decoded.
    """
    from classifier.audio.stream_encode import encoded_excerpt

    rate = params.EXCERPT_BIT_RATE if format == "mp3" else None
    return encoded_excerpt(Path(path), format, rate, start_s, end_s)
