"""One writer at a time; readers are never kept waiting."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from db.models import Setting
from recommender.errors import HomeLockedError
from tests.databases import home_at, open_catalog
from tests.recommender.support import Library, query


@pytest.mark.parametrize(
    "command",
    [
        ["ingest", "{music}"],
        ["tag", "{music}"],
        ["train"],
        ["train", "--use", "shipped"],
        ["relocate", "{music}", "{music}/rock"],
    ],
    ids=" ".join,
)
def test_every_writer_is_refused_while_the_lock_is_held(library: Library, command: list[str]) -> None:
    with home_at(library.home).writer_lock():
        ran = library.run(*(word.format(music=library.music) for word in command))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"deepcuts: another deepcuts is writing to {library.home}; wait until it is done, or stop it\n"
    )


def test_readers_work_while_the_lock_is_held_and_a_write_is_under_way(library: Library) -> None:
    catalog = open_catalog(library.home / "catalog.sqlite")
    with home_at(library.home).writer_lock(), catalog.transaction() as session:
        session.merge(Setting(name="under way", value="yes"))
        session.flush()
        assert len(library.similar("alpha", "-n", 3)["results"]) == 3
        assert library.run("status", "--json").json["index"] == "current"
        assert library.run("failures").code == 0
        assert library.run("tag").code == 0
    catalog.close()
    assert query(library.home, "SELECT value FROM setting WHERE name = 'under way'")[0][0] == "yes"


def test_lock_is_free_again_after_an_error(library: Library) -> None:
    home = home_at(library.home)
    with pytest.raises(RuntimeError, match="inside"), home.writer_lock():
        raise RuntimeError("inside")
    with home.writer_lock(), pytest.raises(HomeLockedError), home_at(library.home).writer_lock():
        pass
    with home.writer_lock():
        pass


def test_a_command_waits_for_who_only_looks_whether_anybody_writes(library: Library) -> None:
    with ThreadPoolExecutor() as pool:
        with home_at(library.home).writer_lock(wait_s=0):
            waiting = pool.submit(_locked, library, 60.0)
            with pytest.raises(HomeLockedError):
                _locked(library, 0.0)
        assert waiting.result(), "it had the lock as soon as it was free"


def _locked(library: Library, wait_s: float) -> bool:
    with home_at(library.home).writer_lock(wait_s):
        return True
