"""What the service holds in memory while the catalogue changes under it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock

from db.sound.features import renew_vectors_token
from recommender import params
from recommender.errors import RecommenderError
from recommender.home import Home
from recommender.service.state import State
from tests.recommender.support import Library, write_song
from tests.waiting import until


@pytest.fixture
def library(tmp_path: Path, ingested: Library) -> Library:
    return ingested.clone(tmp_path)


@pytest.fixture
def state(library: Library) -> Iterator[State]:
    held = State(Home(library.home))
    yield held
    held.close()


def tracks_held(state: State) -> set[int]:
    return set(state.held.index.rows.track_ids.tolist())


def test_it_holds_what_the_catalogue_has(state: State, library: Library) -> None:
    assert tracks_held(state) == library.indexed()
    assert len(tracks_held(state)) == 10
    before = state.held
    state.refresh()
    assert state.held is before


def test_an_index_that_an_ingest_published_is_taken_up(state: State, library: Library) -> None:
    before = tracks_held(state)
    write_song(library.music / "new.flac", 77)
    library.ingest()
    state.refresh()
    assert tracks_held(state) > before
    assert tracks_held(state) == library.indexed()


def test_the_one_it_holds_answers_while_another_writes(state: State, library: Library) -> None:
    before = state.held
    with FileLock(library.home / "writer.lock"):
        with state.session() as session:  # as each track does that an ingest stores
            renew_vectors_token(session)
        state.refresh()
        assert state.held is before
    state.refresh()
    assert state.held is not before
    assert tracks_held(state) == set(before.index.rows.track_ids.tolist())
    assert library.indexed()  # and it is the one on disk again


def test_an_index_that_grows_while_an_ingest_goes_on_is_taken_up(state: State, library: Library) -> None:
    before = state.held
    write_song(library.music / "new.flac", 77)
    library.ingest()
    now = library.indexed()
    with FileLock(library.home / "writer.lock"):
        with state.session() as session:  # the ingest has gone on since it published that
            renew_vectors_token(session)
        state.refresh()
        larger = state.held
        assert tracks_held(state) == now > set(before.index.rows.track_ids.tolist())
        with state.session() as session:
            renew_vectors_token(session)
        state.refresh()
        assert state.held is larger  # and once


def test_where_only_reading_is_allowed_it_waits_until_the_catalogue_is_still(
    state: State, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_home: Home, **_: float) -> NoReturn:
        raise RecommenderError("the home directory cannot be written")

    monkeypatch.setattr(Home, "writer_lock", refuse)
    before = state.held
    for _ in range(2):
        with state.session() as session:
            renew_vectors_token(session)
        state.refresh()
        assert state.held is before
    state.refresh()
    assert state.held is not before


def test_another_bundle_is_taken_up(state: State, library: Library) -> None:
    before = state.held.bundle.bundle_id
    report = library.run("train", library.music, "--labels", "folders", "--json")
    assert report.code == 0, report.err
    state.refresh()
    assert state.held.bundle.bundle_id not in (before, None)
    assert state.held.bundle.bundle_id == Home(library.home).bundle().bundle_id


def test_it_looks_by_itself_and_outlives_a_bundle_that_is_gone(
    state: State, library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(params, "LOOK_FOR_INDEX_S", 0.05)
    looks: list[None] = []
    refresh = state.refresh
    monkeypatch.setattr(state, "refresh", lambda: (looks.append(None), refresh()))
    state.start()
    active = library.home / "bundles" / "active"
    gone = active.with_name("named")
    gone.write_text("bundle-that-is-gone")
    gone.replace(active)  # it looks meanwhile, and would find an empty file
    until(lambda: "bundle-that-is-gone" in caplog.text)
    before = len(looks)
    until(lambda: len(looks) > before + 5)
    assert len(caplog.records) == 1
    active.unlink()
    write_song(library.music / "new.flac", 77)
    library.ingest()
    until(lambda: tracks_held(state) == library.indexed())


def test_a_home_without_a_catalogue_holds_nothing(tmp_path: Path) -> None:
    empty = State(Home(tmp_path / "home"))
    assert len(empty.held.index) == 0
    empty.close()
