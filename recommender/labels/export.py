"""Export what the catalogue knows of every track: the user's labels and the model's, as CSV or JSON Lines."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.atomic_files import whole_file
from classifier.model.bundle import Bundle
from db.models import Track
from db.session import Catalog
from recommender import params
from recommender.describe import Sound, judgement, named, track_sounds
from recommender.labels.table import FACET_LEAST, FACETS, N_TAGS

LABEL_COLUMNS = ("path", "content_hash", "artist", "title", "label", "label_source", "label_group")
COLUMNS = (
    *LABEL_COLUMNS,
    "album",
    "file_genres",
    "missing",
    "genre",
    "confidence",
    "nearest",
    "genres",
    "tags",
    *FACETS,
    "unknown",
    "error",
)
"""Of a CSV. Lists are joined with ``; ``; a probability follows its name after a colon."""


def export_labels(catalog: Catalog, bundle: Bundle, output: Path) -> int:
    """Write a line for every track, also those whose file is gone, by id; return how many.

    Parameters
    ----------
    catalog
        Read as it is at one moment, some tracks at a time.
    bundle
        Whose genres are written.
    output
        Ends in .csv or .jsonl; it is replaced once all is written.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with whole_file(output) as file, catalog.snapshot() as session:
        write = _jsonl(file) if output.suffix.lower() == ".jsonl" else _csv(file)
        n_tracks = 0
        for row in label_rows(session, bundle):
            write(row)
            n_tracks += 1
    return n_tracks


def label_rows(session: Session, bundle: Bundle) -> Iterator[dict[str, Any]]:
    """Yield what is known of every track, by id.

    A row has the `LABEL_COLUMNS` (null where there is none), ``album``, ``file_genres``, ``missing``, and
    what `recommender.labels.table.rows` has of a track that is analysed, or ``error``.
    """
    last = 0
    while True:
        query = select(Track).where(Track.id > last).order_by(Track.id).limit(params.TAGGED_TOGETHER)
        tracks = list(session.scalars(query))
        if not tracks:
            return
        sounds = track_sounds(session, [track.id for track in tracks], bundle)
        yield from [_row(track, sounds.get(track.id), bundle) for track in tracks]
        last = tracks[-1].id
        session.expunge_all()


def _row(track: Track, sound: Sound | None, bundle: Bundle) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(track, name) for name in (*LABEL_COLUMNS, "album", "file_genres")}
    row["missing"] = track.missing
    if track.error_kind is not None or sound is None:
        message = track.error_message or "not analysed with the active bundle: run ingest"
        return row | {"error": {"kind": track.error_kind or "not_analysed", "message": message}}
    said = judgement(sound, bundle)
    row["genre"], row["confidence"] = said.pop("label"), said.pop("label_probability")
    return row | said | {"tags": named(bundle.tag_names, sound.tags, N_TAGS)}


def _jsonl(file: BinaryIO) -> Callable[[dict[str, Any]], object]:
    """Return what writes a row as JSON; a path that is not UTF-8 keeps its bytes as escapes."""
    return lambda row: file.write(json.dumps(row).encode() + b"\n")


def _csv(file: BinaryIO) -> Callable[[dict[str, Any]], object]:
    """Return what writes a row as CSV; a path keeps its bytes, whatever they are."""
    line = io.StringIO(newline="")
    writer = csv.DictWriter(line, COLUMNS, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()

    def write(row: dict[str, Any]) -> None:
        flat = dict(row, file_genres="; ".join(row["file_genres"]), missing="yes" if row["missing"] else "")
        for name in ("genres", "tags"):
            flat[name] = "; ".join(f"{i['name']}:{i['probability']}" for i in row.get(name, ()))
        flat["nearest"] = row["nearest"]["name"] if "nearest" in row else ""
        for facet in FACETS:
            heard = row.get("facets", {}).get(facet, ())
            flat[facet] = "; ".join(i["name"] for i in heard if i["probability"] >= FACET_LEAST)
        flat["error"] = row["error"]["message"] if "error" in row else ""
        writer.writerow(flat)
        file.write(line.getvalue().encode("utf-8", "surrogateescape"))
        line.seek(0)
        line.truncate()

    return write
