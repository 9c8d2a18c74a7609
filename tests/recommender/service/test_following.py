"""A service of several: its home has the bundle and the index of the one that it follows."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import func, select

from db.models import Prediction
from db.sound.features import renew_vectors_token
from recommender.home import Home
from recommender.retrieval.index import store
from recommender.retrieval.index.files import read_sidecar
from recommender.service.state import State
from tests.postgres import Server
from tests.recommender.support import Library, deepcuts

pytestmark = pytest.mark.databases("sqlite")  # the library that others use; this catalogue is on the server


class Shared:
    """A home that ingest and train write to, its catalogue on a server."""

    def __init__(self, home: Path, url: str, music: Path) -> None:
        self.home, self.url, self.music = home, url, music

    def run(self, *words: str | Path) -> Any:
        ran = deepcuts(self.home, "--database", self.url, *words, "--json")
        assert ran.code == 0, ran.err
        return ran.json


@pytest.fixture
def shared(ingested: Library, server: Server, tmp_path: Path) -> Shared:
    made = Shared(tmp_path / "shared", server.new_catalog_database(), ingested.music)
    made.run("ingest", made.music, "--labels", "folders", "--jobs", "1")
    return made


@pytest.fixture
def state(shared: Shared, tmp_path: Path) -> Iterator[State]:
    """A service whose home follows it."""
    held = State(Home(tmp_path / "own", shared.url, shared.home))
    yield held
    held.close()


def predicted_by(state: State) -> dict[str, int]:
    """Return how many segments have genres of each bundle."""
    counted = select(Prediction.bundle_id, func.count()).group_by(Prediction.bundle_id)
    with state.session() as session:
        return {bundle_id: int(segments) for bundle_id, segments in session.execute(counted)}


def refuse(*_: object) -> NoReturn:
    raise AssertionError("the index was built here")


def test_index_and_bundle_are_those_of_the_other_home(
    shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "build", refuse)
    state = State(Home(tmp_path / "own", shared.url, shared.home))
    assert len(state.held.index) == 11
    assert read_sidecar(state.home.index_dir) == read_sidecar(shared.home / "index")
    state.close()


def test_what_is_trained_there_is_in_use_here(
    shared: Shared, state: State, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = State(Home(tmp_path / "plain", shared.url))  # has a bundle of its own, and keeps it
    shipped = state.held.bundle.bundle_id
    trained = shared.run("train", shared.music, "--labels", "folders", "--folds", "2", "--jobs", "1")
    for one in (state, plain):
        one.refresh()
    assert state.held.bundle.bundle_id == trained["bundle_id"]
    assert plain.held.bundle.bundle_id == shipped
    assert predicted_by(state) == {shipped: 11, trained["bundle_id"]: 11}, "the other service shows the older"
    shutil.move(shared.home, tmp_path / "away")
    state.refresh()
    assert state.held.bundle.bundle_id == trained["bundle_id"], "storage that is away names no bundle"
    assert caplog.messages == []
    plain.close()


def test_the_last_that_leaves_a_bundle_drops_its_predictions(
    shared: Shared, state: State, tmp_path: Path
) -> None:
    late = Home(tmp_path / "late", shared.url, shared.home)
    State(late).close()  # at the switch it does not run
    shipped = state.held.bundle.bundle_id
    trained = shared.run("train", shared.music, "--labels", "folders", "--folds", "2", "--jobs", "1")
    assert predicted_by(state) == {shipped: 11, trained["bundle_id"]: 11}
    state.refresh()
    assert predicted_by(state) == {shipped: 11, trained["bundle_id"]: 11}, "another needs them yet"
    State(Home(late.path, shared.url, shared.home)).close()
    assert predicted_by(state) == {trained["bundle_id"]: 11}


def test_where_the_other_home_lags_it_has_time_before_the_index_is_built_here(
    shared: Shared, state: State
) -> None:
    before = state.held
    with state.session() as session:
        renew_vectors_token(session)
    state.refresh()
    assert state.held is before
    state.refresh()
    assert state.held is not before
    own = read_sidecar(state.home.index_dir)
    state.refresh()
    assert read_sidecar(state.home.index_dir) == own, "the older one came back"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--follow is for homes that share a catalogue on a server: name that with --database"),
        (("--database", "postgresql+psycopg://nobody@/none"), "--follow names this very home: leave it out"),
    ],
)
def test_who_can_follow(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ran = deepcuts(tmp_path, *words, "serve", "--port", "0", "--follow", tmp_path)
    assert (ran.code, ran.err) == (1, f"deepcuts: {said}\n")
