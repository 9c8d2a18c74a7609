"""Shortlists for machines: what the commands' ``--json`` and the service both give."""

from typing import Any, Final

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.listening.shortlists import all_shortlists, shortlist_entries
from db.listening.tables import Shortlist, ShortlistEntry
from db.rows import rows_by_ids
from db.values import iso_utc
from recommender.presentation.songs import tracks_json

Answer = dict[str, Any]
PASSAGE: Final = ("query_start_s", "query_end_s", "match_start_s", "match_end_s")


def shortlist_answer(session: Session, shortlist: Shortlist, bundle: Bundle) -> Answer:
    """Return a shortlist with its entries, in order."""
    entries = entries_json(session, shortlist_entries(session, shortlist), bundle)
    seconds = sum(entry["track"]["duration_s"] or 0.0 for entry in entries)
    return {**_info(shortlist, len(entries)), "duration_s": round(seconds, 3), "entries": entries}


def shortlists_answer(session: Session) -> Answer:
    """Return all shortlists, by name, and how many songs each holds."""
    return {"shortlists": [_info(one, songs) for one, songs in all_shortlists(session)]}


def entries_json(session: Session, entries: list[ShortlistEntry], bundle: Bundle) -> list[Answer]:
    """Return entries with their songs, and those that they were found by."""
    named = {i for entry in entries for i in (entry.track_id, entry.query_track_id) if i is not None}
    rows = [row for row in rows_by_ids(session, sorted(named)).values() if not row.missing]
    songs = {song["track_id"]: song for song in tracks_json(session, rows, bundle)}
    return [
        {
            "entry_id": entry.id,
            "note": entry.note,
            "added": iso_utc(entry.added),
            "similarity": entry.similarity,
            **{name: getattr(entry, name) for name in PASSAGE},
            "query_name": entry.query_name,
            "query": songs.get(entry.query_track_id or 0),
            "track": songs[entry.track_id],
        }
        for entry in entries
        if entry.track_id in songs
    ]


def _info(shortlist: Shortlist, songs: int) -> Answer:
    return {
        "shortlist_id": shortlist.id,
        "name": shortlist.name,
        "songs": songs,
        "created": iso_utc(shortlist.created),
        "changed": iso_utc(shortlist.changed),
    }
