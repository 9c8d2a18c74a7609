"""What goes wrong with a catalogue's disk, locks, file or server: one plain line, nothing lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.backends import sqlite_errors, sqlite_file
from db.errors import CatalogBusyError, CatalogError
from db.models import Setting
from db.session import Catalog, open_catalog, open_server_catalog
from tests.postgres import Server
from tests.processes import run_python

VALUE = "a value that nobody is to see"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a catalogue is that has one row."""
    made = open_catalog(tmp_path / "catalog.sqlite")
    with made.transaction() as session:
        session.add(Setting(name="kept", value="yes"))
    made.close()
    return tmp_path / "catalog.sqlite"


def write(catalog: Catalog, pragma: str = "user_version", size: int = 1) -> None:
    with catalog.transaction() as session:
        session.connection().exec_driver_sql(f"PRAGMA {pragma}")
        session.add(Setting(name="new", value=VALUE * size))


def assert_kept(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM setting ORDER BY name").fetchall() == [("kept",)]


def said(error: pytest.ExceptionInfo[CatalogError], path: Path) -> str:
    line = str(error.value)
    assert "\n" not in line and VALUE not in line and "INSERT" not in line and "SELECT" not in line
    assert str(path) in line
    return line


def test_a_full_disk(path: Path) -> None:
    catalog = open_catalog(path)
    with pytest.raises(CatalogError) as caught:
        write(catalog, "max_page_count = 1", 100_000)
    assert said(caught, path) == (
        f"the disk that holds {path} is full; free some space and do the same again: what was stored is kept"
    )
    catalog.close()
    assert_kept(path)


def test_a_lock_that_is_held(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_MS", 100)
    catalog = open_catalog(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogBusyError) as caught:
            write(catalog)
        with pytest.raises(CatalogBusyError), catalog.change():
            pass
    assert "another program has kept" in said(caught, path)
    write(catalog)
    catalog.close()


def test_a_catalogue_that_became_read_only(path: Path) -> None:
    catalog = open_catalog(path)
    with pytest.raises(CatalogError, match="may only be read") as caught:
        write(catalog, "query_only = ON")
    said(caught, path)
    catalog.close()
    assert_kept(path)


def test_a_damaged_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        pages = connection.execute("SELECT pageno FROM dbstat WHERE name = 'setting'").fetchall()
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("PRAGMA journal_mode = DELETE")
    content = bytearray(path.read_bytes())
    for (page,) in pages:
        content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    catalog = open_catalog(path)
    with (
        pytest.raises(CatalogError, match=r"damaged.*deepcuts check") as caught,
        catalog.transaction() as session,
    ):
        session.get(Setting, "kept")
    said(caught, path)
    catalog.close()


def test_a_table_that_was_taken_away(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        session.execute(text("DROP TABLE favourite"))
    with pytest.raises(CatalogError, match=r"favourite.*deepcuts check"), catalog.transaction() as session:
        session.execute(text("SELECT * FROM favourite"))


def test_no_memory(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="not enough memory"), catalog.transaction():
        raise MemoryError


def test_rows_that_are_refused_reach_whoever_relies_on_it(catalog: Catalog) -> None:
    write_same = [Setting(name="same", value=VALUE), Setting(name="same", value=VALUE)]
    for row in write_same:
        try:
            with catalog.transaction() as session:
                session.add(row)
        except IntegrityError as error:
            assert VALUE not in str(error)
            return
    pytest.fail("two rows of one name")


LIMITED = """
import resource, signal, sys
from pathlib import Path
from db.errors import CatalogError
from db.models import Setting
from db.session import open_catalog
catalog = open_catalog(Path(sys.argv[1]))
try:
    with catalog.transaction() as session:
        session.add(Setting(name="new", value=sys.argv[3] * 5000))
        session.flush()
        if sys.argv[2] == "commit":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    catalog.close()
    if sys.argv[2] == "descriptors":
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    with catalog.transaction() as session:
        session.get(Setting, "kept")
except CatalogError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("what", "words"),
    [("commit", "its disk reports an error"), ("descriptors", "may open no more files (ulimit -n)")],
)
def test_at_the_end_and_at_the_beginning_of_a_transaction(path: Path, what: str, words: str) -> None:
    ran = run_python(LIMITED, path, what, VALUE)
    assert ran.stderr == ""
    assert words in ran.stdout and str(path) in ran.stdout and VALUE not in ran.stdout
    assert len(ran.stdout.splitlines()) == 1
    if what == "commit":
        assert_kept(path)


def test_a_full_disk_by_whatever_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_errors, "_is_full", lambda _folder: True)
    for explain in (sqlite_errors._not_read_or_written, sqlite_errors._not_opened):
        assert "is full; free some space" in str(explain(str(path)))


RAISE = "DO $$ BEGIN RAISE EXCEPTION 'the server says' USING ERRCODE = '{}', DETAIL = '{}'; END $$"


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("53100", "free some space on the server's disk and do the same again: what was stored is kept"),
        ("53200", "give the server more memory, or do the same again"),
        ("53300", "do the same again when others have left"),
        ("55P03", "do the same again when the other program is done"),
        ("57014", "do the same again, or raise its statement_timeout"),
        ("57P01", "do the same again when the server is back"),
        ("58030", "see to the server's disk, and to its log"),
        ("XX001", "the server's database is damaged"),
    ],
)
def test_what_a_server_says(server: Server, state: str, advice: str) -> None:
    catalog = open_server_catalog(server.emptied_catalog_database())
    with pytest.raises(CatalogError) as caught, catalog.transaction() as session:
        session.execute(text(RAISE.format(state, VALUE)))
    catalog.close()
    line = str(caught.value)
    assert "the server says; " + advice in line
    assert VALUE not in line and "\n" not in line
