"""`check`: what is wrong with a home, in a line each, and what is mended."""

import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from classifier.model.bundle import Bundle
from db.backends.sqlite_file import backup_path
from db.schema.upgrade import HEAD_REVISION, alembic_config
from tests import databases
from tests.classifier.model.test_bundle import write as write_bundle
from tests.databases import home_at, open_catalog
from tests.recommender import support
from tests.recommender.support import Library, query, tracks

N = len(support.SONGS)


def found(library: Library, *options: str, code: int = 0) -> dict[str, list[dict[str, str]]]:
    """Run the check and return its findings by what they are of; its lines say the same."""
    ran = library.run("check", *options, "--json")
    assert ran.code == code, ran.out + ran.err
    assert ran.err == ""
    assert ran.json["well"] is (code == 0)
    by_thing: dict[str, list[dict[str, str]]] = {}
    for each in ran.json["findings"]:
        by_thing.setdefault(each["thing"], []).append(each)
        assert "\n" not in each["found"] + each["done"]
    return by_thing


def states(library: Library, *options: str, code: int = 0) -> dict[str, set[str]]:
    return {
        thing: {each["state"] for each in all_of}
        for thing, all_of in found(library, *options, code=code).items()
    }


def only(library: Library, thing: str, *options: str, code: int = 0) -> dict[str, str]:
    """Return the one finding that is not as it should be."""
    odd = [
        each
        for all_of in found(library, *options, code=code).values()
        for each in all_of
        if each["state"] in ("wrong", "mended")
    ]
    assert [each["thing"] for each in odd] == [thing], odd
    return odd[0]


def wrong_then_mended(library: Library, thing: str) -> tuple[dict[str, str], dict[str, str]]:
    before, after = only(library, thing, code=1), only(library, thing, "--repair")
    assert (before["state"], after["state"]) == ("wrong", "mended")
    assert before["done"] == "mend it: deepcuts check --repair"
    assert set().union(*states(library).values()) <= {"well", "noted"}
    return before, after


@pytest.mark.databases(*databases.KINDS)
def test_a_home_in_which_all_is_well(library: Library) -> None:
    before = query(library.home, "SELECT count(*) FROM feature")[0][0]
    expected = {
        "catalogue": {"well"},
        "schema": {"well"},
        "rows": {"well"},
        "index": {"well"},
        "tag writes": {"well"},
        "bundle": {"well"},
        "leftover": {"well"},
        "permissions": {"well"},
    }
    assert states(library) == expected
    assert states(library, "--repair") == expected
    ran = library.run("check")
    assert ran.out.splitlines()[0].startswith("well: catalogue: ")
    assert len(ran.out.splitlines()) == len(expected)
    assert query(library.home, "SELECT count(*) FROM feature")[0][0] == before


def test_a_home_without_a_catalogue(tmp_path: Path) -> None:
    ran = support.deepcuts(tmp_path / "nothing", "check")
    assert ran.code == 1 and "is empty; fill it with" in ran.err
    assert not (tmp_path / "nothing").exists()


# The catalogue


def test_a_damaged_catalogue_is_left_and_the_way_back_named(library: Library) -> None:
    path = library.home / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        pages = [p for (p,) in connection.execute("SELECT pageno FROM dbstat WHERE name = 'segment'")]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    shutil.copy(path, backup_path(path, "0003"))
    content = bytearray(path.read_bytes())
    for page in pages:
        content[(page - 1) * size : page * size] = b"\x5a" * size
    path.write_bytes(content)
    path.with_name("catalog.before-0002.sqlite").write_bytes(b"no database, though it is called one" * 99)
    for options in ((), ("--repair",)):
        each = found(library, *options, code=1)
        assert each["catalogue"][0]["state"] == "wrong"
        assert "damaged" in each["catalogue"][0]["found"]
        assert f"{backup_path(path, '0003')} of 20" in each["catalogue"][0]["done"]
        assert [b["state"] for b in each["backup"]] == ["wrong", "noted"]
        assert each["index, tag writes"][0]["state"] == "noted"
        assert path.read_bytes() == content


def test_a_file_that_is_no_database(library: Library) -> None:
    path = library.home / "catalog.sqlite"
    path.write_bytes(b"a letter to my sister\n" * 400)
    each = only(library, "catalogue", "--repair", code=1)
    assert ".recover" in each["done"]
    assert path.read_bytes().startswith(b"a letter")


def test_an_index_of_the_database_is_made_again(library: Library) -> None:
    """One that was not there while rows were changed, and is there again."""
    path, index = library.home / "catalog.sqlite", "ix_track_content_hash"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        row = connection.execute("SELECT * FROM sqlite_master WHERE name = ?", [index]).fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = ?", [index])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE track SET content_hash = 'x' || content_hash WHERE id = 1")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row)
    before, after = wrong_then_mended(library, "catalogue")
    assert index in before["found"]
    assert "made again from its tables" in after["done"]


def test_a_catalogue_that_is_locked_or_newer_is_an_error_of_its_own(library: Library) -> None:
    query(library.home, "UPDATE alembic_version SET version_num = '9999'")
    ran = library.run("check", "--repair")
    assert (ran.code, ran.out) == (1, "")
    assert "newer than" in ran.err and ran.err.count("\n") == 1


@pytest.mark.databases(*databases.KINDS)
def test_an_older_schema(library: Library) -> None:
    catalog = open_catalog(library.home / databases.FILE)
    config = alembic_config()
    with catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    catalog.close()
    before, _ = wrong_then_mended(library, "schema")
    assert "0002" in before["found"]
    assert query(library.home, "SELECT version_num FROM alembic_version")[0][0] == HEAD_REVISION
    on_server = databases.kind() == databases.POSTGRESQL
    assert backup_path(library.home / databases.FILE, HEAD_REVISION).exists() is not on_server
    assert len(tracks(library.home)) == N


@pytest.mark.databases(*databases.KINDS)
def test_a_schema_that_lacks_something_although_it_is_the_newest(library: Library) -> None:
    for change in (
        "DROP TABLE favourite",
        "DROP INDEX ix_segment_track_id",
        "ALTER TABLE track DROP COLUMN year",
    ):
        query(library.home, change)
    ran = library.run("check", "--json")
    before = next(each for each in json.loads(ran.out)["findings"] if each["thing"] == "schema")
    assert ran.code == 1
    for lacks in ("favourite", "ix_segment_track_id", "year of track"):
        assert lacks in before["found"]
    # A column of the first version cannot come back: rows would be without it; the rest is one transaction.
    left = found(library, "--repair", code=1)["schema"][0]
    assert (left["state"], "it cannot be made" in left["done"]) == ("wrong", True)
    query(library.home, "ALTER TABLE track ADD COLUMN year INTEGER")
    assert states(library, "--repair")["schema"] == {"mended"}
    assert states(library)["schema"] == {"well"}
    assert len(tracks(library.home)) == N


def test_another_programs_table_does_no_harm(library: Library) -> None:
    query(library.home, "CREATE TABLE theirs (x INTEGER)")
    each = found(library)["schema"][0]
    assert each["state"] == "noted" and "theirs" in each["found"]


# Rows


def orphan(library: Library, *changes: str) -> None:
    with closing(sqlite3.connect(library.home / "catalog.sqlite")) as connection, connection:
        for change in changes:
            connection.execute(change)


def test_analyses_of_no_track_are_removed(library: Library) -> None:
    path, other = list(tracks(library.home).values())[:2]
    orphan(
        library,
        f"UPDATE segment SET track_id = 999 WHERE track_id = {path['id']}",
        f"DELETE FROM segment WHERE track_id = {other['id']}",
    )
    rows = query(library.home, "SELECT count(*) FROM segment WHERE track_id = 999")[0][0]
    findings = found(library, code=1)
    assert findings["rows"][0]["state"] == "wrong"
    assert f"{rows} of segment" in findings["rows"][0]["found"]
    assert "of feature" in findings["rows"][0]["found"]
    assert states(library, "--repair")["rows"] == {"mended"}
    assert states(library)["rows"] == {"well"}
    assert query(library.home, "SELECT count(*) FROM segment WHERE track_id = 999")[0][0] == 0
    assert len(tracks(library.home)) == N


def test_what_nobody_else_knows_is_left(library: Library) -> None:
    orphan(
        library,
        "INSERT INTO playlist VALUES (1, 'mine', '', '', 0, '2024-01-01', '2024-01-01')",
        "INSERT INTO playlist_track VALUES (1, 1, 999)",
    )
    assert states(library, "--repair", code=1)["index"] == {"well"}
    each = only(library, "rows", "--repair", code=1)
    assert "left" in each["done"] and "1 of playlist_track" in each["done"]
    assert len(query(library.home, "SELECT * FROM playlist_track")) == 1


# Files


def test_an_index_that_is_damaged_stale_or_gone(library: Library) -> None:
    vectors = next((library.home / "index").glob("segments-*/vectors.npy"))
    content = bytearray(vectors.read_bytes())
    content[-3] ^= 1
    vectors.write_bytes(content)
    before, after = wrong_then_mended(library, "index")
    assert (before["found"], "built again" in after["done"]) == ("it is damaged", True)

    shutil.rmtree(library.home / "index")
    assert wrong_then_mended(library, "index")[0]["found"] == "it is absent"

    # The token is the same, as if somebody had changed the rows by hand.
    query(library.home, "UPDATE track SET missing = 1 WHERE title = 'Zeta'")
    assert wrong_then_mended(library, "index")[0]["found"] == "it is stale"
    assert len(library.indexed()) == N - 1


def test_bundles(library: Library, shipped: Bundle) -> None:
    home = home_at(library.home)
    home.activate(write_bundle(home.bundles_dir, shipped))
    bundle_id = home.bundle().bundle_id
    assert f"the active one is {bundle_id}" in found(library)["bundle"][0]["found"]
    head = library.home / "bundles" / bundle_id / "head.npz"
    head.write_bytes(head.read_bytes()[:-1])
    each = found(library, "--repair", code=1)
    assert each["bundle"][0]["state"] == "wrong" and "train --use shipped" in each["bundle"][0]["found"]
    home.activate(shipped)
    each = found(library, "--repair", code=1)
    assert [b["state"] for b in each["bundle"]] == ["well", "wrong"]
    assert "train it again, or remove it" in each["bundle"][1]["done"]
    shutil.rmtree(head.parent)
    assert states(library)["bundle"] == {"well"}


def test_leftovers_are_removed_and_what_is_being_written_is_not(library: Library) -> None:
    home = library.home
    gone = [
        home / "index" / ".part-999999999",
        home / "index" / "segments-of-old",
        home / "bundles" / ".part-abc",
        home / "bundles" / ".active.part-999999998",
        home / ".catalog.before-0003.sqlite.part",
        home / "cache" / "pictures" / ".x.json.z.part-999999997",
        home / "cache" / "features" / ".part-old",
    ]
    kept = [home / "index" / f".part-{os.getppid()}", home / "cache" / "features" / ".part-new"]
    for path in (*gone, *kept):
        path.mkdir(parents=True) if path.suffix == "" and ".part" in path.name[:5] else None
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("half")
    os.utime(gone[-1], (0, 0))

    each = found(library, code=1)["leftover"]
    assert {e["found"] for e in each} == {str(path.relative_to(home)) for path in gone}
    assert {e["state"] for e in each} == {"wrong"}
    with home_at(home).writer_lock():
        pass  # which sweeps those of bundles
    assert all(path.exists() for path in gone[:2])
    assert states(library, "--repair")["leftover"] == {"mended"}
    assert [path for path in gone if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert states(library)["leftover"] == {"well"}


def test_writes_of_tags_that_were_cut_off(library: Library) -> None:
    row = library.row("rock/beta.flac")
    target = library.music / "rock/beta.flac"
    copy = target.with_name(".deepcuts-tag-1.flac")
    copy.write_bytes(b"half")
    insert = "INSERT INTO tag_write VALUES (1, ?, 'write', 'begun', '2024-01-01', ?, ?, '{}', '{}')"
    query(library.home, insert, row["id"], os.fsencode(target), os.fsencode(copy))
    before, _ = wrong_then_mended(library, "tag writes")
    assert before["found"] == "1 were cut off"
    assert not copy.exists() and target.exists()


def test_permissions(library: Library) -> None:
    library.home.chmod(0o700)
    (library.home / "writer.lock").chmod(0o644)
    before, _ = wrong_then_mended(library, "permissions")
    assert before["found"] == "others may read 1 of its files and folders"
    assert stat.S_IMODE((library.home / "writer.lock").stat().st_mode) == 0o600


# Others


def test_repair_waits_for_nobody_and_a_look_disturbs_nobody(library: Library) -> None:
    (library.home / "bundles" / ".part-x").mkdir()
    with home_at(library.home).writer_lock():
        (library.home / "bundles" / ".part-y").mkdir()
        ran = library.run("check", "--repair")
        assert (ran.code, ran.out) == (1, "") and "another deepcuts is writing" in ran.err
        assert found(library)["leftover, permissions"][0]["state"] == "noted"
        assert (library.home / "bundles" / ".part-y").exists()


def test_a_look_changes_nothing(library: Library) -> None:
    query(library.home, "DROP TABLE favourite")
    shutil.rmtree(library.home / "index")

    def snapshot() -> Any:
        files = {
            str(p): (p.stat().st_mode, p.read_bytes())
            for p in library.home.rglob("*")
            if p.is_file() and "sqlite-" not in p.name
        }
        return files, [tuple(row) for row in query(library.home, "SELECT name FROM sqlite_master")]

    before = snapshot()
    found(library, code=1)
    assert snapshot() == before
