"""How far an ingest is, in the catalogue."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from db import ingest_progress as noted
from db.ingest_progress import IngestProgress, clear_progress, ingest_progress, note_progress
from db.models import Setting
from db.session import Catalog
from db.tracks_token import tokens_of
from db.values import utc_now
from tests.databases import open_catalog


@pytest.fixture
def catalog(database: str, tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(tmp_path / "catalog.sqlite")
    yield opened
    opened.close()


@pytest.mark.databases("sqlite", "postgresql")
def test_what_is_noted_is_there_until_it_is_cleared(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        assert ingest_progress(session) is None
        before = tokens_of(session)
    for done in (0, 17, 18):
        with catalog.transaction() as session:
            note_progress(session, IngestProgress(done, 60))
        with catalog.snapshot() as session:
            assert ingest_progress(session) == IngestProgress(done, 60)
    with catalog.transaction() as session:
        clear_progress(session)
        clear_progress(session)
    with catalog.snapshot() as session:
        assert ingest_progress(session) is None
        assert tokens_of(session) == before


def test_of_an_ingest_that_was_killed_nothing_is_told(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with catalog.transaction() as session:
        note_progress(session, IngestProgress(3, 60))
    now = utc_now()
    monkeypatch.setattr(noted, "utc_now", lambda: now + timedelta(minutes=6))
    with catalog.snapshot() as session:
        assert ingest_progress(session) is None


@pytest.mark.parametrize("value", ["", "[]", '{"done": 1}', '{"done": 1, "found": 2, "at": "yesterday"}'])
def test_what_another_version_noted_is_nothing(catalog: Catalog, value: str) -> None:
    with catalog.transaction() as session:
        session.add(Setting(name=noted.NAME, value=value))
    with catalog.snapshot() as session:
        assert ingest_progress(session) is None
