"""Shortlists as the commands' ``--json`` and the service give them, made by hand."""

from typing import Any


def song(track_id: int = 1, **more: Any) -> dict[str, Any]:
    """Return a song, so far as exports look at it."""
    plain = {
        "track_id": track_id,
        "path": f"/music/{track_id}.flac",
        "title": f"Song {track_id}",
        "artist": "Ann",
        "album": "First",
        "duration_s": 200.0,
        "tempo_bpm": 120.25,
        "key": "A minor",
        "label": None,
        "verdict": "rock/punk",
    }
    return plain | more


def entry(track: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an entry of a song."""
    plain = {
        "entry_id": track["track_id"],
        "note": "",
        "similarity": 0.875,
        "query_start_s": 10.0,
        "query_end_s": 40.0,
        "match_start_s": 61.5,
        "match_end_s": 91.5,
        "query_name": "Bob - Query",
        "query": None,
        "track": track,
    }
    return plain | more


def shortlist(*entries: dict[str, Any], name: str = "Dinner scene") -> dict[str, Any]:
    """Return a shortlist."""
    return {
        "shortlist_id": 1,
        "name": name,
        "songs": len(entries),
        "duration_s": sum(one["track"]["duration_s"] or 0.0 for one in entries),
        "created": "2026-01-01T00:00:00Z",
        "changed": "2026-02-03T04:05:06Z",
        "entries": list(entries),
    }
