"""The genres and tags of a whole library as rows, for CSV and JSON."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.tracks import present
from recommender.describe import judgement, named, track_sound

N_TAGS = 10
COLUMNS = (
    "track_id",
    "path",
    "artist",
    "title",
    "genre",
    "confidence",
    "nearest",
    "genres",
    "tags",
    "mood",
    "voice",
    "instrument",
    "era",
    "unknown",
    "error",
)
CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")
FACETS = ("mood", "voice", "instrument", "era")
FACET_LEAST = 0.1
"""A mood, voice, instrument or era less probable than this is not worth a cell of the CSV."""


def rows(session: Session, bundle: Bundle, folder: str | None) -> Iterator[dict[str, Any]]:
    """Yield what is known of every present track, by path; only those below a folder if one is given.

    A row has ``track_id``, ``path``, ``artist``, ``title``, and either ``genre`` (the finest label that is
    sure enough, or "unknown"), ``confidence`` (its probability), ``nearest`` (the label whether sure or
    not), ``genres``, ``hierarchy``, ``facets``, ``tags`` and ``unknown`` (why, or null), or ``error``.
    """
    for track in present(session, folder):
        row: dict[str, Any] = {
            "track_id": track.id,
            "path": track.path,
            "artist": track.artist,
            "title": track.title,
        }
        sound = None if track.error_kind else track_sound(session, track.id, bundle)
        if sound is None:
            message = track.error_message or "not analysed with the active bundle: run ingest"
            row["error"] = {"kind": track.error_kind or "not_analysed", "message": message}
        else:
            said = judgement(sound, bundle)
            row["genre"], row["confidence"] = said.pop("label"), said.pop("label_probability")
            row |= said
            row["tags"] = named(bundle.tag_names, sound.tags, N_TAGS)
        yield row


def as_json_text(found: Sequence[dict[str, Any]]) -> bytes:
    """Return rows as JSON; a path that is not UTF-8 keeps its bytes as escapes."""
    return (json.dumps(found, indent=2) + "\n").encode()


def as_csv(found: Sequence[dict[str, Any]], *, shown: bool = False) -> bytes:
    """Return rows as CSV in UTF-8; lists become ``name:probability`` joined with ``; ``.

    Parameters
    ----------
    found
        See `rows`.
    shown
        Whether a terminal may come to see it: then control characters are escaped, but for line breaks and
        tabs. In a file that is written for programs, names stay as they are.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", restval="")
    writer.writeheader()
    for row in found:
        flat = dict(row)
        for name in ("genres", "tags"):
            if name in row:
                flat[name] = "; ".join(f"{i['name']}:{i['probability']}" for i in row[name])
        if "nearest" in row:
            flat["nearest"] = row["nearest"]["name"]
        for facet in FACETS:
            found = row.get("facets", {}).get(facet, [])
            flat[facet] = "; ".join(i["name"] for i in found if i["probability"] >= FACET_LEAST)
        if "error" in row:
            flat["error"] = row["error"]["message"]
        writer.writerow(flat)
    whole = CONTROLS.sub(_escaped, text.getvalue()) if shown else text.getvalue()
    return whole.encode("utf-8", "surrogateescape")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
