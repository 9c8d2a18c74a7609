"""A catalogue from before tags were read as far: they are read again, and no file is analysed again."""

import os
import shutil
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import mutagen
import pytest
from alembic import command
from mutagen.flac import Picture

from db.models import MEASURES, Root
from db.schema.upgrade import HEAD_REVISION, alembic_config
from recommender.file_tags.read import TAGS_VERSION
from recommender.library import ingest as ingest_module
from recommender.library import reconcile
from recommender.library.file_rows import FileRows
from recommender.library.ingest_plan import IngestPlan
from recommender.library.scan import FoundFile
from tests import databases, synth
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


def _without_added(rows: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {**row, "added": None} for name, row in rows.items()}


def place_of(library: Library) -> dict[str, tuple[str, int | None, int | None, int]]:
    kept = ("album_artist", "track_number", "disc_number", "tags_version")
    return {name: tuple(row[key] for key in kept) for name, row in names(library.home).items()}


@pytest.mark.databases(*databases.KINDS)
def test_tags_are_read_again_once(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    beta = library.music / "rock/beta.flac"
    file = mutagen.File(beta)
    file["albumartist"], file["tracknumber"], file["discnumber"] = "Various", "7", "2"
    picture = Picture()
    picture.data = b"a picture"
    file.add_picture(picture)
    file.save()
    broken = library.music / "broken.mp3"
    broken.write_bytes(b"no audio")
    library.ingest(code=3)
    query(library.home, "UPDATE track SET plays = 4, label = 'mine'")
    sounds, rows = analyses(library.home), names(library.home)
    token = query(library.home, "SELECT value FROM setting WHERE name = 'vectors_token'")[0][0]
    downgrade(library)

    report = library.ingest()

    of_files = {"found": N + 1, "unchanged": N, "known_failures": 1}
    assert counts(report) == of_files | {"measured": N}
    assert revision(library) == HEAD_REVISION
    expected = dict.fromkeys(rows, ("", None, None, TAGS_VERSION))
    assert place_of(library) == expected | {"beta.flac": ("Various", 7, 2, TAGS_VERSION)}
    assert analyses(library.home) == sounds
    after = names(library.home)
    drawn = blake2b(picture.data, digest_size=16).hexdigest()
    assert {row["picture_hash"] for row in after.values() if row["picture_hash"]} == {drawn}
    assert after["beta.flac"]["picture_hash"] == drawn
    assert all(row["added"] is None for row in after.values())  # before that was noted
    assert _without_added(after) == _without_added(rows)
    assert query(library.home, "SELECT value FROM setting WHERE name = 'vectors_token'")[0][0] == token

    def read(_run: object, _root: object, made: IngestPlan) -> None:
        assert made.outdated == made.unmeasured == [], "tags are read, or files measured, a second time"

    monkeypatch.setattr(ingest_module._Ingest, "_read_again", read)
    assert counts(library.ingest()) == of_files


def test_measuring_goes_on_where_it_was_ended(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is done again, and what is measured is what an analysis measures."""
    columns = ", ".join((*MEASURES, "measures_version"))
    songs = query(library.home, f"SELECT {columns} FROM track ORDER BY id")
    of_segments = query(library.home, f"SELECT {', '.join(MEASURES)} FROM segment ORDER BY id")
    sounds, before = analyses(library.home), names(library.home)
    for table in ("track", "segment"):
        query(library.home, f"UPDATE {table} SET {', '.join(f'{name} = NULL' for name in MEASURES)}")
    query(library.home, "UPDATE track SET measures_version = 0")
    measured_before, measure = [], FileRows.measure

    def ending(rows: FileRows, root: Root, results: dict[FoundFile, object]) -> int:
        if len(measured_before) == 3:
            raise KeyboardInterrupt
        measured_before.extend(results)
        return measure(rows, root, results)

    monkeypatch.setattr(FileRows, "measure", ending)
    assert library.run("ingest", library.music, "--jobs", "1").code == 130
    monkeypatch.setattr(FileRows, "measure", measure)
    assert len(query(library.home, "SELECT id FROM track WHERE measures_version = 1")) == 3
    assert counts(library.ingest()) == {"found": N, "unchanged": N, "measured": N - 3}
    assert query(library.home, f"SELECT {columns} FROM track ORDER BY id") == songs
    assert query(library.home, f"SELECT {', '.join(MEASURES)} FROM segment ORDER BY id") == of_segments
    assert (analyses(library.home), names(library.home)) == (sounds, before)


def test_a_file_that_cannot_be_measured_is_not_tried_for_ever(library: Library) -> None:
    query(library.home, "UPDATE track SET measures_version = 0, tempo_bpm = NULL")
    beta = library.music / "rock/beta.flac"
    status = beta.stat()
    beta.write_bytes(b"x" * status.st_size)  # the same size and time stamp: it is taken for what it was
    os.utime(beta, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert counts(library.ingest()) == {"found": N, "unchanged": N, "measured": N - 1}
    assert counts(library.ingest()) == {"found": N, "unchanged": N}
    assert names(library.home)["beta.flac"]["tempo_bpm"] is None


def test_a_file_that_cannot_be_read_now_keeps_what_is_known(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(library.home, "UPDATE track SET tags_version = 0")
    before = names(library.home)
    refused = str(library.music / "rock/beta.flac")
    monkeypatch.setattr(reconcile.os, "access", lambda path, _mode: path != refused)
    library.ingest()
    after = names(library.home)
    assert {n: r["tags_version"] for n, r in after.items()} == {
        name: 0 if name == "beta.flac" else TAGS_VERSION for name in before
    }
    assert {n: (r["title"], r["artist"]) for n, r in after.items()} == {
        n: (r["title"], r["artist"]) for n, r in before.items()
    }


@pytest.mark.parametrize("at_once", [1, 3])
def test_some_files_a_transaction(library: Library, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    query(library.home, "UPDATE track SET tags_version = 0, artist = ''")
    monkeypatch.setattr(ingest_module.params, "IDENTIFY_TOGETHER", at_once)
    library.ingest()
    artists = {name: row["artist"] for name, row in names(library.home).items()}
    assert artists == {Path(name).name: song[2] for name, song in support.SONGS.items()}


def with_older_hashes(library: Library) -> None:
    """Give the catalogue the hashes that versions before had, of packets alone."""
    query(
        library.home,
        "UPDATE track SET content_hash = substr(content_hash, 1, 32),"
        " analysed_hash = substr(analysed_hash, 1, 32),"
        " plays = 10 + id, label = 'mine', label_source = 'csv'",
    )


def kept(library: Library) -> dict[str, tuple[int, int, str]]:
    return {name: (row["id"], row["plays"], row["label"]) for name, row in names(library.home).items()}


@pytest.mark.databases(*databases.KINDS)
def test_hashes_are_renewed_and_nothing_is_analysed_again(library: Library) -> None:
    before, sounds = names(library.home), analyses(library.home)
    with_older_hashes(library)
    known = kept(library)
    assert counts(library.ingest()) == {"found": N, "unchanged": N}
    after = names(library.home)
    for name, row in before.items():
        assert len(row["content_hash"]) == 40
        assert (after[name]["content_hash"], after[name]["analysed_hash"]) == (row["content_hash"],) * 2
    assert kept(library) == known
    assert analyses(library.home) == sounds
    assert counts(library.ingest()) == {"found": N, "unchanged": N}


@pytest.mark.databases(*databases.KINDS)
def test_files_moved_copied_and_retagged_since_are_known_by_older_hashes(library: Library) -> None:
    with_older_hashes(library)
    known, n_segments = kept(library), len(analyses(library.home))
    (library.music / "rock/beta.flac").rename(library.music / "jazz/beta moved.flac")
    shutil.copy(library.music / "folk/iota.flac", library.music / "iota copy.flac")
    synth.tag(library.music / "rock/alpha.mp3", {"title": "Another"})
    report = counts(library.ingest())
    assert report == {"found": N + 1, "unchanged": N - 2, "moved": 1, "copied": 1, "retagged": 1}
    after = kept(library)
    assert after["beta moved.flac"] == known.pop("beta.flac")
    assert {name: after[name] for name in known} == known
    assert len(analyses(library.home)) == n_segments + 1
    assert {len(row["content_hash"]) for row in names(library.home).values()} == {40}


def test_names_taken_from_each_other_are_followed_by_older_hashes(library: Library) -> None:
    one, other = library.music / "rock/alpha.mp3", library.music / "rock/beta.flac"
    one.rename(library.music / "rock/third.mp3")
    other.rename(library.music / "rock/alpha.mp3")
    (library.music / "rock/third.mp3").rename(library.music / "rock/beta.flac")
    with_older_hashes(library)
    known = kept(library)
    assert counts(library.ingest()) == {"found": N, "unchanged": N - 2, "moved": 2}
    after = kept(library)
    assert (after["alpha.mp3"], after["beta.flac"]) == (known["beta.flac"], known["alpha.mp3"])


def test_what_older_hashes_mixed_up_is_analysed_as_what_it_is(library: Library, tmp_path: Path) -> None:
    """The same samples at two rates: the catalogue took one for a copy of the other."""
    music = tmp_path / "two rates"
    music.mkdir()
    sound = synth.music_like(8, 40, 8000)
    for rate_hz in (8000, 4000):
        synth.write(music / f"{rate_hz}.wav", sound, rate_hz)
    assert counts(library.ingest(music)) == {"found": 2, "analysed": 2}
    query(library.home, "UPDATE track SET duration_s = 8 WHERE duration_s = 16")
    with_older_hashes(library)
    known = kept(library)
    assert counts(library.ingest(music)) == {"found": 2, "unchanged": 1, "analysed": 1}
    assert {name: names(library.home)[name]["duration_s"] for name in ("8000.wav", "4000.wav")} == {
        "8000.wav": 8,
        "4000.wav": 16,
    }
    assert kept(library) == known


def test_a_file_replaced_by_its_own_samples_at_another_rate_is_analysed_again(
    library: Library, tmp_path: Path
) -> None:
    music = tmp_path / "replaced"
    music.mkdir()
    sound = synth.music_like(8, 40, 8000)
    for older in (False, True):
        synth.write(music / "song.wav", sound, 8000)
        library.ingest(music)
        assert names(library.home)["song.wav"]["duration_s"] == 8
        if older:
            with_older_hashes(library)
        synth.write(music / "song.wav", sound, 4000)
        assert counts(library.ingest(music)) == {"found": 1, "analysed": 1}
        assert names(library.home)["song.wav"]["duration_s"] == 16


def test_labels_that_an_older_version_exported_find_their_tracks(library: Library, tmp_path: Path) -> None:
    rows = names(library.home)
    table = tmp_path / "labels.csv"
    lines = [f"{rows[name]['content_hash'][:32]},{name}" for name in ("beta.flac", "iota.flac")]
    table.write_text("\n".join(["content_hash,label", *lines, f"{'0' * 32},nothing"]) + "\n")
    ran = library.run("import", table)
    assert ran.code in (0, 3), ran.err
    labels = {name: row["label"] for name, row in names(library.home).items() if row["label"]}
    assert labels == {"beta.flac": "beta.flac", "iota.flac": "iota.flac"}
