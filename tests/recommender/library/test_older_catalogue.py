"""A catalogue from before tags were read as far: they are read again, and no file is analysed again."""

from pathlib import Path

import mutagen
import pytest
from alembic import command

from db.upgrade import HEAD_REVISION, alembic_config
from recommender.file_tags.read import TAGS_VERSION
from recommender.library import ingest as ingest_module
from recommender.library import reconcile
from recommender.library.scan import FoundFile
from tests import databases
from tests.recommender import support
from tests.recommender.support import Library, analyses, counts, names, query

N = len(support.SONGS)
FIRST = "0001"


def downgrade(library: Library) -> None:
    """Give the catalogue the schema that the first release had."""
    catalog = databases.open_catalog(library.home / databases.FILE)
    config = alembic_config()
    with catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, FIRST)
    catalog.close()
    assert revision(library) == FIRST
    columns = query(library.home, "SELECT * FROM track")[0].keys()
    assert "album_artist" not in columns and "artist" in columns


def revision(library: Library) -> str:
    return str(query(library.home, "SELECT version_num FROM alembic_version")[0][0])


def place_of(library: Library) -> dict[str, tuple[str, int | None, int | None, int]]:
    kept = ("album_artist", "track_number", "disc_number", "tags_version")
    return {name: tuple(row[key] for key in kept) for name, row in names(library.home).items()}


@pytest.mark.databases(*databases.KINDS)
def test_tags_are_read_again_once(quick_library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    beta = quick_library.music / "rock/beta.flac"
    file = mutagen.File(beta)
    file["albumartist"], file["tracknumber"], file["discnumber"] = "Various", "7", "2"
    file.save()
    broken = quick_library.music / "broken.mp3"
    broken.write_bytes(b"no audio")
    quick_library.ingest(code=3)
    query(quick_library.home, "UPDATE track SET plays = 4, label = 'mine'")
    sounds, rows = analyses(quick_library.home), names(quick_library.home)
    token = query(quick_library.home, "SELECT value FROM setting WHERE name = 'vectors_token'")[0][0]
    downgrade(quick_library)

    report = quick_library.ingest()

    assert counts(report) == {"found": N + 1, "unchanged": N, "known_failures": 1}
    assert revision(quick_library) == HEAD_REVISION
    expected = dict.fromkeys(rows, ("", None, None, TAGS_VERSION))
    assert place_of(quick_library) == expected | {"beta.flac": ("Various", 7, 2, TAGS_VERSION)}
    assert analyses(quick_library.home) == sounds
    after = names(quick_library.home)
    assert {name: dict(row) for name, row in after.items()} == {name: dict(row) for name, row in rows.items()}
    assert query(quick_library.home, "SELECT value FROM setting WHERE name = 'vectors_token'")[0][0] == token

    def read(_run: object, _root: object, files: list[FoundFile]) -> None:
        assert files == [], "tags are read a second time"

    monkeypatch.setattr(ingest_module._Ingest, "_read_tags_again", read)
    assert counts(quick_library.ingest()) == counts(report)


def test_a_file_that_cannot_be_read_now_keeps_what_is_known(
    quick_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(quick_library.home, "UPDATE track SET tags_version = 0")
    before = names(quick_library.home)
    refused = str(quick_library.music / "rock/beta.flac")
    monkeypatch.setattr(reconcile.os, "access", lambda path, _mode: path != refused)
    quick_library.ingest()
    after = names(quick_library.home)
    assert {n: r["tags_version"] for n, r in after.items()} == {
        name: 0 if name == "beta.flac" else TAGS_VERSION for name in before
    }
    assert {n: (r["title"], r["artist"]) for n, r in after.items()} == {
        n: (r["title"], r["artist"]) for n, r in before.items()
    }


@pytest.mark.parametrize("at_once", [1, 3])
def test_some_files_a_transaction(
    quick_library: Library, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    query(quick_library.home, "UPDATE track SET tags_version = 0, artist = ''")
    monkeypatch.setattr(ingest_module.params, "IDENTIFY_TOGETHER", at_once)
    quick_library.ingest()
    artists = {name: row["artist"] for name, row in names(quick_library.home).items()}
    assert artists == {Path(name).name: song[2] for name, song in support.SONGS.items()}
