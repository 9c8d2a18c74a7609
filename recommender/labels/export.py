"""Export what the catalogue knows of every track: the user's labels and the model's, as CSV or JSON Lines."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.files import whole_file
from classifier.model.bundle import Bundle
from db.models import Track
from db.session import Catalog
from recommender import params
from recommender.describe import Sound, track_sounds
from recommender.labels.table import FACETS, described, flat
from recommender.text_files import csv_bytes

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
    return row | {"missing": track.missing} | described(track, sound, bundle)


def _jsonl(file: BinaryIO) -> Callable[[dict[str, Any]], object]:
    """Return what writes a row as JSON; a path that is not UTF-8 keeps its bytes as escapes."""
    return lambda row: file.write(json.dumps(row).encode() + b"\n")


def _csv(file: BinaryIO) -> Callable[[dict[str, Any]], object]:
    """Return what writes a row as CSV; a path keeps its bytes, whatever they are."""

    def write(row: dict[str, Any]) -> None:
        genres, missing = "; ".join(row["file_genres"]), "yes" if row["missing"] else ""
        cells = flat(row) | {"file_genres": genres, "missing": missing}
        file.write(csv_bytes([[cells.get(name, "") for name in COLUMNS]], "\n"))

    file.write(csv_bytes([COLUMNS], "\n"))
    return write
