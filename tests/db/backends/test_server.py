"""A catalogue on a server: its address, its errors in one line without passwords, its locks."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import ProgrammingError

from db.backends.server import LONGEST_PATH, WriterLock, server_name, server_url, server_writer_lock
from db.errors import CatalogBusyError, CatalogError, LockLostError, NoCatalogError
from db.models import LARGEST, Feature, Root, Segment, Setting, Track
from db.schema.upgrade import HEAD_REVISION, schema_revision
from db.session import Catalog, open_server_catalog
from db.sound.patches import track_patches
from db.sound.predictions import song_predictions
from db.tracks import at_path
from tests.conftest import REPO
from tests.db.rows import BUNDLE, TRUNK, new_track, segment_row, store_segments
from tests.postgres import PASSWORD, Server

SECRET = "s3cret&word"
HOLD_LOCK = """
import sys, time
from db.backends.server import server_url, server_writer_lock
with server_writer_lock(server_url(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def url(server: Server) -> str:
    """The address of an empty database."""
    return server.new_database()


@pytest.fixture
def remote(server: Server) -> Iterator[Catalog]:
    """An empty catalogue on the server."""
    made = open_server_catalog(server.new_catalog_database())
    yield made
    made.close()


def refusal(url: str) -> str:
    """Return what opening a catalogue there is refused with: one line."""
    with pytest.raises(CatalogError) as caught:
        open_server_catalog(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Addresses


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql", "postgres"])
def test_address_of_any_usual_spelling(scheme: str) -> None:
    url = server_url(f"{scheme}://me:pa%40ss@host:5433/music?sslmode=require")
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password, url.host, url.port) == ("me", "pa@ss", "host", 5433)
    assert (url.database, url.query) == ("music", {"sslmode": "require"})
    assert server_name(url) == "postgresql+psycopg://me@host:5433/music"


@pytest.mark.parametrize(
    "given", ["music", "", "sqlite:///a", "mysql://me:{}@host/music", "postgresql://me:{}@host:port/music"]
)
def test_no_address_of_a_server(given: str) -> None:
    assert refusal(given.format(SECRET)) == (
        "the database is not the address of a PostgreSQL server, such as postgresql+psycopg://user@host/name"
    )


def test_missing_driver_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert refusal(f"postgresql://me:{SECRET}@host/music") == (
        "the catalogue at postgresql+psycopg://me@host/music needs a driver: pip install 'deepcuts[postgres]'"
    )


def test_no_server_there(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    said = refusal(f"postgresql://me:{SECRET}@/music?host={tmp_path}")
    assert said.startswith("the catalogue at postgresql+psycopg://me@/music cannot be used: ")
    assert str(tmp_path) in said
    assert SECRET not in said


@pytest.mark.parametrize("password_in", ["authority", "query"])
def test_wrong_password_is_not_repeated(server: Server, password_in: str) -> None:
    url = make_url(server.new_database()).set(username="guarded")

    def with_password(password: str) -> str:
        if password_in == "authority":
            return url.set(password=password).render_as_string(hide_password=False)
        return url.update_query_dict({"password": password}).render_as_string(hide_password=False)

    said = refusal(with_password(SECRET))
    assert "password authentication failed" in said
    assert SECRET not in said
    open_server_catalog(with_password(PASSWORD)).close()


def test_no_such_database(server: Server) -> None:
    assert 'database "nothing" does not exist' in refusal(server.url("nothing"))


def test_a_database_that_cannot_hold_every_name(server: Server) -> None:
    url = server.new_database("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER 'libc'")
    assert refusal(url) == "the database has the encoding SQL_ASCII; make one with ENCODING 'UTF8'"


# Making and changing the tables


def test_without_making_one_an_empty_database_is_left_as_it_is(url: str) -> None:
    with pytest.raises(NoCatalogError):
        open_server_catalog(url, make=False)
    made = open_server_catalog(url)
    assert schema_revision(made.engine) == HEAD_REVISION
    made.close()
    open_server_catalog(url, make=False).close()


def test_two_that_make_the_tables_at_once(url: str) -> None:
    ready, errors = threading.Barrier(4), list[BaseException]()

    def make() -> None:
        ready.wait()
        try:
            open_server_catalog(url).close()
        except CatalogError as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


# One writer


def test_one_writer_at_a_time_on_each_database(server: Server, url: str) -> None:
    here, other = server_url(url), server_url(server.new_database())
    with server_writer_lock(here):
        with (
            pytest.raises(CatalogBusyError, match="another deepcuts is writing to"),
            server_writer_lock(here),
        ):
            pass
        with server_writer_lock(other):
            pass
        open_server_catalog(here).close()  # its tables can be made meanwhile
    with pytest.raises(RuntimeError, match="inside"), server_writer_lock(here):
        raise RuntimeError("inside")
    with server_writer_lock(here):
        pass


def test_a_killed_writer_leaves_no_lock(url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, url], stdout=subprocess.PIPE, cwd=REPO, env=os.environ
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(CatalogBusyError), server_writer_lock(server_url(url)):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for _ in range(1200):
        try:
            with server_writer_lock(server_url(url)):
                return
        except CatalogBusyError:
            threading.Event().wait(0.05)
    pytest.fail("the server kept the lock")


# Transactions


def end_all_connections(server: Server, catalog: Catalog) -> None:
    name = catalog.engine.url.database
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def test_a_server_that_goes_away_undoes_the_transaction_and_is_one_plain_line(
    server: Server, remote: Catalog
) -> None:
    with pytest.raises(CatalogError) as caught, remote.transaction() as session:
        session.add(Setting(name="a", value="lost"))
        session.flush()
        end_all_connections(server, remote)
    assert "\n" not in str(caught.value)
    assert "terminating connection" in str(caught.value)
    with remote.transaction() as session:  # it is there again
        assert session.get(Setting, "a") is None


def test_a_user_who_may_only_read_is_told_so(server: Server, remote: Catalog) -> None:
    with remote.transaction() as session:
        session.execute(text("DROP ROLE IF EXISTS reader"))
        session.execute(text("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data"))
    as_reader = open_server_catalog(remote.engine.url.set(username="reader"))
    with pytest.raises(CatalogError, match="permission denied") as caught, as_reader.transaction() as session:
        assert session.get(Setting, "a") is None
        session.add(Setting(name="a", value="b"))
    as_reader.close()
    assert "\n" not in str(caught.value)
    with pytest.raises(ProgrammingError), remote.transaction() as session:  # our own faults stay visible
        session.execute(text("SELECT nothing"))


def test_the_writer_lock_ends_quietly_where_the_server_went_away(
    server: Server, url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name = make_url(url).database
    with server_writer_lock(server_url(url)):
        server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    assert capfd.readouterr() == ("", "")


def test_a_transaction_sees_the_catalogue_as_it_was_at_its_beginning(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        session.add(Setting(name="a", value="old"))
    with catalog.transaction() as reader:
        assert reader.scalar(select(Setting.value)) == "old"
        if catalog.on_server:
            with catalog.transaction() as writer:
                writer.merge(Setting(name="a", value="new"))
            assert reader.scalar(select(Setting.value)) == "old"


# What databases differ in


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plain", "plain"),
        ("nul\0 inside\0", "nul inside"),
        ("caf\udce9", "caf\ufffd"),
        ("\udfb8\ud83c is half", "\ufffd\ufffd is half"),
        ("🎸 \u2028 \x01 ﷺ", "🎸 \u2028 \x01 ﷺ"),
    ],
)
def test_texts_of_odd_files_are_kept_as_far_as_text_can_be(catalog: Catalog, given: str, kept: str) -> None:
    fields = ("title", "artist", "album", "search_text", "label", "label_group", "warning", "error_message")
    with catalog.transaction() as session:
        new_track(session, Root(path="/music"), "a", file_genres=[given], **dict.fromkeys(fields, given))
    with catalog.transaction() as session:
        track = session.scalars(select(Track)).one()
        assert [getattr(track, field) for field in fields] == [kept] * len(fields)
        assert track.file_genres == [given]  # JSON has escapes for it
        assert session.scalar(select(func.count()).where(Track.search_text.contains(given))) == 1


def test_large_numbers(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        values = {"size": 2**62, "mtime_ns": -(2**62), "plays": LARGEST, "year": LARGEST}
        new_track(session, Root(path="/music"), "a", **values)
    with catalog.transaction() as session:
        track = session.scalars(select(Track)).one()
        assert {name: getattr(track, name) for name in values} == values
        assert session.get(Track, LARGEST) is None


def test_the_longest_path_can_be_kept_and_found(catalog: Catalog) -> None:
    name = np.random.default_rng(3).bytes(LONGEST_PATH).hex()[:LONGEST_PATH]  # hardly to be compressed
    with catalog.transaction() as session:
        track = new_track(session, Root(path="/music"), name)
        assert at_path(session, f"/music/{name}") is track


def test_patches_of_more_tracks_than_a_query_can_name(catalog: Catalog) -> None:
    random = np.random.default_rng(1)
    rows = [segment_row(random) for _ in range(2)]
    with catalog.transaction() as session:
        root = Root(path="/music")
        ids = []
        for number, row in enumerate(rows):
            track = new_track(session, root, str(number))
            store_segments(session, track, [row], TRUNK, BUNDLE)
            ids.append(track.id)
        unknown = range(1000, 70_000)
        found = track_patches(session, [ids[1], *unknown, ids[0]], TRUNK, 3.0)
    assert set(found) == set(ids)
    for track_id, row in zip(ids, rows, strict=True):
        assert_array_equal(found[track_id].embeddings, row.patches.astype(np.float16).astype(np.float32))


def test_predictions_are_summed_in_one_order_whatever_was_rewritten(catalog: Catalog) -> None:
    random = np.random.default_rng(2)
    rows = [segment_row(random, 30.0 * i, 30.0 * i + 1 + i) for i in range(6)]
    with catalog.transaction() as session:
        track = new_track(session, Root(path="/music"), "a")
        store_segments(session, track, rows, TRUNK, BUNDLE)
    ids = np.array([track.id])
    seconds = np.array([row.end_s - row.start_s for row in rows])
    expected = (seconds @ np.stack([row.genres for row in rows]).astype(np.float64)) / seconds.sum()
    with catalog.transaction() as session:
        before = song_predictions(session, BUNDLE, ids, 10)
        np.testing.assert_allclose(before[0], expected, rtol=1e-6)
        for segment in reversed(session.scalars(select(Segment)).all()):
            segment.level_dbfs -= 1  # PostgreSQL moves a row that is written to
            session.flush()
        assert_array_equal(song_predictions(session, BUNDLE, ids, 10), before)
        assert session.scalar(select(func.length(Feature.embedding)).limit(1)) == 800


def test_a_time_comes_back_without_a_zone_whatever_the_servers_is(remote: Catalog) -> None:
    from datetime import datetime

    when = datetime(2024, 2, 28, 23, 59, 58, 123456)
    with remote.transaction() as session:
        new_track(session, Root(path="/music"), "a", last_played=when)
        assert session.scalar(text("SHOW timezone")) == "Asia/Kolkata"
    with remote.transaction() as session:
        assert session.scalar(select(Track.last_played)) == when


# A writer whose lock is lost


def cut(server: Server, lock: WriterLock) -> None:
    """End the lock's own connection, and no other."""
    server.execute(f"SELECT pg_terminate_backend({lock.backend})")
    while server.ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {lock.backend}"):
        threading.Event().wait(0.01)


def test_a_writer_whose_lock_is_lost_writes_nothing_more(server: Server, remote: Catalog) -> None:
    url = remote.engine.url
    with server_writer_lock(url) as lock:
        remote.writer_lock = lock
        with remote.transaction() as session:
            session.add(Setting(name="before", value="kept"))
        cut(server, lock)
        with pytest.raises(LockLostError) as caught, remote.transaction() as session:
            session.add(Setting(name="after", value="unguarded"))
    assert "\n" not in str(caught.value)
    assert server_name(url) in str(caught.value)
    with server_writer_lock(url) as again:
        with pytest.raises(LockLostError), remote.transaction():  # another's lock is not the one lost
            pass
        remote.writer_lock = again
        with remote.transaction() as session:
            assert session.scalars(select(Setting.name)).all() == ["before"]


def test_the_next_writer_waits_for_a_transaction_that_was_begun_under_the_lock(
    server: Server, remote: Catalog
) -> None:
    url, order = remote.engine.url, list[str]()

    def write_next() -> None:
        with server_writer_lock(url):
            order.append("next")

    with server_writer_lock(url) as lock:
        remote.writer_lock = lock
        with remote.transaction() as session:
            cut(server, lock)
            other = threading.Thread(target=write_next)
            other.start()
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while not server.ask(waiting):
                threading.Event().wait(0.01)
            session.add(Setting(name="a", value="b"))
            order.append("first")
        other.join()
    assert order == ["first", "next"]
