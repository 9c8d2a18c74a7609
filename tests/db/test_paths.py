"""Paths as the file system has them, valid UTF-8 or not, in and out of the catalogue."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from db.models import Root, Track
from db.session import Catalog, open_catalog
from db.tracks import at_path

FILE_NAMES = (
    st.binary(min_size=1, max_size=40)
    .map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"~"))
    .filter(lambda raw: raw not in (b".", b".."))
)


@pytest.fixture(scope="module")
def shared_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    made = open_catalog(tmp_path_factory.mktemp("paths") / "catalog.sqlite")
    yield made
    made.close()


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


def test_names_are_stored_as_the_bytes_of_the_file_system(catalog: Catalog) -> None:
    raw = b"caf\xe9 \xf0\x9f\x8e\xb8\n.mp3"
    with catalog.transaction() as session:
        session.add(Track(root=Root(path="/music"), rel_path=os.fsdecode(raw), size=1, mtime_ns=1))
    with sqlite3.connect(str(catalog.engine.url.database)) as connection:
        assert connection.execute("SELECT typeof(rel_path), rel_path FROM track").fetchall() == [
            ("blob", raw)
        ]
    connection.close()


def test_names_that_differ_in_one_odd_byte_are_two_tracks(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as session:
        root = Root(path=str(tmp_path))
        for raw in (b"\xff.mp3", b"\xfe.mp3"):
            session.add(Track(root=root, rel_path=os.fsdecode(raw), size=1, mtime_ns=1))
    with catalog.transaction() as session:
        found = {os.fsencode(track.rel_path) for track in session.scalars(select(Track))}
    assert found == {b"\xff.mp3", b"\xfe.mp3"}
