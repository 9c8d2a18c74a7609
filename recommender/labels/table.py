"""The genres and tags of a whole library as rows, for CSV and JSON."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.models import Track
from db.tracks import present
from recommender.describe import Sound, judgement, named, track_sound
from recommender.text_files import KEEP_BYTES, csv_bytes

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
    sure enough, or "not music", or "unsure"), ``confidence`` (its probability), ``nearest`` (the
    label whether sure or not), ``genres`` (the top level of the tree), ``hierarchy``, ``facets``, ``tags``
    and ``unknown`` (why it has no label, or null), or ``error``.
    """
    for track in present(session, folder):
        sound = None if track.error_kind else track_sound(session, track.id, bundle)
        names = {"track_id": track.id, "path": track.path, "artist": track.artist, "title": track.title}
        yield names | described(track, sound, bundle)


def described(track: Track, sound: Sound | None, bundle: Bundle) -> dict[str, Any]:
    """Return what a row has of a track's sound, or why it has none."""
    if track.error_kind is not None or sound is None:
        message = track.error_message or "not analysed with the active bundle: run ingest"
        return {"error": {"kind": track.error_kind or "not_analysed", "message": message}}
    verdict = judgement(sound)
    named_by = {"genre": verdict.pop("label"), "confidence": verdict.pop("label_probability")}
    return named_by | verdict | {"tags": named(bundle.tag_names, sound.tags, N_TAGS)}


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for a CSV: lists become ``name:probability`` joined with ``; ``, objects their text."""
    cells = dict(row)
    for name in ("genres", "tags"):
        cells[name] = "; ".join(f"{i['name']}:{i['probability']}" for i in row.get(name, ()))
    for facet in FACETS:
        found = row.get("facets", {}).get(facet, ())
        cells[facet] = "; ".join(i["name"] for i in found if i["probability"] >= FACET_LEAST)
    cells["nearest"] = row["nearest"]["name"] if "nearest" in row else ""
    cells["error"] = row["error"]["message"] if "error" in row else ""
    return cells


def as_json_text(found: Sequence[dict[str, Any]]) -> bytes:
    """Return rows as JSON; a path that is not UTF-8 keeps its bytes as escapes."""
    return (json.dumps(found, indent=2) + "\n").encode()


def as_csv(found: Sequence[dict[str, Any]], *, shown: bool = False) -> bytes:
    """Return rows as CSV in UTF-8.

    Parameters
    ----------
    found
        See `rows`.
    shown
        Whether a terminal may come to see it: then control characters are escaped, but for line breaks and
        tabs. In a file that is written for programs, names stay as they are.
    """
    lines = ([cells.get(name, "") for name in COLUMNS] for cells in map(flat, found))
    whole = csv_bytes(chain([COLUMNS], lines))
    if not shown:
        return whole
    text = CONTROLS.sub(_escaped, whole.decode("utf-8", KEEP_BYTES))
    return text.encode("utf-8", KEEP_BYTES)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
