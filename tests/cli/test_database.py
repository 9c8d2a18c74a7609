"""The command line on a catalogue that is on a PostgreSQL server: the same rows, the same answers."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, select, text

from db.backends.server import LONGEST_PATH, server_url, server_writer_lock
from db.models import Feature, Prediction, Segment, Track
from db.session import Catalog, open_server_catalog
from tests.postgres import Server
from tests.processes import group_members
from tests.recommender import held_ingest, support
from tests.recommender.support import Library, Ran, counts, deepcuts
from tests.waiting import until

# One side of each comparison is always a file.
pytestmark = pytest.mark.databases("sqlite")

SECRET = "s3cret&word"


class Remote:
    """A home whose catalogue is in a database."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url

    def run(self, *arguments: str | Path | int) -> Ran:
        return deepcuts(self.home, "--database", self.url, *arguments)

    def slow_down(self) -> None:
        """Let the database take half a second for each track that is stored, however busy the machine."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
                    "'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END'"
                )
            )
            connection.execute(
                text("CREATE TRIGGER wait AFTER INSERT ON segment FOR EACH STATEMENT EXECUTE FUNCTION wait()")
            )

    @contextmanager
    def ingesting(self, music: Path) -> Iterator["subprocess.Popen[bytes]"]:
        """Ingest in a process of its own, which is ended by force if it is still there at the end.

        It waits before its last track until there is a file `released` in the home.
        """
        self.slow_down()
        held = held_ingest.command(len(support.SONGS) - 1, self.home / "released")
        command = [*held, "--home", str(self.home), "--database", self.url, "ingest", str(music)]
        process = subprocess.Popen(
            [*command, "--jobs", "1", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=support.environment(),
            start_new_session=True,
        )
        try:
            until(lambda: self.n_rows() >= 2)
            os.killpg(process.pid, signal.SIGSTOP)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def ingest(self, music: Path) -> Any:
        ran = self.run("ingest", music, "--json", "--jobs", "1")
        assert ran.code == 0, ran.err
        return ran.json

    @contextmanager
    def catalog(self) -> Iterator[Catalog]:
        opened = open_server_catalog(self.url)
        try:
            yield opened
        finally:
            opened.close()

    def analyses(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what `support.analyses` does of a catalogue in a file."""
        query = (
            select(Segment.start_s, Segment.end_s, Feature.embedding, Feature.tags, Prediction.genres)
            .outerjoin(Feature, Feature.segment_id == Segment.id)
            .outerjoin(Prediction, Prediction.segment_id == Segment.id)
            .order_by(Segment.start_s)
        )
        with self.catalog() as catalog, catalog.transaction() as session:
            return {
                track.path: [tuple(row) for row in session.execute(query.where(Segment.track_id == track.id))]
                for track in session.scalars(select(Track))
            }

    def n_rows(self) -> int:
        """Return how many tracks are stored so far."""
        with self.catalog() as catalog, catalog.transaction() as session:
            return len(session.scalars(select(Track.id).where(Track.analysed_hash.is_not(None))).all())


@pytest.fixture(scope="module")
def remote(ingested: Library, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """The same library in a database that was empty; only to be read."""
    made = Remote(tmp_path_factory.mktemp("remote") / "home", server.new_database())
    report = made.ingest(ingested.music)
    assert counts(report) == {"found": len(support.SONGS), "analysed": len(support.SONGS)}
    return made


def test_the_same_rows(ingested: Library, remote: Remote) -> None:
    assert remote.analyses() == support.analyses(ingested.home)
    described = ("title", "artist", "album", "year", "search_text", "duration_s", "size", "mtime_ns")
    rows = support.tracks(ingested.home)
    with remote.catalog() as catalog, catalog.transaction() as session:
        for track in session.scalars(select(Track)):
            assert [getattr(track, name) for name in described] == [rows[track.path][n] for n in described]


def without_ids(answer: Any) -> Any:
    """Leave out the tracks' ids: they are given in the order in which files happen to be done."""
    if isinstance(answer, dict):
        return {name: without_ids(value) for name, value in answer.items() if name != "track_id"}
    return [without_ids(value) for value in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize(
    "arguments",
    [
        ("similar", "alpha"),
        ("similar", "kappa", "--discover", "0.3", "--genre", "rock"),
        ("find", "guitar", "-n", "3"),
        ("duplicates",),
        ("tag",),
    ],
    ids=" ".join,
)
def test_the_same_answers(ingested: Library, remote: Remote, arguments: tuple[str, ...]) -> None:
    here, there = deepcuts(ingested.home, *arguments, "--json"), remote.run(*arguments, "--json")
    assert there.code == 0, there.err
    assert there.code == here.code
    assert_nearly(without_ids(there.json), without_ids(here.json))


def assert_nearly(one: Any, other: Any) -> None:
    """Compare answers: files are stored in the order that they are done in, which moves last digits."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_nearly(value, other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_nearly(left, right)
    else:
        assert one == (pytest.approx(other, abs=3e-6) if isinstance(other, float) else other)


def test_all_but_the_catalogue_is_in_the_home(ingested: Library, remote: Remote) -> None:
    assert not (remote.home / "catalog.sqlite").exists()
    assert {Path(name).name for name in support.index_files(remote.home)} == {
        Path(name).name for name in support.index_files(ingested.home)
    }
    status = remote.run("status", "--json").json
    assert (status["home"], status["index"]) == (str(remote.home), "current")
    assert status["database"] == f"postgresql+psycopg://deepcuts@/{make_url(remote.url).database}"


def test_another_machine_makes_an_index_of_its_own(remote: Remote, tmp_path: Path) -> None:
    first = remote.run("similar", "alpha", "--json")
    other = deepcuts(tmp_path, "similar", "alpha", "--json", DEEPCUTS_DATABASE=remote.url)
    assert other.code == 0, other.err
    assert other.json["results"] == first.json["results"]
    assert any((tmp_path / "index").iterdir())


def test_plays_relocate_and_another_ingest(ingested: Library, server: Server, tmp_path: Path) -> None:
    copy = ingested.clone(tmp_path)
    own = Remote(copy.home, server.new_database())
    own.ingest(copy.music)
    (tmp_path / "plays.csv").write_text(f"path,plays\n{copy.music / 'rock/alpha.mp3'},7\n")
    assert own.run("plays", "import", tmp_path / "plays.csv").code == 0
    os.rename(copy.music, tmp_path / "moved")
    (tmp_path / "moved/rock/alpha.mp3").rename(tmp_path / "moved/other.mp3")
    (tmp_path / "moved/bad.mp3").write_text("not audio")
    assert own.run("relocate", copy.music, tmp_path / "moved").code == 0
    ran = own.run("ingest", tmp_path / "moved", "--json", "--jobs", "1")
    assert ran.code == 3
    assert counts(ran.json) == {
        "found": len(support.SONGS) + 1,
        "unchanged": len(support.SONGS) - 1,
        "moved": 1,
        "failed": 1,
    }
    with own.catalog() as catalog, catalog.transaction() as session:
        played = session.scalars(select(Track).where(Track.plays > 0)).one()
        assert (played.path, played.plays) == (str(tmp_path / "moved/other.mp3"), 7)
    assert str(tmp_path / "moved/bad.mp3") in own.run("failures").out


def test_a_path_too_long_for_the_database_fails_alone(server: Server, tmp_path: Path) -> None:
    own = Remote(tmp_path / "home", server.new_catalog_database())
    far = tmp_path.joinpath("music", *(str(n) * 250 for n in range(10)))
    room = LONGEST_PATH - len(os.fsencode(far)) - len("/.flac")
    far.mkdir(parents=True)
    good = support.write_song(tmp_path / "a.flac", 1).rename(far / f"{'a' * room}.flac")
    bad = support.write_song(tmp_path / "b.flac", 2).rename(far / f"{'b' * (room + 1)}.flac")
    ran = own.run("ingest", tmp_path / "music", "--json", "--jobs", "1")
    assert ran.code == 3, ran.err
    assert counts(ran.json) == {"found": 1, "analysed": 1, "failed": 1}
    assert [(f["path"], f["kind"]) for f in ran.json["failed"]] == [(str(bad), "path_too_long")]
    assert list(own.analyses()) == [str(good)]


def test_killed_in_the_middle_then_finished(ingested: Library, server: Server, tmp_path: Path) -> None:
    own = Remote(tmp_path / "home", server.new_catalog_database())
    with own.ingesting(ingested.music) as process:
        kept = own.analyses()
        assert 2 <= len(kept) < len(support.SONGS)
    until(lambda: not group_members(process.pid))
    expected = support.analyses(ingested.home)
    assert {path: expected[path] for path in kept} == kept, "a track was stored in part"
    report = own.ingest(ingested.music)
    assert report["unchanged"] >= len(kept)
    assert report["unchanged"] + report["analysed"] == len(support.SONGS)
    assert own.analyses() == expected


def test_an_ingest_whose_lock_is_cut_stops_with_a_line_and_the_next_goes_on(
    ingested: Library, server: Server, tmp_path: Path
) -> None:
    own = Remote(tmp_path / "home", server.new_catalog_database())
    with own.ingesting(ingested.music) as process:
        kept = own.n_rows()
        assert kept < len(support.SONGS)
        name = make_url(own.url).database
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON oid = database "
            f"WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND datname = '{name}'"
        )
        (own.home / "released").touch()
        os.killpg(process.pid, signal.SIGCONT)
        out, err = process.communicate(timeout=support.TIMEOUT_S)
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == (
        f"deepcuts: the connection that kept other writers away from postgresql+psycopg://deepcuts@/{name} "
        "was lost; what was stored is kept, so do the same again to go on\n"
    )
    assert kept <= own.n_rows() < len(support.SONGS)
    own.ingest(ingested.music)
    assert own.analyses() == support.analyses(ingested.home)


def test_a_writer_elsewhere_keeps_others_away_but_no_reader(
    ingested: Library, remote: Remote, tmp_path: Path
) -> None:
    with server_writer_lock(server_url(remote.url)):
        ran = Remote(tmp_path, remote.url).run("ingest", ingested.music)
        assert remote.run("similar", "alpha").code == 0
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "deepcuts: another deepcuts is writing to "
        f"postgresql+psycopg://deepcuts@/{make_url(remote.url).database}; wait until it is done, or stop it\n"
    )


def test_nothing_ingested_yet_is_one_plain_line(server: Server, tmp_path: Path) -> None:
    url = server.new_database()
    for command in (("similar", "1"), ("status",)):
        ran = Remote(tmp_path, url).run(*command)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == (
            f"deepcuts: the catalogue at postgresql+psycopg://deepcuts@/{make_url(url).database} is empty; "
            "fill it with: deepcuts ingest FOLDER\n"
        )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"mysql://me:{SECRET}@host/music", "the database is not the address of a PostgreSQL server"),
        (f"postgresql://me:{SECRET}@/music?host=/nowhere/at/all", "cannot be used: "),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/music", "cannot be used: "),
    ],
)
@pytest.mark.parametrize("command", ["status", "ingest"])
def test_a_database_that_cannot_be_reached_is_one_plain_line(
    tmp_path: Path, url: str, said: str, command: str
) -> None:
    pytest.importorskip("psycopg")
    more = [str(tmp_path)] if command == "ingest" else []
    ran = deepcuts(tmp_path / "home", "--database", url, command, *more)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: the ")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert SECRET not in ran.err


def test_an_empty_variable_means_the_home(ingested: Library) -> None:
    ran = deepcuts(ingested.home, "status", "--json", DEEPCUTS_DATABASE="")
    assert ran.json["database"] == str(ingested.home / "catalog.sqlite")
