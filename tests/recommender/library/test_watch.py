"""What happens in a folder while it is ingested for the first time is not missed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from recommender.errors import RecommenderError
from recommender.library.watch import changed_folders

PATIENCE_S = 120.0


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """What ends the watch, and does so by itself in the end: nothing here waits for ever."""
    event = threading.Event()
    timer = threading.Timer(PATIENCE_S, event.set)
    timer.start()
    yield event
    timer.cancel()


@pytest.mark.parametrize("poll", [False, True])
def test_what_changes_during_the_first_ingest_is_told(
    tmp_path: Path, stop: threading.Event, poll: bool
) -> None:
    found = changed_folders([str(tmp_path)], stop, settle_s=0.1, poll=poll)
    assert next(found) == [str(tmp_path)]
    (tmp_path / "new.mp3").write_bytes(b"music")
    assert next(found, None) == [str(tmp_path)]


def test_what_changes_during_a_later_ingest_is_told(tmp_path: Path, stop: threading.Event) -> None:
    found = changed_folders([str(tmp_path)], stop, settle_s=0.1)
    next(found)
    for name in ("first.mp3", "second.mp3"):
        (tmp_path / name).write_bytes(b"music")
        assert next(found, None) == [str(tmp_path)]


def test_a_cue_sheet_is_told(tmp_path: Path, stop: threading.Event) -> None:
    found = changed_folders([str(tmp_path)], stop, settle_s=0.1)
    next(found)
    (tmp_path / "Album.CUE").write_bytes(b"sheet")
    assert next(found, None) == [str(tmp_path)]
    (tmp_path / "cover.jpg").write_bytes(b"no music")
    (tmp_path / "Album.CUE").unlink()
    assert next(found, None) == [str(tmp_path)]


def test_all_is_looked_at_after_a_rescan_s_time(tmp_path: Path, stop: threading.Event) -> None:
    folders = [str(tmp_path), str(tmp_path / "not there")]
    found = changed_folders(folders, stop, settle_s=0.1, rescan_s=0.5)
    assert next(found) == folders
    assert next(found, None) == [str(tmp_path)]


def test_a_folder_that_comes_is_watched(tmp_path: Path, stop: threading.Event) -> None:
    late = tmp_path / "late"
    found = changed_folders([str(late)], stop, settle_s=0.1, rescan_s=0.5)
    assert next(found) == [str(late)]
    late.mkdir()
    assert next(found, None) == [str(late)]
    (late / "song.mp3").write_bytes(b"music")
    assert next(found, None) == [str(late)]


def test_where_the_system_cannot_watch_all_is_ingested_once(
    tmp_path: Path, stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("OS file watch limit reached.")

    monkeypatch.setattr("recommender.library.watch.RustNotify", refuse)
    found = changed_folders([str(tmp_path)], stop)
    assert next(found) == [str(tmp_path)]
    with pytest.raises(RecommenderError, match="watch limit reached"):
        next(found)


def test_it_ends_when_told(tmp_path: Path, stop: threading.Event) -> None:
    found = changed_folders([str(tmp_path)], stop, settle_s=0.1)
    next(found)
    stop.set()
    assert next(found, None) is None
