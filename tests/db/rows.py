"""Rows and vectors put straight into a catalogue."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Root, Track
from db.session import Catalog
from db.sound.features import SegmentRow, store_segments

Array = npt.NDArray[np.float32]

TRUNK, BUNDLE = "trunk-a", "bundle-a"


def new_track(session: Session, root: Root, rel_path: str, **values: Any) -> Track:
    """Add an analysed track without segments."""
    defaults: dict[str, Any] = {"size": 1, "mtime_ns": 1, "title": rel_path, "artist": ""}
    track = Track(root=root, rel_path=rel_path, **(defaults | values))
    session.add(track)
    session.flush()
    return track


def stored(catalog: Catalog, rows: list[SegmentRow], name: str = "a.mp3") -> int:
    """Store the segments of a track of its own, whose audio is no other's, and return its id."""
    with catalog.transaction() as session:
        root = session.scalar(select(Root)) or Root(path="/music")
        track = new_track(session, root, name, analysed_hash=f"hash of {name}")
        store_segments(session, track, rows, TRUNK, BUNDLE)
        return track.id


def segment_row(
    random: np.random.Generator, start_s: float = 0.0, end_s: float = 30.0, *, silent: bool = False
) -> SegmentRow:
    """Return a segment with random features."""
    if silent:
        return SegmentRow(start_s, end_s, -90.0, None, None, None, None)
    patches = random.standard_normal((9, 200)).astype(np.float32)
    return SegmentRow(
        start_s,
        end_s,
        -14.5,
        embedding=patches.mean(axis=0),
        tags=random.uniform(size=50).astype(np.float32),
        patches=patches,
        genres=random.dirichlet(np.ones(10)).astype(np.float32),
    )


def store_embeddings(session: Session, track: Track, embeddings: Array | Sequence[Array]) -> None:
    """Give a track one segment of 30 s for each embedding."""
    rows = [
        SegmentRow(
            30.0 * number,
            30.0 * (number + 1),
            -14.0,
            embedding=np.asarray(embedding, np.float32),
            tags=np.full(50, 0.02, np.float32),
            patches=np.zeros((1, 200), np.float32),
            genres=np.full(10, 0.1, np.float32),
        )
        for number, embedding in enumerate(embeddings)
    ]
    track.analysed_hash = blake2b(
        b"".join(row.embedding.tobytes() for row in rows), digest_size=20
    ).hexdigest()  # type: ignore[union-attr]
    store_segments(session, track, rows, TRUNK, BUNDLE)
