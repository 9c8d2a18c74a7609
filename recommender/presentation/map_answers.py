"""The map for machines: a row a track, or columns that are short to send and quick to draw."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from db.listening.map_places import MapFacts
from recommender.map.colours import (
    MapClasses,
    decade_classes,
    label_classes,
    play_classes,
    tempo_classes,
)
from recommender.map.library_map import LibraryMap
from recommender.map.regions import Region

FINENESS = 65535
"""A column's coordinates are 0..65535 for -1..1."""


def map_answer(drawn: LibraryMap, facts: Mapping[int, MapFacts]) -> dict[str, Any]:
    """Return the map with a row a track, as the service gives it to programs."""
    rows = [
        {
            "track_id": track_id,
            "title": facts[track_id].title,
            "artist": facts[track_id].artist,
            "x": x,
            "y": y,
            "genre": facts[track_id].label or genre,
            "year": facts[track_id].year,
            "tempo_bpm": facts[track_id].tempo_bpm,
            "plays": facts[track_id].plays,
        }
        for track_id, (x, y), genre in zip(drawn.track_ids, drawn.points.tolist(), drawn.genres, strict=True)
        if track_id in facts
    ]
    return {"status": "ready", "tracks": rows, "regions": regions_json(drawn.regions)}


def map_columns(drawn: LibraryMap, facts: Mapping[int, MapFacts]) -> dict[str, Any]:
    """Return the map in columns, as the page draws it.

    Numbers are bytes in base64, the least significant first.
    """
    there = [i for i, track_id in enumerate(drawn.track_ids) if track_id in facts]
    said = [facts[drawn.track_ids[i]] for i in there]
    labels = [one.label or drawn.genres[i] for i, one in zip(there, said, strict=True)]
    steps = np.rint((drawn.points[there].reshape(-1, 2) + 1) / 2 * FINENESS).clip(0, FINENESS)
    return {
        "status": "ready",
        "count": len(there),
        "track_ids": _bytes(np.array([drawn.track_ids[i] for i in there]), "<i4"),
        "x": _bytes(steps[:, 0], "<u2"),
        "y": _bytes(steps[:, 1], "<u2"),
        "titles": [one.title for one in said],
        "artists": _named([one.artist for one in said]),
        "labels": _named(labels),
        "colours": {
            "label": classes_json(label_classes(labels)),
            "decade": classes_json(decade_classes([one.year for one in said])),
            "tempo": classes_json(tempo_classes([one.tempo_bpm for one in said])),
            "plays": classes_json(play_classes([one.plays for one in said])),
        },
        "regions": regions_json(drawn.regions),
    }


def classes_json(classes: MapClasses) -> dict[str, Any]:
    """Return the classes of a colouring."""
    return {
        "names": classes.names,
        "grey": classes.grey,
        "ordered": classes.ordered,
        "of": _bytes(classes.of, "<u1"),
    }


def regions_json(regions: Sequence[Region]) -> list[dict[str, Any]]:
    """Return the areas of a map, in the order in which their names are to be written."""
    return [{**asdict(region), "x": round(region.x, 4), "y": round(region.y, 4)} for region in regions]


def _named(values: Sequence[str]) -> dict[str, Any]:
    names, of = np.unique(np.array(values, object), return_inverse=True)
    return {"names": names.tolist(), "of": _bytes(of, "<u4")}


def _bytes(values: npt.NDArray[Any], kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")
