"""Paths as the file system has them, valid UTF-8 or not, in and out of the catalogue."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from db.models import Root, Track
from db.session import Catalog
from db.tracks import at_path

FILE_NAMES = (
    st.binary(min_size=1, max_size=40)
    .map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"~"))
    .filter(lambda raw: raw not in (b".", b".."))
)


@given(folder=FILE_NAMES, name=FILE_NAMES)
def test_any_file_name_comes_back_and_is_found(shared_catalog: Catalog, folder: bytes, name: bytes) -> None:
    path = b"/music/" + folder + b"/" + name
    with shared_catalog.transaction() as session:
        root = Root(path=os.fsdecode(b"/music/" + folder))
        session.add(Track(root=root, rel_path=os.fsdecode(name), size=1, mtime_ns=1))
        session.flush()
        session.expire_all()
        track = session.scalars(select(Track).where(Track.rel_path == os.fsdecode(name))).one()
        assert os.fsencode(track.rel_path) == name
        assert os.fsencode(track.path) == path
        assert at_path(session, os.fsdecode(path)) is track
        assert at_path(session, os.fsdecode(path + b"x")) is None
        session.rollback()


def test_names_are_stored_as_the_bytes_of_the_file_system(catalog: Catalog, backend: str) -> None:
    raw = b"caf\xe9 \xf0\x9f\x8e\xb8\n.mp3"
    with catalog.transaction() as session:
        session.add(Track(root=Root(path="/music"), rel_path=os.fsdecode(raw), size=1, mtime_ns=1))
    kind, name = {"sqlite": ("typeof", "blob"), "postgresql": ("pg_typeof", "bytea")}[backend]
    with catalog.engine.connect() as connection:
        rows = connection.execute(text(f"SELECT CAST({kind}(rel_path) AS text), rel_path FROM track"))
        assert rows.all() == [(name, raw)]


def test_names_that_differ_in_one_odd_byte_are_two_tracks(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        root = Root(path=str(tmp_path))
        for raw in (b"\xff.mp3", b"\xfe.mp3"):
            session.add(Track(root=root, rel_path=os.fsdecode(raw), size=1, mtime_ns=1))
    with catalog.transaction() as session:
        found = {os.fsencode(track.rel_path) for track in session.scalars(select(Track))}
    assert found == {b"\xff.mp3", b"\xfe.mp3"}
