"""Writing into files: whole at every moment, recorded before, taken back after, refused where it must be."""

import errno
import fcntl
import os
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from classifier.audio.audio_hash import audio_hash
from db.models import Root, TagWrite, Track
from db.session import Catalog
from db.tracks import by_ids
from recommender.errors import TagError
from recommender.file_tags import formats, genre_fields, stored_tags
from recommender.file_tags.read import read_tags
from recommender.tagging import write
from recommender.tagging.recover import recover
from recommender.tagging.tagger import undo_files
from recommender.tagging.targets import tagged_file
from recommender.tagging.write import STEPS, replace_tags
from tests import databases, synth
from tests.recommender import tag_files

KINDS = ("tagged.mp3", "plain.flac", "tagged.m4a", "tagged.ape")
"""Steps do not depend on the format, but for one; `test_tag_formats` has them all."""


@dataclass
class Shelf:
    """A folder of files, and a catalogue that knows them."""

    music: Path
    catalog_path: Path
    catalog: Catalog

    def add(self, name: str, path: Path | None = None) -> Path:
        """Put a file there, if there is none, and into the catalogue."""
        path = path or tag_files.make(self.music, name)
        status = path.stat()
        with self.catalog.transaction() as session:
            root = session.query(Root).one_or_none() or Root(path=str(self.music))
            session.add(
                Track(
                    root=root,
                    rel_path=str(path.relative_to(self.music)),
                    size=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                    content_hash=audio_hash(path),
                    file_genres=read_tags(path).genres,
                )
            )
        return path

    def row(self, path: Path) -> Track:
        with self.catalog.transaction() as session:
            found = by_ids(session, [number for (number,) in session.query(Track.id)]).values()
            return next(track for track in found if track.path == str(path))

    def records(self) -> list[TagWrite]:
        with self.catalog.transaction() as session:
            return list(session.query(TagWrite).order_by(TagWrite.id))

    def tag(self, path: Path, genre: str = "Rock", **more: bool) -> str | None:
        """Write a genre as `tag --write` does; return what could not be kept."""
        before = formats.load(path)
        after = before.with_entries((*before.inherited, *before.entries))
        after = genre_fields.with_field(after, "genre", [genre])
        after = genre_fields.with_field(after, "scores", [genre_fields.scores_text({"genre": {genre: 0.5}})])
        return replace_tags(self.catalog, tagged_file(self.row(path)), before, after, **more)

    def undo(self) -> list[str | None]:
        """Take all back; return why files were skipped."""
        _, outcomes = undo_files(self.catalog, None, write=True)
        return [outcome.skipped for outcome in outcomes]

    def killed(self, step: str, action: Callable[["Shelf"], object]) -> None:
        """Do something in a process of its own, which is killed once a step is done."""
        self.catalog.engine.dispose()
        child = os.fork()
        if child == 0:
            write.reached = lambda done: os.kill(os.getpid(), signal.SIGKILL) if done == step else None
            try:
                action(Shelf(self.music, self.catalog_path, databases.open_catalog(self.catalog_path)))
            finally:
                os._exit(1)
        _, ended = os.waitpid(child, 0)
        assert os.WIFSIGNALED(ended), "the step was not reached"

    def strays(self) -> list[Path]:
        return list(self.music.rglob(".*"))

    def is_current(self, path: Path) -> bool:
        """Whether the next scan finds nothing to do."""
        row, status = self.row(path), path.stat()
        same = (row.size, row.mtime_ns) == (status.st_size, status.st_mtime_ns)
        return same and row.file_genres == read_tags(path).genres and row.content_hash == audio_hash(path)


@pytest.fixture
def shelf(database: str, tmp_path: Path) -> Iterator[Shelf]:
    music = tmp_path / "music"
    music.mkdir()
    catalog_path = tmp_path / "home" / "catalog.sqlite"
    catalog = databases.open_catalog(catalog_path)
    yield Shelf(music, catalog_path, catalog)
    catalog.close()


def test_steps_are_what_is_done(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(write, "reached", done.append)
    shelf.tag(shelf.add("tagged.flac"))
    assert tuple(done) == STEPS


@pytest.mark.databases("sqlite", "postgresql")
def test_written_recorded_and_taken_back(shelf: Shelf) -> None:
    path = shelf.add("tagged.mp3")
    whole, old = path.read_bytes(), formats.load(path)
    shelf.tag(path)
    assert read_tags(path).genres == ["Rock"]
    assert shelf.is_current(path)
    (record,) = shelf.records()
    assert (record.action, record.state, record.target) == ("write", "done", str(path))
    assert set(record.before["fields"]) == {"TCON", "TXXX:DEEPCUTS"}

    assert shelf.undo() == [None]
    assert formats.load(path) == old
    assert path.read_bytes() == whole
    assert shelf.is_current(path)
    assert [record.state for record in shelf.records()] == ["undone", "done"]
    assert shelf.undo() == []
    assert shelf.strays() == []


@pytest.mark.parametrize("name", KINDS)
def test_killed_after_any_step_nothing_is_lost(shelf: Shelf, name: str) -> None:
    """Write and undo, each killed after each of their steps."""
    path = shelf.add(name)
    whole, old = path.read_bytes(), formats.load(path)
    audio = audio_hash(path)
    for step in STEPS:
        n_records = len(shelf.records())
        renamed = STEPS.index(step) >= STEPS.index("renamed")
        shelf.killed(step, lambda other: other.tag(path))
        assert (path.read_bytes() == whole) == (not renamed)
        assert audio_hash(path) == audio
        assert recover(shelf.catalog) == (step != "settled")
        assert shelf.strays() == []
        assert (read_tags(path).genres == ["Rock"]) == renamed
        assert [record.state for record in shelf.records()[n_records:]] == ["done"] * renamed

        if not renamed:
            shelf.tag(path)
        shelf.killed(step, Shelf.undo)
        restored = stored_tags.same(formats.load(path), old)
        assert restored == renamed
        assert audio_hash(path) == audio
        assert recover(shelf.catalog) == (step != "settled")
        assert shelf.strays() == []
        assert shelf.undo() == ([] if renamed else [None])
        assert stored_tags.same(formats.load(path), old)
        path.write_bytes(whole)  # padding and all


@pytest.mark.parametrize("name", ["tagged.flac", "info.wav"])
def test_undo_of_several_writes_goes_back_to_the_first(shelf: Shelf, name: str) -> None:
    path = shelf.add(name)
    whole = path.read_bytes()
    for genre in ("Rock", "Jazz", "Blues"):
        shelf.tag(path, genre)
    assert shelf.undo() == [None]
    assert path.read_bytes() == whole


def test_what_is_killed_twice_is_still_taken_back(shelf: Shelf) -> None:
    path = shelf.add("tagged.flac")
    whole = path.read_bytes()
    shelf.tag(path, "Jazz")
    shelf.killed("renamed", lambda other: other.tag(path))
    recover(shelf.catalog)
    shelf.killed("renamed", Shelf.undo)
    recover(shelf.catalog)
    assert shelf.undo() == []
    assert path.read_bytes() == whole


def test_undo_keeps_what_was_changed_by_hand(shelf: Shelf) -> None:
    path = shelf.add("tagged.mp3")
    shelf.tag(path)
    edited = genre_fields.with_field(formats.load(path), "genre", ["By Hand"])
    formats.save(path, edited)
    _, (outcome,) = undo_files(shelf.catalog, None, write=True)
    assert outcome.kept == [("genre", "changed by hand since it was written")]
    assert [change.field for change in outcome.changes] == ["scores"]
    assert read_tags(path).genres == ["By Hand"]
    assert genre_fields.scores_of(formats.load(path)) == {}
    assert shelf.undo() == [], "said once is enough"


def test_a_scan_that_is_due_stays_due(shelf: Shelf) -> None:
    """What a person changed, and no ingest has read yet, is still to be read after an undo."""
    path = shelf.add("tagged.flac")
    shelf.tag(path)
    edited = formats.load(path)
    entries = [stored_tags.TagEntry("TITLE", b"TITLE=New") if e.key == "TITLE" else e for e in edited.entries]
    formats.save(path, edited.with_entries(entries))
    assert shelf.undo() == [None]
    assert read_tags(path).title == "New"
    row = shelf.row(path)
    assert (row.size, row.mtime_ns) != (path.stat().st_size, path.stat().st_mtime_ns)


@pytest.mark.parametrize("keep", [False, True])
def test_mode_and_time_of_change(shelf: Shelf, keep: bool) -> None:
    path = tag_files.make(shelf.music, "tagged.ogg")
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18 + 1))
    shelf.add("", path)
    shelf.tag(path, keep_mtime=keep)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (path.stat().st_mtime_ns == 10**18 + 1) == keep
    assert shelf.is_current(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser gives files away")
def test_owner_is_kept(shelf: Shelf) -> None:
    path = tag_files.make(shelf.music, "tagged.ogg")
    os.chown(path, 1234, 2345)
    shelf.add("", path)
    shelf.tag(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_a_link_stays_one_and_both_paths_are_current(shelf: Shelf, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = tag_files.make(elsewhere, "tagged.flac")
    links = [shelf.music / "one.flac", shelf.music / "two.flac"]
    for link in links:
        link.symlink_to(target)
        shelf.add("", link)
    shelf.tag(links[0])
    assert all(link.is_symlink() for link in links)
    assert read_tags(target).genres == ["Rock"]
    assert all(shelf.is_current(link) for link in links)
    assert os.listdir(elsewhere) == ["tagged.flac"]


def refused(shelf: Shelf, path: Path) -> str:
    whole, row = path.read_bytes(), shelf.row(path)
    with pytest.raises(TagError) as caught:
        shelf.tag(path)
    assert path.read_bytes() == whole
    assert shelf.strays() == []
    assert shelf.records() == []
    assert (shelf.row(path).size, shelf.row(path).mtime_ns) == (row.size, row.mtime_ns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_be_written_are_refused(shelf: Shelf) -> None:
    path = shelf.add("tagged.flac")
    path.chmod(0o444)
    assert refused(shelf, path) == "it is read-only"
    path.chmod(0o644)
    with open(path, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert refused(shelf, path) == "another program has locked it"
    shelf.tag(path)


def test_other_audio_is_never_put_in_place(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path, save = shelf.add("tagged.flac"), formats.save

    def broken(copy: Path, tags: stored_tags.StoredTags) -> None:
        save(copy, tags)
        data = bytearray(copy.read_bytes())
        data[-200] ^= 1
        copy.write_bytes(data)

    monkeypatch.setattr(formats, "save", broken)
    assert "audio would not stay the same" in refused(shelf, path)
    monkeypatch.setattr(formats, "save", lambda copy, tags: None)
    assert "tags would not be as they should" in refused(shelf, path)


def test_a_full_disk_leaves_the_file(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shelf.add("tagged.flac")

    def full(source: Path, copy: Path) -> None:
        copy.write_bytes(b"part")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    assert refused(shelf, path) == "it cannot be used: no space left on device"


def test_a_file_that_changes_meanwhile_is_left(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shelf.add("tagged.flac")
    changed = genre_fields.with_field(formats.load(path), "genre", ["By Hand"])

    def edit(step: str) -> None:
        if step == "verified":
            formats.save(path, changed)

    monkeypatch.setattr(write, "reached", edit)
    with pytest.raises(TagError, match="changed by another program meanwhile"):
        shelf.tag(path)
    assert read_tags(path).genres == ["By Hand"]
    assert (shelf.strays(), shelf.records()) == ([], [])


def test_what_cannot_be_settled_now_is_settled_later(shelf: Shelf) -> None:
    """As where a disk is not mounted: the copy there is not forgotten."""
    path = shelf.add("tagged.flac")
    shelf.killed("copied", lambda other: other.tag(path))
    away = shelf.music.rename(shelf.music.with_name("away"))
    recover(shelf.catalog)
    away.rename(shelf.music)
    assert len(shelf.strays()) == 1
    recover(shelf.catalog)
    assert shelf.strays() == []
    assert shelf.records() == []


@pytest.mark.parametrize(
    ("call", "lost"),
    [
        ("chmod", "its permissions could not be kept: its file system refuses that"),
        ("utime", "its time of change could not be kept: its file system refuses that"),
        ("setxattr", None),
        ("link", None),
    ],
)
def test_what_a_file_system_does_not_have_is_done_without(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, call: str, lost: str | None
) -> None:
    path = shelf.add("tagged.flac")
    path.chmod(0o664)

    def refuse(*_arguments: object, **_more: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, call, refuse)
    assert shelf.tag(path, keep_mtime=True) == lost
    assert read_tags(path).genres == ["Rock"]
    assert (stat.S_IMODE(path.stat().st_mode) == 0o664) == (call != "chmod")
    assert shelf.is_current(path)
    assert shelf.strays() == []


def test_a_folder_that_cannot_be_synced_undoes_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shelf.add("tagged.flac")
    whole, sync = path.read_bytes(), os.fsync

    def of_files_alone(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files_alone)
    assert shelf.tag(path) is None
    assert [record.state for record in shelf.records()] == ["done"]
    assert shelf.is_current(path)
    assert shelf.undo() == [None]
    assert path.read_bytes() == whole


def test_a_file_system_that_syncs_nothing_takes_tags(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shelf.add("tagged.flac")
    whole = path.read_bytes()

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    assert shelf.tag(path) is None
    assert read_tags(path).genres == ["Rock"]
    assert shelf.undo() == [None]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_the_next_run_goes_on_without_an_ingest(shelf: Shelf, step: str) -> None:
    path = shelf.add("tagged.flac")
    shelf.killed(step, lambda other: other.tag(path))
    recover(shelf.catalog)
    assert shelf.is_current(path)
    shelf.tag(path, "Jazz")
    assert read_tags(path).genres == ["Jazz"]


def test_after_a_kill_another_recording_in_the_place_of_a_file_is_noticed(shelf: Shelf) -> None:
    path = shelf.add("tagged.flac")
    shelf.killed("renamed", lambda other: other.tag(path))
    tags = formats.load(path)
    synth.write_flac(path, synth.tone(2.0, 333.0))
    formats.save(path, tags)
    recover(shelf.catalog)
    assert not shelf.is_current(path)
