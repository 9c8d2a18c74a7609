"""An index that is published while the catalogue is being filled."""

from pathlib import Path

import pytest

from db.ingest_progress import ingest_progress
from recommender.home import Home
from recommender.retrieval.index import growing
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.growing import GrowingIndex
from tests.databases import query
from tests.recommender import support
from tests.recommender.support import Library, write_library, write_song


def sidecar_of(home: Path) -> tuple[str, int, int]:
    found = read_sidecar(home / "index")
    assert found is not None
    return found.fingerprint, found.tracks, found.frozen_at_tracks


def test_a_first_ingest_publishes_now_and_then_and_ends_with_the_same_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music = write_library(tmp_path / "music")
    support.ingest(tmp_path / "plain", music, "--jobs", "1")
    seen: list[int] = []
    opened = growing.open_index

    def noting(*arguments: object, **more: object) -> object:
        made = opened(*arguments, **more)  # type: ignore[arg-type]
        seen.append(len(made[0].rows.track_ids))
        return made

    monkeypatch.setattr(growing, "FIRST_TRACKS", 2)
    monkeypatch.setattr(growing, "LEAST_PAUSE", 0.0)
    monkeypatch.setattr(growing, "open_index", noting)
    support.ingest(tmp_path / "grown", music, "--jobs", "1")
    assert len(seen) >= 2
    assert seen == sorted(set(seen))
    assert sidecar_of(tmp_path / "grown") == sidecar_of(tmp_path / "plain")
    home = Home(tmp_path / "grown")
    with home.existing_catalog().snapshot() as session:
        assert ingest_progress(session) is None
    home.close()


def test_an_ingest_of_a_few_more_songs_publishes_nothing_between(
    tmp_path: Path, ingested: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ingested.clone(tmp_path)
    for seed in range(3):
        write_song(library.music / f"new {seed}.flac", 70 + seed)
    monkeypatch.setattr(growing, "FIRST_TRACKS", 2)
    monkeypatch.setattr(growing, "open_index", lambda *_, **__: pytest.fail("it was published"))
    library.ingest()
    assert sidecar_of(library.home)[1] == len(library.indexed())


def test_a_folder_that_cannot_be_written_is_left_alone(
    tmp_path: Path, ingested: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ingested.clone(tmp_path)
    query(library.home, "UPDATE setting SET value = 'another' WHERE name = 'vectors_token'")
    home = Home(library.home)
    file = tmp_path / "no folder"
    file.write_text("")
    grown = GrowingIndex(home.existing_catalog(), file / "index", home.bundle().trunk_id)
    for done in (19, 20, 39, 40, 400):
        grown.moved(done, 1000)
    assert (grown.published, grown.to_build_anew()) == (0, False)
    home.close()
