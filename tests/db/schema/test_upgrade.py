"""Making a catalogue and bringing it up to date: whole or not at all; half-made ones are finished."""

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from benchmarks.campaign import catalogues
from benchmarks.campaign.catalogues import Place, Places
from db.backends import sqlite_file
from db.backends.sqlite_file import backup_path
from db.errors import CatalogError
from db.schema import upgrade
from db.schema.upgrade import HEAD_REVISION, schema_revision
from db.session import open_catalog
from tests.postgres import Server
from tests.processes import run_python

OLD = catalogues.revisions()[:-1]


@pytest.fixture
def places(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """Places for catalogues, on each database."""
    return Places(tmp_path, None if backend == "sqlite" else request.getfixturevalue("server"))


@pytest.fixture
def files(tmp_path: Path) -> Places:
    """Places for catalogues in files."""
    return Places(tmp_path, None)


def fresh_schema(places: Places) -> dict[str, object]:
    fresh = places.new()
    fresh.open().close()
    return catalogues.schema_of(fresh)


def old(places: Places, revision: str) -> Place:
    made = places.new()
    catalogues.make(made, revision)
    return made


def ask(place: Place, sql: str) -> list[Any]:
    with closing(sqlite3.connect(place.address)) as connection, connection:
        return connection.execute(sql).fetchall()


# In one transaction


class _CutError(Exception):
    """What ends an upgrade in the middle."""


def cut_before(words: str) -> Callable[..., None]:
    def listen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if words in statement:
            raise _CutError

    return listen


@pytest.mark.parametrize("words", ["CREATE TABLE favourite", "UPDATE alembic"])
def test_what_ends_in_the_middle_changes_nothing(places: Places, words: str) -> None:
    start = old(places, "0001")
    schema, rows = catalogues.schema_of(start), catalogues.rows_of(start)
    listener = cut_before(words)
    event.listen(Engine, "before_cursor_execute", listener)
    try:
        with pytest.raises(_CutError):
            start.open()
    finally:
        event.remove(Engine, "before_cursor_execute", listener)
    assert catalogues.schema_of(start) == schema
    assert catalogues.rows_of(start) == rows
    assert catalogues.trouble(start, rows, fresh_schema(places)) is None


@pytest.mark.parametrize("revision", OLD)
def test_rows_of_every_revision_are_kept(places: Places, revision: str) -> None:
    start = old(places, revision)
    rows = catalogues.rows_of(start)
    assert all(len(found) == catalogues.ROWS for found in rows.values())
    assert catalogues.trouble(start, rows, fresh_schema(places)) is None


LIMITED = """
import os, resource, signal, sys
from pathlib import Path
from db.errors import CatalogError
from db.session import open_catalog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for kib in map(int, sys.argv[2:]):
    if os.fork() == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024))
        try:
            open_catalog(Path(sys.argv[1].format(kib))).close()
            print("opened", flush=True)
        except CatalogError as error:
            print(error, flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.mark.parametrize("revision", [None, "0001"])
def test_no_room_while_one_is_made_or_changed(files: Places, revision: str | None) -> None:
    schema, sizes = fresh_schema(files), (0, 4, 20, 60, 120, 4000)
    rows: dict[str, Any] = {}
    for size in sizes:
        home = files.folder / f"limited {size}"
        home.mkdir()
        if revision is not None:
            catalogues.make(Place(str(home / "catalog.sqlite")), revision)
            rows = catalogues.rows_of(Place(str(home / "catalog.sqlite")))
    pattern = str(files.folder / "limited {}" / "catalog.sqlite")
    ran = run_python(LIMITED, pattern, *sizes)
    said = ran.stdout.splitlines()
    assert ran.stderr == ""
    assert said[-1] == "opened" and len(said) == len(sizes)
    assert 3 <= sum("disk" in line for line in said) == len(sizes) - said.count("opened")
    for size in sizes:
        assert catalogues.trouble(Place(pattern.format(size)), rows, schema) is None


# Half made by an earlier version


def state(place: Place) -> tuple[object, ...]:
    tables = ask(place, "SELECT name, sql FROM sqlite_master ORDER BY name")
    return tables, "alembic_version" in str(tables) and ask(place, "SELECT * FROM alembic_version")


@pytest.mark.parametrize(
    ("revision", "how", "least"),
    [
        (None, catalogues.BEFORE_DML, 10),
        (None, catalogues.AUTOCOMMIT, 15),
        ("0001", catalogues.AUTOCOMMIT, 11),
    ],
)
def test_every_half_is_finished(files: Places, revision: str | None, how: str, least: int) -> None:
    start = files.new() if revision is None else old(files, revision)
    rows, schema = catalogues.rows_of(start), fresh_schema(files)
    different = {repr(state(half)): half for half in catalogues.Halves(files, start, how).every()}
    assert len(different) >= least
    troubles = [catalogues.trouble(half, rows, schema) for half in different.values()]
    assert troubles == [None] * len(different)


def test_an_empty_file_is_a_new_catalogue(files: Places) -> None:
    place = files.new()
    Path(place.address).touch()
    assert catalogues.trouble(place, {}, fresh_schema(files)) is None


def test_tables_without_a_revision_are_those_of_a_catalogue(files: Places) -> None:
    for forget in ("DELETE FROM alembic_version", "DROP TABLE alembic_version"):
        place = old(files, HEAD_REVISION)
        rows = catalogues.rows_of(place)
        ask(place, forget)
        assert catalogues.trouble(place, rows, fresh_schema(files)) is None


@pytest.mark.parametrize("dropped", [True, False])
def test_a_table_that_was_being_made_anew_keeps_its_rows(files: Places, dropped: bool) -> None:
    place = old(files, "0002")
    rows = catalogues.rows_of(place)
    with closing(sqlite3.connect(place.address)) as connection:
        connection.execute(
            "CREATE TABLE _alembic_tmp_setting (name VARCHAR(64) NOT NULL, value TEXT NOT NULL, "
            "CONSTRAINT pk_setting PRIMARY KEY (name))"
        )
        if dropped:
            connection.execute("INSERT INTO _alembic_tmp_setting SELECT * FROM setting")
            connection.execute("DROP TABLE setting")
        connection.commit()
    opened = open_catalog(Path(place.address))
    opened.close()
    assert catalogues.lost(rows, catalogues.rows_of(place)) is None
    assert ask(place, "SELECT count(*) FROM sqlite_master WHERE name LIKE '_alembic_tmp%'") == [(0,)]


def test_another_programs_tables_are_refused_and_left(places: Places) -> None:
    place = places.new()
    with place.engine().begin() as connection:
        connection.execute(text("CREATE TABLE track (number INTEGER PRIMARY KEY, words TEXT)"))
        connection.execute(text("INSERT INTO track VALUES (1, 'theirs')"))
    before = catalogues.rows_of(place)
    with pytest.raises(CatalogError, match=r"no catalogue's.*left as it was") as caught:
        place.open()
    assert "\n" not in str(caught.value)
    assert catalogues.rows_of(place) == before


def test_a_revision_that_never_was(places: Places) -> None:
    place = old(places, "0002")
    with place.engine().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(CatalogError, match=r"cannot be brought up to date.*0000") as caught:
        place.open()
    assert "\n" not in str(caught.value)


# The copy before


@pytest.mark.parametrize("revision", OLD)
def test_a_catalogue_is_copied_once_before_it_is_changed(files: Places, revision: str) -> None:
    place = old(files, revision)
    rows, schema = catalogues.rows_of(place), catalogues.schema_of(place)
    place.open().close()
    copy = backup_path(Path(place.address), HEAD_REVISION)
    assert copy.name == f"catalog.before-{HEAD_REVISION}.sqlite"
    assert catalogues.rows_of(Place(str(copy))) == rows
    assert catalogues.schema_of(Place(str(copy))) == schema
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    # Another attempt leaves it alone.
    first = copy.read_bytes()
    ask(place, f"UPDATE alembic_version SET version_num = '{revision}'")
    ask(place, "UPDATE root SET path = 'changed'||id")
    place.open().close()
    assert copy.read_bytes() == first
    assert sorted(p.name for p in copy.parent.iterdir()) == [copy.name, "catalog.sqlite"]


def test_a_copy_that_was_cut_off_is_none(files: Places) -> None:
    place = old(files, "0001")
    rows = catalogues.rows_of(place)
    for left in ("", "-journal"):
        name = f".catalog.before-{HEAD_REVISION}.sqlite.part{left}"
        Path(place.address).with_name(name).write_bytes(b"half a copy")
    place.open().close()
    copy = backup_path(Path(place.address), HEAD_REVISION)
    assert catalogues.rows_of(Place(str(copy))) == rows
    assert sqlite_file.unfinished_backups(Path(place.address)) == []


def test_without_a_copy_nothing_is_changed(files: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    place = old(files, "0001")

    def refuse(_source: Path, _target: Path) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite_file, "_copy", refuse)
    with pytest.raises(CatalogError, match=r"cannot be copied before .* disk is full; .*left as it was"):
        place.open()
    assert schema_revision(place.engine()) == "0001"
    assert os.listdir(Path(place.address).parent) == ["catalog.sqlite"]


def test_a_new_catalogue_and_one_on_a_server_are_not_copied(files: Places, server: Server) -> None:
    place = files.new()
    place.open().close()
    assert os.listdir(Path(place.address).parent) == ["catalog.sqlite"]
    remote = old(Places(files.folder, server), "0002")
    remote.open().close()
    assert schema_revision(remote.engine()) == HEAD_REVISION


# Its turn


def test_whoever_waited_sees_what_was_done(files: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first look at the revision and the transaction another process brings it up to date."""
    place, migrated = old(files, "0001"), list[str]()
    migrate, alone = upgrade._migrate, upgrade._alone

    def after_another(engine: Engine) -> Any:
        monkeypatch.setattr(upgrade, "_alone", alone)
        place.open().close()
        return alone(engine)

    def counted(connection: Any) -> None:
        migrated.append("once")
        migrate(connection)

    monkeypatch.setattr(upgrade, "_alone", after_another)
    monkeypatch.setattr(upgrade, "_migrate", counted)
    place.open().close()
    assert migrated == ["once"]


def test_it_waits_for_who_writes_where_sqlite_would_not(files: Places) -> None:
    """A file that is not in WAL mode yet, as another process is making its tables."""
    place = files.new()
    with closing(sqlite3.connect(place.address, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE setting (name VARCHAR(64) PRIMARY KEY, value TEXT NOT NULL)")
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        timer.start()
        with pytest.raises(CatalogError, match="no catalogue's"):  # it looked, once the other was done
            place.open()
        timer.join()
        other.execute("DROP TABLE setting")
    place.open().close()


def test_the_files_are_their_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        catalog = open_catalog(tmp_path / "home" / "catalog.sqlite")
        with catalog.transaction() as session:
            session.execute(text("INSERT INTO setting VALUES ('a', 'b')"))
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "home").iterdir()}
        catalog.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"), 0o600)
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
